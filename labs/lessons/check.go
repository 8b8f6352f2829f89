package lessons

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/labs/lessons/toys"
)

// Keys of each predicate beside event and state; those with ! must be there.
var (
	events = map[string]string{
		"crash": "server between", "restart": "server", "campaign": "server",
		"elected": "server", "stepDown": "server", "termAbove": "term!", "splitVote": "",
		"accepted": "server value", "refused": "server", "busy": "server",
		"appended": "server value", "overwritten": "server value wasOn",
		"committed": "value oldTerm server", "applied": "value servers",
		"invoked": "client op", "returned": "client op result requests",
		"violated": "property!", "dropped": "", "duplicated": "",
	}
	states = map[string]string{
		"leader": "server", "noLeader": "", "leaders": "atLeast!", "candidates": "atLeast!",
		"down": "servers!", "partition": "minority sizes", "isolated": "server!",
		"oneWay": "deaf mute", "cut": "from! to!", "healed": "",
		"logsDiffer": "atLeast conflict", "logsEqual": "entries", "lag": "entries!",
		"unapplied": "entries!", "majorityUncommitted": "", "waiting": "client",
		"lockHeldTwice": "", "config": "name! atLeast atMost is",
	}
	actions = map[string]string{
		"crash": "server! between", "restart": "server!", "timeOut": "server!",
		"cut": "from! to!", "heal": "from! to!", "partition": "groups!", "healAll": "",
		"drop": "from! to! method", "delay": "from! to! method ms!", "duplicate": "from! to! method ms!",
		"propose": "server! value! times", "client": "client! op! key value server",
		"set": "name! value!", "wait": "",
	}
	// Properties that a lesson may wait for: those of our own core.
	properties = []string{"Election Safety", "State Machine Safety", "Leader Completeness",
		"Log Matching", "Leader Append-Only", "Vote Once", "Durable Term", "Term Monotonicity", "Fresh Reads"}
	classes = []string{"leader", "staleLeader", "follower", "candidate", "minority", "majority"}

	nameRE     = regexp.MustCompile(`^\d\d-[a-z0-9]+(-[a-z0-9]+)*$`)
	idRE       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	directives = regexp.MustCompile(`^::(cluster|figure16|(task|question)\{id=([a-z0-9-]+)\})$`)
	placeRE    = regexp.MustCompile(`^(follower|down)[1-9]$`)
)

type checker struct {
	lesson string
	errs   []error
}

func (c *checker) failf(where, format string, a ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s: %s", c.lesson, where, fmt.Sprintf(format, a...)))
}

// check says everything that is wrong with l, the n-th lesson.
func (l *Lesson) check(n int) error {
	c := &checker{lesson: l.Name}
	if !nameRE.MatchString(l.Name) || !strings.HasPrefix(l.Name, fmt.Sprintf("%02d-", n)) {
		c.failf("folder", "expected a name %02d-..., in lower case with dashes", n)
	}
	c.scenario("scenario", &l.Scenario)
	if len(l.Tasks) < 2 || len(l.Tasks) > 5 {
		c.failf("tasks", "expected 2 to 5, found %d", len(l.Tasks))
	}
	if len(l.Questions) < 2 || len(l.Questions) > 4 {
		c.failf("questions", "expected 2 to 4, found %d", len(l.Questions))
	}
	want := map[string]int{"::cluster": 1}
	id := func(kind, s string) {
		if !idRE.MatchString(s) {
			c.failf(kind, "id %q: expected lower case with dashes", s)
		}
		for _, k := range []string{"task", "question"} {
			if want["::"+k+"{id="+s+"}"] > 0 {
				c.failf(kind, "id %q is used twice", s)
			}
		}
		want["::"+kind+"{id="+s+"}"] = 1
	}
	for i := range l.Tasks {
		id("task", l.Tasks[i].ID)
		c.task(&l.Tasks[i], l.Scenario)
	}
	for i := range l.Questions {
		id("question", l.Questions[i].ID)
		c.question(&l.Questions[i])
	}
	for _, lang := range languages {
		c.page(lang, l.Pages[lang], want)
	}
	if !slices.Equal(l.Pages["en"].Directives(), l.Pages["zh"].Directives()) {
		c.failf("en.md, zh.md", "the directives differ, or their order does")
	}
	return errors.Join(c.errs...)
}

