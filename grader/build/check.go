package build

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// framework maps the last element of an import path to the kit's package that
// takes its place.
var framework = map[string]string{
	"labrpc": "labrpc", "labgob": "labgob", "raftapi": "raftapi", "kvapi": "kvapi",
	"tester": "tester", "tester1": "tester",
}

const (
	ownModule = "github.com/raftlab/raftlab" // the grader's
	kitFolder = "raftlabkit"                 // in the student's module, for the kit's inside
)

// file is one file of the student's that will be compiled.
type file struct {
	shown string // path as the student sees it
	path  string // in the generated tree
	src   []byte
	ast   *ast.File
	fset  *token.FileSet
	edits []edit // by offset
}

// edit replaces src[from:to], within one line, when the file is copied.
type edit struct {
	from, to  int // offsets
	line, col int // of from
	text      string
}

// pkg is one package of the student's that will be compiled.
type pkg struct {
	dir        string // in fsys
	importPath string
	files      []*file
	imports    []edge // packages of the same module, in order of appearance
}

// edge is one package's import of another, and where it stands.
type edge struct {
	to string
	at Problem
}

// checker loads the student's packages and holds them to the rules.
type checker struct {
	f       *folder
	l       *layout
	broken  problems // does not parse, or is not put together as go wants it
	refused problems
	pkgs    []*pkg            // the Raft package first
	kit     map[string]string // kit package -> the import path that it gets
	dropped map[string]string // name declared in a file left out -> that file
	// harnessFiles are the files left out as the course's.
	harnessFiles []*file
	applies      map[string]string // see applyFields
	kvtest, rpc  string            // import paths of the course's packages, if its service is graded
	disk         *disk             // of a package raft that declares its Persister, or nil
	skipped      []Skipped
	files        int
	totalSize    int64
}

