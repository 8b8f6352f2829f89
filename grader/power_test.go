package grader_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/hunt"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
)

// powerSlice is planted in every run of the tests: some bugs for each part.
var powerSlice = strings.Fields(`
	vote-not-saved votes-not-voters election-quorum-too-small vote-kept-in-new-term timeout-not-random
	commit-on-start commit-without-followers short-log-matches vote-without-log-check lock-held-while-applying entries-get-new-term
	commits-old-term log-not-restored restart-skips-log start-not-saved
	match-not-reset next-not-reset old-term-append-accepted
	snapshot-loses-term snapshot-locks-twice save-erases-snapshot snapshot-not-restored install-not-applied
`)

// gradeCPU is what a default run may cost: six seconds of two cores. It is
// counted in CPU time, lest the machine's other work decides.
const gradeCPU = 12 * time.Second

// serviceOf is the service of each lab: build.Options.Service.
var serviceOf = map[string]string{"raft": "", "kv": "kv", "lock": "lock"}

// planted is what a default run of one planted bug came to.
type planted struct {
	bug     corpus.Bug
	verdict string // "found", "MISSED" or "MISNAMED"
	by      string // the first test that failed, if one did
	failure *grader.Failure
	virtual sim.Time      // of all runs
	build   time.Duration // CPU time until the module can run, compilers included
	grade   time.Duration // CPU time of the tests
	// The first failing run as a script, if that was asked for.
	prey *grader.Prey
	bare bool // no script: the failure rests on what the test measured
}

func (p *planted) String() string {
	line := fmt.Sprintf("%-8s %-32s %-12s %6.1f s virtual, %4.1f + %4.1f CPU s", p.verdict, p.bug.Name, p.bug.Part,
		float64(p.virtual)/1e9, p.build.Seconds(), p.grade.Seconds())
	switch {
	case p.prey != nil:
		line += fmt.Sprintf(", %2d actions of %3d", p.prey.Actions, p.prey.Was)
	case p.bare:
		line += ", no script"
	}
	if f := p.failure; f != nil {
		line += fmt.Sprintf("  %s seed %d: %s: %s", p.by, f.Seed, f.Property, f.Message)
	}
	return line
}

// TestPower plants every bug of the corpus into the correct server, one at a
// time, and grades it as `grade` does by default: a test must fail, and the first
// that does must name one of the bug's properties. RAFTLAB_POWER says which bugs:
// "all", a share of them such as "2/4", or parts of their names; otherwise a
// slice of them, and of the lab the bug's own part. With RAFTLAB_FIRST the
// bug's own part is graded first, and the others only if it passes, which is
// sooner done. With RAFTLAB_SHRINK the first failing run is made small too.
func TestPower(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	which := os.Getenv("RAFTLAB_POWER")
	power(t, selectBugs(t, bugs, which, powerSlice), which == "", os.DirFS("testdata/correct"), grader.Options{}, os.Getenv("RAFTLAB_SHRINK") != "", gradeCPU)
}

// power plants the bugs in a correct solution and fails what is missed or named
// wrongly. own grades each bug's own part of the lab alone.
func power(t *testing.T, bugs []corpus.Bug, own bool, correct fs.FS, o grader.Options, shrink bool, limit time.Duration) {
	var all []*planted
	o.CacheDir = t.TempDir()
	for _, b := range bugs {
		o := o
		if b.Lab != "raft" { // the default
			o.Lab, _ = labs.Named(b.Lab)
		}
		if own {
			o.Parts = []string{b.Part}
		}
		p, err := plant(t, b, correct, o, shrink)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		if p.prey != nil && p.prey.Actions > hunt.Short {
			t.Log(p.prey.Script)
		}
		if all = append(all, p); p.verdict == "found" {
			t.Log(p)
		} else {
			t.Errorf("%s\n    accepted: %v", p, b.Properties)
		}
	}
	summarize(t, all, limit)
}

// plant grades a correct solution with one bug in it.
func plant(t *testing.T, b corpus.Bug, correct fs.FS, o grader.Options, shrink bool) (*planted, error) {
	files, err := b.Apply(correct)
	if err != nil {
		return nil, err
	}
	p := &planted{bug: b}
	begin := cpuTime()
	if o.Module, err = build.Build(t.Context(), build.Options{Dir: ".", Files: files, Service: serviceOf[b.Lab], OnCore: o.OnCore, SelfTest: release.Test}); err != nil {
		return nil, err
	}
	p.build = cpuTime() - begin
	begin = cpuTime()
	var first *grader.Saved
	o.Save = func(_ *grader.TestResult, s *grader.Saved) error {
		if first == nil {
			first = s
		}
		return nil
	}
	parts := [][]string{o.Parts}
	if o.Parts == nil && os.Getenv("RAFTLAB_FIRST") != "" {
		parts = [][]string{{b.Part}, slices.DeleteFunc(slices.Clone(corpus.PartsOf[b.Lab]), func(name string) bool { return name == b.Part })}
	}
	for _, o.Parts = range parts {
		r, err := grader.Grade(t.Context(), o)
		if err != nil {
			return nil, err
		}
		f, by, virtual := firstFailure(r)
		p.virtual += virtual
		if p.failure, p.by = f, by; f != nil {
			break
		}
	}
	p.grade = cpuTime() - begin
	switch {
	case p.failure == nil:
		p.verdict = "MISSED"
		return p, nil
	case !slices.Contains(b.Properties, check.Property(p.failure.Property)):
		p.verdict = "MISNAMED"
	default:
		p.verdict = "found"
	}
	if shrink {
		_, p.prey, err = first.Replay(t.Context(), grader.Options{CacheDir: o.CacheDir}, func(int, int) {})
		if p.bare = errors.Is(err, grader.ErrNoScript); p.bare {
			err = nil
		}
	}
	return p, err
}

