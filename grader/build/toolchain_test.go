package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

// lab returns the files of testdata/lab.txt, those in more added or replaced.
func lab(t testing.TB, more map[string]string) fstest.MapFS {
	archive, err := txtar.ParseFile("testdata/lab.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := make(fstest.MapFS)
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o444}
	}
	for name, data := range more {
		files[name] = &fstest.MapFile{Data: []byte(data), Mode: 0o444}
	}
	return files
}

// kindOf returns the Kind of an error of this package, and its text.
func kindOf(t *testing.T, err error) (Kind, string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("expected an *Error, found %v", err)
	}
	return e.Kind, e.Error()
}

// The same sources give the same bytes, whatever the folder and the temporary
// folder are called and however many builds run at the same time.
func TestReproducible(t *testing.T) {
	files := lab(t, nil)
	ctx := context.Background()
	if err := Warm(ctx, Options{}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	modules := make([]*Module, 3)
	errs := make([]error, len(modules))
	for i := range modules {
		o := Options{Files: files}
		if i == 1 { // from a folder, with temporary files elsewhere
			dir := filepath.Join(t.TempDir(), "Some folder", "of Ann's")
			if err := os.CopyFS(dir, files); err != nil {
				t.Fatal(err)
			}
			o = Options{Dir: dir}
		}
		wg.Go(func() { modules[i], errs[i] = Build(ctx, o) })
	}
	wg.Wait()
	t.Setenv("TMPDIR", filepath.Join(t.TempDir()))
	last, err := Build(ctx, Options{Files: files, Confine: true})
	for i, m := range append(modules, last) {
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
		if m.Hash != modules[0].Hash || !bytes.Equal(m.Wasm, modules[0].Wasm) {
			t.Errorf("build %d: expected module %s, found %s", i, modules[0].Hash, m.Hash)
		}
	}
	m := modules[0]
	if !bytes.HasPrefix(m.Wasm, []byte("\x00asm")) {
		t.Errorf("not a WebAssembly module: % x", m.Wasm[:8])
	}
	if m.SourceMap["example.com/lab/raft/raft.go"] != "raft/raft.go" || len(m.SourceMap) != 1 {
		t.Errorf("source map: %v", m.SourceMap)
	}
	if !strings.HasPrefix(m.Go, "go1.") || m.GoLine != "1.22" {
		t.Errorf("Go %q, go line %q", m.Go, m.GoLine)
	}
	if bytes.Contains(m.Wasm, []byte(filepath.Join(os.TempDir(), "raftlab-"))) {
		t.Error("the module holds a path of this machine")
	}
	t.Logf("%d bytes; check %v, go build %v", len(m.Wasm), last.Timing.Check, last.Timing.Build)
}

// With Confine, a go.mod above the folder is somebody else's, even if its module
// is the one that the code imports from.
func TestConfine(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, lab(t, nil)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "solution", "solution.go"), []byte("package solution\n"))
	write(t, filepath.Join(root, "raft", "mine.go"), []byte("package raft\n\nimport _ \"example.com/lab/solution\"\n"))
	o := Options{Dir: filepath.Join(root, "raft")}
	tree, err := Prepare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if tree.Profile.GoMod != "../go.mod" || tree.Files["solution/solution.go"] == nil {
		t.Errorf("without Confine: %+v", tree.Profile)
	}
	o.Confine = true
	_, err = Prepare(context.Background(), o)
	if kind, text := kindOf(t, err); kind != Compile || !strings.Contains(text, "example.com/lab/solution is not here") {
		t.Errorf("with Confine: %s: %s", kind, text)
	}
}

// A go.mod above whose module the code does not import from does not count.
func TestStrangersGoMod(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "hand-in"), lab(t, nil)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "hand-in", "go.mod")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "go.mod"), []byte("module example.com/course\n\ngo 1.99\n"))
	tree, err := Prepare(context.Background(), Options{Dir: filepath.Join(root, "hand-in")})
	if err != nil {
		t.Fatal(err)
	}
	if tree.Module != "example.com/lab" || tree.Profile.GoMod != "" {
		t.Errorf("%+v", tree.Profile)
	}
}

