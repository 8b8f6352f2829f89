package grader

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
)

// Options says what to grade, with what, and how.
type Options struct {
	// Dir is the student's folder; Core grades the consensus core in its place.
	Dir  string
	Core bool

	// Lab holds the lab's files (lab.star and what it loads); nil is the
	// built-in Raft lab.
	Lab fs.FS
	// Parts and Run restrict the tests: parts by any of their names, tests by
	// a regular expression over "part/name" and the parts' other names.
	Parts []string
	Run   *regexp.Regexp

	Seed  uint64 // first seed; 0 is each test's own
	Seeds int    // runs of each test, with consecutive seeds; 0 is each test's own

	Workers  int    // worlds side by side; 0 is one per core
	Lang     string // "en" or "zh", for the texts in Failure
	CacheDir string // compiled modules and self-tests; "" keeps none
	// Traces asks for the trace of each failing run, see Failed.
	Traces bool
	// Progress, if not nil, is called as the work goes on, never concurrently.
	Progress func(Progress)
}

// Progress tells how far a grading is.
type Progress struct {
	Stage string // "check", "go build", "standard library", "compile", "test"
	Done  int    // runs done
	Total int    // runs in all; 0 while not known
	// Test is the test that has just ended, with its status; nil otherwise.
	Test *TestResult
}

// Grade builds the student's server, runs the lab's tests on it and returns the
// verdict. An error means that there is none: a *build.Error when the folder
// cannot be built, a *lab error when the lab is broken, ctx's error, or ErrEngine.
func Grade(ctx context.Context, o Options) (*Result, error) {
	return nil, errors.New("grader: not built yet")
}
