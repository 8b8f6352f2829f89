package batch

import (
	"context"
	"fmt"

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
	o.Seed, o.Seeds = was.Seed, was.Seeds
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
	}
}

// results compares two results test by test. Tests that only one of them has are
// told by name.
func (v *Verification) results(was, is *grader.Result) {
	v.Was, v.Is = was.Hash, is.Hash
	v.differ("module", was.Module, is.Module)
	tests := make(map[string]*grader.TestResult)
	for i := range is.Parts {
		for k := range is.Parts[i].Tests {
			t := &is.Parts[i].Tests[k]
			tests[t.Part+"/"+t.Name] = t
		}
	}
	n := 0
	for i := range was.Parts {
		for k := range was.Parts[i].Tests {
			a := &was.Parts[i].Tests[k]
			name := a.Part + "/" + a.Name
			b := tests[name]
			if b == nil || len(a.Runs) > len(b.Runs) {
				v.Differences = append(v.Differences, name+": the record has it, graded again it is not there")
				continue
			}
			n++
			v.differ(name+": status", a.Status, b.Status)
			v.differ(name+": points", a.Points, b.Points)
			for r := range a.Runs {
				v.differ(fmt.Sprintf("%s, seed %d: trace hash", name, a.Runs[r].Seed), a.Runs[r].Hash, b.Runs[r].Hash)
			}
		}
	}
	if n == len(tests) && len(v.Differences) == 0 {
		v.differ("hash of all traces", was.Hash, is.Hash)
		v.differ("points", was.Points, is.Points)
		v.differ("status", was.Status, is.Status)
	}
}
