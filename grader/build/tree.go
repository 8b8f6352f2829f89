package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/labs/kit"
)

// Tree is everything that the compiler will read: a module with the student's
// packages, the kit's and a generated package main.
type Tree struct {
	Module string // module path
	GoLine string // "1.22"
	// Main is the folder of package main in Files.
	Main string
	// Files holds the contents by path, with slashes, go.mod included.
	Files   map[string][]byte
	Profile Profile
	// Sources are the student's files that are compiled, the Raft package's
	// first, then by path.
	Sources []SourceFile
	// Skipped are files of the same packages that are not compiled.
	Skipped []Skipped

	files map[string]*file // by path in Files
	check *checker
}

// SourceFile is one of the student's files.
type SourceFile struct {
	Path   string // as the student sees it
	Module string // as stack traces call it, such as 6.5840/raft1/raft.go
	Data   []byte // as the student wrote it
}

// Skipped is a file that was left out, and why.
type Skipped struct {
	Path string
	Why  string
}

// Prepare recognises and checks a student's folder and puts the kit beside the
// student's packages, without running anything. Its error is an *Error.
func Prepare(ctx context.Context, o Options) (*Tree, error) {
	o.defaults()
	o.progress(StageCheck)
	f, err := openFolder(&o)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if err := ctx.Err(); err != nil {
		return nil, fail(Internal, err, err.Error(), "")
	}
	l, err := recognise(f, &o)
	if err != nil {
		return nil, err
	}
	t, err := prepare(f, l, o.kit)
	if e, ok := err.(*Error); ok {
		e.Profile = &l.profile
	}
	return t, err
}

func prepare(f *folder, l *layout, fsys fs.FS) (*Tree, error) {
	c, err := check(f, l)
	if err != nil {
		return nil, err
	}
	own := c.findTesterDisk(fsys)
	for _, err := range []error{c.refused.err(Refused), c.broken.err(Compile)} {
		if err != nil {
			return nil, err
		}
	}
	methods, err := serverMethods(fsys)
	if err != nil {
		return nil, fail(Internal, err, err.Error(), "")
	}
	if !l.onCore {
		if err := c.shape(l.gen, l.gen.of(methods)); err != nil {
			return nil, err
		}
	}
	if err := c.serviceShape(); err != nil {
		return nil, err
	}
	t := &Tree{
		Module: l.profile.Module, GoLine: l.goLine, Profile: l.profile, Skipped: c.skipped,
		Files: make(map[string][]byte), files: make(map[string]*file), check: c,
	}
	t.Files["go.mod"] = fmt.Appendf(nil, "module %s\n\ngo %s\n", l.profile.Module, l.goLine)
	for i, p := range c.pkgs {
		for _, file := range p.files {
			t.Files[file.path], t.files[file.path] = file.rewritten(), file
			t.Sources = append(t.Sources, SourceFile{file.shown, p.importPath + "/" + path.Base(file.path), file.src})
		}
		if i == 0 {
			defer func(n int) {
				slices.SortFunc(t.Sources[n:], func(a, b SourceFile) int { return strings.Compare(a.Path, b.Path) })
			}(len(t.Sources))
		}
	}
	if own != nil {
		t.files[own.file.path] = own.file
		t.Sources = append(t.Sources, SourceFile{own.file.shown, c.kit["tester"] + "/persister.go", own.file.src})
	}
	if err := t.addKit(fsys, own); err != nil {
		if e, ok := err.(*Error); ok {
			return nil, e
		}
		return nil, fail(Internal, err, "the grader's kit: "+err.Error(), "")
	}
	return t, nil
}

