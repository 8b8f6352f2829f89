package grader

import (
	"bytes"
	"slices"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

func traceOf(t *testing.T, h sim.Header, records ...sim.Record) *sim.Trace {
	t.Helper()
	rec := sim.NewRecorder(true)
	for i := range records {
		rec.Watch(&records[i])
	}
	var b bytes.Buffer
	if err := rec.WriteTrace(&b, h); err != nil {
		t.Fatal(err)
	}
	tr, err := sim.DecodeTrace(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestATraceTellsWhatBrokeInIt(t *testing.T) {
	boot := sim.Record{Kind: sim.RecBoot, Node: 0, Peer: -1, ID: 1}
	line := sim.Record{T: 5, Kind: sim.RecLine, Node: -1, Peer: -1, Name: "election.star:12", Data: []byte("c.wait_leader()")}
	broken := sim.Record{T: 9, Kind: sim.RecViolation, Node: 1, Peer: 2, Name: "Election Safety", Data: []byte("two leaders in term 2")}
	tr := traceOf(t, sim.Header{Lab: "raft", Test: "election/two_candidates", Seed: 4, Servers: 3}, boot, line, broken)
	got, lab, err := OfTrace(tr)
	if err != nil {
		t.Fatal(err)
	}
	f := got.Failure
	if f == nil || f.Property != "Election Safety" || f.Section != "§5.2" || f.Kind != Safety || f.Time != 9 || f.Server != 1 || f.Seed != 4 ||
		f.Message != "two leaders in term 2" || f.Test != "election.star:12" || f.Source != "c.wait_leader()" || len(f.Hints) == 0 {
		t.Errorf("the failure is %+v", f)
	}
	if got.Part != "election" || got.Name != "two_candidates" || got.Title["zh"] == "" || got.Runs[0].Hash != tr.Hash.String() || got.Runs[0].Virtual != 9 || lab == nil || lab.File("election.star") == "" {
		t.Errorf("the test is %+v of lab %v", got, lab)
	}

	// What is not known of is told as far as the trace goes.
	got, lab, err = OfTrace(traceOf(t, sim.Header{Lab: "../mine", Test: "lesson", Servers: 3}, boot, line))
	if err != nil || lab != nil || got.Status != Passed || got.Failure != nil || got.Part != "lesson" || got.Name != "" {
		t.Errorf("a trace of another lab: %+v, %v, %v", got, lab, err)
	}
	got, _, err = OfTrace(traceOf(t, sim.Header{Servers: 3}, sim.Record{Kind: sim.RecViolation, Node: 0, Peer: -1, Name: "Peace"}))
	if err != nil || got.Failure.Property != "Peace" || got.Failure.Kind != Engine || got.Failure.Section != "" {
		t.Errorf("a trace with an unknown property: %+v, %v", got.Failure, err)
	}
}

// What clients did that shows a failure goes with the trace; a trace comes from
// anybody, and nonsense there is no history.
func TestATraceCarriesTheHistory(t *testing.T) {
	lines := []HistoryLine{{ID: 3, Who: "C0", Call: 5, Return: 9, Ask: `Append("a", "x")`, Answer: "OK"}, {ID: 4, Who: "C1", Call: 6, Return: -1, Ask: `Get("a")`}}
	broken := sim.Record{T: 9, Kind: sim.RecViolation, Node: -1, Peer: -1, Name: "Linearizability", Data: []byte("no order")}
	h := sim.Header{Lab: "kv", Test: "faults/storm", Servers: 3, Clients: 2, Extra: withHistory(&Failure{History: lines})}
	got, _, err := OfTrace(traceOf(t, h, broken))
	if err != nil || !slices.Equal(got.Failure.History, lines) {
		t.Errorf("expected %v, found %+v, %v", lines, got.Failure, err)
	}
	if withHistory(&Failure{}) != nil || withHistory(nil) != nil {
		t.Error("a failure without a history has one in its trace")
	}
	for _, s := range []string{"", "{", `{"id":1}`, `[1]`, `[{"id":-1}]`, `[{"id":1},{"id":1}]`} {
		h.Extra = map[string]string{historyField: s}
		got, _, err := OfTrace(traceOf(t, h, broken))
		if err != nil || len(got.Failure.History) != 0 {
			t.Errorf("%s: %+v, %v", s, got.Failure, err)
		}
	}
}
