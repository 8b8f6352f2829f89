package reference_test

import (
	"fmt"
	"testing"

	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/sim"
)

// applied keeps what each server has applied, as text.
type applied struct{ logs map[int][]string }

func (a *applied) Watch(r *sim.Record) {
	switch r.Kind {
	case sim.RecApply:
		a.logs[r.Node] = append(a.logs[r.Node], fmt.Sprintf("%d=%s", r.Index, r.Data))
	case sim.RecApplySnapshot:
		a.logs[r.Node] = append(a.logs[r.Node], fmt.Sprintf("..%d=%s", r.Index, r.Data))
	}
}

func newWorld(t *testing.T, cfg sim.Config, o reference.Options) (*sim.World, *applied, *sim.Recorder) {
	t.Helper()
	a, rec := &applied{logs: map[int][]string{}}, sim.NewRecorder(false)
	cfg.New = reference.New(o)
	w := sim.New(cfg, a, rec)
	t.Cleanup(w.Close)
	w.BootAll()
	return w, a, rec
}

// leader waits for exactly one leader in the highest term, and returns it.
func leader(t *testing.T, w *sim.World) int {
	t.Helper()
	for end := w.Now() + 10*sim.Second; w.Now() < end; w.RunUntil(w.Now() + 50*sim.Millisecond) {
		best, term := -1, uint64(0)
		for n := range w.Servers() {
			if st := w.Status(n); w.Up(n) && st.Role == sim.Leader && st.Term > term {
				best, term = n, st.Term
			}
		}
		if best >= 0 {
			return best
		}
	}
	t.Fatal("no leader within 10 virtual seconds")
	return -1
}

// ask does a request and returns its answer, which must come at once.
func ask(t *testing.T, w *sim.World, n int, op string, index uint64, data string) sim.Effect {
	t.Helper()
	var got *sim.Effect
	w.Request(n, op, index, []byte(data), func(e *sim.Effect) { c := *e; got = &c })
	if got == nil {
		t.Fatalf("%s on server %d: no answer", op, n)
	}
	return *got
}

func TestFirstCommandHasIndexOne(t *testing.T) {
	for _, link := range []sim.Link{sim.Reliable, sim.Unreliable, sim.LongReordering} {
		w, a, _ := newWorld(t, sim.Config{Servers: 3, Seed: 7, Link: link}, reference.Options{Config: reference.Lab()})
		l := leader(t, w)
		if r := ask(t, w, (l+1)%3, "start", 0, "x"); r.Flag {
			t.Errorf("%v: a follower took a command", link)
		}
		for i := range 3 {
			r := ask(t, w, l, "start", 0, fmt.Sprint("c", i))
			if !r.Flag || r.Index != uint64(i+1) || r.Term != w.Status(l).Term {
				t.Fatalf("%v: start: got %+v, want index %d", link, r, i+1)
			}
		}
		w.RunUntil(w.Now() + 5*sim.Second)
		for n := range 3 {
			if got, want := fmt.Sprint(a.logs[n]), "[1=c0 2=c1 3=c2]"; got != want {
				t.Errorf("%v: server %d applied %s, want %s", link, n, got, want)
			}
		}
	}
}

func TestCrashAndSnapshot(t *testing.T) {
	w, a, _ := newWorld(t, sim.Config{Servers: 3, Seed: 3}, reference.Options{Config: reference.Lab()})
	l := leader(t, w)
	late := (l + 1) % 3
	w.Crash(late)
	for i := range 10 {
		ask(t, w, l, "start", 0, fmt.Sprint(i))
		w.RunUntil(w.Now() + 50*sim.Millisecond)
	}
	if r := ask(t, w, l, "snapshot", 8, "state@8"); !r.Flag {
		t.Fatalf("snapshot: %s", r.Data)
	}
	if r := ask(t, w, l, "snapshot", 99, "future"); r.Flag {
		t.Error("a snapshot of commands not applied was taken")
	}
	w.Boot(late)
	w.RunUntil(w.Now() + 2*sim.Second)
	if got, want := fmt.Sprint(a.logs[late]), "[..8=state@8 9=8 10=9]"; got != want {
		t.Errorf("late server applied %s, want %s", got, want)
	}
	w.Crash(late)
	w.Boot(late)
	w.RunUntil(w.Now() + sim.Second)
	if st := w.Status(late); st.First != 9 || st.Applied != 10 {
		t.Errorf("after the restart: log from %d, applied %d; want 9, 10", st.First, st.Applied)
	}
}

