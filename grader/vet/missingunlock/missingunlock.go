package missingunlock

import (
	"go/ast"
	"regexp"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/raftlab/raftlab/grader/vet/lock"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "missingunlock",
	Doc:      "return with a lock still held\n\nThe next one who takes the lock waits for ever.",
	Requires: []*analysis.Analyzer{lock.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	locks := pass.ResultOf[lock.Analyzer].(*lock.Result)
	for _, f := range locks.Funcs {
		locks.Walk(f, func(n ast.Node, s *lock.State) {
			ret, ok := n.(*ast.ReturnStmt)
			if !ok || atTheEndOfLife(f.Body, ret) {
				return
			}
			var held []string
			for name := range s.May {
				if f.Releases[name] && !s.Deferred[name] && !s.Callers[name] {
					held = append(held, name)
				}
			}
			slices.Sort(held)
			for _, name := range held {
				pass.Reportf(ret.Pos(), "%s, taken at line %d, may still be held at this return", name, pass.Fset.Position(s.May[name]).Line)
			}
		})
	}
	return nil, nil
}

var killed = regexp.MustCompile(`(?i)kill|dead|stopped|shutdown|closed`)

// atTheEndOfLife reports whether a return is only reached when the server was
// killed: nobody takes its lock any more.
func atTheEndOfLife(body *ast.BlockStmt, ret *ast.ReturnStmt) bool {
	asks := func(e ast.Expr) bool {
		found := false
		if e != nil {
			ast.Inspect(e, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && killed.MatchString(id.Name) {
					found = true
				}
				return true
			})
		}
		return found
	}
	if n := len(body.List); n > 0 && ret.Pos() >= body.List[n-1].End() {
		loop, ok := body.List[n-1].(*ast.ForStmt)
		return ok && asks(loop.Cond)
	}
	guarded := false
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.IfStmt); ok && s.Body.Pos() <= ret.Pos() && ret.End() <= s.Body.End() && asks(s.Cond) {
			guarded = true
		}
		return true
	})
	return guarded
}
