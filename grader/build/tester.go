package build

import (
	_ "embed" // for the generated file
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Since 2025 the Persister is part of package tester, which is the kit's here. A
// student who has given it a method more, or another signature, and uses that,
// keeps the Persister of the checkout, told to report as in the years before.

//go:embed glue/tester.txt
var testerText string

// ownDisk is the Persister of the student's package tester.
type ownDisk struct {
	*disk
	file *file
}

// findTesterDisk finds the student's Persister in package tester. It returns nil
// if the kit's will do, and if the student's cannot be had by itself.
func (c *checker) findTesterDisk(fsys fs.FS) *ownDisk {
	imp := c.kit["tester"]
	if c.l.gen.classic || c.l.onCore || !strings.HasPrefix(imp, c.l.profile.Module+"/") {
		return nil
	}
	dir := c.ownDir(imp)
	d := c.f.list(dir)
	if d == nil {
		return nil
	}
	elsewhere := make(map[string]bool) // names that other files declare
	var f *file
	for _, s := range d.sources {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, s.name, s.src, parser.ParseComments)
		if err != nil || s.bad != "" {
			continue
		}
		if declared[*ast.StructType](parsed, diskType) != nil {
			f = &file{shown: c.f.shown(path.Join(dir, s.name)), path: strings.TrimPrefix(imp, c.l.profile.Module+"/") + "/persister.go", src: s.src, ast: parsed, fset: fset}
			continue
		}
		for name := range parsed.Scope.Objects {
			elsewhere[name] = true
		}
	}
	if f == nil || !c.usesMore(f, fsys) {
		return nil
	}
	for _, id := range f.ast.Unresolved {
		if elsewhere[id.Name] {
			return nil
		}
	}
	p := &pkg{dir: dir, importPath: imp, files: []*file{f}}
	for _, spec := range f.ast.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == "testing" {
			return nil
		}
		c.importSpec(p, f, spec)
	}
	c.directives(f)
	if len(p.imports) > 0 {
		return nil
	}
	return &ownDisk{c.diskIn(p.files), f}
}

// usesMore reports whether the server calls a method of the student's Persister
// that the kit's has not, or has with another signature.
func (c *checker) usesMore(f *file, fsys fs.FS) bool {
	src, err := fs.ReadFile(fsys, "tester/persister.go")
	if err != nil {
		return false
	}
	kit, err := parser.ParseFile(token.NewFileSet(), "persister.go", src, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	has := methodsOf(kit)
	more := make(map[string]bool)
	for name, fn := range methodsOf(f.ast) {
		old := has[name]
		if old == nil || differ(types(fn.Type.Params, f), types(old.Type.Params, nil)) || differ(types(fn.Type.Results, f), types(old.Type.Results, nil)) {
			more[name] = true
		}
	}
	used := false
	for _, p := range c.pkgs {
		for _, f := range p.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if sel, ok := call.Fun.(*ast.SelectorExpr); ok && more[sel.Sel.Name] {
						used = true
					}
				}
				return !used
			})
		}
	}
	return used
}

func methodsOf(f *ast.File) map[string]*ast.FuncDecl {
	methods := make(map[string]*ast.FuncDecl)
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && receiver(fn) == diskType {
			methods[fn.Name.Name] = fn
		}
	}
	return methods
}

// source is the generated file beside the student's Persister.
func (d *ownDisk) source() []byte {
	made, snapshot, read := d.glue("snapshot")
	return []byte(strings.NewReplacer("READSNAPSHOT", read, "NEWDISK", made, "STATE", d.state, "SNAPSHOT", snapshot).Replace(testerText))
}
