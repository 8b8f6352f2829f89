package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// served are options for a build that reads the cache by way of this program.
func served(t *testing.T, files map[string]string) Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Files: lab(t, files), CacheServer: []string{self}}
}

// A build with a cache server leaves nothing of the student's in the cache that
// the next build reads, and makes the same module as one without.
func TestBuildWritesIntoNoCache(t *testing.T) {
	const word = "a sentence of this student alone"
	o := served(t, map[string]string{"raft/words.go": "package raft\n\nvar Words = \"" + word + "\"\n\nfunc init() { println(Words) }\n"})
	if err := Warm(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	apart, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(apart.Wasm, []byte(word)) {
		t.Fatal("the module lacks the sentence, so this test could find nothing")
	}
	tc, err := findGo(t.Context(), &o)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(tc.cache, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(p)
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("%s holds what the student wrote", p)
		}
		return err
	})
	if err != nil || files < 100 {
		t.Errorf("%d files in the cache, %v", files, err)
	}
	o.CacheServer = nil
	if err := Warm(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	shared, err := Build(t.Context(), o)
	if err != nil || shared.Hash != apart.Hash {
		t.Errorf("another module with the shared cache: %v", err)
	}
}

// The cache answers what it has, misses what it has not, and takes nothing in.
func TestServeCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cacheVariable, dir)
	action := strings.Repeat("ab", 32)
	output := strings.Repeat("cd", 32)
	write(t, filepath.Join(dir, "ab", action+"-a"), []byte("v1 "+action+" "+output+"                    5  1700000000000000000\n"))
	write(t, filepath.Join(dir, "cd", output+"-d"), []byte("hello"))
	const there, other = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	ask := `{"ID":1,"Command":"get","ActionID":"` + there + `"}
{"ID":2,"Command":"get","ActionID":"` + other + `"}
{"ID":3,"Command":"get","ActionID":"Li4v"}
{"ID":4,"Command":"put","ActionID":"` + other + `","OutputID":"` + other + `"}
{"ID":5,"Command":"close"}
`
	var out bytes.Buffer
	if err := ServeCache(strings.NewReader(ask), &out); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		ID            int
		Err, DiskPath string
		Miss          bool
		Size          int
		KnownCommands []string
	}
	var got []answer
	for d := json.NewDecoder(&out); d.More(); {
		var a answer
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	if len(got) != 6 || strings.Join(got[0].KnownCommands, " ") != "get close" {
		t.Fatalf("%+v", got)
	}
	if a := got[1]; a.Miss || a.Size != 5 || a.DiskPath != filepath.Join(dir, "cd", output+"-d") {
		t.Errorf("what is there: %+v", a)
	}
	if !got[2].Miss || !got[3].Miss || got[4].Err == "" || got[5].ID != 5 {
		t.Errorf("%+v", got[2:])
	}
	// Half a file is none.
	write(t, filepath.Join(dir, "cd", output+"-d"), []byte("hel"))
	if _, ok := look(dir, bytes.Repeat([]byte{0xab}, 32)); ok {
		t.Error("half a file was served")
	}
	if err := ServeCache(strings.NewReader("nonsense"), &out); err == nil {
		t.Error("nonsense was taken")
	}
}

// What limits stop, is told: processor time and disk, each with its name.
func TestLimitsOfCompiling(t *testing.T) {
	slow := make([]string, 0, 4000)
	for range cap(slow) {
		slow = append(slow, "x = x*x + 1/(x|1) ^ x>>3")
	}
	for _, c := range []struct {
		name, code string
		lim        Limits
		kind       Kind
		says       string
	}{
		{"processor time", "func f(x uint64) uint64 {\n" + strings.Repeat(strings.Join(slow, "\n")+"\n", 20) + "return x\n}\n\nvar X = f(1)\n", Limits{CPU: time.Second}, TooSlow, "compiling took longer than 1s"},
		{"disk", "var X = [48 << 20]byte{48<<20 - 1: 1}\n\nfunc init() { println(X[len(X)-1]) }\n", Limits{Disk: 16 << 20}, Compile, "compiling wrote more than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := served(t, map[string]string{"raft/more.go": "package raft\n\n" + c.code})
			o.Limits = c.lim
			o.Limits.SourceSize, o.Limits.FileSize = 64<<20, 64<<20
			_, err := Build(t.Context(), o)
			if kind, text := kindOf(t, err); kind != c.kind || !strings.Contains(text, c.says) {
				t.Errorf("%s: %s", kind, text)
			}
		})
	}
}

// The watch on a folder's size ends the context, and ends itself.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "before"), make([]byte, 100))
	ctx, stop := bounded(t.Context(), dir, 50)
	defer stop()
	write(t, filepath.Join(dir, "sub", "more"), make([]byte, 51))
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errDisk) {
		t.Error(context.Cause(ctx))
	}
}
