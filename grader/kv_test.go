package grader_test

import (
	"io/fs"
	"os"
	"strconv"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

// correctKV is the correct Raft with the correct service and lock on top.
func correctKV(t testing.TB) fs.FS {
	t.Helper()
	files, err := corpus.Solution(os.DirFS("testdata/correct"), os.DirFS("testdata/correct-kv"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// kvSeeds are the seeds of each test, those after first: as many as
// RAFTLAB_KV_SEEDS says, or RAFTLAB_SHARE of them; 0: each test has its own number.
func kvSeeds(t *testing.T) (first, seeds int) {
	if n, _ := strconv.Atoi(os.Getenv("RAFTLAB_KV_SEEDS")); n > 0 {
		first, end := share(t, n)
		return first, end - first
	}
	return 0, 0
}

// The correct service passes, on the seeds of kvSeeds.
func TestCorrectServicePassesEveryTest(t *testing.T) {
	first, seeds := kvSeeds(t)
	files := correctKV(t)
	for _, name := range []string{"kv", "lock"} {
		lab, _ := labs.Named(name)
		begin := cpuTime()
		r, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: files, Lab: lab, Seed: uint64(first) + 1, Seeds: seeds, CacheDir: t.TempDir()})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runs, alarms, virtual := 0, 0, 0.0
		for _, p := range r.Parts {
			for _, test := range p.Tests {
				for _, run := range test.Runs {
					runs++
					virtual += float64(run.Virtual) / 1e9
					if run.Status != grader.Passed {
						alarms++
					}
					if len(run.Undecided) > 0 {
						t.Errorf("%s/%s seed %d: the history of %q is too long to be searched", p.Name, test.Name, run.Seed, run.Undecided)
					}
				}
				if f := test.Failure; f != nil {
					t.Errorf("%s/%s seed %d: %s: %s\nexpected %s\nfound %s", p.Name, test.Name, f.Seed, f.Property, f.Message, f.Expected, f.Found)
				}
			}
		}
		t.Logf("%s: %g of %g points, %d runs, %d false alarms, %.0f s virtual, %.1f CPU s, hash %.16s", name, r.Points, r.Max, runs, alarms, virtual, (cpuTime() - begin).Seconds(), r.Hash)
	}
}
