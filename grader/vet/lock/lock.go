package lock

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/cfg"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/raftlab/raftlab/grader/vet/rpc"
)

// Analyzer finds the functions of a package; its result is a *Result.
var Analyzer = &analysis.Analyzer{
	Name:       "lock",
	Doc:        "tell which mutexes are held where",
	Requires:   []*analysis.Analyzer{ctrlflow.Analyzer},
	Run:        run,
	ResultType: reflect.TypeFor[*Result](),
}

// Result are the functions of a package, function literals among them.
type Result struct {
	Funcs []*Func

	info   *types.Info
	effect map[*types.Func]effect
}

// Func is a function with a body.
type Func struct {
	Decl *ast.FuncDecl // nil for a literal
	Lit  *ast.FuncLit  // nil for a declaration
	Obj  *types.Func   // nil for a literal
	Body *ast.BlockStmt
	CFG  *cfg.CFG
	// Releases are the locks that are unlocked anywhere in the body, also by defer.
	Releases map[string]bool
}

// Name is what to call the function in a message.
func (f *Func) Name() string {
	if f.Decl != nil {
		return f.Decl.Name.Name
	}
	return "the function literal"
}

// Locks are mutexes as the code calls them ("rf.mu"), and where they were taken.
type Locks map[string]token.Pos

// State is what is known at a point. It is valid only while it is visited.
type State struct {
	Must Locks // held on every path
	May  Locks // held on some path
	// Released are locks of the caller's that were released on some path.
	Released map[string]bool
	// Callers are locks of the caller's that were released and taken again, on
	// some path: they are the caller's to release.
	Callers map[string]bool
	// Deferred are locks that a defer statement releases, on some path.
	Deferred map[string]bool
}

// effect is what a helper method does to locks below its receiver: ".mu".
type effect struct {
	takes, frees string
}

func run(pass *analysis.Pass) (any, error) {
	cfgs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	r := &Result{info: pass.TypesInfo, effect: make(map[*types.Func]effect)}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				obj, _ := pass.TypesInfo.Defs[n.Name].(*types.Func)
				if g := cfgs.FuncDecl(n); n.Body != nil && g != nil {
					r.Funcs = append(r.Funcs, &Func{Decl: n, Obj: obj, Body: n.Body, CFG: g})
					r.note(n, obj)
				}
			case *ast.FuncLit:
				if g := cfgs.FuncLit(n); g != nil {
					r.Funcs = append(r.Funcs, &Func{Lit: n, Body: n.Body, CFG: g})
				}
			}
			return true
		})
	}
	for _, f := range r.Funcs {
		r.noteHandover(f)
	}
	for _, f := range r.Funcs {
		f.Releases = make(map[string]bool)
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if lit, ok := n.(*ast.FuncLit); ok && lit != f.Lit {
				// What a deferred literal releases, the function releases.
				return true
			}
			if call, ok := n.(*ast.CallExpr); ok {
				if name, op := r.operation(call); op == frees {
					f.Releases[name] = true
				}
			}
			return true
		})
	}
	return r, nil
}

// note recognises a helper: a method that takes or releases one lock of its
// receiver, and does nothing to it beyond that.
func (r *Result) note(fd *ast.FuncDecl, obj *types.Func) {
	if obj == nil || fd.Recv == nil || len(fd.Recv.List) != 1 || len(fd.Recv.List[0].Names) != 1 {
		return
	}
	recv := fd.Recv.List[0].Names[0].Name
	var takes, freed []string
	deferred := false
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		if _, ok := n.(*ast.DeferStmt); ok {
			deferred = true
		}
		if call, ok := n.(*ast.CallExpr); ok {
			switch name, op := r.direct(call); op {
			case locks:
				takes = append(takes, name)
			case frees:
				freed = append(freed, name)
			}
		}
		return true
	})
	if deferred || len(takes)+len(freed) != 1 {
		return
	}
	rel, ok := strings.CutPrefix(strings.Join(append(takes, freed...), ""), recv)
	if !ok || rel != "" && rel[0] != '.' {
		return
	}
	if len(takes) == 1 {
		r.effect[obj] = effect{takes: rel + " "}
	} else {
		r.effect[obj] = effect{frees: rel + " "}
	}
}

