package grader_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/script"
)

// grade runs a grading that must come to a verdict.
func grade(t *testing.T, o grader.Options) *grader.Result {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = t.TempDir()
	}
	r, err := grader.Grade(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// allPass reports every failure, and whether there was none.
func allPass(t *testing.T, r *grader.Result) {
	t.Helper()
	for _, p := range r.Parts {
		for _, x := range p.Tests {
			if f := x.Failure; f != nil {
				t.Errorf("%s/%s seed %d: %s at %.3f s: %s (%s)", x.Part, x.Name, f.Seed, f.Property, float64(f.Time)/1e9, f.Message, f.Test)
			}
		}
	}
	if r.Points != r.Max || r.Status != grader.Passed {
		t.Errorf("%s with %g points of %g", r.Status, r.Points, r.Max)
	}
}

func TestCorePassesEveryTest(t *testing.T) {
	seeds := 0
	if s := os.Getenv("RAFTLAB_SEEDS"); s != "" {
		fmt.Sscan(s, &seeds)
	}
	r := grade(t, grader.Options{Core: true, Seeds: seeds})
	allPass(t, r)
	if r.Max != 100 {
		t.Errorf("the lab has %g points, expected 100", r.Max)
	}
}

func TestCorrectServerPassesEveryTest(t *testing.T) {
	o := grader.Options{Dir: "testdata/correct"}
	if s := os.Getenv("RAFTLAB_SEEDS"); s != "" {
		fmt.Sscan(s, &o.Seeds)
	}
	allPass(t, grade(t, o))
}

// Other correct servers pass too: the grader looks at what a server does, not
// at how it is written.
func TestOtherStylesPass(t *testing.T) {
	dirs, err := os.ReadDir("testdata/variants")
	if err != nil {
		t.Fatal(err)
	}
	o := grader.Options{Run: regexp.MustCompile("election/(initial|split_votes)|agreement/basic|compaction/install$"), Seeds: 3}
	for _, d := range append(names(dirs, "testdata/variants/"), "testdata/mit2025") {
		t.Run(d, func(t *testing.T) {
			o := o
			o.Dir = d
			allPass(t, grade(t, o))
		})
	}
}

// No two servers share a clock, so a server that seeds math/rand from time.Now
// elects, and so does one that polls every 10 ms: on 250 seeds, or as many as
// RAFTLAB_SEEDS says.
func TestEveryClockElects(t *testing.T) {
	seeds := 250
	fmt.Sscan(os.Getenv("RAFTLAB_SEEDS"), &seeds)
	for _, d := range []string{"seeded", "polling"} {
		t.Run(d, func(t *testing.T) {
			r := grade(t, grader.Options{Dir: "testdata/variants/" + d, Run: regexp.MustCompile("^election/initial$"), Seeds: seeds})
			x := r.Parts[0].Tests[0]
			if len(x.Runs) != seeds {
				t.Fatalf("%d runs, expected %d", len(x.Runs), seeds)
			}
			if f := x.Failure; f != nil {
				t.Errorf("seed %d: %s: %s", f.Seed, f.Property, f.Message)
			}
		})
	}
}

func names(dirs []os.DirEntry, prefix string) []string {
	var l []string
	for _, d := range dirs {
		l = append(l, prefix+d.Name())
	}
	return l
}

const sliceOfTests = "election/(restarts|bad_network)|persistence/crash_points|compaction/late_snapshots"

// The verdict depends on code and seeds alone: not on the process, the number
// of workers, or how busy the machine is.
func TestSameHashAnywhere(t *testing.T) {
	if mode := os.Getenv("RAFTLAB_HASH_OF"); mode != "" {
		o := grader.Options{Dir: "testdata/correct", Run: regexp.MustCompile(sliceOfTests), Workers: 1, Core: mode == "core"}
		fmt.Println("hash:", grade(t, o).Hash)
		return
	}
	for _, mode := range []string{"core", "module"} {
		var want string
		o := grader.Options{Dir: "testdata/correct", Run: regexp.MustCompile(sliceOfTests), Core: mode == "core"}
		for _, workers := range []int{1, 2, 7} {
			o.Workers = workers
			stop := make(chan struct{})
			if workers == 2 {
				for range 4 {
					go spin(stop) // both cores are busy with something else
				}
			}
			got := grade(t, o).Hash
			close(stop)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: hash %s with %d workers, %s with 1", mode, got, workers, want)
			}
		}
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSameHashAnywhere$", "-test.v")
		cmd.Env = append(os.Environ(), "RAFTLAB_HASH_OF="+mode)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "hash: "+want) {
			t.Errorf("%s: another process: %v\n%s\nexpected hash: %s", mode, err, out, want)
		}
	}
}

func spin(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
	}
}

