package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/raftlab/raftlab/grader"
)

type (
	classroom struct {
		Version  int             `json:"version"`
		Status   string          `json:"status"` // pass, fail, error
		MaxScore int             `json:"max_score"`
		Tests    []classroomTest `json:"tests"`
	}
	classroomTest struct {
		Name     string `json:"name"`
		Status   string `json:"status"`
		Score    int    `json:"score"`
		Message  string `json:"message"`
		TestCode string `json:"test_code"`
		Filename string `json:"filename"`
		LineNo   int    `json:"line_no"`
		Duration int64  `json:"duration"` // ms of virtual time
	}
)

// WriteClassroom writes a sheet as the JSON that the reporter of GitHub
// Classroom's autograding reads. Each test is worth one point: the reporter's
// versions count either the tests that passed or their scores, and agree just if
// these are the same. Hidden tests count and say no more than that they are there.
func WriteClassroom(w io.Writer, s *Sheet) error {
	m := messagesIn(s.Lang)
	c := classroom{Version: 1, Status: "pass", MaxScore: len(s.Tests), Tests: []classroomTest{}}
	if s.State != Graded {
		c.Status = "error"
	}
	hidden := 0
	for i := range s.Tests {
		t := &s.Tests[i]
		x := classroomTest{Name: line(t.ID()), Status: "fail", Message: block(t.Story), Filename: line(t.File), LineNo: t.Line, Duration: t.Virtual.Milliseconds(),
			TestCode: line("grade --run " + t.ID())}
		switch {
		case t.Status == grader.Passed:
			x.Status, x.Score, x.Message = "pass", 1, ""
		case s.State != Graded || t.Fault:
			x.Status = "error"
		}
		if x.Status == "fail" && c.Status == "pass" {
			c.Status = "fail"
		}
		if x.Status == "error" {
			c.Status = "error"
		}
		if i == 0 && s.Why != "" {
			x.Message = block(s.Why)
		}
		if t.Hidden && s.Secret {
			hidden++
			x.Name, x.Message, x.TestCode, x.Filename, x.LineNo, x.Duration = fmt.Sprintf(m.hiddenTest, hidden), "", "", "", 0, 0
		}
		c.Tests = append(c.Tests, x)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(&c)
}

// ClassroomOutput is the line for the file in GITHUB_OUTPUT, by which the
// reporter's step gets a result: base64 has no line break.
func ClassroomOutput(s *Sheet) string {
	var b bytes.Buffer
	if err := WriteClassroom(&b, s); err != nil {
		panic(err) // a buffer takes everything, and a sheet can be encoded
	}
	return "result=" + base64.StdEncoding.EncodeToString(b.Bytes()) + "\n"
}
