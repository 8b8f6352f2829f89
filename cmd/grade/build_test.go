package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// withServices is a folder with the correct Raft, and the service and the lock on it.
func withServices(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"correct", "correct-kv"} {
		if err := os.CopyFS(dir, os.DirFS("../../grader/testdata/"+from)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOCACHE", goCache(t)) // before its place depends on the next line
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return dir
}

// The module that grade build writes is the one that is graded, in each lab.
func TestBuildWritesTheModuleThatIsGraded(t *testing.T) {
	dir := withServices(t)
	module := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if exit := run(append(args, "--json", dir), &out, &errs); exit != exitPassed {
			t.Fatalf("%v: exit code %d\n%s%s", args, exit, out.String(), errs.String())
		}
		var told struct{ Module string }
		if err := json.Unmarshal(out.Bytes(), &told); err != nil || told.Module == "" {
			t.Fatalf("%v names no module: %v\n%s", args, err, out.String())
		}
		return told.Module
	}
	file := filepath.Join(t.TempDir(), "server.wasm")
	for _, c := range []struct {
		lab  []string
		test string
	}{{[]string{"--lab", "raft"}, "election/initial"}, {[]string{"--lab", "kv"}, "service/basic"}, {nil, "lock/one"}} {
		built := module(append([]string{"build", "-o", file}, c.lab...)...)
		if graded := module(append([]string{"--run", c.test, "--seeds", "1"}, c.lab...)...); graded != built {
			t.Errorf("%v: the module built is %s, the one graded %s", c.lab, built, graded)
		}
	}
}
