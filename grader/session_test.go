package grader

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Runs done in any order, their outcomes carried as JSON, come to the verdict
// that Grade comes to.
func TestSessionAgreesWithGrade(t *testing.T) {
	o := Options{Core: true, Run: regexp.MustCompile("^election/"), Seeds: 1}
	want, err := Grade(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	outcomes := make([]Outcome, len(s.Runs()))
	if _, err := s.Result(outcomes); err == nil {
		t.Error("outcomes that are none were taken")
	}
	for i := len(outcomes) - 1; i >= 0; i-- {
		out, err := s.Do(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &outcomes[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Result(outcomes)
	if err != nil {
		t.Fatal(err)
	}
	want.Timing, got.Timing = Timing{}, Timing{}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := s.Do(t.Context(), len(outcomes)); err == nil {
		t.Error("a run that is not there was done")
	}
}
