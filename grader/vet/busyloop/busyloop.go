package busyloop

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/cfg"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/raftlab/raftlab/grader/vet/lock"
	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "busyloop",
	Doc:      "goroutine that loops without waiting\n\nIt takes a whole core, and what it looks for may never come.",
	Requires: []*analysis.Analyzer{lock.Analyzer, rpc.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	c := &checker{
		pass: pass, calls: pass.ResultOf[rpc.Analyzer].(*rpc.Calls), waits: make(map[*types.Func]bool), tries: make(map[token.Pos]bool), decides: make(map[ast.Node]bool),
	}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectStmt); ok {
				c.noteTries(sel)
			}
			return true
		})
	}
	funcs := pass.ResultOf[lock.Analyzer].(*lock.Result).Funcs
	for again := true; again; {
		again = false
		for _, f := range funcs {
			if f.Obj != nil && !c.waits[f.Obj] && c.waiting(f.Body) {
				c.waits[f.Obj], again = true, true
			}
		}
	}
	for _, f := range funcs {
		rpc.EachNow(f.Body, func(n ast.Node) {
			if loop, ok := n.(*ast.ForStmt); ok && c.endless(loop) && c.spins(f.CFG, loop) {
				pass.Reportf(loop.Pos(), "this loop can turn without waiting: let each way round sleep, or wait for a channel or a condition")
			}
		})
	}
	return nil, nil
}

type checker struct {
	pass  *analysis.Pass
	calls *rpc.Calls
	waits map[*types.Func]bool
	// tries are the sends and receives of selects with a default: they do not wait.
	tries map[token.Pos]bool
	// decides are conditions, on what the loop itself has found out before, of ifs
	// that wait: that the other way makes progress is taken on trust.
	decides map[ast.Node]bool
}

// noteDecisions fills decides for a loop.
func (c *checker) noteDecisions(loop *ast.ForStmt) {
	set := make(map[types.Object]bool)
	rpc.EachNow(loop.Body, func(n ast.Node) {
		if as, ok := n.(*ast.AssignStmt); ok {
			for _, l := range as.Lhs {
				if id, ok := l.(*ast.Ident); ok {
					set[c.pass.TypesInfo.ObjectOf(id)] = true
				}
			}
		}
	})
	rpc.EachNow(loop.Body, func(n ast.Node) {
		s, ok := n.(*ast.IfStmt)
		if !ok || !c.waiting(s.Body) && (s.Else == nil || !c.waiting(s.Else)) {
			return
		}
		ast.Inspect(s.Cond, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && set[c.pass.TypesInfo.ObjectOf(id)] {
				c.decides[s.Cond] = true
			}
			return true
		})
	})
}

func (c *checker) noteTries(sel *ast.SelectStmt) {
	for _, s := range sel.Body.List {
		if s.(*ast.CommClause).Comm != nil {
			continue
		}
		for _, s := range sel.Body.List {
			if comm := s.(*ast.CommClause).Comm; comm != nil {
				ast.Inspect(comm, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.SendStmt:
						c.tries[n.Arrow] = true
					case *ast.UnaryExpr:
						c.tries[n.OpPos] = true
					}
					return true
				})
			}
		}
	}
}

// waiting reports whether anything below n waits.
func (c *checker) waiting(n ast.Node) bool {
	found := false
	rpc.EachNow(n, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.SendStmt:
			found = found || !c.tries[n.Arrow]
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW && !c.tries[n.OpPos]
		case *ast.RangeStmt:
			found = found || c.isChan(n.X)
		case *ast.SelectStmt:
			found = found || len(n.Body.List) == 0
		case *ast.CallExpr:
			found = found || c.callWaits(n)
		}
	})
	return found
}

func (c *checker) isChan(e ast.Expr) bool {
	t := c.pass.TypesInfo.TypeOf(e)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

// callWaits reports whether a call may wait. What is called through a variable or
// an interface is not known, so it may.
func (c *checker) callWaits(call *ast.CallExpr) bool {
	if tv, ok := c.pass.TypesInfo.Types[call.Fun]; ok && (tv.IsType() || tv.IsBuiltin()) {
		return false
	}
	if _, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		return c.waiting(ast.Unparen(call.Fun).(*ast.FuncLit).Body)
	}
	if _, ok := c.calls.Sites[call]; ok {
		return true
	}
	fn, ok := typeutil.Callee(c.pass.TypesInfo, call).(*types.Func)
	if !ok {
		return true
	}
	if fn.Pkg() == c.pass.Pkg {
		if recv := fn.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
			return true
		}
		return c.waits[fn]
	}
	if fn.Pkg() == nil {
		return false
	}
	path, name := fn.Pkg().Path(), fn.Name()
	if path == "time" {
		return name == "Sleep"
	}
	if path == "sync" || strings.HasSuffix(path, "/sync") {
		return name == "Wait"
	}
	return strings.Contains(path, ".") && name != "Killed" // another module's, such as the lab's
}

