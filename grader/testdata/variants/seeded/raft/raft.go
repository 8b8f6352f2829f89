// Package raft is a correct solution in the manner of 2015: one file, a go.mod
// of Go 1.15, and a random source of its own that is seeded from the clock.
package raft

import (
	"bytes"
	"log"
	"math/rand"
	"sync"
	"sync/atomic"
	"time"

	"raftlab.example/lab/labgob"
	"raftlab.example/lab/labrpc"
	"raftlab.example/lab/raftapi"
	"raftlab.example/lab/tester"
)

const (
	Follower = iota
	Candidate
	Leader
)

type Entry struct {
	Index int
	Term  int
	Cmd   interface{}
}

type Raft struct {
	mu        sync.Mutex
	cond      *sync.Cond
	peers     []*labrpc.ClientEnd
	me        int
	persister *tester.Persister
	applyCh   chan raftapi.ApplyMsg
	dead      int32
	rng       *rand.Rand

	state     int
	term      int
	votedFor  int
	votes     int
	log       []Entry // log[0] is the last entry of the snapshot
	snapshot  []byte
	commit    int
	applied   int
	next      []int
	match     []int
	lastHeard time.Time
}

func (rf *Raft) first() Entry { return rf.log[0] }
func (rf *Raft) last() Entry  { return rf.log[len(rf.log)-1] }

func (rf *Raft) at(index int) Entry { return rf.log[index-rf.log[0].Index] }

func (rf *Raft) GetState() (int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.term, rf.state == Leader
}

func (rf *Raft) encodeState() []byte {
	w := new(bytes.Buffer)
	e := labgob.NewEncoder(w)
	e.Encode(rf.term)
	e.Encode(rf.votedFor)
	e.Encode(rf.log)
	return w.Bytes()
}

func (rf *Raft) persist() {
	rf.persister.Save(rf.encodeState(), rf.snapshot)
}

func (rf *Raft) readPersist(data []byte) {
	if len(data) < 1 {
		return
	}
	d := labgob.NewDecoder(bytes.NewBuffer(data))
	var term, votedFor int
	var entries []Entry
	if d.Decode(&term) != nil || d.Decode(&votedFor) != nil || d.Decode(&entries) != nil {
		log.Fatal("cannot read the persisted state")
	}
	rf.term, rf.votedFor, rf.log = term, votedFor, entries
	rf.snapshot = rf.persister.ReadSnapshot()
	rf.commit, rf.applied = rf.first().Index, rf.first().Index
}

func (rf *Raft) PersistBytes() int {
	return rf.persister.RaftStateSize()
}

func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if index <= rf.first().Index {
		return
	}
	rf.log = append([]Entry{}, rf.log[index-rf.first().Index:]...)
	rf.log[0].Cmd = nil
	rf.snapshot = snapshot
	rf.persist()
}

// stepDown moves to a newer term. Call it before anything else of a message.
func (rf *Raft) stepDown(term int) {
	if term > rf.term {
		rf.term = term
		rf.votedFor = -1
		rf.state = Follower
		rf.persist()
	}
}

type RequestVoteArgs struct {
	Term, Candidate, LastIndex, LastTerm int
}

type RequestVoteReply struct {
	Term int
	Yes  bool
}

func (rf *Raft) RequestVote(args *RequestVoteArgs, reply *RequestVoteReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(args.Term)
	reply.Term = rf.term
	free := rf.votedFor == -1 || rf.votedFor == args.Candidate
	newer := args.LastTerm > rf.last().Term || args.LastTerm == rf.last().Term && args.LastIndex >= rf.last().Index
	if args.Term == rf.term && free && newer {
		rf.votedFor = args.Candidate
		rf.persist()
		rf.lastHeard = time.Now()
		reply.Yes = true
	}
}

type AppendEntryArgs struct {
	Term, PrevIndex, PrevTerm, Commit int
	Entries                           []Entry
}

type AppendEntryReply struct {
	Term int
	Ok   bool
	Next int // where to go on when not Ok
}

