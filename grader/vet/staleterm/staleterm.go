package staleterm

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/raftlab/raftlab/grader/vet/lock"
	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "staleterm",
	Doc:      "state changed after an RPC without checking the term again\n\nThe answer may belong to a term that is over.",
	Requires: []*analysis.Analyzer{lock.Analyzer, rpc.Analyzer},
	Run:      run,
}

type checker struct {
	pass  *analysis.Pass
	calls *rpc.Calls
	decls map[*types.Func]*ast.FuncDecl
	// answers are the variables that say whether there was an answer.
	answers map[types.Object]bool
}

func run(pass *analysis.Pass) (any, error) {
	c := &checker{pass: pass, calls: pass.ResultOf[rpc.Analyzer].(*rpc.Calls), decls: make(map[*types.Func]*ast.FuncDecl), answers: make(map[types.Object]bool)}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if as, ok := n.(*ast.AssignStmt); ok && len(as.Lhs) == 1 && len(as.Rhs) == 1 {
				if call, ok := as.Rhs[0].(*ast.CallExpr); ok {
					if _, site := c.calls.Sites[call]; site {
						c.answers[c.object(as.Lhs[0])] = true
					}
				}
			}
			return true
		})
	}
	funcs := pass.ResultOf[lock.Analyzer].(*lock.Result).Funcs
	for _, f := range funcs {
		if f.Obj != nil {
			c.decls[f.Obj] = f.Decl
		}
	}
	for _, f := range funcs {
		var site *ast.CallExpr
		rpc.EachNow(f.Body, func(n ast.Node) {
			if call, ok := n.(*ast.CallExpr); ok && site == nil {
				if _, ok := c.calls.Sites[call]; ok {
					site = call
				}
			}
		})
		if site == nil {
			continue
		}
		reply := c.object(c.calls.Sites[site].Reply)
		if at, what := c.unchecked(f.Body, site.End(), reply, 0); at.IsValid() {
			pass.Reportf(at, "%s after the RPC at line %d without checking that the term is still the one of the call", what, pass.Fset.Position(site.Pos()).Line)
		}
	}
	return nil, nil
}

// object is the variable that e names, or whose address or element it is.
func (c *checker) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return c.pass.TypesInfo.ObjectOf(e)
	case *ast.UnaryExpr:
		return c.object(e.X)
	case *ast.SelectorExpr:
		return c.object(e.X)
	case *ast.StarExpr:
		return c.object(e.X)
	}
	return nil
}

// depth bounds how far answers are followed into the functions that handle them.
const depth = 2

// unchecked is the first change of state in body after a point, if no comparison
// of terms comes before it.
func (c *checker) unchecked(body ast.Node, after token.Pos, reply types.Object, level int) (at token.Pos, what string) {
	checked := false
	var path []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if checked || at.IsValid() {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.BinaryExpr:
			if n.Pos() > after && c.comparesTerms(n, reply) {
				checked = true
			}
		case *ast.AssignStmt:
			for _, r := range n.Rhs {
				if n.Pos() > after && c.checks(r, reply, depth) {
					checked = true
				}
			}
			if checked {
				return false
			}
			for _, l := range n.Lhs {
				if n.Pos() > after && !c.steppingDown(path, reply) && !c.reachable(body, l) {
					if name := c.state(l); name != "" && !at.IsValid() {
						at, what = l.Pos(), name+" is changed"
					}
				}
			}
		case *ast.IncDecStmt:
			if name := c.state(n.X); name != "" && n.Pos() > after && !c.steppingDown(path, reply) {
				at, what = n.Pos(), name+" is changed"
			}
		case *ast.CallExpr:
			if n.Pos() <= after {
				break
			}
			fn, _ := typeutil.Callee(c.pass.TypesInfo, n).(*types.Func)
			d := c.decls[fn]
			if d == nil || level == depth || c.calls.Wrappers[fn] || c.steppingDown(path, reply) {
				break
			}
			var inner types.Object
			k := 0
			for _, p := range d.Type.Params.List {
				for _, name := range p.Names {
					if k < len(n.Args) && reply != nil && c.object(n.Args[k]) == reply {
						inner = c.pass.TypesInfo.Defs[name]
					}
					k++
				}
			}
			if c.checks(d.Body, inner, level) {
				checked = true
			} else if p, w := c.unchecked(d.Body, token.NoPos, inner, level+1); p.IsValid() {
				at, what = n.Pos(), w+" by "+fn.Name()
			}
		}
		path = append(path, n)
		return true
	})
	return at, what
}

