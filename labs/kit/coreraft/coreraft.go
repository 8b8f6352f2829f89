package coreraft

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/tester"
	"github.com/raftlab/raftlab/raft"
)

// plain is what the paper's Figure 2 and the lab do without. A leader that is cut
// off must go on to believe that it leads, as the students' do: who answers reads
// from it is to be found out. And where leaders do not step down, a server that
// has heard one lately must not refuse its vote.
var plain = raft.Features{
	PreVote: true, CheckQuorum: true, Stickiness: true,
	NoOp:           true, // the first command has index 1, and no index is missing
	ChunkedInstall: true, // a snapshot is one message
}

func config(me, servers int) raft.Config {
	cfg := raft.Config{
		ID:   id(me),
		Seed: rand.Uint64(),
		// The lab allows ten heartbeats a second.
		ElectionTimeoutMin: 300 * time.Millisecond, ElectionTimeoutMax: 600 * time.Millisecond, HeartbeatInterval: 100 * time.Millisecond,
		MaxInflight:           1, // calls that come together share a message
		MaxUncommittedEntries: 1 << 20,
		Off:                   plain,
	}
	cfg.Members = *members(servers)
	return cfg
}

// members are all servers: the lab has no changes of membership.
func members(servers int) *raft.Membership {
	m := &raft.Membership{}
	for i := 0; i < servers; i++ {
		m.Voters = append(m.Voters, id(i))
	}
	return m
}

// Servers of the lab are numbered from 0, those of the core named from 1.
func id(server int) raft.ID { return raft.ID(server + 1) }
func server(id raft.ID) int { return int(id) - 1 }

// position is where an entry stands. No two entries share one (Log Matching).
type position struct{ index, term uint64 }

// Raft is one server.
type Raft struct {
	peers     []*labrpc.ClientEnd
	me        int
	persister *tester.Persister
	begin     time.Time
	timer     *time.Timer

	mu   sync.Mutex // guards all below
	core *raft.Server
	// commands are those of the log. The core keeps entries without their bytes:
	// so a command is encoded where a student's Raft would do it, when it is sent
	// and when it is saved, and the leader applies the very value that Start got.
	commands map[position]interface{}
	armed    time.Duration // when timer fires, on the core's clock
	dead     bool
	pending  []raftapi.ApplyMsg // not yet in the apply channel
	more     *sync.Cond         // pending has grown, or dead is set
}

// Make starts a server, or starts it again with what persister holds.
func Make(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) *Raft {
	rf := &Raft{peers: peers, me: me, persister: persister, begin: time.Now(), commands: map[position]interface{}{}, armed: raft.Never}
	rf.more = sync.NewCond(&rf.mu)
	rf.mu.Lock()
	defer rf.mu.Unlock()
	core, err := raft.New(config(me, len(peers)), rf.disk(), 0)
	if err != nil {
		panic(err)
	}
	rf.core = core
	rf.timer = time.AfterFunc(core.Deadline(), rf.tick)
	rf.armed = core.Deadline()
	go rf.deliver(applyCh)
	return rf
}

func (rf *Raft) now() time.Duration { return time.Since(rf.begin) }

// Start implements raftapi.Raft.
func (rf *Raft) Start(command interface{}) (index int, term int, isLeader bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.dead {
		return -1, int(rf.core.Status().Term), false
	}
	i, t, err := rf.core.Propose(rf.now(), nil)
	if err != nil {
		return -1, int(t), false
	}
	rf.commands[position{i, t}] = command
	rf.effects()
	return int(i), int(t), true
}

// GetState implements raftapi.Raft.
func (rf *Raft) GetState() (term int, isLeader bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	st := rf.core.Status()
	return int(st.Term), st.Role == raft.Leader
}

// Snapshot implements raftapi.Raft. A snapshot of what is not applied yet, or of
// less than the last one, changes nothing.
func (rf *Raft) Snapshot(index int, snapshot []byte) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.dead || index < 0 || rf.core.Compact(uint64(index), append([]byte{}, snapshot...)) != nil {
		return
	}
	rf.effects()
}

// CondInstallSnapshot was part of the lab until 2022. What is in the apply channel
// is in order here: a snapshot that comes out of it is to be taken.
func (rf *Raft) CondInstallSnapshot(lastIncludedTerm int, lastIncludedIndex int, snapshot []byte) bool {
	return true
}

// PersistBytes implements raftapi.Raft.
func (rf *Raft) PersistBytes() int { return rf.persister.RaftStateSize() }

// Kill implements raftapi.Raft.
func (rf *Raft) Kill() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	rf.dead = true
	rf.timer.Stop()
	rf.more.Broadcast()
}

func (rf *Raft) tick() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.dead {
		return
	}
	rf.armed = raft.Never
	rf.core.Tick(rf.now())
	rf.effects()
}

// step gives the core a message, with entries if it brings some. It returns the
// core's answer, if it has one.
func (rf *Raft) step(m raft.Message, entries ...Entry) (answer raft.Message) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	if rf.dead {
		return
	}
	m.To, m.Entries = id(rf.me), rf.take(m.Index, entries)
	if err := rf.core.Step(rf.now(), &m); err != nil {
		panic(err)
	}
	return rf.effects()
}

// effects carries out what the core wants done, in the order in which it must be.
func (rf *Raft) effects() (answer raft.Message) {
	fx := rf.core.Effects()
	if fx.Durable() {
		rf.save()
	}
	for i := range fx.Messages {
		if m := &fx.Messages[i]; m.Kind.IsReply() {
			answer = *m
		} else {
			rf.send(m)
		}
	}
	if fx.Restore {
		s := fx.Snapshot
		rf.pending = append(rf.pending, raftapi.ApplyMsg{SnapshotValid: true, Snapshot: s.Data, SnapshotTerm: int(s.Term), SnapshotIndex: int(s.Index)})
	}
	for _, e := range fx.Apply {
		rf.pending = append(rf.pending, raftapi.ApplyMsg{CommandValid: true, Command: rf.commands[position{e.Index, e.Term}], CommandIndex: int(e.Index)})
	}
	if fx.Snapshot != nil {
		for p := range rf.commands {
			if p.index <= fx.Snapshot.Index {
				delete(rf.commands, p)
			}
		}
	}
	if len(rf.pending) > 0 {
		rf.more.Signal()
	}
	if d := rf.core.Deadline(); d < rf.armed { // a later one is seen to when the timer fires
		rf.armed = d
		rf.timer.Reset(d - rf.now())
	}
	return answer
}

// deliver fills the apply channel, without the lock: who reads it may be about to
// call Start.
func (rf *Raft) deliver(applyCh chan raftapi.ApplyMsg) {
	for {
		rf.mu.Lock()
		for len(rf.pending) == 0 && !rf.dead {
			rf.more.Wait()
		}
		msgs := rf.pending
		rf.pending = nil
		dead := rf.dead
		rf.mu.Unlock()
		if dead {
			return
		}
		for _, m := range msgs {
			applyCh <- m
		}
	}
}