func (c *checker) page(lang string, p Page, want map[string]int) {
	where := lang + ".md"
	got := map[string]int{}
	for _, d := range p.Directives() {
		got[d]++
		switch {
		case !directives.MatchString(d):
			c.failf(where, "unknown directive %q", d)
		case d == "::figure16":
			if got[d] > 1 {
				c.failf(where, "%s stands there twice", d)
			}
		case want[d] == 0:
			c.failf(where, "%s: lesson.json has nothing of that id", d)
		}
	}
	for d := range want {
		if got[d] != 1 {
			c.failf(where, "%s: expected once, found %d times", d, got[d])
		}
	}
	for _, par := range strings.Split(p.Body, "\n\n") {
		if strings.HasPrefix(strings.TrimSpace(par), "::") && strings.Contains(strings.TrimSpace(par), "\n") {
			c.failf(where, "%q: a directive stands in a paragraph of its own", par)
		}
	}
}

func (c *checker) text(where string, t Text) {
	if strings.TrimSpace(t.EN) == "" || strings.TrimSpace(t.ZH) == "" {
		c.failf(where, "a text is empty in English or in Chinese")
	}
}

func (c *checker) question(q *Question) {
	where := "question " + q.ID
	c.text(where, q.Prompt)
	right := 0
	for _, ch := range q.Choices {
		c.text(where, ch.Text)
		c.text(where+", why", ch.Why)
		if ch.Correct {
			right++
		}
	}
	if right == 0 || len(q.Choices) < 2 {
		c.failf(where, "expected two choices or more and a correct one among them; found %d, correct %d", len(q.Choices), right)
	}
}

// Patched returns s with what p gives in place of its own; see FORMAT.md section 2.
func (s Scenario) Patched(p *Scenario) (Scenario, error) {
	if p == nil {
		return s, nil
	}
	b, err := json.Marshal(p)
	if err != nil {
		return s, err
	}
	if p.Load != nil {
		s.Load = nil
	}
	if p.Actions != nil {
		s.Actions = nil
	}
	if p.Kind != "" && p.Kind != s.Kind {
		s.Config = Config{} // another kind of cluster has another configuration
	}
	// Ranges are behind pointers: give the copy its own before they are overwritten.
	for _, r := range []**Range{&s.Config.LatencyMs, &s.Config.ElectionMs} {
		if *r != nil {
			own := **r
			*r = &own
		}
	}
	for _, f := range []**float64{&s.Config.Loss, &s.Config.Heartbeat} {
		if *f != nil {
			own := **f
			*f = &own
		}
	}
	for _, f := range []**bool{&s.Config.PreVote, &s.Config.CheckQuorum, &s.Config.Persistence, &s.Config.CommitRule, &s.Config.RandomTimeouts} {
		if *f != nil {
			own := **f
			*f = &own
		}
	}
	if m := s.Config.MaxPending; m != nil {
		own := *m
		s.Config.MaxPending = &own
	}
	return s, json.Unmarshal(b, &s)
}

