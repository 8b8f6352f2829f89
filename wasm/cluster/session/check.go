package session

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/lessons/toys"
)

// Bounds on the texts in a script: what a client says, what is proposed.
const (
	maxLine = 4096 // bytes
	maxSet  = 64   // lines of configuration at the start
	maxLoad = 64   // repeated operations
)

// check says what in a script can never be done, whatever the cluster does: an
// unknown action or setting, too few words, a name that no node of this cluster
// bears, text that is none. What depends on the run (nobody leads, a client is
// busy) shows when it is run.
func (s *Script) check() error {
	if len(s.Set) > maxSet || len(s.Load) > maxLoad {
		return fmt.Errorf("script: %d lines of set and %d of load, expected at most %d and %d", len(s.Set), len(s.Load), maxSet, maxLoad)
	}
	start := &Session{script: s, set: toys.Default()}
	for _, w := range s.Set {
		if err := start.change(w); err != nil {
			return fmt.Errorf("script: set %s: %w", strings.Join(w, " "), err)
		}
	}
	if err := start.sane(); err != nil {
		return fmt.Errorf("script: %w", err)
	}
	for _, l := range s.Load {
		if !s.bears(l.Client) || l.Client[0] != 'C' {
			return fmt.Errorf("script: load %s: expected a client", l.Client)
		}
		if err := s.operation(l.Op); err != nil {
			return fmt.Errorf("script: load %s: %w", l.Client, err)
		}
	}
	for _, a := range s.Actions {
		if err := s.checkAction(a.Line); err != nil {
			return fmt.Errorf("script: at %d %.60q: %w", a.At, a.Line, err)
		}
	}
	return nil
}

// words says how many words follow each action's name at least.
var words = map[string]int{"crash": 1, "restart": 1, "timeOut": 1, "cut": 2, "heal": 2, "healAll": 0, "partition": 1, "drop": 2, "delay": 3,
	"duplicate": 3, "dropMessage": 1, "delayMessage": 2, "duplicateMessage": 2, "propose": 3, "client": 3, "work": 2, "set": 2, "wait": 0}

func (s *Script) checkAction(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	w := strings.Fields(rest)
	need, known := words[verb]
	switch {
	case !known:
		return errors.New("unknown action")
	case len(w) < need:
		return errWords
	}
	var nodes []string
	switch verb {
	case "crash", "restart", "timeOut", "propose":
		if w[0][0] == 'C' && s.bears(w[0]) {
			return notServer(w[0])
		}
		nodes = w[:1]
	case "client", "work":
		if w[0][0] != 'C' && s.bears(w[0]) {
			return notClient(w[0])
		}
		nodes = w[:1]
		if verb == "client" && w[2] != "-" {
			nodes = []string{w[0], w[2]}
		}
	case "cut", "heal":
		nodes = slices.DeleteFunc(slices.Clone(w[:2]), func(n string) bool { return n == "all" })
	case "drop", "delay", "duplicate":
		nodes = w[:2]
	case "partition":
		for group := range strings.SplitSeq(w[0], "/") {
			for name := range strings.SplitSeq(group, ",") {
				if name != "rest" {
					nodes = append(nodes, name)
				}
			}
		}
	}
	for _, n := range nodes {
		if !s.bears(n) {
			return fmt.Errorf("unknown name %q", n)
		}
	}
	var err error
	switch verb {
	case "delay", "duplicate":
		_, err = millis(w[2])
	case "delayMessage", "duplicateMessage":
		if _, err = millis(w[1]); err != nil {
			break
		}
		fallthrough
	case "dropMessage":
		_, err = strconv.ParseUint(w[0], 10, 64)
	case "propose":
		_, err = proposals(w[1])
	case "crash":
		_, err = s.crashPoint(w[1:])
	case "client":
		err = s.operation(w[1])
	case "work":
		_, err = s.shift(w[1])
	case "set":
		// Two settings may be sane only together with what the run has set.
		err = (&Session{script: s, set: toys.Default()}).change(w)
	}
	return err
}

// isRole says whether a name stands for a server by what it is at present. It is
// read by hand, since a regular expression would make the page 100 kB larger.
func isRole(name string) bool {
	if name == "leader" || name == "oldLeader" {
		return true
	}
	for _, kind := range []string{"follower", "down"} {
		if n, ok := strings.CutPrefix(name, kind); ok {
			return len(n) == 1 && n[0] >= '1' && n[0] <= '9'
		}
	}
	return false
}

// bears says whether a node of this cluster may have the name.
func (s *Script) bears(name string) bool {
	if isRole(name) {
		return true
	}
	if len(name) < 2 {
		return false
	}
	n, err := strconv.Atoi(name[1:])
	return err == nil && name[1] != '+' && name[1] != '0' && n >= 1 &&
		(name[0] == 'S' && n <= s.Servers || name[0] == 'C' && n <= s.Clients)
}

// checkText refuses what is no line of text.
func checkText(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("%d bytes, expected at most %d", len(line), maxLine)
	}
	if !utf8.ValidString(line) {
		return errors.New("expected UTF-8")
	}
	if i := strings.IndexFunc(line, unicode.IsControl); i >= 0 {
		return fmt.Errorf("control character %q at byte %d", line[i], i)
	}
	return nil
}

// crashPoint reads the words after crash N; nil: at once.
func (s *Script) crashPoint(between []string) (*sim.CrashPoint, error) {
	if len(between) == 0 {
		return nil, nil
	}
	p := &sim.CrashPoint{Before: between[0] == "before"}
	if p.Before {
		between = between[1:]
	}
	if len(between) != 1 {
		return nil, errors.New("crash: expected save, send or apply, with or without before")
	}
	switch between[0] {
	case "save":
		p.Effect = sim.WriteAhead
		if s.Kind != toys.KindRaft {
			p.Effect = sim.Save
		}
	case "send":
		p.Effect = sim.Send
	case "apply":
		p.Effect = sim.Apply
	default:
		return nil, fmt.Errorf("crash between %q: expected save, send or apply", between[0])
	}
	return p, nil
}

func notServer(name string) error { return fmt.Errorf("%s is not a server", name) }
func notClient(name string) error { return fmt.Errorf("%s is not a client", name) }

// operation refuses what a client of this cluster cannot do.
func (s *Script) operation(name string) error {
	if ops := toys.Ops[s.Kind]; !slices.Contains(ops, name) {
		return fmt.Errorf("operation %q: expected one of %s", name, strings.Join(ops, ", "))
	}
	return nil
}

// shift reads how long a client that works by itself rests between operations;
// 0: it is to stop.
func (s *Script) shift(text string) (sim.Time, error) {
	if s.Kind != toys.KindRaft {
		return 0, errors.New("work: expected a Raft cluster, clients of others do nothing by themselves")
	}
	var ms int
	err := number(text, 0, 1e6, &ms)
	return sim.Time(ms) * sim.Millisecond, err
}

// proposals reads how often a value is proposed.
func proposals(text string) (int, error) {
	times, err := strconv.Atoi(text)
	if err != nil || times < 1 || times > 1000 {
		return 0, fmt.Errorf("%q: expected a number of times, 1000 at most", text)
	}
	return times, nil
}
