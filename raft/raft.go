package raft

import (
	"errors"
	"math"
	"time"
)

// Never is later than any deadline.
const Never time.Duration = math.MaxInt64

// What an operation may be refused for. Each says what to do instead.
var (
	ErrNotLeader    = errors.New("raft: not the leader: ask the server in Status.Lead")
	ErrBusy         = errors.New("raft: too much is uncommitted: try again later")
	ErrTransferring = errors.New("raft: leadership is being transferred: ask the new leader")
	ErrChanging     = errors.New("raft: a change of membership is under way: try again when it is committed")
	ErrNotReady     = errors.New("raft: no entry of this term is committed yet: try again later")
	ErrMisdirected  = errors.New("raft: message is for another server, or from this one")
	ErrNoVoter      = errors.New("raft: leadership can only go to another voter")
	ErrNotApplied   = errors.New("raft: a snapshot must cover applied entries only, and more of them than the last")
)

// Server is one server of a cluster. It is not safe for concurrent use.
//
// Its inputs (Step, Propose, Tick, ...) change its state and nothing else. What
// follows from them is collected by Effects, which may be called after every
// input or after many: the more inputs in between, the fewer messages and writes.
// Every input takes now, the time since any fixed origin: never negative, and
// it must not go back.
type Server struct {
	cfg Config
	id  ID
	rng rng
	now time.Duration

	// Persistent state (Figure 2). term never goes back. vote changes only from
	// None to a server while the term stays. written is the State last handed
	// out to be made durable.
	term    uint64
	vote    ID
	log     raftLog
	written State
	// snapshot is what log.base stands for. memberships are those in force from
	// log.base on, oldest first, never empty; the first was set at or before it.
	snapshot    Snapshot
	memberships []membershipAt

	// Volatile state. lead is the leader of term, or None if unknown; it is id
	// exactly when role is Leader.
	role Role
	lead ID
	// heard is when the leader of the current term was last heard. A server
	// with the Stickiness feature gives no vote for ElectionTimeoutMin after it.
	heard            time.Duration
	electionDeadline time.Duration // Never for a leader and for a non-voter
	ballots          []ballot      // of a (pre-)candidate: at most one a server

	// Leader's state, reinitialised after election. peers are all members but
	// this server, sorted.
	peers             []*peer
	heartbeatDeadline time.Duration // Never if not leader, or alone
	firstOfTerm       uint64        // first entry of its term, 0 if none yet
	uncommitted       int           // bytes of the entries above commit
	transferee        ID            // None, or the server leadership goes to
	transferDeadline  time.Duration // when the transfer is given up
	readState

	// incoming is the snapshot being received in chunks.
	incoming incoming

	out      []Message
	saveSnap bool // snapshot is new: it must be made durable
	restore  bool // ... and given to the service
	fx       Effects
}

// New boots a server at time now from what its disk holds.
func New(cfg Config, disk Disk, now time.Duration) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.LeaseReads && (cfg.Off.Stickiness || cfg.Off.CheckQuorum) {
		return nil, errors.New("raft: LeaseReads needs Stickiness and CheckQuorum: without them a new leader may be elected while the lease lasts")
	}
	if cfg.Unsafe.Persistence {
		disk = Disk{}
	}
	s := &Server{cfg: cfg, id: cfg.ID, now: now, rng: newRNG(cfg.Seed, uint64(cfg.ID)),
		term: disk.State.Term, vote: disk.State.Vote, written: disk.State, snapshot: disk.Snapshot,
		heard: now - cfg.ElectionTimeoutMin, heartbeatDeadline: Never}
	s.log.reset(position{disk.Snapshot.Index, disk.Snapshot.Term})
	members := cfg.Members
	if disk.Snapshot.Index > 0 {
		members = disk.Snapshot.Members
	}
	s.memberships = []membershipAt{{disk.Snapshot.Index, members}}
	for i := range disk.Entries {
		if e := &disk.Entries[i]; e.Index != disk.Snapshot.Index+1+uint64(i) || e.Term > s.term {
			return nil, errors.New("raft: the disk's log has a gap, or an entry of a term after the disk's: it is damaged")
		}
	}
	s.log.entries = disk.Entries[:len(disk.Entries):len(disk.Entries)]
	s.log.saved = s.log.last()
	s.log.mayLose = cfg.Unsafe != Rules{}
	if err := s.noteMemberships(disk.Entries); err != nil {
		return nil, err
	}
	if cfg.LeaseReads && s.term > 0 {
		s.heard = now // it may have promised a leader to give no vote
	}
	s.resetElectionTimer()
	return s, nil
}

// Deadline returns when the next Tick is due, or Never. It may change with
// every input.
func (s *Server) Deadline() time.Duration { return min(s.electionDeadline, s.heartbeatDeadline) }

// Tick tells the server the time. Before its Deadline that changes nothing.
func (s *Server) Tick(now time.Duration) {
	s.advance(now)
	if s.now >= s.electionDeadline {
		s.campaign()
	}
	if s.now >= s.heartbeatDeadline {
		s.beat()
	}
}

func (s *Server) advance(now time.Duration) { s.now = max(s.now, now) }

