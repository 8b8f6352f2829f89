package report_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got); go test ./grader/report -update rewrites it:\n%s", file, d)
	}
}

// sample is a result with a failure of every kind, and everything that one can hold.
func sample() *grader.Result {
	text := func(en, zh string) grader.Text { return grader.Text{"en": en, "zh": zh} }
	test := func(part, name, en, zh string, f *grader.Failure) grader.TestResult {
		t := grader.TestResult{
			Name: name, Part: part, Title: text(en, zh), Status: grader.Passed, Points: 5, Max: 5,
			Runs: []grader.RunResult{{Seed: 3, Status: grader.Passed}, {Seed: 4, Status: grader.Passed}},
		}
		if f != nil {
			t.Status, t.Points, t.Failure = grader.Failed, 0, f
			t.Runs[1].Status = grader.Failed
		}
		return t
	}
	const ms = sim.Millisecond
	safety := &grader.Failure{
		Kind: grader.Safety, Property: "State Machine Safety", Section: "§5.4.3", Seed: 4, Time: 2384*ms + 12000, Server: 2,
		Message:  `server 2 applied "x7" at index 5, where server 0 had applied "x3"`,
		Expected: `"x3" at index 5`, Found: `"x7" at index 5`,
		Diff: "  []string{\n  \t\"x1\",\n- \t\"x3\",\n+ \t\"x7\",\n  }\n",
		Test: "agreement.star:84", Source: "c.commit(102, servers = 3)", Code: "raft/apply.go:3",
		Stack:  "goroutine 7 [running]:\nlab/raft.(*Raft).apply(...)\n\traft/apply.go:3",
		Output: "PASS\nok  \tlab/raft\t0.1s\x1b[2J\n\u202eevil\n", Evidence: []string{"at 1.204000 s server 1 sent its Raft.AppendEntries reply before it saved its state"},
		Events: []grader.EventLine{
			{Time: 1204 * ms, Server: 0, Peer: 1, What: "Raft.AppendEntries"},
			{Time: 1209 * ms, Server: 1, Peer: 0, What: "Raft.AppendEntries reply"},
			{Time: 1300 * ms, Server: -1, Peer: -1, What: "link cut S0→S1, S0→S2"},
			{Time: 1312 * ms, Server: 1, Peer: -1, What: "crashes in the middle of a step"},
			{Time: 2384*ms + 12000, Server: 2, Peer: -1, What: "applies \"x7\" at index 5, with a text that is longer than the space that is left for it on a terminal of eighty columns", Mark: true},
		},
		Hints: []grader.Text{
			text("The two servers disagreed about what is committed.", "两台服务器对什么已经提交看法不同。"),
			text("A follower's log may be applied only as far as it is known to equal the leader's: up to the smaller of the leader's commit index and the last entry this very message has confirmed (Figure 2).",
				"跟随者（follower）的日志只能应用到确知与领导者一致的位置：取领导者的提交索引和这一条消息所确认的最后一个条目中较小的那个（图 2）。"),
			text("Read your AppendEntries handler line by line.", "逐行读你的 AppendEntries 处理函数。"),
		},
		Replay: "grade --run agreement/rejoin --seed 4 --seeds 1",
	}
	liveness := &grader.Failure{Kind: grader.Liveness, Property: "Leader Elected", Section: "§5.2", Seed: 4, Time: 5000 * ms, Server: -1,
		Message: "no leader within 5 s", Replay: "grade --run election/initial --seed 4 --seeds 1"}
	limit := &grader.Failure{Kind: grader.Limit, Property: "RPC Budget", Seed: 4, Time: 900 * ms, Server: -1,
		Message: "too many RPCs for 10 commands", Expected: "at most 42 RPCs", Found: "97 RPCs"}
	fault := &grader.Failure{Kind: grader.Broken, Property: "No Panic", Seed: 4, Time: 77 * ms, Server: 1, Message: "panic: index out of range [3] with length 3"}

	counts := test("agreement", "counts", "RPCs are not wasted", "不浪费 RPC", limit)
	counts.Runs[0].Budgets = []grader.Budget{{Name: "RPCs for 10 commands", Used: 38, Limit: 42, Unit: "RPCs"}, {Name: "idle, 1 s", Used: 12, Limit: 60, Unit: "RPCs"}}
	counts.Runs[1].Budgets = []grader.Budget{{Name: "RPCs for 10 commands", Used: 97, Limit: 42, Unit: "RPCs"}}
	return &grader.Result{
		Format: grader.ResultFormat, Grader: "v1", Lab: "raft", LabHash: "0123456789abcdef", Subject: "module", Go: "go1.26.1",
		Module: "fedcba9876543210", Profile: "raftlab: the module has raftapi", Seed: 3, Seeds: 2,
		Status: grader.Failed, Points: 10, Max: 30, Hash: "aaaabbbbccccdddd",
		Parts: []grader.PartResult{
			{Name: "election", Also: []string{"3A"}, Title: text("Leader election", "领导者选举"), Status: grader.Passed, Points: 5, Max: 5, Tests: []grader.TestResult{
				test("election", "initial", "a first leader, and it stays", "选出第一个领导者，并保持稳定", nil),
			}},
			{Name: "agreement", Also: []string{"3B"}, Title: text("Log agreement", "日志一致"), Status: grader.Failed, Points: 5, Max: 25, Tests: []grader.TestResult{
				test("agreement", "basic", "the first commands", "最初的命令", nil),
				test("agreement", "rejoin", "a follower catches up", "跟随者追上进度", safety),
				test("agreement", "late", "an election in time", "及时选举", liveness),
				counts,
				test("agreement", "unread", "an applyCh that nobody reads", "无人读取的 applyCh", fault),
			}},
		},
		Timing: grader.Timing{Build: 400 * time.Millisecond, Compile: 600 * time.Millisecond, Run: 2 * time.Second, Total: 3 * time.Second},
	}
}

