package vet

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/vet/busyloop"
	"github.com/raftlab/raftlab/grader/vet/lockacross"
	"github.com/raftlab/raftlab/grader/vet/missingunlock"
	"github.com/raftlab/raftlab/grader/vet/replyreuse"
	"github.com/raftlab/raftlab/grader/vet/rpcfields"
	"github.com/raftlab/raftlab/grader/vet/sharedlog"
	"github.com/raftlab/raftlab/grader/vet/staleterm"
	"github.com/raftlab/raftlab/grader/vet/timeafter"
)

// Analyzers are the checks, in the order in which they are listed.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		lockacross.Analyzer, missingunlock.Analyzer, rpcfields.Analyzer, replyreuse.Analyzer,
		staleterm.Analyzer, busyloop.Analyzer, timeafter.Analyzer, sharedlog.Analyzer,
	}
}

// Finding is one thing that a check found.
type Finding struct {
	Check   string `json:"check"` // the check's name, also that of its package
	File    string `json:"file"`  // as the student sees it
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Message string `json:"message"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s (%s)", f.File, f.Line, f.Col, f.Message, f.Check)
}

// Check runs the checks over the student's packages in a tree, in the order of
// the files. Types of the standard library come from lib. Its error is a
// *build.Error if the code does not compile.
//
// A finding whose line, or the one above, has a comment `// grade:ignore NAME` is
// left out.
func Check(t *build.Tree, lib types.Importer, goVersion string) ([]Finding, error) {
	c := &build.TypeChecker{Library: lib, GoVersion: goVersion}
	typed, err := c.Types(t)
	if err != nil {
		return nil, err
	}
	found := []Finding{}
	for _, p := range typed {
		pkg := &packages.Package{
			ID: p.Pkg.Path(), Name: p.Pkg.Name(), PkgPath: p.Pkg.Path(), Fset: p.Fset, Syntax: p.Files,
			Types: p.Pkg, TypesInfo: p.Info, TypesSizes: types.SizesFor("gc", "wasm"),
		}
		checks := Analyzers()
		// A service on top of Raft knows no terms. What calls there is a clerk: it has
		// one operation at a time, and may well hold its lock meanwhile. And a
		// channel that comes from a map of those who wait has a buffer as a rule.
		service := p.Pkg.Name() != "raft"
		if service {
			checks = slices.DeleteFunc(checks, func(a *analysis.Analyzer) bool { return a == staleterm.Analyzer })
		}
		graph, err := checker.Analyze(checks, []*packages.Package{pkg}, &checker.Options{Sequential: true})
		if err != nil {
			return nil, fmt.Errorf("vet: %w", err)
		}
		ignored := ignores(p.Fset, p.Files)
		for _, act := range graph.Roots {
			if act.Err != nil {
				return nil, fmt.Errorf("vet: %s: %w", act.Analyzer.Name, act.Err)
			}
			for _, d := range act.Diagnostics {
				at := p.Fset.PositionFor(d.Pos, false)
				file, line, col, ok := t.Original(at)
				if service && (d.Category == lockacross.Call || d.Category == lockacross.Unknown) {
					continue
				}
				if !ok || ignored[ignore{at.Filename, at.Line, act.Analyzer.Name}] || ignored[ignore{at.Filename, at.Line - 1, act.Analyzer.Name}] {
					continue
				}
				found = append(found, Finding{act.Analyzer.Name, file, line, col, d.Message})
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			strings.Compare(a.Check, b.Check), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(found), nil
}

type ignore struct {
	file  string
	line  int
	check string
}

// ignores are the lines on which a comment says that a check is not wanted.
func ignores(fset *token.FileSet, files []*ast.File) map[ignore]bool {
	m := make(map[ignore]bool)
	for _, f := range files {
		for _, g := range f.Comments {
			for _, c := range g.List {
				if _, names, ok := strings.Cut(c.Text, "grade:ignore "); ok {
					at := fset.PositionFor(c.Pos(), false)
					for _, name := range strings.Fields(names) {
						m[ignore{at.Filename, at.Line, strings.Trim(name, ",*/")}] = true
					}
				}
			}
		}
	}
	return m
}
