package grader_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
)

const (
	// huntCPU is what a hunt may take to find a bug: a minute of one core. It is
	// counted in CPU time, lest the machine's other work decides.
	huntCPU = time.Minute
	// huntWorlds is more than one core runs in a minute.
	huntWorlds = 1500
)

// TestHuntFinds plants every bug that is declared as needing a hunt: it must be
// found, by its name, with what a minute of one core costs. RAFTLAB_HUNT says
// which bugs: "needed", "all", or parts of their names; none otherwise, as it
// takes long. RAFTLAB_SEED is the hunt's seed.
func TestHuntFinds(t *testing.T) {
	which := os.Getenv("RAFTLAB_HUNT")
	if which == "" {
		t.Skip("make power-hunt")
	}
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool {
		switch which {
		case "needed":
			return b.Needs != corpus.Hunt
		case "all":
			return false
		}
		return !slices.ContainsFunc(strings.Split(which, ","), func(n string) bool { return strings.Contains(b.Name, n) })
	})
	seed, _ := strconv.ParseUint(os.Getenv("RAFTLAB_SEED"), 10, 64)
	found, short := 0, 0
	for _, b := range bugs {
		files, err := b.Apply(os.DirFS("testdata/correct"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := grader.Open(t.Context(), grader.Options{Dir: ".", Files: files, Seed: seed})
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		begin := cpuTime()
		var at time.Duration
		r, err := s.Hunt(t.Context(), grader.HuntOptions{Worlds: huntWorlds, Shrinking: func(int, int) {
			if at == 0 {
				at = cpuTime() - begin
			}
		}})
		cpu := cpuTime() - begin
		s.Close()
		switch {
		case err != nil:
			t.Errorf("%s: %v", b.Name, err)
		case r.Found == nil:
			t.Errorf("MISSED   %-32s %d worlds, %.0f s virtual, %.1f CPU s", b.Name, r.Worlds, float64(r.Virtual)/1e9, cpu.Seconds())
		default:
			f := r.Found.Test.Failure
			line := fmt.Sprintf("%-32s world %4d, %5.1f CPU s; %2d actions of %3d, %3d runs, %5.1f CPU s; %s: %s", b.Name, r.Found.World, at.Seconds(),
				r.Found.Actions, r.Found.Was, r.Found.Tried, (cpu - at).Seconds(), f.Property, f.Message)
			if !slices.Contains(b.Properties, check.Property(f.Property)) {
				t.Errorf("MISNAMED %s\n    accepted: %v", line, b.Properties)
				break
			}
			if at > huntCPU {
				t.Errorf("SLOW     %s", line)
				break
			}
			found++
			if r.Found.Actions <= preyLimit {
				short++
			}
			t.Log("found    " + line)
			if testing.Verbose() {
				t.Log("\n" + r.Found.Script)
			}
		}
	}
	t.Logf("%d of %d found, %d of these with at most %d actions", found, len(bugs), short, preyLimit)
	if 10*short < 9*found {
		t.Errorf("%d of %d scripts have at most %d actions, expected nine of ten", short, found, preyLimit)
	}
}

// A hunt for a correct server comes back with nothing. RAFTLAB_WORLDS says how
// many worlds are tried; a few by default.
func TestHuntIsSilent(t *testing.T) {
	worlds := 12
	if v := os.Getenv("RAFTLAB_WORLDS"); v != "" {
		if _, err := fmt.Sscan(v, &worlds); err != nil {
			t.Fatalf("RAFTLAB_WORLDS: expected a number, found %q", v)
		}
	}
	for _, dir := range []string{"", "testdata/correct", "testdata/variants/actor"} {
		s, err := grader.Open(t.Context(), grader.Options{Dir: dir, Core: dir == "", CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Hunt(t.Context(), grader.HuntOptions{Worlds: worlds})
		s.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Found != nil:
			t.Errorf("%s: world %d: %s: %s\n%s", dir, r.Found.World, r.Found.Test.Failure.Property, r.Found.Test.Failure.Message, r.Found.Script)
		default:
			t.Logf("%-26s %d worlds, %.0f s virtual in %.1f s: nothing broke", dir, r.Worlds, float64(r.Virtual)/1e9, r.Timing.Run.Seconds())
		}
	}
}

// What breaks in the very moment in which a message arrives can be told as a
// short script too: the failures of the bundled example bug.
func TestFailuresOfTheExampleBugShrink(t *testing.T) {
	o := grader.Options{Dir: "testdata/example-bug", CacheDir: t.TempDir(), Run: regexp.MustCompile("two_candidates")}
	saved := map[string]*grader.Saved{}
	o.Save = func(r *grader.TestResult, s *grader.Saved) error {
		saved[fmt.Sprintf("%s/%s, seed %d", r.Part, r.Name, s.Seed)] = s
		return nil
	}
	for o.Seed = 1; o.Seed <= 20; o.Seed += 10 {
		if _, err := grader.Grade(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if len(saved) != 2 {
		t.Fatalf("%d failures, expected 2", len(saved))
	}
	for name, s := range saved {
		_, prey, err := s.Replay(t.Context(), grader.Options{CacheDir: o.CacheDir}, func(int, int) {})
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case prey.Actions > preyLimit:
			t.Errorf("%s: %d actions of %d are left, expected at most %d:\n%s", name, prey.Actions, prey.Was, preyLimit, prey.Script)
		case prey.Test.Failure == nil || prey.Test.Failure.Property != s.Property:
			t.Errorf("%s: the script breaks %+v, expected %s:\n%s", name, prey.Test.Failure, s.Property, prey.Script)
		default:
			t.Logf("%s: %d actions of %d after %d runs", name, prey.Actions, prey.Was, prey.Tried)
		}
	}
}