func TestStages(t *testing.T) {
	var stages []Stage
	o := Options{Files: lab(t, nil), Progress: func(s Stage) { stages = append(stages, s) }}
	if _, err := Build(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	stages = nil
	if _, err := Build(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(stages); got != "[check go build]" {
		t.Errorf("warm: %s", got)
	}
}

// A cold cache is noticed before the time is spent.
func TestColdCache(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var stages []Stage
	_, err := Build(ctx, Options{Files: lab(t, nil), CacheDir: t.TempDir(), Progress: func(s Stage) {
		if stages = append(stages, s); s == StageLibrary {
			cancel()
		}
	}})
	if got := fmt.Sprint(stages); got != "[check standard library]" {
		t.Errorf("stages %s", got)
	}
	if kind, text := kindOf(t, err); kind != Internal || !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %s", kind, text)
	}
}

func TestLimits(t *testing.T) {
	if err := Warm(context.Background(), Options{}); err != nil {
		t.Fatal(err)
	}
	big := strings.Builder{}
	big.WriteString("package raft\n\nvar Big = [...]int{")
	for i := range 100_000 {
		fmt.Fprintf(&big, "%d,", i)
	}
	big.WriteString("}\n")
	for _, test := range []struct {
		name, file string
		limits     Limits
		kind       Kind
		text       string
	}{
		{"time", "", Limits{Time: time.Millisecond}, TooSlow, "took longer than 1ms"},
		{"module size", big.String(), Limits{ModuleSize: 1 << 20}, Refused, "the limit is 1048576"},
		{"array", "package raft\n\nvar Huge = [1 << 30]int{1<<30 - 1: 1}\n", Limits{}, Compile, ""},
		{"shift", "package raft\n\nconst c = 1 << (1 << 40)\n", Limits{}, Compile, "raft/more.go:3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Files: lab(t, nil), Limits: test.limits}
			if test.file != "" {
				o.Files = lab(t, map[string]string{"raft/more.go": test.file})
			}
			begin := time.Now()
			_, err := Build(context.Background(), o)
			if kind, text := kindOf(t, err); kind != test.kind || !strings.Contains(text, test.text) {
				t.Errorf("expected %s with %q, found %s: %s", test.kind, test.text, kind, text)
			} else {
				t.Logf("%v: %s", time.Since(begin), text)
			}
		})
	}
}

func TestNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Build(context.Background(), Options{Files: lab(t, nil), GoCmd: "no-such-go"})
	if kind, text := kindOf(t, err); kind != Toolchain || !strings.Contains(text, "tried no-such-go") || !strings.Contains(text, "https://go.dev/dl/") {
		t.Errorf("%s: %s", kind, text)
	}
}

func TestGoOutsideOfPath(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("GOROOT", strings.TrimSpace(string(root)))
	if cmd, tried := lookGo(""); !strings.HasPrefix(cmd, strings.TrimSpace(string(root))) {
		t.Errorf("found %q, tried %v", cmd, tried)
	}
}

func TestOldOrBrokenGo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for go is a shell script")
	}
	for _, test := range []struct{ script, text string }{
		{`echo '{"GOVERSION":"go1.23.4","GOROOT":"/nowhere"}'`, "expected Go 1.24 or newer, found go1.23.4"},
		{`echo '{"GOVERSION":"","GOROOT":""}'`, "expected Go 1.24 or newer"},
		{`echo no toolchain >&2; exit 2`, "no toolchain"},
		{`echo this is not JSON`, "does not work"},
	} {
		cmd := filepath.Join(t.TempDir(), "go")
		write(t, cmd, []byte("#!/bin/sh\n"+test.script+"\n"))
		if err := os.Chmod(cmd, 0o777); err != nil {
			t.Fatal(err)
		}
		_, err := Build(context.Background(), Options{Files: lab(t, nil), GoCmd: cmd})
		if kind, text := kindOf(t, err); kind != Toolchain || !strings.Contains(text, test.text) {
			t.Errorf("expected %q, found %s: %s", test.text, kind, text)
		}
	}
}

