// Package raft is a correct solution that waits for nothing but the clock: every
// goroutine wakes up each 10 ms and looks whether there is something to do.
package raft

import (
	"bytes"
	"math/rand"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"raftlab.example/lab/labgob"
	"raftlab.example/lab/labrpc"
	"raftlab.example/lab/raftapi"
	"raftlab.example/lab/tester"
)

const (
	pollInterval = 10 * time.Millisecond
	heartbeat    = 120 * time.Millisecond
)

type State string

const (
	StateFollower  State = "follower"
	StateCandidate State = "candidate"
	StateLeader    State = "leader"
)

type LogEntry struct {
	Command interface{}
	Term    int
}

// Persistent is what survives a crash.
type Persistent struct {
	CurrentTerm       int
	VotedFor          int
	Log               []LogEntry
	LastIncludedIndex int
	LastIncludedTerm  int
}

type Raft struct {
	mu        sync.Mutex
	peers     []*labrpc.ClientEnd
	me        int
	persister *tester.Persister
	applyCh   chan raftapi.ApplyMsg
	dead      int32

	Persistent
	snapshot []byte

	state         State
	votesGranted  map[int]bool
	lastHeartbeat time.Time
	timeout       time.Duration

	commitIndex   int
	lastApplied   int
	nextIndex     []int
	matchIndex    []int
	lastBroadcast time.Time
	newEntries    bool
}

// lastLogIndex and termAt know about the snapshot; Log holds only what follows it.
func (rf *Raft) lastLogIndex() int {
	return rf.LastIncludedIndex + len(rf.Log)
}

func (rf *Raft) termAt(index int) int {
	if index == rf.LastIncludedIndex {
		return rf.LastIncludedTerm
	}
	return rf.Log[index-rf.LastIncludedIndex-1].Term
}

func (rf *Raft) entriesFrom(index int) []LogEntry {
	return append([]LogEntry(nil), rf.Log[index-rf.LastIncludedIndex-1:]...)
}

func (rf *Raft) persist() {
	var b bytes.Buffer
	labgob.NewEncoder(&b).Encode(rf.Persistent)
	rf.persister.Save(b.Bytes(), rf.snapshot)
}

func (rf *Raft) PersistBytes() int {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.persister.RaftStateSize()
}

func (rf *Raft) GetState() (int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.CurrentTerm, rf.state == StateLeader
}

func (rf *Raft) newTerm(term int) {
	rf.CurrentTerm = term
	rf.VotedFor = -1
	rf.state = StateFollower
	rf.persist()
}

func (rf *Raft) heard() {
	rf.lastHeartbeat = time.Now()
	rf.timeout = time.Duration(350+rand.Intn(400)) * time.Millisecond
}

type VoteArgs struct {
	CandidateTerm int
	CandidateID   int
	LastLogIndex  int
	LastLogTerm   int
}

type VoteReply struct {
	VoterTerm int
	Granted   bool
}

func (rf *Raft) RequestVote(args *VoteArgs, reply *VoteReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if args.CandidateTerm > rf.CurrentTerm {
		rf.newTerm(args.CandidateTerm)
	}
	reply.VoterTerm = rf.CurrentTerm
	if args.CandidateTerm < rf.CurrentTerm {
		return
	}
	myIndex := rf.lastLogIndex()
	myTerm := rf.termAt(myIndex)
	upToDate := args.LastLogTerm > myTerm || (args.LastLogTerm == myTerm && args.LastLogIndex >= myIndex)
	if upToDate && (rf.VotedFor == -1 || rf.VotedFor == args.CandidateID) {
		rf.VotedFor = args.CandidateID
		rf.persist()
		rf.heard()
		reply.Granted = true
	}
}

type SyncArgs struct {
	LeaderTerm   int
	PrevLogIndex int
	PrevLogTerm  int
	Entries      []LogEntry
	CommitIndex  int
}

type SyncReply struct {
	FollowerTerm int
	Success      bool
	RetryFrom    int
}

