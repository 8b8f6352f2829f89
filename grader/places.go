package grader

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/build"
)

// Places leads from RPCs to the student's code: "Raft.RequestVote" to the line
// of the handler, "call Raft.RequestVote" to the first line that makes the call.
type Places map[string]string

// placesOf reads the places from the student's files.
func placesOf(files []build.SourceFile) Places {
	places := Places{}
	note := func(key string, f build.SourceFile, fset *token.FileSet, pos token.Pos) {
		if _, ok := places[key]; !ok {
			places[key] = f.Path + ":" + strconv.Itoa(fset.Position(pos).Line)
		}
	}
	for _, f := range files {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, f.Path, f.Data, parser.SkipObjectResolution)
		if err != nil {
			continue // it compiled, so another reader will do better
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && len(n.Recv.List) == 1 && n.Name.IsExported() {
					note(receiver(n.Recv.List[0].Type)+"."+n.Name.Name, f, fset, n.Name.Pos())
				}
			case *ast.CallExpr:
				for _, a := range n.Args {
					if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if s, err := strconv.Unquote(lit.Value); err == nil && strings.Count(s, ".") == 1 {
							note("call "+s, f, fset, n.Pos())
						}
					}
				}
			}
			return true
		})
	}
	return places
}

// receiver is the name of a method's type, without the star.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
