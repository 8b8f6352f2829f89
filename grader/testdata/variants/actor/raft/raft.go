// Package raft is a correct solution without a mutex: one goroutine owns all
// state and selects over calls, timers and the apply channel.
package raft

import (
	"time"

	"raftlab.example/lab/labrpc"
	"raftlab.example/lab/raftapi"
	"raftlab.example/lab/tester"
)

type status uint8

const (
	following status = iota
	campaigning
	leading
)

// Raft is one server. Outside the loop only the fields of the first group may be
// touched; the rest belongs to the loop.
type Raft struct {
	peers   []*labrpc.ClientEnd
	me      int
	applyCh chan raftapi.ApplyMsg
	calls   chan func()   // work for the loop
	done    chan struct{} // closed by Kill

	persister *tester.Persister
	hard      hardState
	snapshot  []byte

	status    status
	votes     int
	commit    int
	delivered int // index of the last entry that the service has got
	followers []progress

	election  *time.Timer  // runs while not leading
	heartbeat *time.Ticker // runs always, heeded while leading
}

// progress is what a leader knows of one follower.
type progress struct {
	next, match int
	installing  time.Time // when a snapshot was last sent
}

// Make starts a server.
func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{
		peers:     peers,
		me:        me,
		applyCh:   applyCh,
		calls:     make(chan func()),
		done:      make(chan struct{}),
		persister: persister,
		followers: make([]progress, len(peers)),
		election:  time.NewTimer(electionTimeout()),
		heartbeat: time.NewTicker(heartbeatInterval),
	}
	rf.restore()
	go rf.loop()
	return rf
}

func (rf *Raft) loop() {
	defer rf.heartbeat.Stop()
	defer rf.election.Stop()
	for {
		// A nil channel is never ready: without a message nothing is offered.
		var out chan raftapi.ApplyMsg
		msg, ok := rf.nextApply()
		if ok {
			out = rf.applyCh
		}
		select {
		case f := <-rf.calls:
			f()
		case out <- msg:
			rf.delivered = max(msg.CommandIndex, msg.SnapshotIndex)
		case <-rf.election.C:
			rf.campaign()
		case <-rf.heartbeat.C:
			if rf.status == leading {
				rf.broadcast()
			}
		case <-rf.done:
			return
		}
	}
}

// do runs f in the loop and waits for it. It reports false if the loop is over.
func (rf *Raft) do(f func()) bool {
	finished := make(chan struct{})
	select {
	case rf.calls <- func() { f(); close(finished) }:
		<-finished
		return true
	case <-rf.done:
		return false
	}
}

// nextApply returns the message that the service should get next, if any.
func (rf *Raft) nextApply() (raftapi.ApplyMsg, bool) {
	if rf.delivered < rf.hard.Base {
		return raftapi.ApplyMsg{
			SnapshotValid: true,
			Snapshot:      rf.snapshot,
			SnapshotTerm:  rf.hard.BaseTerm,
			SnapshotIndex: rf.hard.Base,
		}, true
	}
	if rf.delivered < rf.commit {
		index := rf.delivered + 1
		return raftapi.ApplyMsg{CommandValid: true, Command: rf.hard.at(index).Command, CommandIndex: index}, true
	}
	return raftapi.ApplyMsg{}, false
}

// Start proposes a command.
func (rf *Raft) Start(command interface{}) (index, term int, isLeader bool) {
	index = -1
	rf.do(func() {
		term = rf.hard.Term
		if rf.status != leading {
			return
		}
		rf.hard.Entries = append(rf.hard.Entries, entry{term, command})
		rf.save()
		index, isLeader = rf.hard.last(), true
		rf.broadcast()
	})
	return index, term, isLeader
}

// GetState returns the term and whether this server leads it.
func (rf *Raft) GetState() (term int, isLeader bool) {
	rf.do(func() { term, isLeader = rf.hard.Term, rf.status == leading })
	return term, isLeader
}

// Snapshot drops the log up to index, which the service has in its snapshot.
func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.do(func() {
		if index <= rf.hard.Base {
			return
		}
		rf.hard.compact(index, rf.hard.term(index))
		rf.snapshot = snapshot
		rf.save()
	})
}

// PersistBytes returns the size of what is saved without the snapshot.
func (rf *Raft) PersistBytes() int {
	return rf.persister.RaftStateSize()
}

// Kill ends the loop.
func (rf *Raft) Kill() {
	select {
	case <-rf.done:
	default:
		close(rf.done)
	}
}
