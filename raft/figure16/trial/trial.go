// Package trial crashes the leader of five servers of the consensus core, in
// virtual time, and measures how long they have none. It knows package raft alone;
// the command figure16 and the page's chart both draw their trials from it. It must
// not know what is done with the times.
package trial

import (
	"math/rand/v2"
	"time"

	"github.com/raftlab/raftlab/raft"
)

// Experiment is one line of Figure 16.
type Experiment struct {
	Min, Max time.Duration // election timeout
	Network  Network
	// Down servers fail, the leader among them; Behind others have a log too
	// short to be elected.
	Down, Behind int
	// Limit ends a trial that would go on for ever, as with timeouts below the
	// time of a broadcast; 0: there is none.
	Limit time.Duration
}

// Network is how long requests and answers take: from [0] to [1], uniformly.
type Network struct{ Request, Answer [2]time.Duration }

// Broadcast is the network of Figure 16. The paper's broadcast time is about
// 15 ms, and most of it is the way of a vote to the voter's disk, so of the
// answer. How it divides was not published.
var Broadcast = Network{
	Request: [2]time.Duration{1 * time.Millisecond, 3 * time.Millisecond},
	Answer:  [2]time.Duration{5 * time.Millisecond, 12 * time.Millisecond},
}

const (
	servers = 5
	// timerLate bounds how late a timer fires: a machine's scheduling. Without
	// it, servers whose timeouts are equal would split the vote for ever.
	timerLate = time.Millisecond / 2
)

// flight is a message under way.
type flight struct {
	at time.Duration
	m  raft.Message
}

// Run crashes the leader, and returns how long there is none, Limit at most.
func (e Experiment) Run(r *rand.Rand) time.Duration {
	uniform := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(r.Int64N(int64(hi-lo)+1)) }
	heartbeat := e.Min / 2
	var members raft.Membership
	for i := range servers {
		members.Voters = append(members.Voters, raft.ID(i+1))
	}
	// The leader was server 1, in term 1. All hear its last heartbeat, and it
	// crashes before it sends the next.
	var nodes [servers]*raft.Server
	var deadline, wake [servers]time.Duration
	var flying []flight
	for i := e.Down; i < servers; i++ {
		disk := raft.Disk{State: raft.State{Term: 1, Vote: 1}, Entries: []raft.Entry{{Index: 1, Term: 1}}}
		if i < servers-e.Behind {
			disk.Entries = append(disk.Entries, raft.Entry{Index: 2, Term: 1})
		}
		cfg := raft.Config{ID: raft.ID(i + 1), Members: members, Seed: r.Uint64(), HeartbeatInterval: heartbeat,
			ElectionTimeoutMin: e.Min, ElectionTimeoutMax: e.Max,
			Off: raft.Features{PreVote: true, CheckQuorum: true, Stickiness: true, NoOp: true}}
		cfg.Unsafe.RandomTimeouts = e.Min == e.Max
		var err error
		if nodes[i], err = raft.New(cfg, disk, 0); err != nil {
			panic(err)
		}
		flying = append(flying, flight{uniform(e.Network.Request[0], e.Network.Request[1]),
			raft.Message{Kind: raft.AppendEntries, From: 1, To: cfg.ID, Term: 1}})
	}
	crash := uniform(0, heartbeat)
	for {
		// What is next: a message or a timer?
		next, node := 0, -1
		for i := range flying {
			if flying[i].at < flying[next].at {
				next = i
			}
		}
		now := raft.Never
		if len(flying) > 0 {
			now = flying[next].at
		}
		for i, n := range nodes {
			if n == nil {
				continue
			}
			if d := n.Deadline(); d != deadline[i] {
				deadline[i], wake[i] = d, d+uniform(0, timerLate)
			}
			if wake[i] < now {
				now, node = wake[i], i
			}
		}
		if e.Limit > 0 && now-crash >= e.Limit {
			return e.Limit
		}
		if node >= 0 {
			nodes[node].Tick(now)
		} else {
			m := flying[next].m
			flying[next] = flying[len(flying)-1]
			flying = flying[:len(flying)-1]
			node = int(m.To) - 1
			if nodes[node] == nil {
				continue // it is down
			}
			if err := nodes[node].Step(now, &m); err != nil {
				panic(err)
			}
		}
		if nodes[node].Status().Role == raft.Leader {
			return now - crash
		}
		for _, m := range nodes[node].Effects().Messages {
			if m.To != 1 {
				takes := e.Network.Request
				if m.Kind.IsReply() {
					takes = e.Network.Answer
				}
				flying = append(flying, flight{now + uniform(takes[0], takes[1]), m})
			}
		}
	}
}