// summarize says what a run over the corpus came to, and fails what it must not
// come to.
func summarize(t *testing.T, all []*planted, limit time.Duration) {
	if len(all) == 0 {
		t.Fatal("no bug was planted")
	}
	count := map[string]int{}
	inTime, scripts, short := 0, 0, 0
	shrunk := false
	for _, p := range all {
		count[p.verdict]++
		if p.build+p.grade <= limit {
			inTime++
		}
		if p.prey != nil || p.bare {
			shrunk = true
		}
		if p.prey != nil {
			if scripts++; p.prey.Actions <= hunt.Short {
				short++
			}
		}
	}
	n := len(all)
	spread := func(unit string, of func(*planted) float64) string {
		sorted := slices.SortedFunc(slices.Values(all), func(a, b *planted) int { return cmp.Compare(of(a), of(b)) })
		worst := sorted[n-1]
		return fmt.Sprintf("median %.1f %s, nine of ten at most %.1f, worst %.1f (%s)", of(sorted[n/2]), unit, of(sorted[min(n*9/10, n-1)]), of(worst), worst.bug.Name)
	}
	t.Logf("%d bugs: %d found and named right, %d missed, %d found under a wrong name", n, count["found"], count["MISSED"], count["MISNAMED"])
	t.Logf("a run in virtual time: %s", spread("s", func(p *planted) float64 { return float64(p.virtual) / 1e9 }))
	t.Logf("a run in CPU time, build included: %s", spread("s", func(p *planted) float64 { return (p.build + p.grade).Seconds() }))
	t.Logf("%d of %d runs within %.0f CPU s, which two cores do in %.0f s", inTime, n, limit.Seconds(), limit.Seconds()/2)
	if shrunk {
		found := n - count["MISSED"]
		t.Logf("%d of %d found bugs have a script, %d one of at most %d actions (%.0f %%)", scripts, found, short, hunt.Short, 100*float64(short)/float64(found))
		if 10*short < 9*found {
			t.Errorf("%d of %d scripts have at most %d actions, expected nine of ten", short, found, hunt.Short)
		}
	}
}

// selectBugs selects the bugs that one default run is to find; part are those
// for which which is "".
func selectBugs(t *testing.T, bugs []corpus.Bug, which string, part []string) []corpus.Bug {
	bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool { return b.Needs == corpus.Hunt && which != b.Name })
	var share, of int
	switch n, _ := fmt.Sscanf(which, "%d/%d", &share, &of); {
	case which == "all":
		return bugs
	case n == 2 && of > 0:
		i := 0
		return slices.DeleteFunc(bugs, func(corpus.Bug) bool { i++; return i%of != share%of })
	case which == "":
		bugs = slices.DeleteFunc(bugs, func(b corpus.Bug) bool { return !slices.Contains(part, b.Name) })
		if len(bugs) != len(part) {
			t.Errorf("%d bugs of the slice are in the corpus, expected %d", len(bugs), len(part))
		}
		return bugs
	}
	names := strings.Split(which, ",")
	return slices.DeleteFunc(bugs, func(b corpus.Bug) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(b.Name, n) })
	})
}

// firstFailure returns the first failing test's failure, its name, and the
// virtual time that all runs took.
func firstFailure(r *grader.Result) (f *grader.Failure, by string, virtual sim.Time) {
	for _, p := range r.Parts {
		for _, x := range p.Tests {
			for _, run := range x.Runs {
				virtual += run.Virtual
			}
			if x.Failure != nil && f == nil {
				f, by = x.Failure, p.Name+"/"+x.Name
			}
		}
	}
	return f, by, virtual
}

// The example that the README grades is the correct server with one bug of the
// corpus. RAFTLAB_UPDATE=1 writes it anew.
func TestExampleBugIsFresh(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(bugs, func(b corpus.Bug) bool { return b.Name == "vote-not-saved" })
	if i < 0 {
		t.Fatal("the corpus has no bug vote-not-saved")
	}
	want, err := bugs[i].Apply(os.DirFS("testdata/correct"))
	if err != nil {
		t.Fatal(err)
	}
	const dir = "testdata/example-bug"
	if os.Getenv("RAFTLAB_UPDATE") != "" {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	err = fs.WalkDir(want, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		a, err := fs.ReadFile(want, name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s/%s is not the correct server with the bug %s: run RAFTLAB_UPDATE=1 go test -run ExampleBug ./grader", dir, name, bugs[i].Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
