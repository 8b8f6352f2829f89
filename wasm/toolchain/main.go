//go:build !js

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/build"
)

// Manifest tells a page what there is. The JSON is read by site/src/code too.
type Manifest struct {
	build.Library
	// Files are the pieces to fetch, by name: "compile", "link", "export",
	// "objects", "more", "kit".
	Files map[string]File `json:"files"`
	// Export and Objects place each package's archive: what the compiler reads
	// of it, and what the linker does.
	Export  map[string]Place `json:"export"`
	Objects map[string]Place `json:"objects"`
	// Kit places archives of the kit, by the keys of the commands that made them.
	Kit map[string]Place `json:"kit"`
	// Key names the release and what was collected; files of another key differ.
	Key string `json:"key"`
}

// File is one piece. It lies in one file; who publishes the site for a host that
// limits sizes cuts it into several parts.
type File struct {
	Parts []string `json:"parts"`
	Bytes int      `json:"bytes"`
}

// Place is where an archive lies in a file.
type Place struct {
	File string `json:"file"`
	At   int    `json:"at"`
	Size int    `json:"size"`
}

// common are the packages that a Raft usually imports, and those of the kit.
// The rest of what the rules allow lies in the file "more", fetched on demand.
const common = `bytes context encoding/binary encoding/gob errors fmt io log maps math math/bits
	math/rand math/rand/v2 os reflect runtime runtime/debug slices sort strconv strings sync sync/atomic syscall time unicode/utf8 container/list container/heap cmp iter`

func main() {
	log.SetFlags(0)
	log.SetPrefix("toolchain: ")
	out := flag.String("o", "", "folder to write to")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		log.Fatal("usage: toolchain -o DIR")
	}
	if err := collect(*out); err != nil {
		log.Fatal(err)
	}
}

