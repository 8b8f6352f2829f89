package host

import (
	"sort"
	"testing"

	"github.com/raftlab/raftlab/labs/kit/wire"
)

// fakeInstance has fuel and nothing else.
type fakeInstance struct{ left int64 }

func (f *fakeInstance) initialize() error       { return nil }
func (f *fakeInstance) step(int32, int64) error { return nil }
func (f *fakeInstance) fuel() int64             { return f.left }
func (f *fakeInstance) setFuel(n int64)         { f.left = n }
func (f *fakeInstance) exitCode() int64         { return 0 }
func (f *fakeInstance) close()                  {}

// FuzzHostFunctions calls the functions that a program imports with any
// arguments on any memory: they may stop the program, but not panic otherwise.
func FuzzHostFunctions(f *testing.F) {
	type named struct {
		name string
		fn   hostFunc
	}
	var all []named
	for n, fn := range wasiFuncs {
		all = append(all, named{n, fn})
	}
	for n, fn := range fileFuncs {
		all = append(all, named{n, fn})
	}
	for n, fn := range kitFuncs {
		all = append(all, named{n, fn})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })

	frame := (&wire.Frame{Kind: wire.FxCall, A: 1, B: 1, Name: "Raft.X", X: []byte("args")}).Append(nil)
	poll := make([]byte, 64)
	poll[8] = 1
	poll[16] = fdDone
	for i := range all {
		f.Add(byte(i), uint32(0), uint32(len(frame)), uint32(8), uint32(40), frame)
		f.Add(byte(i), uint32(0), uint32(16), uint32(1), uint32(60), poll)
		f.Add(byte(i), uint32(1), uint32(0xfffffff0), uint32(0xffffffff), uint32(0x80000000), poll)
	}
	f.Fuzz(func(t *testing.T, which byte, a, b, c, d uint32, mem []byte) {
		if len(mem) > 1<<16 {
			return
		}
		p := &process{servers: 3, random: newRandom(1), inst: &fakeInstance{left: 1 << 40}}
		p.begin(5, []byte("event"), nil)
		defer func() {
			if r := recover(); r != nil && r != errStopped {
				panic(r)
			}
		}()
		fn := all[int(which)%len(all)]
		for range 3 {
			fn.fn(p, memory(mem), []uint64{uint64(a), uint64(b), uint64(c), uint64(d), uint64(d), uint64(c), uint64(b), uint64(a), 8})
			if p.local < 5 {
				t.Errorf("%s: time went back to %d", fn.name, p.local)
			}
		}
	})
}

func TestTrimStackKeepsWhatIsTheStudents(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text without a stack", "no stack here", "no stack here"},
		{"a panic", "panic: oh\n\ngoroutine 7 [running]:\nruntime.gopanic({0x1, 0x2})\n\truntime/panic.go:1 +0x1\nlab/raft.(*Raft).tick(0x1)\n\tlab/raft/raft.go:55 +0x12\ncreated by lab/raft.Make in goroutine 3\n\tlab/raft/raft.go:20 +0x3\n",
			"panic: oh\n\ngoroutine 7 [running]:\nlab/raft.(*Raft).tick(0x1)\n\tlab/raft/raft.go:55\ncreated by lab/raft.Make in goroutine 3\n\tlab/raft/raft.go:20"},
		{"only the runtime", "fatal error: x\n\ngoroutine 1 gp=0x1 m=0 mp=0x2 [running]:\nruntime.throw({0x1, 0x2})\n\truntime/panic.go:1 +0x1\n",
			"fatal error: x\n\ngoroutine 1 gp=0x1 m=0 mp=0x2 [running]:\nruntime.throw({0x1, 0x2})\n\truntime/panic.go:1 +0x1"},
		{"the kit's goroutines", "goroutine 1 [select]:\nlab/raftlabkit/guest.(*service).run(0x1)\n\tlab/raftlabkit/guest/service.go:1 +0x1\n\ngoroutine 2 gp=0x8 m=nil [sleep]:\ntime.Sleep(0x1)\n\truntime/time.go:1 +0x1\nlab/raft.f()\n\tlab/raft/raft.go:1 +0x1\n",
			"goroutine 2 [sleep]:\ntime.Sleep(0x1)\n\truntime/time.go:1\nlab/raft.f()\n\tlab/raft/raft.go:1"},
		{"a student's file of that name", "goroutine 2 [sleep]:\nlab/guest.f()\n\tlab/guest/f.go:1 +0x1\n", "goroutine 2 [sleep]:\nlab/guest.f()\n\tlab/guest/f.go:1"},
	} {
		if got := TrimStack(c.in); got != c.want {
			t.Errorf("%s: want\n%s\ngot\n%s", c.name, c.want, got)
		}
	}
}
