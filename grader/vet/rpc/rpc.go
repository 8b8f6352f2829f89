package rpc

import (
	"go/ast"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// Analyzer finds the remote calls; its result is a *Calls.
var Analyzer = &analysis.Analyzer{
	Name:       "rpc",
	Doc:        "find remote calls and what they carry",
	Run:        run,
	ResultType: reflect.TypeFor[*Calls](),
}

// Calls are the remote calls of a package.
type Calls struct {
	// Sites are all of them, those of wrappers included.
	Sites map[*ast.CallExpr]Site
	// Wrappers are functions that pass two of their parameters on to a call.
	Wrappers map[*types.Func]bool
	// Waiting are the functions that return only after a remote call that they
	// make, or another one that does.
	Waiting map[*types.Func]bool
}

// Site is one remote call.
type Site struct {
	Args, Reply ast.Expr
	// Direct is false for the call of a wrapper.
	Direct bool
}

// Is reports whether fn is labrpc's Call, or one that looks like it.
func Is(fn *types.Func) bool {
	if fn == nil || fn.Name() != "Call" {
		return false
	}
	sig := fn.Signature()
	if sig.Recv() == nil || sig.Params().Len() != 3 || sig.Results().Len() != 1 {
		return false
	}
	basic := func(t types.Type, kind types.BasicKind) bool {
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Kind() == kind
	}
	p := sig.Params()
	return basic(p.At(0).Type(), types.String) && types.IsInterface(p.At(1).Type()) && types.IsInterface(p.At(2).Type()) &&
		basic(sig.Results().At(0).Type(), types.Bool)
}

func run(pass *analysis.Pass) (any, error) {
	c := &Calls{Sites: make(map[*ast.CallExpr]Site), Wrappers: make(map[*types.Func]bool), Waiting: make(map[*types.Func]bool)}
	type decl struct {
		fn   *types.Func
		node *ast.FuncDecl
	}
	var decls []decl
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				if fn, ok := pass.TypesInfo.Defs[fd.Name].(*types.Func); ok {
					decls = append(decls, decl{fn, fd})
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 3 && Is(callee(pass, call)) {
				c.Sites[call] = Site{call.Args[1], call.Args[2], true}
			}
			return true
		})
	}
	// Wrappers of wrappers are found in the next round.
	params := make(map[*types.Func][2]int)
	for again := true; again; {
		again = false
		for _, d := range decls {
			if !c.Wrappers[d.fn] {
				if at, ok := c.passes(pass, d.node); ok {
					c.Wrappers[d.fn], params[d.fn], again = true, at, true
				}
			}
		}
		for _, f := range pass.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				fn := callee(pass, call)
				if at := params[fn]; fn != nil && c.Wrappers[fn] && max(at[0], at[1]) < len(call.Args) {
					if _, known := c.Sites[call]; !known {
						c.Sites[call] = Site{call.Args[at[0]], call.Args[at[1]], false}
					}
				}
				return true
			})
		}
	}
	for again := true; again; {
		again = false
		for _, d := range decls {
			if c.Waiting[d.fn] {
				continue
			}
			EachNow(d.node.Body, func(n ast.Node) {
				if call, ok := n.(*ast.CallExpr); ok && !c.Waiting[d.fn] {
					if _, ok := c.Sites[call]; ok || c.Waiting[callee(pass, call)] {
						c.Waiting[d.fn], again = true, true
					}
				}
			})
		}
	}
	return c, nil
}

func callee(pass *analysis.Pass, call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
	return fn
}

// passes says which parameters fd passes on as arguments and reply of a call.
func (c *Calls) passes(pass *analysis.Pass, fd *ast.FuncDecl) (at [2]int, ok bool) {
	index := make(map[types.Object]int)
	n := 0
	for _, f := range fd.Type.Params.List {
		for _, name := range f.Names {
			index[pass.TypesInfo.Defs[name]] = n
			n++
		}
		if len(f.Names) == 0 {
			n++
		}
	}
	param := func(e ast.Expr) (int, bool) {
		if u, isAddr := e.(*ast.UnaryExpr); isAddr {
			e = u.X
		}
		id, isName := e.(*ast.Ident)
		if !isName {
			return 0, false
		}
		i, found := index[pass.TypesInfo.Uses[id]]
		return i, found
	}
	EachNow(fd.Body, func(n ast.Node) {
		call, isCall := n.(*ast.CallExpr)
		if !isCall || ok {
			return
		}
		if s, isSite := c.Sites[call]; isSite {
			a, okA := param(s.Args)
			r, okR := param(s.Reply)
			if okA && okR {
				at, ok = [2]int{a, r}, true
			}
		}
	})
	return at, ok
}

// EachNow calls f with the nodes below n that are evaluated when n is: not the
// bodies of functions, nor what a go statement starts.
func EachNow(n ast.Node, f func(ast.Node)) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.GoStmt:
			for _, a := range n.Call.Args {
				EachNow(a, f)
			}
			return false
		case nil:
			return false
		}
		f(n)
		return true
	})
}

// Struct is the struct that e is or points to, and its name; nil if none.
func Struct(info *types.Info, e ast.Expr) (*types.Struct, string) {
	t := info.TypeOf(e)
	if t == nil {
		return nil, ""
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil, ""
	}
	if n, ok := types.Unalias(t).(*types.Named); ok {
		return s, n.Obj().Name()
	}
	return s, "struct"
}
