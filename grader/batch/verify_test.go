package batch

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

// gradedOnce is the record of a server with a planted bug.
func gradedOnce(t *testing.T) *Record {
	t.Helper()
	release, err := Prepare(t.Context(), nil, "", true)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := OpenLab("")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := NewSpec(short(), lab, release)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Take("../testdata/example-bug")
	if err != nil {
		t.Fatal(err)
	}
	res, err := grader.Grade(context.Background(), grader.Options{Dir: ".", Files: files.FS(), Parts: spec.Parts, Seed: spec.Seed, Seeds: spec.Seeds, Lang: "en"})
	if err != nil {
		t.Fatal(err)
	}
	return newRecord(&spec, files.Hash()).conclude(res, nil)
}

// again reads a record anew, as deep as it goes.
func again(t *testing.T, r *Record) *Record {
	t.Helper()
	out, err := ParseRecord(r.JSON())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whoever alters a result is told where, whatever it is that was altered.
func TestTamperedResultsAreFound(t *testing.T) {
	r := gradedOnce(t)
	failed := -1
	for i, test := range r.Result.Parts[0].Tests {
		if test.Status == grader.Failed {
			failed = i
		}
	}
	if failed < 0 {
		t.Fatal("the planted bug was not found")
	}
	bad := func(r *Record) *grader.TestResult { return &r.Result.Parts[0].Tests[failed] }
	v := &Verification{}
	if v.compare(again(t, r), again(t, r)); len(v.Differences) > 0 {
		t.Fatalf("untouched: %q", v.Differences)
	}
	for _, c := range []struct {
		name  string
		alter func(r *Record)
		want  string
	}{
		{"a trace hash", func(r *Record) { r.Result.Parts[0].Tests[0].Runs[0].Hash = strings.Repeat("0", 64) }, "trace hash: the record says 000"},
		{"the hash of all", func(r *Record) { r.Result.Hash = strings.Repeat("0", 64) }, "hash of all traces: the record says 000"},
		{"the module", func(r *Record) { r.Result.Module = strings.Repeat("0", 64) }, "module: the record says 000"},
		{"the first seed", func(r *Record) { r.Result.Seed = 7 }, "first seed: the record says 7, graded again it is 1"},
		{"the number of seeds", func(r *Record) { r.Result.Seeds = 7 }, "seeds of each test: the record says 7"},
		{"a run's seed", func(r *Record) { r.Result.Parts[0].Tests[0].Runs[0].Seed = 7 }, "run 1: seed: the record says 7"},
		{"the grader", func(r *Record) { r.Result.Grader = "v9" }, "result.grader: the record says v9"},
		{"the Go release", func(r *Record) { r.Result.Go = "go9" }, "result.go: the record says go9"},
		{"the lab's hash", func(r *Record) { r.Result.LabHash = "0" }, "result.labHash: the record says 0"},
		{"all points", func(r *Record) { r.Result.Points += 5 }, "points: the record says "},
		{"a test's points", func(r *Record) { bad(r).Points = 3 }, "points: the record says 3, graded again it is 0"},
		{"a test's most points", func(r *Record) { bad(r).Max = 0.5 }, "most points: the record says 0.5"},
		{"a part's points", func(r *Record) { r.Result.Parts[0].Points = 99 }, "election: points: the record says 99"},
		{"a test that passed after all", func(r *Record) { bad(r).Status, bad(r).Failure = grader.Passed, nil }, "status: the record says passed, graded again it is failed"},
		{"a run that passed after all", func(r *Record) { bad(r).Runs[0].Status = grader.Passed }, "status: the record says passed"},
		{"another property", func(r *Record) { bad(r).Failure.Property = "No Panic" }, "property that broke: the record says No Panic"},
		{"another explanation", func(r *Record) { bad(r).Failure.Message += "!" }, "failure.message: the record says"},
		{"a measured number", func(r *Record) { r.Result.Parts[0].Tests[0].Runs[0].RPCs++ }, "rpcs: the record says"},
		{"a test that is left out", func(r *Record) {
			p := &r.Result.Parts[0]
			p.Tests = append(p.Tests[:failed:failed], p.Tests[failed+1:]...)
		}, "tests: graded again there are 1 more than the record has"},
		{"a run that is left out", func(r *Record) { bad(r).Runs = nil }, "runs: the record says 0"},
		{"a test that is there twice", func(r *Record) {
			p := &r.Result.Parts[0]
			p.Tests = append(p.Tests, p.Tests[0])
			p.Points += p.Tests[0].Points
		}, "election: points: the record says"},
		{"a test that there is not", func(r *Record) { bad(r).Name = "easy" }, "election/easy: the record has it, graded again it is not there"},
		{"a verdict", func(r *Record) { r.Verdict, r.Result, r.Reason = NoBuild, nil, "x" }, "verdict: the record says does not build, graded again it is graded"},
	} {
		altered := again(t, r)
		c.alter(altered)
		v := &Verification{}
		v.compare(altered, again(t, r))
		if !strings.Contains(strings.Join(v.Differences, "\n"), c.want) {
			t.Errorf("%s: %q, expected %q", c.name, v.Differences, c.want)
		}
	}
}

// What decides a verdict is in a record's key: altered, it is no record at all.
func TestARecordsKeyCoversWhatDecides(t *testing.T) {
	spec := Spec{Grader: "v1", Go: "go1.26.1", Lab: "raft", Hash: "h", Seed: 1, Limits: DefaultLimits()}
	r := newRecord(&spec, "s")
	r.Verdict = Nothing
	if _, err := ParseRecord(r.JSON()); err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(path string, x any, set func(any))
	bytesOf := func() map[string]any {
		var m map[string]any
		if err := json.Unmarshal(r.JSON(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	top := bytesOf()
	walk = func(path string, x any, set func(any)) {
		if m, ok := x.(map[string]any); ok {
			for k := range m {
				walk(path+"."+k, m[k], func(v any) { m[k] = v })
			}
			return
		}
		paths = append(paths, path)
		if n, ok := x.(float64); ok {
			set(n + 1)
		} else {
			set("another")
		}
		b, err := json.Marshal(top)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRecord(b); err == nil || !strings.Contains(err.Error(), "altered") {
			t.Errorf("%s altered: %v", path, err)
		}
		set(x)
	}
	walk("spec", top["spec"], func(any) {})
	walk("submission", top["submission"], func(v any) { top["submission"] = v })
	if len(paths) < 10 {
		t.Errorf("only %q were tried", paths)
	}
}

// grade --json may hold some of the tests only: these are compared, and their sums.
func TestVerifyPartOfAResult(t *testing.T) {
	files := os.DirFS("../testdata/correct")
	o := grader.Options{Dir: ".", Files: files, Parts: []string{"election"}, Seeds: 1}
	all, err := grader.Grade(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	first := all.Parts[0].Tests[0].Name
	some := all.Only(func(t *grader.TestResult) bool { return t.Name == first })
	v := &Verification{}
	if v.results(some, all); len(v.Differences) > 0 || v.Left != len(all.Parts[0].Tests)-1 || some.Points == all.Points || some.Hash == all.Hash {
		t.Errorf("%+v", v)
	}
	some.Points = all.Points
	if v.results(some, all); len(v.Differences) != 1 {
		t.Errorf("%q", v.Differences)
	}
}
