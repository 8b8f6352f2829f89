package build

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// makeSignature is what the lab asks of raft.Make.
func (g generation) makeSignature() string {
	if g.classic {
		return "func Make(peers []*labrpc.ClientEnd, me int, persister *Persister, applyCh chan ApplyMsg) *Raft"
	}
	return "func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft"
}

func (g generation) makeParams() []string {
	if g.classic {
		return []string{"[]*labrpc.ClientEnd", "int", "*Persister", "chan ApplyMsg"}
	}
	return []string{"[]*labrpc.ClientEnd", "int", "*tester.Persister", "chan raftapi.ApplyMsg"}
}

// of leaves those of the methods of raftapi.Raft that the year's lab asks for.
func (g generation) of(methods []method) []method {
	return slices.DeleteFunc(methods, func(m method) bool {
		switch m.name {
		case "Snapshot":
			return g.noSnapshots
		case "PersistBytes":
			return g.classic
		case "Kill":
			return g.classic || g.noKill // the grader ends a server without it
		}
		return false
	})
}

// method is one method that the lab asks of the server.
type method struct {
	name      string
	signature string // as a beginner would write it
	params    []string
	results   []string
}

// serverMethods reads the methods of raftapi.Raft from the kit, so that there is
// one list of them.
func serverMethods(kit fs.FS) ([]method, error) {
	names, err := fs.Glob(kit, "raftapi/*.go")
	if err != nil {
		return nil, err
	}
	var methods []method
	for _, name := range names {
		src, err := fs.ReadFile(kit, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != "Raft" {
				return true
			}
			if it, ok := spec.Type.(*ast.InterfaceType); ok {
				for _, m := range it.Methods.List {
					ft, ok := m.Type.(*ast.FuncType)
					if !ok {
						continue
					}
					text := string(src[ft.Pos()-file.FileStart : ft.End()-file.FileStart])
					for _, id := range m.Names {
						methods = append(methods, method{id.Name, id.Name + text, types(ft.Params, nil), types(ft.Results, nil)})
					}
				}
			}
			return false
		})
	}
	if len(methods) == 0 {
		return nil, fmt.Errorf("the kit's raftapi declares no interface Raft")
	}
	return methods, nil
}

// shape checks, before the compiler does, that the package is the server that
// the lab asks for: the compiler could only say so about code that the student
// has never seen. Where names do not settle the question, it leaves it to the
// compiler.
func (c *checker) shape(g generation, methods []method) error {
	ps := problems{max: c.f.lim.Problems}
	p := c.pkgs[0]
	var (
		mk, rec  *ast.FuncDecl
		mkFile   *file
		raft     *ast.TypeSpec
		raftFile *file
		has      = make(map[string]*ast.FuncDecl)
		in       = make(map[string]*file)
	)
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				switch {
				case d.Recv == nil && d.Name.Name == "Make":
					mk, mkFile = d, f
				case d.Recv != nil && receiver(d) == "Raft":
					has[d.Name.Name], in[d.Name.Name] = d, f
					rec = d
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == "Raft" {
						raft, raftFile = t, f
					}
				}
			}
		}
	}
	c.shapeOfMake(&ps, g, mk, mkFile)
	if raft == nil {
		at := Problem{File: p.files[0].shown}
		if mk != nil {
			at = mkFile.problem(mk.Pos(), "", "")
		}
		at.Reason, at.Advice = "expected a type named Raft, found none", "RPCs are named after it (\"Raft.RequestVote\"). Declare: type Raft struct { ... }"
		ps.add(at)
		return ps.err(Compile)
	}
	if embeds(raft) {
		return ps.err(Compile) // methods may come from what it embeds
	}
	name := "rf"
	if rec != nil && len(rec.Recv.List[0].Names) > 0 {
		if n := rec.Recv.List[0].Names[0].Name; n != "_" {
			name = n
		}
	}
	for _, m := range methods {
		want := fmt.Sprintf("func (%s *Raft) %s", name, m.signature)
		fn := has[m.name]
		if fn == nil {
			advice := "Add: " + want
			for other := range has {
				if strings.EqualFold(other, m.name) {
					advice = "There is a method " + other + "; upper and lower case matter. Expected: " + want
				}
			}
			ps.add(raftFile.problem(raft.Pos(), "Raft has no method "+m.name, advice))
			continue
		}
		f := in[m.name]
		if differ(types(fn.Type.Params, f), m.params) || differ(types(fn.Type.Results, f), m.results) {
			ps.add(f.problem(fn.Pos(), fmt.Sprintf("method %s has another signature than the lab's\nexpected: %s\nfound:    %s", m.name, want, f.text(fn.Pos(), fn.Type.End())), ""))
		}
	}
	return ps.err(Compile)
}

