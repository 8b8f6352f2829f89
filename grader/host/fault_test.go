package host

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// TestEndsOfServersAreToldApart drives one server into each way to end.
func TestEndsOfServersAreToldApart(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	spin := lineOf(t, "probe/probe.go", "spin line")
	for _, c := range []struct {
		probe, kind string
		want        string // in Data
	}{
		{"spin", sim.FaultSpin, spin},
		{"fib", sim.FaultSpin, "main.fib"},
		{"tower", sim.FaultSpin, "main.a1"},
		{"gosched", sim.FaultSpin, "probe.go:"},
		{"polltime", sim.FaultSpin, "probe.go:"},
		{"select", sim.FaultSpin, "probe.go:"},
		{"copies", sim.FaultSpin, "probe.go:"},
		{"map", sim.FaultSpin, "probe.go:"},
		{"calls", sim.FaultMemory, "probe.go:"},
		{"panic", sim.FaultPanic, "assignment to entry in nil map"},
		{"panic", sim.FaultPanic, lineOf(t, "probe/probe.go", "panic line")},
		{"index", sim.FaultPanic, "index out of range [5] with length 0"},
		{"divide", sim.FaultPanic, "integer divide by zero"},
		{"gopanic", sim.FaultPanic, "commit 3 < 5"},
		{"unlock", sim.FaultPanic, "unlock of unlocked mutex"},
		{"repanic", sim.FaultPanic, "again: first"},
		{"fakepanic", sim.FaultExit, "exit status 0"},
		{"exit", sim.FaultExit, lineOf(t, "probe/probe.go", "exit line")},
		{"fatal", sim.FaultExit, "exit status 1"},
		{"fatal", sim.FaultExit, "probe.go:"},
		{"memory", sim.FaultMemory, "probe.go:"},
		{"smallmemory", sim.FaultMemory, "probe.go:"},
		{"goroutines", sim.FaultMemory, ""},
		{"recurse", sim.FaultStack, "main.(*Raft).recurse"},
		{"flood", sim.FaultOutput, "64 MiB"},
		{"badcall", sim.FaultProtocol, `no method "Raft.Ecco" to call; there are: Raft.ByValue, Raft.Echo`},
		{"badcall", sim.FaultProtocol, "probe.go:"},
		{"badarg", sim.FaultProtocol, "cannot be encoded"},
		{"no such probe", sim.FaultPanic, "no probe called"},
	} {
		t.Run(c.probe, func(t *testing.T) {
			begin := time.Now()
			d := drive(t, m, sim.BootInfo{}, 1).start(c.probe).run(10 * sim.Millisecond)
			if d.fault == nil {
				t.Fatalf("want a fault %s, got none:\n%.2000s", c.kind, d.text())
			}
			if d.fault.Text != c.kind || !strings.Contains(string(d.fault.Data), c.want) {
				t.Errorf("want %s with %q, got %s:\n%.3000s", c.kind, c.want, d.fault.Text, d.fault.Data)
			}
			for _, h := range []string{"runtime.", "kit/guest", "raftlab_step"} {
				if strings.Contains(string(d.fault.Data), h) {
					t.Errorf("the stack shows %q, which says nothing to a student:\n%.3000s", h, d.fault.Data)
				}
			}
			if n := len(d.fault.Data); n > 16<<10 {
				t.Errorf("the explanation has %d bytes", n)
			}
			t.Logf("%v", time.Since(begin))
			if d.step(&sim.Event{Kind: sim.Tick}); len(d.last) > 0 || d.next != sim.Never {
				t.Errorf("a server that has ended goes on: %v, %d", d.last, d.next)
			}
		})
	}
}

// TestForgedReasons: a program may call what only the kit should. Whatever it says
// of its end, it has ended, and by a fault of its own; a reason that the kit has not,
// above all one of the host's own, is found out.
func TestForgedReasons(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	const tampered = "The kit was tampered with: " + noReason
	for _, c := range []struct {
		reason     int32
		kind, text string
	}{
		{wire.StopSpin, sim.FaultSpin, "all tests passed"},
		{wire.StopExit, sim.FaultExit, "exit status 0\n\nall tests passed"},
		{wire.StopProtocol, sim.FaultProtocol, "all tests passed"},
		{wire.StopDeadlock, sim.FaultDeadlock, "all tests passed"},
		{0, sim.FaultProtocol, tampered},
		{-1, sim.FaultProtocol, tampered},
		{wire.StopDeadlock + 1, sim.FaultProtocol, tampered},
		{stopProcExit, sim.FaultProtocol, tampered},
		{stopOutput, sim.FaultProtocol, tampered},
		{stopKit, sim.FaultProtocol, tampered},
		{-1 << 31, sim.FaultProtocol, tampered},
	} {
		for _, where := range []string{"", " nowhere"} {
			d := drive(t, m, sim.BootInfo{}, 1).start(fmt.Sprint("lie ", c.reason, where))
			want := c.text
			if where != "" && c.text != tampered {
				want = strings.TrimSuffix(want, "all tests passed") // it is not in memory
			}
			if d.fault == nil || d.fault.Text != c.kind || string(d.fault.Data) != want || d.fault.Index != 0 {
				t.Errorf("reason %d%s: want %s with %q, got\n%s", c.reason, where, c.kind, want, d.text())
			}
			if d.step(&sim.Event{Kind: sim.Tick}); len(d.last) > 0 || d.next != sim.Never {
				t.Errorf("reason %d%s: the server goes on: %v, %d", c.reason, where, d.last, d.next)
			}
		}
	}
}

