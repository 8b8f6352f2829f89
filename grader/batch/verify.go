package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader"
)

// Verification is what came of grading again.
type Verification struct {
	Same        bool     `json:"same"`
	Differences []string `json:"differences,omitempty"`
	// Was and Is are the hashes over all traces.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
	// Other says that the grader, the Go release or the lab is not the one that
	// the record names: then a difference need not mean that anything is wrong.
	Other []string `json:"other,omitempty"`
	// Left is how many tests were graded again that the result does not have.
	Left int `json:"left,omitempty"`
}

// Verify grades a record's submission again, with the seeds and limits of the
// record, and compares everything that it says.
func Verify(ctx context.Context, command []string, r *Record, files *Files, lab *Lab, goRelease string) (*Verification, error) {
	v := &Verification{}
	spec := r.Spec
	note := func(what, was, is string) {
		if was != is {
			v.Other = append(v.Other, fmt.Sprintf("%s: the record says %s, this is %s", what, was, is))
		}
	}
	note("grader", spec.Grader, Version())
	note("tests of the lab", spec.Hash, lab.Hash)
	if goRelease != "" {
		note("Go", spec.Go, goRelease)
		spec.Go = goRelease
	}
	spec.Grader, spec.Hash, spec.Lab = Version(), lab.Hash, lab.Name
	if files.Hash() != r.Submission {
		v.Differences = append(v.Differences, fmt.Sprintf("the submission is another: the record says %s, this is %s", r.Submission, files.Hash()))
	}
	j := &Job{Key: spec.Key(files.Hash()), Submission: files.Hash(), Spec: spec, Zip: files.Zip(), Lab: lab.zip}
	reply, err := Attempt(ctx, command, j)
	if err != nil {
		return nil, err
	}
	again, err := ParseRecord(reply.Record)
	if err != nil {
		return nil, err
	}
	if again.Verdict == Ungraded {
		return nil, fmt.Errorf("%w: %s", grader.ErrEngine, again.Reason)
	}
	v.compare(r, again)
	v.Same = len(v.Differences) == 0
	return v, nil
}

// VerifyResult is Verify for the JSON of a single grading (grade --json), whose
// submission is at hand.
func VerifyResult(ctx context.Context, o grader.Options, was *grader.Result) (*Verification, error) {
	for _, p := range was.Parts {
		o.Parts = append(o.Parts, p.Name)
	}
	o.Seed, o.Seeds, o.OnCore = was.Seed, was.Seeds, was.Raft.OnCore()
	is, err := grader.Grade(ctx, o)
	if err != nil {
		return nil, err
	}
	v := &Verification{}
	if was.Grader != is.Grader {
		v.Other = append(v.Other, fmt.Sprintf("grader: the result says %s, this is %s", was.Grader, is.Grader))
	}
	if was.LabHash != is.LabHash {
		v.Other = append(v.Other, fmt.Sprintf("tests of the lab: the result says %.12s, these are %.12s", was.LabHash, is.LabHash))
	}
	if was.Go != is.Go {
		v.Other = append(v.Other, fmt.Sprintf("Go: the result says %s, this is %s", was.Go, is.Go))
	}
	v.results(was, is)
	v.Same = len(v.Differences) == 0
	return v, nil
}

func (v *Verification) differ(what string, was, is any) {
	if was != is {
		v.Differences = append(v.Differences, fmt.Sprintf("%s: the record says %v, graded again it is %v", what, was, is))
	}
}

func (v *Verification) compare(was, is *Record) {
	v.differ("verdict", was.Verdict, is.Verdict)
	v.differ("reason", was.Reason, is.Reason)
	if was.Result != nil && is.Result != nil {
		v.results(was.Result, is.Result)
		if v.Left > 0 {
			v.Differences = append(v.Differences, fmt.Sprintf("tests: graded again there are %d more than the record has", v.Left))
		}
	}
	if len(v.Differences) == 0 && len(v.Other) == 0 {
		// What a record holds beside that follows from the submission as well.
		v.diff("", fields(was.JSON()), fields(is.JSON()))
	}
}

// fields is JSON as it is.
func fields(b []byte) (f any) {
	if err := json.Unmarshal(b, &f); err != nil {
		panic(err) // it was encoded a moment ago
	}
	return f
}

