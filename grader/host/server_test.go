package host

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

func TestTimersAreExact(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.now = 5 * sim.Second
	d.start("timers").run(10 * sim.Second)
	// Each reading of the clock takes 1 ns, hence the few ns after the moment.
	d.want(`530000\d{4}: note ticked twice\n540000\d{4}: note reset timer`)
	if strings.Contains(d.text(), "must not run") {
		t.Errorf("a stopped timer fired:\n%s", d.text())
	}
	if d.next != sim.Never {
		t.Errorf("a goroutine that sleeps for centuries: want no deadline, got %d", d.next)
	}
	d.start("nested").run(10*sim.Second + 1000)
	begun := d.next
	if begun != sim.Never || d.fault != nil {
		t.Errorf("sleeps of some ns did not end: next %d, %v", d.next, d.fault)
	}
}

// TestDeadlineIsWhenTheTimerFires: a tick at the deadline is in time, and one a
// nanosecond earlier is not.
func TestDeadlineIsWhenTheTimerFires(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	for early := sim.Time(0); early < 2; early++ {
		d := drive(t, m, sim.BootInfo{}, 1).start("holdlock")
		d.now = d.next - early
		d.step(&sim.Event{Kind: sim.Tick})
		if fired := strings.Contains(d.text(), "respond"); fired != (early == 0) {
			t.Errorf("%d ns before the deadline: the timer has fired: %v", early, fired)
		}
	}
}

func TestClock(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	offset := 123*sim.Second + 456
	d := drive(t, m, sim.BootInfo{ClockOffset: offset}, 1)
	d.now = 7 * sim.Second
	d.start("clock").run(8 * sim.Second)
	var wall, delta, slept int64
	if n, _ := fmt.Sscanf(regexp.MustCompile(`note (\d+ \d+)`).FindString(d.text()), "note %d %d", &wall, &delta); n != 2 {
		t.Fatal(d.text())
	}
	fmt.Sscanf(regexp.MustCompile(`note (\d+)\n`).FindString(d.text()), "note %d", &slept)
	if off := wall - epoch - int64(7*sim.Second+offset); off < 0 || off > 1000 {
		t.Errorf("the wall clock is %d ns off", off)
	}
	if delta < 1 || delta > 10 {
		t.Errorf("two readings are %d ns apart, want 1 or a little more", delta)
	}
	if off := slept - int64(30*sim.Millisecond); off < 0 || off > 1000 {
		t.Errorf("a sleep of 30 ms took %d ns more", off)
	}
}

// TestSameSeedSameEffects: in this process and in another one, also beside
// other servers, and whatever other processes do.
func TestSameSeedSameEffects(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	run := func(seed uint64, preempt int) string {
		d := drive(t, m, sim.BootInfo{Preempt: preempt}, seed)
		d.start("random").start("locks").run(100 * sim.Millisecond)
		return d.text()
	}
	if os.Getenv("RAFTLAB_PRINT_RUN") != "" {
		fmt.Printf("<%x>", run(1, 2))
		return
	}
	want := run(1, 2)
	if run(1, 2) != want {
		t.Error("two servers with one seed differ")
	}
	if run(2, 2) == want {
		t.Error("two seeds give the same run")
	}
	results := make(chan string)
	for range 4 {
		go func() { results <- run(1, 2) }()
	}
	for range 4 {
		if <-results != want {
			t.Error("a server differs when others run beside it")
		}
	}
	if runtime.GOOS == "js" {
		return // it has no other processes
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "-test.run=^TestSameSeedSameEffects$")
	c.Env = append(os.Environ(), "RAFTLAB_PRINT_RUN=1", "GOGC=20", "GOMAXPROCS=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), fmt.Sprintf("<%x>", want)) {
		t.Error("another process has another run for the same seed")
	}
}