// hash identifies all that the compiler reads, as SHA-256 in hex.
func (t *Tree) hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		fmt.Fprintf(h, "%s %d\n%s", name, len(t.Files[name]), t.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// rewritten is the file as it is compiled: edited imports, lines as they were.
func (f *file) rewritten() []byte {
	slices.SortFunc(f.edits, func(a, b edit) int { return a.from - b.from })
	return splice(f.src, f.edits)
}

func splice(src []byte, edits []edit) []byte {
	if len(edits) == 0 {
		return src
	}
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, src[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, src[at:]...)
}

// original maps a column of the compiled file back to the student's.
func (f *file) original(line, col int) int {
	shift := 0
	for _, e := range f.edits {
		if e.line != line {
			continue
		}
		start := e.col + shift
		switch {
		case col < start:
			return col - shift
		case col < start+len(e.text):
			return e.col
		}
		shift += len(e.text) - (e.to - e.from)
	}
	return col - shift
}

// addKit copies the kit's packages to the paths that the student's code knows,
// and generates package main.
func (t *Tree) addKit(fsys fs.FS, own *ownDisk) error {
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "testdata" {
			return fs.SkipDir
		}
		if err != nil || e.IsDir() || path.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return err
		}
		name, rest, ok := strings.Cut(p, "/")
		if !ok {
			return nil // the package that embeds the kit
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		if src, err = t.kitSource(p, src); err != nil {
			return err
		}
		if name == "raftapi" {
			if src, err = t.check.raftapi(p, src); err != nil {
				return err
			}
		}
		to := strings.TrimPrefix(t.check.kitPath(name), t.Module+"/") + "/" + rest
		if own != nil && to == own.file.path {
			t.Files[to] = own.file.rewritten()
			t.Files[path.Dir(to)+"/raftlab_generated.go"] = own.source()
			return nil
		}
		if t.files[to] != nil {
			return fmt.Errorf("%s is in the way of the kit", to)
		}
		t.Files[to] = src
		return nil
	})
	if err != nil {
		return err
	}
	t.Main = kitFolder + "/main"
	t.Files[t.Main+"/main.go"] = t.mainSource()
	if t.check.l.onCore {
		if err := t.addCore(); err != nil {
			return err
		}
	} else if g := t.check.l.gen; g.classic {
		t.Files[t.glue()] = t.check.classicGlue(g)
	}
	return t.addService()
}

// kitSource rewrites the kit's imports of itself.
func (t *Tree) kitSource(name string, src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for _, spec := range file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		rel, ok := strings.CutPrefix(imp, kit.Import+"/")
		if imp == ownModule+"/raft" {
			rel, ok = "raft", true
		}
		if !ok {
			continue
		}
		name, rest, sub := strings.Cut(rel, "/")
		to := t.check.kitPath(name)
		if sub {
			to += "/" + rest
		}
		at := fset.PositionFor(spec.Path.Pos(), false).Offset
		edits = append(edits, edit{from: at, to: at + len(spec.Path.Value), text: strconv.Quote(to)})
	}
	return splice(src, edits), nil
}

// glue is the generated file of package raft.
func (t *Tree) glue() string {
	dir := strings.TrimPrefix(strings.TrimPrefix(t.Profile.Import, t.Module), "/")
	return path.Join(dir, "raftlab_generated.go")
}

// mainSource is the generated package main: see package labs/kit/guest.
func (t *Tree) mainSource() []byte {
	if t.check.l.service != "" {
		return t.serviceMain()
	}
	if t.check.l.gen.classic {
		return fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package main

import (
	guest %q
	raft %q
	"reflect"
)

func init() {
	guest.Use(raft.RaftlabMake)
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
%s	})
}

func main() {}
`, t.check.kitPath("guest"), t.Profile.Import, t.check.handlers("raft"))
	}
	return fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package main

import (
	guest %q
	labrpc %q
	raft %q
	raftapi %q
	"reflect"
	tester %q
)

func init() {
	guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
		return raft.Make(peers, me, p, ch)
	})
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
%s	})
}

func main() {}
`, t.check.kitPath("guest"), t.check.kitPath("labrpc"), t.Profile.Import, t.check.kitPath("raftapi"), t.check.kitPath("tester"), t.check.handlers("raft"))
}

// handlers writes the table for guest.Handlers: every method of the student's
// packages that looks like one, since a server's may be promoted from a type that
// it embeds. Of a server whose own method it is, which is the rule, the method is
// taken by its name in the source: reflection takes a twentieth of a boot for each.
// raft is what the generated file calls package raft, "" if it does not import it.
func (c *checker) handlers(raft string) string {
	owners := make(map[string][]string) // by method: exported types of package raft
	for i, p := range c.pkgs {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Recv == nil || !fn.Name.IsExported() || len(types(fn.Type.Params, f)) != 2 || fn.Type.Results.NumFields() != 0 {
					continue
				}
				owner := owners[fn.Name.Name]
				if t := receiver(fn); i == 0 && raft != "" && ast.IsExported(t) {
					owner = append(owner, t)
				}
				owners[fn.Name.Name] = owner
			}
		}
	}
	if c.l.onCore {
		for _, n := range coreRPCs {
			owners[n] = nil
		}
	}
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(owners)) {
		fmt.Fprintf(&b, "\t\t%q: func(server reflect.Value) reflect.Value {\n", n)
		for _, t := range owners[n] {
			fmt.Fprintf(&b, "\t\t\tif x, ok := server.Interface().(*%s.%s); ok {\n\t\t\t\treturn reflect.ValueOf(x.%s)\n\t\t\t}\n", raft, t, n)
		}
		fmt.Fprintf(&b, "\t\t\treturn server.MethodByName(%q)\n\t\t},\n", n)
	}
	return b.String()
}
