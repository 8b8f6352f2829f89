package hunt

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// World is one run to be: a cluster, its network, its seed, and what is done to it.
type World struct {
	Seed    uint64
	Servers int
	Net     sim.Link
	// SnapshotEvery is a number of commands; below a service, its maxraftstate in
	// bytes. 0: no snapshots.
	SnapshotEvery int
	Service       string // what the servers are, as script.Lab.Service; "": Raft alone
	Clients       int    // of the service
	Preempt       int
	Actions       []Action
}

// Action is one thing done to the cluster, after a pause.
type Action struct {
	Pause sim.Time // before it
	At    sim.Time // in place of Pause, if not 0: a moment of the world's time
	Op    Op

	A, B   Who      // the servers concerned; B: the other end of a link. Of Ask and Answer: a client
	Group  []Who    // of a partition, or of a calm core; nil: all
	Link   sim.Link // of a network
	What   string   // crash point ("save"), kind of message ("reply"), or what a client is to do ("append")
	Before bool     // of a crash point
	InStep bool     // of a crash point: only between two effects of one step
	By     sim.Time // how long a message is held, how long a wait may take, or the time after each of several commands
	Skip   int
	Count  int
	Size   int    // of a Start, if not 0: its commands are texts of so many bytes, which the world makes up
	Rash   bool   // of a Start: its return is not waited for
	Value  int    // a command; a limit
	Text   string // of a Line; of what a client is to do, its words; of a Start, the command, if not Value
}

// Op names what an Action does. Most are a method of the cluster, see
// docs/write-a-test.md.
type Op string

// Faults, commands, and what must hold in the end.
const (
	Look      Op = "look" // the actions that follow count servers from the leader
	Crash     Op = "crash"
	Restart   Op = "restart"
	Revive    Op = "revive"  // restart, if it is down
	Unseat    Op = "unseat"  // restart whoever leads, unless it is A
	Elected   Op = "elected" // wait for a leader that is not A, at most for By
	KeepUp    Op = "keep up" // for By, restart A whenever it is down
	CrashOn   Op = "crash_on"
	Disarm    Op = "disarm"
	Cut       Op = "cut"
	Heal      Op = "heal"
	HealAll   Op = "heal all"
	Isolate   Op = "isolate"
	Rejoin    Op = "rejoin"
	Partition Op = "partition" // Group from the rest
	Network   Op = "network"
	Hold      Op = "hold"
	Pause     Op = "pause_apply"
	Resume    Op = "resume_apply"
	Deaf      Op = "deaf" // client B hears nothing of server A
	Hear      Op = "hear" // and hears it again
	Start     Op = "start"
	Ask       Op = "ask" // client A of the service, without waiting for its answer; of several, Text counts them by i

	Calm      Op = "calm"
	HasLeader Op = "wait_leader"
	Commit    Op = "commit"
	Answer    Op = "answer" // client A has one, after all that it was asked before
	Stable    Op = "stable_leader"
	Quiet     Op = "quiet"
	ShortLog  Op = "short log"
	Wait      Op = "wait" // nothing but the pause
	Line      Op = "line" // of Starlark, from the log of a test
)

// demands says whether the action claims that something holds. It may do so only
// after Calm, with which the faults have ended.
func (a *Action) demands() bool {
	switch a.Op {
	case HasLeader, Commit, Answer, Stable, Quiet, ShortLog:
		return true
	}
	return false
}

// Who is a server: number N, or the N-th after the leader that was seen last.
type Who struct {
	Rel bool
	N   int
}

// Any is every server, where a link may begin or end.
var Any = Who{N: -1}

func (w Who) String() string {
	switch {
	case !w.Rel:
		return fmt.Sprint(w.N)
	case w.N == 0:
		return "l"
	}
	return fmt.Sprintf("(l + %d) %% c.servers", w.N)
}

// Script writes the world down as a world file. Head goes in front as comments.
func (w *World) Script(head string, breaks check.Property) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(head)) {
		b.WriteString("# " + strings.TrimRight(line, "\n") + "\n")
	}
	b.WriteString("\ndef run(c):\n")
	if len(w.Actions) == 0 {
		b.WriteString("    pass\n")
	}
	for i := range w.Actions {
		a := &w.Actions[i]
		if line := w.wait(i); line != "" {
			b.WriteString("    " + line + "\n")
		}
		for _, line := range a.lines(w.Servers) {
			b.WriteString("    " + line + "\n")
		}
	}
	fmt.Fprintf(&b, "\nworld(run, seed = %d, servers = %d", w.Seed, w.Servers)
	if w.Net != sim.Reliable {
		fmt.Fprintf(&b, ", net = %s", script.LinkText(w.Net))
	}
	every := "snapshot_every"
	if w.Service != "" {
		every = "max_state"
		fmt.Fprintf(&b, ", service = %q, clients = %d", w.Service, w.Clients)
	}
	if w.SnapshotEvery > 0 {
		fmt.Fprintf(&b, ", %s = %d", every, w.SnapshotEvery)
	}
	if w.Preempt > 0 {
		fmt.Fprintf(&b, ", preempt = %d", w.Preempt)
	}
	if breaks != "" {
		fmt.Fprintf(&b, ", breaks = %q", string(breaks))
	}
	b.WriteString(")\n")
	return b.String()
}

