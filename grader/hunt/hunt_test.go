package hunt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// digest is the lab's service.
type digest wire.Digest

func (d *digest) Apply(_ uint64, command []byte) { (*wire.Digest)(d).Apply(command) }
func (d *digest) Snapshot() []byte               { return (*wire.Digest)(d).Append(nil) }
func (d *digest) Restore(snapshot []byte) {
	if x, err := wire.ParseDigest(snapshot); err == nil {
		*d = digest(x)
	}
}

func core() sim.Factory {
	return reference.New(reference.Options{
		Config: reference.Lab(), Service: func(int) reference.Service { d := digest(wire.NewDigest()); return &d },
	})
}

// unmetered are servers that burn no fuel.
func unmetered(f func() sim.Factory) func() (sim.Factory, func() uint64) {
	return func() (sim.Factory, func() uint64) { return f(), func() uint64 { return 0 } }
}

// withoutDisk is the core without a disk.
func withoutDisk() sim.Factory {
	whole := core()
	return func(node, life int, seed uint64) sim.Server { return diskless{whole(node, life, seed)} }
}

type diskless struct{ sim.Server }

func (d diskless) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	n := len(fx)
	fx, deadline := d.Server.Step(now, ev, fx)
	return append(fx[:n], slices.DeleteFunc(slices.Clone(fx[n:]), func(e sim.Effect) bool {
		return e.Kind == sim.Save || e.Kind == sim.WriteAhead
	})...), deadline
}

func TestGeneratedWorldsAreSoundAndLoad(t *testing.T) {
	for i := range 300 {
		w := Generate(SeedOf(5, i), "", i%2 == 0)
		if !w.sound() {
			t.Errorf("world %d asks for more than a correct server can do:\n%s", i, w.Script("", ""))
		}
		if i%2 == 1 && w.SnapshotEvery > 0 {
			t.Errorf("world %d takes snapshots", i)
		}
		_, test, err := script.LoadWorld("w", []byte(w.Script("two\nlines", check.Agreement)))
		if err != nil {
			t.Fatalf("world %d: %v\n%s", i, err, w.Script("", ""))
		}
		if test.World.Seed != w.Seed || test.World.Breaks != check.Agreement || test.Servers != w.Servers || test.Preempt != w.Preempt || test.Link.String() != w.Net.String() {
			t.Errorf("world %d: its script is another world", i)
		}
	}
}

func TestAWorldDependsOnItsSeedAlone(t *testing.T) {
	hash := func(seed uint64) string {
		rec := sim.NewRecorder(false)
		if out := Generate(seed, "", true).Run(t.Context(), core(), rec); out.Err != nil {
			t.Fatal(out.Err)
		}
		return rec.Hash().String()
	}
	seen := map[string]bool{}
	for i := range 10 {
		h := hash(SeedOf(1, i))
		if h != hash(SeedOf(1, i)) {
			t.Errorf("world %d ran twice, and not the same", i)
		}
		seen[h] = true
	}
	if len(seen) != 10 {
		t.Errorf("10 seeds made %d worlds", len(seen))
	}
}

