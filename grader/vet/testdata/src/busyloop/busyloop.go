package busyloop

import (
	"sync"
	"sync/atomic"
	"time"
)

type Raft struct {
	mu      sync.Mutex
	cond    *sync.Cond
	dead    int32
	leader  bool
	applied int
	commit  int
	ch      chan int
}

func (rf *Raft) killed() bool { return atomic.LoadInt32(&rf.dead) == 1 }

func (rf *Raft) never() {
	for !rf.killed() { // want `this loop can turn without waiting`
		rf.mu.Lock()
		if rf.leader {
			rf.applied++
		}
		rf.mu.Unlock()
	}
}

func (rf *Raft) notOnEachWay() {
	for { // want `this loop can turn without waiting`
		rf.mu.Lock()
		if !rf.leader {
			rf.mu.Unlock()
			continue
		}
		rf.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

func (rf *Raft) polls() {
	for { // want `this loop can turn without waiting`
		select {
		case i := <-rf.ch:
			rf.applied = i
		default:
		}
	}
}

func (rf *Raft) untilDemoted() {
	for { // want `this loop can turn without waiting`
		rf.mu.Lock()
		if !rf.leader {
			rf.mu.Unlock()
			return
		}
		rf.mu.Unlock()
	}
}

// What follows is right.

func (rf *Raft) sleeps() {
	for !rf.killed() {
		rf.pause()
	}
}

func (rf *Raft) pause() { time.Sleep(time.Millisecond) }

func (rf *Raft) waits() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	for !rf.killed() {
		for rf.applied >= rf.commit {
			rf.cond.Wait()
		}
		rf.applied++
	}
}

func (rf *Raft) receives() {
	for {
		select {
		case i := <-rf.ch:
			rf.applied = i
		case <-time.After(time.Second):
		}
	}
}

func (rf *Raft) progress() int {
	n := 10
	for {
		if n == 0 {
			return n
		}
		n--
	}
}

func (rf *Raft) catchUp() {
	for rf.applied < rf.commit {
		rf.applied++
	}
	for i := 0; i < 10; i++ {
		rf.commit++
	}
}

func (rf *Raft) handedOver() {
	for v := range rf.ch {
		rf.applied = v
	}
}
