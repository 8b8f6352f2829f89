package raft

import (
	"bytes"
	"log"

	"raftlab.example/lab/labgob"
)

type entry struct {
	Term    int
	Command interface{}
}

// hardState is what survives a crash. Entries follow the one at Base, which is
// the last that the snapshot covers.
type hardState struct {
	Term     int
	Vote     int // 0 for none, else the server's number plus one
	Base     int
	BaseTerm int
	Entries  []entry
}

func (h *hardState) last() int           { return h.Base + len(h.Entries) }
func (h *hardState) at(index int) *entry { return &h.Entries[index-h.Base-1] }

func (h *hardState) term(index int) int {
	if index == h.Base {
		return h.BaseTerm
	}
	return h.at(index).Term
}

// after returns a copy of the entries that follow index.
func (h *hardState) after(index int) []entry {
	return append([]entry(nil), h.Entries[index-h.Base:]...)
}

// compact makes index the base. Entries behind it stay only if the log has an
// entry of that term there.
func (h *hardState) compact(index, term int) {
	var rest []entry
	if index <= h.last() && h.term(index) == term {
		rest = h.after(index)
	}
	h.Base, h.BaseTerm, h.Entries = index, term, rest
}

func (rf *Raft) save() {
	var b bytes.Buffer
	if err := labgob.NewEncoder(&b).Encode(rf.hard); err != nil {
		log.Fatal(err)
	}
	rf.persister.Save(b.Bytes(), rf.snapshot)
}

func (rf *Raft) restore() {
	data := rf.persister.ReadRaftState()
	if len(data) == 0 {
		return
	}
	if err := labgob.NewDecoder(bytes.NewReader(data)).Decode(&rf.hard); err != nil {
		log.Fatal(err)
	}
	rf.snapshot = rf.persister.ReadSnapshot()
	rf.commit, rf.delivered = rf.hard.Base, rf.hard.Base
}
