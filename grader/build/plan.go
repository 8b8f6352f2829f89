package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Library is what a host without the go command must know of a Go release.
// Package wasm/toolchain collects it.
type Library struct {
	// Go is the release, such as "go1.26.1".
	Go string `json:"go"`
	// Debug holds for each N the settings of the runtime that the go command
	// links in when go.mod says go 1.N: "a=0,b=1", or "".
	Debug map[int]string `json:"debug"`
}

// Command is one run of the compiler or the linker. Its files are named by
// absolute paths of no real folder: sources below /src, packages in /pkg.
type Command struct {
	// Tool is "compile" or "link".
	Tool string `json:"tool"`
	// Args are its arguments.
	Args []string `json:"args"`
	// Files are what it reads besides packages: sources, lists of imports.
	Files map[string][]byte `json:"files"`
	// Imports are the packages whose archives it reads, as /pkg/PATH.a: those
	// of commands before it, and of the standard library. The linker reads all
	// of the latter that those before it need.
	Imports []string `json:"imports"`
	// Package is the import path of what comes out, in Out.
	Package string `json:"package"`
	Out     string `json:"out"`
	// Key is the SHA-256 of everything that decides what comes out, in hex.
	Key string `json:"key"`
}

// unit is one package of the tree.
type unit struct {
	dir, importPath string
	files           []string
	imports         []string
	state           int // 0 new, 1 begun, 2 done
}

// Commands returns what the go command would run to build the tree, in an order
// in which it can be run. The last links; its output is the module, to the byte
// that of [Build] with the same Go release. A test holds both together.
func (t *Tree) Commands(lib *Library) ([]Command, error) {
	units, err := t.units(lib)
	if err != nil {
		return nil, fail(Internal, err, "planning the build: "+err.Error(), "")
	}
	p := planner{t: t, lib: lib, units: units, keys: make(map[string]string), std: map[string]bool{"runtime": true}}
	main := t.Module + "/" + t.Main
	if err := p.visit(main); err != nil {
		return nil, fail(Internal, err, "planning the build: "+err.Error(), "")
	}
	p.link(main)
	return p.commands, nil
}

// units groups the files that belong to this system by package.
func (t *Tree) units(lib *Library) (map[string]*unit, error) {
	units := make(map[string]*unit)
	match := build.Context{GOOS: "wasip1", GOARCH: "wasm", Compiler: "gc", ReleaseTags: releaseTags(lib.Go)}
	fset := token.NewFileSet()
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if path.Ext(name) != ".go" {
			continue
		}
		src := t.Files[name]
		match.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(src)), nil }
		if ok, err := match.MatchFile(path.Dir(name), path.Base(name)); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		file, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		dir := path.Dir(name)
		imp := path.Join(t.Module, dir)
		u := units[imp]
		if u == nil {
			u = &unit{dir: dir, importPath: imp}
			units[imp] = u
		}
		u.files = append(u.files, name)
		u.add(file.Imports)
	}
	return units, nil
}

func (u *unit) add(specs []*ast.ImportSpec) {
	for _, spec := range specs {
		if imp, err := strconv.Unquote(spec.Path.Value); err == nil && imp != "unsafe" && !slices.Contains(u.imports, imp) {
			u.imports = append(u.imports, imp)
		}
	}
	slices.Sort(u.imports)
}

type planner struct {
	t        *Tree
	lib      *Library
	units    map[string]*unit
	commands []Command
	keys     map[string]string // of packages compiled
	std      map[string]bool   // packages of the standard library imported
}

// visit plans a package after those that it imports.
func (p *planner) visit(importPath string) error {
	u := p.units[importPath]
	switch {
	case u == nil:
		p.std[importPath] = true
		return nil
	case u.state == 1:
		return fmt.Errorf("package %s imports itself by way of others", importPath)
	case u.state == 2:
		return nil
	}
	u.state = 1
	for _, imp := range u.imports {
		if err := p.visit(imp); err != nil {
			return err
		}
	}
	u.state = 2
	p.compile(u)
	return nil
}

func (p *planner) compile(u *unit) {
	name := u.importPath
	if u.dir == p.t.Main {
		name = "main"
	}
	c := Command{Tool: "compile", Package: u.importPath, Out: archive(u.importPath), Files: make(map[string][]byte)}
	c.Imports = u.imports
	if !slices.Contains(c.Imports, "runtime") {
		c.Imports = append(slices.Clone(c.Imports), "runtime") // every package does, unseen
	}
	src := path.Join("/src", u.dir)
	c.Args = []string{
		"-o", c.Out, "-trimpath", src + "=>" + u.importPath, "-p", name, "-lang=go" + language(p.t.GoLine),
		"-complete", "-dwarf=false", "-goversion", p.lib.Go, "-c=1", "-nolocalimports", "-importcfg", "/importcfg", "-pack",
	}
	for _, f := range u.files {
		c.Files["/src/"+f] = p.t.Files[f]
		c.Args = append(c.Args, "/src/"+f)
	}
	p.finish(&c, c.Imports, "")
}

// link plans the linking of all that was compiled.
func (p *planner) link(main string) {
	c := Command{Tool: "link", Package: main, Out: "/module.wasm", Files: make(map[string][]byte)}
	for _, done := range p.commands {
		c.Imports = append(c.Imports, done.Package)
	}
	debug := p.lib.Debug[goMinor("go"+p.t.GoLine)]
	info := fmt.Sprintf("path\t%s\nmod\t%s\t(devel)\t\nbuild\t-buildmode=c-shared\nbuild\t-compiler=gc\nbuild\t-trimpath=true\n", main, p.t.Module)
	c.Args = []string{"-o", c.Out, "-importcfg", "/importcfg"}
	if debug != "" {
		info += "build\tDefaultGODEBUG=" + debug + "\n"
		c.Args = append(c.Args, "-X=runtime.godebugDefault="+debug)
	}
	info += "build\tCGO_ENABLED=0\nbuild\tGOARCH=wasm\nbuild\tGOOS=wasip1\n"
	c.Args = append(append(append(c.Args, "-buildmode=c-shared"), linkFlags...), archive(main))
	std := slices.Sorted(maps.Keys(p.std))
	c.Imports = append(c.Imports, std...)
	p.finish(&c, c.Imports, fmt.Sprintf("modinfo %q\n", infoStart+info+infoEnd))
}

// What the go command puts around a module's build information, to find it again.
const (
	infoStart = "0w\xaf\f\x92t\b\x02A\xe1\xc1\a\xe6\xd6\x18\xe6"
	infoEnd   = "\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
)

// finish writes the list of imports and the key, and adds c to the plan.
func (p *planner) finish(c *Command, imports []string, more string) {
	var cfg strings.Builder
	for _, imp := range imports {
		fmt.Fprintf(&cfg, "packagefile %s=%s\n", imp, archive(imp))
	}
	cfg.WriteString(more)
	c.Files["/importcfg"] = []byte(cfg.String())
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %q\n", p.lib.Go, c.Tool, c.Args)
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		fmt.Fprintf(h, "%q %d\n%s", name, len(c.Files[name]), c.Files[name])
	}
	for _, imp := range imports {
		fmt.Fprintf(h, "%s %s\n", imp, p.keys[imp])
	}
	c.Key = hex.EncodeToString(h.Sum(nil))
	p.keys[c.Package] = c.Key
	p.commands = append(p.commands, *c)
}

func archive(importPath string) string { return "/pkg/" + importPath + ".a" }

// language is the version that the compiler is told: 1.22 for a go line of 1.22.3.
func language(goLine string) string { return "1." + strconv.Itoa(goMinor("go"+goLine)) }
