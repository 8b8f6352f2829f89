package grader_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
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
// time, and grades it: the tests of the bug's part must fail, and the first that
// does must name one of the bug's properties. RAFTLAB_POWER says which bugs:
// "all", or a part of their names; a slice of them otherwise.
func TestPower(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	correct := os.DirFS("testdata/correct")
	which := os.Getenv("RAFTLAB_POWER")
	cache := t.TempDir()
	done, found, missed, misnamed := 0, 0, 0, 0
	for _, b := range bugs {
		switch {
		case which == "" && !slices.Contains(powerSlice, b.Name), which != "" && which != "all" && !strings.Contains(b.Name, which):
			continue
		case b.Needs == corpus.Hunt:
			continue // not for one default run
		}
		done++
		files, err := b.Apply(correct)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		r, err := grader.Grade(context.Background(), grader.Options{Dir: ".", Files: files, Parts: powerParts(b.Part), CacheDir: cache})
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		verdict := "found"
		f, by, virtual := firstFailure(r)
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
	if which == "" && done != len(powerSlice) {
		t.Errorf("%d bugs of the slice are in the corpus, expected %d", done, len(powerSlice))
	}
	t.Logf("%d found, %d missed, %d misnamed", found, missed, misnamed)
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
				f, by = x.Failure, x.Name
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

// powerParts are the parts graded for a bug: its own, or what RAFTLAB_PARTS says.
func powerParts(part string) []string {
	if p := os.Getenv("RAFTLAB_PARTS"); p != "" {
		return strings.Split(p, ",")
	}
	return []string{part}
}
