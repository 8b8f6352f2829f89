//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/raftlab/raftlab/grader/batch/queue/natstest"
)

// cluster is a folder as the files in docs/scale expect it, and what a batch
// without them comes to.
type cluster struct {
	dir, scratch, csv string
}

// newCluster writes submissions that need no time: there is nothing in them.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), scratch: t.TempDir()}
	for i := range 9 {
		dir := filepath.Join(c.dir, "submissions", fmt.Sprintf("student%d", i))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("note%d.txt", i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.dir, "grade.toml"), []byte("title = \"x\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	// The caches of their own that the files name are cold: here the user's serves.
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(c.scratch, "cache")
	if err := os.Mkdir(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{filepath.Join(cache, "go-build"): strings.TrimSpace(string(goCache)), fmt.Sprintf("%s/grade-cache-%d", c.scratch, os.Getuid()): cache} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	c.run(t, nil, "grade", "batch", "submissions/", "--course", "grade.toml", "--out", "alone")
	c.csv = c.take(t, "alone")
	if n := strings.Count(c.csv, "nothing there"); n != 9 {
		t.Fatalf("%d results, expected 9:\n%s", n, c.csv)
	}
	return c
}

// run runs a command in the folder.
func (c *cluster) run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(append(os.Environ(), "TMPDIR="+c.scratch), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// take reads a grade book and removes its folder.
func (c *cluster) take(t *testing.T, out string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, out, "grades.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(c.dir, out)); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// check compares what the files' commands came to, and clears it away.
func (c *cluster) check(t *testing.T) {
	t.Helper()
	if csv := c.take(t, "results"); csv != c.csv {
		t.Errorf("grades.csv:\n%s\nexpected\n%s", csv, c.csv)
	}
	shards, err := filepath.Glob(filepath.Join(c.dir, "shard*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shards {
		if err := os.RemoveAll(s); err != nil {
			t.Fatal(err)
		}
	}
}

// documents reads a YAML file of docs/scale.
func documents(t *testing.T, name string) (all []node) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "scale", name))
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var v map[string]any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, node{t, name, v})
	}
}

// node is a value of a YAML file.
type node struct {
	t    *testing.T
	path string
	v    any
}

// at goes down: a string is a key, a number an index.
func (n node) at(path ...any) node {
	n.t.Helper()
	for _, p := range path {
		var next any
		ok := false
		switch p := p.(type) {
		case string:
			var m map[string]any
			if m, ok = n.v.(map[string]any); ok {
				next, ok = m[p]
			}
		case int:
			var l []any
			if l, ok = n.v.([]any); ok && p < len(l) {
				next = l[p]
			} else {
				ok = false
			}
		}
		n.path = fmt.Sprintf("%s.%v", n.path, p)
		if !ok {
			n.t.Fatalf("%s is not there", n.path)
		}
		n.v = next
	}
	return n
}

func (n node) text() string {
	n.t.Helper()
	s, ok := n.v.(string)
	if !ok {
		n.t.Fatalf("%s: expected a text, found %v", n.path, n.v)
	}
	return s
}

func (n node) number() int {
	n.t.Helper()
	i, ok := n.v.(int)
	if !ok {
		n.t.Fatalf("%s: expected a number, found %v", n.path, n.v)
	}
	return i
}

func (n node) list() []node {
	n.t.Helper()
	l, ok := n.v.([]any)
	if !ok {
		n.t.Fatalf("%s: expected a list, found %v", n.path, n.v)
	}
	all := make([]node, len(l))
	for i := range l {
		all[i] = n.at(i)
	}
	return all
}

func (n node) words() []string {
	n.t.Helper()
	var all []string
	for _, w := range n.list() {
		all = append(all, w.text())
	}
	return all
}

// step finds a step of a GitHub job by its name.
func (n node) step(name string) string {
	n.t.Helper()
	for _, s := range n.at("steps").list() {
		if m := s.v.(map[string]any); m["name"] == name {
			return s.at("run").text()
		}
	}
	n.t.Fatalf("%s has no step %s", n.path, name)
	return ""
}

