package raft

// ID names a server.
type ID uint64

// None is no server: nobody voted for, no leader known.
const None ID = 0

// EntryKind says what an entry of the log carries.
type EntryKind uint8

const (
	// Command is a command of the service.
	Command EntryKind = iota
	// NoOp is the empty entry with which a leader begins its term (section 8).
	NoOp
	// MembershipChange carries an encoded Membership (section 6).
	MembershipChange
)

// Entry is one entry of the log.
type Entry struct {
	Index uint64 // position in the log; the first entry has 1
	Term  uint64 // when the entry was received by the leader
	Kind  EntryKind
	Data  []byte // never changed once it is in a log
}

// State is the persistent state of Figure 2 that is not the log.
type State struct {
	Term uint64 // currentTerm
	Vote ID     // votedFor
}

// Snapshot stands for the log up to and including Index (section 7).
type Snapshot struct {
	Index   uint64 // lastIncludedIndex
	Term    uint64 // lastIncludedTerm
	Members Membership
	Data    []byte // the service's state; never changed
}

// Disk is what a server boots from: what survived of its durable writes.
type Disk struct {
	State    State
	Snapshot Snapshot // Index 0: none
	// Entries are the log after Snapshot.Index, without a gap.
	Entries []Entry
}

// MessageKind says which RPC a Message is a half of.
type MessageKind uint8

// The RPCs of Figures 2 and 13, with PreVote (dissertation, 9.6) and TimeoutNow
// (dissertation, 3.10).
const (
	PreVote MessageKind = iota + 1
	PreVoteReply
	RequestVote
	RequestVoteReply
	AppendEntries
	AppendEntriesReply
	InstallSnapshot
	InstallSnapshotReply
	TimeoutNow
	endOfKinds
)

var kindNames = [endOfKinds]string{"", "PreVote", "PreVoteReply", "RequestVote", "RequestVoteReply",
	"AppendEntries", "AppendEntriesReply", "InstallSnapshot", "InstallSnapshotReply", "TimeoutNow"}

func (k MessageKind) String() string {
	if k == 0 || k >= endOfKinds {
		return "unknown message"
	}
	return kindNames[k]
}

// IsReply reports whether the message answers another.
func (k MessageKind) IsReply() bool {
	return k == PreVoteReply || k == RequestVoteReply || k == AppendEntriesReply || k == InstallSnapshotReply
}

// Message is a half of an RPC. Kind says what the fields mean; those not named
// for a kind are zero.
type Message struct {
	Kind     MessageKind
	From, To ID
	// Term is the sender's currentTerm; in PreVote, and in a PreVoteReply that
	// grants it, the term that the candidate would begin.
	Term uint64

	// Index and LogTerm are
	//	PreVote, RequestVote   lastLogIndex, lastLogTerm
	//	AppendEntries          prevLogIndex, prevLogTerm
	//	AppendEntriesReply     the index up to which the logs match; or, with
	//	                       Reject, the prevLogIndex that was refused
	//	InstallSnapshot(Reply) lastIncludedIndex, lastIncludedTerm
	Index   uint64
	LogTerm uint64

	// Reject: no vote (PreVoteReply, RequestVoteReply), no match at Index
	// (AppendEntriesReply).
	Reject bool

	// Force in RequestVote: the leader itself asked for this election, so
	// stickiness does not apply (dissertation, 4.2.3).
	Force bool

	// Commit is leaderCommit in AppendEntries.
	Commit  uint64
	Entries []Entry

	// HintIndex and HintTerm in a rejecting AppendEntriesReply: the last place
	// at which the follower's log may still agree, and its term there.
	HintIndex uint64
	HintTerm  uint64

	// Round in AppendEntries and InstallSnapshot numbers the leader's rounds of
	// messages in its term; the reply echoes it, and so proves that the leader
	// was not deposed when the round began (section 8).
	Round uint64

	// Offset in InstallSnapshot is where Data belongs; in its reply, how much of
	// the snapshot the follower has. Done: Data is the last chunk, or in the
	// reply: installed. Members is the snapshot's membership.
	Offset  uint64
	Done    bool
	Data    []byte
	Members *Membership
}

// Role is what a server is in its term (Figure 4).
type Role uint8

// Roles. A PreCandidate asks whether it could win before it becomes a Candidate.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r&3]
}
