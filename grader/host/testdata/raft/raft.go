// Command raft is a server in the usual style of the lab, for the host's tests
// and benchmarks: a ticker, one goroutine per call, a lock around everything.
package main

import (
	"bytes"
	"math/rand"
	"reflect"
	"sort"
	"time"

	"github.com/raftlab/raftlab/labs/kit/guest"
	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/sync"
	"github.com/raftlab/raftlab/labs/kit/tester"
)

func init() {
	guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
		return Make(peers, me, p, ch)
	})
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
		"AppendEntries":   func(server reflect.Value) reflect.Value { return server.MethodByName("AppendEntries") },
		"InstallSnapshot": func(server reflect.Value) reflect.Value { return server.MethodByName("InstallSnapshot") },
		"RequestVote":     func(server reflect.Value) reflect.Value { return server.MethodByName("RequestVote") },
	})
}

func main() {}

const (
	follower = iota
	candidate
	leader

	heartbeat = 100 * time.Millisecond
)

type Entry struct {
	Term    int
	Command interface{}
}

type Raft struct {
	mu      sync.Mutex
	changed *sync.Cond // commit has moved, or a snapshot waits
	peers   []*labrpc.ClientEnd
	me      int
	disk    *tester.Persister
	applyCh chan raftapi.ApplyMsg

	term, vote int
	base       int     // index of log[0], which stands for the snapshot
	log        []Entry // log[0].Term is the snapshot's term
	snapshot   []byte

	role        int
	heard       time.Time
	commit      int
	applied     int
	install     *raftapi.ApplyMsg
	next, match []int
	wake        []chan bool
}

func (rf *Raft) last() int { return rf.base + len(rf.log) - 1 }

func (rf *Raft) at(i int) *Entry { return &rf.log[i-rf.base] }

func (rf *Raft) persist() {
	w := new(bytes.Buffer)
	e := labgob.NewEncoder(w)
	e.Encode(rf.term)
	e.Encode(rf.vote)
	e.Encode(rf.base)
	e.Encode(rf.log)
	rf.disk.Save(w.Bytes(), rf.snapshot)
}

func (rf *Raft) recover(b []byte) {
	if len(b) == 0 {
		return
	}
	d := labgob.NewDecoder(bytes.NewBuffer(b))
	if d.Decode(&rf.term) != nil || d.Decode(&rf.vote) != nil || d.Decode(&rf.base) != nil || d.Decode(&rf.log) != nil {
		panic("the saved state cannot be read")
	}
}

func (rf *Raft) follow(term int) {
	if term > rf.term {
		rf.term, rf.vote = term, -1
		rf.persist()
	}
	rf.role = follower
}

func (rf *Raft) GetState() (int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.term, rf.role == leader
}

func (rf *Raft) PersistBytes() int { return rf.disk.RaftStateSize() }

func (rf *Raft) Kill() {}

func (rf *Raft) Start(command interface{}) (int, int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.role != leader {
		return -1, rf.term, false
	}
	rf.log = append(rf.log, Entry{rf.term, command})
	rf.persist()
	rf.kick()
	return rf.last(), rf.term, true
}

func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if index <= rf.base || index > rf.applied {
		return
	}
	rf.cut(index, rf.at(index).Term)
	rf.snapshot = snapshot
	rf.persist()
}

func (rf *Raft) cut(index, term int) {
	log := []Entry{{Term: term}}
	if index < rf.last() {
		log = append(log, rf.log[index+1-rf.base:]...)
	}
	rf.base, rf.log = index, log
}

type VoteArgs struct{ Term, Candidate, LastIndex, LastTerm int }
type VoteReply struct {
	Term    int
	Granted bool
}

