package build

import (
	"go/importer"
	"go/token"
	"runtime"
	"strings"
	"testing"
)

// Type errors are those of the compiler, at the student's own places.
func TestTypeChecker(t *testing.T) {
	tc := &TypeChecker{GoVersion: runtime.Version(), Library: importer.ForCompiler(token.NewFileSet(), "source", nil)}
	check := func(more map[string]string) string {
		t.Helper()
		tree, err := Prepare(t.Context(), Options{Files: lab(t, more)})
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.Check(tree); err != nil {
			return err.Error()
		}
		return ""
	}
	if got := check(nil); got != "" {
		t.Errorf("a server in order: found\n%s", got)
	}
	for _, c := range []struct{ name, src, want string }{
		{"a wrong return", "package raft\n\nfunc f() int {\n\treturn \"three\"\n}\n", `raft/x.go:4:9: cannot use "three"`},
		{"an unused variable", "package raft\n\nfunc f() {\n\tx := 1\n}\n", "raft/x.go:4:2: declared and not used: x"},
		{"sync is the kit's, columns are the student's", "package raft\n\nimport \"sync\"; var m sync.Mutes\n", "raft/x.go:3:27: undefined: sync.Mutes"},
		{"an unused import", "package raft\n\nimport \"sync\"\n", `raft/x.go:3:8: "sync" imported and not used`},
		{"two errors", "package raft\n\nvar a int = \"\"\nvar b string = 1\n", "raft/x.go:4:16:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := check(map[string]string{"raft/x.go": c.src}); !strings.Contains(got, c.want) {
				t.Errorf("want %s, found\n%s", c.want, got)
			}
		})
	}
}
