package session

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/lessons/toys"
)

// Act does an action now and returns it with its names resolved, as the script
// keeps it. The actions, with N for a node:
//
//	crash N [[before] save|send|apply]   now, or just after (before) its next such effect
//	restart N
//	timeOut N
//	cut N N; heal N N              "all" for every server
//	partition A,B/C,rest
//	healAll
//	drop N N [METHOD]; delay N N MS [METHOD]; duplicate N N MS [METHOD]
//	dropMessage ID; delayMessage ID MS; duplicateMessage ID MS
//	propose N TIMES VALUE
//	client C OP SERVER|- ARGUMENT
//	work C MS                          random puts and gets by itself; 0: no more
//	set NAME VALUE...
//	wait
func (s *Session) Act(line string) (string, error) {
	if strings.ContainsAny(line, "\n\r") || len(s.script.Actions) >= maxActions {
		return "", fmt.Errorf("action: a single line, %d actions at most", maxActions)
	}
	verb, rest, _ := strings.Cut(line, " ")
	w := strings.Fields(rest)
	resolved, err := s.do(verb, w, rest)
	if err != nil {
		if err == ErrNobody {
			return "", err
		}
		return "", fmt.Errorf("action %q: %w", line, err)
	}
	s.tellBroken()
	s.finishInstant()
	s.script.Actions = append(s.script.Actions, Action{s.world.Now(), resolved})
	return resolved, nil
}

var errWords = errors.New("too few words")

func (s *Session) do(verb string, w []string, rest string) (string, error) {
	if need, known := words[verb]; known && len(w) < need {
		return "", errWords
	}
	switch verb {
	case "wait":
		return verb, nil
	case "set":
		return s.setNow(w)
	case "healAll":
		s.world.Heal(-1, -1)
		return verb, nil
	case "partition":
		return s.partition(w[0])
	case "cut", "heal":
		return s.cut(verb, w)
	case "drop", "delay", "duplicate":
		return s.onLink(verb, w)
	case "dropMessage", "delayMessage", "duplicateMessage":
		return s.onMessage(verb, w)
	case "client":
		return s.client(w)
	case "work":
		return s.work(w)
	case "crash", "restart", "timeOut", "propose":
	default:
		return "", errors.New("unknown action")
	}
	n, err := s.resolve(w[0])
	if err != nil {
		return "", err
	}
	if n >= s.script.Servers {
		return "", notServer(w[0])
	}
	w[0] = s.nameOf(n)
	switch verb {
	case "crash":
		err = s.crash(n, w[1:])
	case "restart":
		s.world.Boot(n)
	case "timeOut":
		s.world.Request(n, toys.OpTimeOut, 0, nil, nil)
	case "propose":
		return s.propose(n, w, rest)
	}
	return verb + " " + strings.Join(w, " "), err
}

func (s *Session) crash(n int, between []string) error {
	p, err := s.script.crashPoint(between)
	switch {
	case err != nil:
		return err
	case p == nil:
		s.world.Crash(n)
	case s.world.Up(n):
		s.world.Arm(n, p)
	}
	return nil
}

func (s *Session) propose(n int, w []string, rest string) (string, error) {
	times, err := proposals(w[1])
	if err != nil {
		return "", err
	}
	_, value, _ := strings.Cut(rest, " ")
	_, value, _ = strings.Cut(strings.TrimLeft(value, " "), " ")
	for i := 1; i <= times; i++ {
		v := value
		if i > 1 {
			v += strconv.Itoa(i)
		}
		s.world.Request(n, toys.OpStart, 0, []byte(v), nil)
	}
	return fmt.Sprintf("propose %s %d %s", w[0], times, value), nil
}

func (s *Session) cut(verb string, w []string) (string, error) {
	ends := [2]int{}
	names := [2]string{}
	for i := range ends {
		if w[i] == "all" {
			ends[i], names[i] = -1, "all"
			continue
		}
		n, err := s.resolve(w[i])
		if err != nil {
			return "", err
		}
		ends[i], names[i] = n, s.nameOf(n)
	}
	// "all" means all servers, so each pair is named to the world by itself.
	for a := range s.world.Nodes() {
		for b := range s.world.Nodes() {
			if a == b || !end(ends[0], a, s.script.Servers) || !end(ends[1], b, s.script.Servers) {
				continue
			}
			if verb == "cut" {
				s.world.Cut(a, b)
			} else {
				s.world.Heal(a, b)
			}
		}
	}
	return verb + " " + names[0] + " " + names[1], nil
}

func end(want, node, servers int) bool { return want == node || want < 0 && node < servers }

