package sharedlog

import (
	"labrpc"
	"slices"
	"sync"
)

type Entry struct{ Term int }

type Args struct {
	Term    int
	Entries []Entry
}
type Reply struct{ Term int }

type Raft struct {
	mu       sync.Mutex
	peers    []*labrpc.ClientEnd
	term     int
	log      []Entry
	snapshot []byte
}

func (rf *Raft) send(peer int, args *Args, reply *Reply) bool {
	return rf.peers[peer].Call("Raft.X", args, reply)
}

func (rf *Raft) literal(next int) *Args {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return &Args{Term: rf.term, Entries: rf.log[next:]} // want `Entries shares its memory with rf.log\[next:\]`
}

func (rf *Raft) assigned(next int) {
	rf.mu.Lock()
	var args Args
	args.Entries = rf.log // want `Entries shares its memory with rf.log`
	rf.mu.Unlock()
	rf.send(0, &args, &Reply{})
}

func (rf *Raft) named(next int) *Args {
	entries := rf.log[next:]
	return &Args{1, entries} // want `Entries shares its memory with rf.log\[next:\]`
}

// What follows is right.

func (rf *Raft) copied(next int) *Args {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	entries := make([]Entry, len(rf.log[next:]))
	copy(entries, rf.log[next:])
	args := &Args{Term: rf.term, Entries: entries}
	args.Entries = append([]Entry{}, rf.log[next:]...)
	args.Entries = slices.Clone(rf.log[next:])
	args.Entries = nil
	return args
}