// check loads the Raft package and what it imports of its own module.
func check(f *folder, l *layout) (*checker, error) {
	c := &checker{
		f: f, l: l,
		broken: problems{max: f.lim.Problems}, refused: problems{max: f.lim.Problems},
		kit: make(map[string]string), dropped: make(map[string]string),
	}
	for _, p := range l.defects {
		c.refused.add(p)
	}
	queue := []*pkg{{dir: l.raft, importPath: l.profile.Import}}
	seen := map[string]bool{l.profile.Import: true}
	for _, part := range l.serviceParts() {
		dir, imp := part.dir, part.importPath
		if d := f.list(dir); d == nil || len(d.sources) == 0 {
			return nil, fail(Usage, nil, fmt.Sprintf("expected a package in the folder %s of the module, found none", part.pkg), "Name the folder that holds "+part.pkg+"/ and raft/.")
		}
		seen[imp] = true
		queue = append(queue, &pkg{dir: dir, importPath: imp})
	}
	if l.onCore {
		c.skipRaft()
		c.pkgs, queue = queue[:1:1], queue[1:]
	}
	for ; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		c.pkgs = append(c.pkgs, p)
		if !c.load(p) {
			break // over a limit: reading on would only take time
		}
		for _, e := range p.imports {
			if !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, &pkg{dir: c.ownDir(e.to), importPath: e.to})
			}
		}
	}
	if l.gen.classic && !l.onCore {
		c.disk, c.applies = c.findDisk(), c.applyFields()
	}
	c.cycles()
	// What breaks a rule comes first: a file that does not parse may hide more.
	for _, err := range []error{c.refused.err(Refused), c.broken.err(Compile)} {
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ownDir is the folder of a package of the student's module.
func (c *checker) ownDir(importPath string) string {
	if importPath == c.l.profile.Import {
		return c.l.raft
	}
	return path.Join(c.l.root, strings.TrimPrefix(strings.TrimPrefix(importPath, c.l.profile.Module), "/"))
}

// load reads and checks the files of p. It returns false when a limit on the
// number or size of files is passed.
func (c *checker) load(p *pkg) bool {
	d := c.f.list(p.dir) // not nil: the importer has looked
	for _, e := range d.others {
		shown := c.f.shown(path.Join(p.dir, e.Name()))
		c.refused.add(Problem{File: shown, Reason: fmt.Sprintf("is %s; a graded server is made of .go files only", sources[path.Ext(e.Name())]), Advice: "Write it in Go, or move it out of the folder."})
	}
	for _, name := range d.links {
		if path.Ext(name) == ".go" {
			c.refused.add(linkProblem(c.f, path.Join(p.dir, name)))
		}
	}
	c.skipped = append(c.skipped, d.skipped...)
	lower := make(map[string]string)
	for _, s := range d.sources {
		shown := c.f.shown(path.Join(p.dir, s.name))
		if other := lower[strings.ToLower(s.name)]; other != "" {
			c.broken.add(Problem{File: shown, Reason: fmt.Sprintf("differs from %s only in upper and lower case", other), Advice: "Rename one of them."})
		}
		lower[strings.ToLower(s.name)] = s.name
		switch c.files++; {
		case c.files > c.f.lim.Files:
			c.refused.add(Problem{File: shown, Reason: fmt.Sprintf("is one of more than %d Go files, the limit", c.f.lim.Files), Advice: "Leave only your server's files in its packages."})
			return false
		case s.bad != "":
			c.refused.add(Problem{File: shown, Reason: "cannot be taken: " + s.bad, Advice: "A graded server is made of readable files of moderate size; leave out generated data."})
			continue
		case !validName(s.name):
			c.refused.add(Problem{File: shown, Reason: "has a name that not every system can hold", Advice: `Leave out control characters and \ : * ? " < > |`})
			continue
		case !plainStart(s.name):
			c.refused.add(Problem{File: shown, Reason: "has a name that the go command does not take", Advice: "Let it begin with a letter or a digit."})
			continue
		}
		if c.totalSize += int64(len(s.src)); c.totalSize > c.f.lim.SourceSize {
			c.refused.add(Problem{File: shown, Reason: fmt.Sprintf("brings the Go files above %d bytes, the limit", c.f.lim.SourceSize), Advice: "Leave out generated data."})
			return false
		}
		file := &file{shown: shown, src: s.src, fset: token.NewFileSet()}
		file.path = path.Join(strings.TrimPrefix(strings.TrimPrefix(p.importPath, c.l.profile.Module), "/"), s.name)
		if file.ast = parse(file.fset, shown, s.src, &c.broken); file.ast == nil {
			c.directives(file) // still worth naming
			continue
		}
		p.files = append(p.files, file)
	}
	switch {
	case p.dir == c.l.raft:
		c.dropHarness(p, isServer)
	case c.l.service == "kvraft" && (p.dir == c.l.kvraft.dir || p.dir == c.l.kvraft.rsm):
		c.dropHarness(p, isServicePart)
	}
	if len(d.sources) == 0 {
		shown := c.f.shown(p.dir)
		c.broken.add(Problem{File: shown, Reason: "is imported, but holds no Go files for this build", Advice: "Files ending in _test.go or excluded by their //go:build line do not count."})
	}
	for _, file := range p.files {
		c.directives(file)
		c.packageName(p, file)
		for _, spec := range file.ast.Imports {
			c.importSpec(p, file, spec)
		}
		c.stackLimit(file)
	}
	return true
}

// stackLimit refuses what would lift the limit of the stack, which lies below
// that of every host, so that deep recursion ends alike in the terminal and in
// a browser.
func (c *checker) stackLimit(f *file) {
	if !slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool {
		return s.Path.Value == `"runtime/debug"` || s.Path.Value == "`runtime/debug`"
	}) {
		return
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "SetMaxStack" {
			c.refused.add(f.problem(id.Pos(), "debug.SetMaxStack is not allowed: the limit of the stack belongs to the grader", "Remove it. Recursion that needs more stack than the limit is better written as a loop."))
		}
		return true
	})
}

// packageName holds file to the package of its folder.
func (c *checker) packageName(p *pkg, file *file) {
	want, from := p.files[0].ast.Name.Name, p.files[0].shown
	if p.dir == c.l.raft {
		want, from = "raft", ""
	}
	if got := file.ast.Name.Name; got != want {
		reason := fmt.Sprintf("expected package %s, found package %s", want, got)
		if from != "" {
			reason += ", in the same folder as " + from
		}
		c.broken.add(file.problem(file.ast.Name.Pos(), reason, "All files of a folder belong to one package: move this file to a folder of its own, or mark it with //go:build ignore."))
	}
}

