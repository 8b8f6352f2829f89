package rewrite

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// sample is a module in the shape of Go's, small enough to read: memory, SP, and
// Go functions that loop, copy, call and exit.
type sample struct {
	names  []string
	bodies [][]byte
}

func sec(id byte, body ...byte) []byte {
	return append(appendU([]byte{id}, uint64(len(body))), body...)
}

func str(s string) []byte { return append(appendU(nil, uint64(len(s))), s...) }

func cat(bs ...[]byte) []byte { return bytes.Join(bs, nil) }

func (s sample) build() []byte {
	n := byte(len(s.bodies))
	var funcs, code, names, exports []byte
	for i, b := range s.bodies {
		funcs = append(funcs, 0)
		b = append(append([]byte{0}, b...), opEnd) // no locals
		code = append(appendU(code, uint64(len(b))), b...)
		names = cat(names, []byte{byte(i)}, str(s.names[i]))
		exports = cat(exports, str(s.names[i]), []byte{0, byte(i)})
	}
	exports = cat(exports, str("mem"), []byte{2, 0})
	return cat([]byte(header),
		sec(secType, 1, 0x60, 1, 0x7f, 1, 0x7f),
		sec(secFunc, cat([]byte{n}, funcs)...),
		sec(secMemory, 1, 0, 1),
		sec(secGlobal, 1, 0x7f, 1, opI32Const, 0x80, 0x04, opEnd), // SP = 512
		sec(secExport, cat([]byte{n + 1}, exports)...),
		sec(secCode, cat([]byte{n}, code)...),
		sec(secCustom, cat(str("name"), []byte{1}, appendU(nil, uint64(len(names)+1)), []byte{n}, names)...),
	)
}

var program = sample{
	names: []string{"m/kit_guest.raftlabSpin", "m/kit_guest.raftlabExit", "runtime.sigpanic", "main.loop", "main.copy", "os.Exit", "main.chain", "runtime.loop"},
	bodies: [][]byte{
		{opI32Const, 1, opUnreachable},
		{opI32Const, 2, opUnreachable},
		{opI32Const, 0},
		{opLoop, blockEmpty, 0x0c, 0, opEnd, opI32Const, 0}, // loop br 0
		{opI32Const, 0, opI32Const, 16, opI32Const, 0x80, 0x08, opPrefix, opMemoryCopy, 0, 0, opI32Const, 0}, // memory.copy of 1024 bytes
		{opI32Const, 0},            // os.Exit
		{opI32Const, 0, opCall, 3}, // calls main.loop
		{opLoop, blockEmpty, 0x0c, 0, opEnd, opI32Const, 0},
	},
}

func run(t *testing.T, wasm []byte, fn string, fuel int64) (api.Module, error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { r.Close(ctx) })
	m, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	m.ExportedGlobal(FuelGlobal).(api.MutableGlobal).Set(uint64(fuel))
	_, err = m.ExportedFunction(fn).Call(ctx, 0)
	return m, err
}

func TestFuel(t *testing.T) {
	wasm, err := Rewrite(program.build(), 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fn   string
		fuel int64
		left int64
		trap bool
	}{
		{"main.loop", 1000, -1, true},
		{"runtime.loop", 1000, -Overdraft - 1, true},
		{"main.copy", 1000, 1000 - 1024/16, false},
		{"main.chain", 1000, -1, true}, // one at its entry, the rest in the loop
		{"os.Exit", 1000, 1000, true},
	} {
		m, err := run(t, wasm, c.fn, c.fuel)
		if (err != nil) != c.trap {
			t.Errorf("%s: want a trap: %v, got %v", c.fn, c.trap, err)
		}
		if left := int64(m.ExportedGlobal(FuelGlobal).Get()); left != c.left {
			t.Errorf("%s: want %d of %d fuel left, got %d", c.fn, c.left, c.fuel, left)
		}
	}
}

// TestHookLooksLikeAPanicAtTheBlock reads what the inserted call leaves on Go's
// stack: the address of runtime.sigpanic, and above it the block that spins.
func TestHookLooksLikeAPanicAtTheBlock(t *testing.T) {
	wasm, err := Rewrite(program.build(), 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fn    string
		index uint64
	}{{"main.loop", 3}, {"os.Exit", 5}} {
		m, _ := run(t, wasm, c.fn, 0)
		inner, _ := m.Memory().ReadUint64Le(512 - 16)
		outer, _ := m.Memory().ReadUint64Le(512 - 8)
		if inner != (0x1000+2)<<16 || outer != (0x1000+c.index)<<16 {
			t.Errorf("%s: found %#x above %#x", c.fn, outer, inner)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	wasm, err := Rewrite(program.build(), 3)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := run(t, wasm, "main.copy", 1000)
	if _, ok := m.Memory().Grow(2); !ok {
		t.Error("memory does not grow to its bound")
	}
	if _, ok := m.Memory().Grow(1); ok {
		t.Error("memory grows beyond its bound")
	}
}

func TestRefused(t *testing.T) {
	good := program.build()
	change := func(f func(s *sample)) []byte {
		s := sample{append([]string(nil), program.names...), append([][]byte(nil), program.bodies...)}
		f(&s)
		return s.build()
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"nothing", nil, "want a WebAssembly module"},
		{"text", []byte("package raft\n"), "want a WebAssembly module"},
		{"header only", good[:8], "is missing"},
		{"cut short", good[:len(good)/2], "byte"},
		{"no kit", change(func(s *sample) { s.names[0] = "main.x" }), "not linked with the kit"},
		{"two hooks", change(func(s *sample) { s.names[4] = "x_kit_guest.raftlabSpin" }), "two functions"},
		{"unknown instruction", change(func(s *sample) { s.bodies[3] = []byte{0xfd, 0} }), "0xfd is not one that Go emits"},
		{"table.copy", change(func(s *sample) { s.bodies[3] = []byte{opPrefix, 14, 0, 0} }), "fc 14"},
		{"start function", cat(good, sec(secStart, 3)), "start function"},
		{"two memories", cat(good, sec(secMemory, 1, 0, 1)), "comes twice"},
		{"foreign import", cat(good[:8], sec(secImport, cat([]byte{1}, str("env"), str("f"), []byte{0, 0})...), good[8:]), "env.f is not of raftlab"},
		{"large data", nil, ""},
	} {
		if c.name == "large data" {
			if _, err := Rewrite(good, 0); err == nil || !strings.Contains(err.Error(), "64 KiB of memory; 0 KiB are allowed") {
				t.Errorf("%s: got %v", c.name, err)
			}
			continue
		}
		if _, err := Rewrite(c.wasm, 16); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", c.name, c.want, err)
		}
	}
	once, err := Rewrite(good, 16)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Rewrite(once, 16); err == nil || !strings.Contains(err.Error(), "rewritten before") {
		t.Errorf("a module that was rewritten: %v", err)
	}
}

// FuzzRewrite: whatever the bytes are, Rewrite returns; and what it makes of a
// valid module is valid.
func FuzzRewrite(f *testing.F) {
	good := program.build()
	f.Add(good)
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := Rewrite(b, 16)
		if err != nil {
			return
		}
		ctx := context.Background()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(16))
		defer r.Close(ctx)
		if _, err := r.CompileModule(ctx, b); err != nil {
			return
		}
		if _, err := r.CompileModule(ctx, out); err != nil {
			t.Fatalf("a valid module became invalid: %v", err)
		}
	})
}