// Step delivers a message. The server keeps the bytes of its entries and
// snapshot: they must not change any more.
func (s *Server) Step(now time.Duration, m *Message) error {
	s.advance(now)
	if m.To != s.id || m.From == s.id {
		return ErrMisdirected
	}
	switch {
	case m.Kind == PreVote:
		s.onPreVote(m)
		return nil
	case m.Kind == PreVoteReply && !m.Reject:
		s.onPreVoteGranted(m)
		return nil
	case m.Kind == RequestVote && m.Term > s.term && !m.Force && s.sticky():
		s.refuse(m)
		return nil
	case m.Term > s.term: // "If RPC request or response contains term T > currentTerm" (Figure 2)
		s.becomeFollower(m.Term, None)
	case m.Term < s.term:
		if !m.Kind.IsReply() && m.Kind != TimeoutNow {
			s.refuse(m)
		}
		return nil
	}
	switch m.Kind {
	case RequestVote:
		s.onRequestVote(m)
	case RequestVoteReply:
		s.onRequestVoteReply(m)
	case AppendEntries:
		return s.onAppendEntries(m)
	case AppendEntriesReply:
		s.onAppendEntriesReply(m)
	case InstallSnapshot:
		s.onInstallSnapshot(m)
	case InstallSnapshotReply:
		s.onInstallSnapshotReply(m)
	case TimeoutNow:
		s.onTimeoutNow(m)
	}
	return nil
}

// Propose gives the leader a command. It returns where the command will stand
// if it is committed: the entry applied at that index is this command exactly
// if it has that term. The server keeps data: it must not change any more.
func (s *Server) Propose(now time.Duration, data []byte) (index, term uint64, err error) {
	s.advance(now)
	// The first entry of a term is always taken: until it is committed, nothing
	// that earlier leaders left is (section 5.4.2).
	switch {
	case s.role != Leader:
		return 0, s.term, ErrNotLeader
	case s.transferee != None:
		return 0, s.term, ErrTransferring
	case !s.cfg.Off.BackPressure && s.firstOfTerm != 0 && (s.uncommitted >= s.cfg.MaxUncommittedBytes ||
		s.log.last()-s.log.commit >= uint64(s.cfg.MaxUncommittedEntries)):
		return 0, s.term, ErrBusy
	}
	return s.appendOwn(Command, data), s.term, nil
}

// appendOwn appends an entry of the leader's own term to its log.
func (s *Server) appendOwn(kind EntryKind, data []byte) uint64 {
	e := Entry{Index: s.log.last() + 1, Term: s.term, Kind: kind, Data: data}
	s.log.append(e)
	s.uncommitted += len(data)
	if s.firstOfTerm == 0 {
		s.firstOfTerm = e.Index
	}
	return e.Index
}

// reply queues the answer to m.
func (s *Server) reply(m *Message, r Message) {
	r.From, r.To = s.id, m.From
	if r.Term == 0 {
		r.Term = s.term
	}
	s.out = append(s.out, r)
}

// refuse answers a request with this server's term and a no. It echoes nothing
// of a request of an older term: its sender may lead in this term by now, and
// would take the Round for one of this term's.
func (s *Server) refuse(m *Message) { s.reply(m, Message{Kind: m.Kind + 1, Reject: true}) }

// becomeFollower is how every server begins, and what it returns to when it
// sees a higher term or the leader of its own. The vote belongs to the term: it
// is forgotten only with it.
func (s *Server) becomeFollower(term uint64, lead ID) {
	if term > s.term {
		s.term, s.vote = term, None
	}
	if s.role == Leader {
		s.resign()
	}
	restart := s.role == Leader || lead != None
	s.role, s.lead = Follower, lead
	if restart {
		s.resetElectionTimer()
	}
}

// resign drops what only a leader has.
func (s *Server) resign() {
	s.peers, s.heartbeatDeadline = nil, Never
	s.firstOfTerm, s.uncommitted, s.transferee = 0, 0, None
	s.failReads()
}

// Status is what a server knows of itself.
type Status struct {
	ID     ID
	Term   uint64
	Vote   ID
	Role   Role
	Lead   ID // None: unknown
	Commit uint64
	// Applied is the last entry handed out to be applied. First and Last bound
	// the log; First is Last+1 if it is empty.
	Applied, First, Last uint64
	// MembersIndex is the entry that set the membership in force, 0 for the
	// first. Voter is false for learners and for servers not in the cluster.
	MembersIndex uint64
	Voter        bool
	Transferee   ID
	Deadline     time.Duration
}

// Status returns the state as the last input left it. Two can be compared by ==.
func (s *Server) Status() Status {
	m := s.members()
	return Status{ID: s.id, Term: s.term, Vote: s.vote, Role: s.role, Lead: s.lead,
		Commit: s.log.commit, Applied: s.log.applied, First: s.log.base.Index + 1, Last: s.log.last(),
		MembersIndex: m.index, Voter: m.IsVoter(s.id), Transferee: s.transferee, Deadline: s.Deadline()}
}

// Members returns the membership in force.
func (s *Server) Members() Membership { return s.members().Membership }

// Snapshot returns what stands for the log before Status.First; Index 0: nothing.
func (s *Server) Snapshot() Snapshot { return s.snapshot }

// Entries returns the entries from..to of the log, both included; it must have
// them (see Status). They are shared and must not be changed.
func (s *Server) Entries(from, to uint64) []Entry { return s.log.slice(from, to) }
