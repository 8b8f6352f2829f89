package labs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/labs"
	"github.com/raftlab/raftlab/labs/kit"
)

// withSkeleton are the labs that grade init can begin.
var withSkeleton = []string{"raft", "kv", "lock"}

func skeleton(t *testing.T, name string) fs.FS {
	t.Helper()
	lab, _ := labs.Named(name)
	files, err := labs.Skeleton(lab)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSkeletonPassesVetOffline(t *testing.T) {
	for _, name := range withSkeleton {
		dir := t.TempDir()
		if err := os.CopyFS(dir, skeleton(t, name)); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"vet", "./..."}, {"test", "-run", "^$", "./" + name}} {
			cmd := exec.Command("go", args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=local")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: go %s: %v\n%s", name, strings.Join(args, " "), err, out)
			}
		}
	}
}

// What an editor shows of the framework is what the kit has: each exported
// declaration of the skeleton's stubs stands in the kit with the same text.
func TestSkeletonStubsAgreeWithKit(t *testing.T) {
	stubs := skeleton(t, "lock") // on top of all others
	for _, pkg := range kit.Framework() {
		in := exported(t, kit.FS, pkg)
		for name, decl := range exported(t, stubs, pkg) {
			if in[name] != decl {
				t.Errorf("%s.%s: the skeleton has\n\t%s\nthe kit has\n\t%s", pkg, name, decl, in[name])
			}
		}
	}
}

// exported returns the exported functions, methods and types of a package as
// text without comments and bodies. Of a struct in which nothing is exported
// only the name counts.
func exported(t *testing.T, fsys fs.FS, pkg string) map[string]string {
	t.Helper()
	files, err := fs.Glob(fsys, path.Join(pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s: %d files, %v", pkg, len(files), err)
	}
	decls := map[string]string{}
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		text := func(node any) string {
			var b strings.Builder
			if err := printer.Fprint(&b, fset, node); err != nil {
				t.Fatal(err)
			}
			// The alignment of fields depends on the comments between them.
			return strings.Join(strings.Fields(b.String()), " ")
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name, receiver := d.Name.Name, ""
				if d.Recv != nil {
					receiver = text(d.Recv.List[0].Type)
					name = receiver + "." + name
				}
				if d.Name.IsExported() && (receiver == "" || ast.IsExported(strings.TrimPrefix(receiver, "*"))) {
					decls[name] = text(d.Type)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
						decls[s.Name.Name] = typeText(s, text)
					}
				}
			}
		}
	}
	return decls
}

func typeText(s *ast.TypeSpec, text func(any) string) string {
	if st, ok := s.Type.(*ast.StructType); ok && !slices.ContainsFunc(st.Fields.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.IsExported() })
	}) {
		return fmt.Sprintf("%s struct", s.Name.Name)
	}
	return text(s)
}

func TestEveryPartHasATestInTheSkeleton(t *testing.T) {
	for _, name := range withSkeleton {
		parts, err := fs.Glob(named(name), "*.star")
		if err != nil {
			t.Fatal(err)
		}
		file := name + "/" + name + "_test.go"
		tests, err := fs.ReadFile(skeleton(t, name), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, star := range parts {
			part := strings.TrimSuffix(star, ".star")
			if part != "lab" && part != "work" && !strings.Contains(string(tests), fmt.Sprintf("grade(t, %q)", part)) {
				t.Errorf("%s does not run the part %s", file, part)
			}
		}
	}
}

func named(name string) fs.FS {
	lab, _ := labs.Named(name)
	return lab
}

// Every lab has a handout in both languages, and each names the lab's parts.
func TestEveryLabHasHandouts(t *testing.T) {
	for _, name := range withSkeleton {
		for _, lang := range []string{"en", "zh"} {
			text, err := fs.ReadFile(named(name), "handout/"+lang+".md")
			if err != nil {
				t.Error(err)
				continue
			}
			parts, err := fs.Glob(named(name), "*.star")
			if err != nil {
				t.Fatal(err)
			}
			for _, star := range parts {
				part := strings.TrimSuffix(star, ".star")
				if part != "lab" && part != "work" && !strings.Contains(string(text), part) {
					t.Errorf("%s/handout/%s.md does not mention the part %s", name, lang, part)
				}
			}
		}
	}
}
