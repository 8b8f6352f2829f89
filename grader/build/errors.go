package build

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind says whose turn it is after a failed build.
type Kind string

const (
	// Usage: there is nothing here that could be graded: wrong folder, no Go files.
	Usage Kind = "usage"
	// Refused: the code breaks a rule for submitted code.
	Refused Kind = "refused"
	// Compile: the code does not compile, or is not the server that the lab asks for.
	Compile Kind = "compile"
	// TooSlow: compiling the code took longer than Limits.Time.
	TooSlow Kind = "too slow"
	// Toolchain: Go is missing on this machine, too old, or does not work.
	Toolchain Kind = "toolchain"
	// Detector: Go works, but not its race detector: there is no C compiler, or one
	// that does not work, no cgo, or a system or a release for which there is none.
	Detector Kind = "detector"
	// Internal: the grader's own failure.
	Internal Kind = "internal"
)

// Student reports whether the cause lies in the submitted code, not in the
// choice of folder nor in the machine.
func (k Kind) Student() bool { return k == Refused || k == Compile || k == TooSlow }

// Problem is one thing that is wrong, and what to do about it.
type Problem struct {
	File   string `json:"file,omitempty"` // relative to the student's folder, with slashes; "" if it is no one file's
	Line   int    `json:"line,omitempty"` // from 1; 0: the file as a whole
	Col    int    `json:"col,omitempty"`  // in bytes, from 1; 0: the line as a whole
	Reason string `json:"reason"`
	Advice string `json:"advice,omitempty"`
}

// Pos is the problem's place as file:line:col, as far as it is known.
func (p Problem) Pos() string {
	s := p.File
	if s != "" && p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
		if p.Col > 0 {
			s += fmt.Sprintf(":%d", p.Col)
		}
	}
	return s
}

func (p Problem) String() string {
	var b strings.Builder
	if pos := p.Pos(); pos != "" {
		b.WriteString(pos + ": ")
	}
	b.WriteString(p.Reason)
	if p.Advice != "" {
		b.WriteString("\n" + p.Advice)
	}
	return strings.ReplaceAll(b.String(), "\n", "\n    ")
}

// Error is why there is no module. Problems holds at least one.
type Error struct {
	Kind     Kind      `json:"kind"`
	Problems []Problem `json:"problems"`
	// More counts the problems found beyond those in Problems.
	More int `json:"more,omitempty"`
	// Profile is what the folder was recognised as, if it was.
	Profile *Profile `json:"profile,omitempty"`

	err error
}

// Error is readable on a terminal: one problem a line, advice indented below it.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n... and %d more", e.More)
	}
	return b.String()
}

// Unwrap returns the cause that lies below, such as a context's error, or nil.
func (e *Error) Unwrap() error { return e.err }

// fail returns an Error with one problem that belongs to no file.
func fail(k Kind, cause error, reason, advice string) *Error {
	return &Error{Kind: k, Problems: []Problem{{Reason: reason, Advice: advice}}, err: cause}
}

// problems collects what is wrong, the first max of them word for word.
type problems struct {
	max  int
	list []Problem
	more int
}

func (ps *problems) add(p Problem) {
	for _, q := range ps.list {
		if p == q {
			return
		}
	}
	if len(ps.list) >= ps.max {
		ps.more++
		return
	}
	ps.list = append(ps.list, p)
}

// err returns the Error of what was collected, by place, or nil.
func (ps *problems) err(k Kind) error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
	})
	return &Error{Kind: k, Problems: ps.list, More: ps.more}
}
