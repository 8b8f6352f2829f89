package grader

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader/script"
)

// Session is a submission made ready to be graded: what is to be run is known,
// and the server can run. [Grade] does all of it; a host that spreads the runs
// over processes that share no memory opens a Session in each of them, has each
// do some of the runs, and gives the outcomes to one Session's Result.
type Session struct {
	o     Options
	lab   *script.Lab
	hints Hints
	sub   *subject
	res   *Result
	tests []*TestResult
	jobs  []*job
}

// Open reads the lab, lists the runs and builds the server. Its errors are those
// of [Grade].
func Open(ctx context.Context, o Options) (*Session, error) {
	lab, err := OpenLab(o.Lab)
	if err != nil {
		return nil, err
	}
	o.service = lab.Service
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	s := &Session{o: o, lab: lab, res: &Result{Format: ResultFormat, Grader: Version(), Lab: lab.Name, LabHash: lab.Hash, Seed: o.Seed, Seeds: o.Seeds}}
	if s.tests, s.jobs, err = plan(lab, &s.o, s.res); err != nil {
		return nil, err
	}
	if s.hints, err = readHints(o.Lab, lab.Service); err != nil {
		return nil, err
	}
	if s.sub, err = prepare(ctx, &s.o, s.res); err != nil {
		return nil, err
	}
	if err := s.fitYear(); err != nil {
		s.sub.close()
		return nil, err
	}
	return s, nil
}

// fitYear gives the parts the names of the year's lab, and takes out those that
// it does not have.
func (s *Session) fitYear() error {
	absent := make(map[string]bool)
	other := make(map[string]bool) // parts whose name in another year was asked for
	for i := range s.res.Parts {
		p := &s.res.Parts[i]
		part := s.lab.Parts[slices.IndexFunc(s.lab.Parts, func(q *script.Part) bool { return q.Name == p.Name })]
		for _, also := range p.Also {
			_, some := part.Years[also]
			if some && part.In(also, s.sub.year) || !some && s.sub.number != "" && strings.HasPrefix(also, s.sub.number) {
				p.Course = also
			}
		}
		if !s.asked(part) {
			other[p.Name] = true
			continue
		}
		if slices.ContainsFunc(part.Requires, func(m string) bool { return slices.Contains(s.sub.lacks, m) }) {
			absent[p.Name] = true
			p.Status, p.Course, p.Tests = Absent, "", []TestResult{}
		}
	}
	early := make(map[string]int) // by part, how many tests are left out
	var tests []*TestResult
	at := make(map[int]int) // index of a test before and after
	out := make(map[*TestResult]bool)
	for _, j := range s.jobs {
		if j.early && s.sub.number != "" && !out[s.tests[j.t]] {
			out[s.tests[j.t]] = true
			early[j.test.Part.Name]++
		}
	}
	unknown := false // of what was asked for, some is named otherwise in this year
	for _, j := range s.jobs {
		if other[j.test.Part.Name] || !s.meant(j.test) {
			out[s.tests[j.t]], unknown = true, true
		}
	}
	for t, r := range s.tests {
		if !absent[r.Part] && !out[r] {
			at[t] = len(tests)
			tests = append(tests, r)
		}
	}
	switch {
	case len(tests) == 0 && unknown && len(absent) == 0:
		return fmt.Errorf("%w: in the lab of %s these are not among the names of parts and tests", ErrNoTests, s.sub.year)
	case len(tests) == 0 && len(absent) > 0:
		return fmt.Errorf("%w: the lab of %s has no part %s", ErrNoTests, s.sub.year, strings.Join(slices.Sorted(maps.Keys(absent)), ", "))
	case len(tests) == len(s.tests):
		return nil
	}
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool { return absent[j.test.Part.Name] || out[s.tests[j.t]] })
	for _, j := range s.jobs {
		j.t = at[j.t]
	}
	// The tests move together, and with them what points to them.
	i := 0
	for p := range s.res.Parts {
		part := &s.res.Parts[p]
		part.Early = early[part.Name]
		var kept []TestResult
		for t := range part.Tests {
			if !out[&part.Tests[t]] {
				kept = append(kept, part.Tests[t])
			}
		}
		if part.Tests = kept; kept == nil {
			part.Tests = []TestResult{}
		}
		for t := range part.Tests {
			tests[i] = &part.Tests[t]
			i++
		}
	}
	s.tests = tests
	s.res.Parts = slices.DeleteFunc(s.res.Parts, func(p PartResult) bool { return other[p.Name] || len(p.Tests) == 0 && p.Early == 0 && !absent[p.Name] })
	return nil
}

