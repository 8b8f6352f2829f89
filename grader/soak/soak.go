package soak

import (
	"context"
	"errors"
	"math"
	"sync"

	"github.com/raftlab/raftlab/grader"
)

// Result is what a soak came to. The same code and seeds give the same Result,
// whatever the number of workers.
type Result struct {
	Grader string `json:"grader"`
	Lab    string `json:"lab"`
	Module string `json:"module,omitempty"` // SHA-256
	Seed   uint64 `json:"seed"`             // the first
	Seeds  int    `json:"seeds"`            // done, of each test
	// Next is the seed with which to go on.
	Next  uint64 `json:"next"`
	Tests []Test `json:"tests"`
}

// Test is how often one test failed.
type Test struct {
	Part   string `json:"part"`
	Name   string `json:"name"`
	Runs   int    `json:"runs"`
	Failed int    `json:"failed"`
	// Rate is Failed/Runs; the true rate is between Low and High with a confidence
	// of 95 % (Wilson's interval).
	Rate float64 `json:"rate"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Seeds are those that failed, in order; Properties says how many of them broke
	// which property.
	Seeds      []uint64        `json:"seeds,omitempty"`
	Properties map[string]int  `json:"properties,omitempty"`
	First      *grader.Failure `json:"failure,omitempty"` // of the first seed that failed
}

// Run runs the tests that o asks for, each on o.Seeds seeds from o.Seed on. It
// goes seed by seed: when ctx ends, the Result of the seeds that every test was
// run on is returned beside ctx's error. Its other errors are those of
// [grader.Grade].
func Run(ctx context.Context, o grader.Options) (*Result, error) {
	s, err := grader.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	runs := s.Runs()
	seeds := max(o.Seeds, 1)
	tests := len(runs) / seeds
	first := runs[0].Seed

	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next int
		done int
		fail error
		out  = make([][]outcome, tests) // by test and seed
	)
	for t := range out {
		out[t] = make([]outcome, seeds)
	}
	workers := s.Workers()
	progress := func() {
		if o.Progress != nil {
			o.Progress(grader.Progress{Stage: "test", Done: done, Total: len(runs)})
		}
	}
	progress()
	for range min(workers, len(runs)) {
		wg.Go(func() {
			for {
				mu.Lock()
				k := next
				if k == len(runs) || fail != nil || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				next++
				mu.Unlock()
				t, seed := k%tests, k/tests
				r, err := s.Do(ctx, t*seeds+seed)
				mu.Lock()
				if err == nil {
					out[t][seed] = outcome{done: true, failed: r.Run.Status == grader.Failed, failure: r.Failure}
				} else if fail == nil && !errors.Is(err, context.Canceled) {
					fail = err
				}
				done++
				progress()
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if fail != nil && ctx.Err() == nil {
		return nil, fail
	}
	whole := seeds
	for t := range out {
		for k := range out[t] {
			if !out[t][k].done {
				whole = min(whole, k)
				break
			}
		}
	}
	head := s.Head()
	res := &Result{Grader: head.Grader, Lab: head.Lab, Module: head.Module, Seed: first, Seeds: whole, Next: first + uint64(whole)}
	for t := range out {
		res.Tests = append(res.Tests, sum(runs[t*seeds], out[t][:whole]))
	}
	return res, ctx.Err()
}

type outcome struct {
	done, failed bool
	failure      *grader.Failure
}

func sum(r grader.Run, all []outcome) Test {
	t := Test{Part: r.Part, Name: r.Test, Runs: len(all)}
	for k, o := range all {
		if !o.failed {
			continue
		}
		t.Failed++
		t.Seeds = append(t.Seeds, r.Seed+uint64(k))
		if o.failure != nil {
			if t.First == nil {
				t.First, t.Properties = o.failure, make(map[string]int)
			}
			t.Properties[o.failure.Property]++
		}
	}
	if t.Runs > 0 {
		t.Rate = float64(t.Failed) / float64(t.Runs)
	}
	t.Low, t.High = Wilson(t.Failed, t.Runs)
	return t
}

// Wilson returns the score interval of E. B. Wilson (1927) for k of n, with a
// confidence of 95 %. It is of use for small n, and for k = 0 too.
func Wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high = (centre-half)/(1+z*z/m), (centre+half)/(1+z*z/m)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}