// parse returns the file's syntax tree, or nil after adding to ps what is wrong.
func parse(fset *token.FileSet, shown string, src []byte, ps *problems) *ast.File {
	file, err := parser.ParseFile(fset, shown, src, parser.ParseComments)
	list, _ := err.(scanner.ErrorList)
	for _, e := range list {
		at := lineCol(src, e.Pos.Offset)
		ps.add(Problem{File: shown, Line: at.line, Col: at.col, Reason: "syntax error: " + e.Msg})
	}
	if err != nil {
		return nil
	}
	return file
}

type linecol struct{ line, col int }

// lineCol returns the true position of an offset. The positions in syntax
// errors would follow //line comments.
func lineCol(src []byte, offset int) linecol {
	before := src[:min(offset, len(src))]
	return linecol{1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')}
}

// offset returns the place of a syntax element in src, whatever //line says.
func (f *file) offset(pos token.Pos) int { return f.fset.PositionFor(pos, false).Offset }

func (f *file) problem(pos token.Pos, reason, advice string) Problem {
	at := f.fset.PositionFor(pos, false)
	return Problem{File: f.shown, Line: at.Line, Col: at.Column, Reason: reason, Advice: advice}
}

// directives refuses the comments that the compiler would obey. It works on
// the tokens, so that a file which does not parse hides nothing.
func (c *checker) directives(f *file) {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile("", -1, len(f.src)), f.src, func(token.Position, string) {}, scanner.ScanComments)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return
		}
		if tok != token.COMMENT {
			continue
		}
		at := fset.PositionFor(pos, false)
		add := func(reason, advice string) {
			c.refused.add(Problem{File: f.shown, Line: at.Line, Col: at.Column, Reason: reason, Advice: advice})
		}
		if strings.HasPrefix(text, "//line ") || strings.HasPrefix(text, "/*line ") {
			add(text[:6]+" comments are not allowed: reports must name the true line", "Remove it; start the comment with a space if it is meant as text.")
			continue
		}
		name, ok := strings.CutPrefix(text, "//go:")
		if !ok {
			continue
		}
		if i := strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }); i >= 0 {
			name = name[:i]
		}
		if harmless[name] {
			continue
		}
		reason := directives[name]
		if reason == "" {
			reason = "the grader does not know it"
		}
		add("//go:"+name+" is not allowed: "+reason, "Remove it.")
	}
}

// importSpec checks one import and notes what the copy of the file will import.
func (c *checker) importSpec(p *pkg, f *file, spec *ast.ImportSpec) {
	at := f.fset.PositionFor(spec.Path.Pos(), false)
	replace := func(path string) {
		f.edits = append(f.edits, edit{at.Offset, at.Offset + len(spec.Path.Value), at.Line, at.Column, importClause(spec, path)})
	}
	imp, err := strconv.Unquote(spec.Path.Value)
	if err != nil || imp == "" {
		return // the compiler says it better
	}
	module := c.l.profile.Module
	std, reason, advice := Allowed(imp)
	if local := c.gopath(p, imp, std); local != "" {
		imp = local
		if framework[path.Base(imp)] == "" {
			replace(imp)
		}
	}
	own := imp == module || strings.HasPrefix(imp, module+"/")
	if imp[0] == '.' {
		reason, advice = "a module has no relative imports", "Write the whole path, for example: "+module+"/"+path.Base(imp)
	}
	if c.l.service == "kvraft" && own {
		switch path.Base(imp) {
		case "kvtest", "kvtest1":
			c.kvtest = imp
			return
		case "rpc":
			c.rpc = imp
		}
	}
	switch kit := framework[path.Base(imp)]; {
	case kit != "":
		want := c.kit[kit]
		if want == "" {
			if want = imp; !own || !validImport(imp) {
				want = module + "/" + path.Base(imp)
			}
			c.kit[kit] = want
		}
		if strconv.Quote(want) != spec.Path.Value {
			replace(want)
		}
	case slices.Contains(strings.Split(imp, "/"), kitFolder) || imp == ownModule || strings.HasPrefix(imp, ownModule+"/"):
		c.refused.add(f.problem(spec.Path.Pos(), fmt.Sprintf("import %q is not allowed: it belongs to the grader", imp), "A server talks to the grader only through labrpc, labgob, raftapi and tester."))
	case imp == "sync":
		replace(c.kitPath("sync"))
	case imp == "math/rand" && f.mentions(spec, "rand", "Seed"):
		replace(c.kitPath("rand"))
	case std:
	case own:
		c.ownImport(p, f, spec, imp)
	default:
		c.refused.add(f.problem(spec.Path.Pos(), fmt.Sprintf("import %q is not allowed: %s", imp, reason), advice))
	}
}

