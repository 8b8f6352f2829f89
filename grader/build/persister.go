package build

import (
	_ "embed" // for the generated file
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Until 2024 package raft declares the Persister itself, in a file that students
// change: a method more, another name for Save. So theirs is kept, and told to
// report: each method that writes to the disk's fields ends with a call that
// hands both of them to the host.

// disk is the student's Persister.
type disk struct {
	state, snapshot string // its fields; snapshot may be ""
	made            bool   // func MakePersister() *Persister is there
}

const (
	diskType = "Persister"
	saved    = "raftlabSaved" // in the generated file of package raft
)

// findDisk finds the student's Persister and edits its methods. Without one, it
// returns nil: the generated file then declares it.
func (c *checker) findDisk() *disk {
	d := c.diskIn(c.pkgs[0].files)
	if d != nil && d.state != "" && d.state != d.snapshot {
		c.refusePokes(d)
	}
	return d
}

// diskIn finds the Persister in the files of its package and edits its methods.
func (c *checker) diskIn(files []*file) *disk {
	var (
		decl    *ast.TypeSpec
		at      *file
		methods = make(map[string]*ast.FuncDecl)
		in      = make(map[string]*file)
		d       = &disk{}
	)
	for _, f := range files {
		for _, dl := range f.ast.Decls {
			switch dl := dl.(type) {
			case *ast.FuncDecl:
				if dl.Recv != nil && receiver(dl) == diskType && dl.Body != nil {
					methods[dl.Name.Name], in[dl.Name.Name] = dl, f
				}
				if dl.Recv == nil && dl.Name.Name == "MakePersister" && dl.Type.Params.NumFields() == 0 && dl.Type.Results.NumFields() == 1 {
					d.made = true
				}
			case *ast.GenDecl:
				for _, spec := range dl.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == diskType {
						decl, at = t, f
					}
				}
			}
		}
	}
	if decl == nil {
		return nil
	}
	fields := byteFields(decl)
	d.state = fieldIn(methods["ReadRaftState"], fields, "raftstate", "raftState", "state")
	d.snapshot = fieldIn(methods["ReadSnapshot"], fields, "snapshot")
	if d.state == "" || d.state == d.snapshot {
		c.broken.add(at.problem(decl.Pos(), "cannot tell which field of Persister holds the Raft state: expected a struct whose field of type []byte is returned by ReadRaftState",
			"Keep the course's persister.go; methods of your own may stand beside its."))
		return d
	}
	c.reportSaves(methods, in)
	return d
}

// byteFields lists the fields of type []byte of a struct type.
func byteFields(t *ast.TypeSpec) map[string]bool {
	fields := make(map[string]bool)
	st, ok := t.Type.(*ast.StructType)
	if !ok {
		return fields
	}
	for _, f := range st.Fields.List {
		if typeName(f.Type, nil) == "[]byte" {
			for _, n := range f.Names {
				fields[n.Name] = true
			}
		}
	}
	return fields
}

// fieldIn returns the one of fields that a method reads, or else the first of
// the names that is among them.
func fieldIn(fn *ast.FuncDecl, fields map[string]bool, names ...string) string {
	found := ""
	if self := self(fn); self != "" {
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && found == "" && isIdent(sel.X, self) && fields[sel.Sel.Name] {
				found = sel.Sel.Name
			}
			return true
		})
	}
	for _, n := range names {
		if found == "" && fields[n] {
			found = n
		}
	}
	return found
}

