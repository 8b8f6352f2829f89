package grader

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/hunt"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// HuntOptions say how long random worlds are searched.
type HuntOptions struct {
	// Time after which no further world begins; 0: only Worlds counts.
	Time time.Duration
	// Worlds that are run at most; 0: only Time counts.
	Worlds int
	// Shrinking, if not nil, is called as what was found gets smaller.
	Shrinking func(actions, runs int)
}

// HuntResult is what a hunt came to. The same code, seed and number of worlds
// give the same, but for Timing; the time decides only how many worlds there are.
type HuntResult struct {
	Format  int      `json:"format"`
	Grader  string   `json:"grader"`
	Subject string   `json:"subject"`
	Go      string   `json:"go,omitempty"`
	Module  string   `json:"module,omitempty"`
	Seed    uint64   `json:"seed"`
	Worlds  int      `json:"worlds"`  // run in all
	Virtual sim.Time `json:"virtual"` // in all of them
	Status  Status   `json:"status"`
	Found   *Prey    `json:"found,omitempty"`
	Timing  Timing   `json:"timing"`
}

// Prey is a world in which the server broke a property, after shrinking.
type Prey struct {
	World   int    `json:"world"`   // its index in the search; -1: it comes from a test
	Was     int    `json:"was"`     // actions before shrinking
	Actions int    `json:"actions"` // and after
	Tried   int    `json:"tried"`   // worlds that shrinking ran
	Script  string `json:"script"`  // the world file
	// Test tells the run of the script, with its Failure.
	Test *TestResult `json:"test"`
	// Saved is the run, to be repeated anywhere.
	Saved *Saved `json:"-"`
}

// JSON returns the result as indented JSON.
func (r *HuntResult) JSON() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // nothing in it cannot be encoded
	}
	return append(b, '\n')
}

// Hunt runs random worlds until a property breaks, and shrinks the world in
// which it did. Its errors are those of [Grade].
func (s *Session) Hunt(ctx context.Context, o HuntOptions) (*HuntResult, error) {
	begin := time.Now()
	res := &HuntResult{
		Format: ResultFormat, Grader: Version(), Subject: s.res.Subject, Go: s.res.Go, Module: s.res.Module, Seed: s.o.Seed, Status: Passed,
		Timing: s.res.Timing,
	}
	found, err := hunt.Search(ctx, hunt.Options{
		Factory: s.sub.factory, Seed: s.o.Seed, Worlds: o.Worlds, Time: o.Time, Workers: s.o.Workers,
		NoSnapshots: slices.Contains(s.sub.lacks, "Snapshot"), Service: s.lab.Service,
		Progress: func(n int) {
			if s.o.Progress != nil {
				s.o.Progress(Progress{Stage: "hunt", Done: n, Total: o.Worlds})
			}
		},
	})
	res.Worlds, res.Virtual = found.Worlds, found.Virtual
	if err != nil {
		return nil, engineError(ctx, err)
	}
	if f := found.Found; f != nil {
		res.Status = Failed
		prey := &Prey{World: f.Index, Was: f.World.Size()}
		small, tried, err := s.shrink(ctx, f.World, f.Violation.Property, o.Shrinking)
		if err != nil {
			return nil, engineError(ctx, err)
		}
		prey.Tried, prey.Actions = tried, small.Size()
		head := fmt.Sprintf("Found by: grade hunt --seed %d, in its world %d; shrunk from %d actions to %d.", s.o.Seed, f.Index, prey.Was, prey.Actions)
		if prey.Script, prey.Test, err = s.write(ctx, small, f.Violation.Property, head); err != nil {
			return nil, err
		}
		if prey.Saved, err = s.saved(prey.Test, []byte(prey.Script)); err != nil {
			return nil, err
		}
		res.Found = prey
	}
	res.Timing.Run = time.Since(begin)
	res.Timing.Total += res.Timing.Run
	return res, nil
}

func (s *Session) shrink(ctx context.Context, w *hunt.World, p check.Property, progress func(actions, runs int)) (*hunt.World, int, error) {
	sh := hunt.Shrinker{Servers: s.sub.servers, Property: p, Workers: s.o.Workers, Progress: progress}
	if w.Service == "" {
		sh.Correct = coreSubject().factory
	}
	return sh.Shrink(ctx, w)
}

// write runs a world by its script once more, and writes the script with what
// came of it.
func (s *Session) write(ctx context.Context, w *hunt.World, p check.Property, head string) (string, *TestResult, error) {
	// The lines of a script are part of its trace, so it is run with as many lines
	// in front as it will have.
	tr, _, err := s.World(ctx, worldFile, []byte(w.Script("-\n-\n-\n-", p)), nil)
	if err != nil {
		return "", nil, err
	}
	what, module := string(p), "none: the consensus core"
	if f := tr.Failure; f != nil {
		what = strings.Join(strings.Fields(fmt.Sprintf("%s (%s): %s", f.Property, f.Section, f.Message)), " ")
	}
	if s.sub.module != "" {
		module = s.sub.module[:16]
	}
	again := "grade replay FILE DIR" + s.res.Raft.Flag()
	return w.Script(fmt.Sprintf("%s\n%s\nModule %s, trace %.16s\nRun it again: %s", what, head, module, tr.Runs[0].Hash, again), p), tr, nil
}