func (c *checker) scenario(where string, s *Scenario) {
	if toys.Ops[s.Kind] == nil {
		c.failf(where, "kind %q: expected raft, lock or decider", s.Kind)
		return
	}
	if s.Servers < 1 || s.Servers > 9 || s.Clients < 0 || s.Clients > 3 || s.Speed < 0 {
		c.failf(where, "expected 1 to 9 servers, 0 to 3 clients, a speed above 0")
	}
	k := &s.Config
	has := func(name string, ok, want bool) {
		if ok != want {
			c.failf(where, "config.%s: given: %v, expected for kind %s: %v", name, ok, s.Kind, want)
		}
	}
	raft := s.Kind == "raft"
	has("latencyMs", k.LatencyMs != nil, true)
	has("loss", k.Loss != nil, true)
	has("electionMs", k.ElectionMs != nil, raft)
	has("heartbeatMs", k.Heartbeat != nil, raft)
	has("preVote", k.PreVote != nil, raft)
	has("checkQuorum", k.CheckQuorum != nil, raft)
	has("persistence", k.Persistence != nil, raft)
	has("commitRule", k.CommitRule != nil, raft)
	has("randomTimeouts", k.RandomTimeouts != nil, raft)
	has("policy", k.Policy == "waitForBoth" || k.Policy == "goOnAlone", s.Kind == "lock")
	has("variant", slices.Contains([]string{"mapreduce", "gfs", "vmft"}, k.Variant), s.Kind == "decider")
	if k.Reads != "" && (!raft || !slices.Contains([]string{toys.ReadsLog, toys.ReadsIndex, toys.ReadsLeader, toys.ReadsAny}, k.Reads)) {
		c.failf(where, "reads %q: expected log, index, leader or any, for kind raft", k.Reads)
	}
	for _, r := range []*Range{k.LatencyMs, k.ElectionMs} {
		if r != nil && (r[0] <= 0 || r[0] > r[1]) {
			c.failf(where, "range %v: expected 0 < min <= max, in ms", *r)
		}
	}
	if k.Loss != nil && (*k.Loss < 0 || *k.Loss > 1) {
		c.failf(where, "loss %v: expected a probability", *k.Loss)
	}
	for _, ld := range s.Load {
		if !c.known(ld.Client, s, 'C') || !slices.Contains(toys.Ops[s.Kind], ld.Op) || ld.EveryMs < 0 {
			c.failf(where, "load %+v: unknown client or operation", ld)
		}
	}
	c.actions(where+".actions", s.Actions, s)
}

// known says whether name is a server (letter S) or client (C) of s.
func (c *checker) known(name string, s *Scenario, letters ...byte) bool {
	for _, letter := range letters {
		n := s.Servers
		if letter == 'C' {
			n = s.Clients
		}
		if len(name) > 1 && name[0] == letter {
			k, err := strconv.Atoi(name[1:])
			return err == nil && k >= 1 && k <= n
		}
	}
	return false
}

func (c *checker) actions(where string, as []Action, s *Scenario) {
	last := 0.0
	for i := range as {
		a := &as[i]
		where := fmt.Sprintf("%s[%d] %s", where, i, a.Do)
		if a.At == nil || *a.At < last {
			c.failf(where, "at: expected a time not before %v", last)
		} else {
			last = *a.At
		}
		c.keys(where, actions, a.Do, a, "at", "do")
		for _, name := range append(slices.Concat(a.Groups...), a.Server, a.From, a.To) {
			switch {
			case name == "", c.known(name, s, 'S', 'C'), name == "rest" && a.Groups != nil:
			case name == "all" && (a.Do == "cut" || a.Do == "heal"):
			case s.Kind == "raft" && (name == "leader" || name == "oldLeader"):
			case placeRE.MatchString(name) && (s.Kind == "raft" || strings.HasPrefix(name, "down")):
			default:
				c.failf(where, "no server or client %q here", name)
			}
		}
		if a.Do == "client" && (!c.known(a.Client, s, 'C') || !slices.Contains(toys.Ops[s.Kind], a.Op)) {
			c.failf(where, "client %q, op %q: expected a client of the scenario and one of %v", a.Client, a.Op, toys.Ops[s.Kind])
		}
		if _, str := a.Value.(string); a.Value != nil && !str && a.Do != "set" {
			c.failf(where, "value: expected a text")
		}
		if a.Do == "set" && !c.configKey(a.Name) {
			c.failf(where, "no key %q in config", a.Name)
		}
		if a.Between != "" && !slices.Contains([]string{"save", "send", "apply"}, a.Between) {
			c.failf(where, "between: expected save, send or apply, found %q", a.Between)
		}
	}
}

func (c *checker) configKey(name string) bool {
	d := json.NewDecoder(strings.NewReader(`{"` + name + `":null}`))
	d.DisallowUnknownFields()
	return name != "" && d.Decode(&Config{}) == nil
}

