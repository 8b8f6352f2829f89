package raft

import (
	"errors"
	"testing"
	"time"
)

// The rules on membership, reads and transfer, and on what a configuration may
// say. The servers are those of rules_test.go.

// Section 6: a membership is in force from the moment it is in the log, and
// forgotten with its entry.
func TestMembershipIsForgottenWithItsEntry(t *testing.T) {
	four := encodeMembership(nil, Membership{Voters: []ID{1, 2, 3, 4}})
	s := boot(t, Config{}, diskOf(1, 1))
	answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 1, Index: 1, LogTerm: 1,
		Entries: []Entry{{2, 1, MembershipChange, four}}})
	if len(s.Members().Voters) != 4 {
		t.Errorf("in the log, not in force: %+v", s.Members())
	}
	answer(t, s, Message{Kind: AppendEntries, From: 3, Term: 2, Index: 1, LogTerm: 1, Entries: []Entry{{2, 2, NoOp, nil}}})
	if len(s.Members().Voters) != 3 {
		t.Errorf("gone from the log, still in force: %+v", s.Members())
	}
}

// Section 6: C_old,new needs both majorities; C_new follows by itself; a leader
// that is not in it steps down when it is committed.
func TestJointConsensus(t *testing.T) {
	s := boot(t, Config{}, Disk{})
	if err := s.ChangeMembership(0, []ID{2}, nil); !errors.Is(err, ErrNotLeader) {
		t.Error(err)
	}
	lead(t, s)
	if err := s.ChangeMembership(s.now, []ID{2, 3, 4}, nil); !errors.Is(err, ErrNotReady) {
		t.Errorf("before an entry of the term is committed: %v", err)
	}
	give(t, s, ack(2, s, 1))
	for _, bad := range [][]ID{nil, {0}, {2, 2}} {
		if s.ChangeMembership(s.now, bad, nil) == nil {
			t.Errorf("voters %v were accepted", bad)
		}
	}
	if s.ChangeMembership(s.now, []ID{2}, []ID{2}) == nil {
		t.Error("a voter and learner was accepted")
	}
	if err := s.ChangeMembership(s.now, []ID{5, 4}, []ID{6}); err != nil {
		t.Fatal(err)
	}
	if m := s.Members(); !m.Joint() || !m.Contains(6) || !m.IsVoter(1) || m.IsVoter(6) {
		t.Errorf("members %+v", m)
	}
	if err := s.ChangeMembership(s.now, []ID{2}, nil); !errors.Is(err, ErrChanging) {
		t.Error(err)
	}
	give(t, s, ack(2, s, 2)) // the old majority
	give(t, s, ack(4, s, 2))
	if s.log.commit != 1 {
		t.Error("committed without the new majority")
	}
	give(t, s, ack(5, s, 2))
	if s.log.commit != 2 || s.Members().Joint() || s.log.last() != 3 {
		t.Errorf("commit %d, members %+v, last %d", s.log.commit, s.Members(), s.log.last())
	}
	give(t, s, ack(4, s, 3))
	give(t, s, ack(5, s, 3))
	if s.role != Follower || s.log.commit != 3 || s.Deadline() != Never {
		t.Errorf("%v, commit %d after a C_new without it", s.role, s.log.commit)
	}
}

// Dissertation 4.2.2: a server that a C_new not yet committed removes may be the
// only one that can lead; once it is committed, it keeps quiet.
func TestRemovedServerCampaignsUntilCommitted(t *testing.T) {
	disk := diskOf(1, 1)
	disk.Entries = append(disk.Entries, Entry{2, 1, MembershipChange, encodeMembership(nil, Membership{Voters: []ID{2, 3}})})
	s := boot(t, Config{}, disk)
	s.Tick(s.Deadline())
	if s.role != PreCandidate {
		t.Errorf("%v, want pre-candidate", s.role)
	}
	s.Effects()
	answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 1, Index: 2, LogTerm: 1, Commit: 2})
	s.Tick(s.Deadline())
	if s.Deadline() != Never || s.role != Follower {
		t.Errorf("%v with deadline %v, want a quiet follower", s.role, s.Deadline())
	}
}

// Dissertation 4.2.1: a learner counts in no majority, and never campaigns.
func TestLearner(t *testing.T) {
	members := Membership{Voters: []ID{2, 3}, Learners: []ID{1}}
	if s := boot(t, Config{Members: members}, Disk{}); s.Deadline() != Never || s.Status().Voter {
		t.Error("a learner has an election timer")
	}
	s := boot(t, Config{Members: Membership{Voters: []ID{1, 2, 3}, Learners: []ID{4, 5}}}, Disk{})
	lead(t, s)
	give(t, s, ack(4, s, 1))
	give(t, s, ack(5, s, 1))
	if s.log.commit != 0 {
		t.Error("committed by learners")
	}
}

