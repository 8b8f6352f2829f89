package raft

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the output in testdata/*.txt")

// TestStories plays the scripts in testdata. A file's head says what it is
// about; each section is a scene: lines with > are commands, the others are what
// the servers do then. The commands are the methods of stage below.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			story, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &stage{servers: map[ID]*actor{}, cut: map[[2]ID]bool{}}
			for i, scene := range story.Files {
				got := s.play(t, string(scene.Data))
				if !*update && got != string(scene.Data) {
					t.Errorf("scene %q: got\n%s\nwant\n%s\nIf this is right: go test ./raft -run TestStories -update", scene.Name, got, scene.Data)
				}
				story.Files[i].Data = []byte(got)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(story), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// stage holds the servers of a story, and what is under way between them.
type stage struct {
	t       *testing.T
	out     bytes.Buffer
	cfg     Config
	ids     []ID
	servers map[ID]*actor
	flying  []Message
	cut     map[[2]ID]bool
	now     time.Duration
	quiet   bool // heartbeats and their answers are not told
}

type actor struct {
	*Server
	up    bool
	disk  Disk
	shown Status
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *stage) play(t *testing.T, scene string) string {
	s.t = t
	s.out.Reset()
	for _, line := range strings.Split(scene, "\n") {
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		s.say("%s", line)
		words := strings.Fields(command)
		s.do(words[0], words[1:])
	}
	s.say("")
	return s.out.String()
}

func id(word string) ID {
	n, err := strconv.ParseUint(word, 10, 8)
	if err != nil {
		panic(err)
	}
	return ID(n)
}

func ids(word string) (list []ID) {
	for _, w := range strings.Split(word, ",") {
		list = append(list, id(w))
	}
	return list
}

func (s *stage) do(command string, args []string) {
	switch command {
	case "cluster": // cluster 1,2,3 [off=NoOp,PreVote] [unsafe=...]
		s.cfg.Members.Voters = ids(args[0])
		for _, a := range args[1:] {
			what, names, _ := strings.Cut(a, "=")
			for _, name := range strings.Split(names, ",") {
				of := reflect.ValueOf(&s.cfg.Off)
				if what == "unsafe" {
					of = reflect.ValueOf(&s.cfg.Unsafe)
				}
				of.Elem().FieldByName(name).SetBool(true)
			}
		}
		for _, id := range s.cfg.Members.Voters {
			s.boot(id)
		}
	case "boot": // boot 4: a new server, or one that crashed
		s.boot(id(args[0]))
	case "crash":
		s.servers[id(args[0])].up = false
		s.flying = slices.DeleteFunc(s.flying, func(m Message) bool { return m.To == id(args[0]) })
	case "timeout": // timeout 1: its timer fires
		a := s.servers[id(args[0])]
		s.now = max(s.now, a.Deadline())
		a.Tick(s.now)
		s.effects(a)
	case "wait": // wait 150ms: time passes, no timer fires
		d, err := time.ParseDuration(args[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now += d
	case "propose": // propose 1 x=1
		a := s.servers[id(args[0])]
		_, _, err := a.Propose(s.now, []byte(args[1]))
		s.refused(a, err)
		s.effects(a)
	case "read":
		a := s.servers[id(args[0])]
		s.refused(a, a.ReadIndex(s.now, 1))
		s.effects(a)
	case "transfer": // transfer 1 2
		a := s.servers[id(args[0])]
		s.refused(a, a.TransferLeadership(s.now, id(args[1])))
		s.effects(a)
	case "members": // members 1 1,2,4 [learners]
		a, learners := s.servers[id(args[0])], []ID(nil)
		if len(args) > 2 {
			learners = ids(args[2])
		}
		s.refused(a, a.ChangeMembership(s.now, ids(args[1]), learners))
		s.effects(a)
	case "compact": // compact 1 3 state
		a := s.servers[id(args[0])]
		n, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		s.refused(a, a.Compact(n, []byte(args[2])))
		s.effects(a)
	case "connect": // connect 1,2: only these hear each other; connect all
		clear(s.cut)
		for _, a := range s.ids {
			for _, b := range s.ids {
				if args[0] != "all" && !(slices.Contains(ids(args[0]), a) && slices.Contains(ids(args[0]), b)) {
					s.cut[[2]ID{a, b}] = true
				}
			}
		}
	case "cut": // cut 1 2: the link from 1 to 2
		s.cut[[2]ID{id(args[0]), id(args[1])}] = true
	case "step": // step [n]: the next n messages arrive
		n := 1
		if len(args) > 0 {
			n = int(id(args[0]))
		}
		for range n {
			s.step()
		}
	case "settle": // until nothing is under way
		for len(s.flying) > 0 {
			s.step()
		}
	case "quietly": // settle without telling each message
		s.quiet = true
		for len(s.flying) > 0 {
			s.step()
		}
		s.quiet = false
	case "logs":
		for _, id := range s.ids {
			s.log(s.servers[id])
		}
	default:
		s.t.Fatalf("unknown command %q", command)
	}
}

func (s *stage) boot(id ID) {
	a := s.servers[id]
	if a == nil {
		a = &actor{}
		s.servers[id] = a
		s.ids = append(s.ids, id)
	}
	cfg := s.cfg
	cfg.ID = id
	if !slices.Contains(cfg.Members.Voters, id) {
		cfg.Members = Membership{}
	}
	server, err := New(cfg, a.disk, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	a.Server, a.up, a.shown = server, true, server.Status()
	a.shown.Deadline = 0
}

func (s *stage) refused(a *actor, err error) {
	if err != nil {
		s.say("  %d refuses: %v", a.id, err)
	}
}

// step delivers the message that was sent first.
func (s *stage) step() {
	if len(s.flying) == 0 {
		return
	}
	m := s.flying[0]
	s.flying = s.flying[1:]
	to := s.servers[m.To]
	if to == nil || !to.up || s.cut[[2]ID{m.From, m.To}] {
		if !s.quiet {
			s.say("  %s is lost", describe(&m))
		}
		return
	}
	if err := to.Step(s.now, &m); err != nil {
		s.say("  %d: %v", to.id, err)
	}
	s.effects(to)
}

// effects carries out what a server wants, and tells it.
func (s *stage) effects(a *actor) {
	fx := a.Effects()
	st := a.Status()
	st.Deadline = 0
	if st.Role != a.shown.Role || st.Term != a.shown.Term {
		s.say("  %d is %v in term %d", a.id, st.Role, st.Term)
	}
	a.shown = st
	if fx.Snapshot != nil {
		a.disk = Disk{Snapshot: *fx.Snapshot}
		s.say("  %d saves the snapshot up to %d: %s", a.id, fx.Snapshot.Index, fx.Snapshot.Data)
	}
	if fx.Save {
		a.disk.State = fx.State
	}
	if len(fx.Append) > 0 {
		a.disk.Entries = append(a.disk.Entries[:fx.Append[0].Index-a.disk.Snapshot.Index-1], fx.Append...)
		s.say("  %d writes %s", a.id, entriesText(fx.Append))
	}
	for _, m := range fx.Messages {
		if !s.quiet {
			s.say("  %s", describe(&m))
		}
		s.flying = append(s.flying, m)
	}
	if fx.Restore {
		s.say("  %d restores %s", a.id, fx.Snapshot.Data)
	}
	if len(fx.Apply) > 0 {
		s.say("  %d applies %s", a.id, entriesText(fx.Apply))
	}
	for _, r := range fx.Reads {
		s.say("  %d answers the read at %d: %v", a.id, r.Index, r.OK)
	}
}

func (s *stage) log(a *actor) {
	state := ""
	if !a.up {
		state = ", down"
	}
	first := ""
	if st := a.Status(); st.First > 1 {
		first = fmt.Sprintf("snapshot to %d, ", st.First-1)
	}
	s.say("  %d (term %d, commit %d%s): %s%s", a.id, a.term, a.log.commit, state, first, entriesText(a.log.entries))
}

// entriesText writes entries as index.term and command.
func entriesText(entries []Entry) string {
	if len(entries) == 0 {
		return "-"
	}
	var words []string
	for _, e := range entries {
		what := string(e.Data)
		switch e.Kind {
		case NoOp:
			what = "no-op"
		case MembershipChange:
			m, err := decodeMembership(e.Data)
			if err != nil {
				return err.Error()
			}
			what = fmt.Sprint(m.Voters)
			if m.Joint() {
				what = fmt.Sprint(m.Outgoing, "+", m.Voters)
			}
			if len(m.Learners) > 0 {
				what += fmt.Sprint(" learners ", m.Learners)
			}
		}
		words = append(words, fmt.Sprintf("%d.%d %s", e.Index, e.Term, what))
	}
	return strings.Join(words, ", ")
}

func describe(m *Message) string {
	text := fmt.Sprintf("%d -> %d %v of term %d", m.From, m.To, m.Kind, m.Term)
	switch m.Kind {
	case PreVote, RequestVote:
		text += fmt.Sprintf(", log ends at %d.%d", m.Index, m.LogTerm)
		if m.Force {
			text += ", by the leader's wish"
		}
	case PreVoteReply, RequestVoteReply:
		text += map[bool]string{true: ": no", false: ": yes"}[m.Reject]
	case AppendEntries:
		text += fmt.Sprintf(" after %d.%d: %s; commit %d", m.Index, m.LogTerm, entriesText(m.Entries), m.Commit)
	case AppendEntriesReply:
		if m.Reject {
			text += fmt.Sprintf(": no match at %d, perhaps at %d.%d", m.Index, m.HintIndex, m.HintTerm)
		} else {
			text += fmt.Sprintf(": match to %d", m.Index)
		}
	case InstallSnapshot:
		text += fmt.Sprintf(" to %d.%d from byte %d: %s", m.Index, m.LogTerm, m.Offset, m.Data)
	case InstallSnapshotReply:
		text += fmt.Sprintf(": has %d bytes, done %v", m.Offset, m.Done)
	}
	return text
}
