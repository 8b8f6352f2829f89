package grader

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/hunt"
	"github.com/raftlab/raftlab/grader/sim"
)

// TestSteering measures whether a hunt should be steered by what the worlds show:
// it searches the bugs that need a hunt blindly, as hunts do, and steered, where
// half of the worlds continue one that has shown the servers in a state together
// that was not seen before. It prints how many worlds each took, by the hunt's
// seed; docs/rationale.md has the figures. RAFTLAB_STEER is the number of seeds.
func TestSteering(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("RAFTLAB_STEER"))
	if seeds == 0 {
		t.Skip("make steering")
	}
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	const most = 600
	for _, b := range bugs {
		if b.Needs != corpus.Hunt {
			continue
		}
		files, err := b.Apply(os.DirFS("testdata/correct"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Options{Dir: ".", Files: files})
		if err != nil {
			t.Fatal(err)
		}
		for _, steered := range []bool{false, true} {
			var took []int
			var virtual sim.Time
			states, missed := 0, 0
			for seed := range seeds {
				h := &steeredHunt{seed: uint64(seed), steered: steered, seen: make(map[uint64]bool)}
				n, err := h.search(t.Context(), s.sub.factory, b.Properties, most)
				if err != nil {
					t.Fatal(err)
				}
				if n > most {
					missed++
				}
				took = append(took, n)
				states += len(h.seen)
				virtual += h.virtual
			}
			sum := 0
			for _, n := range took {
				sum += n
			}
			slices.Sort(took)
			n := float64(seeds)
			t.Logf("%-32s steered %-5v worlds: median %3d, mean %5.1f; of %d hunts %d missed within %d; a hunt: %5d states, %6.0f s virtual; %v",
				b.Name, steered, took[len(took)/2], float64(sum)/n, seeds, missed, most, states/seeds, float64(virtual)/1e9/n, took)
		}
		s.Close()
	}
}

// steeredHunt is a hunt that remembers the worlds which showed something new.
type steeredHunt struct {
	seed    uint64
	steered bool
	seen    map[uint64]bool // states of the whole cluster
	pool    []*hunt.World
	virtual sim.Time
}

// search returns the number of worlds up to the first broken property; one more
// than most if nothing broke.
func (h *steeredHunt) search(ctx context.Context, factory func() sim.Factory, properties []check.Property, most int) (int, error) {
	rng := sim.NewRNG(h.seed, 99)
	for i := range most {
		w := hunt.Generate(hunt.SeedOf(h.seed, i), "", true)
		if h.steered && len(h.pool) > 0 && rng.Chance(0.5) {
			w = h.continued(h.pool[rng.N(int64(len(h.pool)))], w, rng)
		}
		before, states := len(h.seen), &states{seen: h.seen}
		out := w.Run(ctx, factory(), states)
		h.virtual += out.Virtual
		switch {
		case out.Err != nil:
			return 0, out.Err
		case out.Violation != nil && !slices.Contains(properties, out.Violation.Property):
			return 0, fmt.Errorf("world %d of seed %d: %s: %s\n%s", i, h.seed, out.Violation.Property, out.Violation.Message, w.Script("", ""))
		case out.Violation != nil:
			if core := w.Run(ctx, coreSubject().factory()); core.Err != nil || core.Violation != nil {
				return 0, fmt.Errorf("world %d of seed %d asks too much: the core fails it too: %v %v", i, h.seed, core.Err, core.Violation)
			}
			return i + 1, nil
		}
		if len(h.seen) > before {
			h.pool = append(h.pool, w)
		}
	}
	return most + 1, nil
}

// continued is the beginning of a world that showed something new, then the
// troubles of a fresh one, then the first one's end.
func (h *steeredHunt) continued(old, fresh *hunt.World, rng *sim.RNG) *hunt.World {
	calm := func(w *hunt.World) int {
		return slices.IndexFunc(w.Actions, func(a hunt.Action) bool { return a.Op == hunt.Calm })
	}
	end := calm(old)
	w := *old
	w.Seed = fresh.Seed
	w.Actions = slices.Clone(old.Actions[:end-int(rng.N(int64(end/2+1)))])
	within := func(who hunt.Who) hunt.Who {
		if who != hunt.Any {
			who.N %= w.Servers
		}
		return who
	}
	for _, a := range fresh.Actions[:calm(fresh)] {
		a.A, a.B = within(a.A), within(a.B)
		var group []hunt.Who
		for _, who := range a.Group {
			if who = within(who); !slices.Contains(group, who) {
				group = append(group, who)
			}
		}
		a.Group = group
		w.Actions = append(w.Actions, a)
	}
	w.Actions = append(w.Actions, old.Actions[end:]...)
	return &w
}

// states takes in the states of all servers together: their roles, and how their
// terms and what they have applied compare, with the last message.
type states struct {
	seen map[uint64]bool
	at   []sim.Status
	idx  []uint64
	down []bool
	last string
}

func (s *states) Watch(r *sim.Record) {
	for len(s.at) <= r.Node {
		s.at, s.idx, s.down = append(s.at, sim.Status{}), append(s.idx, 0), append(s.down, false)
	}
	switch r.Kind {
	case sim.RecBoot:
		s.down[r.Node], s.idx[r.Node], s.at[r.Node] = false, 0, sim.Status{}
	case sim.RecCrash:
		s.down[r.Node] = true
	case sim.RecObserve:
		s.at[r.Node] = *r.Status
	case sim.RecApply:
		s.idx[r.Node] = r.Index
	case sim.RecSend:
		s.last = r.Name
	default:
		return
	}
	var terms, applied []uint64
	for i := range s.at {
		terms, applied = append(terms, s.at[i].Term), append(applied, s.idx[i])
	}
	slices.Sort(terms)
	slices.Sort(applied)
	type one struct {
		down       bool
		role       sim.Role
		term, upTo int // ranks among the servers
	}
	var all []one
	for i := range s.at {
		t, _ := slices.BinarySearch(slices.Compact(slices.Clone(terms)), s.at[i].Term)
		a, _ := slices.BinarySearch(slices.Compact(slices.Clone(applied)), s.idx[i])
		all = append(all, one{s.down[i], s.at[i].Role, t, a})
	}
	slices.SortFunc(all, func(a, b one) int {
		return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.upTo, b.upTo), cmp.Compare(a.role, b.role), btoi(a.down)-btoi(b.down))
	})
	f := fnv.New64a()
	for _, o := range all {
		f.Write([]byte{byte(btoi(o.down)), byte(o.role), byte(o.term), byte(o.upTo)})
	}
	f.Write([]byte(s.last))
	s.seen[f.Sum64()] = true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