// A cluster of one needs no answers.
func TestAlone(t *testing.T) {
	s := boot(t, Config{Members: Membership{Voters: []ID{1}}}, Disk{})
	s.Tick(s.Deadline())
	fx := s.Effects()
	if s.role != Leader || len(fx.Apply) != 1 || s.Deadline() != Never {
		t.Fatalf("%v, %+v", s.role, fx)
	}
	if err := s.ReadIndex(s.now, 7); err != nil {
		t.Fatal(err)
	}
	if fx = s.Effects(); len(fx.Reads) != 1 || !fx.Reads[0].OK || fx.Reads[0].ID != 7 {
		t.Errorf("reads %+v", fx.Reads)
	}
	if err := s.ChangeMembership(s.now, []ID{1, 2}, nil); err != nil || s.Deadline() == Never {
		t.Errorf("a second server: %v", err)
	}
}

// Section 8 and dissertation 6.4: a read waits for a majority that answers a
// message sent after it, and for an entry of the term.
func TestReadIndex(t *testing.T) {
	s := boot(t, Config{Off: Features{NoOp: true}}, diskOf(1, 1))
	if err := s.ReadIndex(0, 1); !errors.Is(err, ErrNotLeader) {
		t.Error(err)
	}
	lead(t, s)
	if err := s.ReadIndex(s.now, 1); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	propose(t, s, "x")
	old := ack(2, s, 2)
	if err := s.ReadIndex(s.now, 1); err != nil {
		t.Fatal(err)
	}
	s.Effects()
	if err := s.Step(s.now, &Message{Kind: AppendEntriesReply, From: 2, To: 1, Term: s.term, Index: 2, Round: old.Round}); err != nil {
		t.Fatal(err)
	}
	if fx := s.Effects(); s.log.commit != 2 || len(fx.Reads) != 0 {
		t.Errorf("commit %d, reads %+v by an answer to an earlier round", s.log.commit, fx.Reads)
	}
	m := ack(2, s, 2)
	m.To = 1
	if err := s.Step(s.now, &m); err != nil {
		t.Fatal(err)
	}
	if fx := s.Effects(); len(fx.Reads) != 1 || fx.Reads[0] != (Read{ID: 1, Index: 2, OK: true}) {
		t.Errorf("reads %+v", fx.Reads)
	}
	if err := s.ReadIndex(s.now, 2); err != nil {
		t.Fatal(err)
	}
	s.Effects()
	if err := s.Step(s.now, &Message{Kind: RequestVoteReply, From: 2, To: 1, Term: 9, Reject: true}); err != nil {
		t.Fatal(err)
	}
	if fx := s.Effects(); len(fx.Reads) != 1 || fx.Reads[0].OK {
		t.Errorf("a deposed leader's reads: %+v", fx.Reads)
	}
}

// Dissertation 6.4.1: a lease answers at once while it lasts, and is void once
// leadership was offered to another.
func TestLease(t *testing.T) {
	s := boot(t, Config{LeaseReads: true}, Disk{})
	lead(t, s)
	began := s.now
	give(t, s, ack(2, s, 1))
	reads := func() int {
		if err := s.ReadIndex(s.now, 1); err != nil {
			t.Fatal(err)
		}
		return len(s.Effects().Reads)
	}
	s.now = began + 134*ms // 150 ms less a tenth
	if reads() != 1 {
		t.Error("the lease does not last")
	}
	s.now = began + 135*ms
	if reads() != 0 {
		t.Error("the lease lasts too long")
	}
	give(t, s, ack(2, s, 1))
	if reads() != 1 {
		t.Error("the lease was not renewed")
	}
	if err := s.TransferLeadership(s.now, 2); err != nil {
		t.Fatal(err)
	}
	if s.Effects(); reads() != 0 {
		t.Error("the lease survives a transfer")
	}
	for _, off := range []Features{{Stickiness: true}, {CheckQuorum: true}} {
		if _, err := New(Config{ID: 1, LeaseReads: true, Off: off}, Disk{}, 0); err == nil {
			t.Errorf("LeaseReads without %+v", off)
		}
	}
	if s := boot(t, Config{LeaseReads: true}, diskOf(3)); !answer(t, s, Message{Kind: PreVote, From: 2, Term: 4}).Reject {
		t.Error("a restarted server forgot what it may have promised")
	}
}

