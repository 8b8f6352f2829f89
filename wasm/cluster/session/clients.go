package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

// FreshReads says that a get returns no value older than one that had been
// written, or read, before the get began: the part of linearizability that
// breaks when a server answers reads that must not.
const FreshReads check.Property = "Fresh Reads"

// reads watches the histories of the clients' puts and gets for FreshReads. It
// is quiet where it cannot be sure: a value that was put twice is as old as its
// youngest put allows.
type reads struct {
	servers int
	open    map[uint64]op // operations under way
	puts    map[string][]*put
	told    bool
	news    []sim.Record
}

type op struct {
	client  int
	verb    string
	key     string
	invoked sim.Time
	put     *put
}

// put is one write. From since on it must be seen: it had returned by then, or
// some get had returned its value.
type put struct {
	client         int
	value          string
	invoked, since sim.Time
}

func newReads(servers int) *reads {
	return &reads{servers: servers, open: map[uint64]op{}, puts: map[string][]*put{}}
}

// take returns the records of what has broken since the last call.
func (c *reads) take() []sim.Record {
	news := c.news
	c.news = nil
	return news
}

// Watch takes a record in.
func (c *reads) Watch(r *sim.Record) {
	switch r.Kind {
	case sim.RecInvoke:
		key, value, _ := strings.Cut(string(r.Data), " ")
		o := op{client: r.Peer, verb: r.Name, key: key, invoked: r.T}
		if o.verb == "put" {
			o.put = &put{client: r.Peer, value: value, invoked: r.T, since: sim.Never}
			c.puts[key] = append(c.puts[key], o.put)
		}
		c.open[r.ID] = o
	case sim.RecReturn:
		o, ok := c.open[r.ID]
		delete(c.open, r.ID)
		switch {
		case !ok:
		case o.put != nil:
			o.put.since = min(o.put.since, r.T)
		case o.verb == "get":
			c.got(&o, string(r.Data), r.T)
		}
	}
}

// got judges a get that returned value at time t.
func (c *reads) got(o *op, value string, t sim.Time) {
	// Every key begins with the empty value, written before time itself.
	from := []*put{{client: -1, invoked: -1, since: -1}}
	if value != "" {
		from = nil
	}
	for _, p := range c.puts[o.key] {
		if p.value == value {
			from = append(from, p)
		}
	}
	var newer *put
	for _, p := range from {
		later := c.overwritten(o, p)
		if later == nil {
			if len(from) == 1 && p.client >= 0 {
				p.since = min(p.since, t) // this put has been seen
			}
			return
		}
		newer = later
	}
	if c.told {
		return
	}
	c.told = true
	who := c.name(o.client)
	text := fmt.Sprintf("%s read %s = %q, which nobody had written", who, o.key, value)
	if newer != nil {
		text = fmt.Sprintf("%s read %s = %q, though %q, of %s, was newer and had been seen before this read began", who, o.key, value, newer.value, c.name(newer.client))
	}
	c.news = append(c.news, sim.Record{Kind: sim.RecViolation, Node: o.client, Peer: -1, Name: string(FreshReads), Data: []byte(text)})
}

// overwritten returns a put that came after p and before o, if there surely was
// one.
func (c *reads) overwritten(o *op, p *put) *put {
	for _, w := range c.puts[o.key] {
		if p.since < w.invoked && w.since < o.invoked {
			return w
		}
	}
	return nil
}

func (c *reads) name(node int) string { return "C" + strconv.Itoa(node-c.servers+1) }

// Keys that a client works on by itself, and its stream of random numbers.
var workKeys = [...]string{"x", "y"}

const workStream = 3

// work makes a client do random puts and gets by itself, every MS after each
// return; 0 ends that.
func (s *Session) work(w []string) (string, error) {
	c, err := s.resolve(w[0])
	if err != nil {
		return "", err
	}
	if c < s.script.Servers {
		return "", notClient(w[0])
	}
	every, err := s.script.shift(w[1])
	if err != nil {
		return "", err
	}
	s.shift[c]++
	if every > 0 {
		s.workOn(c, s.shift[c], every)
	}
	return fmt.Sprintf("work %s %d", s.nameOf(c), every/sim.Millisecond), nil
}

// workOn does the next operation of a client's shift, until another begins.
func (s *Session) workOn(c, shift int, every sim.Time) {
	if s.shift[c] != shift {
		return
	}
	again := func() { s.world.At(s.world.Now()+every, func() { s.workOn(c, shift, every) }) }
	verb, arg := "get", workKeys[s.rng.N(int64(len(workKeys)))]
	if s.rng.Chance(0.5) {
		verb, arg = "put", arg+" "+strings.ToLower(s.nameOf(c))+"."+strconv.FormatUint(s.opID+1, 10)
	}
	if !s.invoke(c, verb, arg, -1, again) {
		again() // the learner's own operation is under way
	}
}

// client makes a client begin an operation.
func (s *Session) client(w []string) (string, error) {
	c, err := s.resolve(w[0])
	if err != nil {
		return "", err
	}
	if c < s.script.Servers {
		return "", notClient(w[0])
	}
	if err := s.script.operation(w[1]); err != nil {
		return "", err
	}
	hint, at := -1, "-"
	if w[2] != "-" {
		if hint, err = s.resolve(w[2]); err != nil {
			return "", err
		}
		at = s.nameOf(hint)
	}
	arg := strings.Join(w[3:], " ")
	if !s.invoke(c, w[1], arg, hint, nil) {
		return "", errors.New("this client's operation is still under way")
	}
	return strings.TrimRight(fmt.Sprintf("client %s %s %s %s", s.nameOf(c), w[1], at, arg), " "), nil
}
