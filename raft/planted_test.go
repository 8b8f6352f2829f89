package raft_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	plantedSeeds = flag.Int("plantedseeds", 800, "how many seeds TestPlantedBugs gives the world to catch a bug")
	allBugs      = flag.Bool("allbugs", false, "TestPlantedBugs plants every bug, not each eighth")
)

// A bug is a known mistake of Raft implementations, as an edit of the sources:
// old, found once, becomes new, which misbehaves if planted is its number. All
// edits make one program (a build overlay: the tree stays as it is), which is
// run once for each bug.
//
// The world catches all but seven of them within 800 seeds. Two are the service's
// (53, 54), which TestLinearizable is the world of. Three a world cannot see:
// a matchIndex that goes back (32) costs messages only, since the commit index
// does not; a refusal that echoes the request (35) and a timer that a refused
// candidate starts anew (12) are made harmless by the checks behind them, PreVote
// and stickiness. And a membership that stays in force (46) or a removed server
// that does not campaign (59) take it a few thousand seeds. Tests of their rules
// catch these.
type bug struct {
	number   int
	name     string
	file     string // in raft/; "reference" is the driver, "kv" the service of TestLinearizable
	old, new string
	by       string // the test that must catch it; "" is TestWorld
}

var bugs = []bug{
	{1, "vote without a look at the log", "election.go",
		"return s.cfg.Unsafe.ElectionRestriction ||", "return planted == 1 || s.cfg.Unsafe.ElectionRestriction ||", ""},
	{2, "logs compared by length only", "log.go",
		"	return p.Term > q.Term ||", "	if planted == 2 {\n		return p.Index >= q.Index\n	}\n	return p.Term > q.Term ||", ""},
	{3, "votedFor not persisted", "effects.go",
		"	state := State{Term: s.term, Vote: s.vote}", "	state := State{Term: s.term, Vote: s.vote}\n	if planted == 3 {\n		state.Vote = None\n	}", ""},
	{4, "currentTerm not persisted", "effects.go",
		"	fx.Save, fx.State = state != s.written, state", "	if planted == 4 {\n		state = State{}\n	}\n	fx.Save, fx.State = state != s.written, state", ""},
	{5, "vote sent before it is persisted", "reference",
		"		fx = s.durable(fx, out)", "		if raft.Planted == 5 || raft.Planted == 40 {\n			for i := range out.Messages {\n				if m := &out.Messages[i]; (raft.Planted == 5) == (m.Kind == raft.RequestVoteReply) {\n					fx = s.send(fx, m)\n				}\n			}\n		}\n		fx = s.durable(fx, out)", ""},
	{6, "vote and term written in two steps", "reference",
		"	if out.Snapshot == nil {\n", "	if o := *out; raft.Planted == 6 && out.Save && out.Snapshot == nil {\n		o.State.Term, o.Append = s.shown.Term, nil\n		fx = append(fx, sim.Effect{Kind: sim.WriteAhead, Data: raft.AppendRecord(nil, &o)})\n	}\n	if out.Snapshot == nil {\n", ""},
	{7, "vote forgotten when stepping down in the same term", "raft.go",
		"	if term > s.term {\n		s.term, s.vote = term, None\n	}", "	if term > s.term || planted == 7 {\n		s.term, s.vote = term, plantedVote(s, term)\n	}", ""},
	{8, "vote kept in a new term", "", "", "", ""},
	{9, "votes counted, not voters", "election.go",
		"		if s.ballots[i].from == from {", "		if s.ballots[i].from == from && planted != 9 {", ""},
	{9, "", "election.go",
		"	if !s.members().hasQuorum(s.votedForMe) {", "	if !s.members().hasQuorum(s.votedForMe) && !plantedCount(s) {", ""},
	{10, "votes of an older term counted", "raft.go",
		"	case m.Term < s.term:\n", "	case planted == 10 && m.Term < s.term && m.Kind == RequestVoteReply:\n	case m.Term < s.term:\n", ""},
	{11, "a candidate does not vote for itself", "election.go",
		"	s.vote = s.id\n", "	if planted != 11 {\n		s.vote = s.id\n	}\n", ""},
	{12, "the timer starts anew for a refused candidate", "election.go",
		"		s.refuse(m)\n		return\n	}\n	s.vote = m.From", "		if planted == 12 {\n			s.resetElectionTimer()\n		}\n		s.refuse(m)\n		return\n	}\n	s.vote = m.From", "TestRefusedCandidateLeavesTheTimer"},
	{13, "the timer starts anew for a deposed leader", "raft.go",
		"		if !m.Kind.IsReply() && m.Kind != TimeoutNow {", "		if planted == 13 {\n			s.resetElectionTimer()\n		}\n		if !m.Kind.IsReply() && m.Kind != TimeoutNow && (planted != 22 || m.Kind != AppendEntries) {", ""},
	{14, "a candidate waits for ever", "election.go",
		"	if s.role == Leader || !s.mayCampaign() {", "	if s.role == Leader || !s.mayCampaign() || planted == 14 && (s.role == Candidate || s.role == PreCandidate) {", ""},
	{15, "election timeouts are not random", "election.go",
		"!s.cfg.Unsafe.RandomTimeouts {", "!s.cfg.Unsafe.RandomTimeouts && planted != 15 {", ""},
	{16, "a higher term in a reply is ignored", "raft.go",
		"	case m.Term > s.term: //", "	case m.Term > s.term && planted == 16 && m.Kind.IsReply():\n	case m.Term > s.term: //", ""},
	{17, "a candidate does not follow the leader of its term", "replication.go",
		"	s.follow(m.From)\n	prev, entries", "	if planted == 17 && (s.role == Candidate || s.role == PreCandidate) {\n		return nil\n	}\n	s.follow(m.From)\n	prev, entries", ""},
	{18, "quorum off by one", "membership.go",
		"		return n > len(ids)/2", "		return n > len(ids)/2 || planted == 18 && n >= len(ids)/2", ""},
	{19, "own vote counted twice", "membership.go",
		"		n := 0\n		for _, id := range ids {\n			if has(id) {", "		n := 0\n		if planted == 19 {\n			n = 1\n		}\n		for _, id := range ids {\n			if has(id) {", ""},
	{20, "the quorum check rounds its timeout to 0", "replication.go",
		">= s.cfg.ElectionTimeoutMax {", ">= plantedTimeout(s.cfg.ElectionTimeoutMax) {", ""},
	{21, "a pre-candidate does not count itself", "election.go",
		"	s.countBallot(s.id, true)", "	s.countBallot(s.id, planted != 21 || kind != PreVote)", ""},
	{22, "a leader of an older term is not told", "", "", "", ""}, // edited with 13
	{23, "no PreVote", "election.go",
		"	if s.cfg.Off.PreVote {", "	if s.cfg.Off.PreVote || planted == 23 {", ""},
	{24, "pre-votes though the leader is heard", "election.go",
		"s.mayElect(m) && !s.sticky() {", "s.mayElect(m) && (planted == 24 || !s.sticky()) {", ""},
	{25, "heartbeats are not checked for consistency", "replication.go",
		"	if !s.log.matches(prev) {", "	if !s.log.matches(prev) && !(planted == 25 && len(entries) == 0) && !(planted == 28 && prev.Index > s.log.last()) {", ""},
	{26, "every AppendEntries shortens the log", "replication.go",
		"	if n := s.log.conflict(entries); n < len(entries) {", "	if planted == 26 && prev.Index < s.log.last() {\n		s.log.truncate(prev.Index + 1)\n	}\n	if n := s.log.conflict(entries); n < len(entries) {", ""},
	{27, "a conflict removes nothing", "replication.go",
		"			s.log.truncate(from)\n", "			if planted != 27 {\n				s.log.truncate(from)\n			} else {\n				entries = entries[min(uint64(len(entries)), s.log.last()-prev.Index):]\n				n = 0\n			}\n", ""},
	{28, "a missing previous entry is a match", "", "", "", ""}, // edited with 25
	{29, "entries of older terms committed by counting", "replication.go",
		"t != s.term && !s.cfg.Unsafe.CommitCurrentTermOnly {", "t != s.term && !s.cfg.Unsafe.CommitCurrentTermOnly && planted != 29 {", ""},
	{30, "commit index taken without a look at the log", "replication.go",
		"min(m.Commit, lastNew))", "min(m.Commit, plantedLast(s, lastNew)))", ""},
	{31, "the commit index goes back", "replication.go",
		"	s.log.commit = max(s.log.commit, min(", "	s.log.commit = max(plantedCommit(s), min(", ""},
	{32, "a late answer lowers matchIndex", "replication.go",
		"	if m.Index >= p.match {", "	if m.Index >= p.match || planted == 32 {", "TestMatchIndexNeverGoesBack"},
	{33, "matchIndex taken from nextIndex", "replication.go",
		"		p.match = m.Index\n", "		p.match = m.Index\n		if planted == 33 {\n			p.match = p.next - 1\n		}\n", ""},
	{34, "matchIndex survives an election", "raft.go",
		"	s.peers, s.heartbeatDeadline = nil, Never", "	if planted != 34 {\n		s.peers = nil\n	}\n	s.heartbeatDeadline = Never", ""},
	{34, "", "election.go",
		"	s.peers = s.peers[:0]\n", "	if planted != 34 {\n		s.peers = s.peers[:0]\n	}\n", ""},
	{35, "a refusal for the term echoes the request", "raft.go",
		"{ s.reply(m, Message{Kind: m.Kind + 1, Reject: true}) }", "{\n	r := Message{Kind: m.Kind + 1, Reject: true}\n	if planted == 35 {\n		r.Index, r.Round = m.Index, m.Round\n	}\n	s.reply(m, r)\n}", "TestStaleRequestIsRefused"},
	{36, "wrong hint: the back-up goes nowhere", "replication.go",
		"	p.next = max(p.match+1, min(p.next, m.Index))", "	p.next = max(p.match+1, min(p.next, m.Index))\n	if planted == 36 {\n		p.next = m.Index + 1\n	}", ""},
	{37, "a leader commits alone", "membership.go",
		"	if len(ids) == 0 {\n		return 0", "	if planted == 37 {\n		return own\n	}\n	if len(ids) == 0 {\n		return 0", ""},
	{38, "a command is applied when it is proposed", "raft.go",
		"	return s.appendOwn(Command, data), s.term, nil", "	if planted == 38 {\n		s.log.commit = s.log.last() + 1\n	}\n	return s.appendOwn(Command, data), s.term, nil", ""},
	{39, "a follower takes commands", "reference",
		"	answer.Flag = err == nil\n", "	answer.Flag = err == nil || raft.Planted == 39\n", ""},
	{40, "entries acknowledged before they are persisted", "", "", "", ""}, // edited with 5
	{41, "appended entries not persisted", "reference",
		"		s.arena = raft.AppendRecord(s.arena, out)", "		if o := *out; raft.Planted == 41 {\n			o.Append = nil\n			s.arena = raft.AppendRecord(s.arena, &o)\n		} else {\n			s.arena = raft.AppendRecord(s.arena, out)\n		}", ""},
	{42, "lastApplied runs ahead of what is applied", "effects.go",
		"		fx.Apply = s.log.slice(s.log.applied+1, s.log.commit)", "		fx.Apply = s.log.slice(s.log.applied+1, s.log.commit)\n		if planted == 42 && len(fx.Apply) > 1 {\n			fx.Apply = fx.Apply[1:]\n		}", ""},
	{43, "nothing works while the apply channel is full", "reference",
		"	case sim.Tick:\n		s.core.Tick(t)\n	case sim.Receive:\n", "	case sim.Tick:\n		s.core.Tick(t)\n	case sim.Receive:\n		if raft.Planted == 43 && len(s.held) > 0 {\n			return fx, sim.Time(s.core.Deadline())\n		}\n", ""},
	{44, "a message storm", "replication.go",
		"	if p.beat || !s.cfg.Off.EagerCommit", "	if p.beat || planted == 44 && p.streaming || !s.cfg.Off.EagerCommit", ""},
	{45, "heartbeats as rare as elections", "replication.go",
		"	s.heartbeatDeadline = s.now + s.cfg.HeartbeatInterval\n	if", "	s.heartbeatDeadline = s.now + s.cfg.HeartbeatInterval\n	if planted == 45 {\n		s.heartbeatDeadline = s.now + s.cfg.ElectionTimeoutMax\n	}\n	if", ""},
	{46, "a removed membership stays in force", "replication.go",
		"			s.forgetMemberships(from)\n", "			if planted != 46 {\n				s.forgetMemberships(from)\n			}\n", "TestMembershipIsForgottenWithItsEntry"},
	{47, "an old snapshot rolls the state back", "snapshot.go",
		"	if at.Index <= s.log.commit {", "	if at.Index <= s.log.commit && planted != 47 {", ""},
	{48, "entries below the snapshot come back", "replication.go",
		"		prev = position{entries[0].Index, entries[0].Term}\n		entries = entries[1:]", "		prev = position{entries[0].Index, entries[0].Term}\n		if planted == 48 {\n			prev = s.log.base\n			break\n		}\n		entries = entries[1:]", ""},
	{49, "a snapshot keeps a suffix that does not match", "snapshot.go",
		"	if s.log.matches(at) {", "	if s.log.matches(at) || planted == 49 && at.Index <= s.log.last() {", ""},
	{50, "a snapshot loses its last term", "snapshot.go",
		"	at := position{snapshot.Index, snapshot.Term}\n", "	if planted == 50 {\n		snapshot.Term = 0\n	}\n	at := position{snapshot.Index, snapshot.Term}\n", ""},
	{51, "commit index below the snapshot after a restart", "raft.go",
		"	s.log.saved = s.log.last()\n	s.log.mayLose", "	if planted == 51 {\n		s.log.commit, s.log.applied = 0, 0\n	}\n	s.log.saved = s.log.last()\n	s.log.mayLose", ""},
	{52, "a snapshot overtakes commands on the apply channel", "reference",
		"	if s.paused {\n", "	if s.paused && !(raft.Planted == 52 && e.Kind == sim.ApplySnapshot) {\n", ""},
	{53, "a client's retry is applied twice", "kv",
		"if s.Last[c.client] >= c.number {", "if s.Last[c.client] >= c.number && raft.Planted != 53 {", "TestLinearizable"},
	{54, "a client is answered by another leader's command", "kv",
		"if w.term == term {", "if w.term == term || raft.Planted == 54 {", "TestLinearizable"},
	{55, "reads before an entry of the term is committed", "read.go",
		"index: max(s.log.commit, s.firstOfTerm)}", "index: plantedRead(s)}", ""},
	{56, "old acknowledgements confirm new reads", "replication.go",
		"		p.round = max(p.round, m.Round)\n", "		p.round = max(p.round, m.Round)\n		if planted == 56 {\n			p.round = s.round\n		}\n", ""},
	{57, "the membership changes in one step", "membership.go",
		"		next.Outgoing = current.Voters\n", "		if planted != 57 {\n			next.Outgoing = current.Voters\n		}\n", ""},
	{58, "learners count in the quorum", "membership.go",
		"	return count(m.Voters) &&", "	if planted == 58 {\n		return count(append(m.Voters[:len(m.Voters):len(m.Voters)], m.Learners...))\n	}\n	return count(m.Voters) &&", ""},
	// Found by this world in this core.
	{59, "a server that a C_new removes does not campaign", "election.go",
		"	n := len(s.memberships)\n", "	if planted == 59 {\n		return false\n	}\n	n := len(s.memberships)\n", "TestRemovedServerCampaignsUntilCommitted"},
	{60, "too busy for the entry that would end it", "raft.go",
		"!s.cfg.Off.BackPressure && s.firstOfTerm != 0 &&", "!s.cfg.Off.BackPressure && (s.firstOfTerm != 0 || planted == 60) &&", ""},
}

