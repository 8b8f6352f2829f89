package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
)

// rebuild is a way to build the command from the same source.
type rebuild struct {
	name  string
	env   []string
	flags []string
	// dear says that all packages have to be compiled for it: such are built only
	// if RAFTLAB_REBUILD is set.
	dear bool
	// fits, if not nil, says whether this machine can run it.
	fits func() bool
}

var rebuilds = []rebuild{
	{name: "without symbols and optimisation", flags: []string{"-ldflags=-s -w", "-gcflags=github.com/raftlab/raftlab/grader/...=-N -l"}},
	{name: "without paths and cgo", env: []string{"CGO_ENABLED=0"}, flags: []string{"-trimpath"}, dear: true},
	// The compiler may fuse a product and a sum of floats, as it does on arm64.
	{name: "for a processor that fuses floats", env: []string{"GOAMD64=v3", "CGO_ENABLED=0"}, dear: true, fits: func() bool { return runtime.GOARCH == "amd64" && hasFMA() }},
	// 32 bits, and wazero interprets there: another engine runs the module.
	{name: "for 32 bits, with an interpreter", env: []string{"GOARCH=386", "CGO_ENABLED=0"}, dear: true, fits: func() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" }},
}

// hasFMA says whether Linux names the instruction among the processor's.
func hasFMA() bool {
	b, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(b), " fma ")
}

// What is saved on one machine is the same run, to the byte, in every build of
// the command from the same source; and the same code graded there gives the same
// module and the same trace. Three bugs: lost votes, a wrong term in a snapshot
// on a network that loses and reorders, a failure at the first command. By
// default one of them and one build; RAFTLAB_REBUILD=all tries all.
func TestASavedFailureIsTheSameRunAfterARebuild(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("../../grader/testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"vote-not-saved": "election/two_candidates", "snapshot-term-is-current": "compaction/snapshot_term", "commit-without-followers": "agreement/basic",
	}
	if os.Getenv("RAFTLAB_REBUILD") == "" {
		tests = map[string]string{"vote-not-saved": tests["vote-not-saved"]}
	}
	dir := t.TempDir()
	build := func(r rebuild) (command string, env []string) {
		t.Helper()
		// Another path, and other caches for what it compiles.
		home := filepath.Join(dir, strings.ReplaceAll(r.name, " ", "-"))
		command = filepath.Join(home, "grade")
		if runtime.GOOS == "windows" {
			command += ".exe"
		}
		cmd := exec.Command("go", append(append([]string{"build", "-o", command}, r.flags...), ".")...)
		cmd.Env = append(os.Environ(), r.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", r.name, err, out)
		}
		return command, append(os.Environ(), "XDG_CACHE_HOME="+home, "LocalAppData="+home, "GOCACHE="+goCache(t), "LANG=en_US.UTF-8")
	}
	run := func(command string, env []string, args ...string) string {
		t.Helper()
		cmd := exec.Command(command, args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
			t.Fatalf("%s: expected exit code 1, found %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	saved := func(command string, env []string, into, server, test string) (string, grader.Saved) {
		t.Helper()
		run(command, env, "--run", test, "--seeds", "1", "--save", into, server)
		file := filepath.Join(into, strings.ReplaceAll(test, "/", "-")+"-1.zip")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := grader.ReadSaved(b)
		if err != nil {
			t.Fatal(err)
		}
		return file, *d
	}

	command, env := build(rebuild{name: "as it is"})
	first := map[string]grader.Saved{}
	files := map[string]string{}
	for _, b := range bugs {
		if tests[b.Name] == "" {
			continue
		}
		code, err := b.Apply(os.DirFS("../../grader/testdata/correct"))
		if err != nil {
			t.Fatal(err)
		}
		server := filepath.Join(dir, b.Name)
		if err := os.CopyFS(server, code); err != nil {
			t.Fatal(err)
		}
		files[b.Name], first[b.Name] = saved(command, env, filepath.Join(dir, "saved"), server, tests[b.Name])
	}
	if len(first) != len(tests) {
		t.Fatalf("%d of %d bugs are in the corpus", len(first), len(tests))
	}
	for _, r := range rebuilds {
		if r.dear && os.Getenv("RAFTLAB_REBUILD") == "" || r.fits != nil && !r.fits() {
			continue
		}
		command, env := build(r)
		for name, was := range first {
			if out := run(command, env, "replay", files[name]); !strings.Contains(out, "The run is the one that was saved, to the byte: trace "+was.Hash[:16]) {
				t.Errorf("%s: %s is another run:\n%s", r.name, name, out[max(0, len(out)-400):])
			}
			_, is := saved(command, env, filepath.Join(dir, "again"), filepath.Join(dir, name), tests[name])
			if is.Hash != was.Hash || is.Module != was.Module || is.Property != was.Property || is.Message != was.Message || is.Time != was.Time {
				a, _ := json.Marshal(was)
				b, _ := json.Marshal(is)
				t.Errorf("%s: %s was graded as\n%s\nand is now\n%s", r.name, name, a, b)
			}
		}
		t.Logf("%s: %d saved failures and gradings are the same", r.name, len(first))
	}
}

// goCache is the user's, of this machine.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