func (rf *Raft) RequestVote(args *VoteArgs, reply *VoteReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if args.Term > rf.term {
		rf.follow(args.Term)
	}
	reply.Term = rf.term
	lastTerm := rf.at(rf.last()).Term
	recent := args.LastTerm > lastTerm || args.LastTerm == lastTerm && args.LastIndex >= rf.last()
	if args.Term == rf.term && (rf.vote == -1 || rf.vote == args.Candidate) && recent {
		rf.vote = args.Candidate
		rf.persist()
		rf.heard = time.Now()
		reply.Granted = true
	}
}

type AppendArgs struct {
	Term, Leader, PrevIndex, PrevTerm int
	Entries                           []Entry
	Commit                            int
}
type AppendReply struct {
	Term, Next int
	Success    bool
}

func (rf *Raft) AppendEntries(args *AppendArgs, reply *AppendReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	reply.Term = rf.term
	if args.Term < rf.term {
		return
	}
	rf.follow(args.Term)
	reply.Term = rf.term
	rf.heard = time.Now()
	if args.PrevIndex > rf.last() {
		reply.Next = rf.last() + 1
		return
	}
	if args.PrevIndex < rf.base {
		reply.Next = rf.base + 1
		return
	}
	if t := rf.at(args.PrevIndex).Term; t != args.PrevTerm {
		i := args.PrevIndex
		for i > rf.base+1 && rf.at(i-1).Term == t {
			i--
		}
		reply.Next = i
		return
	}
	for k, e := range args.Entries {
		i := args.PrevIndex + 1 + k
		if i > rf.last() || rf.at(i).Term != e.Term {
			rf.log = append(rf.log[:i-rf.base:i-rf.base], args.Entries[k:]...)
			rf.persist()
			break
		}
	}
	if c := min(args.Commit, args.PrevIndex+len(args.Entries)); c > rf.commit {
		rf.commit = c
		rf.changed.Broadcast()
	}
	reply.Success = true
}

type InstallArgs struct {
	Term, Leader, Index, IndexTerm int
	Data                           []byte
}
type InstallReply struct{ Term int }

func (rf *Raft) InstallSnapshot(args *InstallArgs, reply *InstallReply) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	reply.Term = rf.term
	if args.Term < rf.term {
		return
	}
	rf.follow(args.Term)
	reply.Term = rf.term
	rf.heard = time.Now()
	if args.Index <= rf.commit {
		return
	}
	rf.cut(args.Index, args.IndexTerm)
	rf.snapshot = args.Data
	rf.commit, rf.applied = args.Index, args.Index
	rf.persist()
	rf.install = &raftapi.ApplyMsg{SnapshotValid: true, Snapshot: args.Data, SnapshotTerm: args.IndexTerm, SnapshotIndex: args.Index}
	rf.changed.Broadcast()
}

func (rf *Raft) ticker() {
	for {
		d := 300*time.Millisecond + time.Duration(rand.Int63n(int64(300*time.Millisecond)))
		begin := time.Now()
		time.Sleep(d)
		rf.mu.Lock()
		if rf.role != leader && rf.heard.Before(begin) {
			rf.elect()
		}
		rf.mu.Unlock()
	}
}

func (rf *Raft) elect() {
	rf.role = candidate
	rf.term++
	rf.vote = rf.me
	rf.persist()
	args := VoteArgs{rf.term, rf.me, rf.last(), rf.at(rf.last()).Term}
	votes := 1
	for p := range rf.peers {
		if p == rf.me {
			continue
		}
		go func() {
			var reply VoteReply
			if !rf.peers[p].Call("Raft.RequestVote", &args, &reply) {
				return
			}
			rf.mu.Lock()
			defer rf.mu.Unlock()
			if reply.Term > rf.term {
				rf.follow(reply.Term)
			}
			if rf.role != candidate || rf.term != args.Term || !reply.Granted {
				return
			}
			if votes++; votes == len(rf.peers)/2+1 {
				rf.role = leader
				for q := range rf.peers {
					rf.next[q], rf.match[q] = rf.last()+1, 0
					if q != rf.me {
						go rf.replicate(q, rf.term)
					}
				}
			}
		}()
	}
}