// plantedSource is what the edits refer to.
const plantedSource = `package raft

import (
	"os"
	"strconv"
	"time"
)

var planted, _ = strconv.Atoi(os.Getenv("RAFT_PLANTED"))

var Planted = planted

func plantedVote(s *Server, term uint64) ID {
	if planted == 8 && term > s.term {
		return s.vote
	}
	return None
}

func plantedCount(s *Server) bool {
	n := 0
	for _, b := range s.ballots {
		if b.granted {
			n++
		}
	}
	return planted == 9 && n > len(s.members().Voters)/2
}

func plantedTimeout(d time.Duration) time.Duration {
	if planted == 20 {
		return d / time.Second
	}
	return d
}

func plantedLast(s *Server, last uint64) uint64 {
	if planted == 30 {
		return s.log.last()
	}
	return last
}

func plantedCommit(s *Server) uint64 {
	if planted == 31 {
		return 0
	}
	return s.log.commit
}

func plantedRead(s *Server) uint64 {
	if planted == 55 {
		return s.log.commit
	}
	return max(s.log.commit, s.firstOfTerm)
}
`

// TestPlantedBugs proves the power of the world: each bug must be caught, and
// without one the same program must pass.
func TestPlantedBugs(t *testing.T) {
	if testing.Short() || os.Getenv("RAFT_PLANTED") != "" {
		t.Skip("builds a program and runs it once for each bug")
	}
	program := buildPlanted(t)
	run := func(number int, test string, seeds int) (caught bool, how string) {
		cmd := exec.Command(program, "-test.run", "^"+test+"$", "-seeds", fmt.Sprint(seeds))
		cmd.Env = append(os.Environ(), fmt.Sprintf("RAFT_PLANTED=%d", number))
		out, err := cmd.CombinedOutput()
		lines := strings.Split(string(out), "\n")
		return err != nil, strings.TrimSpace(strings.Join(lines[min(1, len(lines)):min(2, len(lines))], ""))
	}
	if caught, how := run(0, "TestWorld|TestLinearizable", 20); caught {
		t.Fatalf("without a bug: %s", how)
	}
	for _, b := range bugs {
		if b.name == "" {
			continue // one more edit for a bug that has its line
		}
		if !*allBugs && b.number%8 != 1 {
			continue
		}
		t.Run(fmt.Sprintf("%02d %s", b.number, b.name), func(t *testing.T) {
			t.Parallel()
			test := b.by
			if test == "" {
				test = "TestWorld"
			}
			caught, how := run(b.number, test, *plantedSeeds)
			if !caught {
				t.Errorf("%s does not catch it", test)
			}
			t.Log(how)
		})
	}
}

// buildPlanted builds the tests with all edits, and returns the program.
func buildPlanted(t *testing.T) string {
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	path := func(name string) string {
		switch name {
		case "reference":
			return filepath.Join(here, "..", "grader", "reference", "reference.go")
		case "kv":
			return filepath.Join(here, "kv_test.go")
		}
		return filepath.Join(here, name)
	}
	for _, b := range bugs {
		if b.file == "" {
			continue
		}
		p := path(b.file)
		if _, ok := sources[p]; !ok {
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			sources[p] = string(text)
		}
		if n := strings.Count(sources[p], b.old); n != 1 {
			t.Fatalf("bug %d: expected its text once in %s, found it %d times: %q", b.number, b.file, n, b.old)
		}
		sources[p] = strings.Replace(sources[p], b.old, b.new, 1)
	}
	sources[filepath.Join(here, "planted.go")] = plantedSource
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for p, text := range sources {
		edited := filepath.Join(dir, fmt.Sprintf("%d_%s", len(overlay.Replace), filepath.Base(p)))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[p] = edited
	}
	config, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "planted.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", file, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("the edited sources do not build: %v\n%s", err, out)
	}
	return program
}
