package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"text/template"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
)

// attack is one hostile submission, and what must become of it.
type attack struct {
	name, title string
	verdicts    []Verdict
	points      []string       // of a graded one: "all", "none", or both
	says        *regexp.Regexp // in the reason, or in what the first failure says
	long        bool           // not in a test of everything: another attack tries nearly the same
	put         func(t *testing.T, submissions string)
}

// readAttack reads testdata/hostile/NAME.txtar. Its comment is made of lines
//
//	attack: what it tries
//	verdict: those that may come of it, with | between
//	points: all, none, or all|none (of one that is graded)
//	says: a regular expression (may be left out)
//	hook: the function of the correct server that calls attack(rf) first
//	when: make hostile (left out: in every test)
//
// Its files are added to the correct server; "1/file", "1/old" and "1/new" are
// edits as in package corpus. Files are templates with ⟪ and ⟫, in which
// repeat N TEXT and lines N FORMAT make much of little.
func readAttack(t *testing.T, file string) attack {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(raw)
	a := attack{name: strings.TrimSuffix(filepath.Base(file), ".txtar")}
	hook := ""
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "attack":
			a.title = value
		case "verdict":
			for v := range strings.SplitSeq(value, "|") {
				a.verdicts = append(a.verdicts, Verdict(v))
			}
		case "points":
			a.points = strings.Split(value, "|")
		case "says":
			if a.says, err = regexp.Compile("(?i)" + value); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		case "hook":
			hook = value
		case "when":
			a.long = value == "make hostile"
		default:
			t.Fatalf("%s: unknown line %q", file, line)
		}
	}
	if a.title == "" || len(a.verdicts) == 0 || slices.Contains(a.verdicts, Graded) != (len(a.points) > 0) {
		t.Fatalf("%s: expected an attack, a verdict, and points just if it may be graded", file)
	}
	a.put = func(t *testing.T, submissions string) {
		dir := filepath.Join(submissions, a.name)
		edited(t, dir)
		bug := corpus.Bug{Name: a.name}
		for i := 0; i < len(archive.Files); i++ {
			f := archive.Files[i]
			if n, ok := strings.CutSuffix(f.Name, "/file"); ok && archive.Files[i+1].Name == n+"/old" {
				bug.Edits = append(bug.Edits, corpus.Edit{File: strings.TrimSpace(string(f.Data)), Old: string(archive.Files[i+1].Data), New: string(archive.Files[i+2].Data)})
				i += 2
				continue
			}
			put(t, filepath.Join(dir, filepath.FromSlash(f.Name)), expand(t, f.Data))
		}
		if hook != "" {
			bug.Edits = append(bug.Edits, hookInto(t, dir, hook))
		}
		fixed, err := bug.Apply(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range bug.Edits {
			b, err := fs.ReadFile(fixed, e.File)
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, filepath.FromSlash(e.File)), b)
		}
	}
	return a
}

// hookInto is the edit that makes a function of the correct server, one of Raft's
// or Make, call attack(rf) first.
func hookInto(t *testing.T, dir, function string) corpus.Edit {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "raft", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	opening := regexp.MustCompile(`(?m)^func \(rf \*Raft\) ` + function + `\(.*\{\n`)
	if function == "Make" {
		opening = regexp.MustCompile(`(?m)^\trf\.readPersist\(\)\n`)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if line := opening.FindString(string(b)); line != "" {
			return corpus.Edit{File: "raft/" + filepath.Base(file), Old: line, New: line + "\tattack(rf)\n"}
		}
	}
	t.Fatalf("the correct server has no function %s", function)
	return corpus.Edit{}
}