var code = fstest.MapFS{"raft/apply.go": {Data: []byte("package raft\n\n\tif rf.lastApplied < n { // \x1b[31m\n\t}\n")}}

func show(o report.Options, res *grader.Result) []byte {
	var out, status bytes.Buffer
	o.Code = code
	run := report.New(&out, o).Start(&status, false, false)
	run.Result(res)
	return append(out.Bytes(), status.Bytes()...)
}

func TestReport(t *testing.T) {
	passed := sample()
	passed.Status, passed.Points, passed.Max = grader.Passed, 5, 5
	passed.Parts = passed.Parts[:1]
	lost := sample()
	lost.Status, lost.Parts = grader.NotGraded, lost.Parts[:1]
	for _, c := range []struct {
		name string
		o    report.Options
		res  *grader.Result
	}{
		{"passed.txt", report.Options{}, passed},
		{"notgraded.txt", report.Options{}, lost},
		{"failed.txt", report.Options{Hints: 2}, sample()},
		{"failed.zh.txt", report.Options{Hints: 2, Lang: "zh"}, sample()},
		{"failed.ascii.txt", report.Options{ASCII: true, Width: 60}, sample()},
		{"failed.color.txt", report.Options{Hints: 9, Color: true}, sample()},
		{"verbose.txt", report.Options{Hints: 9, Verbose: true, Width: 100}, sample()},
		{"budgets.zh.txt", report.Options{Budgets: true, Lang: "zh"}, sample()},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, show(c.o, c.res)) })
	}
}

// Nothing that a student's program prints may look like the report's own words,
// or reach the terminal as a command.
func TestOutputOfProgramsIsTamed(t *testing.T) {
	out := string(show(report.Options{Verbose: true}, sample()))
	for _, bad := range []string{"\x1b", "\u202e"} {
		if strings.Contains(out, bad) {
			t.Errorf("the report holds %q", bad)
		}
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "PASS") && !strings.Contains(line, "│ PASS") {
			t.Errorf("a printed PASS stands without a bar: %q", line)
		}
	}
}

