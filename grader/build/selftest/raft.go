// Package raft is the server that the grader compiles and runs once for each Go
// release it meets, before it trusts that release with anybody's points. It
// does on request what an engine must be able to tell apart, and nothing else.
package raft

import (
	"sync"
	"time"

	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/tester"
)

// Raft is no consensus server: it answers the commands that Start lists.
type Raft struct {
	mu        sync.Mutex
	persister *tester.Persister
	ticks     int
}

// Make starts a server with one timer, so that idling and deadlines show.
func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{persister: persister}
	go func() {
		for {
			time.Sleep(10 * time.Millisecond)
			rf.mu.Lock()
			rf.ticks++
			rf.mu.Unlock()
		}
	}()
	return rf
}

// Start does what the command says:
//
//	"ticks"  index: how often the timer of 10 ms has fired
//	"clock"  sleeps 25 ms; index: the nanoseconds that passed by the clock
//	"spin"   never returns, and never yields
//	"stack"  recurses without end
func (rf *Raft) Start(command interface{}) (index int, term int, isLeader bool) {
	switch command {
	case "ticks":
		rf.mu.Lock()
		defer rf.mu.Unlock()
		return rf.ticks, 0, false
	case "clock":
		begin := time.Now()
		time.Sleep(25 * time.Millisecond)
		return int(time.Since(begin)), 0, false
	case "spin":
		for i := 0; ; i++ {
			index += i
		}
	case "stack":
		return recurse(1), 0, false
	}
	return -1, 0, false
}

func recurse(n int) int { return recurse(n+1) + n }

func (rf *Raft) GetState() (int, bool)               { return 0, false }
func (rf *Raft) Snapshot(index int, snapshot []byte) {}
func (rf *Raft) PersistBytes() int                   { return rf.persister.RaftStateSize() }
func (rf *Raft) Kill()                               {}
