package build

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Students put helpers of their own into the course's harness, config.go most of
// all. The harness is left out, but what the server uses of it is kept: such a
// file is compiled with all else blanked, so that lines stay what they are.

// helper is a declaration in a file that was left out.
type helper struct {
	f     *file
	decl  ast.Decl
	names []string // for a method: that of its type
}

// rescue brings back the declarations of the files left out that the others
// need, with all that those need. What needs the test framework stays out.
func (c *checker) rescue(p *pkg, left []*file) {
	declared := make(map[string]*helper)  // by name
	methods := make(map[string][]*helper) // by type
	for _, f := range left {
		for _, d := range f.ast.Decls {
			h := &helper{f: f, decl: d}
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil {
					h.names = []string{receiver(d)}
					methods[receiver(d)] = append(methods[receiver(d)], h)
					continue
				}
				h.names = []string{d.Name.Name}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						h.names = append(h.names, spec.Name.Name)
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							h.names = append(h.names, id.Name)
						}
					}
				}
			}
			for _, n := range h.names {
				declared[n] = h
			}
		}
	}
	kept := make(map[*helper]bool)
	for _, f := range p.files {
		for _, id := range f.ast.Unresolved {
			h := declared[id.Name]
			if h == nil || kept[h] {
				continue
			}
			if all, ok := c.closure(h, declared, methods); ok {
				for _, h := range all {
					kept[h] = true
				}
			}
		}
	}
	for _, f := range left {
		var decls []ast.Decl
		var names []string
		for _, d := range f.ast.Decls { // in the order of the file
			for h := range kept {
				if h.decl != d {
					continue
				}
				decls = append(decls, d)
				for _, n := range h.names {
					delete(c.dropped, n)
					if !slices.Contains(names, n) {
						names = append(names, n)
					}
				}
			}
		}
		if len(decls) == 0 {
			continue
		}
		slices.Sort(names)
		part := &file{shown: f.shown, path: f.path, src: f.only(decls), fset: token.NewFileSet()}
		if part.ast = parse(part.fset, part.shown, part.src, &c.broken); part.ast == nil {
			continue
		}
		p.files = append(p.files, part)
		for i := range c.skipped {
			if c.skipped[i].Path == f.shown {
				c.skipped[i].Why += fmt.Sprintf("; of it, what the server uses is kept: %s", strings.Join(names, ", "))
			}
		}
	}
}

// closure lists a declaration and all that it needs of the files left out; ok is
// false if that needs the test framework.
func (c *checker) closure(h *helper, declared map[string]*helper, methods map[string][]*helper) (all []*helper, ok bool) {
	seen := map[*helper]bool{h: true}
	for queue := []*helper{h}; len(queue) > 0; queue = queue[1:] {
		h := queue[0]
		all = append(all, h)
		need := func(other *helper) {
			if other != nil && !seen[other] {
				seen[other] = true
				queue = append(queue, other)
			}
		}
		if g, is := h.decl.(*ast.GenDecl); is && g.Tok == token.TYPE {
			for _, n := range h.names {
				for _, m := range methods[n] {
					need(m)
				}
			}
		}
		if why := (&checker{l: c.l}).harness(h.f.with(h.decl)); why != "" {
			return nil, false
		}
		for name := range h.f.uses(h.decl) {
			need(declared[name])
		}
	}
	return all, true
}

// uses are the names outside a declaration that it uses: of its file, of other
// files, of imports.
func (f *file) uses(d ast.Decl) map[string]bool {
	names := make(map[string]bool)
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Obj != nil && id.Obj == f.ast.Scope.Objects[id.Name] {
			names[id.Name] = true
		}
		return true
	})
	for _, id := range f.ast.Unresolved {
		if d.Pos() <= id.Pos() && id.Pos() < d.End() {
			names[id.Name] = true
		}
	}
	return names
}

// importName is the name that a file has for an import.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imp, _ := strconv.Unquote(spec.Path.Value)
	if kit := framework[path.Base(imp)]; kit != "" {
		return kit
	}
	return path.Base(imp)
}

// with is a file of one declaration and the imports that it uses, to be looked
// at only.
func (f *file) with(d ast.Decl) *file {
	names := f.uses(d)
	var imports []*ast.ImportSpec
	for _, spec := range f.ast.Imports {
		if names[importName(spec)] {
			imports = append(imports, spec)
		}
	}
	return &file{ast: &ast.File{Name: f.ast.Name, Decls: []ast.Decl{d}, Imports: imports}}
}

// only is the source of a file with all blanked but the package clause, some
// declarations, and the imports that these use.
func (f *file) only(decls []ast.Decl) []byte {
	out := bytes.Repeat([]byte{' '}, len(f.src))
	for i, b := range f.src {
		if b == '\n' {
			out[i] = b
		}
	}
	keep := func(from, to token.Pos) {
		a, b := f.offset(from), f.offset(to)
		copy(out[a:b], f.src[a:b])
	}
	keep(f.ast.Package, f.ast.Name.End())
	uses := make(map[string]bool)
	for _, d := range decls {
		keep(d.Pos(), d.End())
		for n := range f.uses(d) {
			uses[n] = true
		}
	}
	for _, d := range f.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ImportSpec)
			if uses[importName(spec)] {
				keep(g.Pos(), g.Pos()+token.Pos(len("import")))
				if g.Lparen.IsValid() {
					keep(g.Lparen, g.Lparen+1)
					keep(g.Rparen, g.Rparen+1)
				}
				keep(spec.Pos(), spec.Path.End())
			}
		}
	}
	return out
}
