//go:build !js

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/labs"
)

// kit compiles the kit as a server begun from the lab's skeleton has it, so that
// the page need not.
func (c *collector) kit() error {
	skeleton, err := labs.Skeleton(labs.Raft())
	if err != nil {
		return err
	}
	t, err := build.Prepare(context.Background(), build.Options{Files: skeleton, Dir: ".", GoVersion: c.m.Go})
	if err != nil {
		return err
	}
	commands, err := t.Commands(&c.m.Library)
	if err != nil {
		return err
	}
	r, err := c.newRunner(commands)
	if err != nil {
		return err
	}
	defer r.close()
	own := make(map[string]bool) // folders of the student's
	for _, s := range t.Sources {
		own[s.Module[:strings.LastIndexByte(s.Module, '/')]] = true
	}
	own[t.Module+"/"+t.Main] = true
	var pack bytes.Buffer
	c.m.Kit = make(map[string]Place)
	for i := range commands {
		if own[commands[i].Package] {
			continue
		}
		b, err := r.run(&commands[i])
		if err != nil {
			return err
		}
		c.m.Kit[commands[i].Key] = Place{"kit", pack.Len(), len(b)}
		pack.Write(b)
	}
	return c.write("kit", ".pack", pack.Bytes())
}

// runner runs commands of a plan with the installed tools, in a folder that
// takes the place of the root.
type runner struct {
	root, tools string
	own         map[string]bool // packages that the plan makes
	library     string          // the list of all others
}

func (c *collector) newRunner(commands []build.Command) (*runner, error) {
	var env struct{ GOTOOLDIR string }
	if err := c.goJSON(&env, "", "env", "-json", "GOTOOLDIR"); err != nil {
		return nil, err
	}
	r := &runner{tools: env.GOTOOLDIR, own: make(map[string]bool)}
	for _, cmd := range commands {
		r.own[cmd.Package] = true
	}
	var std []string
	for _, imp := range commands[len(commands)-1].Imports {
		if !r.own[imp] {
			std = append(std, imp)
		}
	}
	found, err := c.exported(std)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Sorted(maps.Keys(found)) {
		r.library += fmt.Sprintf("packagefile %s=%s\n", p, found[p])
	}
	r.root, err = os.MkdirTemp("", "raftlab-")
	return r, err
}

func (r *runner) close() { os.RemoveAll(r.root) }

// run runs a command, those before it having run, and returns what it made.
func (r *runner) run(c *build.Command) ([]byte, error) {
	move := strings.NewReplacer("/src/", r.root+"/src/", "/pkg/", r.root+"/pkg/", "/importcfg", r.root+"/importcfg", "/module.wasm", r.root+"/module.wasm")
	for name, data := range c.Files {
		if name == "/importcfg" {
			var list strings.Builder
			for line := range strings.Lines(string(data)) {
				imp, _, _ := strings.Cut(strings.TrimPrefix(line, "packagefile "), "=")
				if r.own[imp] || strings.HasPrefix(line, "modinfo ") {
					list.WriteString(line)
				}
			}
			data = []byte(move.Replace(list.String()) + r.library)
		}
		if err := r.write(name, data); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(r.root+c.Out), 0o777); err != nil {
		return nil, err
	}
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		if args[i] = move.Replace(a); strings.HasPrefix(a, "/src=>") {
			args[i] = r.root + a
		}
	}
	cmd := exec.Command(filepath.Join(r.tools, c.Tool), args...)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOROOT=", "GOEXPERIMENT=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", c.Tool, c.Package, err, out)
	}
	return os.ReadFile(r.root + c.Out)
}

func (r *runner) write(name string, data []byte) error {
	name = r.root + filepath.FromSlash(name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o666)
}
