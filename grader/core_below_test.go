package grader_test

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/labs"
)

// without leaves out a folder of files.
func without(t *testing.T, files fs.FS, dir string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(p, dir+"/") {
			return err
		}
		data, err := fs.ReadFile(files, p)
		out[p] = &fstest.MapFile{Data: data, Mode: 0o444}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The correct service passes on the grader's own Raft, in a folder that has none.
// RAFTLAB_KV_SEEDS runs each test with so many seeds.
func TestCorrectServicePassesOnTheCore(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("RAFTLAB_KV_SEEDS"))
	files := without(t, correctKV(t), "raft")
	for _, name := range []string{"kv", "lock"} {
		lab, _ := labs.Named(name)
		begin := cpuTime()
		r := grade(t, grader.Options{Dir: ".", Files: files, Lab: lab, OnCore: true, Seeds: seeds, CacheDir: t.TempDir()})
		allPass(t, r)
		if r.Raft != "core" || len(r.LeftOut) > 0 {
			t.Errorf("%s: the result says that the Raft is %q, and that %q was left out", name, r.Raft, r.LeftOut)
		}
		t.Logf("%s: %g of %g points, %.1f CPU s, hash %.16s, %s", name, r.Points, r.Max, (cpuTime() - begin).Seconds(), r.Hash, r.Profile)
	}
}
