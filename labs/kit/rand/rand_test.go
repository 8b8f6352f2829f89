package rand

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"testing"
)

// The package offers all that math/rand does.
func TestNothingIsMissing(t *testing.T) {
	std, err := importer.ForCompiler(token.NewFileSet(), "source", nil).Import("math/rand")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "rand.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range std.Scope().Names() {
		if !ast.IsExported(name) {
			continue
		}
		found++
		if file.Scope.Lookup(name) == nil {
			t.Errorf("rand.%s is missing", name)
		}
	}
	if found < 20 {
		t.Errorf("math/rand has only %d names: the search is broken", found)
	}
}
