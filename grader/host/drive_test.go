package host

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// driver runs one server without a world, every timer punctual.
type driver struct {
	t     testing.TB
	s     sim.Server
	now   sim.Time
	next  sim.Time
	id    uint64
	log   []string // of what it did, one line each, with the time
	fault *sim.Effect
	last  []sim.Effect // of the last step
}

func drive(t testing.TB, m *Module, boot sim.BootInfo, seed uint64) *driver {
	d := &driver{t: t, s: m.Factory(context.Background())(boot.Me, 1, seed)}
	t.Cleanup(d.s.Close)
	if boot.Servers == 0 {
		boot.Servers = 3
	}
	d.step(&sim.Event{Kind: sim.Boot, Boot: &boot})
	return d
}

func (d *driver) step(ev *sim.Event) {
	d.last, d.next = d.s.Step(d.now, ev, nil)
	for i := range d.last {
		e := &d.last[i]
		line := fmt.Sprintf("%d: ", d.now)
		switch e.Kind {
		case sim.Note:
			line += "note " + e.Text
		case sim.Apply:
			line += fmt.Sprintf("apply %d %s", e.Index, wire.CommandText(e.Data))
		case sim.Print:
			line += fmt.Sprintf("print %v %.1000q", e.Flag, e.Data)
		case sim.Observe:
			line += fmt.Sprintf("observe %d %d", e.Status.Term, e.Status.Role)
		case sim.Respond:
			line += fmt.Sprintf("respond %d: %d %d %v %s", e.ID, e.Index, e.Term, e.Flag, e.Data)
		case sim.Send:
			line += fmt.Sprintf("send %d to %d: %s %x", e.Msg.Kind, e.To, e.Msg.Method, e.Msg.Body)
			d.log = append(d.log, line)
			continue
		case sim.Save:
			line += fmt.Sprintf("save %q %q", e.Data, e.More)
		case sim.ApplySnapshot:
			line += fmt.Sprintf("install %d %d %q", e.Index, e.Term, e.Data)
		case sim.Fault:
			line += fmt.Sprintf("fault %s %d\n%s", e.Text, e.Index, e.Data)
			d.fault = e
		}
		d.log = append(d.log, line)
	}
}

// run lets time pass until t.
func (d *driver) run(until sim.Time) *driver {
	for n := 0; d.next <= until && d.fault == nil; n++ {
		if n > 1_000_000 {
			d.t.Fatalf("a million steps, and it is only %d", d.now)
		}
		if d.next < d.now {
			d.t.Fatalf("at %d the server wants to be woken at %d", d.now, d.next)
		}
		d.now = d.next
		d.step(&sim.Event{Kind: sim.Tick})
	}
	d.now = max(d.now, until)
	return d
}

func (d *driver) request(op string, index uint64, data []byte) *driver {
	d.id++
	d.step(&sim.Event{Kind: sim.RequestOp, Req: &sim.Request{ID: d.id, Op: op, Index: index, Data: data}})
	return d
}

func (d *driver) start(cmd interface{}) *driver {
	return d.request("start", 0, wire.AppendCommand(nil, cmd))
}

// echo carries the server's calls to itself, at once.
func (d *driver) echo() *driver {
	for _, e := range d.last {
		if e.Kind == sim.Send {
			d.step(&sim.Event{Kind: sim.Receive, Msg: e.Msg})
			d.echo()
			return d
		}
	}
	return d
}

func (d *driver) text() string { return strings.Join(d.log, "\n") + "\n" }

// want checks that pattern is in the log.
func (d *driver) want(pattern string) *driver {
	d.t.Helper()
	if !regexp.MustCompile("(?s)" + pattern).MatchString(d.text()) {
		d.t.Errorf("want %s in\n%.3000s", pattern, d.text())
	}
	return d
}

// lineOf finds the line in testdata that ends in a comment.
func lineOf(t testing.TB, file, comment string) string {
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(b), "\n") {
		if strings.HasSuffix(l, "// "+comment) {
			return fmt.Sprintf("%s:%d", file, i+1)
		}
	}
	t.Fatalf("testdata/%s has no line with %q", file, comment)
	return ""
}
