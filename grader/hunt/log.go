package hunt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// Log takes down what a test does in a run, to make a World of it. It is a
// script.Logger.
type Log struct {
	Service string // of the test's lab
	lines   []logged
	calls   []called
	open    bool // the last call has not ended
	tangled bool // calls and lines do not simply follow each other
}

type logged struct {
	at   sim.Time
	line string
}

// called is a call by the test.
type called struct {
	at, end sim.Time
	line    string // "": it has none
}

// Begin takes down that a call begins.
func (l *Log) Begin(at sim.Time, method string) {
	l.tangled = l.tangled || l.open || method == "spawn"
	l.calls, l.open = append(l.calls, called{at: at, end: at}), true
}

// End takes down that the call has ended.
func (l *Log) End(at sim.Time) {
	l.calls[len(l.calls)-1].end, l.open = at, false
}

// Line takes down a line. A Start that turned out to be waited for in vain takes
// the place of the same Start without a wait.
func (l *Log) Line(at sim.Time, line string) {
	quiet := logged{at, strings.TrimSuffix(line, ")") + ", wait = False)"}
	if k := len(l.calls) - 1; !l.open || at < l.calls[k].at {
		l.tangled = true
	} else if c := &l.calls[k]; c.line == "" || c.line == quiet.line {
		c.line = line
	}
	i := len(l.lines)
	for i > 0 && l.lines[i-1].at > at {
		i--
	}
	if k := slices.Index(l.lines[:i], quiet); k >= 0 {
		l.lines[k].line = line
		return
	}
	l.lines = slices.Insert(l.lines, i, logged{at, line})
}

// Worlds makes worlds of the run that was taken down, the likeliest first: the
// same faults and commands at the same moments. What the test waited for is left
// out, but in one of them for the last wait, which may be what failed; and the
// last world does all that the test did, waits included, one after the other. It
// stays a failing one when the moments of things left out matter.
func (l *Log) Worlds(t *script.Test, seed uint64, v *check.Violation) []*World {
	ws := []*World{l.world(t, seed, v, false)}
	if wait := l.world(t, seed, v, true); wait != nil {
		ws = append(ws, wait)
		if check.KindOf(v.Property) == check.Liveness {
			slices.Reverse(ws)
		}
	}
	if w := l.whole(t, seed, v); w != nil {
		ws = append(ws, w)
	}
	return ws
}

// empty is a world like the test's, in which nothing is done.
func (l *Log) empty(t *script.Test, seed uint64) *World {
	return &World{
		Seed: t.WorldSeed(seed), Servers: t.Servers, Net: t.Link, SnapshotEvery: int(t.SnapshotEvery), Preempt: t.PreemptOf(seed),
		Service: l.Service, Clients: t.Clients,
	}
}

// whole is the run call by call. It is nil if calls overlapped.
func (l *Log) whole(t *script.Test, seed uint64, v *check.Violation) *World {
	if l.tangled || l.Service != "" { // what clients are asked for is taken down without a wait
		return nil
	}
	w := l.empty(t, seed)
	now := sim.Time(0)
	for _, c := range l.calls {
		if c.line == "" {
			continue // to look or to sleep is but a pause
		}
		a := logged{c.at, c.line}.action()
		a.At, a.Pause, now = 0, c.at-now, c.end
		if a.Rash {
			now = c.at
		}
		w.Actions = append(w.Actions, a)
	}
	if v.Time >= now {
		w.Actions = append(w.Actions, Action{Pause: v.Time + 1 - now, Op: Wait})
	}
	return w
}

// world is the run as a world that ends with the last wait, or that waits for
// nothing but the time of v. It is nil if it should wait and there was no wait.
func (l *Log) world(t *script.Test, seed uint64, v *check.Violation, wait bool) *World {
	w := l.empty(t, seed)
	last := -1
	for i, e := range l.lines {
		if wait && waits(e.line) {
			last = i
		}
	}
	for i, e := range l.lines {
		if i == last || !waits(e.line) {
			w.Actions = append(w.Actions, e.action())
		}
		if i == last {
			return w // what follows, the wait does by itself
		}
	}
	if wait {
		return nil
	}
	w.Actions = append(w.Actions, Action{At: v.Time + 1, Op: Wait})
	return w
}

// action is what the line does. A command can be shrunk as such if it is a number,
// or a text that begins with one.
func (e logged) action() Action {
	a := Action{At: e.at, Op: Start, Rash: true}
	if n, _ := fmt.Sscanf(e.line, "c.start(%d, %d", &a.A.N, &a.Value); n < 2 {
		fmt.Sscanf(e.line, "c.start(%d, %q", &a.A.N, &a.Text)
		fmt.Sscanf(a.Text, "%d:", &a.Value)
	}
	if slices.Equal(a.lines(0), []string{e.line}) {
		return a
	}
	return Action{At: e.at, Op: Line, Text: e.line}
}

// waits says whether a line only waits for something, or also does by itself
// what is taken down after it.
func waits(line string) bool {
	for _, m := range []string{"wait_", "commit(", "not_applied(", "no_leader(", "stable_leader(", "same_term("} {
		if len(line) > 2+len(m) && line[2:2+len(m)] == m {
			return true
		}
	}
	return false
}

// Paced returns the world with pauses in place of moments, which can be made
// shorter.
func (w *World) Paced() *World {
	o := w.clone()
	now := sim.Time(0)
	for i := range o.Actions {
		a := &o.Actions[i]
		if a.At > 0 {
			a.Pause, now = max(a.At-now, 0), max(a.At, now)
			a.At = 0
		}
	}
	return o
}