func TestPreemption(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	order := func(level int, seed uint64) (string, sim.Time) {
		d := drive(t, m, sim.BootInfo{Preempt: level}, seed).start("locks").run(sim.Second)
		var s string
		var last sim.Time
		for _, l := range d.log {
			var at sim.Time
			var who string
			if n, _ := fmt.Sscanf(l, "%d: note %s", &at, &who); n == 2 {
				s += who
				last = at
			}
		}
		if len(s) != 80 {
			t.Fatalf("level %d: want 80 notes, got %d\n%s", level, len(s), d.text())
		}
		return s, last
	}
	runs := func(s string) int { // how often the goroutine changes
		n := 0
		for i := 1; i < len(s); i++ {
			if s[i] != s[i-1] {
				n++
			}
		}
		return n
	}
	off, _ := order(0, 1)
	if runs(off) != 7 {
		t.Errorf("off: want each goroutine to run through, got %s", off)
	}
	yield, end := order(1, 1)
	if runs(yield) < 20 || end > 1000 {
		t.Errorf("yield: want many changes in no time, got %s at %d", yield, end)
	}
	sleep, end := order(2, 1)
	if runs(sleep) < 20 || end < sim.Microsecond {
		t.Errorf("sleep: want many changes and some time, got %s at %d", sleep, end)
	}
	if other, _ := order(1, 2); other == yield {
		t.Error("two seeds give the same order")
	}
}

// TestPollingALockAdvances: for a while; without end it is a busy loop.
func TestPollingALockAdvances(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	for level := 0; level <= 2; level++ {
		d := drive(t, m, sim.BootInfo{Preempt: level}, 1).start("pollock").run(sim.Second)
		d.want("note polled until it was done")
	}
	drive(t, m, sim.BootInfo{}, 1).start("polllockforever").run(10 * sim.Second).want("fault spin .*probe.go:")
}

func TestOutputIsCaptured(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("output")
	d.want(`print false "to stdout\\nmore to stdout\\n"\n0: print true "to stderr\\nby println\\n"`)
}

func TestOutputIsBounded(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("flood")
	kept := 0
	for _, e := range d.last {
		if e.Kind == sim.Print {
			kept += len(e.Data)
		}
	}
	if kept != PrintKept+len(printedMore) {
		t.Errorf("%d bytes of output are kept, want %d and a remark", kept, PrintKept)
	}
}

func TestNothingOfTheMachineIsSeen(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("files")
	d.want(`note read: open /etc/passwd: .*note create: <nil>.*note env \[\] args \[\]\n.*note stdin: 0 EOF`)
}

func TestGetStateThatBlocksStopsNothing(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("holdlock")
	if strings.Contains(d.text(), "observe 1") {
		t.Errorf("the term was read through a held lock:\n%s", d.text())
	}
	d.start(7) // others go on
	d.want("respond 2: 7 1 true")
	d.run(49 * sim.Millisecond)
	if strings.Contains(d.text(), "observe 1") || strings.Contains(d.text(), "observe 2") {
		t.Errorf("the term was read through a held lock:\n%s", d.text())
	}
	d.run(60 * sim.Millisecond).want(`5\d{7}: observe 2 0`)
	d.start("term").want(`observe 3 0`)
	if n := strings.Count(d.text(), "observe"); n != 3 {
		t.Errorf("want an observation at the beginning and one for each change, got %d:\n%s", n, d.text())
	}
}

func TestDumpTellsWhoHoldsWhat(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("deadlock")
	d.now += 30 * sim.Millisecond
	d.request("dump", 0, nil)
	d.want("Mutex held since 30000 us by main.*" + lineOf(t, "probe/probe.go", "deadlock line"))
	d.want(`RWMutex \(reading\) held since 30000 us`)
	d.want(`sync.Mutex.Lock`)
	if text := Dump(d.last[0].Data); !strings.Contains(text, "probe.go:") || strings.Contains(text, "kit/guest") {
		t.Errorf("a dump for students:\n%s", text)
	}
}