// noteHandover recognises a method that is called with a lock of its receiver
// held and returns without it.
func (r *Result) noteHandover(f *Func) {
	if f.Obj == nil || f.Decl.Recv == nil || len(f.Decl.Recv.List) != 1 || len(f.Decl.Recv.List[0].Names) != 1 || r.effect[f.Obj] != (effect{}) {
		return
	}
	recv := f.Decl.Recv.List[0].Names[0].Name
	first, found := true, ""
	r.Walk(f, func(n ast.Node, s *State) {
		if _, ok := n.(*ast.ReturnStmt); !ok {
			return
		}
		gone := ""
		for _, m := range []map[string]bool{s.Released, s.Callers} {
			for name := range m {
				if rel, ok := strings.CutPrefix(name, recv+"."); ok && (s.Released[name] || s.Deferred[name]) {
					gone = "." + rel
				}
			}
		}
		if first {
			first, found = false, gone
		} else if found != gone {
			found = "" // it depends
		}
	})
	if found != "" {
		r.effect[f.Obj] = effect{frees: found + " "}
	}
}

type op int

const (
	none op = iota
	locks
	frees
)

// direct recognises a call of a mutex's own method, and names the mutex.
func (r *Result) direct(call *ast.CallExpr) (string, op) {
	fn, _ := typeutil.Callee(r.info, call).(*types.Func)
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if fn == nil || !ok || fn.Pkg() == nil || fn.Pkg().Path() != "sync" && !strings.HasSuffix(fn.Pkg().Path(), "/sync") {
		return "", none
	}
	name := types.ExprString(sel.X)
	switch fn.Name() {
	case "Lock":
		return name, locks
	case "RLock":
		return name + " (read)", locks
	case "Unlock":
		return name, frees
	case "RUnlock":
		return name + " (read)", frees
	}
	return "", none
}

// operation is direct, through helpers too.
func (r *Result) operation(call *ast.CallExpr) (string, op) {
	if name, op := r.direct(call); op != none {
		return name, op
	}
	fn, _ := typeutil.Callee(r.info, call).(*types.Func)
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if fn == nil || !ok {
		return "", none
	}
	e := r.effect[fn]
	switch base := types.ExprString(sel.X); {
	case e.takes != "":
		return base + strings.TrimSuffix(e.takes, " "), locks
	case e.frees != "":
		return base + strings.TrimSuffix(e.frees, " "), frees
	}
	return "", none
}

func newState() *State {
	return &State{Must: Locks{}, May: Locks{}, Released: map[string]bool{}, Callers: map[string]bool{}, Deferred: map[string]bool{}}
}

func (s *State) clone() *State {
	return &State{maps.Clone(s.Must), maps.Clone(s.May), maps.Clone(s.Released), maps.Clone(s.Callers), maps.Clone(s.Deferred)}
}

// join takes in what is known on another path, and says whether that is news.
func (s *State) join(t *State) (changed bool) {
	for name := range s.Must {
		if _, ok := t.Must[name]; !ok {
			delete(s.Must, name)
			changed = true
		}
	}
	for name, pos := range t.May {
		if _, ok := s.May[name]; !ok {
			s.May[name] = pos
			changed = true
		}
	}
	for _, m := range [][2]map[string]bool{{s.Released, t.Released}, {s.Callers, t.Callers}, {s.Deferred, t.Deferred}} {
		for name := range m[1] {
			if !m[0][name] {
				m[0][name], changed = true, true
			}
		}
	}
	return changed
}

// Walk visits what f evaluates, in the order of evaluation within a block, with
// the state just before it. Each node is visited once, with what all paths to it
// know.
func (r *Result) Walk(f *Func, visit func(n ast.Node, s *State)) {
	before := make([]*State, len(f.CFG.Blocks))
	if len(before) == 0 {
		return
	}
	before[0] = newState()
	work := []int32{0}
	for len(work) > 0 {
		at := work[len(work)-1]
		work = work[:len(work)-1]
		s := before[at].clone()
		b := f.CFG.Blocks[at]
		r.block(b, s, nil)
		for i := range b.Succs {
			next := follow(b, i)
			if before[next.Index] == nil {
				before[next.Index] = s.clone()
				work = append(work, next.Index)
			} else if before[next.Index].join(s) {
				work = append(work, next.Index)
			}
		}
	}
	for i, b := range f.CFG.Blocks {
		if before[i] != nil {
			r.block(b, before[i].clone(), visit)
		}
	}
}

