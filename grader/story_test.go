package grader

import (
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

// What a server saves after its answer in one step is evidence, unless it is the
// snapshot that its service took as it applied.
func TestSentBeforeSavedIsEvidence(t *testing.T) {
	receive := sim.Record{Kind: sim.RecReceive}
	reply := sim.Record{Kind: sim.RecSend, Peer: 1, Name: "Raft.X", Term: uint64(sim.MsgReply)}
	apply := sim.Record{Kind: sim.RecApply, Index: 1, Data: []byte("7")}
	state := sim.Record{Kind: sim.RecSave, Data: []byte("new")}
	snapshot := sim.Record{Kind: sim.RecSave, Data: []byte("new"), More: []byte("snapshot")}
	for _, c := range []struct {
		name    string
		records []sim.Record
		want    int
	}{
		{"saved first", []sim.Record{receive, state, reply}, 0},
		{"saved after", []sim.Record{receive, reply, state}, 1},
		{"saved after, and applied", []sim.Record{receive, reply, apply, state}, 1},
		{"a snapshot is taken", []sim.Record{receive, state, reply, apply, snapshot}, 0},
		{"a snapshot came and was saved late", []sim.Record{receive, reply, snapshot}, 1},
		{"another step", []sim.Record{receive, reply, receive, state}, 0},
		{"the state is saved again beside a snapshot", []sim.Record{receive, reply, apply, snapshot, receive, reply, apply, snapshot}, 1},
	} {
		s := newStory(2, 0)
		for _, r := range c.records {
			s.Watch(&r)
		}
		if len(s.evidence) != c.want {
			t.Errorf("%s: evidence %q, expected %d", c.name, s.evidence, c.want)
		}
	}
}

// Clients have their own numbers wherever a failure speaks of nodes, and servers
// keep theirs.
func TestClientsHaveTheirOwnNames(t *testing.T) {
	f := &Failure{
		Servers: 3, Message: "server 4 panicked", Expected: "server 2 answers", So: "So server 3 asked server 12.",
		Chain:    []EventLine{{What: "server 1 answers server 3's KVServer.Do"}},
		Events:   []EventLine{{What: "link cut S0→S4, S4→S0"}},
		Evidence: []string{"server 5 sent"},
	}
	f.nameClients(5)
	for _, x := range []struct{ got, want string }{
		{f.Message, "client 1 panicked"}, {f.Expected, "server 2 answers"}, {f.So, "So client 0 asked server 12."},
		{f.Chain[0].What, "server 1 answers client 0's KVServer.Do"}, {f.Events[0].What, "link cut S0→C1, C1→S0"}, {f.Evidence[0], "server 5 sent"},
	} {
		if x.got != x.want {
			t.Errorf("expected %q, found %q", x.want, x.got)
		}
	}
}