func TestPauseHoldsTheApplyChannel(t *testing.T) {
	w, a, _ := newWorld(t, sim.Config{Servers: 3, Seed: 5}, reference.Options{Config: reference.Lab()})
	l := leader(t, w)
	f := (l + 1) % 3
	ask(t, w, f, "pause", 0, "")
	ask(t, w, l, "start", 0, "a")
	w.RunUntil(w.Now() + sim.Second)
	if len(a.logs[f]) != 0 || w.Status(f).Applied != 0 || w.Status(f).Commit != 1 {
		t.Errorf("paused: applied %v, status %+v", a.logs[f], w.Status(f))
	}
	ask(t, w, f, "resume", 0, "")
	if len(a.logs[f]) != 1 || w.Status(f).Applied != 1 {
		t.Errorf("resumed: applied %v", a.logs[f])
	}
	if r := ask(t, w, f, "dump", 0, ""); len(r.Data) == 0 {
		t.Error("dump: empty")
	}
	if r := ask(t, w, f, "fly", 0, ""); r.Flag {
		t.Error("an unknown request was done")
	}
}

// tally counts the commands it applied.
type tally struct{ n byte }

func (c *tally) Apply(uint64, []byte)    { c.n++ }
func (c *tally) Snapshot() []byte        { return []byte{c.n} }
func (c *tally) Restore(snapshot []byte) { c.n = snapshot[0] }

func TestServiceSnapshots(t *testing.T) {
	services := map[int]*tally{}
	w, _, _ := newWorld(t, sim.Config{Servers: 3, Seed: 6, SnapshotEvery: 4},
		reference.Options{Config: reference.Lab(), Service: func(n int) reference.Service {
			services[n] = &tally{}
			return services[n]
		}})
	l := leader(t, w)
	gone := (l + 1) % 3
	w.Crash(gone)
	for range 10 {
		ask(t, w, l, "start", 0, "x")
	}
	w.RunUntil(w.Now() + sim.Second)
	if st := w.Status(l); st.First != 9 || st.Last != 10 {
		t.Errorf("log is %d..%d, want 9..10", st.First, st.Last)
	}
	w.Boot(gone)
	w.RunUntil(w.Now() + sim.Second)
	w.Crash(l)
	w.Boot(l)
	w.RunUntil(w.Now() + sim.Second)
	ask(t, w, leader(t, w), "start", 0, "y")
	w.RunUntil(w.Now() + sim.Second)
	for n, s := range services {
		if s.n != 11 {
			t.Errorf("server %d's service counts %d commands, want 11", n, s.n)
		}
	}
}

func TestReadTransferMembers(t *testing.T) {
	o := reference.Options{OneWay: true}
	o.Config.Members.Voters = append(o.Config.Members.Voters, 1, 2, 3)
	w, _, _ := newWorld(t, sim.Config{Servers: 4, Seed: 8}, o)
	l := leader(t, w)
	ask(t, w, l, "start", 0, "x")
	w.RunUntil(w.Now() + sim.Second)
	var read *sim.Effect
	w.Request(l, "read", 0, nil, func(e *sim.Effect) { c := *e; read = &c })
	w.RunUntil(w.Now() + sim.Second)
	if read == nil || !read.Flag || read.Index != 2 { // 1 is the leader's own entry
		t.Errorf("read: %+v", read)
	}
	if r := ask(t, w, l, "members", 0, "0,1,2,x"); r.Flag {
		t.Error("members took a name that is no number")
	}
	if w.Status(3).Role != sim.Learner {
		t.Errorf("server outside the cluster: role %d", w.Status(3).Role)
	}
	if r := ask(t, w, l, "members", 0, "0,1,2;3"); !r.Flag {
		t.Errorf("members: %s", r.Data)
	}
	w.RunUntil(w.Now() + sim.Second)
	if r := ask(t, w, l, "members", 0, fmt.Sprintf("%d,3", l)); !r.Flag {
		t.Errorf("members: %s", r.Data)
	}
	w.RunUntil(w.Now() + sim.Second)
	if r := ask(t, w, l, "transfer", 3, ""); !r.Flag {
		t.Errorf("transfer: %s", r.Data)
	}
	w.RunUntil(w.Now() + sim.Second)
	if now := leader(t, w); now != 3 {
		t.Errorf("server %d leads after the transfer to 3", now)
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	run := func(seed uint64) sim.Hash {
		w, _, rec := newWorld(t, sim.Config{Servers: 5, Seed: seed, Link: sim.Unreliable}, reference.Options{Config: reference.Lab()})
		for i := range 20 {
			w.RunUntil(w.Now() + 300*sim.Millisecond)
			for n := range 5 {
				w.Request(n, "start", 0, fmt.Append(nil, i), nil)
			}
		}
		return rec.Hash()
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("seed 1 gave %v and %v", a, b)
	}
	if run(1) == run(2) {
		t.Error("seeds 1 and 2 gave the same trace")
	}
}
