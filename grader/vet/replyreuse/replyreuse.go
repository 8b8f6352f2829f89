package replyreuse

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"

	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "replyreuse",
	Doc:      "one reply used by several RPCs\n\nIt still holds the answer before, or that of another call.",
	Requires: []*analysis.Analyzer{rpc.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	calls := pass.ResultOf[rpc.Analyzer].(*rpc.Calls)
	for _, f := range pass.Files {
		var path []ast.Node
		ast.Inspect(f, func(n ast.Node) bool {
			if n == nil {
				path = path[:len(path)-1]
				return true
			}
			if call, ok := n.(*ast.CallExpr); ok {
				if site, ok := calls.Sites[call]; ok {
					check(pass, call, site, path)
				}
			}
			path = append(path, n)
			return true
		})
	}
	return nil, nil
}

// check looks whether the variable that holds the reply outlives a turn of a
// loop that makes the call.
func check(pass *analysis.Pass, call *ast.CallExpr, site rpc.Site, path []ast.Node) {
	e := ast.Unparen(site.Reply)
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.AND {
		e = ast.Unparen(u.X)
	}
	id, ok := e.(*ast.Ident)
	if !ok {
		return
	}
	v, ok := pass.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return
	}
	for i := len(path) - 1; i >= 0; i-- {
		n := path[i]
		if n.Pos() <= v.Pos() && v.Pos() < n.End() {
			return // a new variable for each turn, or each call of the function
		}
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.ForStmt:
			body = n.Body
		case *ast.RangeStmt:
			body = n.Body
		default:
			continue
		}
		if renewed(pass.TypesInfo, body, v, call) {
			return
		}
		if leaves(body, call) {
			return
		}
		pass.Reportf(call.Pos(), "%s is declared outside the loop, so every call in it uses the same one: make a new reply for each call", id.Name)
		return
	}
}

// renewed reports whether the loop's body gives the variable a new value.
func renewed(info *types.Info, body *ast.BlockStmt, v *types.Var, call *ast.CallExpr) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if as, ok := n.(*ast.AssignStmt); ok {
			for _, l := range as.Lhs {
				l = ast.Unparen(l)
				if star, ok := l.(*ast.StarExpr); ok {
					l = ast.Unparen(star.X)
				}
				if id, ok := l.(*ast.Ident); ok && info.ObjectOf(id) == v {
					found = true
				}
			}
		}
		return !found
	})
	return found
}

// leaves reports whether the call is made at most once, since the loop is left
// after it: a return or break that is the last statement of its block.
func leaves(body *ast.BlockStmt, call *ast.CallExpr) bool {
	for i, s := range body.List {
		if s.Pos() <= call.Pos() && call.End() <= s.End() && i < len(body.List) {
			switch last := body.List[len(body.List)-1].(type) {
			case *ast.ReturnStmt:
				return true
			case *ast.BranchStmt:
				return last.Tok == token.BREAK && last.Label == nil
			}
		}
	}
	return false
}
