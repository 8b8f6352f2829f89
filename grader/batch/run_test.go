package batch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/report/export"
)

// TestMain makes the test's own program the one that grades.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve-one-grading" {
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(4)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// short is a course with two quick tests' worth of work.
func short() *Course {
	return &Course{Parts: []string{"election"}, Seeds: SeedRules{Count: 1}}
}

// options are those of a batch in this process's test.
func options(t testing.TB, students []Student, out string) Options {
	t.Helper()
	lab, err := OpenLab("")
	if err != nil {
		t.Fatal(err)
	}
	store, err := OpenStore(out)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Students: students, Course: short(), Lab: lab, Store: store, Command: []string{self, "serve-one-grading"}, Workers: 2}
}

// edited writes the correct server with edits as a submission.
func edited(t testing.TB, dir string, edits ...string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("../testdata/correct")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "raft", "raft.go")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(s, edits[i]) {
			t.Fatalf("raft.go does not hold %q", edits[i])
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	if err := os.WriteFile(name, []byte(s), 0o666); err != nil {
		t.Fatal(err)
	}
}

// records reads all records of a results folder.
func records(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	entries, err := os.ReadDir(filepath.Join(dir, "records"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, "records", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = b
	}
	return all
}

func same(t testing.TB, got, want map[string][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d records, expected %d", len(got), len(want))
	}
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			t.Errorf("record %s differs:\n%s\nexpected\n%s", name, got[name], b)
		}
	}
}

// A batch gives each student one verdict, grades equal submissions once, and
// when run again does nothing; broken off and begun again, or in shards that are
// merged, it comes to the same bytes.
func TestBatch(t *testing.T) {
	subs := t.TempDir()
	edited(t, filepath.Join(subs, "ann"))
	edited(t, filepath.Join(subs, "bob"))
	edited(t, filepath.Join(subs, "cy"), "package raft", "package raft\n\nimport _ \"net\"")
	edited(t, filepath.Join(subs, "di"), "func Make(", "var x int = \"\"\n\nfunc Make(")
	edited(t, filepath.Join(subs, "ed"), "func Make(", "func init() { panic(\"no\") }\n\nfunc Make(")
	os.Mkdir(filepath.Join(subs, "flo"), 0o777)
	os.WriteFile(filepath.Join(subs, "gus.zip"), []byte("hello"), 0o666)
	students, err := FindStudents([]string{subs})
	if err != nil {
		t.Fatal(err)
	}
	students = append(students, Student{ID: "hal"}, Student{ID: "ida", Path: filepath.Join(subs, "nothing")})

	out := t.TempDir()
	o := options(t, students, out)
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Students != 9 || s.Distinct != 7 || s.Reused != 0 {
		t.Errorf("%+v", s)
	}
	want := map[string]Verdict{
		"ann": Graded, "bob": Graded, "cy": Refused, "di": NoBuild, "ed": Graded, "flo": Nothing, "gus": Unreadable, "hal": Nothing, "ida": Nothing,
	}
	book, err := Report(o.Store, o.Course, o.Lab.Lab, time.Now(), export.Formats())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range book.Students {
		if g.Verdict != want[g.ID] {
			t.Errorf("%s: %s (%s), expected %s", g.ID, g.Verdict, g.Reason, want[g.ID])
		}
		if full := g.Points == g.Max; full != (g.ID == "ann" || g.ID == "bob") || g.Max == 0 {
			t.Errorf("%s has %g of %g points", g.ID, g.Points, g.Max)
		}
		if g.Verdict != Graded && g.Reason == "" {
			t.Errorf("%s has no reason", g.ID)
		}
	}
	first := records(t, out)

	s, err = Run(t.Context(), o)
	if err != nil || s.Graded != 0 || s.Reused != 5 {
		t.Errorf("run again: %+v %v", s, err)
	}
	same(t, records(t, out), first)

	// Broken off after the first grading, with half a record left behind.
	broken := t.TempDir()
	o = options(t, students, broken)
	o.Workers = 1
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	o.Progress = func(p Progress) {
		if p.Done > 0 && p.Stage == "grade" {
			once.Do(cancel)
		}
	}
	if _, err := Run(ctx, o); err == nil {
		t.Error("a batch that was broken off says that it is done")
	}
	for name := range first {
		if p := filepath.Join(broken, "records", name); len(records(t, broken)[name]) == 0 {
			os.WriteFile(p, first[name][:len(first[name])/2], 0o666)
			break
		}
	}
	o.Progress = nil
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	same(t, records(t, broken), first)

	// In three shards, merged.
	var shards []string
	for i := 1; i <= 3; i++ {
		dir := t.TempDir()
		o := options(t, students, dir)
		o.Shard, o.Shards = i, 3
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		shards = append(shards, dir)
	}
	merged := t.TempDir()
	store, err := OpenStore(merged)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(store, shards[:2]); err != nil {
		t.Fatal(err)
	}
	if book, err = MakeBook(store, o.Course, o.Lab.Lab); err != nil || len(book.Missing) == 0 {
		t.Errorf("without the third shard nothing is missing: %v", err)
	}
	if _, err := Merge(store, shards); err != nil {
		t.Fatal(err)
	}
	same(t, records(t, merged), first)
	if book, err = MakeBook(store, o.Course, o.Lab.Lab); err != nil || len(book.Missing) != 0 {
		t.Errorf("missing after all is merged: %v %v", book.Missing, err)
	}

	// Verification: as it is, and after somebody raised a grade.
	for name := range first {
		r := o.Store.Record(strings.TrimSuffix(name, ".json"))
		if r.Verdict != Graded || r.Result.Status != "passed" {
			continue
		}
		files, err := o.Store.Submission(r.Submission)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Verify(t.Context(), o.Command, r, files, o.Lab, "")
		if err != nil || !v.Same {
			t.Errorf("verify: %+v %v", v, err)
		}
		r.Result.Parts[0].Tests[0].Runs[0].Hash = strings.Repeat("0", 64)
		r.Result.Parts[0].Tests[1].Points = 99
		v, err = Verify(t.Context(), o.Command, r, files, o.Lab, "")
		if err != nil || v.Same || len(v.Differences) != 2 {
			t.Errorf("verify what was altered: %+v %v", v, err)
		}
	}
}

// A results folder is never made of somebody's other files.
func TestStoreRefusesOtherFolders(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o666)
	if _, err := OpenStore(dir); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Error(err)
	}
}

// What a writer that was killed has left is removed, what may be being written is not.
func TestStoreSweepsOldLeftovers(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenStore(dir); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, "records", ".writing-1"), filepath.Join(dir, "costs", ".writing-2")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the young one is gone")
	}
}

func FuzzParseRecord(f *testing.F) {
	s := Spec{Grader: "v1", Limits: DefaultLimits()}
	f.Add(newRecord(&s, "x").unfit(&Unfit{TooBig, "large", ""}).JSON())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err == nil && r.Key != r.Spec.Key(r.Submission) {
			t.Fatal("a record with another key was taken")
		}
	})
}
