package raft

import (
	"fmt"

	"raftlab.example/lab/tester"
)

// RequestVoteArgs asks for a vote (Figure 2).
type RequestVoteArgs struct {
	Term         int
	CandidateID  int
	LastLogIndex int
	LastLogTerm  int
}

// RequestVoteReply is the voter's answer.
type RequestVoteReply struct {
	Term        int
	VoteGranted bool
}

// RequestVote votes for the candidate unless the term is old, the vote is taken,
// or the candidate's log lacks what this server has (section 5.4.1).
func (rf *Raft) RequestVote(args *RequestVoteArgs, reply *RequestVoteReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if args.Term > rf.currentTerm {
		rf.becomeFollower(args.Term)
	}
	reply.Term = rf.currentTerm
	if args.Term < rf.currentTerm {
		return
	}
	if rf.votedFor != nobody && rf.votedFor != args.CandidateID {
		return
	}
	if !rf.upToDate(args.LastLogIndex, args.LastLogTerm) {
		return
	}
	rf.votedFor = args.CandidateID
	rf.resetElectionTimer()
	reply.VoteGranted = true
}

// upToDate reports whether a log that ends so is at least as new as ours.
func (rf *Raft) upToDate(lastIndex, lastTerm int) bool {
	myLastTerm := rf.entry(rf.lastIndex()).Term
	if lastTerm != myLastTerm {
		return lastTerm > myLastTerm
	}
	return lastIndex >= rf.lastIndex()
}

// startElection begins a new term with this server as its candidate.
func (rf *Raft) startElection() {
	rf.role = candidate
	rf.currentTerm++
	rf.votedFor = rf.me
	rf.persist()
	rf.resetElectionTimer()

	args := &RequestVoteArgs{
		Term:         rf.currentTerm,
		CandidateID:  rf.me,
		LastLogIndex: rf.lastIndex(),
		LastLogTerm:  rf.entry(rf.lastIndex()).Term,
	}
	votes := 1
	if votes > len(rf.peers)/2 {
		rf.becomeLeader()
	}
	for peer := range rf.peers {
		if peer == rf.me {
			continue
		}
		go func() {
			reply := &RequestVoteReply{}
			if !rf.peers[peer].Call("Raft.RequestVote", args, reply) {
				return
			}
			rf.mu.Lock()
			defer rf.mu.Unlock()
			if reply.Term > rf.currentTerm {
				rf.becomeFollower(reply.Term)
				return
			}
			// The answer may belong to an election that is over.
			if rf.role != candidate || rf.currentTerm != args.Term || !reply.VoteGranted {
				return
			}
			votes++
			if votes > len(rf.peers)/2 {
				rf.becomeLeader()
			}
		}()
	}
}

// becomeLeader takes over the term that this server was elected in.
func (rf *Raft) becomeLeader() {
	rf.role = leader
	for peer := range rf.peers {
		rf.nextIndex[peer] = rf.lastIndex() + 1
		rf.matchIndex[peer] = 0
	}
	rf.matchIndex[rf.me] = rf.lastIndex()
	tester.Annotate(fmt.Sprintf("server %d", rf.me), "leader", fmt.Sprintf("elected in term %d", rf.currentTerm))
	go rf.heartbeats(rf.currentTerm)
}
