package batch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
)

func TestCourseFile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"title = 'Lab 3'\ndue = \"2026-10-01T23:59:00-04:00\"\n[late]\nper_day = 10\ngrace = \"10m\"\n", ""},
		{"[points]\nelection = 30\n\"agreement/basic\" = 2.5\n[limits]\nmemory = \"2GiB\"\ncpu = \"90s\"\n", ""},
		{"\ndeu = 1\n", "x.toml:2: there is no key deu; expected one of title"},
		{"[late]\nper_day = 1\nperday = 2\n", "x.toml:3: there is no key late.perday; expected one of grace"},
		{"[seeds]\nfirst = \"one\"\n", "x.toml:2: "},
		{"[seeds\n", "x.toml:1: "},
		{"due = \"tomorrow\"\n", "x.toml:1: due: expected a time with its zone"},
		{"[late]\nper_day = 120\n", "x.toml:2: late.per_day: expected a percentage"},
		{"[late]\nper_day = 20\n", "x.toml:2: late.per_day: a late policy needs a deadline"},
		{"[feedback]\nlang = \"fr\"\n", "x.toml:2: feedback.lang: expected en or zh"},
		{"[limits]\nmemory = \"lots\"\n", "x.toml:2: limits.memory: expected at least"},
		{"[limits]\ntime = \"-3s\"\n", "x.toml:2: expected a time span"},
		{"[points]\nelection = -1\n", "x.toml:2: points.election: expected points from 0"},
		{"[seeds]\nfirst = 3\nfirst_env = \"SEED\"\n", "x.toml:3: seeds.first_env"},
		{"[feedback]\nhidden = [\"[\"]\n", "x.toml"},
	} {
		_, err := ParseCourse("x.toml", []byte(c.text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%q: %v, expected %s", c.text, err, c.want)
		}
	}
}

func FuzzParseCourse(f *testing.F) {
	f.Add([]byte("[points]\nelection = 30\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCourse("x.toml", b)
		if (c == nil) == (err == nil) {
			t.Fatalf("course %v, error %v", c, err)
		}
	})
}

func TestRoster(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"student,path\nann,a\nbob,b.zip\n", ""},
		{"\ufeffStudent,Path,submitted\nann,a,2026-10-01T23:00:00Z\n", ""},
		{"student,path,commit,folder\nann,a,HEAD,lab3\n", ""},
		{"", "expected a first row"},
		{"student\nann\n", `there is no column "path"`},
		{"student,path,grade\n", `line 1: there is no column "grade"`},
		{"student,path,path\n", "twice"},
		{"student,path\n../ann,a\n", "line 2: expected a student's name"},
		{"student,path\nann\n", "wrong number of fields"},
		{"student,path,submitted\nann,a,yesterday\n", "line 2: expected a time"},
		{"student,path,commit,folder\nann,a,HEAD,../x\n", "line 2: expected a folder within"},
	} {
		_, err := ReadRoster(strings.NewReader(c.text), ".")
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v, expected %s", c.text, err, c.want)
		}
	}
}

func TestFindStudents(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ann/raft.go", "bob.zip", "cy.tar.gz", ".hidden/x", "notes.txt"} {
		p := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(p), 0o777)
		os.WriteFile(p, nil, 0o666)
	}
	all, err := FindStudents([]string{dir})
	if err != nil || len(all) != 3 || all[0].ID != "ann" || all[1].ID != "bob" || all[2].ID != "cy" {
		t.Errorf("%v %v", all, err)
	}
	if _, err = FindStudents([]string{filepath.Join(dir, "ann")}); err == nil || !strings.Contains(err.Error(), "it is a submission") {
		t.Errorf("a submission in place of a folder of them: %v", err)
	}
	if _, err = FindStudents([]string{dir, filepath.Join(dir, "bob.zip")}); err == nil || !strings.Contains(err.Error(), "two submissions") {
		t.Errorf("a student twice: %v", err)
	}
}

func TestSafeID(t *testing.T) {
	for in, want := range map[string]string{
		"ann": "ann", "Ann Lee": "Ann Lee", "李明": "李明", "../x": "_.._x", "a/b": "a_b", "-rf": "_-rf", "nul": "_nul", "CON.txt": "_CON.txt", "a\x1b[2J": "a_[2J", "x.": "x", "\xff": "_",
	} {
		if got := safeID(in); got != want {
			t.Errorf("safeID(%q) = %q, expected %q", in, got, want)
		}
	}
}

// Points and lateness change what a record is worth, not the record.
func TestPointsAndLateness(t *testing.T) {
	lab, err := OpenLab("")
	if err != nil {
		t.Fatal(err)
	}
	due, _ := parseTime("2026-10-01T12:00:00Z")
	c := &Course{Due: Time{due}, Points: map[string]float64{"3A": 40, "agreement/basic": 7}, Late: LateRules{Grace: Duration{time.Hour}, PerDay: 25, MaxDays: 3}}
	if err := c.Fit("x.toml", lab.Lab); err != nil {
		t.Fatal(err)
	}
	if err := (&Course{Points: map[string]float64{"elektion": 1}}).Fit("x.toml", lab.Lab); err == nil {
		t.Error("points of a part that is not there were taken")
	}
	for pattern, ok := range map[string]bool{"election": true, "election/two_*": true, "elektion": false, "election/nothing": false, "*": true} {
		if err := (&Course{Feedback: FeedbackRules{Hidden: []string{pattern}}}).Fit("x.toml", lab.Lab); (err == nil) != ok {
			t.Errorf("hidden %q: %v", pattern, err)
		}
	}
	res := &grader.Result{}
	for _, p := range lab.Parts {
		pr := grader.PartResult{Name: p.Name}
		for _, tt := range p.Tests {
			pr.Tests = append(pr.Tests, grader.TestResult{Part: p.Name, Name: tt.Name, Status: grader.Passed, Points: tt.Points, Max: tt.Points})
		}
		res.Parts = append(res.Parts, pr)
	}
	r := &Record{Verdict: Graded, Result: res}
	for _, k := range []struct {
		late time.Duration
		days int
		left float64
	}{{-time.Hour, 0, 1}, {30 * time.Minute, 0, 1}, {61 * time.Minute, 1, 0.75}, {25 * time.Hour, 1, 0.75}, {26 * time.Hour, 2, 0.5}, {74 * time.Hour, 4, 0}} {
		g := c.gradeOf(lab.Lab, Entry{Student: Student{Submitted: due.Add(k.late)}}, r)
		election := 0.0
		for _, tg := range g.Tests {
			if tg.Part == "election" {
				election += tg.Points
			}
		}
		if round(election) != 40 || g.Points != g.Max || g.LateDays != k.days || g.Final != round(g.Points*k.left) {
			t.Errorf("%v late: election %g, %g of %g, %d days, final %g", k.late, election, g.Points, g.Max, g.LateDays, g.Final)
		}
	}
}

// What a student chose cannot become a formula in the instructor's spreadsheet.
func TestCellsAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1": "'+1", "-1+1": "'-1+1", "@SUM(A1)": "'@SUM(A1)", " =1": "' =1",
		"\t=1": "' =1", "\r=1": "' =1", "＝1": "'＝1", "plain": "plain", "a\nb": "a b", "\x1b[31m": " [31m", "": "",
	} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, expected %q", in, got, want)
		}
	}
}
