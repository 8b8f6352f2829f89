package report

import (
	"fmt"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
)

// Lab lists a lab's parts and tests with their points.
func (r *Report) Lab(lab *script.Lab) {
	tests, points := size(lab)
	r.printf("%s\n", r.p.bold(fmt.Sprintf(r.m.listHead, lab.Name, len(lab.Parts), tests, number(points))))
	for _, p := range lab.Parts {
		also := ""
		for _, a := range p.Also {
			also += " " + a
		}
		left := pad(p.Name, 26) + " " + p.Title.In(r.o.Lang)
		r.printf("\n%s%s%s\n", r.p.bold(pad(left, max(r.o.Width-20, width(left)+1))), r.p.dim(pad(also, 12)), r.p.bold(padLeft(number(p.Points), 6)))
		for _, t := range p.Tests {
			title := t.Title.In(r.o.Lang)
			room := r.o.Width - 2 - 25 - 6
			r.printf("  %s%s%s\n", pad(t.Name, 25), pad(cut(title, room-1), room), r.p.dim(padLeft(number(t.Points), 6)))
		}
	}
}

func size(lab *script.Lab) (tests int, points float64) {
	for _, p := range lab.Parts {
		tests += len(p.Tests)
		points += p.Points
	}
	return tests, points
}

// LabCheck says whether a lab is in order: it loads, and the consensus core
// passes its tests.
func (r *Report) LabCheck(lab *script.Lab, res *grader.Result) {
	tests, points := size(lab)
	if res.Status == grader.Passed {
		r.text("", fmt.Sprintf(r.m.labInOrder, lab.Name, tests, number(points)), r.p.good)
		return
	}
	failed := 0
	for _, p := range res.Parts {
		for i := range p.Tests {
			if p.Tests[i].Failure != nil {
				failed++
				r.Failure(&p.Tests[i])
			}
		}
	}
	r.printf("\n")
	r.text("", fmt.Sprintf(r.m.labCoreFails, lab.Name, failed), r.p.bad)
}

// LabJSON is what Lab lists, for programs.
func LabJSON(lab *script.Lab) []byte {
	type test struct {
		Name    string      `json:"name"`
		Title   script.Text `json:"title"`
		Points  float64     `json:"points"`
		Servers int         `json:"servers"`
		Seeds   int         `json:"seeds"`
	}
	type part struct {
		Name   string      `json:"name"`
		Also   []string    `json:"also,omitempty"`
		Title  script.Text `json:"title"`
		Points float64     `json:"points"`
		Tests  []test      `json:"tests"`
	}
	out := struct {
		Format int         `json:"format"`
		Lab    string      `json:"lab"`
		Title  script.Text `json:"title"`
		Hash   string      `json:"labHash"`
		Parts  []part      `json:"parts"`
	}{Format: grader.ResultFormat, Lab: lab.Name, Title: lab.Title, Hash: lab.Hash}
	for _, p := range lab.Parts {
		q := part{Name: p.Name, Also: p.Also, Title: p.Title, Points: p.Points}
		for _, t := range p.Tests {
			q.Tests = append(q.Tests, test{t.Name, t.Title, t.Points, t.Servers, t.Seeds})
		}
		out.Parts = append(out.Parts, q)
	}
	return encode(out)
}
