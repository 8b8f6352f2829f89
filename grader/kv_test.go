package grader_test

import (
	"io/fs"
	"os"
	"strconv"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/labs"
	"golang.org/x/tools/txtar"
)

// correctKV is the correct Raft with the correct service and lock on top.
func correctKV(t testing.TB) fs.FS {
	t.Helper()
	var a txtar.Archive
	for _, dir := range []string{"testdata/correct", "testdata/correct-kv"} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(dir + "/" + p)
			a.Files = append(a.Files, txtar.File{Name: p, Data: data})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := txtar.FS(&a)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// RAFTLAB_KV_SEEDS runs each test with so many seeds; else each test's own number.
func TestCorrectServicePassesEveryTest(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("RAFTLAB_KV_SEEDS"))
	for name, lab := range map[string]fs.FS{"kv": labs.KV(), "lock": labs.Lock()} {
		r, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: correctKV(t), Lab: lab, Seeds: seeds, CacheDir: t.TempDir()})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range r.Parts {
			for _, test := range p.Tests {
				if f := test.Failure; f != nil {
					t.Errorf("%s/%s seed %d: %s: %s\nexpected %s\nfound %s", p.Name, test.Name, f.Seed, f.Property, f.Message, f.Expected, f.Found)
				}
			}
		}
		t.Logf("%s: %g of %g points, %v to build, %v to run, hash %.16s", name, r.Points, r.Max, r.Timing.Build, r.Timing.Run, r.Hash)
	}
}
