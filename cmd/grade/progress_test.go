package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/batch"
)

// A batch says how far it is and how long it still takes: in one line that is
// redrawn on a terminal, in a line for each grading elsewhere.
func TestBatchProgress(t *testing.T) {
	steps := []batch.Progress{
		{Stage: "read", Total: 4, Student: "ann"}, {Stage: "prepare"}, {Stage: "grade", Total: 4, Reused: 1},
		{Stage: "grade", Done: 1, Total: 4, Reused: 1, Student: "ann", Verdict: batch.Graded, Left: 90 * time.Second},
		{Stage: "grade", Done: 4, Total: 4, Reused: 1, Student: "bob", Verdict: batch.NoBuild},
	}
	show := func(lang string, live bool) string {
		var b bytes.Buffer
		p := &batchProgress{t: batchTextsIn(lang), w: &b, live: live}
		for _, s := range steps {
			p.progress(s)
		}
		p.stop()
		return b.String()
	}
	if got := show("en", false); !strings.Contains(got, "\n1/4  ann: graded  (1 were there already)  1m30s left\n4/4  bob: does not build") || strings.Contains(got, "\r") {
		t.Errorf("%q", got)
	}
	if got := show("zh", false); !strings.Contains(got, "还需 1m30s\n") {
		t.Errorf("%q", got)
	}
	live := show("en", true)
	for _, want := range []string{"[=====               ] 1/4  ann: graded", "1m30s left", "[====================] 4/4  bob: does not build"} {
		if !strings.Contains(live, want) {
			t.Errorf("%q is not in %q", want, live)
		}
	}
	if strings.Contains(live, "\n") || !strings.HasSuffix(live, "\r\x1b[K") {
		t.Errorf("%q does not stay in one line, or is left there", live)
	}
}
