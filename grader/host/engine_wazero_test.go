//go:build !js

package host

import (
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// An instance that serves again holds nothing of the life before, and one that
// did not end well does not serve again.
func TestInstanceServesAgainAsNew(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	e := m.eng.(*wazeroEngine)
	live := func(words ...string) *wazeroInstance {
		s := m.Factory(t.Context())(0, 1, 9).(*server)
		s.Step(0, &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}, nil)
		in := s.inst.(*wazeroInstance)
		for _, w := range words {
			s.Step(1, &sim.Event{Kind: sim.RequestOp, Req: &sim.Request{Op: "start", Data: wire.AppendCommand(nil, w)}}, nil)
		}
		s.Close()
		return in
	}
	in := live("random", "locks", "logfiles")
	mem, _ := in.mod.Memory().Read(0, in.mod.Memory().Size())
	used := 0
	for i, b := range mem {
		if i >= len(e.fresh.memory) && b != 0 {
			used++
		}
	}
	if used < 1000 {
		t.Fatalf("a life has changed %d bytes: this test shows nothing", used)
	}
	again := e.again()
	if again != in {
		t.Fatal("the instance of a server that was closed does not serve again")
	}
	if now := in.look(); string(now.memory) != string(e.fresh.memory) {
		t.Error("the memory is not that of a new instance")
	}
	for i, g := range in.globals {
		if g.Get() != e.fresh.globals[i] {
			t.Errorf("global %d is %d, expected %d", i, g.Get(), e.fresh.globals[i])
		}
	}
	again.close()
	if live("panic"); e.again() != nil {
		t.Error("an instance whose program died serves again")
	}
}
