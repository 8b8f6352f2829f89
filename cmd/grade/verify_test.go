package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

// The file that the page saves holds the folder: grade verify needs no other.
func TestVerifyTakesThePagesFile(t *testing.T) {
	dir := filepath.Join("..", "..", "grader", "testdata", "example-bug")
	res, err := grader.Grade(context.Background(), grader.Options{Dir: dir, Run: regexp.MustCompile("^election/two_candidates$"), Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	saved := func(files map[string]string) string {
		b, err := json.Marshal(struct {
			*grader.Result
			Files map[string]string `json:"files"`
		}{res, files})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "submission.json")
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var out, errs bytes.Buffer
	if code := run([]string{"verify", saved(files)}, &out, &errs); code != exitPassed || !strings.Contains(out.String(), "every trace hash agrees") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errs)
	}
	for name := range files {
		files[name] = strings.Replace(files[name], "package raft", "package raft\n\n// Another line.", 1)
	}
	files["raft/raft.go"] = strings.Replace(files["raft/raft.go"], "func Make(", "func init() { panic(1) }\n\nfunc Make(", 1)
	out.Reset()
	if code := run([]string{"verify", saved(files)}, &out, &errs); code != exitFailed {
		t.Errorf("altered files: exit code %d\n%s%s", code, &out, &errs)
	}
	if code := run([]string{"verify", saved(map[string]string{"../x.go": ""})}, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "not a path inside a folder") {
		t.Errorf("a path out of the folder: exit code %d\n%s", code, &errs)
	}
}

// A result says which lab it is of, and is held against that one.
func TestVerifyTakesTheLabOfTheResult(t *testing.T) {
	dir := withServices(t)
	var out, errs bytes.Buffer
	if code := run([]string{"--json", "--lab", "kv", "--run", "^service/basic$", "--seeds", "1", dir}, &out, &errs); code != exitPassed {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
	}
	file := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := run([]string{"verify", file, dir}, &out, &errs); code != exitPassed || !strings.Contains(out.String(), "every trace hash agrees") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errs)
	}
}
