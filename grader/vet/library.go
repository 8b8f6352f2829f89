package vet

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Library reads the types of the standard library from its source, without the
// go command. It remembers what it read, and may be used concurrently.
type Library struct {
	src fs.FS // of GOROOT/src
	ctx build.Context

	mu   sync.Mutex
	pkgs map[string]*types.Package
}

// NewLibrary returns a Library for the source in src, a release's GOROOT/src.
func NewLibrary(src fs.FS) *Library {
	l := &Library{src: src, pkgs: make(map[string]*types.Package)}
	l.ctx = build.Context{GOOS: "wasip1", GOARCH: "wasm", Compiler: "gc", ReleaseTags: build.Default.ReleaseTags}
	l.ctx.OpenFile = func(name string) (io.ReadCloser, error) { return src.Open(name) }
	l.ctx.JoinPath = path.Join
	return l
}

// Import implements types.Importer.
func (l *Library) Import(importPath string) (*types.Package, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load(importPath)
}

// loader is the Library while its lock is held.
type loader struct{ *Library }

func (l loader) Import(importPath string) (*types.Package, error) { return l.load(importPath) }

func (l *Library) load(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if p, ok := l.pkgs[importPath]; ok {
		if p == nil {
			return nil, fmt.Errorf("the standard library imports %s in a circle", importPath)
		}
		return p, nil
	}
	l.pkgs[importPath] = nil
	dir := importPath
	names, err := fs.ReadDir(l.src, dir)
	if err != nil {
		dir = "vendor/" + importPath
		if names, err = fs.ReadDir(l.src, dir); err != nil {
			delete(l.pkgs, importPath)
			return nil, fmt.Errorf("package %s is not in the standard library", importPath)
		}
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range names {
		name := e.Name()
		if e.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := l.ctx.MatchFile(dir, name); err != nil || !ok {
			continue
		}
		b, err := fs.ReadFile(l.src, dir+"/"+name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	conf := types.Config{
		Importer: loader{l}, IgnoreFuncBodies: true, FakeImportC: true, Sizes: types.SizesFor("gc", "wasm"),
		Error: func(error) {}, // declarations without a body, say; what is there is used
	}
	p, _ := conf.Check(importPath, fset, files, nil)
	if p == nil {
		return nil, fmt.Errorf("package %s of the standard library cannot be read", importPath)
	}
	p.MarkComplete()
	l.pkgs[importPath] = p
	return p, nil
}