func TestSearchFindsAndShrinksTheSameWithAnyWorkers(t *testing.T) {
	var scripts []string
	for _, workers := range []int{1, 3} {
		s, err := Search(t.Context(), Options{Factory: withoutDisk, Seed: 1, Worlds: 200, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if s.Found == nil {
			t.Fatalf("nothing found in %d worlds of servers without a disk", s.Worlds)
		}
		sh := Shrinker{Servers: unmetered(withoutDisk), Correct: core, Property: s.Found.Violation.Property, Workers: workers}
		small, runs, err := sh.Shrink(t.Context(), s.Found.World)
		if err != nil {
			t.Fatal(err)
		}
		if small.Size() > 8 {
			t.Errorf("%d of %d actions are left after %d runs:\n%s", small.Size(), s.Found.World.Size(), runs, small.Script("", ""))
		}
		if out := small.Run(t.Context(), withoutDisk()); out.Violation == nil || out.Violation.Property != s.Found.Violation.Property {
			t.Errorf("the small world breaks %v, expected %s", out.Violation, s.Found.Violation.Property)
		}
		if out := small.Run(t.Context(), core()); out.Violation != nil {
			t.Errorf("the core fails the small world: %v", out.Violation)
		}
		scripts = append(scripts, small.Script("", ""))
	}
	if scripts[0] != scripts[1] {
		t.Errorf("one worker:\n%s\nthree:\n%s", scripts[0], scripts[1])
	}
}

// What shrinking may burn ends it, within one round of worlds too, and at the same
// world with any number of workers.
func TestShrinkingEndsByItsFuel(t *testing.T) {
	found, err := Search(t.Context(), Options{Factory: withoutDisk, Seed: 1, Worlds: 200, Workers: 1})
	if err != nil || found.Found == nil {
		t.Fatalf("nothing found in servers without a disk: %v", err)
	}
	var scripts []string
	for _, workers := range []int{1, 4} {
		sh := Shrinker{Property: found.Found.Violation.Property, Workers: workers, Servers: func() (sim.Factory, func() uint64) {
			return withoutDisk(), func() uint64 { return maxFuel / 10 }
		}}
		small, runs, err := sh.Shrink(t.Context(), found.Found.World)
		if err != nil || runs > 11 {
			t.Errorf("%d workers: %d runs, expected 11 at most: %v", workers, runs, err)
		}
		scripts = append(scripts, fmt.Sprint(runs, small.Script("", "")))
	}
	if scripts[0] != scripts[1] {
		t.Errorf("one worker:\n%s\nfour:\n%s", scripts[0], scripts[1])
	}
}

// The run of a test, taken down and run as a world, breaks the same at the same time.
func TestALogIsTheSameRun(t *testing.T) {
	w := &World{Seed: 7, Servers: 3, Net: sim.Link{Min: sim.Millisecond, Max: 9 * sim.Millisecond}}
	for i := range 12 {
		w.Actions = append(w.Actions,
			Action{Op: Look, Pause: 333*sim.Millisecond + 7},
			Action{Op: CrashOn, A: after(1), What: "reply"},
			Action{Op: Start, A: leader, Value: i + 1, Count: 1},
			Action{Op: Restart, A: leader, Pause: 61 * sim.Millisecond},
			Action{Op: Revive, A: after(1), Pause: 17 * sim.Millisecond})
	}
	lab, test, err := script.LoadWorld("w", []byte(w.Script("", "")))
	if err != nil {
		t.Fatal(err)
	}
	var log Log
	out := lab.Run(test, script.Run{Factory: withoutDisk(), Log: &log})
	if out.Violation == nil {
		t.Fatal("servers without a disk pass")
	}
	again := log.Worlds(test, 0, out.Violation)[0].Run(t.Context(), withoutDisk())
	if v := again.Violation; v == nil || v.Property != out.Violation.Property || v.Time != out.Violation.Time {
		t.Errorf("the test broke %v at %d, its log %v", out.Violation, out.Violation.Time, v)
	}
}

func TestShrinkRefusesAnotherProperty(t *testing.T) {
	sh := Shrinker{Servers: unmetered(core), Property: check.ElectionSafety, Workers: 1}
	w := Generate(1, "", true)
	if got, _, err := sh.Shrink(t.Context(), w); err != ErrNotTheSame || got != w {
		t.Errorf("got %v, expected ErrNotTheSame", err)
	}
}

// A record of a run, as far as a world repeats it: not the lines of the script.
type told struct {
	T          sim.Time
	Kind       sim.RecordKind
	Node, Peer int
	Name, Data string
}

type story []told

func (s *story) Watch(r *sim.Record) {
	switch r.Kind {
	case sim.RecLine, sim.RecNote, sim.RecPhase:
	default:
		*s = append(*s, told{r.T, r.Kind, r.Node, r.Peer, r.Name, string(r.Data)})
	}
}

// What the lab's tests do depends on when they see a leader or an entry: in the
// very moment in which a message arrives. Taken down and done at these moments,
// it must be the same run to the last message.
func TestLabTestsAreTheSameRunAsWorlds(t *testing.T) {
	lab, err := script.Load(labs.Raft())
	if err != nil {
		t.Fatal(err)
	}
	n, whole := 0, 0
	for _, p := range lab.Parts {
		for _, x := range p.Tests {
			if x.Clients > 0 {
				continue
			}
			n++
			var log Log
			var want story
			out := lab.Run(x, script.Run{Seed: 1, Factory: core(), Log: &log, Watch: []sim.Watcher{&want}})
			if out.Err != nil || out.Violation != nil {
				t.Fatalf("%s/%s: the core fails: %v %v", p.Name, x.Name, out.Err, out.Violation)
			}
			end := &check.Violation{Property: check.ElectionSafety, Time: out.Virtual}
			worlds := map[string]*World{"moment by moment": log.Worlds(x, 1, end)[0]}
			if w := log.whole(x, 1, end); w != nil {
				worlds["call by call"] = w
				whole++
			}
			for how, w := range worlds {
				var got story
				again := w.Run(t.Context(), core(), &got)
				if again.Err != nil {
					t.Errorf("%s/%s: %s, its run is no world: %v", p.Name, x.Name, how, again.Err)
					continue
				}
				for i, w := range want {
					if i == len(got) || got[i] != w {
						t.Errorf("%s/%s: %s, record %d of %d: expected %+v, found %+v", p.Name, x.Name, how, i, len(want), w, got[min(i, len(got)-1)])
						break
					}
				}
			}
		}
	}
	t.Logf("%d tests, %d of them call by call", n, whole)
	if whole < n/2 {
		t.Errorf("only %d of %d tests can be told call by call", whole, n)
	}
}

// What one client appends, one text after the other, is one action in the end: of
// texts that are told apart from each other and from all others.
func TestAppendsOfAClientBecomeOne(t *testing.T) {
	ask := func(client int, what, text string) Action {
		return Action{Op: Ask, A: Who{N: client}, What: what, Text: text}
	}
	w := &World{Servers: 3, Service: "kv", Clients: 2, Actions: []Action{
		ask(0, "append", `"a", "<1>"`), ask(0, "append", `"b", "<2>"`), ask(0, "append", `"a", "<3>"`),
		ask(1, "append", `"a", "<4>"`), ask(1, "get", `"a"`), ask(1, "append", `"a", "5%d"`),
	}}
	if n := w.series(0); n != 3 {
		t.Fatalf("the first series ends at %d, expected 3", n)
	}
	for i, end := range map[int]int{3: 4, 4: 5, 5: 6} {
		if n := w.series(i); n != end {
			t.Errorf("the series from %d ends at %d, expected %d", i, n, end)
		}
	}
	const line = `[c.append(0, "a", "<1.%d>" % i, wait = False) for i in range(3)]`
	m := w.merged(0, 3, true)
	if got := m.Actions[0].lines(3); len(m.Actions) != 4 || got[0] != line {
		t.Errorf("%d actions, the first %v, expected 4 and %s", len(m.Actions), got, line)
	}
	m.Actions = slices.Insert(m.Actions, 1, ask(0, "append", `"a", "<9>"`))
	if got := m.merged(0, 2, false).Actions[0].lines(3)[0]; got != strings.Replace(line, "range(3)", "range(4)", 1) {
		t.Errorf("a series and another became %s", got)
	}
}
