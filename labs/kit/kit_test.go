package kit

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKitCompilesBesideOldCode: the kit stands in the student's module, whose go
// line decides the language.
func TestKitCompilesBesideOldCode(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the kit for several releases")
	}
	for _, line := range []string{"1.13", "1.15", "1.20", "1.22"} {
		t.Run("go "+line, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				name = filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			err := fs.WalkDir(FS, ".", func(p string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.Contains(p, "testdata") {
					return err
				}
				b, err := fs.ReadFile(FS, p)
				write("raftlabkit/"+p, strings.ReplaceAll(string(b), `"`+Import+`/`, `"6.5840/raftlabkit/`))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			write("go.mod", "module 6.5840\n\ngo "+line+"\n")
			write("main.go", `package main

import (
	"6.5840/raftlabkit/guest"
	"6.5840/raftlabkit/labrpc"
	"6.5840/raftlabkit/raftapi"
	"6.5840/raftlabkit/tester"
)

func init() {
	guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
		return nil
	})
}

func main() {}
`)
			for _, target := range [][]string{{"build", "-buildmode=c-shared", "-ldflags=-checklinkname=0", "-o", os.DevNull, "."}, {"build", "./raftlabkit/..."}} {
				c := exec.Command("go", target...)
				c.Dir = dir
				c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
				if out, err := c.CombinedOutput(); err != nil {
					t.Errorf("go %s: %v\n%s", strings.Join(target, " "), err, out)
				}
			}
		})
	}
}

func TestEveryPackageIsListed(t *testing.T) {
	want := map[string]bool{}
	for _, p := range append(Framework(), Runtime()...) {
		want[p] = true
	}
	dirs, err := fs.ReadDir(FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !want[d.Name()] {
			t.Errorf("%s is embedded but not listed", d.Name())
		}
		delete(want, d.Name())
	}
	if len(want) > 0 {
		t.Errorf("listed but not embedded: %v", want)
	}
}
