package grader

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// ResultFormat is the version of the Result's JSON form.
const ResultFormat = 1

// Text is a text in several languages, by language tag ("en", "zh").
type Text = script.Text

// Status is how a test, a part or a whole grading ended.
type Status string

const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // not asked for
	// Absent is a part that the year's lab does not have: no points, for nor against.
	Absent Status = "absent"
	// NotGraded means that the grader itself could not finish: nobody's points.
	NotGraded Status = "not graded"
)

// Result is the verdict on one submission. The same code, lab, seeds and
// grader give the same Result, but for Timing.
type Result struct {
	Format  int    `json:"format"`
	Grader  string `json:"grader"`            // version of raftlab
	Lab     string `json:"lab"`               // name of the lab
	LabHash string `json:"labHash"`           // SHA-256 of the lab's tests
	Subject string `json:"subject"`           // "module" or "core"
	Go      string `json:"go,omitempty"`      // Go release that built the module
	Module  string `json:"module,omitempty"`  // SHA-256 of the module
	Profile string `json:"profile,omitempty"` // what the folder was recognised as, and why
	// Raft is CoreRaft if the service stood on it; "": on the folder's.
	Raft Raft `json:"raft,omitempty"`
	// LeftOut are files of the submission that were not compiled, and why.
	LeftOut []string `json:"leftOut,omitempty"`
	Seed    uint64   `json:"seed"`
	Seeds   int      `json:"seeds"` // runs of each test, or 0 for each test's own number

	Status Status       `json:"status"`
	Points float64      `json:"points"`
	Max    float64      `json:"max"`
	Parts  []PartResult `json:"parts"`
	// Hash is the SHA-256 over the trace hashes of all runs, in order.
	Hash string `json:"hash"`

	Timing Timing `json:"timing"`
}

// Timing is where the time went: wall time, so not part of the verdict.
type Timing struct {
	Build      time.Duration `json:"build"`      // go build
	Instrument time.Duration `json:"instrument"` // rewriting the module
	Compile    time.Duration `json:"compile"`    // module to machine code
	Run        time.Duration `json:"run"`
	Total      time.Duration `json:"total"`
}

// PartResult is the verdict on one part of the lab.
type PartResult struct {
	Name string   `json:"name"`           // "election"
	Also []string `json:"also,omitempty"` // other names: "3A", "2A"
	// Course is the part's name in the year's lab that was recognised: "2A".
	Course string `json:"course,omitempty"`
	// Early is how many tests were left out because they need what a later part
	// of the course asks for: see script.Test.After.
	Early  int          `json:"early,omitempty"`
	Title  Text         `json:"title"`
	Status Status       `json:"status"`
	Points float64      `json:"points"`
	Max    float64      `json:"max"`
	Tests  []TestResult `json:"tests"`
}

// TestResult is the verdict on one test, over all its seeds.
type TestResult struct {
	Name   string      `json:"name"`
	Part   string      `json:"part"`
	Title  Text        `json:"title"`
	Status Status      `json:"status"`
	Points float64     `json:"points"`
	Max    float64     `json:"max"`
	Runs   []RunResult `json:"runs"`
	// Left is how many runs were left out after the last of Runs, which failed: the
	// verdict was known.
	Left int `json:"left,omitempty"`
	// Failure is that of the first failing run.
	Failure *Failure `json:"failure,omitempty"`
}

// RunResult is one run of one test with one seed.
type RunResult struct {
	Seed    uint64   `json:"seed"`
	Status  Status   `json:"status"`
	Hash    string   `json:"hash"`
	Virtual sim.Time `json:"virtual"` // ns of virtual time
	Steps   uint64   `json:"steps"`
	Records uint64   `json:"records"`
	RPCs    uint64   `json:"rpcs"`
	Bytes   uint64   `json:"bytes"`
	Applied uint64   `json:"applied"` // commands applied by the server that applied most
	Fuel    uint64   `json:"fuel,omitempty"`
	// Budgets are the limits the test measured, used against allowed.
	Budgets []Budget `json:"budgets,omitempty"`
	// Output is what the servers printed: bytes in all, over all servers.
	Output uint64 `json:"output,omitempty"`
	// Undecided are keys of a service whose history is too long to be searched
	// for an order: it was not judged for Linearizability.
	Undecided []string `json:"undecided,omitempty"`
}

// Budget is a measured limit.
type Budget struct {
	Name  string  `json:"name"` // "RPCs for 10 commands"
	Used  float64 `json:"used"`
	Limit float64 `json:"limit"`
	Unit  string  `json:"unit"` // "RPCs", "bytes", "s"
}

