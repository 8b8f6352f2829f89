package build

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Profile is what a student's folder was recognised as.
type Profile struct {
	Name   string `json:"name"`            // one of Profiles: "raftlab", "6.5840-2025"
	Module string `json:"module"`          // path of the student's module
	GoMod  string `json:"goMod,omitempty"` // the file it comes from; "" if there is none
	Raft   string `json:"raft"`            // the folder of package raft, as the student sees it
	Import string `json:"import"`          // import path of package raft
	// Number is the Raft lab's in that year of the course: "2" for the parts 2A
	// to 2D, "3" for 3A to 3D; "" if it is not the course's.
	Number string `json:"number,omitempty"`
	// Lacks names the methods of the server that are no part of that year's lab:
	// "Snapshot" in 2020.
	Lacks []string `json:"lacks,omitempty"`
	// Service is the folder of the course's package kvraft, as the student sees it,
	// if that is graded.
	Service string `json:"service,omitempty"`
	// OnCore: the grader's own Raft stands in place of package raft.
	OnCore bool `json:"onCore,omitempty"`
	// Why says in a sentence what the recognition rests on.
	Why string `json:"why"`
}

// String says what was recognised, and why.
func (p *Profile) String() string { return p.Name + ": " + p.Why }

// places are where package raft is looked for first.
var places = []string{"raft", "raft1", "src/raft1", "src/raft"}

// Limits of the search for package raft below the folder named.
const (
	searchDepth   = 6
	searchEntries = 20000
	searchUp      = 4 // folders above the one named
)

// layout is where things are in the student's folder.
type layout struct {
	profile Profile
	root    string // the module's folder, in fsys
	raft    string // the Raft package's folder, in fsys
	goLine  string
	gen     generation
	service string    // Options.Service
	onCore  bool      // Options.OnCore
	kvraft  kvraft    // if service is "kvraft"
	src     bool      // the root is the src of a workspace without modules
	defects []Problem // in the go.mod
}

// recognise finds package raft and its module.
func recognise(f *folder, o *Options) (*layout, error) {
	if o.Service == "kvraft" {
		if err := f.climb(o.Confine); err != nil {
			return nil, err
		}
	}
	find := findRaft
	if o.OnCore {
		find = findOnCore
	}
	raft, err := find(f, o.Service)
	if err != nil {
		return nil, err
	}
	l := &layout{raft: raft, service: o.Service, onCore: o.OnCore}
	imports := importsOf(f.list(raft))
	if o.OnCore && o.Service != "kvraft" {
		imports = importsOf(f.list(path.Join(path.Dir(raft), "kv")))
	}
	if err := l.findModule(f, o, imports); err != nil {
		return nil, err
	}
	p := &l.profile
	p.Raft, p.OnCore = f.shown(l.raft), l.onCore
	p.Import = p.Module
	if rel := within(l.root, l.raft); rel != "." {
		p.Import += "/" + rel
	}
	if ok, _, _ := Allowed(p.Import); ok || p.Import == "main" || !validImport(p.Import) {
		p.Import = p.Module + "/raft"
	}
	if err := l.findGeneration(f, o, imports); err != nil || o.Service != "kvraft" {
		return l, err
	}
	return l, l.findKVRaft(f)
}

