package batch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/report/export"
)

// Until the deadline students do not see what is hidden; they see it afterwards.
func TestFeedbackHidesUntilTheDeadline(t *testing.T) {
	subs, out := t.TempDir(), t.TempDir()
	if err := os.CopyFS(filepath.Join(subs, "bob"), os.DirFS("../testdata/example-bug")); err != nil {
		t.Fatal(err)
	}
	students, err := FindStudents([]string{subs})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, students, out)
	o.Pictures = true
	o.Course.Due.Time = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	o.Course.Feedback = FeedbackRules{Lang: "zh", Hidden: []string{"election/two_cand*", "election/voter_*"}}
	o.Course.Points = map[string]float64{"election": 40}
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		now   time.Time
		shown bool
	}{{o.Course.Due.Add(-time.Hour), false}, {o.Course.Due.Add(time.Hour), true}} {
		if _, err := Report(o.Store, o.Course, o.Lab.Lab, x.now, export.Formats()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(out, "students", "bob", "feedback.txt"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if strings.Contains(text, "two_candidates") != x.shown {
			t.Errorf("at %v, want shown %v:\n%s", x.now, x.shown, text)
		}
		if !strings.Contains(text, "/ 40\n") || strings.Contains(text, "截止时间之后才显示") == x.shown {
			t.Errorf("at %v:\n%s", x.now, text)
		}
		_, err = os.Stat(filepath.Join(out, "students", "bob", "feedback.html"))
		if (err == nil) != x.shown {
			t.Errorf("at %v the picture: %v", x.now, err)
		}
	}
}
