package rpcfields

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer is the check.
var Analyzer = &analysis.Analyzer{
	Name:     "rpcfields",
	Doc:      "lower-case field in what is sent or saved\n\nIt arrives as zero, without an error.",
	Requires: []*analysis.Analyzer{rpc.Analyzer},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	calls := pass.ResultOf[rpc.Analyzer].(*rpc.Calls)
	c := &checker{pass: pass, told: make(map[types.Object]bool), seen: make(map[types.Type]bool)}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := calls.Sites[call]; ok {
				c.carried(call, s.Args, "is sent")
				c.carried(call, s.Reply, "is sent")
				return true
			}
			fn, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
			if fn == nil || fn.Pkg() == nil || len(call.Args) != 1 {
				return true
			}
			if p := fn.Pkg().Path(); p != "encoding/gob" && p != "labgob" && !strings.HasSuffix(p, "/labgob") {
				return true
			}
			switch fn.Name() {
			case "Encode", "Decode":
				c.carried(call, call.Args[0], "is saved")
			case "Register":
				c.carried(call, call.Args[0], "is registered to be sent")
			}
			return true
		})
	}
	return nil, nil
}

type checker struct {
	pass *analysis.Pass
	told map[types.Object]bool
	seen map[types.Type]bool
}

func (c *checker) carried(call *ast.CallExpr, e ast.Expr, how string) {
	if t := c.pass.TypesInfo.TypeOf(e); t != nil {
		c.look(call, t, how)
	}
}

// look looks through t for fields that are left behind.
func (c *checker) look(call *ast.CallExpr, t types.Type, how string) {
	if c.seen[t] {
		return
	}
	c.seen[t] = true
	if encodesItself(t) {
		return
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		c.look(call, u.Elem(), how)
	case *types.Slice:
		c.look(call, u.Elem(), how)
	case *types.Array:
		c.look(call, u.Elem(), how)
	case *types.Map:
		c.look(call, u.Key(), how)
		c.look(call, u.Elem(), how)
	case *types.Struct:
		for i := range u.NumFields() {
			f := u.Field(i)
			if f.Exported() {
				c.look(call, f.Type(), how)
				continue
			}
			if c.told[f] || f.Name() == "_" {
				continue
			}
			c.told[f] = true
			at := f.Pos()
			if f.Pkg() != c.pass.Pkg {
				at = call.Pos()
			}
			c.pass.Reportf(at, "field %s begins with a lower-case letter, but %s %s: it arrives as zero; give it a capital letter", f.Name(), name(t), how)
		}
	}
}

func name(t types.Type) string {
	if n, ok := types.Unalias(t).(*types.Named); ok {
		return n.Obj().Name()
	}
	return "its struct"
}

// encodesItself reports whether t has methods by which it is carried.
func encodesItself(t types.Type) bool {
	for _, m := range []string{"GobEncode", "MarshalBinary"} {
		if obj, _, _ := types.LookupFieldOrMethod(t, true, nil, m); obj != nil {
			if _, ok := obj.(*types.Func); ok {
				return true
			}
		}
	}
	return false
}
