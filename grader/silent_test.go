package grader_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

// A correct server passes every run of every test: RAFTLAB_RUNS runs are spread
// over the tests, each with seeds of its own share, from 1 on. RAFTLAB_SHARE, such
// as "2/4", does the second of four shares of the seeds.
func TestSilence(t *testing.T) {
	runs := 0
	if _, err := fmt.Sscan(os.Getenv("RAFTLAB_RUNS"), &runs); err != nil || runs < 1 {
		t.Skip("make silent")
	}
	lab, err := grader.OpenLab(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for _, p := range lab.Parts {
		tests += len(p.Tests)
	}
	seeds := (runs + tests - 1) / tests
	first, end := share(t, seeds)
	begin := cpuTime()
	r := grade(t, grader.Options{Dir: "testdata/correct", Seed: uint64(first) + 1, Seeds: end - first})
	done, alarms, virtual := 0, 0, 0.0
	for _, p := range r.Parts {
		for _, x := range p.Tests {
			for _, run := range x.Runs {
				done++
				virtual += float64(run.Virtual) / 1e9
				if run.Status != grader.Passed {
					alarms++
				}
			}
			if f := x.Failure; f != nil {
				t.Errorf("%s/%s seed %d: %s: %s", p.Name, x.Name, f.Seed, f.Property, f.Message)
			}
		}
	}
	t.Logf("%d runs of %d tests, seeds %d to %d: %d false alarms, %.0f s virtual, %.0f CPU s", done, tests, first+1, end, alarms, virtual, (cpuTime() - begin).Seconds())
	if alarms == 0 {
		t.Logf("with 95 %% confidence fewer than %.2f %% of all runs are false alarms", 300/float64(done))
	}
}

// share is which of the seeds RAFTLAB_SHARE asks for: those from first+1 to end.
func share(t *testing.T, seeds int) (first, end int) {
	share, of := 1, 1
	if v := os.Getenv("RAFTLAB_SHARE"); v != "" {
		if n, _ := fmt.Sscanf(v, "%d/%d", &share, &of); n != 2 || share < 1 || share > of {
			t.Fatalf("RAFTLAB_SHARE: expected a share such as 2/4, found %q", v)
		}
	}
	if first, end = seeds*(share-1)/of, seeds*share/of; first == end {
		t.Fatalf("%d seeds for each test are too few for %d shares", seeds, of)
	}
	return first, end
}