func put(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func expand(t *testing.T, b []byte) []byte {
	t.Helper()
	tmpl, err := template.New("").Delims("⟪", "⟫").Funcs(template.FuncMap{
		"repeat": func(n int, s string) string { return strings.Repeat(s, n) },
		// lines writes n lines; %[1]d is the number of the line from 0, %[2]d from 1.
		"lines": func(n int, format string) string {
			var b strings.Builder
			for i := range n {
				line := fmt.Sprintf(format, i, i+1)
				line, _, _ = strings.Cut(line, "%!(EXTRA")
				b.WriteString(line + "\n")
			}
			return b.String()
		},
	}).Parse(string(b))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// hostileCourse has limits that stop what is meant to be stopped soon.
func hostileCourse() *Course {
	return &Course{Limits: LimitRules{Work: 400, CPU: Duration{40 * time.Second}, Time: Duration{10 * time.Minute}, Memory: "1GiB"}}
}

// Each hostile submission (with RAFTLAB_HOSTILE, a regular expression: those of
// matching names; without it, those that are not kept for make hostile) ends in its named verdict, within the limits on
// processor time and memory, and the records of the honest ones beside it are,
// to the byte, those of the honest alone.
func TestHostile(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	attacks := odd()
	for _, f := range files {
		attacks = append(attacks, readAttack(t, f))
	}
	only := os.Getenv("RAFTLAB_HOSTILE") // some of them, by name
	attacks = slices.DeleteFunc(attacks, func(a attack) bool {
		if only == "" {
			return a.long
		}
		return !regexp.MustCompile(only).MatchString(a.name)
	})
	if only == "" && len(attacks) < 100 {
		t.Errorf("%d attacks only", len(attacks))
	}
	slices.SortFunc(attacks, func(a, b attack) int { return strings.Compare(a.name, b.name) })

	honest := func(dir string) {
		edited(t, filepath.Join(dir, "honest-correct"))
		edited(t, filepath.Join(dir, "honest-wrong"), "return rf.currentTerm, rf.role == leader", "return rf.currentTerm, false")
		edited(t, filepath.Join(dir, "honest-typo"), "func Make(", "func make(")
	}
	alone, among := t.TempDir(), t.TempDir()
	honest(alone)
	honest(among)
	for _, a := range attacks {
		a.put(t, among)
	}
	run := func(dir string) (*Store, *Manifest) {
		students, err := FindStudents([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		o := options(t, students, t.TempDir())
		if only != "" {
			o.Progress = func(p Progress) {
				if p.Stage == "grade" && p.Done > 0 {
					t.Log(p.Student, p.Verdict)
				}
			}
		}
		o.Course = hostileCourse()
		if o.Lab, err = OpenLab("testdata/hostile/lab"); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		m, err := o.Store.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		return o.Store, m
	}
	aloneStore, aloneManifest := run(alone)
	store, m := run(among)

	entries := make(map[string]Entry)
	for _, e := range m.Entries {
		entries[e.Student.ID] = e
	}
	for _, e := range aloneManifest.Entries {
		want, err := os.ReadFile(aloneStore.path("records", e.Key, ".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(store.path("records", entries[e.Student.ID].Key, ".json"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: another record beside hostile neighbours: %v\n%s\nexpected\n%s", e.Student.ID, err, got, want)
		}
	}

	lim := m.Spec.Limits
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "attack\tverdict\tCPU s\tMiB\t\n")
	var total Cost
	for _, a := range attacks {
		e, ok := entries[a.name]
		r := store.Record(e.Key)
		if !ok || r == nil {
			t.Errorf("%s: no record", a.name)
			continue
		}
		var cost Cost
		if b, err := os.ReadFile(store.path("costs", e.Key, ".json")); err == nil {
			if err := json.Unmarshal(b, &cost); err != nil {
				t.Fatal(err)
			}
		}
		verdict, said := a.outcome(t, r)
		fmt.Fprintf(w, "%s: %s\t%s\t%.1f\t%d\t\n", a.name, a.title, verdict, cost.CPU, cost.Memory>>20)
		total.CPU += cost.CPU
		total.Wall += cost.Wall
		total.Memory = max(total.Memory, cost.Memory)
		// The compilers' processes have limits of their own: a tenth each.
		if cost.CPU > 2*float64(lim.CPU) || cost.Memory > lim.Memory+lim.Memory/4 {
			t.Errorf("%s: %.1f s of processor time, %d MiB", a.name, cost.CPU, cost.Memory>>20)
		}
		if b := store.path("records", e.Key, ".json"); sizeOf(t, b) > 1<<20 {
			t.Errorf("%s: a record of %d bytes", a.name, sizeOf(t, b))
		}
		if only != "" {
			t.Logf("%s: %.600s", a.name, said)
		}
	}
	w.Flush()
	t.Logf("%d attacks:\n%s\nin all %.0f s of processor time; the largest process %d MiB", len(attacks), &table, total.CPU, total.Memory>>20)
}

func sizeOf(t *testing.T, name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// outcome checks a record against what the attack must come to, and tells it in
// a few words.
func (a *attack) outcome(t *testing.T, r *Record) (verdict, said string) {
	t.Helper()
	verdict, said = string(r.Verdict), r.Reason
	for _, p := range r.Problems {
		said += "\n" + p.Pos() + " " + p.Reason
	}
	if res := r.Result; res != nil {
		points := "none"
		if res.Points == res.Max {
			points = "all"
		} else if res.Points > 0 {
			points = "some"
		}
		if !slices.Contains(a.points, points) {
			t.Errorf("%s: %g of %g points, expected %v", a.name, res.Points, res.Max, a.points)
		}
		verdict += ", all points"
		if points != "all" {
			f := firstFailure(res)
			verdict = fmt.Sprintf("%s, %s points: %s", r.Verdict, points, f.Property)
			said = strings.Join([]string{string(f.Kind), f.Property, f.Message, f.Found, f.Stack}, "\n")
			if f.Kind == grader.Engine {
				t.Errorf("%s: the grader's own failure: %s", a.name, said)
			}
		}
	} else {
		verdict += ": " + firstLine(r.Reason)
	}
	if !slices.Contains(a.verdicts, r.Verdict) {
		t.Errorf("%s: %s, expected %v: %.1000s", a.name, r.Verdict, a.verdicts, said)
	}
	if a.says != nil && !(r.Verdict == Graded && verdict == "graded, all points") && !a.says.MatchString(said) {
		t.Errorf("%s: expected %q in %.1000q", a.name, a.says, said)
	}
	if len(said) > 64<<10 {
		t.Errorf("%s: %d bytes of explanation", a.name, len(said))
	}
	return verdict, said
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 90 {
		s = s[:90] + "…"
	}
	return s
}

func firstFailure(res *grader.Result) *grader.Failure {
	for _, p := range res.Parts {
		for _, test := range p.Tests {
			if test.Failure != nil {
				return test.Failure
			}
		}
	}
	return &grader.Failure{}
}
