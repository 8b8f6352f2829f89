package build

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	gotypes "go/types"
	"strings"
)

// TypeChecker finds type errors without a compiler, for an editor: it remembers
// the types of the kit and of the standard library from one check to the next.
type TypeChecker struct {
	// Library imports packages of the standard library.
	Library gotypes.Importer
	// GoVersion is the release whose rules hold, such as "go1.26.1".
	GoVersion string

	kit map[string]kitTypes
}

// kitTypes are the types of one of the kit's packages, for the source that
// they came from.
type kitTypes struct {
	source string
	pkg    *gotypes.Package
}

// Check returns the type errors of a tree as an *Error, or nil. They read as the
// compiler's, which has the same checker.
func (c *TypeChecker) Check(t *Tree) error {
	_, err := c.Types(t)
	return err
}

// Typed is one of the student's packages with its types.
type Typed struct {
	Fset  *token.FileSet
	Files []*ast.File
	Pkg   *gotypes.Package
	Info  *gotypes.Info
}

// Types returns the student's packages with their types, or the type errors as an
// *Error. [Tree.Original] says where their positions lie in the student's files.
func (c *TypeChecker) Types(t *Tree) ([]Typed, error) {
	units, err := t.units(&Library{Go: c.GoVersion})
	if err != nil {
		return nil, fail(Internal, err, err.Error(), "")
	}
	if c.kit == nil {
		c.kit = make(map[string]kitTypes)
	}
	var o Options
	o.defaults()
	run := typeRun{c: c, t: t, units: units, done: make(map[string]*gotypes.Package), ps: problems{max: o.Limits.Problems}}
	if _, err := run.check(t.Module + "/" + t.Main); err != nil {
		return nil, fail(Internal, err, err.Error(), "")
	}
	err = run.ps.err(Compile)
	if e, ok := err.(*Error); ok {
		e.Profile = &t.Profile
	}
	if err != nil {
		return nil, err
	}
	return run.typed, nil
}

// typeRun is one check.
type typeRun struct {
	c     *TypeChecker
	t     *Tree
	units map[string]*unit
	done  map[string]*gotypes.Package
	ps    problems
	typed []Typed
}

// Import implements gotypes.Importer.
func (r *typeRun) Import(importPath string) (*gotypes.Package, error) {
	if importPath == "unsafe" {
		return gotypes.Unsafe, nil
	}
	if r.units[importPath] != nil {
		return r.check(importPath)
	}
	return r.c.Library.Import(importPath)
}

// check checks one package of the tree.
func (r *typeRun) check(importPath string) (*gotypes.Package, error) {
	if p := r.done[importPath]; p != nil {
		return p, nil
	}
	u := r.units[importPath]
	if u.state == 1 {
		return nil, errors.New("import cycle not allowed")
	}
	u.state = 1
	own, source := false, ""
	for _, name := range u.files {
		own = own || r.t.files[name] != nil
		source += string(r.t.Files[name])
	}
	own = own || u.dir == r.t.Main
	if k := r.c.kit[importPath]; !own && k.pkg != nil && k.source == source {
		r.done[importPath] = k.pkg
		return k.pkg, nil
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range u.files {
		f, err := parser.ParseFile(fset, name, r.t.Files[name], parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return nil, err // the tree was parsed before
		}
		files = append(files, f)
	}
	conf := gotypes.Config{
		Importer: r, GoVersion: "go" + r.t.GoLine, Sizes: gotypes.SizesFor("gc", "wasm"), IgnoreFuncBodies: !own,
		Error: func(err error) { r.problem(fset, err) },
	}
	var info *gotypes.Info
	if own && u.dir != r.t.Main {
		info = &gotypes.Info{
			Types: make(map[ast.Expr]gotypes.TypeAndValue), Instances: make(map[*ast.Ident]gotypes.Instance),
			Defs: make(map[*ast.Ident]gotypes.Object), Uses: make(map[*ast.Ident]gotypes.Object),
			Implicits: make(map[ast.Node]gotypes.Object), Selections: make(map[*ast.SelectorExpr]*gotypes.Selection),
			Scopes: make(map[ast.Node]*gotypes.Scope), FileVersions: make(map[*ast.File]string),
		}
	}
	pkg, _ := conf.Check(importPath, fset, files, info) // what is wrong went to Error
	r.done[importPath] = pkg
	if info != nil {
		r.typed = append(r.typed, Typed{fset, files, pkg, info})
	}
	if !own {
		r.c.kit[importPath] = kitTypes{source, pkg}
	}
	return pkg, nil
}

// problem notes one of the checker's findings.
func (r *typeRun) problem(fset *token.FileSet, err error) {
	var e gotypes.Error
	if !errors.As(err, &e) {
		return
	}
	at := fset.PositionFor(e.Pos, false)
	f := r.t.files[at.Filename]
	switch {
	case f != nil:
		if strings.HasPrefix(e.Msg, "\t") { // more about the one before
			if n := len(r.ps.list); n > 0 {
				r.ps.list[n-1].Reason += "\n" + r.t.mend(strings.TrimSpace(e.Msg))
			}
			return
		}
		r.ps.add(r.t.advise(Problem{File: f.shown, Line: at.Line, Col: f.original(at.Line, at.Column), Reason: r.t.mend(e.Msg)}))
	case at.Filename == r.t.Main+"/main.go":
		r.ps.add(*r.t.misfit(e.Msg))
	}
}

// Original says where a position in the tree lies in the student's files; ok is
// false if it is in none of them.
func (t *Tree) Original(at token.Position) (file string, line, col int, ok bool) {
	f := t.files[at.Filename]
	if f == nil {
		return "", 0, 0, false
	}
	return f.shown, at.Line, f.original(at.Line, at.Column), true
}
