package grader_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/phrase"
)

// year is a checkout of one year of the MIT lab: testdata/years/README.md.
type year struct {
	profile, raft, grade string
	replace              []string // old, new, ...
	edits                []corpus.Edit
	files                map[string][]byte
}

func readYear(t *testing.T, name string) *year {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/years/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	y := &year{files: map[string][]byte{}}
	for line := range strings.Lines(string(archive.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "base":
			y = readYear(t, rest)
		case "profile":
			y.profile = rest
		case "raft":
			y.raft = rest
		case "grade":
			y.grade = rest
		case "replace":
			for _, s := range strings.Split(rest, " => ") {
				u, err := strconv.Unquote(s)
				if err != nil {
					t.Fatalf("%s: %s: %v", name, line, err)
				}
				y.replace = append(y.replace, u)
			}
		}
	}
	for _, f := range archive.Files {
		n := len(y.edits) - 1
		switch _, what, _ := strings.Cut(f.Name, "/"); what {
		case "file":
			y.edits = append(y.edits, corpus.Edit{File: strings.TrimSpace(string(f.Data))})
		case "old":
			y.edits[n].Old = string(f.Data)
		case "new":
			y.edits[n].New = string(f.Data)
		default:
			y.files[f.Name] = f.Data
		}
	}
	return y
}

// lay writes the checkout into a folder and returns it.
func (y *year) lay(t *testing.T) string {
	t.Helper()
	solution, err := corpus.Bug{Name: "year", Edits: y.edits}.Apply(os.DirFS("testdata/correct"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(solution, "raft/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	used := make([]bool, len(y.replace))
	for _, name := range names {
		data, err := fs.ReadFile(solution, name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for i := 0; i < len(y.replace); i += 2 {
			used[i] = used[i] || strings.Contains(text, y.replace[i])
			text = strings.ReplaceAll(text, y.replace[i], y.replace[i+1])
		}
		y.files[path.Join(y.raft, path.Base(name))] = []byte(text)
	}
	for i := 0; i < len(used); i += 2 {
		if !used[i] {
			t.Errorf("nothing to replace: %q", y.replace[i])
		}
	}
	return y.write(t)
}

// write writes the files into a folder, and returns the one to grade.
func (y *year) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range y.files {
		if len(data) == 0 {
			continue // taken out of the base's checkout
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.FromSlash(y.grade))
}

// A correct solution of every year passes where it lies, and is recognised. Of
// the tests here go what differs between the years: restarts, crashes between
// two saves, snapshots. RAFTLAB_YEARS=all runs the whole lab (make years).
func TestEveryYear(t *testing.T) {
	files, err := filepath.Glob("testdata/years/*.txtar")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	cache := t.TempDir()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			y := readYear(t, name)
			o := grader.Options{Dir: y.lay(t), CacheDir: cache, Run: regexp.MustCompile("3A/initial|2C/crash_points|compaction/(install|crash_points|init)$"), Seeds: 2}
			if os.Getenv("RAFTLAB_YEARS") == "all" {
				o.Run, o.Seeds = nil, 0
				fmt.Sscan(os.Getenv("RAFTLAB_SEEDS"), &o.Seeds)
			}
			r := grade(t, o)
			allPass(t, r)
			if got, _, _ := strings.Cut(r.Profile, ":"); got != y.profile {
				t.Errorf("recognised as %s, expected %s", r.Profile, y.profile)
			}
			number := map[bool]string{true: "2", false: "3"}[name < "2024"]
			for _, p := range r.Parts {
				absent := name == "2020" && p.Name == "compaction"
				if (p.Status == grader.Absent) != absent || absent && p.Max+p.Points != 0 {
					t.Errorf("part %s is %s with %g points of %g", p.Name, p.Status, p.Points, p.Max)
				}
				// The course has no part about partitions.
				if !absent && p.Name != "partition" && !strings.HasPrefix(p.Course, number) {
					t.Errorf("part %s is called %q in the course, expected %sX", p.Name, p.Course, number)
				}
			}
			t.Logf("%s: %g of %g points", r.Profile, r.Points, r.Max)
		})
	}
}

// Who has written nothing yet gets nothing, and is told where to begin, in both
// languages.
func TestFreshSkeletonGetsNothing(t *testing.T) {
	cache := t.TempDir()
	for name, profile := range map[string]string{"2025": "6.5840-2025", "2021": "6.824-2021"} {
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile("testdata/fresh/" + name + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			y := &year{files: map[string][]byte{}, grade: "."}
			for _, f := range archive.Files {
				y.files[f.Name] = f.Data
			}
			r := grade(t, grader.Options{Dir: y.write(t), CacheDir: cache, Seeds: 1})
			if got, _, _ := strings.Cut(r.Profile, ":"); got != profile {
				t.Errorf("recognised as %s, expected %s", r.Profile, profile)
			}
			if r.Points != 0 || r.Max != 100 {
				t.Errorf("%g points of %g", r.Points, r.Max)
			}
			said := map[string]int{}
			for _, p := range r.Parts {
				for _, x := range p.Tests {
					if x.Failure == nil {
						t.Errorf("%s/%s passes", x.Part, x.Name)
						continue
					}
					switch f := x.Failure; {
					case strings.HasPrefix(f.Message, "no server sent any RPC within ") && strings.Contains(f.Expected, "RequestVote"):
						said["silent"]++
					case strings.Contains(f.Message, "answered index -1 and term -1; both count from 1") && strings.Contains(f.Expected, "isLeader = false"):
						said["start"]++
					default:
						t.Errorf("%s/%s: %s: %q, expected %q", x.Part, x.Name, f.Property, f.Message, f.Expected)
					}
					for _, text := range []string{x.Failure.Message, x.Failure.Expected} {
						if phrase.In("zh", text) == text {
							t.Errorf("no Chinese for %q", text)
						}
					}
				}
			}
			t.Logf("%v", said)
			if said["silent"] == 0 || said["start"] == 0 {
				t.Errorf("both were to be said: %v", said)
			}
		})
	}
}

