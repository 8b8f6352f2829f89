package grader_test

import (
	"regexp"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
)

// A run that fails after a long wait ends its test, and the result says how many
// runs were left out; asked for by their number, all are done. A run that fails
// soon ends nothing. The verdict is the same.
func TestARunThatWaitsInVainEndsItsTest(t *testing.T) {
	hung := [2]string{"kv.waiting[index] = w\n\tkv.mu.Unlock()\n", "kv.waiting[index] = w\n"}
	wrong := [2]string{"*reply = <-w.ch", "*reply = <-w.ch\n\treply.Version++"}
	for _, x := range []struct {
		edit       [2]string
		seeds      int
		runs, left int
	}{{hung, 0, 1, 1}, {hung, 2, 2, 0}, {wrong, 0, 2, 0}} {
		for _, workers := range []int{1, 2} {
			r := grade(t, grader.Options{Dir: ".", Files: edited(t, x.edit[0], x.edit[1]), Lab: labs.KV(), OnCore: true, Run: regexp.MustCompile("^service/basic$"), Seeds: x.seeds, Workers: workers})
			test := r.Parts[0].Tests[0]
			if test.Status != grader.Failed || test.Failure.Seed != 1 || test.Points != 0 {
				t.Errorf("%q: %s with %g points, first with %+v", x.edit[1], test.Status, test.Points, test.Failure)
			}
			if len(test.Runs) != x.runs || test.Left != x.left {
				t.Errorf("%q, %d seeds: %d runs and %d left out, expected %d and %d", x.edit[1], x.seeds, len(test.Runs), test.Left, x.runs, x.left)
			}
			if long := test.Runs[0].Virtual >= 8*sim.Second; long != (x.edit == hung) {
				t.Errorf("%q: the first run took %g s", x.edit[1], float64(test.Runs[0].Virtual)/1e9)
			}
		}
	}
}