func TestExitCode(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1).start("exit")
	if d.fault == nil || d.fault.Index != 3 {
		t.Errorf("want exit code 3, got %+v", d.fault)
	}
}

func TestMakeThatGoesWrong(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	for _, c := range []struct{ state, kind, want string }{
		{"never", sim.FaultDeadlock, "Make has not returned after 10s.+" + lineOf(t, "probe/probe.go", "never line")},
		{"spin", sim.FaultSpin, lineOf(t, "probe/probe.go", "spin line")},
		{"nil", sim.FaultProtocol, "Make returned nil"},
		{"nilpointer", sim.FaultProtocol, "Make returned nil"},
	} {
		t.Run(c.state, func(t *testing.T) {
			d := drive(t, m, sim.BootInfo{Disk: sim.Disk{State: []byte(c.state)}}, 1).run(11 * sim.Second)
			d.want("fault " + c.kind + " .*" + c.want)
		})
	}
}

// TestEventsWaitForMake: what comes while Make runs is taken up afterwards.
func TestEventsWaitForMake(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{Disk: sim.Disk{State: []byte("slow")}}, 1)
	d.start("term").run(999 * sim.Millisecond)
	if len(d.log) > 0 {
		t.Errorf("want silence until Make returns, got %s", d.text())
	}
	d.run(2 * sim.Second).want(`10000000\d\d: respond 1: 1 1 true \n10000000\d\d: observe 1 0`)
}

func TestProgramThatGoesWrongBeforeMain(t *testing.T) {
	m := compileGuest(t, "badinit", Options{})
	for _, c := range []struct {
		name       string
		hour       sim.Time
		kind, want string
	}{
		{"spin", 1, sim.FaultSpin, lineOf(t, "badinit/badinit.go", "spin line")},
		{"block", 2, sim.FaultDeadlock, "all goroutines are asleep.*badinit.go:"},
		{"sleep for an hour", 3, sim.FaultProtocol, "Make returned nil"},
		{"exit", 4, sim.FaultExit, "badinit.go:"},
		{"panic", 5, sim.FaultPanic, "not yet.*badinit.go:"},
		{"print", 6, sim.FaultSpin, "badinit.go:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			drive(t, m, sim.BootInfo{ClockOffset: c.hour * 3600 * sim.Second}, 1).want("fault " + c.kind + " .*" + c.want)
		})
	}
}

func TestLifeFuel(t *testing.T) {
	m := compileGuest(t, "probe", Options{LifeFuel: 10_000_000})
	d := drive(t, m, sim.BootInfo{}, 1)
	for i := 0; i < 100_000 && d.fault == nil; i++ {
		d.start("term")
	}
	if d.fault == nil || d.fault.Text != sim.FaultSpin || !strings.Contains(string(d.fault.Data), "in its life") {
		t.Errorf("want a fault that tells of the fuel for life, got %+v", d.fault)
	}
}

func TestGivingUp(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	ctx, cancel := context.WithCancel(context.Background())
	s := m.Factory(ctx)(0, 1, 1)
	defer s.Close()
	s.Step(0, &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}, nil)
	cancel()
	fx, _ := s.Step(1, &sim.Event{Kind: sim.Tick}, nil)
	if len(fx) != 1 || fx[0].Kind != sim.Fault || fx[0].Text != sim.FaultEngine {
		t.Errorf("want one fault %s, got %+v", sim.FaultEngine, fx)
	}
}

func TestCompileRefusesWhatIsNotAServer(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("package raft"), []byte("\x00asm\x01\x00\x00\x00")} {
		if _, err := Compile(context.Background(), b, Options{}); err == nil {
			t.Errorf("%q was compiled", b)
		}
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	b := buildGuest(t, "probe", "-ldflags=-s -w -checklinkname=0")
	if _, err := Compile(context.Background(), b, Options{}); err == nil || !strings.Contains(err.Error(), "names were stripped") {
		t.Errorf("a module without names: want an error that says so, got %v", err)
	}
}
