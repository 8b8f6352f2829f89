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
