package grader_test

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

// without leaves out a folder of files.
func without(t *testing.T, files fs.FS, dir string) fstest.MapFS {
	t.Helper()
	out := layers(t, files)
	maps.DeleteFunc(out, func(p string, _ *fstest.MapFile) bool { return strings.HasPrefix(p, dir+"/") })
	return out
}

// The correct service passes on the grader's own Raft, in a folder that has none.
func TestCorrectServicePassesOnTheCore(t *testing.T) {
	first, seeds := kvSeeds(t)
	files := without(t, correctKV(t), "raft")
	for _, name := range []string{"kv", "lock"} {
		lab, _ := labs.Named(name)
		begin := cpuTime()
		r := grade(t, grader.Options{Dir: ".", Files: files, Lab: lab, OnCore: true, Seed: uint64(first) + 1, Seeds: seeds})
		allPass(t, r)
		if r.Raft != "core" || len(r.LeftOut) > 0 {
			t.Errorf("%s: the result says that the Raft is %q, and that %q was left out", name, r.Raft, r.LeftOut)
		}
		t.Logf("%s: %g of %g points, %.1f CPU s, hash %.16s", name, r.Points, r.Max, (cpuTime() - begin).Seconds(), r.Hash)
	}
}

// Whatever Raft the folder holds, the module is the same, and so is each run.
func TestTheCoreReplacesTheFoldersRaft(t *testing.T) {
	var was *grader.Result
	raft := fstest.MapFS{"raft/raft.go": {Data: []byte("package raft // and nothing else\n"), Mode: 0o444}}
	for i, files := range []fs.FS{without(t, correctKV(t), "raft"), correctKV(t), over(t, labs.KV(), without(t, correctKV(t), "raft"), raft)} {
		r := grade(t, grader.Options{
			Dir: ".", Files: files, Lab: labs.KV(), OnCore: true, Run: regexp.MustCompile("^(service/basic|faults/half_done|snapshots/left_behind)$"),
			Seed: 7, Workers: 1 + i%2,
		})
		allPass(t, r)
		if i == 0 {
			was = r
			continue
		}
		if r.Module != was.Module || r.Hash != was.Hash {
			t.Errorf("folder %d: module %.12s and runs %.12s, expected %.12s and %.12s", i, r.Module, r.Hash, was.Module, was.Hash)
		}
		if !slices.Contains(r.LeftOut, "raft/raft.go: the grader's own Raft takes its place") {
			t.Errorf("folder %d: the result does not say that raft/raft.go was left out, but %q", i, r.LeftOut)
		}
	}
}

// Mistakes of the service are found on the core as on the student's Raft: also
// reads from a leader that was cut off, which must go on to lead there.
func TestServiceBugsAreFoundOnTheCore(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"read-from-leaders-map", "reply-by-index-alone", "table-not-in-snapshot", "unlock-by-non-holder"}
	power(t, selectBugs(t, bugs, "", names), true, without(t, correctKV(t), "raft"), grader.Options{OnCore: true}, false, serviceCPU)
}

// The services of the course's years stand on the core too.
func TestCourseServicePassesOnTheCore(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("RAFTLAB_KV_SEEDS"))
	for _, year := range []string{"2022", "2024", "2025", "2026"} {
		t.Run(year, func(t *testing.T) {
			o := grader.Options{Dir: kvraftYear(t, year).lay(t), Lab: labs.KVRaft(), OnCore: true, Seeds: max(seeds, 1)}
			if seeds == 0 {
				o.Run = regexp.MustCompile("rsm/(basic|restart_submit|snapshot)|service/(basic|one_key|persist_one)|snapshots/(install|recover)$")
			}
			r := grade(t, o)
			allPass(t, r)
			if r.Raft != "core" {
				t.Errorf("the result says that the Raft is %q", r.Raft)
			}
			t.Logf("%s: %g of %g points", r.Profile, r.Points, r.Max)
		})
	}
}

// edited is the correct service, without a Raft, with a text of its server replaced.
func edited(t *testing.T, old, new string) fs.FS {
	t.Helper()
	files := without(t, correctKV(t), "raft")
	server := string(files["kv/server.go"].Data)
	if strings.Count(server, old) != 1 {
		t.Fatalf("expected once in the server, found %d times: %s", strings.Count(server, old), old)
	}
	files["kv/server.go"].Data = []byte(strings.Replace(server, old, new, 1))
	return files
}

// What a report shows of stacks is the student's code alone: a command that cannot
// be saved ends the server with the line that gave it to Raft, and a lock that is
// kept is shown with who keeps it.
func TestStacksOnTheCoreAreTheServicesOwn(t *testing.T) {
	for _, x := range []struct {
		old, new string
		kind     grader.FailureKind
		stack    []string
	}{
		{"labgob.Register(Op{})", "_ = labgob.Register", grader.Broken, []string{"kv.(*KVServer).Do(", "not registered"}},
		{"kv.waiting[index] = w\n\tkv.mu.Unlock()\n", "kv.waiting[index] = w\n", grader.Broken, []string{"Mutex held since", "kv.(*KVServer).Do("}},
	} {
		r := grade(t, grader.Options{Dir: ".", Files: edited(t, x.old, x.new), Lab: labs.KV(), OnCore: true, Run: regexp.MustCompile("^service/basic$"), Seeds: 1})
		f, _, _ := firstFailure(r)
		if f == nil || f.Kind != x.kind {
			t.Errorf("%q: expected a %s, found %+v", x.new, x.kind, f)
			continue
		}
		for _, text := range x.stack {
			if !strings.Contains(f.Message+"\n"+f.Stack, text) {
				t.Errorf("%q: expected %s in the stack, found %s\n%s", x.new, text, f.Message, f.Stack)
			}
		}
		if strings.Contains(f.Stack, "raftlabkit") {
			t.Errorf("%q: the stack shows the kit:\n%s", x.new, f.Stack)
		}
		if !strings.HasSuffix(f.Replay, " --raft core") {
			t.Errorf("the command that repeats it is %q", f.Replay)
		}
	}
}
