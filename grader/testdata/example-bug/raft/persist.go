package raft

import (
	"bytes"
	"log"

	"raftlab.example/lab/labgob"
)

// persist saves what must survive a crash. It is called before the change can be
// seen by anybody else.
func (rf *Raft) persist() {
	w := new(bytes.Buffer)
	e := labgob.NewEncoder(w)
	e.Encode(rf.currentTerm)
	e.Encode(rf.votedFor)
	e.Encode(rf.baseIndex)
	e.Encode(rf.log)
	rf.persister.Save(w.Bytes(), rf.snapshot)
}

// readPersist takes up what an earlier life of this server saved, if anything.
func (rf *Raft) readPersist() {
	data := rf.persister.ReadRaftState()
	if len(data) == 0 {
		return
	}
	var term, vote, base int
	var entries []LogEntry
	d := labgob.NewDecoder(bytes.NewBuffer(data))
	if d.Decode(&term) != nil || d.Decode(&vote) != nil || d.Decode(&base) != nil || d.Decode(&entries) != nil {
		log.Fatalf("server %d: the saved state cannot be decoded", rf.me)
	}
	rf.currentTerm = term
	rf.votedFor = vote
	rf.baseIndex = base
	rf.log = entries
	rf.snapshot = rf.persister.ReadSnapshot()
	rf.commitIndex = base
	rf.lastApplied = base
}

// PersistBytes returns the size of the saved state without the snapshot.
func (rf *Raft) PersistBytes() int {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.persister.RaftStateSize()
}