func (rf *Raft) SyncLog(args *SyncArgs, reply *SyncReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if args.LeaderTerm > rf.CurrentTerm {
		rf.newTerm(args.LeaderTerm)
	}
	reply.FollowerTerm = rf.CurrentTerm
	if args.LeaderTerm < rf.CurrentTerm {
		return
	}
	rf.state = StateFollower
	rf.heard()

	if args.PrevLogIndex < rf.LastIncludedIndex {
		// Part of it is in my snapshot: let the leader begin behind that.
		reply.RetryFrom = rf.LastIncludedIndex + 1
		return
	}
	if args.PrevLogIndex > rf.lastLogIndex() {
		reply.RetryFrom = rf.lastLogIndex() + 1
		return
	}
	if t := rf.termAt(args.PrevLogIndex); t != args.PrevLogTerm {
		i := args.PrevLogIndex
		for i > rf.LastIncludedIndex+1 && rf.termAt(i-1) == t {
			i--
		}
		reply.RetryFrom = i
		return
	}
	for i := range args.Entries {
		at := args.PrevLogIndex + 1 + i
		if at <= rf.lastLogIndex() && rf.termAt(at) == args.Entries[i].Term {
			continue
		}
		rf.Log = append(rf.Log[:at-rf.LastIncludedIndex-1:at-rf.LastIncludedIndex-1], args.Entries[i:]...)
		rf.persist()
		break
	}
	rf.commitIndex = max(rf.commitIndex, min(args.CommitIndex, args.PrevLogIndex+len(args.Entries)))
	reply.Success = true
}

type SnapshotArgs struct {
	LeaderTerm int
	Index      int
	Term       int
	Data       []byte
}

type SnapshotReply struct {
	FollowerTerm int
}

func (rf *Raft) FollowerInstallSnapshot(args *SnapshotArgs, reply *SnapshotReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if args.LeaderTerm > rf.CurrentTerm {
		rf.newTerm(args.LeaderTerm)
	}
	reply.FollowerTerm = rf.CurrentTerm
	if args.LeaderTerm < rf.CurrentTerm {
		return
	}
	rf.state = StateFollower
	rf.heard()
	if args.Index <= rf.commitIndex {
		return
	}
	if args.Index <= rf.lastLogIndex() && rf.termAt(args.Index) == args.Term {
		rf.Log = rf.entriesFrom(args.Index + 1)
	} else {
		rf.Log = nil
	}
	rf.LastIncludedIndex, rf.LastIncludedTerm = args.Index, args.Term
	rf.snapshot = args.Data
	rf.commitIndex = args.Index
	rf.persist()
}

func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if index <= rf.LastIncludedIndex {
		return
	}
	term := rf.termAt(index)
	rf.Log = rf.entriesFrom(index + 1)
	rf.LastIncludedIndex, rf.LastIncludedTerm = index, term
	rf.snapshot = snapshot
	rf.persist()
}

func (rf *Raft) Start(command interface{}) (int, int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.state != StateLeader {
		return 0, rf.CurrentTerm, false
	}
	rf.Log = append(rf.Log, LogEntry{command, rf.CurrentTerm})
	rf.persist()
	rf.newEntries = true // the next poll sends them
	return rf.lastLogIndex(), rf.CurrentTerm, true
}

func (rf *Raft) Kill() { atomic.StoreInt32(&rf.dead, 1) }

func (rf *Raft) killed() bool { return atomic.LoadInt32(&rf.dead) == 1 }

func (rf *Raft) poll() {
	for !rf.killed() {
		rf.mu.Lock()
		if rf.state == StateLeader {
			if rf.newEntries || time.Since(rf.lastBroadcast) >= heartbeat {
				rf.broadcast()
			}
		} else if time.Since(rf.lastHeartbeat) >= rf.timeout {
			rf.runForLeader()
		}
		rf.mu.Unlock()
		time.Sleep(pollInterval)
	}
}

func (rf *Raft) runForLeader() {
	rf.state = StateCandidate
	rf.CurrentTerm++
	rf.VotedFor = rf.me
	rf.votesGranted = map[int]bool{rf.me: true}
	rf.persist()
	rf.heard()
	index := rf.lastLogIndex()
	args := VoteArgs{rf.CurrentTerm, rf.me, index, rf.termAt(index)}
	for i := range rf.peers {
		if i == rf.me {
			continue
		}
		go func(i int) {
			var reply VoteReply
			ok := rf.peers[i].Call("Raft.RequestVote", &args, &reply)
			rf.mu.Lock()
			defer rf.mu.Unlock()
			if !ok || rf.CurrentTerm != args.CandidateTerm || rf.state != StateCandidate {
				return
			}
			if reply.VoterTerm > rf.CurrentTerm {
				rf.newTerm(reply.VoterTerm)
				return
			}
			if reply.Granted {
				rf.votesGranted[i] = true
			}
			if len(rf.votesGranted) > len(rf.peers)/2 {
				rf.state = StateLeader
				for j := range rf.peers {
					rf.nextIndex[j] = rf.lastLogIndex() + 1
					rf.matchIndex[j] = 0
				}
				rf.broadcast()
			}
		}(i)
	}
}