// follow is where the i-th way out of a block leads. Where the same condition, or
// its opposite, is asked at once again, the answer is known.
func follow(b *cfg.Block, i int) *cfg.Block {
	next := b.Succs[i]
	if len(b.Nodes) == 0 || len(b.Succs) != 2 || len(next.Succs) != 2 || len(next.Nodes) != 1 {
		return next
	}
	first, ok := b.Nodes[len(b.Nodes)-1].(ast.Expr)
	again, also := next.Nodes[0].(ast.Expr)
	if !ok || !also || !lasting(first) {
		return next
	}
	first, yes := positive(first)
	again, same := positive(again)
	if types.ExprString(first) != types.ExprString(again) {
		return next
	}
	// Way 0 is that of a condition that holds.
	if holds := (i == 0) == yes; holds == same {
		return next.Succs[0]
	}
	return next.Succs[1]
}

// positive takes the negations off a condition, and says whether they cancel out.
func positive(e ast.Expr) (ast.Expr, bool) {
	yes := true
	for {
		e = ast.Unparen(e)
		u, ok := e.(*ast.UnaryExpr)
		if !ok || u.Op != token.NOT {
			return e, yes
		}
		e, yes = u.X, !yes
	}
}

// lasting reports whether a condition has the same answer twice in a row: nothing
// in it calls or receives.
func lasting(e ast.Expr) bool {
	ok := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			ok = false
		case *ast.UnaryExpr:
			ok = ok && n.Op != token.ARROW
		}
		return ok
	})
	return ok
}

func (r *Result) block(b *cfg.Block, s *State, visit func(ast.Node, *State)) {
	for _, n := range b.Nodes {
		if d, ok := n.(*ast.DeferStmt); ok {
			ast.Inspect(d.Call, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if name, op := r.operation(call); op == frees {
						s.Deferred[name] = true
					}
				}
				return true
			})
			continue
		}
		var calls []*ast.CallExpr // evaluated after what is inside them
		flush := func(end token.Pos) {
			for len(calls) > 0 && (end == token.NoPos || calls[len(calls)-1].End() <= end) {
				r.call(calls[len(calls)-1], s, visit)
				calls = calls[:len(calls)-1]
			}
		}
		rpc.EachNow(n, func(n ast.Node) {
			flush(n.Pos())
			if call, ok := n.(*ast.CallExpr); ok {
				calls = append(calls, call)
			} else if _, isReturn := n.(*ast.ReturnStmt); visit != nil && !isReturn {
				visit(n, s)
			}
		})
		flush(token.NoPos)
		if ret, ok := n.(*ast.ReturnStmt); ok && visit != nil {
			visit(ret, s)
		}
	}
}

func (r *Result) call(call *ast.CallExpr, s *State, visit func(ast.Node, *State)) {
	if visit != nil {
		visit(call, s)
	}
	switch name, op := r.operation(call); op {
	case locks:
		s.Must[name], s.May[name] = call.Pos(), call.Pos()
		if s.Released[name] {
			delete(s.Released, name)
			s.Callers[name] = true
		}
	case frees:
		if _, ok := s.May[name]; !ok || s.Callers[name] {
			s.Released[name] = true
		}
		delete(s.Callers, name)
		delete(s.Must, name)
		delete(s.May, name)
	}
}

// In reports whether a struct holds a mutex: whether several goroutines share it.
func In(s *types.Struct) bool {
	for i := range s.NumFields() {
		t := s.Field(i).Type()
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		if n, ok := types.Unalias(t).(*types.Named); ok && (n.Obj().Name() == "Mutex" || n.Obj().Name() == "RWMutex") {
			return true
		}
	}
	return false
}