// FailureKind tells apart what a failure means for the points.
type FailureKind string

const (
	Safety   FailureKind = "safety"   // something that must never happen did
	Liveness FailureKind = "liveness" // something that must happen did not in time
	Limit    FailureKind = "budget"   // it happened at too high a cost
	Broken   FailureKind = "fault"    // the program died, hung or spun
	Engine   FailureKind = "engine"   // the grader failed, not the student
)

// Failure explains why a run failed. Texts are in the language asked for.
type Failure struct {
	Kind     FailureKind `json:"kind"`
	Property string      `json:"property"` // by its name in docs/properties.md
	Section  string      `json:"section"`  // of the paper: "§5.2"
	Seed     uint64      `json:"seed"`
	Time     sim.Time    `json:"time"`   // virtual
	Server   int         `json:"server"` // -1: not one server's
	// Servers is how many there are if the test has clients: the nodes from it on
	// are those, as which Server and the events have them. Else 0.
	Servers  int    `json:"servers,omitempty"`
	Message  string `json:"message"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	Diff     string `json:"diff,omitempty"` // go-cmp's, for logs
	// History is the smallest part of what the clients of a service did and were
	// told that shows the failure, in the order in which they asked.
	History []HistoryLine `json:"history,omitempty"`
	// Test is the line of the test that was running, Source its text.
	Test   string `json:"test,omitempty"`
	Source string `json:"source,omitempty"`
	// Code is the line of the student's code that the evidence points to.
	Code  string `json:"code,omitempty"`
	Stack string `json:"stack,omitempty"`
	// Events are the last relevant events, oldest first.
	Events []EventLine `json:"events,omitempty"`
	// Chain is how the property came to break: sentences, oldest first; So is
	// what follows from them.
	Chain []EventLine `json:"chain,omitempty"`
	So    string      `json:"so,omitempty"`
	// Certain is the first moment from which the property broke however the
	// network went on; nil if that was not looked for, which takes many runs.
	Certain *Certainty `json:"certain,omitempty"`
	// Output is the end of what the server printed.
	Output string `json:"output,omitempty"`
	Hints  []Text `json:"hints,omitempty"`
	// Replay is the command that repeats the run.
	Replay string `json:"replay,omitempty"`
	// Evidence is seen, but is not itself the failure: "sent before saved".
	Evidence []string `json:"evidence,omitempty"`
}

// Certainty says when a failure became certain: from Time on each of Tried other
// courses of the network ended so too; at Before, when that was last not so, only
// Some of them.
type Certainty struct {
	Time   sim.Time `json:"time"`
	Before sim.Time `json:"before"`
	Tried  int      `json:"tried"`
	Some   int      `json:"some"`
}

// HistoryLine is one operation of a client of a service. Times are virtual, in ns.
type HistoryLine struct {
	ID     uint64   `json:"id"`  // of its records in the trace
	Who    string   `json:"who"` // "C0"; "S0" for what was asked of a server itself
	Call   sim.Time `json:"call"`
	Return sim.Time `json:"return"` // -1: no answer came
	Ask    string   `json:"ask"`
	Answer string   `json:"answer"`
}

// EventLine is one row of the small table of events.
type EventLine struct {
	Time   sim.Time `json:"time"`
	Server int      `json:"server"` // -1: the test or the network
	Peer   int      `json:"peer"`   // the other server, or -1
	What   string   `json:"what"`
	// Detail is what a message carries, field by field.
	Detail string `json:"detail,omitempty"`
	Mark   bool   `json:"mark,omitempty"` // the event that broke the property
}

// JSON returns the Result as indented JSON.
func (r *Result) JSON() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // a Result holds nothing that cannot be encoded
	}
	return append(b, '\n')
}

// Only returns the result with those tests alone for which keep says so, and
// its sums and its hash over them. It shares the tests with r.
func (r *Result) Only(keep func(t *TestResult) bool) *Result {
	out := *r
	out.Points, out.Max = 0, 0
	out.Parts = nil
	for _, p := range r.Parts {
		p.Points, p.Max = 0, 0
		p.Tests = slices.DeleteFunc(slices.Clone(p.Tests), func(t TestResult) bool { return !keep(&t) })
		if len(p.Tests) > 0 || p.Status == Absent {
			out.Parts = append(out.Parts, p)
		}
	}
	out.sum()
	return &out
}
