package sharedlog

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"

	"github.com/raftlab/raftlab/grader/vet/lock"
	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "sharedlog",
	Doc:      "log slice shared with an RPC\n\nThe message is encoded without the lock, while the log may change.",
	Requires: []*analysis.Analyzer{rpc.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	calls := pass.ResultOf[rpc.Analyzer].(*rpc.Calls)
	// The structs that are sent; replies are encoded after the handler returned.
	sent := make(map[*types.Struct]bool)
	for _, s := range calls.Sites {
		for _, e := range []ast.Expr{s.Args, s.Reply} {
			if t, _ := rpc.Struct(pass.TypesInfo, e); t != nil {
				sent[t] = true
			}
		}
	}
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if !ok || fd.Body == nil {
				continue
			}
			c := &checker{pass: pass, sent: sent, alias: make(map[types.Object]ast.Expr)}
			c.aliases(fd.Body)
			c.look(fd.Body)
		}
	}
	return nil, nil
}

type checker struct {
	pass *analysis.Pass
	sent map[*types.Struct]bool
	// alias leads from local variables to the part of the state they are.
	alias map[types.Object]ast.Expr
}

// aliases notes variables that are given a part of the state, and nothing else.
func (c *checker) aliases(body *ast.BlockStmt) {
	given := make(map[types.Object]int)
	ast.Inspect(body, func(n ast.Node) bool {
		as, ok := n.(*ast.AssignStmt)
		if !ok || len(as.Lhs) != len(as.Rhs) {
			return true
		}
		for i, l := range as.Lhs {
			if id, ok := l.(*ast.Ident); ok {
				o := c.pass.TypesInfo.ObjectOf(id)
				given[o]++
				if part := c.state(as.Rhs[i]); part != nil {
					c.alias[o] = part
				}
			}
		}
		return true
	})
	for o, n := range given {
		if n > 1 {
			delete(c.alias, o)
		}
	}
}

// state is e if it is a slice of a server's field, or the field itself: memory
// that the server goes on using.
func (c *checker) state(e ast.Expr) ast.Expr {
	e = ast.Unparen(e)
	if id, ok := e.(*ast.Ident); ok {
		return c.alias[c.pass.TypesInfo.ObjectOf(id)]
	}
	x := e
	if s, ok := x.(*ast.SliceExpr); ok {
		if s.Low != nil && s.High != nil && types.ExprString(s.Low) == types.ExprString(s.High) {
			return nil // empty
		}
		x = ast.Unparen(s.X)
	}
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	v, ok := c.pass.TypesInfo.ObjectOf(sel.Sel).(*types.Var)
	if !ok || !v.IsField() {
		return nil
	}
	slice, ok := v.Type().Underlying().(*types.Slice)
	if !ok {
		return nil
	}
	if b, ok := slice.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Byte {
		return nil // a snapshot's bytes are replaced, not changed
	}
	// Only of what has a lock beside it: the state that several goroutines use.
	owner, _ := rpc.Struct(c.pass.TypesInfo, sel.X)
	if owner == nil || c.sent[owner] || !lock.In(owner) {
		return nil
	}
	return e
}

func (c *checker) look(body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) != len(n.Rhs) {
				return true
			}
			for i, l := range n.Lhs {
				if sel, ok := ast.Unparen(l).(*ast.SelectorExpr); ok {
					if t, _ := rpc.Struct(c.pass.TypesInfo, sel.X); t != nil && c.sent[t] {
						c.shared(n.Rhs[i], sel.Sel.Name)
					}
				}
			}
		case *ast.CompositeLit:
			t, _ := rpc.Struct(c.pass.TypesInfo, n)
			if t == nil || !c.sent[t] {
				return true
			}
			for i, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if id, ok := kv.Key.(*ast.Ident); ok {
						c.shared(kv.Value, id.Name)
					}
				} else if i < t.NumFields() {
					c.shared(e, t.Field(i).Name())
				}
			}
		}
		return true
	})
}

func (c *checker) shared(value ast.Expr, field string) {
	if part := c.state(value); part != nil {
		c.pass.Reportf(value.Pos(), "%s shares its memory with %s, which may change while the message is encoded: copy it", field, types.ExprString(part))
	}
}
