package build

import (
	"bytes"
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// folder reads the student's files. Nothing above the root of fsys is ever
// read, and no symbolic link is followed on the way to a file.
type folder struct {
	fsys      fs.FS
	base      string   // the folder that the student named, as a path in fsys
	search    string   // the one to look for package raft in, if it is another
	root      *os.Root // what fsys reads, if it is a real folder
	dir       string   // absolute path of root
	match     build.Context
	goVersion string
	lim       Limits
	dirs      map[string]*dir
}

// dir is what one folder holds, as far as the build is concerned.
type dir struct {
	path      string
	sources   []source      // regular .go files that go would compile, by name
	skipped   []Skipped     // files left out, with the reason
	testFiles []string      // names of _test.go files
	others    []fs.DirEntry // files that go would hand to another compiler, by name
	links     []string      // names of symbolic links
	subdirs   []string      // names of folders worth a look
	isMod     bool          // holds a go.mod
	entries   int
}

// source is one .go file before parsing.
type source struct {
	name string
	src  []byte // as far as it could be read
	bad  string // why it cannot be compiled: too large, not readable; or ""
}

func openFolder(o *Options) (*folder, error) {
	f := &folder{lim: o.Limits, goVersion: o.GoVersion, dirs: make(map[string]*dir)}
	f.match = build.Context{
		GOOS: "wasip1", GOARCH: "wasm", Compiler: "gc",
		ReleaseTags: releaseTags(o.GoVersion),
	}
	if o.Files != nil {
		f.fsys, f.base = o.Files, path.Clean(filepath.ToSlash(o.Dir))
		if !fs.ValidPath(f.base) {
			return nil, fail(Usage, nil, fmt.Sprintf("%q is not a path inside the submission", o.Dir), "Name a folder relative to its root, with slashes.")
		}
		return f, nil
	}
	name := o.Dir
	if name == "" {
		name = "."
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, fail(Internal, err, err.Error(), "")
	}
	fi, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail(Usage, err, fmt.Sprintf("there is no folder %s", name), "Name the folder that holds your lab.")
	case err != nil:
		return nil, fail(Usage, err, fmt.Sprintf("cannot read %s: %v", name, cause(err)), "Name a folder that you may read.")
	case !fi.IsDir():
		return nil, fail(Usage, nil, fmt.Sprintf("expected a folder, found the file %s", name), "Name the folder that holds it.")
	}
	if err := f.open(abs, "."); err != nil {
		return nil, fail(Usage, err, fmt.Sprintf("cannot read %s: %v", name, cause(err)), "Name a folder that you may read.")
	}
	return f, nil
}

// open makes abs the root, and base (within it) the folder that was named.
func (f *folder) open(abs, base string) error {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return err
	}
	f.close()
	f.root, f.dir, f.fsys, f.base = root, abs, root.FS(), base
	f.dirs = make(map[string]*dir)
	return nil
}

func (f *folder) close() {
	if f.root != nil {
		f.root.Close()
		f.root = nil
	}
}

// within is the folder to look for package raft in.
func (f *folder) within() string {
	if f.search != "" {
		return f.search
	}
	return f.base
}

// shown is the path p of fsys as the student sees it: relative to the folder named.
func (f *folder) shown(p string) string {
	rel, err := filepath.Rel(filepath.FromSlash(f.base), filepath.FromSlash(p))
	if err != nil {
		return p
	}
	return filepath.ToSlash(rel)
}

// isDir reports whether p is a folder reached without a symbolic link, and if
// not, which link stands in the way.
func (f *folder) isDir(p string) (ok bool, link string) {
	at := "."
	for _, elem := range strings.Split(p, "/") {
		at = path.Join(at, elem)
		fi, err := fs.Lstat(f.fsys, at)
		if err != nil {
			return false, ""
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return false, at
		}
		if !fi.IsDir() {
			return false, ""
		}
	}
	return true, ""
}

// file returns the regular file at p, whose folder isDir; with an error, what
// could be read of it.
func (f *folder) file(p string, max int64) ([]byte, error) {
	fi, err := fs.Lstat(f.fsys, p)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	r, err := f.fsys.Open(p)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err == nil && int64(len(b)) > max {
		return b[:max], fmt.Errorf("larger than %d bytes, the limit", max)
	}
	return b, err
}

// list reads the folder p, once. A folder that is not there, cannot be read or
// is reached through a link is nil.
func (f *folder) list(p string) *dir {
	if d, ok := f.dirs[p]; ok {
		return d
	}
	f.dirs[p] = nil
	if ok, _ := f.isDir(p); !ok {
		return nil
	}
	entries, err := fs.ReadDir(f.fsys, p)
	if err != nil {
		return nil
	}
	d := &dir{path: p, entries: len(entries)}
	for _, e := range entries {
		name := e.Name()
		typ := e.Type()
		ext := path.Ext(name)
		hidden := name[0] == '.' || name[0] == '_'
		switch {
		case typ&fs.ModeSymlink != 0:
			if !hidden {
				d.links = append(d.links, name)
			}
		case typ.IsDir():
			if !hidden && name != "vendor" && name != "testdata" && name != "node_modules" {
				d.subdirs = append(d.subdirs, name)
			}
		case name == "go.mod":
			d.isMod = typ.IsRegular()
		case hidden:
			if ext == ".go" && name[0] == '_' {
				d.skipped = append(d.skipped, Skipped{f.shown(path.Join(p, name)), "go leaves out files whose name begins with _"})
			}
		case sources[ext] != "":
			d.others = append(d.others, e)
		case ext != ".go":
		case strings.HasSuffix(name, "_test.go"):
			if typ.IsRegular() {
				d.testFiles = append(d.testFiles, name)
			}
		case !typ.IsRegular():
			d.links = append(d.links, name)
		case len(d.sources) <= f.lim.Files: // one more than allowed is enough to say so
			f.addSource(d, name)
		}
	}
	f.dirs[p] = d
	return d
}

func (f *folder) addSource(d *dir, name string) {
	s, p := source{name: name}, path.Join(d.path, name)
	var err error
	if s.src, err = f.file(p, f.lim.FileSize); err != nil {
		s.bad = cause(err).Error()
	} else {
		ctx := f.match
		ctx.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s.src)), nil }
		// An error means that the file does not parse; the check will say so.
		if ok, err := ctx.MatchFile(d.path, name); err == nil && !ok {
			d.skipped = append(d.skipped, Skipped{f.shown(p), "its name or its //go:build line excludes GOOS=wasip1 GOARCH=wasm"})
			return
		}
	}
	d.sources = append(d.sources, s)
}

// clause returns the package name of a source and its line, or "" if it has none.
func (s *source) clause() (name string, line int) {
	fset := token.NewFileSet()
	file, _ := parser.ParseFile(fset, s.name, s.src, parser.PackageClauseOnly)
	if file == nil || file.Name == nil || file.Name.Name == "_" {
		return "", 0
	}
	return file.Name.Name, fset.PositionFor(file.Name.Pos(), false).Line
}

// cause strips the operation and path that os puts before an error.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
