package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/script"
)

// Cause says what sort of thing an error of grader.Grade is.
type Cause string

// Causes, as the JSON names them.
const (
	Usage     Cause = "usage"     // wrong folder, part or lab
	Build     Cause = "build"     // the code is refused or does not compile
	Internal  Cause = "internal"  // the grader's or the machine's own failure
	Interrupt Cause = "interrupt" // the user broke it off
)

// CauseOf sorts an error.
func CauseOf(err error) Cause {
	var be *build.Error
	var se *script.Error
	switch {
	case errors.Is(err, context.Canceled):
		return Interrupt
	case errors.As(err, &be) && be.Kind.Student():
		return Build
	case errors.As(err, &be) && be.Kind == build.Usage, errors.As(err, &se), errors.Is(err, grader.ErrNoTests):
		return Usage
	}
	return Internal
}

// Error explains why there is no verdict.
func (r *Report) Error(err error) {
	var be *build.Error
	var se *script.Error
	switch {
	case errors.Is(err, context.Canceled):
		r.headline(r.m.cancelled)
	case errors.As(err, &be):
		r.buildError(be)
	case errors.As(err, &se):
		r.headline(r.m.labBroken)
		r.printf("\n  %s\n", r.p.accent(clean(se.Pos)))
		r.text("    ", clean(se.Msg), r.p.plain)
	case errors.Is(err, grader.ErrNoTests):
		r.headline(r.m.noTests)
		r.text("  ", clean(strings.TrimPrefix(err.Error(), grader.ErrNoTests.Error()+": ")), r.p.plain)
	default:
		r.headline(r.m.engineFailed)
		r.text("  ", clean(err.Error()), r.p.plain)
		r.printf("\n")
		r.text("  ", r.m.engineAdvice, r.p.plain)
	}
}

func (r *Report) headline(s string) { r.printf("%s\n", r.p.bad(s)) }

func (r *Report) buildError(e *build.Error) {
	head := map[build.Kind]string{
		build.Usage: r.m.buildUsage, build.Refused: r.m.buildRefused, build.Compile: r.m.buildCompile,
		build.TooSlow: r.m.buildSlow, build.Toolchain: r.m.buildToolchain, build.Detector: r.m.buildDetector, build.Internal: r.m.buildInternal,
	}[e.Kind]
	r.headline(head)
	for _, p := range e.Problems {
		r.printf("\n")
		if pos := p.Pos(); pos != "" {
			r.printf("  %s\n", r.p.accent(clean(pos)))
			r.excerpt(pos)
		}
		r.text("    ", clean(r.said(p.Reason)), r.p.bold)
		if p.Advice != "" {
			r.text("    ", clean(r.said(p.Advice)), r.p.plain)
		}
	}
	if e.More > 0 {
		r.printf("\n  %s\n", r.p.dim(fmt.Sprintf(r.m.moreProblems, e.More)))
	}
	if e.Kind == build.Internal {
		r.printf("\n")
		r.text("  ", r.m.engineAdvice, r.p.plain)
	}
}

// ErrorJSON is an error of grader.Grade in the form that stands in place of a
// Result's JSON.
func ErrorJSON(err error) []byte {
	b := errorBody{Cause: CauseOf(err), Message: err.Error()}
	var be *build.Error
	var se *script.Error
	switch {
	case errors.As(err, &be):
		b.Kind, b.Problems, b.More = be.Kind, be.Problems, be.More
	case errors.As(err, &se):
		b.Problems = []build.Problem{{File: se.Pos, Reason: se.Msg}}
	}
	return b.json()
}

// UsageJSON is the same for a mistake on the command line.
func UsageJSON(err error) []byte {
	b := errorBody{Cause: Usage, Message: err.Error()}
	return b.json()
}

type errorBody struct {
	Cause    Cause           `json:"cause"`
	Kind     build.Kind      `json:"kind,omitempty"`
	Message  string          `json:"message"`
	Problems []build.Problem `json:"problems,omitempty"`
	More     int             `json:"more,omitempty"`
}

func (b *errorBody) json() []byte {
	return encode(struct {
		Format int        `json:"format"`
		Error  *errorBody `json:"error"`
	}{grader.ResultFormat, b})
}

// encode is indented JSON of a value that can always be encoded.
func encode(v any) []byte {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(out, '\n')
}