// asked says whether the part was asked for, by a name that it has in the year of
// the checkout; or if none was.
func (s *Session) asked(p *script.Part) bool {
	return len(s.o.Parts) == 0 || slices.ContainsFunc(s.o.Parts, func(name string) bool {
		return strings.EqualFold(name, p.Name) || slices.ContainsFunc(p.Also, func(also string) bool {
			return strings.EqualFold(name, also) && p.In(also, s.sub.year)
		})
	})
}

// meant says the same of a test and Options.Run.
func (s *Session) meant(t *script.Test) bool {
	if s.o.Run == nil || t.Part.Years == nil {
		return true
	}
	if own, _ := matches(s.o.Run, t); own {
		return true
	}
	for _, also := range t.Part.Also {
		if t.Part.In(also, s.sub.year) && (s.o.Run.MatchString(t.Like+also) || s.o.Run.MatchString(also+"/"+t.Name)) {
			return true
		}
	}
	return false
}

// Close frees the server.
func (s *Session) Close() { s.sub.close() }

// Workers is how many runs are to be done side by side.
func (s *Session) Workers() int { return s.o.Workers }

// Head says what is graded, by what: a Result without any test.
func (s *Session) Head() Result {
	head := *s.res
	head.Parts = nil
	return head
}

// Run names one run of one test.
type Run struct {
	Part string `json:"part"`
	Test string `json:"test"`
	Seed uint64 `json:"seed"`
}

// Outcome is what one run came to.
type Outcome struct {
	Run     RunResult `json:"run"`
	Failure *Failure  `json:"failure,omitempty"`
}

// Runs lists the runs, in the order of the lab.
func (s *Session) Runs() []Run {
	runs := make([]Run, len(s.jobs))
	for i, j := range s.jobs {
		runs[i] = Run{j.test.Part.Name, j.test.Name, j.seed}
	}
	return runs
}

// Do does the i-th of the runs. Its errors are those of [Grade].
func (s *Session) Do(ctx context.Context, i int) (Outcome, error) {
	if i < 0 || i >= len(s.jobs) {
		return Outcome{}, fmt.Errorf("grader: want a run from 0 to %d, got %d", len(s.jobs)-1, i)
	}
	j := *s.jobs[i]
	j.do(ctx, &s.o, s.lab, s.sub, s.hints, s.tests[j.t])
	return Outcome{j.result, j.failure}, j.err
}

// Result is the verdict from the outcomes of all runs, in their order.
func (s *Session) Result(outcomes []Outcome) (*Result, error) {
	if len(outcomes) != len(s.jobs) {
		return nil, fmt.Errorf("grader: want the outcomes of %d runs, got %d", len(s.jobs), len(outcomes))
	}
	byTest := make([][]*job, len(s.tests))
	for i, j := range s.jobs {
		if o := outcomes[i]; o.Run.Seed != j.seed || o.Run.Status != Passed && o.Run.Status != Failed {
			return nil, fmt.Errorf("grader: the outcome of run %d is another's, or none", i)
		}
		j.result, j.failure, j.done = outcomes[i].Run, outcomes[i].Failure, true
		byTest[j.t] = append(byTest[j.t], j)
	}
	for t, jobs := range byTest {
		s.tests[t].Failure = nil
		s.tests[t].settle(jobs, s.o.ends)
	}
	for i := range s.res.Parts {
		s.res.Parts[i].Points, s.res.Parts[i].Max = 0, 0
	}
	s.res.Points, s.res.Max = 0, 0
	s.res.sum()
	return s.res, nil
}
