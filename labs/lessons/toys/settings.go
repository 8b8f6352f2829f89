package toys

import (
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

// Kinds of cluster.
const (
	KindRaft    = "raft"
	KindLock    = "lock"
	KindDecider = "decider"
)

// Ops are the operations of clients, by kind of cluster.
var Ops = map[string][]string{
	KindRaft:    {"put", "get", "lock", "unlock"},
	KindLock:    {"lock", "unlock"},
	KindDecider: {"job", "read", "request"},
}

// How a get is answered.
const (
	ReadsLog    = "log"    // like a put, by an entry in the log
	ReadsIndex  = "index"  // by the leader, once a majority has said that it still leads
	ReadsLeader = "leader" // by whoever believes that it leads: not linearizable
	ReadsAny    = "any"    // by whoever is asked: not linearizable
)

// Settings are what a learner may change while the cluster runs. All nodes of a
// cluster share one; after a change every server of the core is to be sent the
// request "tune".
type Settings struct {
	ElectionMin, ElectionMax time.Duration
	Heartbeat                time.Duration
	PreVote, CheckQuorum     bool
	Persistence              bool
	CommitRule               bool // section 5.4.2
	RandomTimeouts           bool
	MaxPending               int    // uncommitted entries a leader takes; 0: no bound
	Reads                    string // one of the Reads constants

	GoOnAlone bool   // lock: pass over a silent server
	Variant   string // decider: mapreduce, gfs or vmft
}

// Default is a cluster that a human can follow.
func Default() Settings {
	return Settings{ElectionMin: 150 * time.Millisecond, ElectionMax: 300 * time.Millisecond, Heartbeat: 50 * time.Millisecond,
		PreVote: true, CheckQuorum: true, Persistence: true, CommitRule: true, RandomTimeouts: true, Reads: ReadsLog, Variant: VariantMapReduce}
}

// config is the core's, but for who the server is.
func (s *Settings) config() raft.Config {
	c := raft.Config{
		ElectionTimeoutMin: s.ElectionMin, ElectionTimeoutMax: s.ElectionMax, HeartbeatInterval: s.Heartbeat,
		MaxUncommittedEntries: s.MaxPending,
		Off: raft.Features{
			PreVote: !s.PreVote, Stickiness: !s.PreVote, CheckQuorum: !s.CheckQuorum,
			BackPressure: s.MaxPending == 0,
			// What the lecture tells of has neither.
			NoOp: true, EagerCommit: true,
		},
		Unsafe: raft.Rules{
			CommitCurrentTermOnly: !s.CommitRule, Persistence: !s.Persistence, RandomTimeouts: !s.RandomTimeouts,
		},
	}
	return c
}

// New returns the factory of a cluster of that kind: nodes below servers are
// its servers, the others its clients.
func New(kind string, servers int, set *Settings) sim.Factory {
	return func(node, life int, seed uint64) sim.Server {
		client := node >= servers
		switch {
		case kind == KindRaft && !client:
			return newReplica(node, servers, seed, set)
		case kind == KindRaft:
			return newCaller(node, servers, set, &kvClient{})
		case kind == KindLock && !client:
			return &lockServer{}
		case kind == KindLock:
			return newCaller(node, servers, set, &lockClient{})
		case client:
			return newCaller(node, servers, set, &deciderClient{})
		default:
			return newDeciderServer(node, servers, set)
		}
	}
}