// keys checks that v, written as JSON, has the keys that table lists for name.
func (c *checker) keys(where string, table map[string]string, name string, v any, also ...string) {
	allowed, ok := table[name]
	if !ok {
		c.failf(where, "unknown name %q", name)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		c.failf(where, "%v", err)
		return
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		c.failf(where, "%v", err)
		return
	}
	for _, k := range strings.Fields(allowed) {
		name, must := strings.CutSuffix(k, "!")
		if _, ok := m[name]; must && !ok {
			c.failf(where, "%s is missing", name)
		}
		also = append(also, name)
	}
	for k := range m {
		if !slices.Contains(also, k) {
			c.failf(where, "key %q has no meaning here", k)
		}
	}
}

func (c *checker) task(t *Task, base Scenario) {
	where := "task " + t.ID
	c.text(where+", title", t.Title)
	c.text(where+", text", t.Text)
	c.text(where+", hint", t.Hint)
	s, err := base.Patched(t.Scenario)
	if err != nil {
		c.failf(where, "%v", err)
	}
	c.scenario(where+", scenario", &s)
	if len(t.Goal.Steps) == 0 {
		c.failf(where, "no goal")
	}
	if len(t.Solution) == 0 {
		c.failf(where, "no solution")
	}
	c.actions(where+", solution", t.Solution, &s)
	for i := range t.Goal.Steps {
		st := &t.Goal.Steps[i]
		where := fmt.Sprintf("%s, step %d", where, i+1)
		c.predicate(where, &st.Predicate, &s)
		if st.Count < 0 || st.ForMs < 0 || st.WithinMs < 0 {
			c.failf(where, "a modifier is below 0")
		}
		if st.Count > 0 && st.Event == "" {
			c.failf(where, "count is for events")
		}
		if st.ForMs > 0 && st.State == "" {
			c.failf(where, "forMs is for states")
		}
		for j := range st.Without {
			c.predicate(where+", without", &st.Without[j], &s)
		}
		for j := range st.While {
			if st.While[j].State == "" {
				c.failf(where, "while: expected states")
			}
			c.predicate(where+", while", &st.While[j], &s)
		}
	}
}

func (c *checker) predicate(where string, p *Predicate, s *Scenario) {
	switch {
	case (p.Event == "") == (p.State == ""):
		c.failf(where, "expected either an event or a state")
		return
	case p.Event != "":
		c.keys(where, events, p.Event, p, "event")
	default:
		c.keys(where, states, p.State, p, "state")
	}
	for _, name := range []string{p.Server, p.Minority, p.Deaf, p.Mute} {
		if name != "" && !slices.Contains(classes, name) && !c.known(name, s, 'S') {
			c.failf(where, "no server or class %q", name)
		}
	}
	for _, name := range []string{p.From, p.To} {
		if name != "" && !c.known(name, s, 'S', 'C') {
			c.failf(where, "no server or client %q", name)
		}
	}
	if p.Client != "" && !c.known(p.Client, s, 'C') {
		c.failf(where, "no client %q", p.Client)
	}
	if p.Op != "" && !slices.Contains(toys.Ops[s.Kind], p.Op) {
		c.failf(where, "no operation %q in kind %s", p.Op, s.Kind)
	}
	for _, name := range p.Property {
		if !slices.Contains(properties, name) {
			c.failf(where, "no property %q", name)
		}
	}
	if p.Servers > Servers(s.Servers) || p.Servers == All && p.State == "down" {
		c.failf(where, "servers: the scenario has %d", s.Servers)
	}
	if p.WasOn != "" && p.WasOn != "majority" {
		c.failf(where, "wasOn: expected majority")
	}
	if p.State == "config" && !c.configKey(p.Name) {
		c.failf(where, "no key %q in config", p.Name)
	}
	if p.State == "oneWay" && (p.Deaf == "") == (p.Mute == "") {
		c.failf(where, "oneWay: expected either deaf or mute")
	}
}
