package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

// The text of a script, version 1, a line each:
//
//	raftlab-cluster 1
//	kind raft|lock|decider
//	servers N
//	clients N
//	seed N
//	exact                        (optional)
//	set NAME VALUE...            the configuration at the start
//	load CLIENT OP MS [VALUE]    this client does OP again and again
//	at NS ACTION...              in the order in which they were done
//	until NS                     (optional) how far the run had gone
//
// Actions and names are those of labs/lessons/FORMAT.md, section 4.
const scriptHead = "raftlab-cluster 1"

// Engine names the rules by which a script runs. It changes whenever the same
// script may give another run.
const Engine = "3"

// Script is what a session was made from and what was done to it since.
type Script struct {
	Kind             string
	Servers, Clients int
	Seed             uint64
	Exact            bool
	Set              [][]string // words of each line
	Load             []Load
	Actions          []Action
	Until            sim.Time
}

// Load is an operation that a client repeats: Every after each return.
type Load struct {
	Client string
	Op     string
	Value  string
	Every  sim.Time
}

// Action is something done to the cluster at a time.
type Action struct {
	At   sim.Time
	Line string
}

// Bounds on scripts from elsewhere: what a page can bear.
const (
	maxServers = 9
	maxClients = 3
	maxActions = 20000
	maxUntil   = 24 * 3600 * sim.Second
)

// ParseScript reads a script and says where it is wrong. It is the one reader of
// scripts: of the page, of the native replay and of the Worker that keeps runs.
func ParseScript(text string) (*Script, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if lines[0] != scriptHead {
		if strings.HasPrefix(lines[0], "raftlab-cluster ") {
			return nil, fmt.Errorf("version: script version %s, this program reads version 1", lines[0][len("raftlab-cluster "):])
		}
		return nil, errors.New("script: line 1: expected " + scriptHead)
	}
	s := &Script{Kind: "raft", Servers: 5, Seed: 1}
	for i, line := range lines[1:] {
		err := checkText(line)
		if err == nil {
			err = s.line(line)
		}
		if err != nil {
			return nil, fmt.Errorf("script: line %d: %w", i+2, err)
		}
	}
	if s.Kind != "raft" && s.Kind != "lock" && s.Kind != "decider" {
		return nil, fmt.Errorf("script: kind %q: expected raft, lock or decider", s.Kind)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Script) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "kind":
		s.Kind = rest
	case "servers":
		return number(rest, 1, maxServers, &s.Servers)
	case "clients":
		return number(rest, 0, maxClients, &s.Clients)
	case "seed":
		n, err := strconv.ParseUint(rest, 10, 64)
		s.Seed = n
		return err
	case "exact":
		s.Exact = true
	case "set":
		s.Set = append(s.Set, strings.Fields(rest))
	case "load":
		w := strings.SplitN(rest, " ", 4)
		if len(w) < 3 {
			return errors.New("expected load CLIENT OP MS [VALUE]")
		}
		var ms int
		if err := number(w[2], 1, 1e6, &ms); err != nil {
			return err
		}
		l := Load{Client: w[0], Op: w[1], Every: sim.Time(ms) * sim.Millisecond}
		if len(w) == 4 {
			l.Value = w[3]
		}
		s.Load = append(s.Load, l)
	case "at":
		at, action, _ := strings.Cut(rest, " ")
		t, err := when(at)
		if err != nil {
			return err
		}
		if n := len(s.Actions); n >= maxActions || n > 0 && s.Actions[n-1].At > t {
			return fmt.Errorf("actions must be in the order of time, %d at most", maxActions)
		}
		s.Actions = append(s.Actions, Action{t, action})
	case "until":
		t, err := when(rest)
		s.Until = t
		return err
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

func number(text string, lo, hi int, to *int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < lo || n > hi {
		return fmt.Errorf("%q: expected a number from %d to %d", text, lo, hi)
	}
	*to = n
	return nil
}

func when(text string) (sim.Time, error) {
	t, err := strconv.ParseInt(text, 10, 64)
	if err != nil || t < 0 || sim.Time(t) > maxUntil {
		return 0, fmt.Errorf("%q: expected a time in ns, a day at most", text)
	}
	return sim.Time(t), nil
}

// String gives the script's text.
func (s *Script) String() string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line(scriptHead)
	line("kind", s.Kind)
	line("servers", strconv.Itoa(s.Servers))
	line("clients", strconv.Itoa(s.Clients))
	line("seed", strconv.FormatUint(s.Seed, 10))
	if s.Exact {
		line("exact")
	}
	for _, w := range s.Set {
		line("set", strings.Join(w, " "))
	}
	for _, l := range s.Load {
		words := []string{"load", l.Client, l.Op, strconv.FormatInt(int64(l.Every/sim.Millisecond), 10)}
		if l.Value != "" {
			words = append(words, l.Value)
		}
		line(words...)
	}
	for _, a := range s.Actions {
		line("at", strconv.FormatInt(int64(a.At), 10), a.Line)
	}
	if s.Until > 0 {
		line("until", strconv.FormatInt(int64(s.Until), 10))
	}
	return b.String()
}

// Before returns the script up to time t, with its first n actions at most.
func (s *Script) Before(t sim.Time, n int) *Script {
	c := *s
	n = min(n, len(s.Actions))
	for n > 0 && s.Actions[n-1].At > t {
		n--
	}
	c.Actions = s.Actions[:n:n]
	c.Until = t
	return &c
}
