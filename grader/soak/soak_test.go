package soak

import (
	"context"
	"errors"
	"math"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raftlab/raftlab/grader"
)

// The values are those of Wilson's formula as statistical packages give them.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{1, 10, 0.0179, 0.4042},
		{5, 10, 0.2366, 0.7634},
		{0, 1000, 0, 0.0038},
		{15, 148, 0.0624, 0.1605},
	} {
		low, high := Wilson(c.k, c.n)
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

func options(seed uint64, seeds, workers int) grader.Options {
	return grader.Options{
		Core: true, Run: regexp.MustCompile("^election/(initial|reelection)$"), Seed: seed, Seeds: seeds, Workers: workers,
	}
}

func TestSameResultWithAnyNumberOfWorkers(t *testing.T) {
	a, err := Run(t.Context(), options(5, 6, 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Run(t.Context(), options(5, 6, 4))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if a.Seeds != 6 || a.Next != 11 || len(a.Tests) == 0 || a.Tests[0].Runs != 6 || a.Tests[0].Failed != 0 {
		t.Errorf("%+v", a)
	}
}

// What was done before the end of time counts, and the rest can follow.
func TestInterruptedSoakCanGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := options(1, 50, 1)
	o.Progress = func(p grader.Progress) {
		if p.Done == 7 {
			cancel()
		}
	}
	r, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	want := 7 / len(r.Tests)
	if r.Seeds != want || r.Next != uint64(1+want) || r.Tests[0].Runs != want {
		t.Errorf("after 7 runs of %d tests: %d seeds, next %d", len(r.Tests), r.Seeds, r.Next)
	}
}