func (rf *Raft) AppendEntry(args *AppendEntryArgs, reply *AppendEntryReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(args.Term)
	reply.Term = rf.term
	if args.Term < rf.term {
		return
	}
	rf.state = Follower
	rf.lastHeard = time.Now()

	if args.PrevIndex > rf.last().Index {
		reply.Next = rf.last().Index + 1
		return
	}
	if args.PrevIndex >= rf.first().Index && rf.at(args.PrevIndex).Term != args.PrevTerm {
		// Skip all entries of the conflicting term.
		reply.Next = args.PrevIndex
		bad := rf.at(args.PrevIndex).Term
		for reply.Next > rf.first().Index+1 && rf.at(reply.Next-1).Term == bad {
			reply.Next--
		}
		return
	}
	for k, e := range args.Entries {
		if e.Index <= rf.first().Index {
			continue
		}
		if e.Index > rf.last().Index || rf.at(e.Index).Term != e.Term {
			rf.log = append(append([]Entry{}, rf.log[:e.Index-rf.first().Index]...), args.Entries[k:]...)
			rf.persist()
			break
		}
	}
	upto := args.PrevIndex + len(args.Entries)
	if args.Commit < upto {
		upto = args.Commit
	}
	if upto > rf.commit {
		rf.commit = upto
		rf.cond.Broadcast()
	}
	reply.Ok = true
}

type InstallSnapshotRPCArgs struct {
	Term     int
	Last     Entry
	Snapshot []byte
}

type InstallSnapshotRPCReply struct {
	Term int
}

func (rf *Raft) InstallSnapshotRPC(args *InstallSnapshotRPCArgs, reply *InstallSnapshotRPCReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(args.Term)
	reply.Term = rf.term
	if args.Term < rf.term {
		return
	}
	rf.state = Follower
	rf.lastHeard = time.Now()
	if args.Last.Index <= rf.commit {
		return
	}
	rest := []Entry{args.Last}
	if args.Last.Index < rf.last().Index && rf.at(args.Last.Index).Term == args.Last.Term {
		rest = append(rest, rf.log[args.Last.Index-rf.first().Index+1:]...)
	}
	rf.log = rest
	rf.snapshot = args.Snapshot
	rf.commit = args.Last.Index
	rf.persist()
	rf.cond.Broadcast()
}

func (rf *Raft) Start(command interface{}) (int, int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.state != Leader {
		return -1, rf.term, false
	}
	e := Entry{Index: rf.last().Index + 1, Term: rf.term, Cmd: command}
	rf.log = append(rf.log, e)
	rf.persist()
	rf.broadcast()
	return e.Index, e.Term, true
}

func (rf *Raft) Kill() {
	atomic.StoreInt32(&rf.dead, 1)
	rf.mu.Lock()
	rf.cond.Broadcast()
	rf.mu.Unlock()
}

func (rf *Raft) killed() bool {
	return atomic.LoadInt32(&rf.dead) == 1
}

func (rf *Raft) electionLoop() {
	for rf.killed() == false {
		rf.mu.Lock()
		timeout := time.Duration(300+rf.rng.Intn(300)) * time.Millisecond
		rf.mu.Unlock()
		began := time.Now()
		time.Sleep(timeout)
		rf.mu.Lock()
		if rf.state != Leader && rf.lastHeard.Before(began) {
			rf.campaign()
		}
		rf.mu.Unlock()
	}
}

func (rf *Raft) campaign() {
	rf.state = Candidate
	rf.term++
	rf.votedFor = rf.me
	rf.votes = 1
	rf.persist()
	args := RequestVoteArgs{rf.term, rf.me, rf.last().Index, rf.last().Term}
	for i := range rf.peers {
		if i != rf.me {
			go rf.askVote(i, args)
		}
	}
}