// A checkout is recognised as the same from its root, from src and from the
// folder of package raft.
func TestEveryYearFromEveryFolder(t *testing.T) {
	files, err := filepath.Glob("testdata/years/*.txtar")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			y := readYear(t, name)
			y.grade = "."
			root := y.lay(t)
			for _, dir := range []string{".", path.Dir(y.raft), y.raft} {
				tree, err := build.Prepare(t.Context(), build.Options{Dir: filepath.Join(root, filepath.FromSlash(dir))})
				if err != nil {
					t.Errorf("from %s: %v", dir, err)
					continue
				}
				if tree.Profile.Name != y.profile || len(tree.Sources) == 0 {
					t.Errorf("from %s: recognised as %v", dir, &tree.Profile)
				}
			}
		})
	}
}

// A constant seed is no lockstep: in the course all servers share one stream of
// random numbers.
func TestConstantSeedIsNoLockstep(t *testing.T) {
	y := readYear(t, "2025") // go 1.22, which still obeys Seed
	y.replace = append(y.replace, "rf.resetElectionTimer()\n\n\tgo rf.ticker()", "rand.Seed(1)\n\trf.resetElectionTimer()\n\n\tgo rf.ticker()")
	allPass(t, grade(t, grader.Options{Dir: y.lay(t), Run: regexp.MustCompile("election/(restarts|many|bad_network|split_votes)$"), Seeds: 10}))
}

// Noise is contained, and what ends a server is told with the student's line.
func TestNoiseOfACheckout(t *testing.T) {
	cache := t.TempDir()
	for _, c := range []struct{ name, code, property, message, stack string }{
		{"megabytes of debug prints", "go func() {\n\t\tfor {\n\t\t\tprintln(strings.Repeat(\"debug \", 2000))\n\t\t\ttime.Sleep(5 * time.Millisecond)\n\t\t}\n\t}()", "", "", ""},
		{"log.Fatal", "go func() {\n\t\ttime.Sleep(time.Second)\n\t\tlog.Fatalf(\"server %d: term went backwards\", me)\n\t}()", "No Exit", "ended the program with exit code 1", "raft1/raft.go:"},
		{"a panic", "go func() {\n\t\ttime.Sleep(time.Second)\n\t\tpanic(\"unexpected\")\n\t}()", "No Panic", "panicked", "raft1/raft.go:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := readYear(t, "2025")
			y.replace = append(y.replace, "\tgo rf.ticker()", "\t"+c.code+"\n\tgo rf.ticker()")
			for pkg, use := range map[string]string{"strings": "strings.", "log": "log."} {
				if strings.Contains(c.code, use) {
					y.replace = append(y.replace, "\t\"math/rand\"\n", "\t\""+pkg+"\"\n\t\"math/rand\"\n")
				}
			}
			r := grade(t, grader.Options{Dir: y.lay(t), CacheDir: cache, Run: regexp.MustCompile("election/initial$"), Seeds: 2})
			if c.property == "" {
				allPass(t, r)
				return
			}
			f := r.Parts[0].Tests[0].Failure
			if f == nil {
				t.Fatal("it passes")
			}
			if f.Property != c.property || !strings.Contains(f.Message, c.message) || !strings.Contains(f.Stack, c.stack) {
				t.Errorf("%s: %s\n%s", f.Property, f.Message, f.Stack)
			}
		})
	}
}