func TestApplyAndSnapshots(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	d := drive(t, m, sim.BootInfo{SnapshotEvery: 3}, 1)
	want := wire.NewDigest()
	for i := 1; i <= 3; i++ {
		d.start(i)
		want.Apply(wire.AppendCommand(nil, i))
	}
	d.want(`apply 1 1\n.*apply 2 2\n.*apply 3 3\n.*` + regexp.QuoteMeta(fmt.Sprintf("note snapshot 3 %q", want.Append(nil))))
	d.request("snapshot", 9, []byte("data")).want(`note snapshot 9 "data"`)

	d.request("pause", 0, nil).start(4).run(sim.Second)
	if strings.Contains(d.text(), "apply 4") {
		t.Errorf("a paused service applied:\n%s", d.text())
	}
	d.request("resume", 0, nil).want("apply 4 4")

	// After a restart the digest goes on from the disk's snapshot.
	d = drive(t, m, sim.BootInfo{SnapshotEvery: 4, Disk: sim.Disk{Snapshot: want.Append(nil)}}, 1)
	want.Apply(wire.AppendCommand(nil, 4))
	d.start(4).want(regexp.QuoteMeta(fmt.Sprintf("note snapshot 4 %q", want.Append(nil))))

	d.start("closechannel").run(sim.Second)
	if d.fault != nil {
		t.Errorf("a closed channel: %s", d.text())
	}
}

func TestCalls(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	d := drive(t, m, sim.BootInfo{}, 1)
	d.start("call").echo()
	d.want(`send 2 to 0: Raft.Echo`).want(`send 3 to 0: Raft.Echo`).want(`note call: true \{X:7 S:seven\}`)

	d = drive(t, m, sim.BootInfo{}, 1)
	d.start("call")
	d.step(&sim.Event{Kind: sim.CallFailed, Msg: d.last[0].Msg})
	d.want(`note call: false \{X:0 S:\}`)
	// A second answer to the same call is nobody's.
	d.step(&sim.Event{Kind: sim.CallFailed, Msg: sim.Message{Call: 1}})

	d = drive(t, m, sim.BootInfo{}, 1)
	d.start("badreply").echo().want("fault protocol .*the reply cannot be decoded.*probe.go:")
}

func TestSaves(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1)
	d.start("save").want(`save "state" "snapshot"\n0: note "state" "snapshot" 8`)
}

func TestTypes(t *testing.T) {
	m := compileGuest(t, "raft", Options{})
	b, err := m.Types()
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Methods map[string][2]string
		Types   json.RawMessage
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if got := v.Methods["Raft.RequestVote"]; got != [2]string{"main.VoteArgs", "main.VoteReply"} {
		t.Errorf("got %v in\n%s", got, b)
	}
	if !strings.Contains(string(v.Types), "LastIndex") {
		t.Errorf("the types tell no fields: %s", v.Types)
	}
}

// TestManyInstances: a thousand servers come and go, and their memory with them.
func TestManyInstances(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	n := 1000
	if testing.Short() {
		n = 100
	}
	boot := &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}
	var before uint64
	begin := time.Now()
	f := m.Factory(t.Context())
	for i := range n {
		if i == n/10 {
			before = heap()
		}
		s := f(0, 1, uint64(i))
		if fx, _ := s.Step(0, boot, nil); len(fx) != 1 || fx[0].Kind != sim.Observe {
			t.Fatalf("instance %d: %+v", i, fx)
		}
		s.Close()
	}
	after := heap()
	t.Logf("%d instances in %v; heap %d -> %d KiB", n, time.Since(begin), before>>10, after>>10)
	if after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
}

func TestFuelIsDeterministic(t *testing.T) {
	a, b := fuelUsed(t), fuelUsed(t)
	if a != b || a == 0 {
		t.Errorf("the same run took %d and %d fuel", a, b)
	}
	t.Logf("fuel for boot and seven requests: %d", a)
}

func fuelUsed(t *testing.T) int64 {
	m := compileGuest(t, "probe", Options{})
	s := m.Factory(t.Context())(0, 1, 9).(*server)
	defer s.Close()
	s.Step(0, &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3, Preempt: 2}}, nil)
	for _, p := range []string{"random", "locks", "output", "term", "logfiles", "fillfiles", "manyfiles"} {
		s.Step(1, &sim.Event{Kind: sim.RequestOp, Req: &sim.Request{Op: "start", Data: wire.AppendCommand(nil, p)}}, nil)
	}
	return m.opt.LifeFuel - s.left
}