// diff names the fields that differ.
func (v *Verification) diff(path string, was, is any) {
	if a, ok := was.(map[string]any); ok {
		if b, ok := is.(map[string]any); ok {
			keys := slices.Collect(maps.Keys(a))
			for k := range b {
				if _, both := a[k]; !both {
					keys = append(keys, k)
				}
			}
			slices.Sort(keys)
			for _, k := range keys {
				v.diff(path+"."+k, a[k], b[k])
			}
			return
		}
	}
	if a, ok := was.([]any); ok {
		if b, ok := is.([]any); ok && len(a) == len(b) {
			for i := range a {
				v.diff(fmt.Sprintf("%s[%d]", path, i), a[i], b[i])
			}
			return
		}
	}
	if !reflect.DeepEqual(was, is) {
		v.Differences = append(v.Differences, fmt.Sprintf("%s: the record says %s, graded again it is %s", strings.TrimPrefix(path, "."), clip(was), clip(is)))
	}
}

// clip is a value of JSON on one line and not too long.
func clip(x any) string {
	s := strings.ToValidUTF8(fmt.Sprint(x), "?")
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// results compares two results: where they come from, test by test, and their
// sums. Of the tests that are graded again only those count that the result has:
// grade --run leaves some out. Left says how many.
func (v *Verification) results(was, all *grader.Result) {
	v.differ("module", was.Module, all.Module)
	v.differ("first seed", was.Seed, all.Seed)
	v.differ("seeds of each test", was.Seeds, all.Seeds)
	had := make(map[string]bool)
	for i := range was.Parts {
		for k := range was.Parts[i].Tests {
			t := &was.Parts[i].Tests[k]
			if t.Part != was.Parts[i].Name {
				v.Differences = append(v.Differences, fmt.Sprintf("%s/%s: it stands in the part %s", t.Part, t.Name, was.Parts[i].Name))
			}
			had[t.Part+"/"+t.Name] = true
		}
	}
	is := all.Only(func(t *grader.TestResult) bool {
		if had[t.Part+"/"+t.Name] {
			return true
		}
		v.Left++
		return false
	})
	v.Was, v.Is = was.Hash, is.Hash
	tests := make(map[string]*grader.TestResult)
	parts := make(map[string]*grader.PartResult)
	for i := range is.Parts {
		parts[is.Parts[i].Name] = &is.Parts[i]
		for k := range is.Parts[i].Tests {
			t := &is.Parts[i].Tests[k]
			tests[t.Part+"/"+t.Name] = t
		}
	}
	for i := range was.Parts {
		p := &was.Parts[i]
		for k := range p.Tests {
			v.test(&p.Tests[k], tests[p.Tests[k].Part+"/"+p.Tests[k].Name])
		}
		if again := parts[p.Name]; again != nil {
			v.differ(p.Name+": status", p.Status, again.Status)
			v.differ(p.Name+": points", p.Points, again.Points)
			v.differ(p.Name+": most points", p.Max, again.Max)
		}
	}
	v.differ("hash of all traces", was.Hash, is.Hash)
	v.differ("points", was.Points, is.Points)
	v.differ("most points", was.Max, is.Max)
	v.differ("status", was.Status, is.Status)
}

// test compares one test; is is nil if there is none of that name.
func (v *Verification) test(was, is *grader.TestResult) {
	name := was.Part + "/" + was.Name
	if is == nil {
		v.Differences = append(v.Differences, name+": the record has it, graded again it is not there")
		return
	}
	v.differ(name+": status", was.Status, is.Status)
	v.differ(name+": points", was.Points, is.Points)
	v.differ(name+": most points", was.Max, is.Max)
	v.differ(name+": runs", len(was.Runs), len(is.Runs))
	for r := range min(len(was.Runs), len(is.Runs)) {
		a, b := &was.Runs[r], &is.Runs[r]
		v.differ(fmt.Sprintf("%s, run %d: seed", name, r+1), a.Seed, b.Seed)
		v.differ(fmt.Sprintf("%s, seed %d: status", name, b.Seed), a.Status, b.Status)
		v.differ(fmt.Sprintf("%s, seed %d: trace hash", name, b.Seed), a.Hash, b.Hash)
	}
	property := func(t *grader.TestResult) string {
		if t.Failure == nil {
			return "none"
		}
		return fmt.Sprint(t.Failure.Property)
	}
	v.differ(name+": property that broke", property(was), property(is))
}
