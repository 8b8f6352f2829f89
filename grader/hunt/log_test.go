package hunt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// fails runs the body of a function over a cluster, and returns the worlds of
// what it did.
func fails(t *testing.T, f sim.Factory, body string) (*script.Outcome, []*World) {
	t.Helper()
	src := "def run(c):\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\n\nworld(run, seed = 7)\n"
	lab, test, err := script.LoadWorld("w", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var log Log
	out := lab.Run(test, script.Run{Factory: f, Log: &log})
	if out.Err != nil || out.Violation == nil {
		t.Fatalf("expected a violation, found %v, error %v", out.Violation, out.Err)
	}
	return out, log.Worlds(test, 0, out.Violation)
}

// A budget's world counts from the reading that the test counted from, however
// the test made one number of its readings, so that it can be shrunk.
func TestABudgetIsCountedFromItsReading(t *testing.T) {
	for name, x := range map[string]struct{ body, line string }{
		"a reading": {`
c.sleep(1 * s)
c.budget("RPC Budget", "RPCs", c.rpcs(), 3, "RPCs")`, `c.rpcs(), 3, "RPCs")`},
		"of one server": {`
c.sleep(1 * s)
c.budget("Log Size", "state", c.state_size(1), 1, "bytes")`, `c.state_size(1), 1, "bytes")`},
		"what was added": {`
c.sleep(1 * s)
a = c.bytes()
c.sleep(1 * s)
c.start(c.wait_leader(), 5)
c.sleep(1 * s)
c.budget("RPC Budget", "bytes", c.bytes() - a, 10, "bytes")`, `c.bytes() - before, 10, "bytes")`},
		"since the second reading": {`
c.bytes()
c.sleep(1 * s)
a = c.bytes()
c.sleep(1 * s)
c.budget("RPC Budget", "bytes", c.bytes() - a, 10, "bytes")`, `c.bytes() - before, 10, "bytes")`},
		"per second": {`
a = c.rpcs()
c.sleep(2500 * ms)
c.budget("RPC Budget", "RPCs a second", (c.rpcs() - a) / 2.5, 2, "RPCs")`, `(c.rpcs() - before) * s / (c.now - t), 2, "RPCs")`},
		"less what is forgiven": {`
a = c.rpcs()
c.sleep(3 * s)
c.budget("RPC Budget", "RPCs", c.rpcs() - a - 7, 2, "RPCs")`, `c.rpcs() - before - 7, 2, "RPCs")`},
	} {
		t.Run(name, func(t *testing.T) {
			out, ws := fails(t, core(), x.body)
			if s := ws[0].Script("", ""); !strings.Contains(s, x.line) {
				t.Errorf("expected a line with %s, found\n%s", x.line, s)
			}
			again := ws[0].Run(t.Context(), core())
			if v := again.Violation; v == nil || v.Property != out.Violation.Property || v.Time != out.Violation.Time || v.Found != out.Violation.Found {
				t.Errorf("the test broke %v, its world %v (%v)", out.Violation, v, again.Err)
			}
		})
	}
}

// A number that no reading explains is not written down: a script that says it
// would fail on every server.
func TestABudgetThatNoReadingExplainsIsNoScript(t *testing.T) {
	_, ws := fails(t, core(), `
c.sleep(1 * s)
c.rpcs()
c.budget("RPC Budget", "RPCs", 5.5, 2, "RPCs")`)
	if s := ws[0].Script("", ""); strings.Contains(s, "budget") {
		t.Errorf("expected no budget in\n%s", s)
	}
}

// mute is the core, whose Start never returns from its second life on.
func mute(node, life int, seed uint64) sim.Server {
	s := core()(node, life, seed)
	if life == 0 {
		return s
	}
	return silent{s}
}

type silent struct{ sim.Server }

func (s silent) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	n := len(fx)
	fx, deadline := s.Server.Step(now, ev, fx)
	return append(fx[:n], slices.DeleteFunc(slices.Clone(fx[n:]), func(e sim.Effect) bool { return e.Kind == sim.Respond })...), deadline
}

// A Start that never returns fails its world only if the world waits for it.
func TestAStartThatNeverReturnsIsWaitedForInTheWorld(t *testing.T) {
	out, ws := fails(t, mute, `
c.wait_leader()
c.crash(0)
c.restart(0)
c.sleep(1 * s)
c.start(0, 41, wait = False)
c.start(0, 42)`)
	w := ws[len(ws)-1] // the whole run: in front of it is one up to the last wait for something
	s := w.Script("", "")
	if !strings.Contains(s, "c.start(0, 42)\n") || !strings.Contains(s, "c.start(0, 41, wait = False)\n") || strings.Contains(s, "c.start(0, 42, wait") {
		t.Errorf("expected 42 to be waited for, and 41 not:\n%s", s)
	}
	again := w.Run(t.Context(), mute)
	if v := again.Violation; v == nil || v.Property != out.Violation.Property || v.Server != out.Violation.Server {
		t.Errorf("the test broke %v, its world %v (%v)\n%s", out.Violation, v, again.Err, s)
	}
}

func ExampleLog() {
	var log Log
	log.Line(3, "c.crash(1)")
	log.Line(5, "c.start(0, 7, wait = False)")
	log.Line(9, "c.restart(1)")
	log.Line(5, "c.start(0, 7)") // it did not return
	log.Line(4, "before = c.rpcs()")
	for _, l := range log.lines {
		fmt.Println(l.at, l.line)
	}
	// Output:
	// 3 c.crash(1)
	// 4 before = c.rpcs()
	// 5 c.start(0, 7)
	// 9 c.restart(1)
}
