package report

import (
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

// A pass without a judgement of Linearizability is told as such, in both
// languages, and only where there is one.
func TestUndecidedHistoriesAreTold(t *testing.T) {
	result := func(keys ...string) *grader.Result {
		return &grader.Result{Status: grader.Passed, Parts: []grader.PartResult{{Name: "service", Status: grader.Passed, Tests: []grader.TestResult{
			{Name: "many", Part: "service", Status: grader.Passed, Runs: []grader.RunResult{{Seed: 1, Status: grader.Passed}, {Seed: 2, Status: grader.Passed, Undecided: keys}}},
		}}}}
	}
	for lang, want := range map[string]string{"en": `Not judged for Linearizability in 1 runs`, "zh": `有 1 次运行没有判断线性一致性`} {
		var b strings.Builder
		New(&b, Options{Lang: lang, Width: 200}).Result(result("k"))
		if got := b.String(); !strings.Contains(got, want) || !strings.Contains(got, `service/many, seed 2: ["k"]`) {
			t.Errorf("%s: expected %q with test, seed and key, found\n%s", lang, want, got)
		}
		b.Reset()
		New(&b, Options{Lang: lang, Width: 200}).Result(result())
		if got := b.String(); strings.Contains(got, want) {
			t.Errorf("%s: nothing was undecided, yet the report says so:\n%s", lang, got)
		}
	}
}