func (rf *Raft) askVote(i int, args RequestVoteArgs) {
	var reply RequestVoteReply
	if !rf.peers[i].Call("Raft.RequestVote", &args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(reply.Term)
	if rf.state != Candidate || rf.term != args.Term || !reply.Yes {
		return
	}
	rf.votes++
	if rf.votes*2 > len(rf.peers) {
		rf.state = Leader
		for k := range rf.peers {
			rf.next[k] = rf.last().Index + 1
			rf.match[k] = 0
		}
		go rf.heartbeatLoop(rf.term)
	}
}

func (rf *Raft) heartbeatLoop(term int) {
	for rf.killed() == false {
		rf.mu.Lock()
		if rf.state != Leader || rf.term != term {
			rf.mu.Unlock()
			return
		}
		rf.broadcast()
		rf.mu.Unlock()
		time.Sleep(110 * time.Millisecond)
	}
}

func (rf *Raft) broadcast() {
	for i := range rf.peers {
		if i == rf.me {
			continue
		}
		if rf.next[i] <= rf.first().Index {
			last := rf.first()
			go rf.sendSnapshot(i, InstallSnapshotRPCArgs{rf.term, last, rf.snapshot})
			continue
		}
		prev := rf.at(rf.next[i] - 1)
		entries := append([]Entry{}, rf.log[rf.next[i]-rf.first().Index:]...)
		go rf.sendEntries(i, AppendEntryArgs{rf.term, prev.Index, prev.Term, rf.commit, entries})
	}
}

func (rf *Raft) sendSnapshot(i int, args InstallSnapshotRPCArgs) {
	var reply InstallSnapshotRPCReply
	if !rf.peers[i].Call("Raft.InstallSnapshotRPC", &args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(reply.Term)
	if rf.state == Leader && rf.term == args.Term {
		rf.acked(i, args.Last.Index)
	}
}

func (rf *Raft) sendEntries(i int, args AppendEntryArgs) {
	var reply AppendEntryReply
	if !rf.peers[i].Call("Raft.AppendEntry", &args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.stepDown(reply.Term)
	if rf.state != Leader || rf.term != args.Term {
		return
	}
	if reply.Ok {
		rf.acked(i, args.PrevIndex+len(args.Entries))
		return
	}
	// Believe a refusal only if nothing has changed since it was asked for.
	if rf.next[i] == args.PrevIndex+1 && reply.Next < rf.next[i] && reply.Next > rf.match[i] {
		rf.next[i] = reply.Next
	}
}

func (rf *Raft) acked(i, index int) {
	if index <= rf.match[i] {
		return
	}
	rf.match[i] = index
	if rf.next[i] <= index {
		rf.next[i] = index + 1
	}
	for n := rf.match[i]; n > rf.commit && rf.at(n).Term == rf.term; n-- {
		count := 1
		for k := range rf.peers {
			if k != rf.me && rf.match[k] >= n {
				count++
			}
		}
		if count*2 > len(rf.peers) {
			rf.commit = n
			rf.cond.Broadcast()
			return
		}
	}
}

func (rf *Raft) applyLoop() {
	for rf.killed() == false {
		rf.mu.Lock()
		for rf.applied >= rf.commit && !rf.killed() {
			rf.cond.Wait()
		}
		if rf.killed() {
			rf.mu.Unlock()
			return
		}
		var msg raftapi.ApplyMsg
		if rf.applied < rf.first().Index {
			msg.SnapshotValid = true
			msg.Snapshot = rf.snapshot
			msg.SnapshotTerm = rf.first().Term
			msg.SnapshotIndex = rf.first().Index
			rf.applied = rf.first().Index
		} else {
			rf.applied++
			msg.CommandValid = true
			msg.Command = rf.at(rf.applied).Cmd
			msg.CommandIndex = rf.applied
		}
		rf.mu.Unlock()
		rf.applyCh <- msg
	}
}

func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{}
	rf.peers = peers
	rf.me = me
	rf.persister = persister
	rf.applyCh = applyCh
	rf.cond = sync.NewCond(&rf.mu)
	rf.rng = rand.New(rand.NewSource(time.Now().UnixNano()))
	rf.votedFor = -1
	rf.log = make([]Entry, 1)
	rf.next = make([]int, len(peers))
	rf.match = make([]int, len(peers))
	rf.lastHeard = time.Now()
	rf.readPersist(persister.ReadRaftState())
	go rf.electionLoop()
	go rf.applyLoop()
	return rf
}
