package build

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// generation is one year of the course's lab, as far as grading depends on it.
type generation struct {
	name    string
	number  string // of the Raft lab in that year: "2" for the parts 2A to 2D; "" for our own
	classic bool   // package raft declares ApplyMsg and Persister itself
	// noSnapshots: the lab ends with persistence; log compaction came later, in
	// the key-value lab, and with an interface of each student's own.
	noSnapshots bool
	// redelivers: commands that a snapshot covers may be applied again.
	redelivers bool
	noKill     bool // servers are processes, and killed as such
}

// generations are the labs that are known, the newest first.
var generations = []generation{
	{name: "raftlab"},
	{name: "6.5840-2026", number: "3", noKill: true},
	{name: "6.5840-2025", number: "3"},
	{name: "6.5840-2024", number: "3", classic: true},
	{name: "6.5840-2023", number: "2", classic: true},
	{name: "6.824-2022", number: "2", classic: true},
	{name: "6.824-2021", number: "2", classic: true, redelivers: true},
	{name: "6.824-2020", number: "2", classic: true, noSnapshots: true},
}

// Profiles lists the labs that can be named in Options.Profile.
func Profiles() []string {
	var names []string
	for _, g := range generations {
		names = append(names, g.name)
	}
	return names
}

func generationNamed(name string) (generation, bool) {
	for _, g := range generations {
		if g.name == name {
			return g, true
		}
	}
	return generation{}, false
}

// evidence is what the Raft package's folder shows of the lab's year.
type evidence struct {
	imports   []string
	persister bool     // it declares type Persister
	makeTakes bool     // Make takes a *Persister without a package
	save      bool     // Persister has a method Save
	methods   []string // of Raft
	tests     []string // names of the tests in its _test.go files
	testFile  string   // where the first of them is
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

func (l *layout) evidence(f *folder, imports []string) *evidence {
	d := f.list(l.raft)
	e := &evidence{imports: imports}
	for _, s := range d.sources {
		file, _ := parser.ParseFile(token.NewFileSet(), s.name, s.src, parser.SkipObjectResolution)
		if file == nil {
			continue
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				switch {
				case decl.Recv != nil && receiver(decl) == "Raft":
					e.methods = append(e.methods, decl.Name.Name)
				case decl.Recv != nil && receiver(decl) == "Persister":
					e.save = e.save || decl.Name.Name == "Save"
				case decl.Recv == nil && decl.Name.Name == "Make":
					for _, p := range decl.Type.Params.List {
						if star, ok := p.Type.(*ast.StarExpr); ok {
							id, ok := star.X.(*ast.Ident)
							e.makeTakes = e.makeTakes || ok && id.Name == "Persister"
						}
					}
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == "Persister" {
						e.persister = true
					}
				}
			}
		}
	}
	for _, name := range d.testFiles {
		src, err := f.file(path.Join(l.raft, name), f.lim.FileSize)
		if err != nil {
			continue
		}
		for _, m := range testName.FindAllSubmatch(src, -1) {
			if e.testFile == "" {
				e.testFile = name
			}
			e.tests = append(e.tests, string(m[1]))
		}
	}
	return e
}

func (e *evidence) uses(name string) string {
	for _, imp := range e.imports {
		if path.Base(imp) == name {
			return imp
		}
	}
	return ""
}

// test returns the first test whose name begins with prefix and ends in a part
// of the lab with this number.
func (e *evidence) test(prefix, number string) string {
	for _, t := range e.tests {
		if n := len(t); n > 2 && strings.HasPrefix(t, prefix) && t[n-2:n-1] == number && t[n-1] >= 'A' && t[n-1] <= 'D' {
			return t
		}
	}
	return ""
}