func TestErrors(t *testing.T) {
	refused := &build.Error{Kind: build.Refused, More: 2, Problems: []build.Problem{
		{File: "raft/apply.go", Line: 3, Col: 2, Reason: `imports "os/exec"`, Advice: "A server runs no other program."},
		{Reason: "the folder holds a link out of it"},
	}}
	for _, c := range []struct {
		name  string
		err   error
		cause report.Cause
	}{
		{"refused", refused, report.Build},
		{"usage", &build.Error{Kind: build.Usage, Problems: []build.Problem{{Reason: "no Go files here", Advice: "Name the folder."}}}, report.Usage},
		{"toolchain", &build.Error{Kind: build.Toolchain, Problems: []build.Problem{{Reason: "found no Go"}}}, report.Internal},
		{"detector", &build.Error{Kind: build.Detector, Problems: []build.Problem{{Reason: "found no C compiler: tried gcc"}}}, report.Internal},
		{"lab", &script.Error{Pos: "mine.star:3:1", Msg: "undefined: comit"}, report.Usage},
		{"notests", errors.Join(grader.ErrNoTests), report.Usage},
		{"engine", errors.Join(grader.ErrEngine, errors.New("out of luck")), report.Internal},
		{"interrupt", context.Canceled, report.Interrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := report.CauseOf(c.err); got != c.cause {
				t.Errorf("cause %s, expected %s", got, c.cause)
			}
			var b bytes.Buffer
			for _, lang := range []string{"en", "zh"} {
				report.New(&b, report.Options{Lang: lang, Code: code}).Error(c.err)
				b.WriteString("\n")
			}
			b.Write(report.ErrorJSON(c.err))
			golden(t, "error."+c.name+".txt", b.Bytes())
		})
	}
}

// On a terminal a line is redrawn, and erased before anything else is written.
func TestLiveLine(t *testing.T) {
	var out bytes.Buffer // stdout and stderr are one terminal
	run := report.New(&out, report.Options{}).Start(&out, true, true)
	run.Progress(grader.Progress{Stage: "standard library"})
	run.Progress(grader.Progress{Stage: "go build"})
	run.Progress(grader.Progress{Stage: "test", Total: 12})
	res := sample()
	run.Progress(grader.Progress{Stage: "test", Done: 2, Total: 12, Test: &res.Parts[1].Tests[1]})
	run.Interrupted()
	run.Stop()
	got := out.String()
	for _, want := range []string{
		"standard library", "compiling your code", "testing  2/12  1 failed", "FAIL  agreement/rejoin", "Interrupted after 2 of 12 runs",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("expected %q in\n%q", want, got)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(got), "\n") {
		shown := line[strings.LastIndex(line, "\r\x1b[K")+1:]
		if strings.Contains(shown, "testing") {
			t.Errorf("a redrawn line was not erased: %q", line)
		}
	}
}

// A panic's stack is printed by Go's runtime too; it is shown once.
func TestStackIsShownOnce(t *testing.T) {
	res := sample()
	f := &grader.Failure{Kind: grader.Broken, Property: "No Panic", Server: 1, Message: "server 1 panicked", Expected: "nothing", Found: "panic: boo",
		Stack: "panic: boo\n\ngoroutine 7 [running]:", Output: "hello\npanic: boo\n\ngoroutine 7 [running]:\n\traft/raft.go:44\n"}
	res.Parts[1].Tests[1].Failure = f
	out := string(show(report.Options{}, res))
	if n := strings.Count(out, "goroutine 7"); n != 1 {
		t.Errorf("the stack is shown %d times:\n%s", n, out)
	}
	if !strings.Contains(out, "│ hello") {
		t.Error("what the program printed is missing")
	}
}
