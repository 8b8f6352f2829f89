package rewrite

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Where a program of blocks reads whether to jump, and writes where it was.
const (
	coins   = 0x1000
	visited = 0x2000
	counter = 0x0800 // how many blocks it has been to
)

// blocks is a function of Go's shape: targets has for each block the block that it
// jumps to if a coin says so, -1 for none; else it goes on with the next. wide
// blocks have a number more than one in the table, as Go's have.
func blocks(r *rand.Rand, targets []int) []byte {
	n := len(targets)
	var table []byte
	number := make([]int64, n) // of each block in the table
	entries := 0
	for k := range n {
		for more := true; more; more = r.IntN(3) == 0 {
			number[k] = int64(entries)
			table = appendU(table, uint64(k))
			entries++
		}
	}
	b := []byte{opLoop, blockEmpty}
	for range n {
		b = append(b, opBlock, blockEmpty)
	}
	b = appendU(append(b, opLocalGet, 0, opBrTable), uint64(entries-1))
	b = append(b, table...)
	load := func(at int64) { b = append(appendS(append(b, opI32Const), at), 0x28, 2, 0) }
	for k, to := range targets {
		b = append(b, opEnd)
		open := byte(n - 1 - k) // blocks around; the loop is one more
		// visited[counter] = k; counter++
		load(counter)
		b = append(appendS(append(b, opI32Const), int64(k)), 0x3a, 0)
		b = appendU(b, visited) // i32.store8
		b = appendS(append(b, opI32Const), counter)
		load(counter)
		b = append(b, opI32Const, 1, opI32Add, 0x36, 2, 0)
		// After 100 blocks it returns.
		load(counter)
		b = append(appendS(append(b, opI32Const), 99), opI32GtU, opIf, blockEmpty, opI32Const, 0, 0x0f, opEnd)
		if to < 0 {
			continue
		}
		jump := func(depth byte) { b = append(appendS(append(b, opI32Const), number[to]), opLocalSet, 0, opBr, depth) }
		switch r.IntN(4) {
		case 0:
			jump(open)
		case 1: // with something else in the if
			load(counter)
			b = appendU(append(b, 0x2d, 0), coins) // i32.load8_u
			b = append(b, opIf, blockEmpty, 0x01)
			jump(open + 1)
			b = append(b, opElse, 0x01, opEnd)
		default:
			load(counter)
			b = appendU(append(b, 0x2d, 0), coins)
			b = append(b, opIf, blockEmpty)
			jump(open + 1)
			b = append(b, opEnd)
		}
	}
	return append(b, opI32Const, 0, 0x0f, opEnd, opUnreachable)
}

// TestJumpsForwardAreTheSame: functions of random blocks go the same way before
// and after, and burn fuel only at the entry and for jumps back.
func TestJumpsForwardAreTheSame(t *testing.T) {
	ctx := context.Background()
	direct := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		targets := make([]int, 1+r.IntN(9))
		back := false
		for k := range targets {
			targets[k] = r.IntN(len(targets)+1) - 1
			if seed%4 == 0 && targets[k] <= k {
				targets[k] = -1
			}
			back = back || targets[k] >= 0 && targets[k] <= k
		}
		s := sample{append([]string(nil), program.names...), append([][]byte(nil), program.bodies...)}
		s.names, s.bodies = append(s.names, "main.blocks"), append(s.bodies, blocks(r, targets))
		before := s.build()
		after, err := Rewrite(before, 16)
		if err != nil {
			t.Fatal(err)
		}
		sc, err := scan(append([]byte{0}, append(s.bodies[len(s.bodies)-1], opEnd)...))
		if err != nil {
			t.Fatal(err)
		}
		if sc.loops != back {
			t.Errorf("seed %d, jumps %v: it is a loop: %v", seed, targets, sc.loops)
		}
		for _, p := range sc.list {
			if p.op == opBr || p.op == opBrIf {
				direct++
			}
		}
		flips := make([]byte, 128)
		for i := range flips {
			flips[i] = byte(r.IntN(2))
		}
		way := func(wasm []byte) ([]byte, api.Module) {
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
			t.Cleanup(func() { rt.Close(ctx) })
			m, err := rt.Instantiate(ctx, wasm)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			m.Memory().Write(coins, flips)
			if _, err := m.ExportedFunction("main.blocks").Call(ctx, 0); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			n, _ := m.Memory().ReadUint32Le(counter)
			b, _ := m.Memory().Read(visited, n)
			return b, m
		}
		want, _ := way(before)
		got, m := way(after)
		if string(got) != string(want) {
			t.Fatalf("seed %d, jumps %v: it went %v, expected %v", seed, targets, got, want)
		}
		fuel := int64(0)
		if back {
			fuel++
			for i := range got[1:] {
				if got[i+1] <= got[i] {
					fuel++
				}
			}
		}
		if burnt := StartFuel - int64(m.ExportedGlobal(FuelGlobal).Get()); burnt != fuel {
			t.Errorf("seed %d, jumps %v: %d fuel for %v, expected %d", seed, targets, burnt, got, fuel)
		}
	}
	if direct < 500 {
		t.Errorf("%d jumps became direct: this test shows little", direct)
	}
}