// Dissertation 3.10: the transferee gets the whole log, then TimeoutNow; no
// proposals meanwhile; after an election timeout the leader goes on.
func TestLeadershipTransfer(t *testing.T) {
	s := boot(t, Config{}, Disk{})
	if err := s.TransferLeadership(0, 2); !errors.Is(err, ErrNotLeader) {
		t.Error(err)
	}
	lead(t, s)
	for _, to := range []ID{1, 9} {
		if err := s.TransferLeadership(s.now, to); !errors.Is(err, ErrNoVoter) {
			t.Errorf("to %d: %v", to, err)
		}
	}
	if err := s.TransferLeadership(s.now, 2); err != nil || len(s.Effects().Messages) != 0 {
		t.Errorf("before the log is complete: %v", err)
	}
	if err := s.TransferLeadership(s.now, 3); !errors.Is(err, ErrTransferring) {
		t.Error(err)
	}
	if err := s.ChangeMembership(s.now, []ID{1}, nil); !errors.Is(err, ErrTransferring) {
		t.Error(err)
	}
	if _, _, err := s.Propose(s.now, nil); !errors.Is(err, ErrTransferring) {
		t.Error(err)
	}
	now := s.now
	if out := give(t, s, ack(2, s, 1)); out[0].Kind != TimeoutNow {
		t.Errorf("sent %+v", out)
	}
	for s.now < now+300*ms {
		give(t, s, ack(3, s, 1))
		s.Tick(s.Deadline())
	}
	propose(t, s, "the transfer was given up")

	s = boot(t, Config{}, diskOf(4))
	out := give(t, s, Message{Kind: TimeoutNow, From: 2, Term: 4})
	if s.role != Candidate || s.term != 5 || !out[0].Force {
		t.Errorf("transferee: %v in term %d, sent %+v", s.role, s.term, out)
	}
}

// Figure 2, persistent state: without it, a server forgets.
func TestUnsafeRules(t *testing.T) {
	s := boot(t, Config{Unsafe: Rules{Persistence: true}}, diskOf(5, 1, 2))
	if s.term != 0 || s.log.last() != 0 {
		t.Errorf("term %d, log to %d", s.term, s.log.last())
	}
	s = boot(t, Config{Unsafe: Rules{ElectionRestriction: true}}, diskOf(1, 1, 1))
	answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 1, Index: 2, LogTerm: 1, Commit: 2})
	s.now = time.Second
	if answer(t, s, Message{Kind: RequestVote, From: 3, Term: 2}).Reject {
		t.Error("refused an empty log")
	}
	answer(t, s, Message{Kind: AppendEntries, From: 3, Term: 2, Entries: []Entry{{1, 2, NoOp, nil}}})
	if s.log.commit != 0 || s.log.last() != 1 {
		t.Errorf("commit %d, last %d: what was committed should be lost", s.log.commit, s.log.last())
	}
}

// Leader Completeness (section 5.4.3) is what a server may rely on.
func TestCommittedEntriesAreNeverRemoved(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a committed entry was removed")
		}
	}()
	s := boot(t, Config{}, diskOf(1, 1, 1))
	answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 1, Index: 2, LogTerm: 1, Commit: 2})
	give(t, s, Message{Kind: AppendEntries, From: 3, Term: 2, Entries: []Entry{{1, 2, NoOp, nil}}})
}

func TestConfigErrors(t *testing.T) {
	for name, c := range map[string]Config{
		"no ID":        {},
		"timeouts":     {ID: 1, ElectionTimeoutMin: 2, ElectionTimeoutMax: 1},
		"heartbeat":    {ID: 1, HeartbeatInterval: time.Second},
		"negative":     {ID: 1, MaxInflight: -1},
		"repeated":     {ID: 1, Members: Membership{Voters: []ID{1, 1}}},
		"no voters":    {ID: 1, Members: Membership{Learners: []ID{1}}},
		"both at once": {ID: 1, Members: Membership{Voters: []ID{1}, Learners: []ID{1}}},
	} {
		if _, err := New(c, Disk{}, 0); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(Config{ID: 1}, Disk{Entries: []Entry{{Index: 2}}}, 0); err == nil {
		t.Error("a log with a gap was accepted")
	}
	if _, err := New(Config{ID: 1}, Disk{Entries: []Entry{{1, 0, MembershipChange, []byte{9}}}}, 0); err == nil {
		t.Error("a damaged membership was accepted")
	}
	s := boot(t, Config{}, Disk{})
	for _, m := range []Message{{Kind: PreVote, From: 2, To: 9}, {Kind: PreVote, From: 1, To: 1}} {
		if err := s.Step(0, &m); !errors.Is(err, ErrMisdirected) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	m := Message{Kind: AppendEntries, From: 2, To: 1, Term: 1, Entries: []Entry{{1, 1, MembershipChange, []byte{9}}}}
	if s.Step(0, &m) == nil {
		t.Error("a damaged membership was appended")
	}
	if _, _, err := s.Propose(0, nil); !errors.Is(err, ErrNotLeader) {
		t.Errorf("propose: %v", err)
	}
	if MessageKind(99).String() == "" || Leader.String() != "leader" || AppendEntries.String() != "AppendEntries" {
		t.Error("names")
	}
}
