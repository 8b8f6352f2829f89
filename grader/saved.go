package grader

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
)

// SavedFormat is the version of the form in which failures are saved.
const SavedFormat = 1

// Saved is a failing run with all that it takes to repeat it on another machine:
// the compiled server, the test, the seed, and the hash that must come out.
// docs/replay.md describes its form, a zip file.
type Saved struct {
	Format   int      `json:"format"`
	Grader   string   `json:"grader"`  // version that ran it
	Subject  string   `json:"subject"` // "module" or "core"
	Lab      string   `json:"lab"`
	Test     string   `json:"test"`           // "part/name"; "" for a world
	Raft     Raft     `json:"raft,omitempty"` // Result.Raft
	Seed     uint64   `json:"seed"`
	Property string   `json:"property"`
	Time     sim.Time `json:"time"` // virtual
	Message  string   `json:"message"`
	Hash     string   `json:"hash"`             // of the trace
	Module   string   `json:"module,omitempty"` // SHA-256 of server.wasm
	Go       string   `json:"go,omitempty"`
	// Sources leads from the names in stack traces to the student's files.
	Sources map[string]string `json:"sources,omitempty"`

	wasm  []byte
	code  []build.SourceFile
	files map[string][]byte // the lab's, or world.star
}

// Limits of what ReadSaved accepts, in bytes.
const (
	maxSaved       = 64 << 20
	maxSavedModule = 64 << 20
	maxSavedFile   = 4 << 20
	maxSavedFiles  = 1000
	maxSavedTotal  = 192 << 20 // of all files, unpacked
)

// worldFile is the world's name in a Saved.
const worldFile = "world.star"

// saved makes the Saved of a test's first failing run. lab is nil for the
// built-in lab; world is a world file in its place.
func (s *Session) saved(t *TestResult, world []byte) (*Saved, error) {
	i := slices.IndexFunc(t.Runs, func(r RunResult) bool { return r.Status == Failed })
	if i < 0 || t.Failure == nil {
		return nil, fmt.Errorf("grader: test %s/%s has no failing run to save", t.Part, t.Name)
	}
	f := t.Failure
	d := &Saved{
		Format: SavedFormat, Grader: Version(), Subject: s.res.Subject, Lab: s.lab.Name, Test: t.Part + "/" + t.Name, Raft: s.res.Raft, Seed: t.Runs[i].Seed,
		Property: f.Property, Time: f.Time, Message: f.Message, Hash: t.Runs[i].Hash,
		Module: s.sub.module, Go: s.sub.goRelease, Sources: s.sub.sources, wasm: s.sub.wasm, code: s.sub.code, files: map[string][]byte{},
	}
	if world != nil {
		d.Lab, d.Test = "", ""
		d.files[worldFile] = world
		return d, nil
	}
	files := s.o.Lab
	if files == nil {
		files = labs.Raft()
	}
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || path.Ext(name) != ".star" && name != "hints.json" {
			return err
		}
		d.files["lab/"+name], err = fs.ReadFile(files, name)
		return err
	})
	return d, err
}

// Code holds the student's files as they were compiled; nil for the core.
func (d *Saved) Code() (fs.FS, error) {
	if d.code == nil {
		return nil, nil
	}
	var a txtar.Archive
	for _, f := range d.code {
		a.Files = append(a.Files, txtar.File{Name: f.Path, Data: f.Data})
	}
	return txtar.FS(&a)
}

// World returns the world file of a saved world, nil if it is a test's run.
func (d *Saved) World() []byte { return d.files[worldFile] }

// lab holds the lab's files as they were when the failure was saved. Its error is
// a *script.Error.
func (d *Saved) lab() (fs.FS, error) {
	var a txtar.Archive
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		if rest, ok := strings.CutPrefix(name, "lab/"); ok {
			a.Files = append(a.Files, txtar.File{Name: rest, Data: d.files[name]})
		}
	}
	files, err := txtar.FS(&a)
	if err != nil {
		return nil, &script.Error{Pos: "lab", Msg: err.Error()}
	}
	return files, nil
}

// Tests reads the lab, or the world, that was saved. Its error is a *script.Error.
func (d *Saved) Tests() (*script.Lab, error) {
	if d.Test == "" {
		lab, _, err := script.LoadWorld(worldFile, d.World())
		return lab, err
	}
	files, err := d.lab()
	if err != nil {
		return nil, err
	}
	return OpenLab(files)
}

// WriteTo writes the failure; the same failure gives the same bytes.
func (d *Saved) WriteTo(w io.Writer) (int64, error) {
	head, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return 0, err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name string, data []byte) {
		var f io.Writer
		if err == nil {
			if f, err = z.Create(name); err == nil {
				_, err = f.Write(data)
			}
		}
	}
	put("failure.json", append(head, '\n'))
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		put(name, d.files[name])
	}
	for _, f := range d.code {
		if fs.ValidPath(f.Path) {
			put("src/"+f.Path, f.Data)
		}
	}
	if d.wasm != nil {
		put("server.wasm", d.wasm)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return 0, err
	}
	return b.WriteTo(w)
}