// findRaft returns the folder of package raft.
func findRaft(f *folder, service string) (string, error) {
	base := f.within()
	if holdsRaft(f.list(base)) {
		return base, nil
	}
	var found []string
	for _, p := range places {
		if p = path.Join(base, p); holdsRaft(f.list(p)) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		var err error
		if found, err = searchRaft(f); err != nil {
			return "", err
		}
	}
	if len(found) > 1 {
		if with := slices.DeleteFunc(slices.Clone(found), func(p string) bool { return !declaresMake(f.list(p)) }); len(with) > 0 {
			found = with
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", noRaft(f, service)
	}
	e := &Error{Kind: Usage}
	for _, p := range found {
		s := f.list(p).sources[0]
		e.Problems = append(e.Problems, Problem{File: f.shown(path.Join(p, s.name)), Reason: "one of several folders with package raft"})
	}
	e.Problems[0].Advice = "Name the one to grade, for example: grade " + f.shown(found[0])
	return "", e
}

// searchRaft looks for package raft with a func Make anywhere below the folder.
func searchRaft(f *folder) ([]string, error) {
	type at struct {
		path  string
		depth int
	}
	var found []string
	seen := 0
	for queue := []at{{f.within(), 0}}; len(queue) > 0; queue = queue[1:] {
		d := f.list(queue[0].path)
		if d == nil {
			continue
		}
		if seen += d.entries; seen > searchEntries {
			return nil, fail(Usage, nil, fmt.Sprintf("found no package raft among the first %d files here", searchEntries), "Name the folder that holds it, for example: grade src/raft1")
		}
		if holdsRaft(d) && declaresMake(d) {
			found = append(found, d.path)
		}
		if queue[0].depth < searchDepth {
			for _, name := range d.subdirs {
				queue = append(queue, at{path.Join(d.path, name), queue[0].depth + 1})
			}
		}
	}
	return found, nil
}

// noRaft explains why no package raft was found.
func noRaft(f *folder, service string) error {
	advice := "Run grade in your lab's folder, or name it: grade DIR. A new one is made by: grade init DIR"
	if service != "" {
		advice = "Copy your Raft into the folder raft, beside the service. If the instructor allows it, the grader's own takes its place: grade --raft core"
	}
	files, tests := 0, 0
	for _, d := range f.dirs {
		if d != nil {
			files += len(d.sources)
			tests += len(d.testFiles)
		}
	}
	for _, p := range append([]string{"."}, places...) {
		p = path.Join(f.within(), p)
		if ok, link := f.isDir(p); !ok && link != "" {
			return &Error{Kind: Refused, Problems: []Problem{{File: f.shown(link), Reason: "is a symbolic link; the grader follows none", Advice: "Put the folder itself there."}}}
		}
		d := f.list(p)
		if d == nil {
			continue
		}
		for _, s := range d.sources {
			name, line := s.clause()
			if name == "" && s.bad == "" {
				ps := &problems{max: 1}
				parse(token.NewFileSet(), f.shown(path.Join(p, s.name)), s.src, ps)
				if err := ps.err(Compile); err != nil {
					return err
				}
			}
			if name != "" {
				return &Error{Kind: Compile, Problems: []Problem{{
					File: f.shown(path.Join(p, s.name)), Line: line,
					Reason: fmt.Sprintf("expected package raft, found package %s", name),
					Advice: "The grader looks for package raft in this folder and in " + strings.Join(places, ", ") + ". " + advice,
				}}}
			}
		}
		for _, name := range d.links {
			if path.Ext(name) == ".go" {
				return &Error{Kind: Refused, Problems: []Problem{linkProblem(f, path.Join(p, name))}}
			}
		}
	}
	switch {
	case files > 0:
		return fail(Usage, nil, "expected a package raft with a func Make, found none among the Go files here", advice)
	case tests > 0:
		return fail(Usage, nil, "expected a package raft, found only test files here", advice)
	}
	return fail(Usage, nil, "there are no Go files here", advice)
}

func linkProblem(f *folder, p string) Problem {
	return Problem{File: f.shown(p), Reason: "is not a regular file (a symbolic link, for example); the grader follows none", Advice: "Put the file itself there."}
}

func holdsRaft(d *dir) bool { return holds(d, "raft") }

// parseQuietly returns the syntax tree of a source, as far as there is one.
func parseQuietly(s source) *ast.File {
	file, _ := parser.ParseFile(token.NewFileSet(), s.name, s.src, parser.SkipObjectResolution)
	return file
}

func declaresMake(d *dir) bool {
	for _, s := range d.sources {
		file := parseQuietly(s)
		if file != nil && findFunc(file, "Make") != nil {
			return true
		}
	}
	return false
}

func findFunc(file *ast.File, name string) *ast.FuncDecl {
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == name {
			return fn
		}
	}
	return nil
}