// self is the name of a method's receiver if it is a pointer, else "".
func self(fn *ast.FuncDecl) string {
	if fn == nil || fn.Recv == nil || len(fn.Recv.List) == 0 || len(fn.Recv.List[0].Names) == 0 {
		return ""
	}
	if _, ok := fn.Recv.List[0].Type.(*ast.StarExpr); !ok {
		return ""
	}
	return fn.Recv.List[0].Names[0].Name
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// reportSaves edits the methods that write. What a method writes with the lock
// of another that calls it is that one's: both fields are one disk, written at
// once.
func (c *checker) reportSaves(methods map[string]*ast.FuncDecl, in map[string]*file) {
	writes, locks, inner := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for name, fn := range methods {
		writes[name], locks[name] = assigns(fn), callsLock(fn)
	}
	for changed := true; changed; {
		changed = false
		for name, fn := range methods {
			if !locks[name] {
				continue
			}
			for _, called := range callsOf(fn) {
				if writes[called] && !locks[called] {
					if !writes[name] || !inner[called] {
						changed = true
					}
					writes[name], inner[called] = true, true
				}
			}
		}
	}
	for name, fn := range methods {
		if writes[name] && !inner[name] {
			f := in[name]
			at := f.fset.PositionFor(fn.Body.Lbrace, false)
			f.edits = append(f.edits, edit{at.Offset + 1, at.Offset + 1, at.Line, at.Column + 1, fmt.Sprintf(" defer %s(%s);", saved, self(fn))})
		}
	}
}

// root returns the identifier that an expression such as ps.a.b[i] begins with.
func root(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return e
		}
	}
}

// assigns reports whether a method writes to what its receiver points to.
func assigns(fn *ast.FuncDecl) bool {
	self := self(fn)
	found := false
	if self == "" {
		return false
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if _, plain := l.(*ast.Ident); !plain && isIdent(root(l), self) {
					found = true
				}
			}
		case *ast.CallExpr:
			if isIdent(n.Fun, "copy") && len(n.Args) == 2 && isIdent(root(n.Args[0]), self) {
				found = true
			}
		}
		return true
	})
	return found
}

func callsLock(fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Lock" && isIdent(root(sel.X), self(fn)) {
			found = true
		}
		return true
	})
	return found
}

// callsOf lists the methods of its own receiver that a method calls.
func callsOf(fn *ast.FuncDecl) []string {
	var names []string
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && self(fn) != "" && isIdent(sel.X, self(fn)) {
				names = append(names, sel.Sel.Name)
			}
		}
		return true
	})
	return names
}

// refusePokes names the places outside the Persister's methods that write to
// its fields: the grader would not see them.
func (c *checker) refusePokes(d *disk) {
	holders := make(map[string]bool) // names of what has the type *Persister
	each := func(f *file, visit func(n ast.Node, owner string)) {
		for _, dl := range f.ast.Decls {
			owner := ""
			if fn, ok := dl.(*ast.FuncDecl); ok && fn.Recv != nil {
				owner = receiver(fn)
			}
			ast.Inspect(dl, func(n ast.Node) bool { visit(n, owner); return true })
		}
	}
	for _, f := range c.pkgs[0].files {
		each(f, func(n ast.Node, owner string) {
			if field, ok := n.(*ast.Field); ok && owner != diskType {
				if star, ok := field.Type.(*ast.StarExpr); ok && isIdent(star.X, diskType) {
					for _, id := range field.Names {
						holders[id.Name] = true
					}
				}
			}
		})
	}
	for _, f := range c.pkgs[0].files {
		each(f, func(n ast.Node, owner string) {
			as, ok := n.(*ast.AssignStmt)
			if !ok || owner == diskType || as.Tok == token.DEFINE {
				return
			}
			for _, l := range as.Lhs {
				sel, ok := l.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != d.state && (d.snapshot == "" || sel.Sel.Name != d.snapshot) {
					continue
				}
				held := ""
				switch x := sel.X.(type) {
				case *ast.Ident:
					held = x.Name
				case *ast.SelectorExpr:
					held = x.Sel.Name
				}
				if holders[held] {
					c.broken.add(f.problem(l.Pos(), fmt.Sprintf("writes the Persister's field %s from outside; the grader sees a save only in a method of Persister", sel.Sel.Name),
						"Call a method of Persister, such as Save, that sets the field."))
				}
			}
		})
	}
}

// The generated file of the package raft of 2020 to 2024, with words in capitals
// for what differs; and the Persister, for those who hand in package raft without
// its persister.go: with the methods of every year.
//
//go:embed glue/classic.txt
var classicText string