// checks reports whether a function compares terms anywhere, or one that it calls.
func (c *checker) checks(body ast.Node, reply types.Object, level int) bool {
	found := false
	rpc.EachNow(body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			found = found || c.comparesTerms(n, reply)
		case *ast.CallExpr:
			fn, _ := typeutil.Callee(c.pass.TypesInfo, n).(*types.Func)
			if d := c.decls[fn]; d != nil && level < depth && !c.handsOn(n, reply) {
				found = found || c.checks(d.Body, nil, level+1)
			}
		}
	})
	return found
}

// handsOn reports whether the reply, or a part of it, is an argument of a call.
func (c *checker) handsOn(call *ast.CallExpr, reply types.Object) bool {
	for _, a := range call.Args {
		if reply != nil && c.object(a) == reply {
			return true
		}
	}
	return false
}

// comparesTerms reports whether b compares two terms, neither of them the reply's.
func (c *checker) comparesTerms(b *ast.BinaryExpr, reply types.Object) bool {
	switch b.Op {
	case token.EQL, token.NEQ, token.LSS, token.GTR, token.LEQ, token.GEQ:
	default:
		return false
	}
	return c.isTerm(b.X, reply) && c.isTerm(b.Y, reply)
}

func (c *checker) isTerm(e ast.Expr, reply types.Object) bool {
	if reply != nil && c.object(e) == reply {
		return false
	}
	name := ""
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.CallExpr: // a getter, an atomic
		return strings.Contains(strings.ToLower(types.ExprString(e)), "term")
	}
	return strings.Contains(strings.ToLower(name), "term")
}

// steppingDown reports whether the path leads through the body of an if that
// asks for the reply's term, or whether there was none: what is done there needs
// no check.
func (c *checker) steppingDown(path []ast.Node, reply types.Object) bool {
	for i, n := range path {
		s, ok := n.(*ast.IfStmt)
		if !ok || i+1 >= len(path) || path[i+1] != s.Body {
			continue
		}
		asks := c.unanswered(s.Cond)
		ast.Inspect(s.Cond, func(n ast.Node) bool {
			b, ok := n.(*ast.BinaryExpr)
			if !ok {
				return true
			}
			for _, side := range []ast.Expr{b.X, b.Y} {
				if reply == nil || c.object(side) != reply {
					continue
				}
				switch side := ast.Unparen(side).(type) {
				case *ast.SelectorExpr:
					asks = asks || strings.Contains(strings.ToLower(side.Sel.Name), "term")
				case *ast.Ident: // the reply's term was handed on by itself
					asks = true
				}
			}
			return true
		})
		if asks {
			return true
		}
	}
	return false
}

// reachable reports whether e is a flag that is also set where no answer came: it
// says whether the peer can be reached, which belongs to no term.
func (c *checker) reachable(body ast.Node, e ast.Expr) bool {
	name, found := c.state(e), false
	if name == "" {
		return false
	}
	if t, ok := c.pass.TypesInfo.TypeOf(e).Underlying().(*types.Basic); !ok || t.Info()&types.IsBoolean == 0 {
		return false
	}
	ast.Inspect(body, func(n ast.Node) bool {
		s, ok := n.(*ast.IfStmt)
		if !ok || !c.unanswered(s.Cond) {
			return true
		}
		ast.Inspect(s.Body, func(n ast.Node) bool {
			if as, ok := n.(*ast.AssignStmt); ok {
				found = found || slices.ContainsFunc(as.Lhs, func(l ast.Expr) bool { return c.state(l) == name })
			}
			return true
		})
		return true
	})
	return found
}

// unanswered reports whether a condition asks for an RPC without an answer.
func (c *checker) unanswered(cond ast.Expr) bool {
	found := false
	ast.Inspect(cond, func(n ast.Node) bool {
		if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.NOT {
			switch x := ast.Unparen(u.X).(type) {
			case *ast.CallExpr:
				_, site := c.calls.Sites[x]
				found = found || site
			case *ast.Ident:
				found = found || c.answers[c.pass.TypesInfo.ObjectOf(x)]
			}
		}
		return true
	})
	return found
}

// state names the field that e is, or is an element of, if it belongs to a struct
// with a lock; "" otherwise. Clocks and timers belong to no term.
func (c *checker) state(e ast.Expr) string {
	e = ast.Unparen(e)
	if ix, ok := e.(*ast.IndexExpr); ok {
		e = ast.Unparen(ix.X)
	}
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	v, ok := c.pass.TypesInfo.ObjectOf(sel.Sel).(*types.Var)
	if !ok || !v.IsField() {
		return ""
	}
	if p := v.Type().String(); p == "time.Time" || p == "time.Duration" || strings.HasPrefix(p, "*time.") || strings.HasPrefix(p, "[]time.") {
		return ""
	}
	owner, _ := rpc.Struct(c.pass.TypesInfo, sel.X)
	if owner == nil || !lock.In(owner) {
		return ""
	}
	return types.ExprString(e)
}
