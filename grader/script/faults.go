package script

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/sim"
)

// holdKinds are the messages that hold can keep back.
var holdKinds = map[string]sim.MsgKind{"any": 0, "call": sim.MsgCall, "reply": sim.MsgReply}

// mHold keeps back the next messages from one server to another.
func (r *runner) mHold(a call) (starlark.Value, error) {
	var from, to int
	what := "reply"
	by, skip, count := span(300*sim.Millisecond), 0, 1
	if err := a.unpack("source", &from, "target", &to, "what?", &what, "by?", &by, "skip?", &skip, "count?", &count); err != nil {
		return nil, err
	}
	for _, n := range []int{from, to} {
		if err := r.server(n); err != nil {
			return nil, err
		}
	}
	kind, ok := holdKinds[what]
	if !ok || skip < 0 || count < 1 {
		return nil, fmt.Errorf(`hold: expected "reply", "call" or "any", skip >= 0 and count >= 1, found %q, %d and %d`, what, skip, count)
	}
	r.world.SetHold(from, to, sim.Hold{Kind: kind, By: sim.Time(by), Skip: skip, Count: count})
	return starlark.None, nil
}

// mCalm ends all faults for a core of servers: they are up, their applyCh is
// read, their links and those of clients are whole and quick, nothing waits to
// crash or to be held back. The other servers, if any, are cut off.
func (r *runner) mCalm(a call) (starlark.Value, error) {
	var v starlark.Value
	if err := a.unpack("servers?", &v); err != nil {
		return nil, err
	}
	all := make([]int, r.world.Servers())
	for i := range all {
		all[i] = i
	}
	core, err := r.servers(v, all)
	if err != nil {
		return nil, err
	}
	clear(r.alone)
	r.world.ClearHolds()
	r.world.SetLink(-1, -1, sim.Reliable)
	for _, n := range all {
		r.world.Arm(n, nil)
		for _, to := range all {
			switch in := contains(core, n) && contains(core, to); {
			case n == to:
			case in:
				r.world.Heal(n, to)
			default:
				r.world.Cut(n, to)
			}
		}
		for i := r.world.Servers(); i < r.world.Nodes(); i++ {
			r.world.Heal(n, i)
			r.world.Heal(i, n)
		}
		if !contains(core, n) {
			r.alone[n] = true
			continue
		}
		if r.world.Up(n) {
			r.world.Request(n, "resume", 0, nil, nil)
		} else {
			r.world.Boot(n)
		}
	}
	return starlark.None, nil
}
