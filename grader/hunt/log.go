package hunt

import (
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// Log takes down what a test does in a run, to make a World of it.
type Log struct {
	lines []logged
}

type logged struct {
	at   sim.Time
	line string
}

// Add takes down a line; it is a script.Run's Log.
func (l *Log) Add(at sim.Time, line string) { l.lines = append(l.lines, logged{at, line}) }

// World is the run that was taken down, as a world: the same faults and commands
// at the same moments. What the test waited for is left out, but for the wait
// that was in vain.
func (l *Log) World(t *script.Test, seed uint64, v *check.Violation) *World {
	w := &World{
		Seed: t.WorldSeed(seed), Servers: t.Servers, Net: t.Link, SnapshotEvery: int(t.SnapshotEvery), Preempt: t.PreemptOf(seed),
	}
	last := -1
	if check.KindOf(v.Property) == check.Liveness {
		for i, e := range l.lines {
			if waits(e.line) {
				last = i
			}
		}
	}
	for i, e := range l.lines {
		if i == last || !waits(e.line) {
			w.Actions = append(w.Actions, Action{At: e.at, Op: Line, Text: e.line})
		}
		if i == last {
			return w // what follows, the wait does by itself
		}
	}
	w.Actions = append(w.Actions, Action{At: v.Time + 1, Op: Wait})
	return w
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