// partition reads groups like "S1,C1/S2,rest". A client in no group keeps its
// links as they are.
func (s *Session) partition(text string) (string, error) {
	group := map[int]int{}
	rest := -1
	var names []string
	for g, part := range strings.Split(text, "/") {
		var members []string
		for _, name := range strings.Split(part, ",") {
			if name == "rest" {
				rest = g
				continue
			}
			n, err := s.resolve(name)
			if err != nil {
				return "", err
			}
			group[n] = g
			members = append(members, s.nameOf(n))
		}
		names = append(names, strings.Join(members, ","))
	}
	for n := range s.script.Servers {
		if _, named := group[n]; !named && rest >= 0 {
			group[n] = rest
			if names[rest] != "" {
				names[rest] += ","
			}
			names[rest] += s.nameOf(n)
		} else if !named {
			group[n] = -1 - n // alone
		}
	}
	for a := range s.world.Nodes() {
		for b := range s.world.Nodes() {
			ga, okA := group[a]
			gb, okB := group[b]
			switch {
			case a == b || !okA || !okB:
			case ga == gb:
				s.world.Heal(a, b)
			default:
				s.world.Cut(a, b)
			}
		}
	}
	// A rest of nobody is no group.
	names = slices.DeleteFunc(names, func(members string) bool { return members == "" })
	return "partition " + strings.Join(names, "/"), nil
}

func (s *Session) onLink(verb string, w []string) (string, error) {
	a, err := s.resolve(w[0])
	if err != nil {
		return "", err
	}
	b, err := s.resolve(w[1])
	if err != nil {
		return "", err
	}
	w[0], w[1] = s.nameOf(a), s.nameOf(b)
	var d sim.Time
	method := w[2:]
	if verb != "drop" {
		if d, err = millis(w[2]); err != nil {
			return "", err
		}
		method = w[3:]
	}
	for _, f := range s.world.InFlight() {
		if f.From == a && f.To == b && (len(method) == 0 || f.Msg.Method == method[0]) {
			s.handle(verb, f.Msg.ID, d)
		}
	}
	return verb + " " + strings.Join(w, " "), nil
}

func (s *Session) onMessage(verb string, w []string) (string, error) {
	id, err := strconv.ParseUint(w[0], 10, 64)
	if err != nil {
		return "", err
	}
	var d sim.Time
	if verb != "dropMessage" {
		if d, err = millis(w[1]); err != nil {
			return "", err
		}
	}
	if !s.handle(strings.TrimSuffix(verb, "Message"), id, d) {
		return "", errors.New("this message is not under way any more")
	}
	return verb + " " + strings.Join(w, " "), nil
}

func (s *Session) handle(verb string, id uint64, d sim.Time) bool {
	switch verb {
	case "drop":
		return s.world.DropMessage(id)
	case "delay":
		return s.world.DelayMessage(id, d)
	default:
		return s.world.DuplicateMessage(id, d)
	}
}

func millis(text string) (sim.Time, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1e6) {
		return 0, fmt.Errorf("%q: expected milliseconds", text)
	}
	return sim.Time(f * float64(sim.Millisecond)), nil
}

// nameOf gives a node's fixed name.
func (s *Session) nameOf(n int) string {
	if n < s.script.Servers {
		return "S" + strconv.Itoa(n+1)
	}
	return "C" + strconv.Itoa(n-s.script.Servers+1)
}

// resolve says which node a name stands for now.
func (s *Session) resolve(name string) (int, error) {
	for n := range s.script.Servers + s.script.Clients {
		if s.nameOf(n) == name {
			return n, nil
		}
	}
	oldest, newest := -1, -1
	var up, down []int
	for n := range s.script.Servers {
		if !s.world.Up(n) {
			down = append(down, n)
			continue
		}
		up = append(up, n)
		st := s.world.Status(n)
		if st.Role != sim.Leader {
			continue
		}
		if newest < 0 || st.Term > s.world.Status(newest).Term {
			newest = n
		}
		if oldest < 0 || st.Term < s.world.Status(oldest).Term {
			oldest = n
		}
	}
	pick := func(list []int, number string) (int, error) {
		i, err := strconv.Atoi(number)
		switch {
		case err != nil || i < 1:
			return 0, fmt.Errorf("unknown name %q", name)
		case i > len(list):
			return 0, ErrNobody
		}
		return list[i-1], nil
	}
	switch {
	case name == "leader" && newest >= 0:
		return newest, nil
	case name == "oldLeader" && oldest >= 0 && oldest != newest:
		return oldest, nil
	case name == "leader" || name == "oldLeader":
		return 0, ErrNobody
	case strings.HasPrefix(name, "follower"):
		if newest < 0 {
			return 0, ErrNobody
		}
		return pick(slices.DeleteFunc(up, func(n int) bool { return n == newest }), name[len("follower"):])
	case strings.HasPrefix(name, "down"):
		return pick(down, name[len("down"):])
	}
	return 0, fmt.Errorf("unknown name %q", name)
}

