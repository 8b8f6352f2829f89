package build

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
)

// raftapi fits the kit's package of that name to the student's: without Kill in
// the year that has none, and with the fields that the student has added to
// ApplyMsg. What they mean is the student's own affair.
func (c *checker) raftapi(name string, src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	offset := func(p token.Pos) int { return fset.PositionFor(p, false).Offset }
	var edits []edit
	if it := declared[*ast.InterfaceType](file, "Raft"); it != nil && c.l.gen.noKill {
		for _, m := range it.Methods.List {
			if len(m.Names) == 1 && m.Names[0].Name == "Kill" {
				edits = append(edits, edit{from: offset(m.Pos()), to: offset(m.End())})
			}
		}
	}
	if st := declared[*ast.StructType](file, "ApplyMsg"); st != nil {
		var has []string
		for _, f := range st.Fields.List {
			for _, id := range f.Names {
				has = append(has, id.Name)
			}
		}
		if extra := c.extraFields(has); extra != "" {
			at := offset(st.Fields.Closing)
			edits = append(edits, edit{from: at, to: at, text: extra})
		}
	}
	return splice(src, edits), nil
}

// extraFields are the fields of the student's raftapi.ApplyMsg beyond those
// that the kit has. One of a type that is not Go's own is left out; the compiler
// then says where it is used.
func (c *checker) extraFields(has []string) string {
	imp := c.kit["raftapi"]
	if c.l.onCore || imp == "" || !strings.HasPrefix(imp, c.l.profile.Module+"/") {
		return "" // the core would leave them zero
	}
	dir := path.Join(c.l.root, strings.TrimPrefix(imp, c.l.profile.Module+"/"))
	d := c.f.list(dir)
	if d == nil {
		return ""
	}
	var b strings.Builder
	for _, s := range d.sources {
		file, _ := parser.ParseFile(token.NewFileSet(), s.name, s.src, parser.SkipObjectResolution)
		st := declared[*ast.StructType](file, "ApplyMsg")
		if st == nil {
			continue
		}
		for _, f := range st.Fields.List {
			t := typeName(f.Type, nil)
			if strings.Contains(t, unknown) || strings.Contains(t, ".") || strings.Contains(t, "Raft") {
				continue
			}
			if t == "any" {
				t = "interface{}"
			}
			for _, id := range f.Names {
				if !slices.Contains(has, id.Name) && id.Name != "_" {
					fmt.Fprintf(&b, "\t%s %s\n", id.Name, t)
				}
			}
		}
	}
	return b.String()
}