func (c *checker) shapeOfMake(ps *problems, g generation, mk *ast.FuncDecl, f *file) {
	if mk == nil {
		first := c.pkgs[0].files[0]
		ps.add(Problem{File: first.shown, Reason: "package raft has no func Make; the grader starts each server with it", Advice: "Add: " + g.makeSignature()})
		return
	}
	params, results := types(mk.Type.Params, f), types(mk.Type.Results, f)
	if differ(params, g.makeParams()) || len(results) != 1 || results[0] != "*Raft" && (g.classic || differ(results, []string{"raftapi.Raft"})) {
		ps.add(f.problem(mk.Pos(), "Make has another signature than the lab's\nexpected: "+g.makeSignature()+"\nfound:    "+f.text(mk.Pos(), mk.Type.End()), "The names of the parameters are yours to choose."))
	}
}

// text is the source from one position to another on one line.
func (f *file) text(from, to token.Pos) string {
	return strings.Join(strings.Fields(string(f.src[f.offset(from):f.offset(to)])), " ")
}

// embeds reports whether a type may have methods that are not declared for it.
func embeds(t *ast.TypeSpec) bool {
	st, ok := t.Type.(*ast.StructType)
	if !ok {
		return true
	}
	for _, field := range st.Fields.List {
		if len(field.Names) == 0 {
			return true
		}
	}
	return false
}

// unknown stands for a type that its name alone does not settle.
const unknown = "?"

// differ reports whether two lists of types surely differ.
func differ(got, want []string) bool {
	if len(got) != len(want) {
		return true
	}
	for i := range got {
		if got[i] != want[i] && !strings.Contains(got[i], unknown) {
			return true
		}
	}
	return false
}

// types lists the types of a list of parameters, one for each.
func types(list *ast.FieldList, f *file) []string {
	var ts []string
	if list == nil {
		return nil
	}
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			ts = append(ts, typeName(field.Type, f))
		}
	}
	return ts
}

var basic = set("bool byte int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 string error any float32 float64 rune")

// typeName writes a type with the packages' own names: whatever an import is
// called in the file, labrpc is labrpc and tester1 is tester.
func typeName(t ast.Expr, f *file) string {
	switch t := t.(type) {
	case *ast.Ident:
		if basic[t.Name] || t.Name == "Raft" {
			return t.Name
		}
	case *ast.ParenExpr:
		return typeName(t.X, f)
	case *ast.StarExpr:
		return "*" + typeName(t.X, f)
	case *ast.ArrayType:
		if t.Len == nil {
			return "[]" + typeName(t.Elt, f)
		}
	case *ast.ChanType:
		switch t.Dir {
		case ast.SEND:
			return "chan<- " + typeName(t.Value, f)
		case ast.RECV:
			return "<-chan " + typeName(t.Value, f)
		}
		return "chan " + typeName(t.Value, f)
	case *ast.InterfaceType:
		if len(t.Methods.List) == 0 {
			return "any"
		}
	case *ast.SelectorExpr:
		if id, ok := t.X.(*ast.Ident); ok {
			return f.packageOf(id.Name) + "." + t.Sel.Name
		}
	}
	return unknown
}

// packageOf returns the package that a file calls name; f is nil for the kit.
func (f *file) packageOf(name string) string {
	if f == nil {
		return name
	}
	for _, spec := range f.ast.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		last := path.Base(imp)
		kit := framework[last]
		if kit == "" {
			kit = last
		}
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && (kit == name || last == name) {
			return kit
		}
	}
	return unknown
}