// findGeneration tells which year's lab the code is, and why.
func (l *layout) findGeneration(f *folder, o *Options, imports []string) error {
	p := &l.profile
	where := "package raft in this folder"
	if p.Raft != "." {
		where = "package raft in " + p.Raft
	}
	module := "no go.mod, so module " + p.Module
	if p.GoMod != "" {
		module = "module " + p.Module + " from " + p.GoMod
	}
	name, why := "raftlab", ""
	if !l.onCore || l.service == "kvraft" {
		name, why = l.year(f, l.evidence(f, imports))
	}
	if l.onCore {
		where = "the grader's own Raft"
	}
	if o.Profile != "" {
		if _, ok := generationNamed(o.Profile); !ok {
			return fail(Usage, nil, fmt.Sprintf("there is no profile %q", o.Profile), "Choose one of "+strings.Join(Profiles(), ", ")+".")
		}
		if why = "; the profile was named"; o.Profile != name {
			why = fmt.Sprintf("; the profile was named, though the code looks like %s", name)
		}
		name = o.Profile
	}
	l.gen, _ = generationNamed(name)
	p.Name, p.Number = name, l.gen.number
	if l.gen.noSnapshots {
		p.Lacks = []string{"Snapshot"}
	}
	p.Why = where + ", " + module + why
	if l.gen.classic && p.GoMod == "" {
		// What the years before modules meant, with all that the language has got
		// since: one variable for all rounds of a loop.
		l.goLine = "1.21"
	}
	return nil
}

// year is what the evidence says, and the piece of it that decided.
func (l *layout) year(f *folder, e *evidence) (name, why string) {
	if !e.makeTakes && (!e.persister || e.uses("raftapi") != "") {
		tester, api := e.uses("tester1"), e.uses("raftapi")
		switch {
		case tester != "":
			if why, no := l.withoutKill(f, e, api); no {
				return "6.5840-2026", why
			}
			return "6.5840-2025", fmt.Sprintf("; it imports %s", tester)
		case api != "":
			return "raftlab", fmt.Sprintf("; it imports %s", api)
		}
		return "raftlab", ""
	}
	says := func(name string) string { return fmt.Sprintf("; %s has %s", e.testFile, name) }
	if t := e.test("Test", "3"); t != "" {
		return "6.5840-2024", says(t)
	}
	if e.test("Test", "2") != "" {
		for _, y := range []struct{ name, test string }{
			{"6.5840-2023", "TestSnapshotInit"}, {"6.824-2022", "TestSnapshotAllCrash"}, {"6.824-2021", "TestSnapshotBasic"},
		} {
			if t := e.test(y.test, "2"); t != "" {
				return y.name, says(t)
			}
		}
		return "6.824-2020", fmt.Sprintf("; %s has no tests of snapshots", e.testFile)
	}
	has := func(m string) bool { return slices.Contains(e.methods, m) }
	switch {
	case !has("Snapshot"):
		return "6.824-2020", "; it declares Persister, and Raft has no method Snapshot"
	case e.save:
		return "6.5840-2023", "; its Persister has a method Save"
	case has("CondInstallSnapshot"):
		return "6.824-2021", "; it declares Persister, and Raft has a method CondInstallSnapshot"
	}
	return "6.824-2022", "; it declares Persister"
}

// withoutKill tells the lab of 2026, in which nobody calls Kill, from that of
// 2025: by the interface in raftapi, or if that is not here, by the server.
func (l *layout) withoutKill(f *folder, e *evidence, api string) (why string, no bool) {
	dir := path.Join(l.root, strings.TrimPrefix(strings.TrimPrefix(api, l.profile.Module), "/"))
	if d := f.list(dir); api != "" && d != nil {
		for _, s := range d.sources {
			file, _ := parser.ParseFile(token.NewFileSet(), s.name, s.src, parser.SkipObjectResolution)
			if it := declared[*ast.InterfaceType](file, "Raft"); it != nil {
				for _, m := range it.Methods.List {
					if len(m.Names) == 1 && m.Names[0].Name == "Kill" {
						return "", false
					}
				}
				return fmt.Sprintf("; raftapi.Raft in %s has no Kill", f.shown(path.Join(dir, s.name))), true
			}
		}
	}
	if !slices.Contains(e.methods, "Kill") {
		return "; Raft has no method Kill", true
	}
	return "", false
}

// declared returns the type of kind T that a file declares under name, or the
// zero T.
func declared[T ast.Expr](file *ast.File, name string) (none T) {
	if file == nil {
		return none
	}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok {
			for _, spec := range g.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == name {
					found, _ := t.Type.(T)
					return found
				}
			}
		}
	}
	return none
}
