// Package raft replicates a log of commands over a group of servers, after
// "In Search of an Understandable Consensus Algorithm (Extended Version)" by
// Ongaro and Ousterhout. The section and figure numbers below are that paper's.
//
// election.go chooses a leader, replication.go copies the leader's log,
// persist.go keeps what must survive a crash, snapshot.go shortens the log, and
// apply.go hands committed commands to the service.
package raft

import (
	"math/rand"
	"sync"
	"sync/atomic"
	"time"

	"raftlab.example/lab/labrpc"
	"raftlab.example/lab/raftapi"
	"raftlab.example/lab/tester"
)

const (
	// heartbeatInterval keeps a leader within the lab's ten heartbeats a second.
	heartbeatInterval = 100 * time.Millisecond

	// A follower that hears nothing for a random time between these two
	// campaigns. Three heartbeats in a row may be lost without an election, and
	// a few split votes still fit into the lab's five seconds.
	electionTimeoutMin = 400 * time.Millisecond
	electionTimeoutMax = 800 * time.Millisecond

	// batchDelay lets a burst of Starts share one round of AppendEntries.
	batchDelay = 2 * time.Millisecond
)

type role int

const (
	follower role = iota
	candidate
	leader
)

const nobody = -1 // votedFor when no vote was given in this term

// A LogEntry is one slot of the replicated log.
type LogEntry struct {
	Term    int
	Command interface{}
}

// Raft is one server. Everything below mu is guarded by it.
type Raft struct {
	peers     []*labrpc.ClientEnd
	me        int
	persister *tester.Persister
	applyCh   chan raftapi.ApplyMsg
	dead      atomic.Bool

	mu sync.Mutex

	// Persistent state (Figure 2): saved before any message or result shows it.
	currentTerm int
	votedFor    int
	log         []LogEntry // log[0] stands for the entry at baseIndex and holds its term only
	baseIndex   int        // index of the last entry that the snapshot covers
	snapshot    []byte

	// Volatile state. baseIndex <= lastApplied once the applier has caught up,
	// and lastApplied <= commitIndex <= lastIndex().
	role             role
	commitIndex      int
	lastApplied      int
	electionDeadline time.Time
	applyCond        *sync.Cond // commitIndex or baseIndex moved on

	// The leader's view of its followers, set anew in each term it leads.
	// nextIndex moves on when entries are sent and back when they were lost or
	// refused; matchIndex only ever grows.
	nextIndex  []int
	matchIndex []int
	unsent     bool       // Start has added entries since the sender last looked
	sendCond   *sync.Cond // unsent became true
}

// Make starts a server on what persister holds and returns at once.
func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{
		peers:      peers,
		me:         me,
		persister:  persister,
		applyCh:    applyCh,
		votedFor:   nobody,
		log:        make([]LogEntry, 1),
		nextIndex:  make([]int, len(peers)),
		matchIndex: make([]int, len(peers)),
	}
	rf.applyCond = sync.NewCond(&rf.mu)
	rf.sendCond = sync.NewCond(&rf.mu)
	rf.readPersist()
	rf.resetElectionTimer()

	go rf.ticker()
	go rf.sender()
	go rf.applier()
	return rf
}

// GetState returns the current term and whether this server leads it.
func (rf *Raft) GetState() (int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.currentTerm, rf.role == leader
}

// Start proposes a command. If this server leads, it returns the index that the
// command will have if it is ever committed, the term, and true. It does not
// wait for the agreement.
func (rf *Raft) Start(command interface{}) (int, int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.role != leader || rf.killed() {
		return -1, rf.currentTerm, false
	}
	rf.log = append(rf.log, LogEntry{Term: rf.currentTerm, Command: command})
	rf.persist()
	rf.matchIndex[rf.me] = rf.lastIndex()
	rf.advanceCommit()
	rf.unsent = true
	rf.sendCond.Signal()
	return rf.lastIndex(), rf.currentTerm, true
}

// Kill stops the server's goroutines the next time they look.
func (rf *Raft) Kill() {
	rf.dead.Store(true)
	rf.mu.Lock() // or a goroutine between its look and its Wait would miss the call
	defer rf.mu.Unlock()
	rf.applyCond.Broadcast()
	rf.sendCond.Broadcast()
}

func (rf *Raft) killed() bool {
	return rf.dead.Load()
}

// ticker starts an election whenever the deadline passes unheard.
func (rf *Raft) ticker() {
	for !rf.killed() {
		rf.mu.Lock()
		if !time.Now().Before(rf.electionDeadline) {
			if rf.role == leader {
				rf.resetElectionTimer()
			} else {
				rf.startElection()
			}
		}
		wait := time.Until(rf.electionDeadline)
		rf.mu.Unlock()
		time.Sleep(wait)
	}
}

func (rf *Raft) resetElectionTimer() {
	spread := int64(electionTimeoutMax - electionTimeoutMin)
	timeout := electionTimeoutMin + time.Duration(rand.Int63n(spread))
	rf.electionDeadline = time.Now().Add(timeout)
}

// becomeFollower makes this server a follower in term, which is never below its
// own. The vote is kept when the term is not new: a server votes once per term.
func (rf *Raft) becomeFollower(term int) {
	rf.role = follower
	if term > rf.currentTerm {
		rf.currentTerm = term
		rf.votedFor = nobody
		rf.persist()
	}
}

func (rf *Raft) lastIndex() int {
	return rf.baseIndex + len(rf.log) - 1
}

// entry returns the entry at index, which lies in baseIndex..lastIndex().
func (rf *Raft) entry(index int) *LogEntry {
	return &rf.log[index-rf.baseIndex]
}
