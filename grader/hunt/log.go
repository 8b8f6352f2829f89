package hunt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// Log takes down what a test does in a run, to make a World of it.
type Log struct {
	Service string // of the test's lab
	lines   []logged
}

type logged struct {
	at   sim.Time
	line string
}

// Add takes down a line; it is a script.Run's Log. A Start that turned out to be
// waited for in vain takes the place of the same Start without a wait.
func (l *Log) Add(at sim.Time, line string) {
	i := len(l.lines)
	for i > 0 && l.lines[i-1].at > at {
		i--
	}
	quiet := logged{at, strings.TrimSuffix(line, ")") + ", wait = False)"}
	if k := slices.Index(l.lines[:i], quiet); k >= 0 {
		l.lines[k].line = line
		return
	}
	l.lines = slices.Insert(l.lines, i, logged{at, line})
}

// Worlds makes worlds of the run that was taken down, the likeliest first: the
// same faults and commands at the same moments. What the test waited for is left
// out, but in one of them for the last wait, which may be what failed.
func (l *Log) Worlds(t *script.Test, seed uint64, v *check.Violation) []*World {
	end, wait := l.world(t, seed, v, false), l.world(t, seed, v, true)
	switch {
	case wait == nil:
		return []*World{end}
	case check.KindOf(v.Property) == check.Liveness:
		return []*World{wait, end}
	}
	return []*World{end, wait}
}

// world is the run as a world that ends with the last wait, or that waits for
// nothing but the time of v. It is nil if it should wait and there was no wait.
func (l *Log) world(t *script.Test, seed uint64, v *check.Violation, wait bool) *World {
	w := &World{
		Seed: t.WorldSeed(seed), Servers: t.Servers, Net: t.Link, SnapshotEvery: int(t.SnapshotEvery), Preempt: t.PreemptOf(seed),
		Service: l.Service, Clients: t.Clients,
	}
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
