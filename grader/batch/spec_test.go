package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Each key of the course file that changes what is run changes the key of the
// grading; what only changes its worth, or what students see, does not.
func TestWhatTheCourseFileChanges(t *testing.T) {
	lab, err := OpenLab("")
	if err != nil {
		t.Fatal(err)
	}
	key := func(text string) string {
		t.Helper()
		c, err := ParseCourse("grade.toml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s, err := NewSpec(c, lab, "go1.26.0")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return s.Key("x")
	}
	t.Setenv("COURSE_SEED", "4711")
	base := key("")
	seen := map[string]string{base: ""}
	for _, text := range []string{
		`parts = ["election"]`, `profile = "6.5840-2024"`, `raft = "core"`, "[seeds]\nfirst = 3", "[seeds]\nfirst_env = \"COURSE_SEED\"", "[seeds]\ncount = 2",
		"[limits]\nwork = 10", "[limits]\ncpu = \"1m\"", "[limits]\ntime = \"1m\"", "[limits]\nmemory = \"1GiB\"",
	} {
		k := key(text)
		if other, there := seen[k]; there {
			t.Errorf("%q has the key of %q", text, other)
		}
		seen[k] = text
	}
	const due = "due = 2026-10-01T00:00:00Z\n"
	for _, text := range []string{
		`title = "x"`, `lab = "raft"`, `raft = "own"`, due, "[points]\nelection = 3", due + "[late]\ngrace = \"1h\"\nper_day = 10\nmax_days = 2",
		"[feedback]\nlang = \"zh\"", "[feedback]\nhints = 0", due + "[feedback]\nhidden = [\"election\"]", "[feedback]\nhide_seeds = true", "[seeds]\nfirst = 1",
	} {
		if key(text) != base {
			t.Errorf("%q has another key", text)
		}
	}
	if key("parts = [\"3A\"]") != key("parts = [\"election\"]") {
		t.Error("a part's two names have two keys")
	}
}

// A secret text makes a wide seed, always the same; a number is one already.
func TestFirstSeed(t *testing.T) {
	seen := make(map[uint64]string)
	for _, c := range []struct {
		rules SeedRules
		env   string
		want  uint64 // 0: some wide one
		err   string
	}{
		{SeedRules{}, "", 1, ""},
		{SeedRules{First: 12}, "", 12, ""},
		{SeedRules{FirstEnv: "S"}, " 4711\n", 4711, ""},
		{SeedRules{FirstEnv: "S"}, "18446744073709551615", 1<<64 - 1, ""},
		{SeedRules{FirstEnv: "S"}, "c0ffee00c0ffee00c0ffee00c0ffee00", 0, ""},
		{SeedRules{FirstEnv: "S"}, "c0ffee00c0ffee00c0ffee00c0ffee01", 0, ""},
		{SeedRules{FirstEnv: "S"}, "98446744073709551615", 0, ""}, // more than 64 bits
		{SeedRules{FirstEnv: "S"}, "", 0, "found none"},
		{SeedRules{FirstEnv: "S"}, "0", 0, "found something else"},
		{SeedRules{FirstEnv: "S"}, "fifteen letters", 0, "at least 16 characters"},
	} {
		got, err := c.rules.FirstSeed(func(name string) string { return map[string]string{"S": c.env}[name] })
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) || c.env != "" && c.env != "0" && strings.Contains(err.Error(), c.env) {
				t.Errorf("%q: %v, expected %s and not the value", c.env, err, c.err)
			}
		case err != nil || c.want != 0 && got != c.want:
			t.Errorf("%+v, %q: %d %v, expected %d", c.rules, c.env, got, err, c.want)
		case c.want == 0 && (got < 1<<32 || got >= 1<<53):
			t.Errorf("%q: the seed %d, expected a wide one of 53 bits", c.env, got)
		}
		if other, there := seen[got]; there && c.err == "" {
			t.Errorf("%q and %q give one seed", c.env, other)
		}
		seen[got] = c.env
	}
}

// What students may see follows from the course file and the time.
func TestWhatStudentsMaySee(t *testing.T) {
	due := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	head := fmt.Sprintf("due = %s\n", due.Format(time.RFC3339))
	for _, x := range []struct {
		text          string
		before, after view
	}{
		{head, view{"en", 2, true, true}, view{"en", 2, false, true}},
		{"", view{"en", 2, false, true}, view{"en", 2, false, true}},
		{head + "[feedback]\nlang = \"zh\"\nhints = 0", view{"zh", 0, true, true}, view{"zh", 0, false, true}},
		{head + "[feedback]\nhide_seeds = true", view{"en", 2, true, false}, view{"en", 2, false, true}},
		{"[feedback]\nhide_seeds = true", view{"en", 2, false, false}, view{"en", 2, false, false}},
	} {
		c, err := ParseCourse("grade.toml", []byte(x.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.viewOf(due.Add(-time.Second)); got != x.before {
			t.Errorf("%q before: %+v", x.text, got)
		}
		if got := c.viewOf(due.Add(time.Second)); got != x.after {
			t.Errorf("%q after: %+v", x.text, got)
		}
	}
	c := &Course{Feedback: FeedbackRules{Hidden: []string{"persistence", "election/two_*"}}}
	for name, want := range map[[2]string]bool{
		{"persistence", "x"}: true, {"election", "two_candidates"}: true, {"election", "initial"}: false, {"agreement", "two_x"}: false,
	} {
		if c.hides(name[0], name[1]) != want {
			t.Errorf("%v is hidden: %v", name, !want)
		}
	}
}
