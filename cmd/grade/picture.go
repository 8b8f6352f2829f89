package main

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// picture is the run of a grading that is to be shown: the first that fails in
// the lab's order or, if all pass and that will do, the first.
type picture struct {
	mu    sync.Mutex
	order func(part, test string) int
	test  *grader.TestResult
	run   *grader.RunResult
	trace []byte
	err   error
}

// newPicture makes the grading o keep the trace of the run to be shown.
func newPicture(o *grader.Options, passed bool) *picture {
	p := &picture{}
	o.TracePassed = passed
	lab, err := grader.OpenLab(o.Lab)
	if err != nil {
		p.err = err
	}
	p.order = func(part, test string) int {
		n := 0
		for _, q := range lab.Parts {
			for _, t := range q.Tests {
				if n++; q.Name == part && t.Name == test {
					return n
				}
			}
		}
		return n
	}
	o.Trace = p.take
	return p
}

func (p *picture) take(test *grader.TestResult, run *grader.RunResult, h sim.Header, rec *sim.Recorder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && !p.before(test, run) {
		return
	}
	var b bytes.Buffer
	if p.err = rec.WriteTrace(&b, h); p.err != nil {
		return
	}
	r := *run
	p.test, p.run, p.trace = test, &r, b.Bytes()
}

// before says whether a run is rather to be shown than the one at hand.
func (p *picture) before(test *grader.TestResult, run *grader.RunResult) bool {
	if a, b := run.Status == grader.Passed, p.run.Status == grader.Passed; a != b {
		return b
	}
	if a, b := p.order(test.Part, test.Name), p.order(p.test.Part, p.test.Name); a != b {
		return a < b
	}
	return run.Seed < p.run.Seed
}

// writeTaken writes the page of a grading that is over.
func (c *cli) writeTaken(p *picture, file string) error {
	if p.err == nil && p.run == nil {
		fmt.Fprintf(c.stderr, viewTextsIn(c.lang).noFailure, file)
		return nil
	}
	lab, _, err := c.openLab(c.lab)
	if err != nil {
		return err
	}
	pic, err := c.pictured(p, lab)
	if err != nil {
		return err
	}
	return c.writePicture(pic, file)
}

// pictured is the run that was taken, with what the page says beside it.
func (c *cli) pictured(p *picture, lab *script.Lab) (*report.Picture, error) {
	if p.err != nil {
		return nil, fmt.Errorf(viewTextsIn(c.lang).cannotWrite, p.err)
	}
	again := ""
	if p.test.Failure != nil {
		again = c.replay(p.test)
	}
	return &report.Picture{Lang: c.lang, Lab: lab, Test: p.test, Run: p.run, Trace: p.trace, Again: again, Hints: c.hints}, nil
}

// writePicture writes the page.
func (c *cli) writePicture(p *report.Picture, file string) error {
	var b bytes.Buffer
	err := report.WritePicture(&b, p)
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf(viewTextsIn(c.lang).cannotWrite, err)
	}
	return nil
}
