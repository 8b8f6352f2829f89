package raft

import (
	"slices"
	"time"
)

// AppendEntriesArgs brings entries, or none as a heartbeat (Figure 2).
type AppendEntriesArgs struct {
	Term         int
	PrevLogIndex int
	PrevLogTerm  int
	Entries      []LogEntry
	LeaderCommit int
}

// AppendEntriesReply is the follower's answer. On a refusal for a conflict the X
// fields let the leader skip a whole term at a time: XTerm is the term of the
// follower's entry at PrevLogIndex, 0 if it has none there, XIndex the first
// index it holds with that term, and XLen the index after its last entry.
type AppendEntriesReply struct {
	Term    int
	Success bool
	XTerm   int
	XIndex  int
	XLen    int
}

// AppendEntries makes this server's log agree with the leader's up to the last
// entry that the message carries.
func (rf *Raft) AppendEntries(args *AppendEntriesArgs, reply *AppendEntriesReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	reply.Term = rf.currentTerm
	if args.Term < rf.currentTerm {
		return
	}
	rf.becomeFollower(args.Term)
	reply.Term = rf.currentTerm
	rf.resetElectionTimer()

	// What lies below the snapshot is committed, so it agrees already.
	prev, entries := args.PrevLogIndex, args.Entries
	if prev < rf.baseIndex {
		covered := min(rf.baseIndex-prev, len(entries))
		prev, entries = prev+covered, entries[covered:]
	}
	if prev > rf.lastIndex() {
		reply.XLen = rf.lastIndex() + 1
		return
	}
	if prev > rf.baseIndex && rf.entry(prev).Term != args.PrevLogTerm {
		reply.XTerm = rf.entry(prev).Term
		reply.XIndex = prev
		for reply.XIndex-1 > rf.baseIndex && rf.entry(reply.XIndex-1).Term == reply.XTerm {
			reply.XIndex--
		}
		reply.XLen = rf.lastIndex() + 1
		return
	}

	// Cut the log only where it conflicts: the message may be an old one, and
	// what follows its entries may have been acknowledged since.
	for i, e := range entries {
		index := prev + 1 + i
		if index > rf.lastIndex() || rf.entry(index).Term != e.Term {
			rf.log = append(rf.log[:index-rf.baseIndex], entries[i:]...)
			rf.persist()
			break
		}
	}

	// Only entries up to the last one in this message are known to agree.
	commit := min(args.LeaderCommit, prev+len(entries))
	if commit > rf.commitIndex {
		rf.commitIndex = commit
		rf.applyCond.Signal()
	}
	reply.Success = true
}

// heartbeats speaks to every follower at least once per interval for as long as
// this server leads the term. It also repeats what was lost.
func (rf *Raft) heartbeats(term int) {
	for !rf.killed() {
		rf.mu.Lock()
		if rf.role != leader || rf.currentTerm != term {
			rf.mu.Unlock()
			return
		}
		for peer := range rf.peers {
			if peer != rf.me {
				rf.sendTo(peer)
			}
		}
		rf.mu.Unlock()
		time.Sleep(heartbeatInterval)
	}
}

// sender sends new entries soon after Start has added them.
func (rf *Raft) sender() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	for !rf.killed() {
		if !rf.unsent {
			rf.sendCond.Wait()
			continue
		}
		rf.mu.Unlock()
		time.Sleep(batchDelay)
		rf.mu.Lock()
		rf.unsent = false
		for peer := range rf.peers {
			if peer != rf.me && rf.role == leader && rf.nextIndex[peer] <= rf.lastIndex() {
				rf.sendTo(peer)
			}
		}
	}
}

// sendTo sends a follower what it lacks, in the background: entries, or the
// snapshot if the entries are gone. It counts on their arrival, so that the next
// message does not carry them again.
func (rf *Raft) sendTo(peer int) {
	if rf.nextIndex[peer] <= rf.baseIndex {
		args := &InstallSnapshotArgs{
			Term:              rf.currentTerm,
			LastIncludedIndex: rf.baseIndex,
			LastIncludedTerm:  rf.entry(rf.baseIndex).Term,
			Data:              rf.snapshot,
		}
		rf.nextIndex[peer] = rf.baseIndex + 1
		go rf.sendSnapshot(peer, args)
		return
	}
	prev := rf.nextIndex[peer] - 1
	args := &AppendEntriesArgs{
		Term:         rf.currentTerm,
		PrevLogIndex: prev,
		PrevLogTerm:  rf.entry(prev).Term,
		Entries:      slices.Clone(rf.log[prev+1-rf.baseIndex:]),
		LeaderCommit: rf.commitIndex,
	}
	rf.nextIndex[peer] = rf.lastIndex() + 1
	go rf.sendEntries(peer, args)
}

func (rf *Raft) sendEntries(peer int, args *AppendEntriesArgs) {
	reply := &AppendEntriesReply{}
	ok := rf.peers[peer].Call("Raft.AppendEntries", args, reply)

	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.currentTerm {
		rf.becomeFollower(reply.Term)
		return
	}
	// The answer may belong to a term that is over.
	if rf.role != leader || rf.currentTerm != args.Term {
		return
	}
	switch {
	case !ok:
		if len(args.Entries) > 0 {
			rf.backUp(peer, args.PrevLogIndex+1) // the next heartbeat tries again
		}
	case reply.Success:
		rf.acknowledge(peer, args.PrevLogIndex+len(args.Entries))
	default:
		// Go on at once, unless it would be with what was refused just now.
		moved := rf.backUp(peer, rf.conflictIndex(args.PrevLogIndex, reply))
		if moved && rf.nextIndex[peer] <= args.PrevLogIndex {
			rf.sendTo(peer)
		}
	}
}

// acknowledge records that a follower's log agrees with ours up to index.
func (rf *Raft) acknowledge(peer, index int) {
	rf.matchIndex[peer] = max(rf.matchIndex[peer], index)
	rf.nextIndex[peer] = max(rf.nextIndex[peer], rf.matchIndex[peer]+1)
	rf.advanceCommit()
}

// backUp moves a follower's nextIndex back to next, but never into what the
// follower has acknowledged. It reports whether nextIndex moved: an old answer
// moves nothing.
func (rf *Raft) backUp(peer, next int) bool {
	next = max(next, rf.matchIndex[peer]+1)
	if next >= rf.nextIndex[peer] {
		return false
	}
	rf.nextIndex[peer] = next
	return true
}

// conflictIndex returns where to go on after a refusal at index prev: behind our
// last entry of the follower's conflicting term if we have one, else at the
// first entry it holds of that term.
func (rf *Raft) conflictIndex(prev int, reply *AppendEntriesReply) int {
	if reply.XTerm == 0 {
		return reply.XLen
	}
	for index := min(prev, rf.lastIndex()); index >= rf.baseIndex; index-- {
		if rf.entry(index).Term == reply.XTerm {
			return index + 1
		}
	}
	return reply.XIndex
}

// advanceCommit commits what a majority holds, if the last of it is of the
// current term: older entries are committed only by what follows them (5.4.2).
func (rf *Raft) advanceCommit() {
	match := slices.Clone(rf.matchIndex)
	slices.Sort(match)
	index := match[(len(match)-1)/2]
	if index > rf.commitIndex && rf.entry(index).Term == rf.currentTerm {
		rf.commitIndex = index
		rf.applyCond.Signal()
	}
}
