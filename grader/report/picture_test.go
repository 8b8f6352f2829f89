package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

type vote struct{ Term, CandidateId int }
type logged struct {
	Term    int
	Command interface{}
}

// A run in which server 0 saves, asks server 1 for its vote, and is broken.
func pictured(t *testing.T) *Picture {
	t.Helper()
	gob := func(vs ...interface{}) []byte {
		var out []byte
		for _, v := range vs {
			b, err := labgob.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b...)
		}
		return out
	}
	types := append([]byte(`{"methods":{"Raft.RequestVote":["report.vote","report.vote"]},"types":`), labgob.Describe(vote{}, logged{})...)
	types = append(types, '}')
	rec := sim.NewRecorder(true)
	for _, r := range []sim.Record{
		{Kind: sim.RecBoot, Node: 0, Peer: -1, ID: 1},
		{Kind: sim.RecLine, Node: -1, Peer: -1, Name: "election.star:12", Data: []byte("c.wait_leader()")},
		{Kind: sim.RecSave, Node: 0, Peer: -1, Data: gob(3, 0, []logged{{}, {2, "x</script>"}})},
		{Kind: sim.RecSend, Node: 0, Peer: 1, ID: 1, Term: 2, Name: "Raft.RequestVote", Data: gob(vote{3, 0})},
		{Kind: sim.RecSend, Node: 0, Peer: 2, ID: 2, Term: 2, Name: "Raft.RequestVote", Data: []byte{255, 1}},
		{Kind: sim.RecApply, Node: 0, Peer: -1, Index: 1, Data: wire.AppendCommand(nil, 7)},
		{Kind: sim.RecViolation, Node: 0, Peer: -1, Name: "Election Safety"},
	} {
		rec.Watch(&r)
	}
	var b bytes.Buffer
	if err := rec.WriteTrace(&b, sim.Header{Servers: 3, Module: "m", Types: types}); err != nil {
		t.Fatal(err)
	}
	lab, err := grader.OpenLab(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Picture{
		Lang: "zh", Lab: lab, Trace: b.Bytes(), Again: "grade --run a/b", Hints: 1,
		Run: &grader.RunResult{Seed: 4, Status: grader.Failed, Hash: rec.Hash().String()},
		Test: &grader.TestResult{Part: "election", Name: "two", Failure: &grader.Failure{
			Seed: 4, Property: "Election Safety", Message: "two leaders in term 2: server 2, and now server 1 says that it is the leader",
			Hints:   []grader.Text{{"en": "first"}, {"en": "second"}},
			History: []grader.HistoryLine{{ID: 3, Who: "C0", Call: 7, Return: -1, Ask: `Get("k")`, Answer: "..."}},
			Chain:   []grader.EventLine{{Time: 5, Server: 1, What: "server 1 stands for leader in term 2"}}, So: "So server 0 answered both candidates of term 2.",
		}},
	}
}

func unpacked(t *testing.T, page, id string) []byte {
	t.Helper()
	m := regexp.MustCompile(`id="` + id + `">([^<]+)</script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page holds no %s", id)
	}
	b, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	b, err = io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPictureHoldsTheTraceAndWhatItSays(t *testing.T) {
	p := pictured(t)
	var b strings.Builder
	if err := WritePicture(&b, p); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if got := unpacked(t, page, "raftlab-trace"); !bytes.Equal(got, p.Trace) {
		t.Errorf("the page's trace has %d bytes, the run's %d", len(got), len(p.Trace))
	}
	var a about
	if err := json.Unmarshal(unpacked(t, page, "raftlab-run"), &a); err != nil {
		t.Fatal(err)
	}
	told := func(at int) string {
		var vs []any
		for _, i := range a.At[at] {
			vs = append(vs, a.Values[i])
		}
		s, _ := json.Marshal(vs)
		return string(s)
	}
	for at, want := range map[int]string{
		2: `["3","0",{"e":[{"f":[["Term","0"],["Command","nil"]],"t":"report.logged"},{"f":[["Term","2"],["Command","\"x\u003c/script\u003e\""]],"t":"report.logged"}],"n":2}]`,
		3: `[{"f":[["Term","3"],["CandidateId","0"]],"t":"report.vote"}]`,
		4: `null`,
		5: `["7"]`,
	} {
		if got := strings.ReplaceAll(told(at), `,"t":"[]report.logged"`, ""); got != want {
			t.Errorf("record %d is shown as\n%s, want\n%s", at, got, want)
		}
	}
	if len(a.Chain) != 1 || a.Chain[0].Time != 5 || a.Chain[0].Server != 1 || a.Chain[0].What.Zh == a.Chain[0].What.En || a.So == nil || a.So.Zh == a.So.En {
		t.Errorf("the chain is %+v, %+v", a.Chain, a.So)
	}
	if len(a.History) != 1 || a.History[0] != p.Test.Failure.History[0] {
		t.Errorf("the clients' history is %+v", a.History)
	}
	if a.Message == nil || a.Message.Zh == a.Message.En || len(a.Hints) != 1 || a.MoreHints != 1 || a.Sources["election.star"] == "" {
		t.Errorf("beside the trace stands %+v", a)
	}
}

// The page may be read where there is no network: it must name no other file.
func TestPictureNeedsNoOtherFile(t *testing.T) {
	var b strings.Builder
	if err := WritePicture(&b, pictured(t)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`src="`, `href="`, `@import`, `url(http`, `fetch(`, `import(`} {
		if i := strings.Index(b.String(), bad); i >= 0 {
			t.Errorf("the page holds %s: %q", bad, b.String()[max(0, i-40):min(b.Len(), i+60)])
		}
	}
}

func TestPictureOfADamagedTraceIsRefused(t *testing.T) {
	p := pictured(t)
	p.Trace = p.Trace[:len(p.Trace)-1]
	if err := WritePicture(io.Discard, p); err == nil {
		t.Error("a trace that is cut short was written")
	}
}
