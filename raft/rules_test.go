package raft

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// The rules of the paper, one test each. A test's servers are alone: it plays
// all the others by hand.

const ms = time.Millisecond

// boot makes server 1 of three (or of the given voters).
func boot(t *testing.T, cfg Config, disk Disk) *Server {
	t.Helper()
	cfg.ID = 1
	if len(cfg.Members.Voters) == 0 {
		cfg.Members.Voters = []ID{1, 2, 3}
	}
	s, err := New(cfg, disk, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// diskOf is a disk in term whose log has entries of the given terms.
func diskOf(term uint64, terms ...uint64) Disk {
	d := Disk{State: State{Term: term}}
	for i, t := range terms {
		d.Entries = append(d.Entries, Entry{Index: uint64(i + 1), Term: t, Data: fmt.Append(nil, "c", i+1)})
	}
	return d
}

// give delivers a message to s, which is server 1, and returns what it sends.
func give(t *testing.T, s *Server, m Message) []Message {
	t.Helper()
	m.To = s.id
	if err := s.Step(s.now, &m); err != nil {
		t.Fatal(err)
	}
	return s.Effects().Messages
}

// answer gives s the only message it answers with.
func answer(t *testing.T, s *Server, m Message) Message {
	t.Helper()
	out := give(t, s, m)
	if len(out) != 1 || out[0].To != m.From || !out[0].Kind.IsReply() {
		t.Fatalf("%v was answered by %+v", m.Kind, out)
	}
	return out[0]
}

// lead makes s the leader of the next term, and returns what it sends then.
func lead(t *testing.T, s *Server) []Message {
	t.Helper()
	s.Tick(s.Deadline())
	for _, kind := range []MessageKind{PreVoteReply, RequestVoteReply} {
		for _, id := range s.members().Voters {
			term := s.term
			if kind == PreVoteReply {
				term++
			}
			if id != s.id && (s.role == PreCandidate) == (kind == PreVoteReply) && s.role != Leader {
				if err := s.Step(s.now, &Message{Kind: kind, From: id, To: s.id, Term: term}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if s.role != Leader {
		t.Fatalf("server is %v, want leader", s.role)
	}
	return s.Effects().Messages
}

func ack(from ID, s *Server, index uint64) Message {
	return Message{Kind: AppendEntriesReply, From: from, Term: s.term, Index: index, Round: s.round}
}

func propose(t *testing.T, s *Server, data string) uint64 {
	t.Helper()
	index, _, err := s.Propose(s.now, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// Section 5.1: a server that sees a higher term takes it up and follows.
func TestHigherTermMakesFollower(t *testing.T) {
	for _, kind := range []MessageKind{AppendEntries, AppendEntriesReply, RequestVoteReply, InstallSnapshotReply} {
		s := boot(t, Config{}, Disk{})
		lead(t, s)
		give(t, s, Message{Kind: kind, From: 2, Term: 9})
		if s.role != Follower || s.term != 9 {
			t.Errorf("%v of term 9: %v in term %d", kind, s.role, s.term)
		}
	}
}

// Section 5.1: a request of an older term is refused, with the current one.
func TestStaleRequestIsRefused(t *testing.T) {
	for _, kind := range []MessageKind{PreVote, RequestVote, AppendEntries, InstallSnapshot} {
		s := boot(t, Config{}, diskOf(5))
		if r := answer(t, s, Message{Kind: kind, From: 2, Term: 4, Index: 9, Round: 7}); !r.Reject || r.Term != 5 || r.Round != 0 {
			t.Errorf("%v of term 4: %+v", kind, r)
		}
	}
	s := boot(t, Config{}, diskOf(5))
	if out := give(t, s, Message{Kind: RequestVoteReply, From: 2, Term: 4}); len(out) != 0 || s.term != 5 {
		t.Errorf("stale reply: sent %+v", out)
	}
}

// Section 5.2: one vote a term, first come first served, also over a restart.
func TestOneVoteATerm(t *testing.T) {
	s := boot(t, Config{}, Disk{})
	if r := answer(t, s, Message{Kind: RequestVote, From: 2, Term: 1}); r.Reject {
		t.Fatal("no vote for the first candidate")
	}
	if r := answer(t, s, Message{Kind: RequestVote, From: 2, Term: 1}); r.Reject {
		t.Error("the same candidate asked again and was refused")
	}
	restarted := boot(t, Config{}, Disk{State: State{Term: s.term, Vote: s.vote}})
	for name, s := range map[string]*Server{"running": s, "restarted": restarted} {
		if r := answer(t, s, Message{Kind: RequestVote, From: 3, Term: 1}); !r.Reject {
			t.Errorf("%s: a second vote in term 1", name)
		}
	}
}

// Section 5.2: what a vote promises is durable before the vote is sent.
func TestVoteIsDurableFirst(t *testing.T) {
	s := boot(t, Config{}, Disk{})
	if err := s.Step(0, &Message{Kind: RequestVote, From: 2, To: 1, Term: 3}); err != nil {
		t.Fatal(err)
	}
	fx := s.Effects()
	if !fx.Save || fx.State != (State{Term: 3, Vote: 2}) || len(fx.Messages) != 1 || !fx.Durable() {
		t.Errorf("effects: %+v", fx)
	}
	if fx = s.Effects(); fx.Durable() {
		t.Errorf("written twice: %+v", fx)
	}
}

// Section 5.4.1: no vote for a candidate whose log is behind: by the last term
// first, then by length.
func TestElectionRestriction(t *testing.T) {
	for _, c := range []struct {
		index, term uint64
		granted     bool
	}{{2, 2, true}, {3, 2, true}, {1, 2, false}, {9, 1, false}, {1, 3, true}, {0, 0, false}} {
		for _, kind := range []MessageKind{PreVote, RequestVote} {
			s := boot(t, Config{}, diskOf(2, 1, 2))
			if r := answer(t, s, Message{Kind: kind, From: 2, Term: 4, Index: c.index, LogTerm: c.term}); r.Reject == c.granted {
				t.Errorf("%v of a log that ends at %d, term %d: granted %v, want %v", kind, c.index, c.term, !r.Reject, c.granted)
			}
		}
	}
}

// Section 5.2: only a vote that is given restarts the timer: a candidate that
// cannot win must not keep others from trying.
func TestRefusedCandidateLeavesTheTimer(t *testing.T) {
	s := boot(t, Config{}, diskOf(2, 1, 2))
	before := s.Deadline()
	s.now = 50 * ms
	give(t, s, Message{Kind: RequestVote, From: 2, Term: 4})
	give(t, s, Message{Kind: PreVote, From: 2, Term: 5})
	if s.Deadline() != before {
		t.Error("the timer was restarted for a refused candidate")
	}
	give(t, s, Message{Kind: RequestVote, From: 3, Term: 4, Index: 2, LogTerm: 2})
	if s.Deadline() < 50*ms+150*ms {
		t.Error("the timer was not restarted for a vote given")
	}
}

// Section 5.1: what a deposed leader says counts for nothing.
func TestStaleLeaderLeavesTheTimer(t *testing.T) {
	s := boot(t, Config{}, diskOf(5))
	before := s.Deadline()
	s.now = 50 * ms
	give(t, s, Message{Kind: AppendEntries, From: 2, Term: 4})
	if s.Deadline() != before || s.sticky() {
		t.Error("a leader of an older term restarted the timer")
	}
}

// Section 5.2: election timeouts are random in the configured range.
func TestTimeoutsAreRandom(t *testing.T) {
	seen := map[time.Duration]bool{}
	for seed := range uint64(200) {
		d := boot(t, Config{Seed: seed}, Disk{}).Deadline()
		if d < 150*ms || d > 300*ms {
			t.Fatalf("timeout %v is not within 150-300 ms", d)
		}
		seen[d/(10*ms)] = true
	}
	if len(seen) < 14 {
		t.Errorf("200 timeouts fell into %d of 15 slots", len(seen))
	}
	if s := boot(t, Config{Unsafe: Rules{RandomTimeouts: true}}, Disk{}); s.Deadline() != 150*ms {
		t.Errorf("without randomness: %v, want 150 ms", s.Deadline())
	}
}

// Section 5.2: votes of one server count once, and old ones not at all.
func TestVotersAreCounted(t *testing.T) {
	s := boot(t, Config{Members: Membership{Voters: []ID{1, 2, 3, 4, 5}}, Off: Features{PreVote: true}}, Disk{})
	s.Tick(s.Deadline())
	s.Effects()
	for range 3 {
		give(t, s, Message{Kind: RequestVoteReply, From: 2, Term: 1})
	}
	give(t, s, Message{Kind: RequestVoteReply, From: 3, Term: 1, Reject: true})
	give(t, s, Message{Kind: RequestVoteReply, From: 4, Term: 0})
	if s.role != Candidate {
		t.Fatalf("%v after one vote three times", s.role)
	}
	s.Tick(s.Deadline()) // a split vote: the next term
	give(t, s, Message{Kind: RequestVoteReply, From: 3, Term: 1})
	give(t, s, Message{Kind: RequestVoteReply, From: 4, Term: 1})
	if s.role != Candidate || s.term != 2 {
		t.Errorf("%v of term %d by votes of term 1", s.role, s.term)
	}
	give(t, s, Message{Kind: RequestVoteReply, From: 4, Term: 2})
	give(t, s, Message{Kind: RequestVoteReply, From: 5, Term: 2})
	if s.role != Leader {
		t.Errorf("%v with a majority", s.role)
	}
}

// Section 5.2: a candidate that hears the leader of its term follows it.
func TestCandidateFollowsTheLeader(t *testing.T) {
	s := boot(t, Config{Off: Features{PreVote: true}}, Disk{})
	s.Tick(s.Deadline())
	s.Effects()
	if r := answer(t, s, Message{Kind: AppendEntries, From: 3, Term: 1}); r.Reject || s.role != Follower || s.lead != 3 {
		t.Errorf("%v following %d, answered %+v", s.role, s.lead, r)
	}
}

// Section 6, and dissertation 4.2.3 and 9.6: no vote while a leader is heard,
// unless the leader itself asks for the election.
func TestStickiness(t *testing.T) {
	for _, c := range []struct {
		name    string
		off     bool
		at      time.Duration
		force   bool
		granted bool
	}{{"soon", false, 100 * ms, false, false}, {"later", false, 150 * ms, false, true},
		{"forced", false, 100 * ms, true, true}, {"off", true, 100 * ms, false, true}} {
		s := boot(t, Config{Off: Features{Stickiness: c.off}}, Disk{})
		give(t, s, Message{Kind: AppendEntries, From: 3, Term: 1})
		s.now = c.at
		if r := answer(t, s, Message{Kind: RequestVote, From: 2, Term: 2, Force: c.force}); r.Reject == c.granted || s.term != r.Term {
			t.Errorf("%s: granted %v", c.name, !r.Reject)
		}
	}
}

// Dissertation 9.6: a pre-vote promises nothing, and the term stays.
func TestPreVoteDisturbsNothing(t *testing.T) {
	s := boot(t, Config{}, diskOf(3))
	before := s.Status()
	for _, from := range []ID{2, 3} {
		if r := answer(t, s, Message{Kind: PreVote, From: from, Term: 4}); r.Reject || r.Term != 4 {
			t.Errorf("%+v", r)
		}
	}
	if s.Status() != before {
		t.Errorf("status %+v became %+v", before, s.Status())
	}
	s.Tick(s.Deadline())
	if s.role != PreCandidate || s.term != 3 || len(s.Effects().Messages) != 2 {
		t.Errorf("%v in term %d", s.role, s.term)
	}
	give(t, s, Message{Kind: PreVoteReply, From: 2, Term: 3, Reject: true})
	give(t, s, Message{Kind: PreVoteReply, From: 2, Term: 9})
	if s.role != PreCandidate {
		t.Errorf("%v by a pre-vote for another term", s.role)
	}
	give(t, s, Message{Kind: PreVoteReply, From: 2, Term: 4})
	if s.role != Candidate || s.term != 4 {
		t.Errorf("%v in term %d after a majority of pre-votes", s.role, s.term)
	}
}

// Dissertation 6.2: a leader that hears no majority for an election timeout
// steps down.
func TestCheckQuorum(t *testing.T) {
	for _, off := range []bool{false, true} {
		s := boot(t, Config{Off: Features{CheckQuorum: off}}, Disk{})
		lead(t, s)
		start := s.now
		for s.now < start+250*ms {
			s.Tick(s.Deadline())
		}
		if s.role != Leader {
			t.Fatalf("%v after %v", s.role, s.now-start)
		}
		s.Tick(s.Deadline())
		s.Tick(s.Deadline())
		if (s.role == Leader) != off {
			t.Errorf("off %v: %v after %v of silence", off, s.role, s.now-start)
		}
	}
}

// Section 5.3: the consistency check, and what a conflict removes.
func TestAppendEntriesReceiver(t *testing.T) {
	e := func(index, term uint64) Entry { return Entry{Index: index, Term: term, Data: []byte("new")} }
	for _, c := range []struct {
		name        string
		index, term uint64
		entries     []Entry
		reject      bool
		match       uint64 // or the hint
		last        uint64
	}{
		{"next", 4, 3, []Entry{e(5, 4)}, false, 5, 5},
		{"gap", 6, 4, []Entry{e(7, 4)}, true, 4, 4},
		{"other term", 4, 4, []Entry{e(5, 4)}, true, 3, 4},
		{"older term before", 4, 2, nil, true, 3, 4},
		{"heartbeat behind the end", 3, 2, nil, false, 3, 4},
		{"known entries", 1, 1, []Entry{{2, 2, 0, nil}, {3, 2, 0, nil}}, false, 3, 4},
		{"conflict", 2, 2, []Entry{e(3, 4)}, false, 3, 3},
		{"half known, then conflict", 2, 2, []Entry{{3, 2, 0, nil}, e(4, 4), e(5, 4)}, false, 5, 5},
		{"from nothing", 0, 0, []Entry{e(1, 4)}, false, 1, 1},
	} {
		s := boot(t, Config{}, diskOf(4, 1, 2, 2, 3))
		r := answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 4, Index: c.index, LogTerm: c.term, Entries: c.entries})
		got := r.Index
		if r.Reject {
			got = r.HintIndex
		}
		if r.Reject != c.reject || got != c.match || s.log.last() != c.last {
			t.Errorf("%s: answered %+v, log ends at %d; want reject %v, %d, %d", c.name, r, s.log.last(), c.reject, c.match, c.last)
		}
	}
}

// Figure 2, AppendEntries rule 5: the commit index never passes the last new
// entry, and never goes back.
func TestFollowerCommit(t *testing.T) {
	s := boot(t, Config{}, diskOf(4, 1, 2, 2, 3))
	for _, c := range []struct{ prev, term, commit, want uint64 }{{2, 2, 9, 2}, {1, 1, 1, 2}, {3, 2, 3, 3}} {
		answer(t, s, Message{Kind: AppendEntries, From: 2, Term: 4, Index: c.prev, LogTerm: c.term, Commit: c.commit})
		if s.log.commit != c.want {
			t.Errorf("leaderCommit %d, last new entry %d: commit %d, want %d", c.commit, c.prev, s.log.commit, c.want)
		}
	}
}

// Section 5.4.2, Figure 8: entries of older terms are committed only by one of
// the current term on top.
func TestCommitRule(t *testing.T) {
	for _, unsafe := range []bool{false, true} {
		s := boot(t, Config{Off: Features{NoOp: true}, Unsafe: Rules{CommitCurrentTermOnly: unsafe}}, diskOf(2, 1, 2))
		lead(t, s)
		give(t, s, ack(2, s, 2))
		if got := s.log.commit == 2; got != unsafe {
			t.Errorf("unsafe %v: commit %d by counting an entry of term 2 in term %d", unsafe, s.log.commit, s.term)
		}
		propose(t, s, "x")
		give(t, s, ack(2, s, 3))
		if s.log.commit != 3 {
			t.Errorf("commit %d, want 3", s.log.commit)
		}
	}
}

// Section 5.3: matchIndex never goes back, whatever arrives late.
func TestMatchIndexNeverGoesBack(t *testing.T) {
	s := boot(t, Config{}, Disk{})
	lead(t, s)
	for range 4 {
		propose(t, s, "x")
	}
	give(t, s, ack(2, s, 5))
	give(t, s, ack(2, s, 3))
	give(t, s, Message{Kind: AppendEntriesReply, From: 2, Term: s.term, Index: 4, Reject: true})
	if p := s.peer(2); p.match != 5 || p.next != 6 {
		t.Errorf("match %d, next %d; want 5, 6", p.match, p.next)
	}
}

// End of section 5.3: the back-up skips a whole term, or what is missing, at
// once; without the feature it goes one by one.
func TestFastBackup(t *testing.T) {
	for _, off := range []bool{false, true} {
		s := boot(t, Config{Off: Features{FastBackup: off}}, diskOf(6, 1, 1, 4, 5, 5, 6, 6))
		lead(t, s)
		r := Message{Kind: AppendEntriesReply, From: 2, Term: s.term, Index: 7, Reject: true, HintIndex: 6, HintTerm: 3}
		give(t, s, r)
		want := uint64(3)
		if off {
			want = 7
		}
		if p := s.peer(2); p.next != want {
			t.Errorf("off %v: next %d, want %d", off, p.next, want)
		}
		before := *s.peer(2)
		give(t, s, Message{Kind: AppendEntriesReply, From: 2, Term: s.term, Index: 5, Reject: true, HintIndex: 1, HintTerm: 1})
		if p := s.peer(2); p.next != before.next {
			t.Errorf("off %v: a late refusal moved next to %d", off, p.next)
		}
	}
}

// Dissertation 10.2.1: messages with entries follow each other up to the limit,
// and what comes meanwhile goes together.
func TestPipelineAndCoalescing(t *testing.T) {
	s := boot(t, Config{MaxInflight: 2, MaxMessageBytes: 10}, Disk{})
	lead(t, s)
	give(t, s, ack(2, s, 1))
	sent := func() (lengths []int) {
		for _, m := range s.Effects().Messages {
			if m.To == 2 && len(m.Entries) > 0 {
				lengths = append(lengths, len(m.Entries))
			}
		}
		return lengths
	}
	propose(t, s, "one")
	if got := fmt.Sprint(sent()); got != "[1]" {
		t.Errorf("first: %s", got)
	}
	for range 5 {
		propose(t, s, "12345")
	}
	if got := fmt.Sprint(sent()); got != "[2]" { // 10 bytes, and 2 are in flight then
		t.Errorf("then: %s", got)
	}
	give(t, s, ack(2, s, 2))
	give(t, s, ack(2, s, 4))
	if p := s.peer(2); p.next != 8 || p.inflight.size != 2 {
		t.Errorf("next %d with %d in flight, want 8 and 2", p.next, p.inflight.size)
	}
}

// Back-pressure: a leader refuses what it cannot bear, but never the first
// entry of its term.
func TestBackPressure(t *testing.T) {
	s := boot(t, Config{MaxUncommittedEntries: 3, Off: Features{NoOp: true}}, diskOf(1, 1, 1, 1, 1))
	lead(t, s)
	propose(t, s, "x")
	if _, _, err := s.Propose(s.now, []byte("y")); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	give(t, s, ack(2, s, 5))
	propose(t, s, "y")
	s = boot(t, Config{MaxUncommittedBytes: 10}, Disk{})
	lead(t, s)
	propose(t, s, "0123456789")
	if _, _, err := s.Propose(s.now, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}

// Section 7, Figure 13: chunks in order make a snapshot; it replaces a log that
// does not agree with it, keeps what follows in one that does, and old news is
// only confirmed.
func TestInstallSnapshot(t *testing.T) {
	members := Membership{Voters: []ID{1, 2, 3}}
	chunk := func(offset uint64, data string, done bool) Message {
		return Message{Kind: InstallSnapshot, From: 2, Term: 5, Index: 3, LogTerm: 2, Offset: offset,
			Data: []byte(data), Done: done, Members: &members}
	}
	s := boot(t, Config{}, Disk{})
	for _, c := range []struct {
		m    Message
		has  uint64
		done bool
	}{{chunk(4, "late", true), 0, false}, {chunk(0, "abcd", false), 4, false}, {chunk(0, "abcd", false), 4, false},
		{chunk(4, "", false), 4, false}, {chunk(4, "ef", true), 0, true}, {chunk(0, "abcd", false), 0, true}} {
		if r := answer(t, s, c.m); r.Offset != c.has || r.Done != c.done {
			t.Errorf("chunk at %d: has %d, done %v; want %d, %v", c.m.Offset, r.Offset, r.Done, c.has, c.done)
		}
	}
	if got := string(s.Snapshot().Data); got != "abcdef" || s.log.commit != 3 || s.log.applied != 3 {
		t.Errorf("snapshot %q, commit %d", got, s.log.commit)
	}

	s = boot(t, Config{}, diskOf(5, 1, 2, 2, 3))
	if err := s.Step(0, &Message{Kind: InstallSnapshot, From: 2, To: 1, Term: 5, Index: 3, LogTerm: 2, Done: true, Members: &members}); err != nil {
		t.Fatal(err)
	}
	if fx := s.Effects(); !fx.Restore || len(fx.Append) != 1 || fx.Append[0].Index != 4 {
		t.Errorf("the suffix that agrees: %+v", fx)
	}
}

// Figure 13, rule 7: a log that does not agree with the snapshot is void.
func TestSnapshotDropsADivergentLog(t *testing.T) {
	members := Membership{Voters: []ID{1, 2, 3}}
	s := boot(t, Config{}, diskOf(5, 1, 1, 1, 1))
	answer(t, s, Message{Kind: InstallSnapshot, From: 2, Term: 5, Index: 3, LogTerm: 2, Done: true, Members: &members})
	if st := s.Status(); st.First != 4 || st.Last != 3 {
		t.Errorf("log %d..%d, want it empty after 3", st.First, st.Last)
	}
}

// Section 7: the leader sends a snapshot, in chunks, to a follower whose next
// entry is gone; a lost chunk shows at the next heartbeat.
func TestSendSnapshot(t *testing.T) {
	s := boot(t, Config{MaxChunkBytes: 4}, Disk{})
	lead(t, s)
	give(t, s, ack(2, s, 1))
	if err := s.Compact(1, []byte("abcdef")); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(1, nil); !errors.Is(err, ErrNotApplied) {
		t.Errorf("a second snapshot of 1: %v", err)
	}
	only := func(out []Message) Message {
		t.Helper()
		for _, m := range out {
			if m.To == 3 {
				return m
			}
		}
		t.Fatalf("nothing for server 3 in %+v", out)
		return Message{}
	}
	reply := func(offset uint64, done bool) Message {
		return Message{Kind: InstallSnapshotReply, From: 3, Term: s.term, Index: 1, LogTerm: 1, Offset: offset, Done: done}
	}
	s.peer(3).next = 1 // as if it had said that its log is empty
	m := only(s.Effects().Messages)
	if m.Kind != InstallSnapshot || string(m.Data) != "abcd" || m.Done {
		t.Fatalf("first chunk: %+v", m)
	}
	s.Tick(s.Deadline())
	if m = only(s.Effects().Messages); len(m.Data) != 0 || m.Done {
		t.Errorf("heartbeat: %+v", m)
	}
	if m = only(give(t, s, reply(0, false))); string(m.Data) != "abcd" {
		t.Errorf("lost chunk: %+v", m)
	}
	if m = only(give(t, s, reply(4, false))); string(m.Data) != "ef" || !m.Done || m.Members == nil {
		t.Errorf("last chunk: %+v", m)
	}
	give(t, s, reply(0, true))
	if p := s.peer(3); p.sending != nil || p.match != 1 || !p.streaming {
		t.Errorf("after it: %+v", p)
	}
}
