package grader_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/hunt"
	"github.com/raftlab/raftlab/labs"
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
	if which == "needed" {
		bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool { return b.Needs != corpus.Hunt })
	} else {
		bugs = selectBugs(t, bugs, which, nil)
	}
	huntBugs(t, bugs, os.DirFS("testdata/correct"), len(bugs))
}

// Bugs of the service and of the lock that a hunt finds too: clients that retry,
// read from an old leader, or meet in a lock. RAFTLAB_HUNT_KV says which others:
// "all", of which nine of ten must be found, as budgets are not a hunt's business;
// or parts of their names.
func TestHuntFindsInServices(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	which := os.Getenv("RAFTLAB_HUNT_KV")
	bugs = selectBugs(t, bugs, which, []string{"no-duplicate-detection", "read-from-leaders-map", "lease-too-short"})
	enough := len(bugs)
	if which == "all" {
		enough = (9*enough + 9) / 10
	}
	huntBugs(t, bugs, correctKV(t), enough)
}

// huntBugs plants bugs into a correct solution, and fails those that a hunt finds
// under another name, or late, and finding fewer than enough.
func huntBugs(t *testing.T, bugs []corpus.Bug, correct fs.FS, enough int) {
	seed, _ := strconv.ParseUint(os.Getenv("RAFTLAB_SEED"), 10, 64)
	found, short := 0, 0
	for _, b := range bugs {
		files, err := b.Apply(correct)
		if err != nil {
			t.Fatal(err)
		}
		lab, _ := labs.Named(b.Lab)
		s, err := grader.Open(t.Context(), grader.Options{Dir: ".", Files: files, Lab: lab, Seed: seed})
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
			t.Logf("MISSED   %-32s %d worlds, %.0f s virtual, %.1f CPU s", b.Name, r.Worlds, float64(r.Virtual)/1e9, cpu.Seconds())
		default:
			f := r.Found.Test.Failure
			line := fmt.Sprintf("%-32s world %4d, %5.1f CPU s; %2d actions of %3d, %3d runs, %5.1f CPU s; %s: %s", b.Name, r.Found.World, at.Seconds(),
				r.Found.Actions, r.Found.Was, r.Found.Tried, (cpu - at).Seconds(), f.Property, f.Message)
			if !slices.Contains(b.Properties, check.Property(f.Property)) {
				t.Errorf("MISNAMED %s\n    accepted: %v", line, b.Properties)
				break
			}
			if at > huntCPU {
				t.Logf("SLOW     %s", line) // not found, as one that is missed
				break
			}
			found++
			if r.Found.Actions <= hunt.Short {
				short++
			}
			t.Log("found    " + line)
			if testing.Verbose() {
				t.Log("\n" + r.Found.Script)
			}
		}
	}
	if found < enough {
		t.Errorf("%d of %d found, expected %d", found, len(bugs), enough)
	}
	t.Logf("%d of %d found, %d of these with at most %d actions", found, len(bugs), short, hunt.Short)
	if 10*short < 9*found {
		t.Errorf("%d of %d scripts have at most %d actions, expected nine of ten", short, found, hunt.Short)
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
	for _, x := range []struct {
		what   string
		dir    string
		files  fs.FS
		lab    fs.FS
		onCore bool
	}{
		{what: "the core"}, {what: "a Raft", dir: "testdata/correct"}, {what: "an actor", dir: "testdata/variants/actor"},
		{what: "a service", dir: ".", files: correctKV(t), lab: labs.KV()}, {what: "a service on the core", dir: ".", files: correctKV(t), lab: labs.KV(), onCore: true},
		{what: "a lock", dir: ".", files: correctKV(t), lab: labs.Lock()},
		{what: "the course's, 2024", dir: kvraftYear(t, "2024").lay(t), lab: labs.KVRaft()},
		{what: "the course's, 2025", dir: kvraftYear(t, "2025").lay(t), lab: labs.KVRaft()},
	} {
		s, err := grader.Open(t.Context(), grader.Options{Dir: x.dir, Files: x.files, Lab: x.lab, OnCore: x.onCore, Core: x.dir == "", CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Hunt(t.Context(), grader.HuntOptions{Worlds: worlds})
		s.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Found != nil:
			t.Errorf("%s: world %d: %s: %s\n%s", x.what, r.Found.World, r.Found.Test.Failure.Property, r.Found.Test.Failure.Message, r.Found.Script)
		default:
			t.Logf("%-26s %d worlds, %.0f s virtual in %.1f s: nothing broke", x.what, r.Worlds, float64(r.Virtual)/1e9, r.Timing.Run.Seconds())
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
		case prey.Actions > hunt.Short:
			t.Errorf("%s: %d actions of %d are left, expected at most %d:\n%s", name, prey.Actions, prey.Was, hunt.Short, prey.Script)
		case prey.Test.Failure == nil || prey.Test.Failure.Property != s.Property:
			t.Errorf("%s: the script breaks %+v, expected %s:\n%s", name, prey.Test.Failure, s.Property, prey.Script)
		default:
			t.Logf("%s: %d actions of %d after %d runs", name, prey.Actions, prey.Was, prey.Tried)
		}
	}
}
