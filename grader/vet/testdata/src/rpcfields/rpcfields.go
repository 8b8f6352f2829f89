package rpcfields

import (
	"labgob"
	"labrpc"
	"sync"
	"time"
)

type Entry struct {
	Term    int
	command interface{} // want `field command begins with a lower-case letter, but Entry is sent`
}

type Args struct {
	Term    int
	leader  int // want `field leader begins with a lower-case letter, but Args is sent`
	Entries []Entry
	Seen    time.Time // carries itself
}

type Reply struct{ Granted bool }

type saved struct {
	Vote int
	log  []int // want `field log begins with a lower-case letter, but saved is saved`
}

type Op struct {
	key string // want `field key begins with a lower-case letter, but Op is registered to be sent`
}

// Raft itself is never sent.
type Raft struct {
	mu    sync.Mutex
	peers []*labrpc.ClientEnd
}

func (rf *Raft) send(peer int, args *Args, reply *Reply) bool {
	return rf.peers[peer].Call("Raft.X", args, reply)
}

func (rf *Raft) use(e *labgob.LabEncoder) {
	labgob.Register(Op{})
	e.Encode(saved{})
	rf.send(0, &Args{}, &Reply{})
}