// importsOf returns the import paths in a folder's files, sorted.
func importsOf(d *dir) []string {
	seen := make(map[string]bool)
	if d == nil {
		return nil
	}
	for _, s := range d.sources {
		file, _ := parser.ParseFile(token.NewFileSet(), s.name, s.src, parser.ImportsOnly)
		if file == nil {
			continue
		}
		for _, spec := range file.Imports {
			if p, err := strconv.Unquote(spec.Path.Value); err == nil {
				seen[p] = true
			}
		}
	}
	var list []string
	for p := range seen {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}

// findModule finds the go.mod that governs the Raft package, or does without.
func (l *layout) findModule(f *folder, o *Options, imports []string) error {
	for at := l.raft; ; at = path.Dir(at) {
		if d := f.list(at); d != nil && d.isMod {
			return l.useModule(f, at)
		}
		if at == "." {
			break
		}
	}
	if f.root != nil && !o.Confine {
		if found, err := l.findModuleAbove(f, imports); found || err != nil {
			return err
		}
		l.findSrcAbove(f, imports)
	}
	// No go.mod: the module's path follows from the imports of the framework.
	l.root = path.Dir(l.raft)
	switch {
	case l.src:
		l.root = "."
	case l.raft == f.base || !slices.Contains(places, path.Base(l.raft)):
		l.root = l.raft
	}
	l.goLine = "1.22" // the course's own in 2025
	l.profile.Module = "lab"
	for _, p := range imports {
		if framework[path.Base(p)] != "" && path.Dir(p) != "." && validImport(path.Dir(p)) {
			l.profile.Module = path.Dir(p)
			break
		}
	}
	return nil
}

// findModuleAbove looks above the folder named. A go.mod there counts only if
// the student's code imports from its module: else it is somebody else's.
func (l *layout) findModuleAbove(f *folder, imports []string) (bool, error) {
	base := filepath.Join(f.dir, filepath.FromSlash(f.base))
	raft := within(f.base, l.raft)
	for up, at := 0, filepath.Dir(base); up < searchUp; up, at = up+1, filepath.Dir(at) {
		if fi, err := os.Lstat(filepath.Join(at, "go.mod")); err == nil && fi.Mode().IsRegular() {
			src, err := os.ReadFile(filepath.Join(at, "go.mod"))
			if err != nil {
				return false, nil
			}
			m, _ := parseGoMod(src)
			if m.module == "" || !slices.ContainsFunc(imports, func(p string) bool { return strings.HasPrefix(p, m.module+"/") }) {
				return false, nil
			}
			rel, err := filepath.Rel(at, base)
			if err != nil {
				return false, nil
			}
			if err := f.open(at, filepath.ToSlash(rel)); err != nil {
				return false, nil
			}
			l.raft = path.Join(f.base, raft)
			return true, l.useModule(f, ".")
		}
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil || filepath.Dir(at) == at {
			break
		}
	}
	return false, nil
}

// findSrcAbove looks above the folder named for the src of a workspace without
// modules: a folder that holds the lab's framework, which the code imports by
// bare or relative names.
func (l *layout) findSrcAbove(f *folder, imports []string) {
	bare := slices.ContainsFunc(imports, func(p string) bool {
		return framework[path.Base(p)] != "" && (p[0] == '.' || !strings.Contains(p, "/"))
	})
	base := filepath.Join(f.dir, filepath.FromSlash(f.base))
	if !bare || l.raft != f.base {
		return
	}
	for up, at := 0, filepath.Dir(base); up < searchUp; up, at = up+1, filepath.Dir(at) {
		if fi, err := os.Lstat(filepath.Join(at, "labrpc")); err == nil && fi.IsDir() {
			rel, err := filepath.Rel(at, base)
			if err != nil || f.open(at, filepath.ToSlash(rel)) != nil {
				return
			}
			l.raft, l.src = f.base, true
			return
		}
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil || filepath.Dir(at) == at {
			return
		}
	}
}

func (l *layout) useModule(f *folder, root string) error {
	p := path.Join(root, "go.mod")
	src, err := f.file(p, 1<<16)
	if err != nil {
		return &Error{Kind: Refused, Problems: []Problem{{File: f.shown(p), Reason: "cannot be read: " + cause(err).Error()}}, err: err}
	}
	m, bad := parseGoMod(src)
	if bad != nil {
		bad.File = f.shown(p)
		return &Error{Kind: Compile, Problems: []Problem{*bad}}
	}
	l.root, l.goLine = root, m.goLine
	if l.goLine == "" {
		l.goLine = "1.16" // what go assumes
	}
	if newer(l.goLine, f.goVersion) {
		return &Error{Kind: Compile, Problems: []Problem{{
			File: f.shown(p), Line: m.line,
			Reason: fmt.Sprintf("asks for Go %s, but %s is installed here", m.goLine, f.goVersion),
			Advice: fmt.Sprintf("Install Go %s from https://go.dev/dl/, or write: go 1.%d", m.goLine, goMinor(f.goVersion)),
		}}}
	}
	l.profile.Module, l.profile.GoMod = m.module, f.shown(p)
	return nil
}

// within returns p relative to its ancestor root, both paths in an fs.FS.
func within(root, p string) string {
	if root == "." || root == p {
		if root == p {
			return "."
		}
		return p
	}
	return strings.TrimPrefix(p, root+"/")
}
