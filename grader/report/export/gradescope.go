package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/raftlab/raftlab/grader"
)

// ErrUngraded says that there is nothing to tell a tool that would take it for a
// score: Gradescope then says that the autograder failed, and the score stays open.
var ErrUngraded = errors.New("not graded: there is no score to write")

type (
	gradescope struct {
		Score            float64           `json:"score"`
		Output           string            `json:"output"`
		OutputFormat     string            `json:"output_format"`
		TestOutputFormat string            `json:"test_output_format"`
		TestNameFormat   string            `json:"test_name_format"`
		Visibility       string            `json:"visibility"`
		StdoutVisibility string            `json:"stdout_visibility"`
		ExtraData        map[string]string `json:"extra_data"`
		Tests            []gradescopeTest  `json:"tests"`
	}
	gradescopeTest struct {
		Score      float64  `json:"score"`
		MaxScore   float64  `json:"max_score"`
		Status     string   `json:"status"`
		Name       string   `json:"name"`
		Number     string   `json:"number"`
		Output     string   `json:"output"`
		Tags       []string `json:"tags"`
		Visibility string   `json:"visibility"`
	}
)

// WriteGradescope writes a sheet as Gradescope's results.json. Tests come in the
// lab's order and are numbered by part; those that are hidden are shown after the
// due date, which is Gradescope's to know. The score is what lateness has left.
// For a sheet that is not graded it writes nothing and returns ErrUngraded.
func WriteGradescope(w io.Writer, s *Sheet) error {
	if s.State == Ungraded {
		return ErrUngraded
	}
	m := messagesIn(s.Lang)
	g := gradescope{
		Score: s.Final, Output: block(s.heading()), OutputFormat: "text", TestOutputFormat: "text", TestNameFormat: "text",
		Visibility: "visible", StdoutVisibility: "hidden", ExtraData: map[string]string{}, Tests: []gradescopeTest{},
	}
	for _, f := range s.Facts {
		g.ExtraData[line(f.Name)] = line(f.Value)
	}
	part, i, k := "", 0, 0
	for n := range s.Tests {
		t := &s.Tests[n]
		if t.Part != part {
			part, i, k = t.Part, i+1, 0
		}
		k++
		x := gradescopeTest{Score: t.Points, MaxScore: t.Max, Status: "failed", Name: line(t.ID() + ": " + t.Title),
			Number: fmt.Sprintf("%d.%d", i, k), Output: block(t.Story), Tags: []string{line(t.Part)}, Visibility: "visible"}
		switch {
		case t.Status == grader.Passed:
			x.Status, x.Output = "passed", m.ok
		case t.Story == "":
			x.Output = line(s.Verdict)
		}
		if t.Hidden && s.Secret {
			x.Visibility = "after_due_date"
		}
		g.Tests = append(g.Tests, x)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(&g)
}

// heading is what concerns the whole submission, as text.
func (s *Sheet) heading() string {
	m := messagesIn(s.Lang)
	out := s.Verdict
	if s.State == Graded {
		if n := s.Passed(); n == len(s.Tests) {
			out = fmt.Sprintf(m.allPassed, n, number(s.Points), number(s.Max))
		} else if !s.Secret || s.hidden() == 0 {
			out = fmt.Sprintf(m.someFailed, len(s.Tests)-n, len(s.Tests), number(s.Points), number(s.Max))
		} else {
			out = fmt.Sprintf(m.points, number(s.Points), number(s.Max))
		}
	}
	if s.LateDays > 0 {
		out = fmt.Sprintf(m.points, number(s.Final), number(s.Max)) + " (" + fmt.Sprintf(m.late, number(s.Points), s.LateDays) + ")"
	}
	if s.Why != "" {
		out += "\n\n" + s.Why
	}
	if n := s.hidden(); n > 0 && s.Secret {
		out += "\n" + fmt.Sprintf(m.hidden, n)
	}
	return out
}

// hidden counts the tests that are kept from students until the deadline.
func (s *Sheet) hidden() int {
	n := 0
	for i := range s.Tests {
		if s.Tests[i].Hidden {
			n++
		}
	}
	return n
}
