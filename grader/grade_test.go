package grader_test

import (
	"context"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

func TestCorePassesEveryTest(t *testing.T) {
	r, err := grader.Grade(context.Background(), grader.Options{Core: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Parts {
		for _, x := range p.Tests {
			if x.Status != grader.Passed {
				t.Errorf("%s/%s: %s: %s\n%+v", x.Part, x.Name, x.Failure.Property, x.Failure.Message, x.Failure)
			}
		}
	}
	if r.Points != r.Max || r.Max != 100 {
		t.Errorf("%g points of %g, expected 100 of 100", r.Points, r.Max)
	}
	t.Log(r.Timing, r.Hash)
}
