package grader

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	World   int    `json:"world"`   // its index in the search
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
		NoSnapshots: slices.Contains(s.sub.lacks, "Snapshot"),
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
	sh := hunt.Shrinker{Factory: s.sub.factory, Correct: coreSubject().factory, Property: p, Workers: s.o.Workers, Progress: progress}
	return sh.Shrink(ctx, w)
}

// write runs a world by its script once more, and writes the script with what
// came of it.
func (s *Session) write(ctx context.Context, w *hunt.World, p check.Property, head string) (string, *TestResult, error) {
	src := w.Script("", p)
	tr, err := s.World(ctx, "world.star", []byte(src))
	if err != nil {
		return "", nil, err
	}
	if tr.Failure != nil {
		head = fmt.Sprintf("%s (%s): %s\n%s\n", tr.Failure.Property, tr.Failure.Section, tr.Failure.Message, head)
		if s.sub.module != "" {
			head += fmt.Sprintf("Module %.16s, trace %.16s\n", s.sub.module, tr.Runs[0].Hash)
		}
	}
	head += "Run it again: grade replay FILE DIR"
	return w.Script(head, p), tr, nil
}

// World runs a world file. Its errors are those of [Grade].
func (s *Session) World(ctx context.Context, name string, src []byte) (*TestResult, error) {
	lab, test, err := script.LoadWorld(name, src)
	if err != nil {
		return nil, err
	}
	lab.Hints = s.lab.Hints
	return (&Session{o: s.o, lab: lab, hints: s.hints, sub: s.sub}).one(ctx, test, test.World.Seed)
}

// engineError makes an error of a world the grader's own, unless the caller gave up.
func engineError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %v", ErrEngine, err)
}
