package lockacross

import (
	"fmt"
	"go/ast"
	"go/constant"
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
	Name:     "lockacross",
	Doc:      "lock held across an RPC or a channel send\n\nA server that waits with its lock held answers nobody, and may wait for ever.",
	Requires: []*analysis.Analyzer{lock.Analyzer, rpc.Analyzer},
	Run:      run,
}

// Categories of findings: about RPCs, and about a channel of which it is not known
// how it is made. One about a channel that is made without a buffer has none.
const (
	Call    = "call"
	Unknown = "unknown"
)

func report(pass *analysis.Pass, n ast.Node, category, format string, args ...any) {
	pass.Report(analysis.Diagnostic{Pos: n.Pos(), Category: category, Message: fmt.Sprintf(format, args...)})
}

func run(pass *analysis.Pass) (any, error) {
	locks := pass.ResultOf[lock.Analyzer].(*lock.Result)
	calls := pass.ResultOf[rpc.Analyzer].(*rpc.Calls)
	buffered, unbuffered := madeChannels(pass)
	polite := make(map[ast.Stmt]bool) // sends in a select with another case
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectStmt); ok && len(sel.Body.List) > 1 {
				for _, c := range sel.Body.List {
					polite[c.(*ast.CommClause).Comm] = true
				}
			}
			return true
		})
	}
	// A function that releases its caller's lock before it waits may be called
	// with the lock held.
	keeps := make(map[*types.Func]bool)
	for again := true; again; {
		again = false
		for _, f := range locks.Funcs {
			if f.Obj == nil || keeps[f.Obj] {
				continue
			}
			locks.Walk(f, func(n ast.Node, s *lock.State) {
				call, ok := n.(*ast.CallExpr)
				if !ok || keeps[f.Obj] || len(s.Released) > 0 {
					return
				}
				fn, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
				if _, site := calls.Sites[call]; site && !calls.Wrappers[fn] || keeps[fn] {
					keeps[f.Obj], again = true, true
				}
			})
		}
	}
	for _, f := range locks.Funcs {
		locks.Walk(f, func(n ast.Node, s *lock.State) {
			held := names(s.Must)
			if held == "" {
				return
			}
			switch n := n.(type) {
			case *ast.CallExpr:
				fn, _ := typeutil.Callee(pass.TypesInfo, n).(*types.Func)
				if site, ok := calls.Sites[n]; ok && (site.Direct || keeps[fn]) {
					report(pass, n, Call, "%s is held while waiting for the answer to an RPC: release it before the call", held)
				} else if keeps[fn] {
					report(pass, n, Call, "%s is held while %s waits for the answer to an RPC: release it before the call, or start a goroutine", held, fn.Name())
				}
			case *ast.SendStmt:
				ch := channel(pass.TypesInfo, n.Chan)
				if polite[n] || buffered[ch] {
					break
				}
				category := ""
				if !unbuffered[ch] {
					category = Unknown
				}
				report(pass, n, category, "%s is held while waiting for the reader of %s: release it before the send", held, types.ExprString(n.Chan))
			}
		})
	}
	return nil, nil
}

func names(l lock.Locks) string {
	var all []string
	for name := range l {
		if strings.HasSuffix(name, ".L") {
			continue // of a condition: often a lock that nobody else takes
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// channel is the variable or field that e names, nil if none.
func channel(info *types.Info, e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return info.ObjectOf(e)
	case *ast.SelectorExpr:
		return info.ObjectOf(e.Sel)
	case *ast.IndexExpr:
		return channel(info, e.X)
	}
	return nil
}

// madeChannels are the variables and fields that are given a channel with a
// buffer, and none without, and those that are given one without.
func madeChannels(pass *analysis.Pass) (buffered, unbuffered map[types.Object]bool) {
	found, other := make(map[types.Object]bool), make(map[types.Object]bool)
	give := func(to types.Object, value ast.Expr) {
		if to == nil {
			return
		}
		call, ok := ast.Unparen(value).(*ast.CallExpr)
		if !ok {
			return
		}
		id, ok := call.Fun.(*ast.Ident)
		if !ok || id.Name != "make" {
			return
		}
		if _, isChan := pass.TypesInfo.TypeOf(call).Underlying().(*types.Chan); !isChan {
			return
		}
		if len(call.Args) == 2 {
			if v := pass.TypesInfo.Types[call.Args[1]].Value; v == nil || constant.Compare(v, token.GTR, constant.MakeInt64(0)) {
				found[to] = true
				return
			}
		}
		other[to] = true
	}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if len(n.Lhs) == len(n.Rhs) {
					for i := range n.Lhs {
						give(channel(pass.TypesInfo, n.Lhs[i]), n.Rhs[i])
					}
				}
			case *ast.ValueSpec:
				if len(n.Names) == len(n.Values) {
					for i := range n.Names {
						give(pass.TypesInfo.ObjectOf(n.Names[i]), n.Values[i])
					}
				}
			case *ast.CompositeLit:
				if s, ok := pass.TypesInfo.TypeOf(n).Underlying().(*types.Struct); ok && len(n.Elts) == s.NumFields() {
					for i, v := range n.Elts {
						give(s.Field(i), v) // a pair of name and value is given below
					}
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok {
					give(pass.TypesInfo.ObjectOf(id), n.Value)
				}
			}
			return true
		})
	}
	for o := range other {
		delete(found, o)
	}
	return found, other
}
