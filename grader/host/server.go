package host

import (
	"context"
	"fmt"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// server is one life of a student's server. It implements sim.Server.
type server struct {
	ctx  context.Context
	m    *Module
	p    process
	inst instance // nil before boot and after the end
	left int64    // fuel for the rest of its life
	all  *int64   // fuel for the rest of the run, of all its servers
	dead bool
	buf  []byte
}

func newServer(ctx context.Context, m *Module, seed uint64, all *int64) *server {
	return &server{ctx: ctx, m: m, left: m.opt.LifeFuel, all: all, p: process{seed: seed, random: newRandom(seed)}}
}

// Close implements sim.Server.
func (s *server) Close() {
	s.dead = true
	if s.inst != nil {
		s.inst.close()
		s.inst = nil
	}
}

// Step implements sim.Server.
func (s *server) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Tick:
		return s.run(now, nil, fx)
	case sim.Boot:
		return s.boot(now, ev.Boot, fx)
	}
	f := Frame(ev, s.p.seed)
	if f.Kind == 0 {
		return s.end(fx, sim.FaultEngine, "the host does not know this event", 0)
	}
	return s.deliver(now, f, fx)
}

// Frame is an event for the kit, in a server with the given seed. Its Kind is 0
// if the event is none, such as a tick.
func Frame(ev *sim.Event, seed uint64) wire.Frame {
	switch ev.Kind {
	case sim.Boot:
		b := ev.Boot
		return wire.Frame{
			Kind: wire.EvBoot, Flag: byte(b.Preempt), A: uint64(b.Me), B: uint64(b.Servers), C: b.SnapshotEvery,
			D: sim.NewRNG(seed, streamPreempt).Uint64(), X: b.Disk.State, Y: b.Disk.Snapshot,
		}
	case sim.Receive:
		f := wire.Frame{Kind: wire.EvCall, A: ev.Msg.Call, B: uint64(ev.From), Name: ev.Msg.Method, X: ev.Msg.Body}
		if ev.Msg.Kind == sim.MsgReply {
			f.Kind = wire.EvReply
		}
		return f
	case sim.CallFailed:
		return wire.Frame{Kind: wire.EvFailed, A: ev.Msg.Call}
	case sim.RequestOp:
		f := wire.Frame{Kind: requests[ev.Req.Op], A: ev.Req.ID, B: ev.Req.Index, X: ev.Req.Data}
		if f.Kind == 0 { // an operation of a client
			f.Kind, f.Name = wire.EvInvoke, ev.Req.Op
		}
		return f
	}
	return wire.Frame{}
}

var requests = map[string]byte{
	"start": wire.EvStart, "snapshot": wire.EvSnapshot,
	"pause": wire.EvPause, "resume": wire.EvResume, "dump": wire.EvDump,
}

var wireTypes = wire.Frame{Kind: wire.EvTypes}

func (s *server) deliver(now sim.Time, f wire.Frame, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	s.buf = f.Append(s.buf[:0])
	return s.run(now, s.buf, fx)
}

func (s *server) boot(now sim.Time, b *sim.BootInfo, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	if s.inst != nil || s.dead {
		return s.end(fx, sim.FaultEngine, "a server boots once in its life", 0)
	}
	s.p.begin(now, nil, fx)
	s.p.offset, s.p.servers = int64(b.ClockOffset), b.Servers
	var err error
	if s.inst, err = s.m.eng.instantiate(&s.p); err != nil {
		return s.end(fx, sim.FaultEngine, "no instance could be made: "+err.Error(), 0)
	}
	s.p.inst = s.inst
	if fx, ok := s.burn(s.inst.initialize); !ok {
		return fx, sim.Never
	}
	return s.deliver(now, Frame(&sim.Event{Kind: sim.Boot, Boot: b}, s.p.seed), s.p.fx)
}

func (s *server) run(now sim.Time, frame []byte, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	if s.dead {
		return fx, sim.Never
	}
	if s.inst == nil {
		return s.end(fx, sim.FaultEngine, "an event came before the boot", 0)
	}
	if err := s.ctx.Err(); err != nil {
		return s.end(fx, sim.FaultEngine, "the run was given up: "+err.Error(), 0)
	}
	s.p.begin(now, frame, fx)
	fx, ok := s.burn(func() error { return s.inst.step(int32(len(frame)), int64(now)) })
	s.p.fx = nil
	if !ok {
		return fx, sim.Never
	}
	return fx, s.p.deadline
}

// burn runs code of the program with the fuel it may have. It returns the
// effects, and whether the program goes on.
func (s *server) burn(code func() error) ([]sim.Effect, bool) {
	fuel := min(s.m.opt.StepFuel, s.left, *s.all)
	s.inst.setFuel(fuel)
	s.p.handed = 0
	err := code()
	left := s.inst.fuel()
	s.left -= fuel - left
	*s.all -= fuel - left
	if err == nil && left >= 0 {
		return s.p.fx, true
	}
	kind, text, code2 := s.p.diagnose(err, left, s.inst.exitCode())
	if kind == sim.FaultSpin {
		switch {
		case fuel < s.m.opt.StepFuel && *s.all <= 0:
			text = "The servers of this run have used up the work that they may do together.\n" + text
		case fuel < s.m.opt.StepFuel && s.left <= 0:
			text = "This server has used up the work that a server may do in its life.\n" + text
		case s.p.handed > fuel/2:
			text = fmt.Sprintf("At one moment it handed %d MiB to its disk, the network and its output.\n%s", s.p.handed>>20, text)
		}
	}
	fx, _ := s.end(s.p.fx, kind, text, code2)
	return fx, false
}

func (s *server) end(fx []sim.Effect, kind, text string, code int64) ([]sim.Effect, sim.Time) {
	s.Close()
	return append(fx, sim.Effect{Kind: sim.Fault, Text: kind, Data: []byte(text), Index: uint64(code)}), sim.Never
}
