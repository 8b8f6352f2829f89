package grader

import (
	"encoding/json"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
)

// OfTrace tells what a trace says of its run without running anything: a test of
// one run, with the property that broke. The lab is nil unless it is a built-in
// one; its tests may have changed since the trace was written.
func OfTrace(t *sim.Trace) (*TestResult, *script.Lab, error) {
	h := t.Header
	part, name, _ := strings.Cut(h.Test, "/")
	tr := &TestResult{Name: name, Part: part, Status: Passed, Runs: []RunResult{{Seed: h.Seed, Status: Passed, Hash: t.Hash.String()}}}
	run := &tr.Runs[0]
	run.Records = uint64(len(t.Records))
	var lab *script.Lab
	service := ""
	files, ok := labs.Named(h.Lab)
	if ok {
		var err error
		if lab, err = OpenLab(files); err != nil {
			return nil, nil, err
		}
		service = lab.Service
		for _, p := range lab.Parts {
			for _, x := range p.Tests {
				if p.Name == part && x.Name == name {
					tr.Title, tr.Max = x.Title, x.Points
				}
			}
		}
	}
	hints, err := readHints(files, service)
	if err != nil {
		return nil, nil, err
	}
	line, source := "", ""
	for i := range t.Records {
		r := &t.Records[i]
		run.Virtual = r.T
		switch {
		case r.Kind == sim.RecLine:
			line, source = r.Name, string(r.Data)
		case r.Kind == sim.RecViolation && tr.Failure == nil:
			tr.Status, run.Status = Failed, Failed
			about := hints[r.Name]
			tr.Failure = &Failure{
				Kind: failureKinds[check.KindOf(check.Property(r.Name))], Property: r.Name, Section: about.Section, Seed: h.Seed,
				Time: r.T, Server: r.Node, Message: string(r.Data), Test: line, Source: source, Hints: about.Hints, History: historyIn(&h),
			}
		}
	}
	return tr, lab, nil
}

// historyField is the name in a trace's Extra under which stands what shows a
// failure of what clients did, as in a Result: the JSON of []HistoryLine.
const historyField = "history"

// withHistory is the Extra of a failing run's trace.
func withHistory(f *Failure) map[string]string {
	if f == nil || len(f.History) == 0 {
		return nil
	}
	b, err := json.Marshal(f.History)
	if err != nil {
		panic(err) // numbers and texts
	}
	return map[string]string{historyField: string(b)}
}

// historyIn reads it again. A trace comes from anybody: what is no history, or
// tells an operation twice, is none.
func historyIn(h *sim.Header) []HistoryLine {
	var lines []HistoryLine
	if json.Unmarshal([]byte(h.Extra[historyField]), &lines) != nil {
		return nil
	}
	seen := make(map[uint64]bool)
	for _, l := range lines {
		if seen[l.ID] {
			return nil
		}
		seen[l.ID] = true
	}
	return lines
}
