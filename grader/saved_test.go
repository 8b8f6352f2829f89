package grader

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/labs"
)

const aWorld = "def run(c):\n    c.crash(0)\n\nworld(run, seed = 7, breaks = \"Election Safety\")\n"

// aSaved is a saved failure of a test of the built-in lab.
func aSaved(t testing.TB) *Saved {
	t.Helper()
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	sum := sha256.Sum256(wasm)
	d := &Saved{
		Format: SavedFormat, Grader: "v1", Subject: "module", Lab: "raft", Test: "election/initial", Seed: 3, Property: "Election Safety", Hash: "00",
		Module: hex.EncodeToString(sum[:]), Go: "go1.25", Sources: map[string]string{"m/raft.go": "raft/raft.go"},
		wasm: wasm, code: []build.SourceFile{{Path: "raft/raft.go", Data: []byte("package raft\n")}}, files: map[string][]byte{},
	}
	err := fs.WalkDir(labs.Raft(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".star") {
			d.files["lab/"+name], err = fs.ReadFile(labs.Raft(), name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func written(t testing.TB, d *Saved) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := d.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipped packs files given as name, text, name, text.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sound holds what was read to what is written of it.
func sound(t *testing.T, d *Saved) {
	t.Helper()
	once := written(t, d)
	again, err := ReadSaved(once)
	if err != nil {
		t.Fatalf("what was read cannot be read again: %v", err)
	}
	if !bytes.Equal(written(t, again), once) {
		t.Error("what was read is written otherwise the second time")
	}
	if _, err := d.Code(); err != nil && d.code == nil {
		t.Errorf("no code, but %v", err)
	}
	lab, err := d.Tests()
	if (err == nil) != (lab != nil) {
		t.Errorf("got lab %v and error %v", lab, err)
	}
}

func TestASavedFailureIsReadAsItWasWritten(t *testing.T) {
	d, err := ReadSaved(written(t, aSaved(t)))
	if err != nil {
		t.Fatal(err)
	}
	sound(t, d)
	lab, err := d.Tests()
	if err != nil || lab.Name != "raft" {
		t.Errorf("the lab is %v, %v", lab, err)
	}
	code, err := d.Code()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(code, "raft/raft.go"); err != nil || string(b) != "package raft\n" {
		t.Errorf("the code is %q, %v", b, err)
	}
}

func TestWhatIsNoSavedFailureIsRefused(t *testing.T) {
	head := func(change func(*Saved)) string {
		d := aSaved(t)
		change(d)
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	core := func(d *Saved) { d.Subject, d.Test = "core", "" }
	wasm := string(aSaved(t).wasm)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"no zip", []byte("hello"), "expected a saved failure (a zip file that grade --save wrote)"},
		{"no failure.json", zipped(t, "world.star", aWorld), "expected a failure.json"},
		{"no JSON", zipped(t, "failure.json", "{", "world.star", aWorld), "failure.json: unexpected end"},
		{"another format", zipped(t, "failure.json", head(func(d *Saved) { core(d); d.Format = 9 }), "world.star", aWorld), "expected format 1, found 9: it is of another version of grade (v1)"},
		{"another subject", zipped(t, "failure.json", head(func(d *Saved) { d.Subject = "rock" }), "world.star", aWorld), `expected subject "module" or "core", found "rock"`},
		{"no module", zipped(t, "failure.json", head(func(d *Saved) {}), "world.star", aWorld), "expected a server.wasm"},
		{"another module", zipped(t, "failure.json", head(func(d *Saved) { d.Module = "00" }), "server.wasm", wasm), "server.wasm is not the module that failure.json names"},
		{"no world", zipped(t, "failure.json", head(core)), "names no test, and there is no world.star"},
		{"no lab", zipped(t, "failure.json", head(func(d *Saved) {}), "server.wasm", wasm), "names the test election/initial, but there is no lab/lab.star"},
		{"a stranger", zipped(t, "failure.json", head(core), "world.star", aWorld, "run.sh", "x"), "run.sh does not belong into a saved failure"},
		{"a path outside", zipped(t, "failure.json", head(core), "world.star", aWorld, "src/../../x.go", "x"), "src/../../x.go does not belong"},
		{"a file twice", zipped(t, "failure.json", head(core), "world.star", aWorld, "world.star", aWorld), "expected world.star once in a saved failure, found it twice"},
		{"a large file", zipped(t, "failure.json", head(core), "world.star", strings.Repeat("#", maxSavedFile+1)), "world.star: expected at most 4 MiB, found more"},
		{"many files", zipped(t, append([]string{"failure.json", head(core)}, many(maxSavedFiles, "x")...)...), "expected at most 1000 files in a saved failure, found 1001"},
		{"much in all", zipped(t, append([]string{"failure.json", head(core)}, many(maxSavedTotal/maxSavedFile+1, strings.Repeat("#", maxSavedFile))...)...), "expected files of at most 192 MiB together"},
	} {
		d, err := ReadSaved(c.b)
		if err == nil || d != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, expected an error with %q", c.name, err, c.want)
		}
	}
}

func many(n int, text string) []string {
	var files []string
	for i := range n {
		files = append(files, "src/"+strings.Repeat("d/", i%7)+string(rune('a'+i%26))+hex.EncodeToString([]byte{byte(i >> 8), byte(i)})+".go", text)
	}
	return files
}

func FuzzReadSaved(f *testing.F) {
	f.Add(written(f, aSaved(f)))
	f.Add(zipped(f, "failure.json", `{"format":1,"subject":"core"}`, "world.star", aWorld))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ReadSaved(b)
		if (err == nil) != (d != nil) {
			t.Fatalf("got %v and %v", d, err)
		}
		if err == nil {
			sound(t, d)
		}
	})
}

// The files of a zip that is whole: what a mutation of its bytes seldom reaches.
func FuzzSavedFiles(f *testing.F) {
	f.Add(`{"format":1,"subject":"core"}`, "world.star", aWorld)
	f.Add(`{"format":1,"subject":"core","test":"a/b"}`, "lab/lab.star", `lab(name = "x", parts = ["p.star"])`)
	f.Add(`{"format":1,"subject":"core","seed":18446744073709551615,"sources":{"":""}}`, "src/a.go", "package a")
	f.Add(`{"format":1,"subject":"module","module":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`, "server.wasm", "")
	f.Fuzz(func(t *testing.T, head, name, text string) {
		if len(text) > 1<<12 || tooBig(text) {
			return
		}
		d, err := ReadSaved(zipped(t, "failure.json", head, name, text))
		if (err == nil) != (d != nil) {
			t.Fatalf("got %v and %v", d, err)
		}
		if err == nil {
			sound(t, d)
		}
	})
}

// tooBig says whether a script may ask for more memory than a fuzz worker has: a
// file is run by whoever has it, on a machine of their own, and its steps are
// bounded, not what "x" * 1000000000 takes.
func tooBig(script string) bool {
	return strings.Contains(script, "*") || strings.Contains(script, "<<")
}