// World runs a world file, and makes a failure small if shrinking is not nil. Its
// errors are those of [Grade].
func (s *Session) World(ctx context.Context, name string, src []byte, shrinking func(actions, runs int)) (*TestResult, *Prey, error) {
	lab, test, err := script.LoadWorld(name, src)
	if err != nil {
		return nil, nil, err
	}
	if lab.Service != s.lab.Service {
		return nil, nil, fmt.Errorf("%w: the world is one of the service %q, the servers are of %q", ErrNoTests, lab.Service, s.lab.Service)
	}
	lab.Hints = s.lab.Hints
	return s.repeat(ctx, lab, test, test.World.Seed, shrinking)
}

// repeat runs one test with one seed, and looks for the moment when its failure
// became certain.
func (s *Session) repeat(ctx context.Context, lab *script.Lab, t *script.Test, seed uint64, shrinking func(actions, runs int)) (*TestResult, *Prey, error) {
	tr := &TestResult{Name: t.Name, Part: t.Part.Name, Title: t.Title, Max: t.Points, Runs: make([]RunResult, 1)}
	j := &job{test: t, seed: seed}
	if j.do(ctx, &s.o, lab, s.sub, s.hints, tr); j.err != nil {
		return nil, nil, j.err
	}
	tr.settle([]*job{j}, s.o.ends)
	if tr.Failure == nil {
		return tr, nil, nil
	}
	if err := s.certain(ctx, lab, t, seed, tr.Failure); err != nil {
		return nil, nil, err
	}
	if shrinking == nil {
		return tr, nil, nil
	}
	prey, err := s.shrinkRun(ctx, lab, t, seed, shrinking)
	return tr, prey, err
}

// Courses of the network that are tried for each moment, and moments.
const (
	courses = 6
	moments = 9
)

// certain looks for the moment from which a failure was certain, by letting the
// run take other courses from different times on.
func (s *Session) certain(ctx context.Context, lab *script.Lab, t *script.Test, seed uint64, f *Failure) error {
	if f.Kind != Safety && f.Kind != Broken {
		return nil // what did not happen in time has no such moment
	}
	broken := func(at sim.Time) (int, error) {
		var (
			mu   sync.Mutex
			wg   sync.WaitGroup
			next int
			n    int
			fail error
		)
		for range min(s.o.Workers, courses) {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					mu.Lock()
					k := next
					next++
					mu.Unlock()
					if k >= courses {
						return
					}
					out := lab.Run(t, script.Run{
						Seed: seed, Factory: s.sub.factory(), Turn: &script.Turn{At: at, Seed: sim.NewRNG(seed, 500+uint64(k)).Uint64()},
						Cancelled: func() bool { return ctx.Err() != nil },
					})
					mu.Lock()
					var unfit *script.Error
					if out.Err != nil && !errors.As(out.Err, &unfit) {
						fail = out.Err
					}
					if v := out.Violation; v != nil && string(v.Property) == f.Property {
						n++
					}
					mu.Unlock()
				}
			}()
		}
		wg.Wait()
		if fail != nil {
			return 0, engineError(ctx, fail)
		}
		return n, nil
	}
	c := &Certainty{Time: f.Time, Tried: courses}
	some, err := broken(0)
	if err != nil {
		return err
	}
	if c.Some = some; some == courses {
		c.Time = 0
	}
	for k := 0; k < moments && c.Time-c.Before > sim.Millisecond; k++ {
		at := c.Before + (c.Time-c.Before)/2
		n, err := broken(at)
		if err != nil {
			return err
		}
		if n == courses {
			c.Time = at
		} else {
			c.Before, c.Some = at, n
		}
	}
	f.Certain = c
	return nil
}

// ErrNoScript says that a run cannot be told as a short script: its failure rests
// on what the test itself compared, or on how long a service took.
var ErrNoScript = errors.New("this failure cannot be made a short script: it rests on what the test itself compared, or on how long a service took")

// shrinkRun makes the run of a test small.
func (s *Session) shrinkRun(ctx context.Context, lab *script.Lab, t *script.Test, seed uint64, progress func(actions, runs int)) (*Prey, error) {
	log := hunt.Log{Service: lab.Service}
	out := lab.Run(t, script.Run{Seed: seed, Factory: s.sub.factory(), Log: &log, Cancelled: func() bool { return ctx.Err() != nil }})
	if out.Err != nil || out.Violation == nil {
		return nil, engineError(ctx, cmp.Or(out.Err, errors.New("a failing run passed when it was repeated")))
	}
	if kind := check.KindOf(out.Violation.Property); lab.Service != "" && kind != check.Safety && kind != check.Fault {
		// Whether a correct service would do in a smaller run what is asked for in
		// time, nobody can say: there is none to try it on.
		return nil, ErrNoScript
	}
	p := &Prey{World: -1}
	var small *hunt.World
	for _, w := range log.Worlds(t, seed, out.Violation) {
		got, tried, err := s.shrink(ctx, w, out.Violation.Property, progress)
		switch {
		case errors.Is(err, hunt.ErrNotTheSame):
			continue
		case err != nil:
			return nil, engineError(ctx, err)
		}
		p.Tried += tried
		if small == nil || got.Size() < small.Size() {
			small, p.Was, p.Actions = got, w.Size(), got.Size()
		}
		if small.Size() <= hunt.Short {
			break
		}
	}
	if small == nil {
		return nil, ErrNoScript
	}
	var err error
	head := fmt.Sprintf("Shrunk from %d actions of %s/%s with seed %d to %d.", p.Was, t.Part.Name, t.Name, seed, p.Actions)
	p.Script, p.Test, err = s.write(ctx, small, out.Violation.Property, head)
	return p, err
}

// engineError makes an error of a world the grader's own, unless the caller gave up.
func engineError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %v", ErrEngine, err)
}
