package grader_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/race"
	"github.com/raftlab/raftlab/labs"
)

// Correct checkouts of the MIT course's years run natively, and have no race: a
// run there has the timers and the go line of its year. By default a test or two
// of some years, with RAFTLAB_RACE=all every test of each.
func TestRaceCheckOfCourses(t *testing.T) {
	all := os.Getenv("RAFTLAB_RACE") == "all"
	check := func(name string, o grader.Options) {
		t.Run(name, func(t *testing.T) {
			if all {
				o.Run = nil
			}
			r, err := race.Run(t.Context(), o)
			var be *build.Error
			switch {
			case errors.As(err, &be) && be.Kind == build.Detector:
				t.Skipf("no race check on this machine: %v", err)
			case err != nil:
				t.Fatal(err)
			}
			t.Logf("%d runs of %d tests: %d races, %d runs failed", r.Runs, r.Tests, len(r.Races), len(r.Failed))
			for _, x := range r.Races {
				t.Errorf("a race that is none: %s", x.Report)
			}
			if r.Runs == 0 || len(r.Failed) > 0 {
				t.Errorf("of %d runs these failed natively: %v", r.Runs, r.Failed)
			}
		})
	}
	for _, name := range []string{"2020", "2021", "2022", "2023", "2024", "2025", "2026"} {
		if all || slices.Contains([]string{"2021", "2025"}, name) {
			check("raft "+name, grader.Options{Dir: readYear(t, name).lay(t), Run: regexp.MustCompile("^(election/initial|agreement/basic)$")})
		}
	}
	for _, name := range []string{"2022", "2024", "2025", "2026"} {
		if all || name == "2025" {
			check("kvraft "+name, grader.Options{Dir: kvraftYear(t, name).lay(t), Lab: labs.KVRaft(), Run: regexp.MustCompile("^(rsm/basic|service/late)$")})
		}
	}
}