// mentions reports whether a file uses member of the package that it imports
// with spec; name is what the package calls itself.
func (f *file) mentions(spec *ast.ImportSpec, name, member string) bool {
	if spec.Name != nil {
		name = spec.Name.Name
	}
	found := false
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == member && isIdent(n.X, name)
		case *ast.Ident:
			found = found || name == "." && n.Name == member
		}
		return !found
	})
	return found
}

// gopath is the path, in the module that the grader makes up, of a package that
// is imported as it was before there were modules: by its folder in src, or
// relative to the importing one. It is "" for all other imports.
func (c *checker) gopath(p *pkg, imp string, std bool) string {
	if c.l.profile.GoMod != "" || std {
		return ""
	}
	dir := path.Join(c.l.root, imp)
	if imp[0] == '.' {
		dir = path.Join(p.dir, imp)
		if c.l.root != "." && dir != c.l.root && !strings.HasPrefix(dir, c.l.root+"/") {
			return ""
		}
	}
	switch {
	case framework[path.Base(imp)] != "" && (imp[0] == '.' || !strings.Contains(imp, "/")):
		return c.l.profile.Module + "/" + path.Base(imp)
	case strings.HasPrefix(dir, ".."):
		return ""
	}
	if ok, _ := c.f.isDir(dir); !ok || !validImport(within(c.l.root, dir)) {
		return ""
	}
	return c.l.profile.Module + "/" + within(c.l.root, dir)
}

// importClause gives the new path the name that the old one had without saying so.
func importClause(spec *ast.ImportSpec, path string) string {
	if old, _ := strconv.Unquote(spec.Path.Value); old == "sync" && spec.Name == nil {
		return "sync " + strconv.Quote(path)
	}
	return strconv.Quote(path)
}

// ownImport checks the import of a package of the student's own module.
func (c *checker) ownImport(p *pkg, f *file, spec *ast.ImportSpec, imp string) {
	if c.l.onCore && imp == c.l.profile.Import {
		p.imports = append(p.imports, edge{imp, f.problem(spec.Path.Pos(), "", "")})
		return // there need be no such folder
	}
	dir := c.ownDir(imp)
	if ok, link := c.f.isDir(dir); !ok {
		reason := fmt.Sprintf("package %s is not here: there is no folder %s", imp, c.f.shown(dir))
		advice := "Check the path; the module is " + c.l.profile.Module + "."
		if link != "" {
			c.refused.add(f.problem(spec.Path.Pos(), fmt.Sprintf("package %s is reached through the symbolic link %s; the grader follows none", imp, c.f.shown(link)), "Put the folder itself there."))
			return
		}
		c.broken.add(f.problem(spec.Path.Pos(), reason, advice))
		return
	}
	d := c.f.list(dir)
	if d == nil || !validImport(imp) {
		c.broken.add(f.problem(spec.Path.Pos(), fmt.Sprintf("package %s cannot be read", imp), "Check the path and the folder's permissions."))
		return
	}
	for at := dir; at != c.l.root; at = path.Dir(at) {
		if d := c.f.list(at); d != nil && d.isMod {
			c.refused.add(f.problem(spec.Path.Pos(), fmt.Sprintf("package %s belongs to another module: %s holds a go.mod", imp, c.f.shown(at)), "Delete that go.mod, so that the package is part of module "+c.l.profile.Module+"."))
			return
		}
		if at == "." {
			break
		}
	}
	p.imports = append(p.imports, edge{imp, f.problem(spec.Path.Pos(), "", "")})
}