func (rf *Raft) kick() {
	for _, w := range rf.wake {
		select {
		case w <- true:
		default:
		}
	}
}

func (rf *Raft) replicate(p, term int) {
	for {
		rf.mu.Lock()
		if rf.role != leader || rf.term != term {
			rf.mu.Unlock()
			return
		}
		if rf.next[p] <= rf.base {
			args := InstallArgs{term, rf.me, rf.base, rf.log[0].Term, rf.snapshot}
			go rf.sendSnapshot(p, &args)
		} else {
			prev := rf.next[p] - 1
			args := AppendArgs{term, rf.me, prev, rf.at(prev).Term, append([]Entry(nil), rf.log[prev+1-rf.base:]...), rf.commit}
			go rf.sendAppend(p, &args)
		}
		rf.mu.Unlock()
		t := time.NewTimer(heartbeat)
		select {
		case <-rf.wake[p]:
		case <-t.C:
		}
		t.Stop()
	}
}

func (rf *Raft) sendSnapshot(p int, args *InstallArgs) {
	var reply InstallReply
	if !rf.peers[p].Call("Raft.InstallSnapshot", args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.term {
		rf.follow(reply.Term)
	}
	if rf.role == leader && rf.term == args.Term {
		rf.match[p] = max(rf.match[p], args.Index)
		rf.next[p] = max(rf.next[p], args.Index+1)
	}
}

func (rf *Raft) sendAppend(p int, args *AppendArgs) {
	var reply AppendReply
	if !rf.peers[p].Call("Raft.AppendEntries", args, &reply) {
		return
	}
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if reply.Term > rf.term {
		rf.follow(reply.Term)
	}
	if rf.role != leader || rf.term != args.Term {
		return
	}
	if !reply.Success {
		if reply.Next > 0 && reply.Next < rf.next[p] {
			rf.next[p] = max(reply.Next, rf.match[p]+1)
			rf.kick()
		}
		return
	}
	rf.match[p] = max(rf.match[p], args.PrevIndex+len(args.Entries))
	rf.next[p] = max(rf.next[p], rf.match[p]+1)
	rf.match[rf.me] = rf.last()
	m := append([]int(nil), rf.match...)
	sort.Ints(m)
	if n := m[(len(m)-1)/2]; n > rf.commit && rf.at(n).Term == rf.term {
		rf.commit = n
		rf.changed.Broadcast()
		rf.kick()
	}
}

func (rf *Raft) applier() {
	rf.mu.Lock()
	for {
		for rf.install == nil && rf.applied >= rf.commit {
			rf.changed.Wait()
		}
		var msgs []raftapi.ApplyMsg
		if rf.install != nil {
			msgs, rf.install = append(msgs, *rf.install), nil
		}
		for rf.applied < rf.commit {
			rf.applied++
			msgs = append(msgs, raftapi.ApplyMsg{CommandValid: true, Command: rf.at(rf.applied).Command, CommandIndex: rf.applied})
		}
		rf.mu.Unlock()
		for _, m := range msgs {
			rf.applyCh <- m
		}
		rf.mu.Lock()
	}
}

func Make(peers []*labrpc.ClientEnd, me int, disk *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{peers: peers, me: me, disk: disk, applyCh: applyCh, vote: -1, log: []Entry{{}}, heard: time.Now()}
	rf.changed = sync.NewCond(&rf.mu)
	rf.next, rf.match = make([]int, len(peers)), make([]int, len(peers))
	for range peers {
		rf.wake = append(rf.wake, make(chan bool, 1))
	}
	rf.recover(disk.ReadRaftState())
	rf.snapshot = disk.ReadSnapshot()
	rf.commit, rf.applied = rf.base, rf.base
	go rf.ticker()
	go rf.applier()
	return rf
}
