package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/wasm/cluster/session"
)

const five = `raftlab-cluster 1
kind raft
servers 5
clients 1
seed 7
`

func run(t *testing.T, text string) *session.Session {
	t.Helper()
	script, err := session.ParseScript(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func do(t *testing.T, s *session.Session, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := s.Act(line); err != nil {
			t.Fatal(err)
		}
		s.Advance(s.Now()+300*sim.Millisecond, nil)
	}
}

// broken returns the first property on the trace that broke, or "".
func broken(t *testing.T, s *session.Session) string {
	t.Helper()
	tr, err := sim.DecodeTrace(s.Trace())
	if err != nil {
		t.Fatal(err)
	}
	for i := range tr.Records {
		if r := &tr.Records[i]; r.Kind == sim.RecViolation {
			return r.Name
		}
	}
	return ""
}

func TestScriptReplaysToTheSameHash(t *testing.T) {
	s := run(t, five)
	s.Advance(2*sim.Second, nil)
	do(t, s, "propose leader 3 a", "crash leader save", "propose leader 1 b", "restart down1", "partition leader,follower1/rest",
		"client C1 put - x 1", "set electionMs 200 400", "set heartbeatMs 70", "timeOut follower2", "healAll", "set loss 0.1",
		"cut all leader", "heal all leader", "set preVote false")
	again := run(t, s.Script())
	if s.Hash() != again.Hash() {
		t.Errorf("run %s, replayed %s\n%s", s.Hash(), again.Hash(), s.Script())
	}
	if p := broken(t, s); p != "" {
		t.Errorf("%s broke\n%s", p, s.Script())
	}
}

func TestBackIsByExecution(t *testing.T) {
	a := run(t, five)
	a.Advance(3*sim.Second, nil)
	do(t, a, "propose leader 1 a")
	at, hash := a.Now(), a.Hash()
	a.Advance(at+1, nil)
	do(t, a, "crash leader")
	script, err := session.ParseScript(a.Script())
	if err != nil {
		t.Fatal(err)
	}
	c, err := session.New(script.Before(at, 99))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Hash() != hash || c.Now() != at {
		t.Errorf("back at %d: hash %s, want %s at %d", c.Now(), c.Hash(), hash, at)
	}
}

func TestTakeGivesEveryRecordOnce(t *testing.T) {
	whole, parts := run(t, five), run(t, five)
	whole.Advance(3*sim.Second, nil)
	n := 0
	for parts.Now() < 3*sim.Second {
		parts.Advance(parts.Now()+100*sim.Millisecond, nil)
		if b := parts.Take(); len(b) > 0 {
			n += len(b)
		}
	}
	if whole.Hash() != parts.Hash() {
		t.Error("taking records changed the run")
	}
	if n == 0 {
		t.Error("no records")
	}
}

// Without randomness in the timeouts, servers that boot together split the vote
// again and again (section 9.3).
func TestFixedTimeoutsSplitTheVote(t *testing.T) {
	s := run(t, strings.Replace(five, "clients 1", "clients 0\nexact\nset randomTimeouts false\nset preVote false\nset latencyMs 10 10", 1))
	s.Advance(10*sim.Second, nil)
	if _, err := s.Act("crash leader"); err != session.ErrNobody {
		t.Errorf("after 10 s: %v, expected no leader", err)
	}
	do(t, s, "set randomTimeouts true")
	s.Advance(s.Now()+5*sim.Second, nil)
	if _, err := s.Act("crash leader"); err != nil {
		t.Errorf("with random timeouts: %v, expected a leader", err)
	}
}

// Without persistence a majority that restarts forgets what was committed.
func TestWithoutPersistenceAPropertyBreaks(t *testing.T) {
	s := run(t, strings.Replace(five, "clients 1", "clients 0\nset persistence false", 1))
	s.Advance(2*sim.Second, nil)
	do(t, s, "propose leader 2 a")
	for n := 1; n <= 5; n++ {
		do(t, s, fmt.Sprintf("crash S%d", n))
	}
	for n := 1; n <= 5; n++ {
		do(t, s, fmt.Sprintf("restart S%d", n))
	}
	s.Advance(s.Now()+2*sim.Second, nil)
	do(t, s, "propose leader 1 b")
	if p := broken(t, s); p == "" {
		t.Error("nothing broke")
	}
}

func TestKVClientFindsTheLeader(t *testing.T) {
	s := run(t, five)
	s.Advance(2*sim.Second, nil)
	do(t, s, "client C1 put - x 5", "client C1 get - x", "crash leader")
	s.Advance(s.Now()+3*sim.Second, nil)
	do(t, s, "client C1 get - x")
	s.Advance(s.Now()+2*sim.Second, nil)
	if got, want := returns(t, s), "[ok 5 5]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func returns(t *testing.T, s *session.Session) string {
	t.Helper()
	tr, err := sim.DecodeTrace(s.Trace())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range tr.Records {
		if r := &tr.Records[i]; r.Kind == sim.RecReturn {
			got = append(got, string(r.Data))
		}
	}
	return fmt.Sprint(got)
}

const three = `raftlab-cluster 1
kind raft
servers 3
clients 2
seed 7
set checkQuorum false
`

// The lock of two servers that both split, on three servers of the core: one
// client at most holds it, and a cut or a crash stops nobody in the majority.
func TestLockOnThreeServers(t *testing.T) {
	s := run(t, three)
	s.Advance(2*sim.Second, nil)
	do(t, s, "partition leader,C1/follower1,follower2,C2", "client C1 lock leader", "client C2 lock -")
	s.Advance(s.Now()+4*sim.Second, nil)
	if got, want := returns(t, s), "[granted]"; got != want {
		t.Fatalf("in the partition: got %s, want %s", got, want)
	}
	do(t, s, "healAll")
	s.Advance(s.Now()+2*sim.Second, nil)
	do(t, s, "client C2 unlock -")
	s.Advance(s.Now()+sim.Second, nil)
	do(t, s, "crash leader", "client C1 lock -")
	s.Advance(s.Now()+3*sim.Second, nil)
	if got, want := returns(t, s), "[granted refused released granted]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An old leader in the minority must not answer reads by itself (section 8).
func TestReadsOfAnOldLeader(t *testing.T) {
	for _, c := range []struct{ reads, want, broken string }{
		{"log", "[ok ok]", ""}, // C1 waits
		{"index", "[ok ok]", ""},
		{"leader", "[ok ok 1]", string(session.FreshReads)},
		{"any", "[ok ok 1]", string(session.FreshReads)},
	} {
		s := run(t, three+"set reads "+c.reads+"\n")
		s.Advance(2*sim.Second, nil)
		do(t, s, "client C1 put - x 1")
		s.Advance(s.Now()+sim.Second, nil)
		do(t, s, "partition leader,C1/follower1,follower2,C2")
		s.Advance(s.Now()+sim.Second, nil)
		do(t, s, "client C2 put follower1 x 2")
		s.Advance(s.Now()+3*sim.Second, nil)
		do(t, s, "client C1 get oldLeader x")
		s.Advance(s.Now()+3*sim.Second, nil)
		if got := returns(t, s); got != c.want {
			t.Errorf("%s: got %s, want %s", c.reads, got, c.want)
		}
		if got := broken(t, s); got != c.broken {
			t.Errorf("%s: broke %q, want %q", c.reads, got, c.broken)
		}
		do(t, s, "healAll")
		s.Advance(s.Now()+3*sim.Second, nil)
		if got := returns(t, s); c.broken == "" && got != "[ok ok 2]" {
			t.Errorf("%s: after the partition got %s", c.reads, got)
		}
	}
}

// A read by index puts no entry into the log, but for the first of a term.
func TestReadIndexWritesNothing(t *testing.T) {
	s := run(t, three+"set reads index\n")
	s.Advance(2*sim.Second, nil)
	for range 6 {
		do(t, s, "client C1 get - x")
	}
	tr, err := sim.DecodeTrace(s.Trace())
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]bool{}
	for i := range tr.Records {
		if r := &tr.Records[i]; r.Kind == sim.RecApply {
			entries[string(r.Data)] = true
		}
	}
	if len(entries) != 1 {
		t.Errorf("entries %v, want one", entries)
	}
	if got, want := returns(t, s), "[     ]"; got != want {
		t.Errorf("returns %q, want %q", got, want)
	}
}

// Clients that work by themselves under loss and crashes read nothing stale
// from servers that answer by the log or by index; the same shift replays.
func TestClientsAtWork(t *testing.T) {
	for _, reads := range []string{"log", "index"} {
		s := run(t, three+"set loss 0.2\nset reads "+reads+"\n")
		s.Advance(sim.Second, nil)
		do(t, s, "work C1 20", "work C2 30")
		for range 6 {
			for _, line := range []string{"crash leader", "restart down1", "timeOut follower1"} {
				for {
					_, err := s.Act(line)
					s.Advance(s.Now()+300*sim.Millisecond, nil)
					if !errors.Is(err, session.ErrNobody) {
						if err != nil {
							t.Fatal(err)
						}
						break // else there is no leader or follower just now: a fifth of the messages is lost
					}
				}
			}
			s.Advance(s.Now()+sim.Second, nil)
		}
		do(t, s, "work C1 0")
		if got := broken(t, s); got != "" {
			t.Errorf("%s: broke %q", reads, got)
		}
		if n := len(strings.Fields(returns(t, s))); n < 40 {
			t.Errorf("%s: %d operations", reads, n)
		}
		if again := run(t, s.Script()); again.Hash() != s.Hash() {
			t.Errorf("%s: replayed to another hash", reads)
		}
	}
}

func TestFreshReadsIsSure(t *testing.T) {
	for _, c := range []struct{ reads, want string }{
		{"log", ""}, {"any", string(session.FreshReads)},
	} {
		s := run(t, three+"set reads "+c.reads+"\n")
		s.Advance(2*sim.Second, nil)
		do(t, s, "cut leader follower1", "set electionMs 2000 4000", "client C1 put leader x 1", "client C2 get follower1 x")
		s.Advance(s.Now()+sim.Second, nil)
		if got := broken(t, s); got != c.want {
			t.Errorf("%s: broke %q, want %q", c.reads, got, c.want)
		}
	}
}

func TestLock(t *testing.T) {
	for policy, want := range map[string]string{
		"waitForBoth": "[granted refused released]",                 // nobody gets it in a partition
		"goOnAlone":   "[granted refused released granted granted]", // both do
	} {
		s := run(t, "raftlab-cluster 1\nkind lock\nservers 2\nclients 2\nseed 3\nset policy "+policy+"\n")
		s.Advance(100*sim.Millisecond, nil)
		do(t, s, "client C1 lock -", "client C2 lock -", "client C1 unlock -", "partition S1,C1/S2,C2", "client C1 lock -", "client C2 lock -")
		s.Advance(s.Now()+5*sim.Second, nil)
		if got := returns(t, s); got != want {
			t.Errorf("%s: got %s, want %s", policy, got, want)
		}
	}
}

func TestDecider(t *testing.T) {
	for _, variant := range []struct{ name, op, result string }{
		{"mapreduce", "job", "done"}, {"gfs", "read", "data"}, {"vmft", "request", "ok"},
	} {
		text := "raftlab-cluster 1\nkind decider\nservers 4\nclients 1\nseed 3\nset variant " + variant.name + "\nload C1 " + variant.op + " 100 1\n"
		s := run(t, text)
		s.Advance(3*sim.Second, nil)
		count := func() int {
			return strings.Count(returns(t, s), variant.result)
		}
		alive := count()
		if alive < 5 {
			t.Fatalf("%s: %d operations in 3 s", variant.name, alive)
		}
		if variant.name == "vmft" {
			do(t, s, "crash S2")
			s.Advance(s.Now()+5*sim.Second, nil)
			if count() < alive+5 {
				t.Error("vmft: the backup did not go on alone")
			}
			continue
		}
		do(t, s, "crash S1")
		s.Advance(s.Now()+4*sim.Second, nil)
		dead := count()
		s.Advance(s.Now()+4*sim.Second, nil)
		if count() != dead {
			t.Errorf("%s: goes on without the decider", variant.name)
		}
		do(t, s, "restart S1")
		s.Advance(s.Now()+2*sim.Second, nil)
		if count() < dead+3 {
			t.Errorf("%s: does not go on after the decider's restart", variant.name)
		}
	}
}

func TestBadScripts(t *testing.T) {
	for _, text := range []string{"", "hello", "raftlab-cluster 2\n", five + "at x crash S1\n", five + "servers 10\n",
		five + "at 5 wait\nat 4 wait\n", five + "kind paxos\n", five + "fly\n", five + "at 999999999999999999999 wait\n",
		five + "at 5 crash S9\n", five + "at 5 crash leader now\n", five + "set heartbeatMs 900\n", five + "at 5 set loss NaN\n", five + "load S1 x 5\n",
		five + "at 5 cut S1 C2\n", five + "at 5 partition S1,S+2/rest\n", five + "at 5 drop S1\n", five + "at 5 delayMessage 3 -1\n",
		five + "at 5 propose S1 1001 x\n", five + "at 5 <script>alert(1)</script>\n", five + "at 5 propose S1 1 a\x00b\n",
		five + "at 5 propose S1 1 \xff\n", five + "at 5 propose S1 1 " + strings.Repeat("x", 5000) + "\n", five + strings.Repeat("set loss 0.1\n", 65),
		five + "at 5 client C1 fly - x\n", five + "at 5 client S1 put - x 1\n", five + "at 5 client leader put - x 1\n", five + "at 5 crash C1\n",
		five + "at 5 work S1 5\n", five + "at 5 work leader 5\n", five + "at 5 work C2 5\n", five + "at 5 work C1\n", five + "at 5 work C1 -1\n",
		five + "at 5 work C1 1e3\n", five + "at 5 work C1 1000001\n", strings.Replace(five, "kind raft", "kind lock", 1) + "at 5 work C1 5\n",
		five + "load C1 fly 5\n", five + "at 5 partition S1,,S2/rest\n", five + "at 5 partition S1/\n"} {
		if _, err := session.ParseScript(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	for _, text := range []string{five + "at 5 crash leader\n", five + "at 5 set heartbeatMs 900\n", five + "at 5 dropMessage 77\n",
		five + "set reads never\n"} {
		script, err := session.ParseScript(text)
		if err != nil {
			continue // found before it runs
		}
		if _, err := session.New(script); err == nil {
			t.Errorf("%q ran", text)
		}
	}
}

// What is done is kept in a form that is taken again, whatever the words were.
func TestDoneActionsAreTakenAgain(t *testing.T) {
	s := run(t, five)
	s.Advance(2*sim.Second, nil)
	for _, line := range []string{"partition S1,S2,S3,S4,S5/rest", "partition rest/S1,C1", "partition leader,C1/rest", "partition S3", "healAll", "work C1 20",
		"work C1 0", "crash leader before send", "restart down1", "client C1 put leader k a  b", "propose leader 2 v  w", "cut all C1", "heal C1 all", "delay S1 S2 1.5", "set electionMs 200 400"} {
		do(t, s, line)
	}
	again, err := session.ParseScript(s.Script())
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.New(again)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Hash() != s.Hash() {
		t.Errorf("another run:\n%s", s.Script())
	}
}

// A script that goes on for a day of the cluster's time is refused after a
// bounded number of steps, with how far they lead; an hour opens.
func TestLongScriptIsRefused(t *testing.T) {
	script, err := session.ParseScript(five + "until 86400000000000\n")
	if err != nil {
		t.Fatal(err)
	}
	_, err = session.New(script)
	if err == nil || !strings.Contains(err.Error(), "goes on to 24h0m0s") || !strings.Contains(err.Error(), "the limit, lead only to ") {
		t.Errorf("%v", err)
	}
	t.Log(err)
	if s := run(t, five+"until 3600000000000\n"); s.Now() != 3600*sim.Second {
		t.Errorf("an hour ended at %v", s.Now())
	}
}

func FuzzScript(f *testing.F) {
	f.Add(five + "at 1000000 crash S1\nat 1000000 partition S1,C1/rest\nuntil 50000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		script, err := session.ParseScript(text)
		if err != nil || script.Until > sim.Second || len(script.Actions) > 20 {
			return
		}
		for _, a := range script.Actions {
			if a.At > sim.Second {
				return
			}
		}
		if s, err := session.New(script); err == nil {
			s.Close()
		}
	})
}