// ReadSaved reads what WriteTo wrote. It says what is wrong with anything else.
func ReadSaved(b []byte) (*Saved, error) {
	if len(b) > maxSaved {
		return nil, fmt.Errorf("expected a saved failure of at most %d MiB, found %d", maxSaved>>20, len(b)>>20)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("expected a saved failure (a zip file that grade --save wrote): %v", err)
	}
	if len(z.File) > maxSavedFiles {
		return nil, fmt.Errorf("expected at most %d files in a saved failure, found %d", maxSavedFiles, len(z.File))
	}
	d := &Saved{files: map[string][]byte{}}
	var head []byte
	total := int64(maxSavedTotal)
	seen := map[string]bool{}
	for _, f := range z.File {
		limit := int64(maxSavedFile)
		if f.Name == "server.wasm" {
			limit = maxSavedModule
		}
		if seen[f.Name] {
			return nil, fmt.Errorf("expected %s once in a saved failure, found it twice", f.Name)
		}
		seen[f.Name] = true
		data, err := readZipped(f, limit)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", f.Name, err)
		}
		if total -= int64(len(data)); total < 0 {
			return nil, fmt.Errorf("expected files of at most %d MiB together in a saved failure, found more", maxSavedTotal>>20)
		}
		switch {
		case f.Name == "failure.json":
			head = data
		case f.Name == "server.wasm":
			d.wasm = data
		case f.Name == worldFile, strings.HasPrefix(f.Name, "lab/") && fs.ValidPath(f.Name):
			d.files[f.Name] = data
		case strings.HasPrefix(f.Name, "src/") && fs.ValidPath(f.Name):
			d.code = append(d.code, build.SourceFile{Path: strings.TrimPrefix(f.Name, "src/"), Data: data})
		default:
			return nil, fmt.Errorf("%s does not belong into a saved failure", f.Name)
		}
	}
	if head == nil {
		return nil, fmt.Errorf("expected a failure.json in a saved failure, found none")
	}
	if err := json.Unmarshal(head, d); err != nil {
		return nil, fmt.Errorf("failure.json: %v", err)
	}
	wasm := d.wasm
	sum := sha256.Sum256(wasm)
	switch {
	case d.Format != SavedFormat:
		return nil, fmt.Errorf("failure.json: expected format %d, found %d: it is of another version of grade (%s)", SavedFormat, d.Format, d.Grader)
	case d.Subject != "module" && d.Subject != "core":
		return nil, fmt.Errorf(`failure.json: expected subject "module" or "core", found %q`, d.Subject)
	case d.Subject == "module" && wasm == nil:
		return nil, fmt.Errorf("expected a server.wasm in a saved failure, found none")
	case d.Subject == "module" && hex.EncodeToString(sum[:]) != d.Module:
		return nil, fmt.Errorf("server.wasm is not the module that failure.json names")
	case d.Test == "" && d.World() == nil:
		return nil, fmt.Errorf("failure.json names no test, and there is no %s", worldFile)
	case d.Test != "" && d.files["lab/lab.star"] == nil:
		return nil, fmt.Errorf("failure.json names the test %s, but there is no lab/lab.star", d.Test)
	}
	return d, nil
}

func readZipped(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("expected at most %d MiB, found more", limit>>20)
	}
	return b, err
}

// Replay repeats a saved failure: on the server that was saved or, if o names a
// folder or a module, on that. Only o's Dir, Files, Module, Workers, Lang,
// CacheDir and Progress count. If shrinking is not nil, a failure is also made
// small, as [Session.Shrink] does. Its errors are those of [Grade].
func (d *Saved) Replay(ctx context.Context, o Options, shrinking func(actions, runs int)) (*TestResult, *Prey, error) {
	o.Core = d.Subject == "core" && o.Dir == "" && o.Files == nil && o.Module == nil
	if d.Subject == "module" && o.Dir == "" && o.Files == nil && o.Module == nil {
		o.Module = &build.Module{Wasm: d.wasm, Hash: d.Module, Go: d.Go, SourceMap: d.Sources, Sources: d.code}
	}
	o.Lab, o.Parts, o.Run, o.OnCore = nil, nil, nil, d.Raft.OnCore()
	if d.Test != "" {
		var err error
		if o.Lab, err = d.lab(); err != nil {
			return nil, nil, err
		}
	} else {
		world, err := d.Tests()
		if err != nil {
			return nil, nil, err
		}
		o.Lab, _ = labs.Named(world.Service)
	}
	s, err := Open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	if d.Test == "" {
		return s.World(ctx, worldFile, d.World(), shrinking)
	}
	for _, p := range s.lab.Parts {
		for _, t := range p.Tests {
			if p.Name+"/"+t.Name == d.Test {
				return s.repeat(ctx, s.lab, t, d.Seed, shrinking)
			}
		}
	}
	return nil, nil, fmt.Errorf("%w: the saved lab has no test %s", ErrNoTests, d.Test)
}

func (s *Session) saveFailed(save func(*TestResult, *Saved) error) error {
	for _, t := range s.tests {
		if t.Status != Failed {
			continue
		}
		d, err := s.saved(t, nil)
		if err != nil {
			return err
		}
		if err := save(t, d); err != nil {
			return err
		}
	}
	return nil
}
