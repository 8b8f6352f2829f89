// Package release tells whether a Go release makes modules that the grader can
// judge: it runs the server of package selftest and looks at what comes out.
//
// It knows that server's requests and what a host promises. It must not know
// students' code, the lab or its tests.
//
// [Test] is what build.Options.SelfTest wants.
package release

import (
	"context"
	"fmt"
	"strings"

	"github.com/raftlab/raftlab/grader/host"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Test runs the self-test server and returns the first thing that is not as it
// must be: that a step ends when every goroutine waits and tells the next
// deadline, that sleeping takes the time it says, that a loop without end is stopped at its line, that endless recursion
// ends as such, and that all of this is the same a second time.
func Test(ctx context.Context, wasm []byte) error {
	m, err := host.Compile(ctx, wasm, host.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	first, err := story(m.Factory(ctx))
	if err != nil {
		return err
	}
	second, err := story(m.Factory(ctx))
	if err != nil {
		return err
	}
	if first != second {
		return fmt.Errorf("expected the same effects from the same seed, found\n%s\nand\n%s", first, second)
	}
	return nil
}

// story runs each of the server's requests and returns everything it did.
func story(factory sim.Factory) (string, error) {
	var told strings.Builder
	for _, part := range []func(*life) error{idling, clock, spinning, recursing} {
		l := &life{server: factory(0, 1, 1), told: &told}
		err := part(l)
		l.server.Close()
		if err != nil {
			return "", err
		}
	}
	return told.String(), nil
}

// life is one life of the server, driven by hand.
type life struct {
	server   sim.Server
	now      sim.Time
	deadline sim.Time
	told     *strings.Builder
}

func (l *life) step(ev sim.Event) []sim.Effect {
	var fx []sim.Effect
	fx, l.deadline = l.server.Step(l.now, &ev, nil)
	fmt.Fprintf(l.told, "%d: next %d\n", l.now, l.deadline)
	for _, e := range fx {
		fmt.Fprintf(l.told, "\t%+v\n", e)
	}
	return fx
}

func (l *life) boot() error {
	l.now = 5 * sim.Millisecond
	fx := l.step(sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 1}})
	return l.expectDeadline(fx, 10*sim.Millisecond)
}

func (l *life) start(command string) []sim.Effect {
	return l.step(sim.Event{Kind: sim.RequestOp, Req: &sim.Request{ID: 1, Op: "start", Data: wire.AppendCommand(nil, command)}})
}

func (l *life) tick() []sim.Effect {
	l.now = l.deadline
	return l.step(sim.Event{Kind: sim.Tick})
}

// slack is what reading the clock may add to it within a step.
const slack = sim.Microsecond

func (l *life) expectDeadline(fx []sim.Effect, after sim.Time) error {
	if e := find(fx, sim.Fault); e != nil {
		return fmt.Errorf("expected the server to wait, found a fault: %s: %s", e.Text, e.Data)
	}
	if d := l.deadline - l.now; d < after || d > after+slack {
		return fmt.Errorf("expected a step to end with a deadline %d ns later, found %d", after, d)
	}
	return nil
}

func find(fx []sim.Effect, kind sim.EffectKind) *sim.Effect {
	for i := range fx {
		if fx[i].Kind == kind {
			return &fx[i]
		}
	}
	return nil
}

// answer tells what Start returned as index.
func answer(e *sim.Effect) string {
	if e == nil {
		return "no answer"
	}
	return fmt.Sprintf("the answer %d", e.Index)
}

// idling: each step ends, with the timer's next deadline.
func idling(l *life) error {
	if err := l.boot(); err != nil {
		return err
	}
	const ticks = 50
	for range ticks {
		if err := l.expectDeadline(l.tick(), 10*sim.Millisecond); err != nil {
			return err
		}
	}
	e := find(l.start("ticks"), sim.Respond)
	if e == nil || e.Index != ticks {
		return fmt.Errorf("expected the answer that a timer fired %d times, found %s", ticks, answer(e))
	}
	return nil
}

// clock: a sleep of 25 ms takes 25 ms, by the server's clock too.
func clock(l *life) error {
	if err := l.boot(); err != nil {
		return err
	}
	begin := l.now
	e := find(l.start("clock"), sim.Respond)
	for range 10 {
		if e != nil || l.deadline == sim.Never {
			break
		}
		e = find(l.tick(), sim.Respond)
	}
	const want = 25 * sim.Millisecond
	if e == nil || l.now < begin+want || l.now > begin+want+slack || sim.Time(e.Index) < want-slack || sim.Time(e.Index) > want+slack {
		return fmt.Errorf("expected a sleep of %d ns to end after that time, found %s after %d ns", want, answer(e), l.now-begin)
	}
	return nil
}

// spinning: a loop without end is stopped, and its line named.
func spinning(l *life) error { return l.ends("spin", sim.FaultSpin, "(*Raft).Start") }

// recursing: recursion without end is stopped as such.
func recursing(l *life) error { return l.ends("stack", sim.FaultStack, "") }

func (l *life) ends(command, fault, where string) error {
	if err := l.boot(); err != nil {
		return err
	}
	fx := l.start(command)
	e := find(fx, sim.Fault)
	if e == nil {
		return fmt.Errorf("expected the command %q to end the server, found that it goes on", command)
	}
	if e.Text != fault || !strings.Contains(string(e.Data), where) {
		return fmt.Errorf("expected the command %q to end the server with the fault %q in %s, found %q:\n%s", command, fault, where, e.Text, e.Data)
	}
	return nil
}
