//go:build js && wasm

package main

import (
	"bytes"
	"fmt"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/gcexportdata"

	"github.com/raftlab/raftlab/grader/build"
)

// manifest is what is read here of the toolchain's manifest.json.
type manifest struct {
	build.Library
	Export map[string]struct{ At, Size int } `json:"export"`
}

// importer reads the types of the standard library from its export data.
type importer struct {
	m    *manifest
	data []byte
	fset *token.FileSet
	pkgs map[string]*types.Package
}

func newImporter(m *manifest, data []byte) *importer {
	return &importer{m, data, token.NewFileSet(), make(map[string]*types.Package)}
}

// Import implements types.Importer.
func (imp *importer) Import(path string) (*types.Package, error) {
	if p := imp.pkgs[path]; p != nil && p.Complete() {
		return p, nil
	}
	at, ok := imp.m.Export[path]
	if !ok || at.At < 0 || at.Size < 0 || at.At+at.Size > len(imp.data) {
		return nil, fmt.Errorf("package %s is not among those that a server may import", path)
	}
	r, err := gcexportdata.NewReader(bytes.NewReader(imp.data[at.At : at.At+at.Size]))
	if err != nil {
		return nil, err
	}
	return gcexportdata.Read(r, imp.fset, imp.pkgs, path)
}
