package export

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
)

// Format is the name of a format.
type Format string

const (
	JUnit       Format = "junit"
	Gradescope  Format = "gradescope"
	Classroom   Format = "classroom"
	Annotations Format = "annotations" // of GitHub Actions
	Summary     Format = "summary"     // GitHub Actions' job summary
	Markdown    Format = "markdown"
)

// Formats lists them all.
func Formats() []Format {
	return []Format{JUnit, Gradescope, Classroom, Annotations, Summary, Markdown}
}

// Names lists the formats' names, for messages.
func Names() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// Parse reads a format's name.
func Parse(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("expected one of %s, found %q", Names(), name)
}

// State says whether a Sheet has a result.
type State int

const (
	Graded   State = iota // each test has a status
	Unfit                 // the submission cannot be graded, which is its own fault
	Ungraded              // the grader or the machine failed: nobody's points
)

// Sheet is one submission's grading.
type Sheet struct {
	Student string // "" if a folder is graded for itself
	Title   string // the course's or the lab's
	Lang    string // "en" or "zh"
	State   State
	Verdict string // in a few words, in Lang
	// Why says at length why there is no result; Where are the places in the
	// code that it is about.
	Why   string
	Where []Place

	Points   float64 // of the tests
	Max      float64
	Final    float64 // what is left of Points after LateDays
	LateDays int
	Tests    []Test
	// Secret says that hidden tests are still to be kept from the student.
	Secret bool
	Facts  []Fact // by which the grading can be repeated
}

// Test is one test of a Sheet.
type Test struct {
	Part, Name string
	Title      string // in the sheet's language
	Status     grader.Status
	Points     float64
	Max        float64
	Hidden     bool          // from students, until the deadline
	Virtual    time.Duration // virtual time of all its runs

	// What follows is of a failing test.
	Fault    bool   // the grader's own, not the submission's
	Property string // what broke
	Message  string // in a sentence
	Again    string // the command that repeats it
	Story    string // at length
	File     string // the line of the submission that the evidence points to
	Line     int
}

// ID is the test's name within its lab.
func (t *Test) ID() string { return t.Part + "/" + t.Name }

// Place is a place in the submission, with what is wrong there.
type Place struct {
	File         string
	Line, Column int
	Message      string
}

// Fact is a name with its value.
type Fact struct{ Name, Value string }

// Passed counts the tests that passed.
func (s *Sheet) Passed() int {
	n := 0
	for i := range s.Tests {
		if s.Tests[i].Status == grader.Passed {
			n++
		}
	}
	return n
}

// Of makes the Sheet of a result. o says how stories are told.
func Of(res *grader.Result, o report.Options) *Sheet {
	m := messagesIn(o.Lang)
	s := &Sheet{Title: res.Lab, Lang: o.Lang, Verdict: m.graded, Points: round(res.Points), Max: round(res.Max), Final: round(res.Points), Facts: FactsOf(res, o.HideSeeds)}
	if res.Status == grader.NotGraded {
		s.State, s.Verdict, s.Why = Ungraded, m.notGraded, m.notGradedWhy
	}
	for i := range res.Parts {
		for k := range res.Parts[i].Tests {
			s.Tests = append(s.Tests, TestOf(&res.Parts[i].Tests[k], o))
		}
	}
	return s
}

// FactsOf says by what a result can be repeated.
func FactsOf(res *grader.Result, hideSeeds bool) []Fact {
	facts := []Fact{{"grader", res.Grader}, {"lab", res.Lab}, {"labHash", res.LabHash}, {"go", res.Go}, {"module", res.Module}, {"profile", res.Profile}, {"raft", string(res.Raft)}}
	if !hideSeeds {
		facts = append(facts, Fact{"seed", strconv.FormatUint(res.Seed, 10)}, Fact{"seeds", strconv.Itoa(res.Seeds)}, Fact{"hash", res.Hash})
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

// TestOf is one test of a Sheet.
func TestOf(t *grader.TestResult, o report.Options) Test {
	x := Test{Part: t.Part, Name: t.Name, Title: t.Title.In(o.Lang), Status: t.Status, Points: round(t.Points), Max: round(t.Max)}
	for _, run := range t.Runs {
		x.Virtual += time.Duration(run.Virtual)
	}
	f := t.Failure
	if f == nil {
		return x
	}
	x.Fault = f.Kind == grader.Engine
	x.Property = f.Property
	if f.Section != "" {
		x.Property += ", " + f.Section
	}
	x.Message = phrase.In(o.Lang, f.Message)
	switch {
	case o.HideSeeds:
	case o.Replay != nil:
		x.Again = o.Replay(t)
	default:
		x.Again = f.Replay
	}
	var b bytes.Buffer
	report.New(&b, o).Failure(t)
	x.Story = strings.TrimLeft(b.String(), "\n")
	x.File, x.Line = place(f.Code)
	return x
}

// place reads "file:line" or "file:line:column".
func place(pos string) (file string, line int) {
	file, rest, ok := strings.Cut(pos, ":")
	n, _, _ := strings.Cut(rest, ":")
	line, err := strconv.Atoi(n)
	if !ok || err != nil || line < 1 {
		return "", 0
	}
	return file, line
}

// OfError makes the Sheet of a submission that grader.Grade could not grade; the
// lab says what it could have had.
func OfError(err error, lab *script.Lab, o report.Options) *Sheet {
	m := messagesIn(o.Lang)
	s := &Sheet{Title: lab.Name, Lang: o.Lang, State: Ungraded, Verdict: m.notGraded}
	var be *build.Error
	if errors.As(err, &be) {
		s.Where = Places(be.Problems, o.Lang)
		if report.CauseOf(err) == report.Build {
			s.State, s.Verdict = Unfit, m.notBuilt
		}
	}
	var b bytes.Buffer
	report.New(&b, o).Error(err)
	s.Why = b.String()
	for _, p := range lab.Parts {
		for _, t := range p.Tests {
			s.Tests = append(s.Tests, Test{Part: p.Name, Name: t.Name, Title: t.Title.In(o.Lang), Status: grader.Skipped, Max: round(t.Points)})
			s.Max += t.Points
		}
	}
	s.Max = round(s.Max)
	return s
}

// Places are where the problems of a build are.
func Places(problems []build.Problem, lang string) []Place {
	var out []Place
	for _, p := range problems {
		msg := phrase.In(lang, p.Reason)
		if p.Advice != "" {
			msg += "\n" + phrase.In(lang, p.Advice)
		}
		out = append(out, Place{p.File, p.Line, p.Col, msg})
	}
	return out
}