//go:embed glue/persister.txt
var persisterText string

// glue is how the generated file makes a disk, names its snapshot, and fills that
// from an expression.
func (d *disk) glue(from string) (made, snapshot, read string) {
	made, snapshot = "new(Persister)", "nil"
	if d.made {
		made = "MakePersister()"
	}
	if d.snapshot != "" {
		snapshot = "ps." + d.snapshot
		read = "if len(" + from + ") > 0 { " + snapshot + " = " + from + " }"
	}
	return made, snapshot, read
}

func (c *checker) classicGlue(g generation) []byte {
	text, d := classicText, c.disk
	if c.l.service == "kvraft" {
		text = kvdiskText
	}
	if d == nil {
		text += persisterText
		d = &disk{state: "raftstate", snapshot: "snapshot", made: true}
	}
	made, snapshot, read := d.glue("env.Snapshot")
	var fields, service []string
	for _, f := range slices.Sorted(maps.Keys(c.applies)) {
		fields = append(fields, f+": m."+c.applies[f]+",")
	}
	if c.conditional(g) {
		service = append(service, "env.CondInstall = func(rf raftlabguest.Server, term, index int, b []byte) bool { return rf.(*Raft).CondInstallSnapshot(term, index, b) }")
	}
	if g.redelivers {
		service = append(service, "env.Redelivers = true")
	}
	return []byte(strings.NewReplacer(
		"GUEST", c.kitPath("guest"), "SYNC", c.kitPath("sync"), "STATE", d.state, "READSNAPSHOT", read, "SNAPSHOT", snapshot,
		"NEWDISK", made, "FIELDS", strings.Join(fields, "\n"), "SERVICE", strings.Join(service, "\n"),
	).Replace(text))
}

// applyFields leads from the fields of an ApplyMsg that mean something to the
// service to the student's, who may have renamed the numbers.
func (c *checker) applyFields() map[string]string {
	var st *ast.StructType
	var at *file
	for _, f := range c.pkgs[0].files {
		if s := declared[*ast.StructType](f.ast, "ApplyMsg"); s != nil {
			st, at = s, f
		}
	}
	if st == nil {
		return nil // the compiler says so
	}
	has := make(map[string]string) // name -> type
	var names []string
	for _, field := range st.Fields.List {
		for _, id := range field.Names {
			has[id.Name] = typeName(field.Type, at)
			names = append(names, id.Name)
		}
	}
	fields := make(map[string]string)
	for _, want := range strings.Fields("CommandValid Command CommandIndex SnapshotValid Snapshot SnapshotTerm SnapshotIndex") {
		if has[want] != "" {
			fields[want] = want
			continue
		}
		begin, isIndex := strings.CutSuffix(want, "Index")
		for _, n := range names {
			if isIndex && has[n] == "int" && strings.HasPrefix(n, begin) && n != begin+"Term" {
				fields[want] = n
			}
		}
		if fields[want] == "" && strings.HasPrefix(want, "Command") {
			c.broken.add(at.problem(st.Pos(), fmt.Sprintf("ApplyMsg has no field %s; the service would not know what is applied", want), "Add it, as the lab has it: CommandValid bool, Command interface{}, CommandIndex int."))
		}
	}
	return fields
}

// conditional reports whether the service asks CondInstallSnapshot before it
// takes a snapshot from the channel: if the course's harness in the checkout
// does, or would, were it there.
func (c *checker) conditional(g generation) bool {
	const name = "CondInstallSnapshot"
	there := false
	for _, f := range c.pkgs[0].files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && receiver(fn) == "Raft" && fn.Name.Name == name {
				there = len(types(fn.Type.Params, f)) == 3 && fn.Type.Results.NumFields() == 1
			}
		}
	}
	if !there {
		return false
	}
	for _, f := range c.harnessFiles {
		if strings.Contains(string(f.src), "."+name+"(") {
			return true
		}
	}
	return len(c.harnessFiles) == 0 && (g.name == "6.824-2021" || g.name == "6.824-2022")
}
