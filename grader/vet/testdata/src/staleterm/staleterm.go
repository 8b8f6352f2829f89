package staleterm

import (
	"labrpc"
	"sync"
)

type Args struct{ Term, Prev int }
type Reply struct {
	Term int
	OK   bool
}

type Raft struct {
	mu         sync.Mutex
	peers      []*labrpc.ClientEnd
	term       int
	leader     bool
	matchIndex []int
	online     []bool
}

func (rf *Raft) send(peer int, args *Args, reply *Reply) bool {
	return rf.peers[peer].Call("Raft.X", args, reply)
}

func (rf *Raft) counted(peer int, args *Args) {
	reply := &Reply{}
	if !rf.send(peer, args, reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.term {
		rf.term = reply.Term
		rf.leader = false
		return
	}
	rf.matchIndex[peer] = args.Prev // want `rf.matchIndex is changed after the RPC at line [0-9]+`
}

// What an answer says is of its term, also if no answer says something.
func (rf *Raft) countedDown(peer int, args *Args) {
	reply := &Reply{}
	ok := rf.send(peer, args, reply)
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if !ok {
		rf.matchIndex[peer] = 0
		return
	}
	rf.matchIndex[peer] = args.Prev // want `rf.matchIndex is changed after the RPC at line [0-9]+`
}

func (rf *Raft) becomeLeader() { rf.leader = true }

func (rf *Raft) elected(args *Args) {
	votes := 0
	for i := range rf.peers {
		go func() {
			var reply Reply
			if rf.send(i, args, &reply) && reply.OK {
				rf.mu.Lock()
				defer rf.mu.Unlock()
				if votes++; votes > len(rf.peers)/2 {
					rf.becomeLeader() // want `rf.leader is changed by becomeLeader after the RPC at line [0-9]+`
				}
			}
		}()
	}
}

// What follows is right.

// Whether a peer answers belongs to no term.
func (rf *Raft) answered(peer int, args *Args) {
	reply := &Reply{}
	ok := rf.send(peer, args, reply)
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if !ok {
		rf.online[peer] = false
		return
	}
	rf.online[peer] = true
	if rf.term != args.Term {
		return
	}
	rf.matchIndex[peer] = args.Prev
}

func (rf *Raft) checked(peer int, args *Args) {
	reply := &Reply{}
	if !rf.send(peer, args, reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.term {
		rf.term = reply.Term
		return
	}
	if rf.term != args.Term || !rf.leader {
		return
	}
	rf.matchIndex[peer] = args.Prev
}

func (rf *Raft) checkedElsewhere(peer int, args *Args) {
	reply := &Reply{}
	if rf.send(peer, args, reply) {
		rf.handle(peer, args, reply)
	}
}

func (rf *Raft) stepDown(term int) {
	if term > rf.term {
		rf.term = term
		rf.leader = false
	}
}

func (rf *Raft) handle(peer int, args *Args, reply *Reply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(reply.Term)
	if rf.term == args.Term {
		rf.matchIndex[peer] = args.Prev
	}
}