// An index below zero, which only a mistake can give, is told as the server gave it.
func TestIndexBelowZeroIsTold(t *testing.T) {
	bug := corpus.Bug{Name: "index-below-zero", Edits: []corpus.Edit{{
		File: "raft/apply.go", Old: "\t\t\t\t\tCommandIndex: rf.lastApplied,\n", New: "\t\t\t\t\tCommandIndex: rf.lastApplied - 2,\n",
	}}}
	files, err := bug.Apply(os.DirFS("testdata/correct"))
	if err != nil {
		t.Fatal(err)
	}
	o := grader.Options{Run: regexp.MustCompile("^agreement/basic$"), Seeds: 1}
	if o.Module, err = build.Build(t.Context(), build.Options{Dir: ".", Files: files, SelfTest: release.Test}); err != nil {
		t.Fatal(err)
	}
	for _, p := range grade(t, o).Parts {
		for _, x := range p.Tests {
			if x.Name != "basic" {
				continue
			}
			f := x.Failure
			if f == nil || f.Property != string(check.ApplyOrder) || !strings.Contains(f.Message, "applied index -1 right after index 0") {
				t.Fatalf("found %+v", f)
			}
			for _, e := range f.Events {
				if strings.Contains(e.What, "at index -1") {
					return
				}
			}
			t.Fatalf("the story does not have the index: %+v", f.Events)
		}
	}
	t.Fatal("agreement/basic did not run")
}

func TestPartsAndRun(t *testing.T) {
	r := grade(t, grader.Options{Core: true, Parts: []string{"3b"}, Run: regexp.MustCompile("^3B/basic$")})
	if len(r.Parts) != 1 || len(r.Parts[0].Tests) != 1 || r.Parts[0].Tests[0].Name != "basic" {
		t.Errorf("asked for 3B/basic, got %+v", r.Parts)
	}
	for _, o := range []grader.Options{{Core: true, Parts: []string{"nonsense"}}, {Core: true, Run: regexp.MustCompile("nonsense")}} {
		if _, err := grader.Grade(context.Background(), o); !errors.Is(err, grader.ErrNoTests) {
			t.Errorf("%+v: %v, expected ErrNoTests", o, err)
		}
	}
}

// A lab of one's own whose test fails: the core must be told apart from the lab.
func TestOwnLab(t *testing.T) {
	lab := func(body string) fstest.MapFS {
		return fstest.MapFS{
			"lab.star":  {Data: []byte(`lab(name = "own", parts = ["p.star"])`)},
			"p.star":    {Data: []byte("part(\"p\", points = 3)\ndef t(c):\n    " + body + "\ntest(t)\n")},
			"README.md": {Data: []byte("not read")},
		}
	}
	r := grade(t, grader.Options{Core: true, Lab: lab(`c.fail("Agreement", "as asked")`)})
	if f := r.Parts[0].Tests[0].Failure; f == nil || f.Property != "Agreement" || f.Test != "p.star:3" || f.Kind != grader.Liveness || r.Points != 0 || r.Max != 3 {
		t.Errorf("got %+v", r)
	}
	for _, body := range []string{"c.nothing()", "c.sleep(-1)", "x = 1 // 0", "c.start(9, 1)", `c.fail("No Such Property", "")`, "c.wait_until(lambda: False, within = 3600*s)"} {
		_, err := grader.Grade(context.Background(), grader.Options{Core: true, Lab: lab(body)})
		var le *script.Error
		if !errors.As(err, &le) || !strings.HasPrefix(le.Pos, "p.star:3") {
			t.Errorf("%s: %v, expected a *script.Error at p.star:3", body, err)
		}
	}
}

// With FirstFailure a test has the verdict that all its runs give, and nothing
// tells which of the runs after the first failure were done.
func TestFirstFailureEndsATest(t *testing.T) {
	lab := fstest.MapFS{
		"lab.star": {Data: []byte(`lab(name = "own", parts = ["p.star"])`)},
		"p.star":   {Data: []byte("part(\"p\", points = 3)\ndef t(c):\n    if c.chance(0.25):\n        c.fail(\"Agreement\", \"as drawn\")\ndef u(c):\n    c.sleep(1*s)\ntest(t)\ntest(u)\n")},
	}
	all := grade(t, grader.Options{Core: true, Lab: lab, Seeds: 24})
	want := *all
	first := slices.IndexFunc(all.Parts[0].Tests[0].Runs, func(r grader.RunResult) bool { return r.Status == grader.Failed })
	if first < 1 || first > 12 {
		t.Fatalf("the first of 24 runs to fail is %d: choose other seeds", first)
	}
	for _, workers := range []int{1, 4} {
		got := grade(t, grader.Options{Core: true, Lab: lab, Seeds: 24, FirstFailure: true, Workers: workers})
		a, b := &want.Parts[0].Tests[0], &got.Parts[0].Tests[0]
		if d := cmp.Diff(a.Runs[:first+1], b.Runs); d != "" {
			t.Errorf("%d workers, runs: (- expected, + found)\n%s", workers, d)
		}
		if b.Left != len(a.Runs)-len(b.Runs) {
			t.Errorf("%d workers: %d of %d runs done, and %d left out", workers, len(b.Runs), len(a.Runs), b.Left)
		}
		b.Runs, b.Left = a.Runs, 0
		if d := cmp.Diff(want.Parts, got.Parts); d != "" {
			t.Errorf("%d workers: (- expected, + found)\n%s", workers, d)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := grader.Options{Core: true, Seeds: 10000}
	o.Progress = func(p grader.Progress) {
		if p.Done > 5 {
			cancel()
		}
	}
	if _, err := grader.Grade(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
