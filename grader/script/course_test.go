package script_test

import (
	"os"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// docs/course-labs.md tells for every test which of the course's it stands for,
// or that it is one of ours.
func TestTableOfTheCourse(t *testing.T) {
	lab, err := script.Load(labs.Raft())
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/course-labs.md")
	if err != nil {
		t.Fatal(err)
	}
	like := 0
	for _, p := range lab.Parts {
		for _, x := range p.Tests {
			name, want := "`"+p.Name+"/"+x.Name+"`", ""
			switch n := len(x.Like) - 1; {
			case n >= 0:
				like++
				want = "| `" + x.Like[:n] + "` + `2" + x.Like[n:] + "` or `3" + x.Like[n:] + "` | " + name + " |"
			case x.After != "":
				want = "| " + name + " * |"
			default:
				want = "| " + name + " |"
			}
			if strings.Count(string(page), want) != 1 {
				t.Errorf("docs/course-labs.md: expected one row with %q", want)
			}
		}
	}
	if like != 28 {
		t.Errorf("%d tests stand for one of the course's 28", like)
	}
}
