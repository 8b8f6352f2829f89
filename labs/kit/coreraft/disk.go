package coreraft

import (
	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/raft"
)

// State is what is saved beside the snapshot.
type State struct {
	Term          int
	VotedFor      int // -1: nobody
	SnapshotIndex int
	SnapshotTerm  int
	Log           []Entry // after SnapshotIndex
}

// save saves the whole state: the lab's disk knows no other way.
func (rf *Raft) save() {
	st, snapshot := rf.core.Status(), rf.core.Snapshot()
	s := State{Term: int(st.Term), VotedFor: server(st.Vote), SnapshotIndex: int(snapshot.Index), SnapshotTerm: int(snapshot.Term)}
	if st.Last >= st.First {
		s.Log = rf.entries(rf.core.Entries(st.First, st.Last))
	}
	b, err := labgob.Marshal(&s)
	if err != nil {
		panic("raft: the log cannot be saved with this command: " + err.Error())
	}
	rf.persister.Save(b, snapshot.Data)
}

// disk is what an earlier life saved.
func (rf *Raft) disk() (d raft.Disk) {
	b := rf.persister.ReadRaftState()
	if len(b) == 0 {
		return
	}
	var s State
	if err := labgob.Unmarshal(b, &s); err != nil {
		panic("raft: the saved state cannot be read: " + err.Error())
	}
	d.State = raft.State{Term: uint64(s.Term), Vote: id(s.VotedFor)}
	if s.SnapshotIndex > 0 {
		d.Snapshot = raft.Snapshot{Index: uint64(s.SnapshotIndex), Term: uint64(s.SnapshotTerm), Members: *members(len(rf.peers)), Data: rf.persister.ReadSnapshot()}
	}
	d.Entries = rf.take(d.Snapshot.Index, s.Log)
	return d
}