// endless reports whether the loop does nothing itself towards its end: nothing
// that its condition, or the condition of a way out, looks at is changed in it.
func (c *checker) endless(loop *ast.ForStmt) bool {
	looked := make(map[types.Object]bool)
	look := func(e ast.Expr) {
		if e == nil {
			return
		}
		ast.Inspect(e, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if v, ok := c.pass.TypesInfo.ObjectOf(id).(*types.Var); ok {
					looked[v] = true
				}
			}
			return true
		})
	}
	look(loop.Cond)
	// The ways out, and the conditions under which they are taken.
	var path []ast.Node
	free := false
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		out := false
		switch n := n.(type) {
		case *ast.ReturnStmt:
			out = true
		case *ast.BranchStmt:
			out = n.Tok == token.GOTO || n.Tok == token.BREAK && (n.Label != nil || !inner(path))
		}
		if out {
			guarded := false
			for _, p := range path {
				switch p := p.(type) {
				case *ast.IfStmt:
					look(p.Cond)
					guarded = true
				case *ast.SwitchStmt:
					look(p.Tag)
					guarded = true
				case *ast.CommClause, *ast.ForStmt, *ast.RangeStmt, *ast.CaseClause:
					guarded = true
				}
			}
			free = free || !guarded
		}
		path = append(path, n)
		return true
	})
	if free {
		return false
	}
	progress := false
	changed := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if ix, ok := n.(*ast.IndexExpr); ok {
				// Of a[i] = x, a is changed, i is not.
				ast.Inspect(ix.X, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && looked[c.pass.TypesInfo.ObjectOf(id)] {
						progress = true
					}
					return true
				})
				return false
			}
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if looked[c.pass.TypesInfo.ObjectOf(sel.Sel)] {
					progress = true
				}
				return false
			}
			if id, ok := n.(*ast.Ident); ok && looked[c.pass.TypesInfo.ObjectOf(id)] {
				progress = true
			}
			return true
		})
	}
	within := func(n ast.Node) {
		if n == nil {
			return
		}
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					changed(l)
				}
			case *ast.IncDecStmt:
				changed(n.X)
			case *ast.RangeStmt:
				if n.Key != nil {
					changed(n.Key)
				}
				if n.Value != nil {
					changed(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					changed(n.X)
				}
			}
			return true
		})
	}
	within(loop.Body)
	if loop.Post != nil {
		within(loop.Post)
	}
	return !progress
}

// inner reports whether a break would leave something inside the loop's body.
func inner(path []ast.Node) bool {
	for _, n := range path {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			return true
		}
	}
	return false
}

// spins reports whether there is a way round the loop that does not wait.
func (c *checker) spins(g *cfg.CFG, loop *ast.ForStmt) bool {
	c.noteDecisions(loop)
	var head, body *cfg.Block
	for _, b := range g.Blocks {
		if b.Stmt == loop {
			switch b.Kind {
			case cfg.KindForLoop:
				head = b
			case cfg.KindForBody:
				body = b
			}
		}
	}
	if body == nil {
		return false
	}
	if head == nil {
		head = body
	}
	if head != body && c.blockWaits(head, loop) {
		return false
	}
	seen := make(map[*cfg.Block]bool)
	var reach func(b *cfg.Block) bool
	reach = func(b *cfg.Block) bool {
		if seen[b] || c.blockWaits(b, loop) {
			return false
		}
		seen[b] = true
		for _, next := range b.Succs {
			if next == head || next == body && head == body {
				return true
			}
			if next.Stmt == loop && next.Kind == cfg.KindForDone {
				continue
			}
			if reach(next) {
				return true
			}
		}
		return false
	}
	return reach(body)
}

// blockWaits reports whether a block waits. A loop inside that waits counts even
// if it may be passed by without a turn.
func (c *checker) blockWaits(b *cfg.Block, loop *ast.ForStmt) bool {
	for _, n := range b.Nodes {
		if c.waiting(n) {
			return true
		}
	}
	if n := len(b.Nodes); n > 0 && c.decides[b.Nodes[n-1]] {
		return true
	}
	if b.Kind == cfg.KindSelectCaseBody {
		return true // something came, or was taken
	}
	switch s := b.Stmt.(type) {
	case *ast.RangeStmt:
		return c.isChan(s.X) || c.waiting(s.Body)
	case *ast.ForStmt:
		return s != loop && s.Pos() >= loop.Pos() && s.End() <= loop.End() && c.waiting(s.Body)
	}
	return false
}
