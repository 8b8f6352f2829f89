package corpus_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

const module = "raftlab.example/lab"

func load(t *testing.T) ([]corpus.Bug, fs.FS) {
	t.Helper()
	bugs, err := corpus.Load(os.DirFS("../testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	return bugs, os.DirFS("../testdata/correct")
}

// Every bug applies to the correct solution and compiles against the framework
// of the skeleton; so do the correct solution and its variants.
func TestEveryBugCompiles(t *testing.T) {
	bugs, correct := load(t)
	c := newChecker(t)
	c.check(t, correct)
	for _, name := range []string{"seeded", "polling", "actor"} {
		t.Run(name, func(t *testing.T) { c.check(t, os.DirFS("../testdata/variants/"+name)) })
	}
	for _, b := range bugs {
		t.Run(b.Name, func(t *testing.T) {
			files, err := b.Apply(correct)
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, files)
		})
	}
}

// So does every bug of the labs on top of Raft, to the service or the lock; and
// each part of these labs has some.
func TestEveryBugOfAServiceCompiles(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("../testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	c := newChecker(t)
	c.framework[module+"/raft"] = c.pkg(t, os.DirFS("../testdata/correct"), "raft")
	skeleton, err := labs.Skeleton(labs.Lock())
	if err != nil {
		t.Fatal(err)
	}
	c.framework[module+"/kvapi"] = c.pkg(t, skeleton, "kvapi")
	correct := os.DirFS("../testdata/correct-kv")
	count := map[string]int{}
	for _, b := range bugs {
		count[b.Lab+"/"+b.Part]++
		t.Run(b.Name, func(t *testing.T) {
			files, err := b.Apply(correct)
			if err != nil {
				t.Fatal(err)
			}
			c.pkg(t, files, "kv")
			c.pkg(t, files, "lock")
		})
	}
	for _, lab := range []string{"kv", "lock"} {
		for _, part := range corpus.PartsOf[lab] {
			if count[lab+"/"+part] < 4 {
				t.Errorf("%d bugs in part %s of the lab %s, expected 4 or more", count[lab+"/"+part], part, lab)
			}
		}
	}
	t.Log(len(bugs), count)
}

func TestEveryPartHasBugs(t *testing.T) {
	bugs, _ := load(t)
	count := map[string]int{}
	for _, b := range bugs {
		count[b.Part]++
	}
	for _, part := range corpus.Parts {
		if count[part] < 4 {
			t.Errorf("%d bugs in part %s, expected 4 or more", count[part], part)
		}
	}
	if len(bugs) < 85 {
		t.Errorf("%d bugs, expected 85 or more", len(bugs))
	}
	t.Log(len(bugs), count)
}

// docs/bugs.md has the 58 kinds of mistakes: which bugs of the corpus are of which
// kind, and why a kind without any cannot be planted.
func TestEveryKindIsPlanted(t *testing.T) {
	bugs, _ := load(t)
	of := map[string][]string{}
	for _, b := range bugs {
		of[b.Source] = append(of[b.Source], b.Name)
	}
	page, err := os.ReadFile("../../docs/bugs.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds, planted := 0, 0
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|.*\| (.*) \|$`).FindAllStringSubmatch(string(page), -1) {
		if kinds++; row[1] != strconv.Itoa(kinds) {
			t.Fatalf("row %d of docs/bugs.md is of kind %s", kinds, row[1])
		}
		var names []string
		for _, name := range of[row[1]] {
			names = append(names, "`"+name+"`")
		}
		delete(of, row[1])
		switch want := strings.Join(names, ", "); {
		case len(names) > 0 && row[2] != want:
			t.Errorf("kind %d: docs/bugs.md names %s, the corpus has %s", kinds, row[2], want)
		case len(names) == 0 && !strings.HasPrefix(row[2], "no mistake here") && !strings.HasPrefix(row[2], "not of this lab"):
			t.Errorf("kind %d is not in the corpus, and docs/bugs.md does not say why: %s", kinds, row[2])
		case len(names) > 0:
			planted++
		}
	}
	if kinds != 58 || planted < 50 {
		t.Errorf("%d of %d kinds are planted, expected 50 of 58", planted, kinds)
	}
	own := len(of["own"])
	delete(of, "own")
	for source, names := range of {
		t.Errorf("%v: source %q is neither own nor a kind of docs/bugs.md", names, source)
	}
	t.Logf("%d bugs: %d kinds of %d, and %d of our own", len(bugs), planted, kinds, own)
}

// The solution in the shape of a 2025 MIT checkout is the correct solution under
// other import paths.
func TestMITCheckoutIsTheCorrectSolution(t *testing.T) {
	_, correct := load(t)
	paths := strings.NewReplacer(
		`"`+module+`/tester"`, `tester "6.5840/tester1"`,
		`"`+module+`/`, `"6.5840/`,
	)
	files, err := fs.Glob(correct, "raft/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		want, err := fs.ReadFile(correct, file)
		if err != nil {
			t.Fatal(err)
		}
		there := "../testdata/mit2025/src/raft1/" + path.Base(file)
		got, err := os.ReadFile(there)
		if err != nil {
			t.Error(err)
		} else if string(got) != paths.Replace(string(want)) {
			t.Errorf("%s differs from %s by more than its imports", there, file)
		}
	}
}

func TestParseTellsWhatIsWrong(t *testing.T) {
	const good = `title: a
breaks: b
part: election
area: c
source: 1
needs: default
properties: Election Safety, No Panic

-- 1/file --
f.go
-- 1/old --
old
-- 1/new --
new
`
	if _, err := corpus.Parse("x", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ old, new, want string }{
		{"title: a\n", "", `expected a line "title: ..."`},
		{"part: election", "part: 3A", "expected part to be one of"},
		{"needs: default", "needs: luck", "expected needs to be"},
		{"No Panic", "Panic", `"Panic" is not the name of a property`},
		{"area: c", "area: c\narea: d", "expected each line before the edits to be a new key"},
		{"area: c", "area: c\ncolour: red", `there is no key "colour"`},
		{"-- 1/old --", "-- 2/old --", "expected section 1/old, found 2/old"},
		{"-- 1/new --\nnew\n", "", "expected sections N/file, N/old and N/new"},
	} {
		_, err := corpus.Parse("x", []byte(strings.Replace(good, tc.old, tc.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("with %q for %q: expected an error with %q, found %v", tc.new, tc.old, tc.want, err)
		}
	}
}

func TestApplyReplacesWholeLinesOnce(t *testing.T) {
	correct := fsOf(t, "f.go", "one\nbone\ntwo\ntwo\n")
	for _, tc := range []struct{ old, want string }{
		{"one\n", "ONE\nbone\ntwo\ntwo\n"},
		{"two\n", "found them 2 times"},
		{"three\n", "found them 0 times"},
	} {
		b := corpus.Bug{Name: "x", Edits: []corpus.Edit{{File: "f.go", Old: tc.old, New: "ONE\n"}}}
		files, err := b.Apply(correct)
		got := ""
		if err != nil {
			got = err.Error()
		} else if data, err := fs.ReadFile(files, "f.go"); err != nil {
			t.Fatal(err)
		} else {
			got = string(data)
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("old %q: expected %q, found %q", tc.old, tc.want, got)
		}
	}
}

func fsOf(t *testing.T, name, data string) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/"+name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

// checker type-checks students' Raft packages: it finds what the compiler would.
type checker struct {
	fset      *token.FileSet
	standard  types.Importer
	framework map[string]*types.Package
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	fset := token.NewFileSet()
	c := &checker{fset: fset, standard: importer.ForCompiler(fset, "source", nil), framework: map[string]*types.Package{}}
	skeleton, err := labs.Skeleton(labs.Raft())
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"labgob", "labrpc", "raftapi", "tester"} {
		c.framework[module+"/"+pkg] = c.pkg(t, skeleton, pkg)
	}
	return c
}

// Import implements types.Importer.
func (c *checker) Import(path string) (*types.Package, error) {
	if p := c.framework[path]; p != nil {
		return p, nil
	}
	return c.standard.Import(path)
}

// check fails unless package raft compiles and offers what the lab asks for.
func (c *checker) check(t *testing.T, files fs.FS) {
	t.Helper()
	raft := c.pkg(t, files, "raft")
	iface := c.framework[module+"/raftapi"].Scope().Lookup("Raft").Type().Underlying().(*types.Interface)
	if obj := raft.Scope().Lookup("Raft"); obj == nil || !types.Implements(types.NewPointer(obj.Type()), iface) {
		t.Error("*Raft is not a raftapi.Raft")
	}
}

func (c *checker) pkg(t *testing.T, files fs.FS, dir string) *types.Package {
	t.Helper()
	names, err := fs.Glob(files, dir+"/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(c.fset, name, data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	conf := types.Config{Importer: c, Error: func(err error) { t.Error(err) }}
	p, _ := conf.Check(module+"/"+dir, c.fset, parsed, nil)
	return p
}
