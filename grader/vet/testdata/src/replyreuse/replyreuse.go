package replyreuse

import "labrpc"

type Args struct{ Term int }
type Reply struct{ Granted bool }

type Raft struct{ peers []*labrpc.ClientEnd }

func (rf *Raft) send(peer int, args *Args, reply *Reply) bool {
	return rf.peers[peer].Call("Raft.X", args, reply)
}

func (rf *Raft) inLoop() {
	args := &Args{}
	reply := &Reply{}
	for i := range rf.peers {
		rf.send(i, args, reply) // want `reply is declared outside the loop`
	}
}

func (rf *Raft) sideBySide() {
	var reply Reply
	for i := range rf.peers {
		go func() {
			rf.send(i, &Args{}, &reply) // want `reply is declared outside the loop`
		}()
	}
}

func (rf *Raft) again() {
	reply := Reply{}
	for {
		if rf.peers[0].Call("Raft.X", &Args{}, &reply) { // want `reply is declared outside the loop`
			return
		}
	}
}

// What follows is right.

func (rf *Raft) newEachTurn() {
	for i := range rf.peers {
		reply := &Reply{}
		go rf.send(i, &Args{}, reply)
		go func() {
			var reply Reply
			rf.send(i, &Args{}, &reply)
		}()
	}
}

func (rf *Raft) renewed() {
	var reply Reply
	for i := range rf.peers {
		reply = Reply{}
		rf.send(i, &Args{}, &reply)
	}
}

func (rf *Raft) once() {
	reply := &Reply{}
	rf.send(0, &Args{}, reply)
}

func (rf *Raft) oneTurn() {
	reply := &Reply{}
	for i := range rf.peers {
		rf.send(i, &Args{}, reply)
		break
	}
}
