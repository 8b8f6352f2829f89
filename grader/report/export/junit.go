package export

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/raftlab/raftlab/grader"
)

// The elements of JUnit XML that are written. Times are seconds of virtual time:
// the same submission has the same file.
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Time     string   `xml:"time,attr"`
		Suites   []*suite `xml:"testsuite"`
	}
	suite struct {
		Name       string      `xml:"name,attr"`
		Tests      int         `xml:"tests,attr"`
		Failures   int         `xml:"failures,attr"`
		Errors     int         `xml:"errors,attr"`
		Skipped    int         `xml:"skipped,attr"`
		Time       string      `xml:"time,attr"`
		Properties *properties `xml:"properties"` // nil: none
		Cases      []testcase  `xml:"testcase"`
		seconds    float64
	}
	properties struct {
		Property []property `xml:"property"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		File    string   `xml:"file,attr,omitempty"`
		Line    int      `xml:"line,attr,omitempty"`
		Skipped *skipped `xml:"skipped"`
		Error   *problem `xml:"error"`
		Failure *problem `xml:"failure"`
	}
	skipped struct {
		Message string `xml:"message,attr"`
	}
	problem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes sheets as JUnit XML. One sheet without a student has a suite
// for each part; else each student is a suite. Hidden tests are there: the file
// is for whoever runs the course.
func WriteJUnit(w io.Writer, name string, sheets []*Sheet) error {
	all := &suites{Name: line(name)}
	for _, s := range sheets {
		for _, one := range s.suites() {
			all.Tests += one.Tests
			all.Failures += one.Failures
			all.Errors += one.Errors
			all.Skipped += one.Skipped
			all.Suites = append(all.Suites, one)
		}
	}
	total := 0.0
	for _, one := range all.Suites {
		total += one.seconds
	}
	all.Time = inSeconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func inSeconds(f float64) string { return fmt.Sprintf("%.3f", f) }

func (s *Sheet) suites() []*suite {
	var out []*suite
	var at *suite
	begin := func(name string) {
		at = &suite{Name: line(name), Time: inSeconds(0)}
		if len(out) == 0 {
			at.Properties = s.properties()
		}
		out = append(out, at)
	}
	if s.State != Graded && len(s.Tests) == 0 || s.Student != "" {
		begin(s.name())
	}
	if s.State != Graded { // one case says why, the tests are skipped
		if at == nil {
			begin(s.name())
		}
		at.add(testcase{Name: line(s.Verdict), Class: line(s.name()), Time: inSeconds(0),
			Error: &problem{line(s.brief()), line(s.Verdict), block(s.Why)}})
	}
	part := ""
	for i := range s.Tests {
		t := &s.Tests[i]
		if s.Student == "" && t.Part != part {
			begin(t.Part)
			part = t.Part
		}
		class := t.Part
		if s.Student != "" {
			class = s.Student + "." + t.Part
		}
		c := testcase{Name: line(t.Name), Class: line(class), Time: inSeconds(t.Virtual.Seconds()), File: line(t.File), Line: t.Line}
		switch {
		case t.Status == grader.Passed:
		case s.State != Graded && t.Story == "", t.Status == grader.Skipped:
			c.Skipped = &skipped{line(s.Verdict)}
		case t.Fault || t.Status == grader.NotGraded:
			c.Error = &problem{line(t.Message), line(t.Property), block(t.Story)}
		default:
			c.Failure = &problem{line(t.Message), line(t.Property), block(t.Story)}
		}
		at.seconds += t.Virtual.Seconds()
		at.add(c)
	}
	return out
}

func (x *suite) add(c testcase) {
	x.Cases = append(x.Cases, c)
	x.Tests++
	switch {
	case c.Failure != nil:
		x.Failures++
	case c.Error != nil:
		x.Errors++
	case c.Skipped != nil:
		x.Skipped++
	}
	x.Time = inSeconds(x.seconds)
}

// name is whose sheet it is.
func (s *Sheet) name() string {
	if s.Student != "" {
		return s.Student
	}
	return s.Title
}

// brief is why there is no result, in a line.
func (s *Sheet) brief() string {
	if len(s.Where) > 0 {
		return s.Where[0].Message
	}
	return s.Why
}

func (s *Sheet) properties() *properties {
	p := &properties{[]property{{"points", number(s.Points)}, {"max", number(s.Max)}}}
	if s.LateDays > 0 {
		p.Property = append(p.Property, property{"lateDays", fmt.Sprint(s.LateDays)}, property{"final", number(s.Final)})
	}
	for _, f := range s.Facts {
		p.Property = append(p.Property, property{line(f.Name), line(f.Value)})
	}
	return p
}
