package race

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

const correct = "../testdata/correct"

// solution is the correct one of all labs.
func solution(t *testing.T) fs.FS {
	t.Helper()
	files, err := corpus.Solution(os.DirFS(correct), os.DirFS(correct+"-kv"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// planted is a race in testdata/races or races-kv: what it is, the function in
// which one of its two sides must be found, and the tests in which it shows.
type planted struct {
	name, race, lab string
	run             *regexp.Regexp
	files           fs.FS
}

func readPlanted(t *testing.T, file string) planted {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(data)
	p := planted{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), lab: "raft"}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "race":
			p.race = value
		case "lab":
			p.lab = value
		case "run":
			p.run = regexp.MustCompile(value)
		}
	}
	if p.race == "" || p.run == nil || len(a.Files) == 0 || len(a.Files)%3 != 0 {
		t.Fatalf("%s: want lines race: and run:, and edits", file)
	}
	var b corpus.Bug
	for i := 0; i < len(a.Files); i += 3 {
		b.Edits = append(b.Edits, corpus.Edit{File: strings.TrimSpace(string(a.Files[i].Data)), Old: string(a.Files[i+1].Data), New: string(a.Files[i+2].Data)})
	}
	if p.files, err = b.Apply(solution(t)); err != nil {
		t.Fatal(err)
	}
	return p
}

// check runs the race check, or skips the test where the machine lacks what it takes.
func check(t *testing.T, o grader.Options) *Result {
	t.Helper()
	res, err := Run(t.Context(), o)
	var be *build.Error
	if errors.As(err, &be) && be.Kind == build.Detector {
		t.Skipf("no race check on this machine: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestPlantedRaces: each is found and named. By default three are tried, with
// RAFTLAB_RACE=all every one.
func TestPlantedRaces(t *testing.T) {
	files, err := filepath.Glob("../testdata/races*/*.txtar")
	if err != nil || len(files) < 16 {
		t.Fatalf("want at least 16 planted races, found %d (%v)", len(files), err)
	}
	slice := []string{"getstate-without-lock", "reply-shared-by-calls", "reply-read-after-giving-up"}
	found := 0
	for _, file := range files {
		p := readPlanted(t, file)
		if os.Getenv("RAFTLAB_RACE") != "all" && !slices.Contains(slice, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			res := check(t, grader.Options{Files: p.files, Dir: ".", Lab: labNamed(t, p.lab), Run: p.run, Seeds: 2})
			at := regexp.MustCompile(`\b` + p.race + `\b`)
			for _, r := range res.Races {
				for _, a := range r.Accesses {
					for _, f := range a.Stack {
						if at.MatchString(f.Func) {
							found++
							return
						}
					}
				}
			}
			t.Errorf("not found in %d runs; races: %+v", res.Runs, res.Races)
		})
	}
	t.Logf("races found: %d", found)
}

// TestNoRaceInTheCorrectServer: a few runs by default, with RAFTLAB_RACE_SEEDS=N
// the whole lab on N seeds.
func TestNoRaceInTheCorrectServer(t *testing.T) {
	for lab, some := range map[string]string{
		"raft": "^(election/initial|agreement/backup|compaction/install_crash)$", "kv": "^(service/concurrent|faults/storm|snapshots/retried)$", "lock": "^lock/",
	} {
		o := grader.Options{Dir: ".", Files: solution(t), Lab: labNamed(t, lab), Run: regexp.MustCompile(some)}
		if n, err := strconv.Atoi(os.Getenv("RAFTLAB_RACE_SEEDS")); err == nil {
			o.Run, o.Seeds = nil, n
		}
		res := check(t, o)
		t.Logf("%s: %d runs of %d tests: %d races, %d runs failed", lab, res.Runs, res.Tests, len(res.Races), len(res.Failed))
		for _, r := range res.Races {
			t.Errorf("a race that is none: %s", r.Report)
		}
		if len(res.Failed) > 0 {
			t.Errorf("runs that failed natively: %v", res.Failed)
		}
	}
}

func labNamed(t *testing.T, name string) fs.FS {
	t.Helper()
	lab, ok := labs.Named(name)
	if !ok {
		t.Fatalf("no lab is named %s", name)
	}
	return lab
}

// Who runs the student's code is told by the name of the outermost function.
func TestEntries(t *testing.T) {
	for _, x := range []struct {
		client    bool
		fn, entry string
	}{
		{false, "(*Raft).Start", EntryStart}, {false, "Make", EntryMake}, {false, "(*Raft).RequestVote", EntryRPC}, {false, "(*KVServer).Get", EntryRPC},
		{false, "(*KVServer).Raft", EntryCall}, {false, "StartKVServer", EntryMaker}, {true, "MakeClerk", EntryMaker}, {true, "(*Clerk).Get", EntryCall},
		{true, "(*Lock).Acquire", EntryCall},
	} {
		n := names{client: x.client}
		if got := n.entry(x.fn); got != x.entry {
			t.Errorf("%s (client: %v): %s, expected %s", x.fn, x.client, got, x.entry)
		}
	}
}

func TestParseTellsTheTwoSides(t *testing.T) {
	n := names{false, map[string]string{"lab/raft/a.go": "raft/a.go"}, "lab/raftlabkit/"}
	side := func(head, fn, file string) string {
		return fmt.Sprintf("%s:\n  %s()\n      %s +0x1\n\n", head, fn, file)
	}
	report := func(a, b string) string {
		return "==================\nWARNING: DATA RACE\n" + a + b + "Goroutine 5 (running) created at:\n  lab/raft.Make()\n      lab/raft/a.go:3 +0x4\n\nGoroutine 6 (running) created at:\n  lab/raftlabkit/guest.(*server).handle()\n      lab/raftlabkit/guest/rpc.go:9 +0x2\n\n==================\n"
	}
	w := side("Write at 0x00c1 by goroutine 5", "lab/raft.(*Raft).Ask", "lab/raft/a.go:7")
	r := side("Previous read at 0x00c1 by goroutine 6", "lab/raft.(*Raft).Look", "lab/raft/a.go:5")
	kit := side("Previous write at 0x00c1 by goroutine 6", "lab/raftlabkit/guest.(*server).Call", "lab/raftlabkit/guest/rpc.go:80")
	got, _ := n.parse(report(w, r) + report(w, kit) + "noise\n" + report(w, ""))
	if len(got) != 1 {
		t.Fatalf("want the one race of the student's, got %+v", got)
	}
	a, b := got[0][0], got[0][1]
	if a.Write || a.At != (Place{"raft/a.go", 5, "(*Raft).Look"}) || !b.Write || a.Entry != EntryRPC || b.At.Line != 7 || b.Entry != EntryGo || *b.Started != (Place{"raft/a.go", 3, "Make"}) {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("==================\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 5:\n  f()\n      a.go:7 +0x1\n\nPrevious read at 0x1 by main goroutine:\n  g()\n      a.go:5\n\n==================\n")
	n := names{false, map[string]string{"a.go": "a.go"}, "kit/"}
	f.Fuzz(func(t *testing.T, text string) {
		races, reports := n.parse(text)
		if len(races) != len(reports) {
			t.Fatalf("%d races with %d reports", len(races), len(reports))
		}
	})
}
