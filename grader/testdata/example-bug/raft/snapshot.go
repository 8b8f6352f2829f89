package raft

// InstallSnapshotArgs brings a whole snapshot to a follower that is too far
// behind (Figure 13, without the splitting into chunks).
type InstallSnapshotArgs struct {
	Term              int
	LastIncludedIndex int
	LastIncludedTerm  int
	Data              []byte
}

// InstallSnapshotReply is the follower's answer.
type InstallSnapshotReply struct {
	Term int
}

// Snapshot tells the server that the service has put everything up to index into
// a snapshot, so that the log may be cut there.
func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if index <= rf.baseIndex || index > rf.commitIndex {
		return
	}
	rf.cutLog(index, rf.entry(index).Term)
	rf.snapshot = snapshot
	rf.persist()
}

// cutLog makes index the log's base and drops what it covers. What follows is
// kept if the log agrees with the entry at index, else it is worth nothing.
func (rf *Raft) cutLog(index, term int) {
	entries := []LogEntry{{Term: term}}
	if index <= rf.lastIndex() && rf.entry(index).Term == term {
		entries = append(entries, rf.log[index+1-rf.baseIndex:]...)
	}
	rf.log = entries
	rf.baseIndex = index
}

// InstallSnapshot replaces the beginning of the log by the leader's snapshot.
func (rf *Raft) InstallSnapshot(args *InstallSnapshotArgs, reply *InstallSnapshotReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	reply.Term = rf.currentTerm
	if args.Term < rf.currentTerm {
		return
	}
	rf.becomeFollower(args.Term)
	reply.Term = rf.currentTerm
	rf.resetElectionTimer()

	// An old snapshot must not take the service back.
	if args.LastIncludedIndex <= rf.commitIndex {
		return
	}
	rf.cutLog(args.LastIncludedIndex, args.LastIncludedTerm)
	rf.snapshot = args.Data
	rf.commitIndex = args.LastIncludedIndex
	rf.persist()
	rf.applyCond.Signal()
}

func (rf *Raft) sendSnapshot(peer int, args *InstallSnapshotArgs) {
	reply := &InstallSnapshotReply{}
	ok := rf.peers[peer].Call("Raft.InstallSnapshot", args, reply)

	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.currentTerm {
		rf.becomeFollower(reply.Term)
		return
	}
	if rf.role != leader || rf.currentTerm != args.Term {
		return
	}
	if ok {
		rf.acknowledge(peer, args.LastIncludedIndex)
	} else {
		rf.backUp(peer, args.LastIncludedIndex)
	}
}