func TestColumns(t *testing.T) {
	const line = `import "fmt"; import "sync"; var wx, wz int`
	f := &file{src: []byte("package p\n\n" + line + "\n")}
	at := strings.Index(string(f.src), `"sync"`)
	f.edits = []edit{{at, at + len(`"sync"`), 3, 1 + strings.Index(line, `"sync"`), `sync "m/raftlabkit/sync"`}}
	copied := strings.Split(string(f.rewritten()), "\n")[2]
	for _, word := range []string{"import", `"fmt"`, "var", "wx", "wz", "int"} {
		got, want := f.original(3, 1+strings.Index(copied, word)), 1+strings.Index(line, word)
		if got != want {
			t.Errorf("%s: expected column %d, found %d", word, want, got)
		}
	}
	if got, want := f.original(3, 5+strings.Index(copied, "sync \"")), 1+strings.Index(line, `"sync"`); got != want {
		t.Errorf("inside the path: expected column %d, found %d", want, got)
	}
	if got := f.original(4, 17); got != 17 {
		t.Errorf("another line: %d", got)
	}
}

func TestGoVersions(t *testing.T) {
	for _, test := range []struct {
		line, release string
		newer         bool
	}{
		{"1.15", "go1.26.1", false},
		{"1.26", "go1.26.1", false},
		{"1.26.1", "go1.26.1", false},
		{"1.26.2", "go1.26.1", true},
		{"1.27", "go1.26.1", true},
		{"1.27rc1", "go1.26.1", true},
		{"1.26", "go1.26.1 X:nocoverageredesign", false},
		{"1.27", "devel go1.27-abcdef Mon Jan 1", false},
		{"1.28", "devel go1.27-abcdef Mon Jan 1", true},
		{"1.26.1", "go1.26.1-custom", false},
	} {
		if got := newer(test.line, test.release); got != test.newer {
			t.Errorf("newer(%s, %s) = %v", test.line, test.release, got)
		}
	}
}

// FuzzGoMod: a go.mod that is taken gives a module path and a go line that may
// stand in the go.mod that the grader writes.
func FuzzGoMod(f *testing.F) {
	f.Add("module 6.5840\n\ngo 1.22\n")
	f.Add("module (\n\t\"a/b\" // c\n)\ngo 1.21rc1\r\n")
	f.Add("\ufeffmodule m\nrequire (\n x v1\n)\ntoolchain go1.99\n")
	f.Fuzz(func(t *testing.T, src string) {
		m, bad := parseGoMod([]byte(src))
		if bad != nil {
			return
		}
		if strings.ContainsAny(m.module+m.goLine, " \t\r\n\"'`()\\") || !validImport(m.module) {
			t.Errorf("module %q, go %q", m.module, m.goLine)
		}
	})
}

// FuzzPrepare: whatever the file holds, Prepare gives a tree or an *Error.
func FuzzPrepare(f *testing.F) {
	base := lab(f, nil)
	f.Add(string(base["raft/raft.go"].Data))
	f.Add("package raft\n//go:linkname a b\nimport \"C\"\n")
	f.Add("package raft\nimport . `sync`; type Raft struct{ Raft }; func (r Raft) Start() {}; func Make[T any](T) {}")
	f.Fuzz(func(t *testing.T, src string) {
		files := fstest.MapFS{}
		for name, file := range base {
			files[name] = file
		}
		files["raft/raft.go"] = &fstest.MapFile{Data: []byte(src), Mode: 0o444}
		tree, err := Prepare(context.Background(), Options{Files: fs.FS(files)})
		var e *Error
		switch {
		case err == nil:
			if a, b := strings.Count(src, "\n"), bytes.Count(tree.Files["raft/raft.go"], []byte("\n")); a != b {
				t.Errorf("%d lines became %d", a, b)
			}
		case !errors.As(err, &e) || len(e.Problems) == 0 || e.Kind == Internal:
			t.Errorf("%v", err)
		}
	})
}
