package lockacross

import (
	"labrpc"
	"sync"
)

type Args struct{ Term int }
type Reply struct{ Term int }
type Msg struct{ Index int }

type Raft struct {
	mu      sync.Mutex
	rw      sync.RWMutex
	peers   []*labrpc.ClientEnd
	applyCh chan Msg
	wake    chan bool
	closed  chan bool
	term    int
}

func Make(applyCh chan Msg) *Raft {
	return &Raft{applyCh: applyCh, wake: make(chan bool, 1), closed: make(chan bool)}
}

func (rf *Raft) lock()   { rf.mu.Lock() }
func (rf *Raft) unlock() { rf.mu.Unlock() }

func (rf *Raft) send(peer int, args *Args, reply *Reply) bool {
	return rf.peers[peer].Call("Raft.X", args, reply)
}

func (rf *Raft) direct(args *Args) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	var reply Reply
	rf.peers[0].Call("Raft.X", args, &reply) // want `rf.mu is held while waiting for the answer to an RPC`
}

func (rf *Raft) wrapped(args *Args) {
	rf.lock()
	var reply Reply
	ok := rf.send(0, args, &reply) // want `rf.mu is held while waiting for the answer to an RPC`
	rf.unlock()
	_ = ok
}

func (rf *Raft) askAll() {
	for i := range rf.peers {
		var reply Reply
		rf.send(i, &Args{}, &reply)
	}
}

func (rf *Raft) deep() {
	rf.rw.RLock()
	rf.askAll() // want `rf.rw \(read\) is held while askAll waits`
	rf.rw.RUnlock()
}

func (rf *Raft) apply(m Msg) {
	rf.mu.Lock()
	rf.applyCh <- m   // want `rf.mu is held while waiting for the reader of rf.applyCh`
	rf.closed <- true // want `rf.mu is held while waiting for the reader of rf.closed`
	rf.mu.Unlock()
}

// What follows is right.

func (rf *Raft) released(args *Args) {
	rf.mu.Lock()
	args.Term = rf.term
	rf.mu.Unlock()
	var reply Reply
	if rf.send(0, args, &reply) {
		rf.mu.Lock()
		defer rf.mu.Unlock()
	}
}

func (rf *Raft) inGoroutine(args *Args) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	go func() {
		var reply Reply
		rf.send(0, args, &reply)
	}()
	go rf.askAll()
}

func (rf *Raft) onSomePath(args *Args, one bool) {
	if one {
		rf.mu.Lock()
	}
	var reply Reply
	if !one {
		rf.send(0, args, &reply)
	}
	if one {
		rf.mu.Unlock()
	}
}

func (rf *Raft) dropsItsCallersLock() {
	rf.mu.Unlock()
	rf.askAll()
	rf.mu.Lock()
}

func (rf *Raft) caller() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.dropsItsCallersLock()
}

func (rf *Raft) polite(m Msg) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.wake <- true
	select {
	case rf.applyCh <- m:
	default:
	}
}

type waiter struct {
	index int
	ch    chan int
}

type deafWaiter struct {
	index int
	ch    chan int
}

func (rf *Raft) positional() {
	w, d := waiter{1, make(chan int, 1)}, deafWaiter{1, make(chan int)}
	rf.mu.Lock()
	w.ch <- 1
	d.ch <- 1 // want `rf.mu is held while waiting for the reader of d.ch`
	rf.mu.Unlock()
}
