package raft

import (
	"errors"
	"time"
)

// Config says who a server is and how it behaves. The zero value of every field
// but ID is usable: it means the default, and every feature on.
type Config struct {
	// ID is this server's name in the cluster, and not None.
	ID ID
	// Members is the cluster's first membership. It counts only as long as the
	// disk holds none; a server that will be added later starts with none at all.
	Members Membership
	// Seed is where all of the server's randomness comes from. Servers may share
	// a seed: the ID is mixed in.
	Seed uint64

	// ElectionTimeoutMin and ElectionTimeoutMax bound the random election
	// timeout (section 5.2). Defaults: 150 ms and twice the minimum (section 9.3).
	ElectionTimeoutMin time.Duration
	ElectionTimeoutMax time.Duration
	// HeartbeatInterval is the time between a leader's heartbeats. Default: a
	// third of ElectionTimeoutMin.
	HeartbeatInterval time.Duration
	// ClockDrift is the share of ElectionTimeoutMin that a lease gives up
	// because clocks do not run alike (dissertation, section 6.4.1): a lease
	// lasts ElectionTimeoutMin - ElectionTimeoutMin/ClockDrift. Default: 10.
	ClockDrift int

	// MaxInflight bounds the AppendEntries with entries that may be unanswered
	// per follower. Default: 64.
	MaxInflight int
	// MaxMessageBytes bounds the commands in one AppendEntries, in bytes; a
	// single larger command still goes. Default: 1 MiB.
	MaxMessageBytes int
	// MaxChunkBytes bounds the data in one InstallSnapshot. Default: 256 KiB.
	MaxChunkBytes int
	// MaxUncommittedBytes and MaxUncommittedEntries bound what a leader takes in
	// before it answers ErrBusy. Defaults: 64 MiB and 65536.
	MaxUncommittedBytes   int
	MaxUncommittedEntries int

	// LeaseReads lets a leader answer reads without asking anyone while its
	// lease lasts. It trusts clocks to within ClockDrift, and needs CheckQuorum's
	// stickiness on every server; so it is off unless asked for.
	LeaseReads bool

	// Off names the features that are switched off.
	Off Features
	// Unsafe names the rules that are switched off. Each of them can lose
	// committed commands or the cluster's progress: for lessons only.
	Unsafe Rules
}

// Features are what a Raft can do without and still be safe. Set in
// Config.Off, each shows what the feature is there for.
type Features struct {
	PreVote        bool // ask before raising the term (dissertation, 9.6)
	CheckQuorum    bool // a leader without a majority steps down (dissertation, 6.2)
	Stickiness     bool // no vote while a leader is heard (section 6, dissertation 4.2.3)
	NoOp           bool // a new leader appends an empty entry (section 8)
	Pipelining     bool // send on before the answer (dissertation, 10.2.1)
	Coalescing     bool // many entries in one AppendEntries
	FastBackup     bool // skip a conflicting term at once (end of section 5.3)
	EagerCommit    bool // tell an idle follower of a commit before the next heartbeat
	BackPressure   bool // answer ErrBusy instead of growing without bound
	ChunkedInstall bool // cut snapshots into chunks (section 7)
}

// Rules are what safety (or, for RandomTimeouts, progress) rests on.
type Rules struct {
	// CommitCurrentTermOnly: a leader counts replicas only for entries of its
	// own term (section 5.4.2, Figure 8).
	CommitCurrentTermOnly bool
	// ElectionRestriction: no vote for a candidate whose log is behind
	// (section 5.4.1).
	ElectionRestriction bool
	// Persistence: term, vote and log survive a crash (section 5.2, Figure 2).
	Persistence bool
	// RandomTimeouts: the election timeout is random (section 5.2, Figure 16).
	RandomTimeouts bool
}

func (c Config) withDefaults() (Config, error) {
	duration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	number := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	duration(&c.ElectionTimeoutMin, 150*time.Millisecond)
	duration(&c.ElectionTimeoutMax, 2*c.ElectionTimeoutMin)
	duration(&c.HeartbeatInterval, c.ElectionTimeoutMin/3)
	number(&c.ClockDrift, 10)
	number(&c.MaxInflight, 64)
	number(&c.MaxMessageBytes, 1<<20)
	number(&c.MaxChunkBytes, 256<<10)
	number(&c.MaxUncommittedBytes, 64<<20)
	number(&c.MaxUncommittedEntries, 1<<16)
	if c.Off.Pipelining {
		c.MaxInflight = 1
	}
	switch {
	case c.ID == None:
		return c, errors.New("raft: Config.ID is 0: give the server a number above 0")
	case c.ElectionTimeoutMin < 0 || c.ElectionTimeoutMax < c.ElectionTimeoutMin:
		return c, errors.New("raft: ElectionTimeoutMax is below ElectionTimeoutMin, or either is negative")
	case c.HeartbeatInterval <= 0 || c.HeartbeatInterval >= c.ElectionTimeoutMin:
		return c, errors.New("raft: HeartbeatInterval must be above 0 and below ElectionTimeoutMin, or followers time out between two heartbeats")
	case c.ClockDrift < 1 || c.MaxInflight < 1 || c.MaxMessageBytes < 1 || c.MaxChunkBytes < 1 ||
		c.MaxUncommittedBytes < 1 || c.MaxUncommittedEntries < 1:
		return c, errors.New("raft: a bound in Config is negative: use 0 for the default")
	}
	return c, c.Members.check()
}
