package grader_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
)

// powerSlice is planted in every run of the tests: some bugs for each part.
var powerSlice = strings.Fields(`
	vote-not-saved votes-not-voters election-quorum-too-small vote-kept-in-new-term timeout-not-random
	commit-on-start commit-without-followers short-log-matches vote-without-log-check lock-held-while-applying entries-get-new-term
	commits-old-term log-not-restored restart-skips-log start-not-saved
	match-not-reset next-not-reset old-term-append-accepted
	snapshot-loses-term snapshot-locks-twice save-erases-snapshot snapshot-not-restored install-not-applied
`)

// TestPower plants every bug of the corpus into the correct server, one at a
// time, and grades it: a test of a default run must fail, and the first that
// does must name one of the bug's properties. The bug's own part is run first,
// the other parts only if it passes. RAFTLAB_POWER says which bugs: "all", a
// share of them such as "2/4", or a part of their names; a slice of them
// otherwise.
func TestPower(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	correct := os.DirFS("testdata/correct")
	which := os.Getenv("RAFTLAB_POWER")
	bugs = powerBugs(t, bugs, which)
	cache := t.TempDir()
	found, missed, misnamed := 0, 0, 0
	for _, b := range bugs {
		files, err := b.Apply(correct)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		module, err := build.Build(t.Context(), build.Options{Dir: ".", Files: files, SelfTest: release.Test})
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		var f *grader.Failure
		var by string
		var virtual float64
		for _, parts := range [][]string{{b.Part}, otherParts(b.Part)} {
			r, err := grader.Grade(t.Context(), grader.Options{Module: module, Parts: parts, CacheDir: cache})
			if err != nil {
				t.Fatalf("%s: %v", b.Name, err)
			}
			var v float64
			f, by, v = firstFailure(r)
			virtual += v
			if f != nil {
				break
			}
		}
		verdict := "found"
		switch {
		case f == nil:
			verdict = "MISSED"
			missed++
		case !slices.Contains(b.Properties, check.Property(f.Property)):
			verdict = "MISNAMED"
			misnamed++
		default:
			found++
		}
		line := fmt.Sprintf("%-8s %-32s %-12s %6.1f s virtual %5.1f s real", verdict, b.Name, b.Part, virtual, time.Since(begin).Seconds())
		if f != nil {
			line += fmt.Sprintf("  %s seed %d: %s: %s", by, f.Seed, f.Property, f.Message)
		}
		if verdict == "found" {
			t.Log(line)
		} else {
			t.Errorf("%s\n    accepted: %v", line, b.Properties)
		}
	}
	t.Logf("%d found, %d missed, %d misnamed", found, missed, misnamed)
}

// powerBugs selects the bugs that one default run is to find.
func powerBugs(t *testing.T, bugs []corpus.Bug, which string) []corpus.Bug {
	bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool { return b.Needs == corpus.Hunt && which != b.Name })
	var share, of int
	switch n, _ := fmt.Sscanf(which, "%d/%d", &share, &of); {
	case which == "all":
		return bugs
	case n == 2 && of > 0:
		i := 0
		return slices.DeleteFunc(bugs, func(corpus.Bug) bool { i++; return i%of != share%of })
	case which == "":
		bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool { return !slices.Contains(powerSlice, b.Name) })
		if len(bugs) != len(powerSlice) {
			t.Errorf("%d bugs of the slice are in the corpus, expected %d", len(bugs), len(powerSlice))
		}
		return bugs
	}
	names := strings.Split(which, ",")
	return slices.DeleteFunc(bugs, func(b corpus.Bug) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(b.Name, n) })
	})
}

func otherParts(part string) []string {
	return slices.DeleteFunc(slices.Clone(corpus.Parts), func(p string) bool { return p == part })
}

// firstFailure returns the first failing test's failure, its name, and the
// virtual seconds that all runs took.
func firstFailure(r *grader.Result) (f *grader.Failure, by string, virtual float64) {
	for _, p := range r.Parts {
		for _, x := range p.Tests {
			for _, run := range x.Runs {
				virtual += float64(run.Virtual) / 1e9
			}
			if x.Failure != nil && f == nil {
				f, by = x.Failure, p.Name+"/"+x.Name
			}
		}
	}
	return f, by, virtual
}

// The example that the README grades is the correct server with one bug of the
// corpus. RAFTLAB_UPDATE=1 writes it anew.
func TestExampleBugIsFresh(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(bugs, func(b corpus.Bug) bool { return b.Name == "vote-not-saved" })
	if i < 0 {
		t.Fatal("the corpus has no bug vote-not-saved")
	}
	want, err := bugs[i].Apply(os.DirFS("testdata/correct"))
	if err != nil {
		t.Fatal(err)
	}
	const dir = "testdata/example-bug"
	if os.Getenv("RAFTLAB_UPDATE") != "" {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	err = fs.WalkDir(want, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		a, err := fs.ReadFile(want, name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s/%s is not the correct server with the bug %s: run RAFTLAB_UPDATE=1 go test -run ExampleBug ./grader", dir, name, bugs[i].Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