func (rf *Raft) broadcast() {
	rf.lastBroadcast = time.Now()
	rf.newEntries = false
	for i := range rf.peers {
		if i == rf.me {
			continue
		}
		if rf.nextIndex[i] <= rf.LastIncludedIndex {
			go rf.sendSnapshot(i, &SnapshotArgs{rf.CurrentTerm, rf.LastIncludedIndex, rf.LastIncludedTerm, rf.snapshot})
		} else {
			prev := rf.nextIndex[i] - 1
			go rf.sendLog(i, &SyncArgs{rf.CurrentTerm, prev, rf.termAt(prev), rf.entriesFrom(prev + 1), rf.commitIndex})
		}
	}
}

func (rf *Raft) sendLog(i int, args *SyncArgs) {
	var reply SyncReply
	if !rf.peers[i].Call("Raft.SyncLog", args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.FollowerTerm > rf.CurrentTerm {
		rf.newTerm(reply.FollowerTerm)
	}
	if rf.state != StateLeader || rf.CurrentTerm != args.LeaderTerm {
		return
	}
	if reply.Success {
		rf.acknowledged(i, args.PrevLogIndex+len(args.Entries))
	} else if rf.nextIndex[i] == args.PrevLogIndex+1 {
		rf.nextIndex[i] = max(reply.RetryFrom, rf.matchIndex[i]+1)
		rf.newEntries = true // try again at the next poll
	}
}

func (rf *Raft) sendSnapshot(i int, args *SnapshotArgs) {
	var reply SnapshotReply
	if !rf.peers[i].Call("Raft.FollowerInstallSnapshot", args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.FollowerTerm > rf.CurrentTerm {
		rf.newTerm(reply.FollowerTerm)
	}
	if rf.state == StateLeader && rf.CurrentTerm == args.LeaderTerm {
		rf.acknowledged(i, args.Index)
	}
}

func (rf *Raft) acknowledged(i, index int) {
	rf.matchIndex[i] = max(rf.matchIndex[i], index)
	rf.nextIndex[i] = max(rf.nextIndex[i], index+1)
	rf.matchIndex[rf.me] = rf.lastLogIndex()
	sorted := append([]int(nil), rf.matchIndex...)
	sort.Sort(sort.Reverse(sort.IntSlice(sorted)))
	if n := sorted[len(sorted)/2]; n > rf.commitIndex && rf.termAt(n) == rf.CurrentTerm {
		rf.commitIndex = n
	}
}

func (rf *Raft) applyPoll() {
	for !rf.killed() {
		rf.mu.Lock()
		var msgs []raftapi.ApplyMsg
		if rf.lastApplied < rf.LastIncludedIndex {
			rf.lastApplied = rf.LastIncludedIndex
			msgs = append(msgs, raftapi.ApplyMsg{SnapshotValid: true, Snapshot: rf.snapshot,
				SnapshotTerm: rf.LastIncludedTerm, SnapshotIndex: rf.LastIncludedIndex})
		}
		for rf.lastApplied < rf.commitIndex {
			rf.lastApplied++
			e := rf.Log[rf.lastApplied-rf.LastIncludedIndex-1]
			msgs = append(msgs, raftapi.ApplyMsg{CommandValid: true, Command: e.Command, CommandIndex: rf.lastApplied})
		}
		rf.mu.Unlock()
		for i := range msgs {
			rf.applyCh <- msgs[i]
		}
		time.Sleep(pollInterval)
	}
}

func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{peers: peers, me: me, persister: persister, applyCh: applyCh, state: StateFollower}
	rf.VotedFor = -1
	rf.nextIndex = make([]int, len(peers))
	rf.matchIndex = make([]int, len(peers))
	if data := persister.ReadRaftState(); len(data) > 0 {
		var saved Persistent // a fresh one: labgob leaves a field alone that was saved as 0
		if err := labgob.NewDecoder(bytes.NewReader(data)).Decode(&saved); err != nil {
			panic(err)
		}
		rf.Persistent = saved
		rf.snapshot = persister.ReadSnapshot()
		rf.commitIndex = rf.LastIncludedIndex
		rf.lastApplied = rf.LastIncludedIndex
	}
	rf.heard()
	go rf.poll()
	go rf.applyPoll()
	return rf
}