// wait is the line before action i that waits for its time; "" if it need not.
func (w *World) wait(i int) string {
	switch a := &w.Actions[i]; {
	case a.At > 0 && i > 0 && w.Actions[i-1].At == a.At:
		return ""
	case a.At > 0:
		return fmt.Sprintf("c.until(%d)", a.At)
	case a.Pause > 0:
		return fmt.Sprintf("c.sleep(%s)", script.SpanText(a.Pause))
	}
	return ""
}

func (a *Action) lines(servers int) []string {
	one := func(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }
	switch a.Op {
	case Look:
		return one("l = c.leader(otherwise = %d)", a.A.N)
	case Crash, Restart, Disarm, Isolate, Rejoin, Pause, Resume:
		return one("c.%s(%s)", a.Op, a.A)
	case Revive:
		return one("c.up(%s) or c.restart(%s)", a.A, a.A)
	case Unseat:
		return one("c.leader() in (None, %s) or c.restart(c.leader())", a.A)
	case Elected:
		return one("[c.sleep(10 * ms) for _ in range(%d) if c.leader() in (None, %s)]", a.By/(10*sim.Millisecond), a.A)
	case KeepUp:
		return one("[c.sleep(10 * ms) or c.up(%s) or c.restart(%s) for _ in range(%d)]", a.A, a.A, a.By/(10*sim.Millisecond))
	case CrashOn:
		when, skip := "after", ""
		if a.Before {
			when = "before"
		}
		if a.Skip > 0 {
			skip = fmt.Sprintf(", skip = %d", a.Skip)
		}
		if a.InStep {
			skip += ", in_step = True"
		}
		return one("c.crash_on(%s, %q, %q%s)", a.A, a.What, when, skip)
	case Cut, Heal:
		return one("c.%s(%s, %s)", a.Op, a.A, a.B)
	case HealAll:
		return one("c.heal()")
	case Deaf:
		return one("c.cut(%s, c.client(%s))", a.A, a.B)
	case Hear:
		return one("c.heal(%s, c.client(%s))", a.A, a.B)
	case Partition:
		return one("c.partition(%s, [i for i in range(c.servers) if i not in %s])", group(a.Group), group(a.Group))
	case Network:
		ends := ""
		if a.A != Any {
			ends += ", source = " + a.A.String()
		}
		if a.B != Any {
			ends += ", target = " + a.B.String()
		}
		return one("c.network(%s%s)", script.LinkText(a.Link), ends)
	case Hold:
		more := ""
		if a.Skip > 0 {
			more += fmt.Sprintf(", skip = %d", a.Skip)
		}
		if a.Count > 1 {
			more += fmt.Sprintf(", count = %d", a.Count)
		}
		return one("c.hold(%s, %s, %q, by = %s%s)", a.A, a.B, a.What, script.SpanText(a.By), more)
	case Start:
		command := fmt.Sprint(a.Value)
		if a.Text != "" {
			command = starlark.String(a.Text).String()
		}
		if a.Size > 0 {
			command = fmt.Sprintf("c.command(size = %d)", a.Size)
		}
		wait := ""
		if a.Rash {
			wait = ", wait = False"
		}
		if a.Count > 1 {
			pause := ""
			if a.By > 0 { // only of a rash one, which returns None
				pause = fmt.Sprintf(" or c.sleep(%s)", script.SpanText(a.By))
			}
			if a.Size == 0 {
				command += " + i"
			}
			return one("[c.start(%s, %s%s)%s for i in range(%d)]", a.A, command, wait, pause, a.Count)
		}
		return one("c.start(%s, %s%s)", a.A, command, wait)
	case Ask:
		if a.Count > 1 {
			return one("[c.%s(%s, %s, wait = False) for i in range(%d)]", a.What, a.A, a.Text, a.Count)
		}
		return one("c.%s(%s, %s, wait = False)", a.What, a.A, a.Text)
	case Answer:
		return one("c.%s(%s, %s, within = %s)", a.What, a.A, a.Text, script.SpanText(a.By))
	case Calm:
		if a.Group == nil {
			return one("c.calm()")
		}
		return one("c.calm(%s)", group(a.Group))
	case HasLeader:
		return one("c.wait_leader(among = %s, within = %s)", among(a.Group), script.SpanText(a.By))
	case Commit:
		n := len(a.Group)
		if a.Group == nil {
			n = servers
		}
		return one("c.commit(%d, servers = %d, within = %s)", a.Value, n, script.SpanText(a.By))
	case Stable:
		return one("c.stable_leader(during = %s)", script.SpanText(a.By))
	case Quiet:
		return []string{
			"before = c.rpcs()", "c.sleep(1 * s)",
			fmt.Sprintf(`c.budget("RPC Budget", "RPCs in a second without faults or commands", c.rpcs() - before, %d, "RPCs")`, a.Value),
		}
	case ShortLog:
		return one(`[c.budget("Log Size", "saved state of server %%d without its snapshot" %% i, c.state_size(i), %d, "bytes") for i in %s]`, a.Value, among(a.Group))
	case Wait:
		return nil
	case Line:
		return []string{a.Text}
	}
	panic("hunt: an action without a line: " + string(a.Op))
}

func among(g []Who) string {
	if g == nil {
		return "range(c.servers)"
	}
	return group(g)
}

func group(g []Who) string {
	names := make([]string, len(g))
	for i, w := range g {
		names[i] = w.String()
	}
	return "[" + strings.Join(names, ", ") + "]"
}
