package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
)

// feedbackHints is how many steps of hints students get unless the course says.
const feedbackHints = 2

// feedback writes what one student sees into students/ID: feedback.txt, and
// feedback.html if the first failing run was kept. Tests that the course hides
// until the deadline are counted, not named.
func (s *Store) feedback(g *Grade, lab *script.Lab, v view, b *Book) error {
	dir := filepath.Join(s.dir, "students", g.ID)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, "feedback.txt"), g.text(v)); err != nil {
		return err
	}
	b.wrote("students/*/feedback.txt")
	there, err := s.picture(filepath.Join(dir, "feedback.html"), g, lab, v)
	if there {
		b.wrote("students/*/feedback.html")
	}
	return err
}

// text is the feedback as text.
func (g *Grade) text(v view) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", g.ID)
	if g.Verdict != Ungraded {
		fmt.Fprintf(&b, "%s / %s", number(g.Final), number(g.Max))
		if g.LateDays > 0 {
			b.WriteString("  " + phrase.In(v.lang, fmt.Sprintf("(%s before %d late days)", number(g.Points), g.LateDays)))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	if g.record.Result == nil {
		b.Write(g.why(v))
		return b.Bytes()
	}
	r := report.New(&b, v.options())
	shown, hidden := g.shown(v.secret)
	for i := range shown.Parts {
		for k := range shown.Parts[i].Tests {
			r.Test(&shown.Parts[i].Tests[k])
		}
	}
	r.Result(shown)
	if hidden > 0 {
		b.WriteString("\n" + phrase.In(v.lang, fmt.Sprintf("%d tests are shown after the deadline; their points count already.", hidden)) + "\n")
	}
	return b.Bytes()
}

// why says why there is no result.
func (g *Grade) why(v view) []byte {
	var b bytes.Buffer
	if len(g.record.Problems) > 0 {
		kind := build.Compile
		switch g.Verdict {
		case Refused:
			kind = build.Refused
		case SlowBuild:
			kind = build.TooSlow
		case Nothing:
			kind = build.Usage
		}
		report.New(&b, v.options()).Error(&build.Error{Kind: kind, Problems: g.record.Problems, More: g.record.More})
		return b.Bytes()
	}
	fmt.Fprintf(&b, "%s: %s\n", phrase.In(v.lang, string(g.Verdict)), phrase.In(v.lang, g.record.Reason))
	if g.record.Advice != "" {
		fmt.Fprintf(&b, "%s\n", phrase.In(v.lang, g.record.Advice))
	}
	return b.Bytes()
}

// shown is the result with the course's points, without the tests that are
// hidden; it says how many those are.
func (g *Grade) shown(secret bool) (*grader.Result, int) {
	res := *g.record.Result
	res.Parts, res.Points, res.Max = nil, 0, 0
	res.Status = grader.Passed
	grades := make(map[string]TestGrade, len(g.Tests))
	for _, t := range g.Tests {
		grades[t.Part+"/"+t.Name] = t
	}
	hidden := 0
	for _, p := range g.record.Result.Parts {
		part := p
		part.Tests, part.Points, part.Max = []grader.TestResult{}, 0, 0
		if part.Status != grader.Absent {
			part.Status = grader.Passed
		}
		for _, t := range p.Tests {
			tg := grades[t.Part+"/"+t.Name]
			if secret && tg.Hidden {
				hidden++
				continue
			}
			t.Points, t.Max = tg.Points, tg.Max
			part.Points, part.Max = round(part.Points+t.Points), round(part.Max+t.Max)
			if t.Status != grader.Passed {
				part.Status, res.Status = t.Status, grader.Failed
			}
			part.Tests = append(part.Tests, t)
		}
		if len(part.Tests) > 0 || part.Status == grader.Absent {
			res.Parts = append(res.Parts, part)
		}
		res.Points, res.Max = round(res.Points+part.Points), round(res.Max+part.Max)
	}
	return &res, hidden
}

// picture writes the page with the first failing run, if that was kept and its
// test is not hidden, and says whether it is there. A trace shows its seed, and
// what else came of it.
func (s *Store) picture(file string, g *Grade, lab *script.Lab, v view) (bool, error) {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err // one of before, which may now be hidden
	}
	kept := s.trace(g.Key)
	if kept == nil || !v.seeds {
		return false, nil
	}
	for _, t := range g.Tests {
		if t.Part+"/"+t.Name != kept.Test || t.result == nil || v.secret && t.Hidden {
			continue
		}
		for i := range t.result.Runs {
			if run := &t.result.Runs[i]; run.Seed == kept.Seed {
				var b bytes.Buffer
				if err := report.WritePicture(&b, &report.Picture{Lang: v.lang, Lab: lab, Test: t.result, Run: run, Trace: kept.Trace, Hints: v.hints}); err != nil {
					return false, err
				}
				return true, writeWhole(file, b.Bytes())
			}
		}
	}
	return false, nil
}