// The files in docs/scale do what they say: their own commands, with the
// variables that a CI, Slurm or Kubernetes would set, come to the grade book of
// a batch on one machine.
func TestScaleFilesWork(t *testing.T) {
	c := newCluster(t)

	t.Run("github", func(t *testing.T) {
		jobs := documents(t, "github-matrix.yml")[0].at("jobs")
		share := jobs.at("share")
		shards := share.at("strategy", "matrix", "shard").list()
		for _, s := range shards {
			c.run(t, []string{fmt.Sprintf("SHARD=%d", s.number()), fmt.Sprintf("SHARDS=%d", len(shards))}, "bash", "-eo", "pipefail", "-c", share.step("grade"))
		}
		c.run(t, nil, "bash", "-eo", "pipefail", "-c", jobs.at("merge").step("merge"))
		c.check(t)
	})

	t.Run("gitlab", func(t *testing.T) {
		f := documents(t, "gitlab-matrix.yml")[0]
		n := f.at("share", "parallel").number()
		for i := 1; i <= n; i++ {
			c.run(t, []string{fmt.Sprintf("CI_NODE_INDEX=%d", i), fmt.Sprintf("CI_NODE_TOTAL=%d", n)}, "sh", "-ec", strings.Join(f.at("share", "script").words(), "\n"))
		}
		c.run(t, nil, "sh", "-ec", strings.Join(f.at("merge", "script").words(), "\n"))
		c.check(t)
	})

	t.Run("slurm", func(t *testing.T) {
		script, err := filepath.Abs("../../docs/scale/slurm.sh")
		if err != nil {
			t.Fatal(err)
		}
		// An sbatch that does the tasks at once, one after the other.
		bin := t.TempDir()
		sbatch := `#!/bin/sh
set -eu
array=
while :; do case $1 in
	--array=1-*) array=${1#--array=1-} ;;
	--dependency=afterok:*) [ "${1#*:}" = 42 ] || exit 9 ;;
	--*) ;;
	*) break ;;
esac; shift; done
export SLURM_JOB_ID=42 SLURM_CPUS_PER_TASK=2
if [ -n "$array" ]; then
	export SLURM_ARRAY_TASK_COUNT=$array SLURM_ARRAY_TASK_MIN=1
	for i in $(seq 1 "$array"); do SLURM_ARRAY_TASK_ID=$i sh "$@" >&2; done
else
	sh "$@" >&2
fi
echo '42;cluster'
`
		if err := os.WriteFile(filepath.Join(bin, "sbatch"), []byte(sbatch), 0o777); err != nil {
			t.Fatal(err)
		}
		c.run(t, []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "SLURM_JOB_ID="}, "sh", script, "3")
		c.check(t)
	})

	t.Run("kubernetes shards", func(t *testing.T) {
		f := documents(t, "kubernetes-shards.yaml")
		container := func(job node) []string {
			box := job.at("spec", "template", "spec", "containers", 0)
			return append(box.at("command").words(), box.at("args").words()...)
		}
		words := container(f[0])
		for i := range f[0].at("spec", "completions").number() {
			c.run(t, []string{fmt.Sprintf("JOB_COMPLETION_INDEX=%d", i)}, words[0], words[1:]...)
		}
		words = container(f[1])
		c.run(t, nil, words[0], words[1:]...)
		c.check(t)
	})

	t.Run("kubernetes queue", func(t *testing.T) {
		server := map[string]string{"$(PASSWORD)": "s3cret", "/scratch": c.scratch}
		words := func(n node) (all []string) {
			for _, w := range n.words() {
				for from, to := range server {
					w = strings.ReplaceAll(w, from, to)
				}
				all = append(all, w)
			}
			return all
		}
		var nats *natstest.Server
		for _, d := range documents(t, "kubernetes-queue.yaml") {
			switch d.at("kind").text() {
			case "StatefulSet":
				args := words(d.at("spec", "template", "spec", "containers", 0, "args"))
				if args[0] != "-js" || args[1] != "-sd" { // natstest gives these
					t.Fatalf("%q", args)
				}
				nats = natstest.Start(t, args[3:]...)
			case "Deployment":
				t.Setenv("QUEUE", strings.Replace(nats.URL(), "//", "//grade:s3cret@", 1))
				box := d.at("spec", "template", "spec", "containers", 0)
				w := begin(t, append(words(box.at("args")), "--idle", "2s")...)
				c.run(t, nil, "grade", "batch", "submissions/", "--course", "grade.toml", "--out", "results/", "--queue", "env:QUEUE")
				<-w.ended
				if w.status != nil || strings.Contains(w.said(), "s3cret") {
					t.Errorf("%v\n%s", w.status, w.said())
				}
			}
		}
		c.check(t)
	})
}