// cycles finds a package that imports itself by way of others.
func (c *checker) cycles() {
	byPath := make(map[string]*pkg)
	for _, p := range c.pkgs {
		byPath[p.importPath] = p
	}
	done := make(map[string]bool)
	var trail []string
	var visit func(path string)
	visit = func(path string) {
		trail = append(trail, path)
		for _, e := range byPath[path].imports {
			if i := slices.Index(trail, e.to); i >= 0 {
				e.at.Reason = "import cycle: " + strings.Join(append(slices.Clone(trail[i:]), e.to), " imports ")
				e.at.Advice = "Packages may not import each other: move what both need into a third."
				c.broken.add(e.at)
			} else if byPath[e.to] != nil && !done[e.to] {
				visit(e.to)
			}
		}
		trail = trail[:len(trail)-1]
		done[path] = true
	}
	for _, p := range c.pkgs {
		if !done[p.importPath] {
			visit(p.importPath)
		}
	}
}

// kitPath is the import path of a package of the kit in the student's module.
func (c *checker) kitPath(name string) string {
	if p := c.kit[name]; p != "" {
		return p
	}
	if framework[name] != "" {
		return c.l.profile.Module + "/" + name
	}
	return c.l.profile.Module + "/" + kitFolder + "/" + name
}

// validName reports whether every file system can hold a file of this name.
func validName(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || strings.ContainsRune(`\:*?"<>|`, r)
	})
}

// plainStart says whether a file's name cannot be taken for an option, a list of
// files or a command: the rule of the go command.
func plainStart(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return r >= utf8.RuneSelf || r == '.' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// dropHarness leaves out the files of the course's test harness, which in some
// years live in package raft beside the student's. A file is taken for one when
// it has no Make and no method of Raft, and either imports testing, or uses a
// name of package tester that a server does not need, or uses a name that only
// another such file declares.
func (c *checker) dropHarness(p *pkg, isServer func(*ast.File) bool) {
	reason := make(map[*file]string)
	others := c.dropped // of other packages: their names mean nothing here
	c.dropped = make(map[string]string)
	defer func() { maps.Copy(c.dropped, others) }()
	for changed := true; changed; {
		changed = false
		for _, f := range p.files {
			if reason[f] != "" || isServer(f.ast) {
				continue
			}
			if why := c.harness(f); why != "" {
				reason[f], changed = why, true
				for name := range f.ast.Scope.Objects {
					c.dropped[name] = f.shown
				}
			}
		}
		for _, f := range p.files { // a name declared twice is not lost
			if reason[f] == "" {
				for name := range f.ast.Scope.Objects {
					delete(c.dropped, name)
				}
			}
		}
	}
	if len(reason) == len(p.files) {
		return // then they are all there is of a server
	}
	var left []*file
	p.files = slices.DeleteFunc(p.files, func(f *file) bool {
		if reason[f] == "" {
			return false
		}
		c.skipped = append(c.skipped, Skipped{f.shown, "taken for the course's test harness: " + reason[f]})
		left = append(left, f)
		return true
	})
	if p.dir == c.l.raft {
		c.harnessFiles = left
	}
	c.rescue(p, left)
}

func (c *checker) harness(f *file) string {
	tester := ""
	for _, spec := range f.ast.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		if imp == "testing" {
			return "it imports testing"
		}
		if framework[path.Base(imp)] == "tester" {
			tester = "tester"
			if spec.Name != nil {
				tester = spec.Name.Name
			}
		}
	}
	why := ""
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && tester != "" && why == "" {
			id, ok := sel.X.(*ast.Ident)
			if ok && id.Name == tester && !c.forServers(sel.Sel.Name) {
				why = "it uses tester." + sel.Sel.Name
			}
		}
		return why == ""
	})
	if why == "" {
		for _, id := range f.ast.Unresolved {
			if from := c.dropped[id.Name]; from != "" && from != f.shown {
				return fmt.Sprintf("it uses %s of %s", id.Name, from)
			}
		}
	}
	return why
}

// forServers reports whether a server or a clerk may need a name of package
// tester; the others are the tests'.
func (c *checker) forServers(name string) bool {
	if c.l.service == "kvraft" && slices.Contains([]string{"Clnt", "Tgid", "GRP0", "IService", "ServerName"}, name) {
		return true
	}
	return name == "Persister" || strings.Contains(name, "Annotat")
}

// isServer reports whether a file holds part of the server itself.
func isServer(file *ast.File) bool {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "Make" || d.Recv != nil && receiver(d) == "Raft" {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == "Raft" {
					return true
				}
			}
		}
	}
	return false
}

// receiver returns the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) string {
	if len(fn.Recv.List) == 0 {
		return ""
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