// collect writes everything into dir, unless it is there.
func collect(dir string) error {
	c := collector{dir: dir}
	var env struct{ GOVERSION, GOROOT string }
	if err := c.goJSON(&env, "", "env", "-json", "GOVERSION", "GOROOT"); err != nil {
		return err
	}
	c.goroot = env.GOROOT
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", layout, env.GOVERSION))
	c.m = Manifest{
		Library: build.Library{Go: env.GOVERSION, Debug: make(map[int]string)},
		Files:   make(map[string]File), Export: make(map[string]Place), Objects: make(map[string]Place),
		Key: hex.EncodeToString(sum[:8]),
	}
	name := filepath.Join(dir, "manifest.json")
	if b, err := os.ReadFile(name); err == nil {
		var old Manifest
		if json.Unmarshal(b, &old) == nil && old.Key == c.m.Key {
			c.m = old
			return c.finish() // the kit may be another
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, step := range []func() error{c.tools, c.library, c.debug, c.licences} {
		if err := step(); err != nil {
			return err
		}
	}
	return c.finish()
}

// layout is to be raised when what is collected changes.
const layout = 2

func (c *collector) finish() error {
	if err := c.kit(); err != nil {
		return err
	}
	b, err := json.Marshal(&c.m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "manifest.json"), b, 0o666)
}

type collector struct {
	dir, goroot string
	m           Manifest
}

// goTool runs the go command for the students' system.
func (c *collector) goTool(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOENV=off", "CGO_ENABLED=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out, nil
}

func (c *collector) goJSON(v any, dir string, args ...string) error {
	out, err := c.goTool(dir, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// write puts data into the folder as the piece called name.
func (c *collector) write(name, ext string, data []byte) error {
	file := name + ext
	if err := os.WriteFile(filepath.Join(c.dir, file), data, 0o666); err != nil {
		return err
	}
	c.m.Files[name] = File{Parts: []string{file}, Bytes: len(data)}
	return nil
}

// tools builds the compiler and the linker, as they are.
func (c *collector) tools() error {
	for _, tool := range []string{"compile", "link"} {
		tmp := filepath.Join(c.dir, tool+".tmp")
		if _, err := c.goTool("", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, "cmd/"+tool); err != nil {
			return err
		}
		b, err := os.ReadFile(tmp)
		if err == nil {
			err = errors.Join(os.Remove(tmp), c.write(tool, ".wasm", b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// library writes the archives of the packages that submitted code may import
// and of those that they need.
func (c *collector) library() error {
	out, err := c.goTool("", "list", "std")
	if err != nil {
		return err
	}
	base := strings.Fields(common)
	var rest []string
	for _, p := range strings.Fields(string(out)) {
		if ok, _, _ := build.Allowed(p); ok && !slices.Contains(base, p) && p != "unsafe" {
			rest = append(rest, p)
		}
	}
	exports := map[string]bool{}
	for _, p := range append(slices.Clone(base), rest...) {
		exports[p] = true
	}
	var export bytes.Buffer
	for _, group := range []struct {
		file  string
		roots []string
	}{{"objects", base}, {"more", rest}} {
		found, err := c.exported(group.roots)
		if err != nil {
			return err
		}
		var objects bytes.Buffer
		for _, p := range slices.Sorted(maps.Keys(found)) {
			if _, there := c.m.Objects[p]; there {
				continue
			}
			b, err := os.ReadFile(found[p])
			if err != nil {
				return err
			}
			def, object, err := split(b)
			if err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
			c.m.Objects[p] = Place{group.file, objects.Len(), len(object)}
			objects.Write(object)
			if exports[p] {
				c.m.Export[p] = Place{"export", export.Len(), len(def)}
				export.Write(def)
			}
		}
		if err := c.write(group.file, ".pack", objects.Bytes()); err != nil {
			return err
		}
	}
	return c.write("export", ".pack", export.Bytes())
}

// exported returns the archives of packages and of all that they import.
func (c *collector) exported(roots []string) (map[string]string, error) {
	out, err := c.goTool("", append([]string{"list", "-trimpath", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, roots...)...)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		p, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if file != "" {
			files[p] = file
		}
	}
	return files, nil
}

// split parts an archive into what the compiler reads of an imported package,
// its first member, and what the linker reads.
func split(b []byte) (def, object []byte, err error) {
	const magic, head = "!<arch>\n", 60
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil, nil, errors.New("want an archive, found something else")
	}
	def, object = []byte(magic), []byte(magic)
	for b = b[len(magic):]; len(b) > 0; {
		if len(b) < head {
			return nil, nil, errors.New("the archive ends in a header")
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b[48:58])))
		if err != nil || head+n > len(b) {
			return nil, nil, fmt.Errorf("a member of the archive has the size %q", b[48:58])
		}
		end := min(head+n+n&1, len(b))
		if strings.HasPrefix(string(b), "__.PKGDEF ") {
			def = append(def, b[:end]...)
		} else {
			object = append(object, b[:end]...)
		}
		b = b[end:]
	}
	return def, object, nil
}

// debug asks the go command which settings of the runtime follow from go.mod's
// go line.
func (c *collector) debug() error {
	newest, _, _ := strings.Cut(strings.TrimPrefix(c.m.Go, "go1."), ".")
	last, err := strconv.Atoi(newest)
	if err != nil {
		return fmt.Errorf("want a Go release, found %q", c.m.Go)
	}
	tmp, err := os.MkdirTemp("", "raftlab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		return err
	}
	for n := 1; n <= last; n++ {
		if err := os.WriteFile(filepath.Join(tmp, "go.mod"), fmt.Appendf(nil, "module x\n\ngo 1.%d\n", n), 0o666); err != nil {
			return err
		}
		out, err := c.goTool(tmp, "list", "-f", "{{.DefaultGODEBUG}}", ".")
		if err != nil {
			return err
		}
		c.m.Debug[n] = strings.TrimSpace(string(out))
	}
	return nil
}