// setNow changes the configuration of the running cluster.
func (s *Session) setNow(w []string) (string, error) {
	old, oldLink := s.set, s.link
	err := s.change(w)
	if err == nil {
		err = s.sane()
	}
	if err != nil {
		s.set, s.link = old, oldLink
		return "", err
	}
	line := "set " + strings.Join(w, " ")
	s.world.Emit(sim.Record{Kind: sim.RecPhase, Node: -1, Peer: -1, Name: line})
	if s.link != oldLink {
		s.links(true)
	} else if s.script.Kind == toys.KindRaft {
		for n := range s.script.Servers {
			s.world.Request(n, toys.OpTune, 0, nil, nil)
		}
	}
	return line, nil
}

// links puts the delay and loss in force; only servers' links lose messages.
func (s *Session) links(all bool) {
	clean := s.link
	clean.Loss = 0
	if all {
		s.world.SetLink(-1, -1, s.link)
	}
	for c := s.script.Servers; c < s.world.Nodes(); c++ {
		if s.link.Loss > 0 {
			s.world.SetLink(c, -1, clean)
			s.world.SetLink(-1, c, clean)
		}
	}
}

func (s *Session) sane() error {
	switch {
	case s.set.ElectionMin <= 0 || s.set.ElectionMax < s.set.ElectionMin:
		return errors.New("electionMs: expected two numbers above 0, the smaller first")
	case s.set.Heartbeat <= 0 || s.set.Heartbeat >= s.set.ElectionMin:
		return errors.New("heartbeatMs: expected a number above 0 and below electionMs")
	}
	return nil
}

// change takes one line of configuration: its name and its values.
func (s *Session) change(w []string) error {
	if len(w) < 2 {
		return errWords
	}
	ms := func(i int) (time.Duration, error) {
		if i >= len(w) {
			return 0, errWords
		}
		d, err := millis(w[i])
		return time.Duration(d), err
	}
	flag := func(to *bool) error {
		v, err := strconv.ParseBool(w[1])
		*to = v
		return err
	}
	choice := func(options ...string) error {
		if !slices.Contains(options, w[1]) {
			return fmt.Errorf("%s: expected one of %s", w[0], strings.Join(options, ", "))
		}
		return nil
	}
	var err, err2 error
	switch w[0] {
	case "electionMs":
		s.set.ElectionMin, err = ms(1)
		s.set.ElectionMax, err2 = ms(2)
		if err == nil {
			err = err2
		}
	case "heartbeatMs":
		s.set.Heartbeat, err = ms(1)
	case "latencyMs":
		var lo, hi time.Duration
		lo, err = ms(1)
		if hi, err2 = ms(2); err == nil {
			err = err2
		}
		if err == nil && hi < lo {
			err = errors.New("latencyMs: expected the smaller number first")
		}
		s.link.Min, s.link.Max = sim.Time(lo), sim.Time(hi)
	case "loss":
		s.link.Loss, err = strconv.ParseFloat(w[1], 64)
		if err == nil && !(s.link.Loss >= 0 && s.link.Loss <= 1) {
			err = errors.New("loss: expected a probability")
		}
	case "preVote":
		return flag(&s.set.PreVote)
	case "checkQuorum":
		return flag(&s.set.CheckQuorum)
	case "persistence":
		return flag(&s.set.Persistence)
	case "commitRule":
		return flag(&s.set.CommitRule)
	case "randomTimeouts":
		return flag(&s.set.RandomTimeouts)
	case "maxPending":
		return number(w[1], 0, 1e6, &s.set.MaxPending)
	case "reads":
		s.set.Reads = w[1]
		return choice(toys.ReadsLog, toys.ReadsIndex, toys.ReadsLeader, toys.ReadsAny)
	case "policy":
		s.set.GoOnAlone = w[1] == "goOnAlone"
		return choice("waitForBoth", "goOnAlone")
	case "variant":
		s.set.Variant = w[1]
		return choice(toys.VariantMapReduce, toys.VariantGFS, toys.VariantVMFT)
	default:
		return fmt.Errorf("unknown setting %q", w[0])
	}
	return err
}
