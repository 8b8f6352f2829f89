package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanMakesTheSameModule runs the planned commands with the installed
// compiler and linker: what comes out is what go build makes.
func TestPlanMakesTheSameModule(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"the correct server", Options{Dir: "../testdata/correct"}},
		{"a checkout of the course", Options{Dir: "../testdata/mit2025"}},
		{"a helper package and an old go line", Options{Files: lab(t, map[string]string{
			"go.mod":       "module raftlab.example/lab\n\ngo 1.17\n",
			"util/util.go": "package util\n\nimport \"sort\"\n\nfunc Sorted(x []int) { sort.Ints(x) }\n",
			"raft/more.go": "package raft\n\nimport \"raftlab.example/lab/util\"\n\nfunc more() { util.Sorted(nil) }\n\nvar _ = more\n",
		})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, err := Build(t.Context(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			c.o.GoVersion = want.Go
			tree, err := Prepare(t.Context(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			n := max(20, goMinor("go"+tree.GoLine))
			commands, err := tree.Commands(&Library{Go: want.Go, Debug: map[int]string{n: debugOf(t, tree.GoLine)}})
			if err != nil {
				t.Fatal(err)
			}
			got := runCommands(t, commands)
			if string(got) != string(want.Wasm) {
				t.Errorf("the planned commands make another module: %d bytes, go build's has %d", len(got), len(want.Wasm))
			}
			seen := map[string]bool{}
			for _, c := range commands {
				if seen[c.Key] {
					t.Errorf("two commands have one key: %s", c.Package)
				}
				seen[c.Key] = true
			}
		})
	}
}

func debugOf(t *testing.T, goLine string) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo "+goLine+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return goTool(t, dir, "list", "-f", "{{.DefaultGODEBUG}}", ".")
}

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(context.Background(), "go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off", "GOENV=off", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// runCommands runs them in a folder that takes the place of the root.
func runCommands(t *testing.T, commands []Command) []byte {
	var env struct{ GOTOOLDIR string }
	if err := json.Unmarshal([]byte(goTool(t, "", "env", "-json", "GOTOOLDIR")), &env); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	own := map[string]bool{}
	for _, c := range commands {
		own[c.Package] = true
	}
	var std []string
	for _, imp := range commands[len(commands)-1].Imports {
		if !own[imp] {
			std = append(std, imp)
		}
	}
	var cfg strings.Builder // all of the library
	for _, line := range strings.Split(goTool(t, "", append([]string{"list", "-trimpath", "-export", "-deps", "-f", "packagefile {{.ImportPath}}={{.Export}}"}, std...)...), "\n") {
		if !strings.HasSuffix(line, "=") {
			fmt.Fprintln(&cfg, line)
		}
	}
	var last string
	for _, c := range commands {
		move := strings.NewReplacer("/src/", root+"/src/", "/pkg/", root+"/pkg/", "/importcfg", root+"/importcfg", "/module.wasm", root+"/module.wasm")
		for name, data := range c.Files {
			if name == "/importcfg" {
				var kept strings.Builder
				for line := range strings.Lines(string(data)) {
					imp, _, _ := strings.Cut(strings.TrimPrefix(line, "packagefile "), "=")
					if own[imp] || strings.HasPrefix(line, "modinfo ") {
						kept.WriteString(line)
					}
				}
				data = []byte(move.Replace(kept.String()) + cfg.String())
			}
			name = root + name
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		last = root + c.Out
		if err := os.MkdirAll(filepath.Dir(last), 0o777); err != nil {
			t.Fatal(err)
		}
		args := make([]string, len(c.Args))
		for i, a := range c.Args {
			if args[i] = move.Replace(a); strings.HasPrefix(a, "/src=>") {
				args[i] = root + a
			}
		}
		run := exec.Command(filepath.Join(env.GOTOOLDIR, c.Tool), args...)
		run.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOROOT=")
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", c.Tool, c.Package, err, out)
		}
	}
	b, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
