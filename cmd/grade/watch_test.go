package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raftlab/raftlab/grader"
)

func result(failing ...string) *grader.Result {
	r := &grader.Result{Status: grader.Passed, Parts: []grader.PartResult{{Name: "p"}}}
	for _, name := range []string{"a", "b", "c"} {
		t := grader.TestResult{Name: name, Status: grader.Passed}
		if slices.Contains(failing, name) {
			t.Status, r.Status = grader.Failed, grader.Failed
		}
		r.Parts[0].Tests = append(r.Parts[0].Tests, t)
	}
	return r
}

// watched runs a watcher whose files are a number, with what each grading finds:
// a step is a save, and what is then found, first of the failing tests and then,
// if that is asked for, of all.
func watched(t *testing.T, until bool, rounds ...*grader.Result) (asked []string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var files atomic.Uint64
		w := &watcher{
			look: files.Load, pause: time.Second, until: until,
			grade: func(_ context.Context, only *regexp.Regexp) (*grader.Result, error) {
				what := "all"
				if only != nil {
					what = only.String()
				}
				asked = append(asked, what)
				r := rounds[0]
				rounds = rounds[1:]
				return r, nil
			},
			say: func(what event, _ int) {
				if what == waiting {
					if len(rounds) == 0 {
						cancel()
					}
					files.Add(1)
				}
			},
		}
		err = w.run(ctx)
	})
	return asked, err
}

func TestFailingTestsRunFirst(t *testing.T) {
	asked, err := watched(t, false,
		result("b", "c"), // everything; two fail
		result("c"),      // the two; one still fails, so the rest waits
		result(),         // the one: it passes, so
		result(),         // everything
		result("a"),      // after the next save, everything
	)
	want := []string{"all", "^(?:p/b|p/c)$", "^(?:p/c)$", "all", "all"}
	if !slices.Equal(asked, want) {
		t.Errorf("graded %q, want %q", asked, want)
	}
	var code exitWith
	if !errors.As(err, &code) || code != exitInterrupted {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchEndsWhenEverythingPasses(t *testing.T) {
	asked, err := watched(t, true, result("a"), nil, result(), result())
	if want := []string{"all", "^(?:p/a)$", "^(?:p/a)$", "all"}; err != nil || !slices.Equal(asked, want) {
		t.Errorf("graded %q, %v, want %q", asked, err, want)
	}
}

// A grading under way is given up when a file is saved.
func TestSaveEndsAGradingUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var files atomic.Uint64
		n := 0
		w := &watcher{
			look: files.Load, pause: time.Second, until: true, say: func(event, int) {},
			grade: func(ctx context.Context, _ *regexp.Regexp) (*grader.Result, error) {
				if n++; n > 1 {
					return result(), nil
				}
				files.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		if err := w.run(t.Context()); err != nil || n != 2 {
			t.Errorf("%v after %d gradings", err, n)
		}
	})
}

func TestFingerprintFollowsTheCode(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("raft/raft.go", "package raft")
	last := fingerprint(dir)
	for _, c := range []struct {
		name, text string
		news       bool
	}{
		{"raft/raft.go", "package raft ", true},
		{"raft/notes.txt", "x", false},
		{".git/x.go", "package x", false},
		{"raft/new.go", "package raft", true},
		{"go.mod", "module x", true},
	} {
		write(c.name, c.text)
		now := fingerprint(dir)
		if (now != last) != c.news {
			t.Errorf("%s: news %v, want %v", c.name, now != last, c.news)
		}
		last = now
	}
}
