package timeafter

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"time"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name: "timeafter",
	Doc:  "time.After in a hot loop\n\nEach turn makes a new timer; a loop that turns sooner never sees one fire.",
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ForStmt:
				loop(pass, n.Body)
			case *ast.RangeStmt:
				loop(pass, n.Body)
			}
			return true
		})
	}
	return nil, nil
}

// loop looks at the selects and receives of one loop, not of the loops within.
func loop(pass *analysis.Pass, body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt:
			return false
		case *ast.SelectStmt:
			choice(pass, n)
			for _, c := range n.Body.List {
				for _, s := range c.(*ast.CommClause).Body {
					loop(pass, &ast.BlockStmt{List: []ast.Stmt{s}})
				}
			}
			return false
		case *ast.UnaryExpr:
			if call, d := after(pass, n); call != nil && d >= 0 && d < time.Millisecond {
				pass.Reportf(call.Pos(), "this loop waits for %s at a time: it does little else than make timers", d)
			}
		}
		return true
	})
}

func choice(pass *analysis.Pass, sel *ast.SelectStmt) {
	var hasDefault bool
	soonest := time.Duration(-1) // of the tickers
	var timers []*ast.CallExpr
	var waits []time.Duration
	for _, c := range sel.Body.List {
		comm := c.(*ast.CommClause).Comm
		if comm == nil {
			hasDefault = true
			continue
		}
		var recv *ast.UnaryExpr
		ast.Inspect(comm, func(n ast.Node) bool {
			if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.ARROW && recv == nil {
				recv = u
			}
			return true
		})
		if recv == nil {
			continue
		}
		if call, d := after(pass, recv); call != nil {
			timers, waits = append(timers, call), append(waits, d)
		}
	}
	for i, call := range timers {
		switch d := waits[i]; {
		case hasDefault:
			pass.Reportf(call.Pos(), "this timer never fires: the select has a default, so the loop makes a new one at once")
		case d >= 0 && d < time.Millisecond:
			pass.Reportf(call.Pos(), "this loop waits for %s at a time: it does little else than make timers", d)
		default:
			for k, other := range waits {
				if k != i && d >= 0 && other >= 0 && other < d && (soonest < 0 || other < soonest) {
					soonest = other
				}
			}
			if soonest >= 0 {
				pass.Reportf(call.Pos(), "this timer never fires: another of the same select fires after %s, and the loop makes both anew", soonest)
			}
		}
	}
}

// after is the call of time.After that is received from, and for how long, -1 if
// that is not a constant.
func after(pass *analysis.Pass, u *ast.UnaryExpr) (*ast.CallExpr, time.Duration) {
	call, ok := ast.Unparen(u.X).(*ast.CallExpr)
	if !ok || u.Op != token.ARROW || len(call.Args) != 1 {
		return nil, 0
	}
	fn, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "time" || fn.Name() != "After" {
		return nil, 0
	}
	if v := pass.TypesInfo.Types[call.Args[0]].Value; v != nil {
		if d, ok := constant.Int64Val(constant.ToInt(v)); ok {
			return call, time.Duration(d)
		}
	}
	return call, -1
}
