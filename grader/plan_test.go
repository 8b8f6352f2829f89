package grader

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// --run takes the tests' own names and the course's, and a part by the name of
// any year. Tests that need the work of a later part are marked early when only
// the course's name asked for them.
func TestRunTakesTheCoursesNames(t *testing.T) {
	lab, err := OpenLab(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := func(o Options) (names, early []string) {
		t.Helper()
		tests, jobs, err := plan(lab, &o, new(Result))
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		for _, r := range tests {
			names = append(names, r.Part+"/"+r.Name)
		}
		for _, j := range jobs {
			if name := names[j.t]; j.early && !slices.Contains(early, name) {
				early = append(early, name)
			}
		}
		return names, early
	}
	part := func(name string) []string {
		names, _ := asked(Options{Parts: []string{name}, Seeds: 1})
		return names
	}
	for _, c := range []struct {
		run  string
		want []string
	}{
		{"3B", part("agreement")},
		{"2B", part("agreement")},
		{"^2A/", part("election")},
		{"3D", part("compaction")},
		{"TestBackup3B", []string{"agreement/backup"}},
		{"TestBackup2B", []string{"agreement/backup"}},
		{"^TestPersist.3C$", []string{"persistence/all_restart", "persistence/staged", "persistence/two_crash"}},
		{"^TestFigure8Unreliable", []string{"partition/figure8_unreliable"}},
		{"agreement/backup", []string{"agreement/backup"}},
	} {
		got, _ := asked(Options{Run: regexp.MustCompile(c.run), Seeds: 1})
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("--run %s: (- expected, + found)\n%s", c.run, d)
		}
	}
	_, ofCourse := asked(Options{Run: regexp.MustCompile("3A"), Seeds: 1})
	if !slices.Contains(ofCourse, "election/restarts") || slices.Contains(ofCourse, "election/initial") {
		t.Errorf("--run 3A marks %v as early, expected election/restarts among them and not election/initial", ofCourse)
	}
	if _, own := asked(Options{Run: regexp.MustCompile("election/restarts"), Seeds: 1}); own != nil {
		t.Errorf("a test asked for by its own name is marked early: %v", own)
	}
}
