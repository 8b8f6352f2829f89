package toys

import (
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

// Messages between clients and servers are one-way, with text in them: a serial
// number of the sender, which the answer repeats, and words.
const (
	methodPut   = "Put"
	methodGet   = "Get"
	methodReply = "Reply"
)

func message(to int, method, body string) sim.Effect {
	return sim.Effect{Kind: sim.Send, To: to, Msg: sim.Message{Kind: sim.MsgOneWay, Method: method, Body: []byte(body)}}
}

func serverName(node int) string          { return "S" + strconv.Itoa(node+1) }
func clientName(node, servers int) string { return "C" + strconv.Itoa(node-servers+1) }

// node reads a server's name; -1 if it is none.
func nodeOf(name string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "S"))
	if err != nil || n < 1 || !strings.HasPrefix(name, "S") {
		return -1
	}
	return n - 1
}

// program is what a client does with an operation: it asks servers, one
// question at a time, by the methods of its caller.
type program interface {
	// begin starts the operation op with its argument; hint is the server to
	// ask first, or -1.
	begin(c *caller, op, arg string, hint int)
	// answer takes the answer to the last question.
	answer(c *caller, words string)
	// alarm is called when the caller's alarm goes off.
	alarm(c *caller)
}

// caller is a client: one operation at a time, questions repeated until they
// are answered, and an alarm.
type caller struct {
	node, servers int
	set           *Settings
	prog          program
	now           sim.Time
	fx            []sim.Effect

	request uint64 // the operation under way, 0 if none
	serial  int    // of the last operation
	// The question under way: sent again every interval until answered.
	asking   bool
	to       int
	method   string
	words    string
	question int
	again    sim.Time
	interval sim.Time
	at       sim.Time // alarm, or Never
}

func newCaller(node, servers int, set *Settings, p program) *caller {
	return &caller{node: node, servers: servers, set: set, prog: p, again: sim.Never, at: sim.Never}
}

const everyAsk = 200 * sim.Millisecond

func (c *caller) Close() {}

func (c *caller) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	c.now, c.fx = now, fx
	switch ev.Kind {
	case sim.RequestOp:
		if c.request != 0 { // one operation at a time
			c.fx = append(c.fx, sim.Effect{Kind: sim.Respond, ID: ev.Req.ID, Data: []byte("busy")})
			break
		}
		c.request = ev.Req.ID
		c.serial++
		c.prog.begin(c, ev.Req.Op, string(ev.Req.Data), int(ev.Req.Index)-1)
	case sim.Receive:
		number, words, _ := strings.Cut(string(ev.Msg.Body), " ")
		if c.asking && number == strconv.Itoa(c.question) {
			c.asking, c.again = false, sim.Never
			c.prog.answer(c, words)
		}
	case sim.Tick:
		if now >= c.at {
			c.at = sim.Never
			c.prog.alarm(c)
		}
		if c.asking && now >= c.again {
			c.send()
		}
	}
	return c.fx, min(c.again, c.at)
}

// ask asks a server and repeats the question every interval; Never: not at all.
func (c *caller) ask(to int, method, words string, interval sim.Time) {
	c.question++
	c.asking, c.to, c.method, c.words, c.interval = true, to, method, words, interval
	c.send()
}

// askAs is ask with the operation's serial as the question's number, so that a
// server knows the operation again when it is asked a second time.
func (c *caller) askAs(to int, method, words string, interval sim.Time) {
	c.question = c.serial - 1
	c.ask(to, method, words, interval)
}

func (c *caller) send() {
	c.fx = append(c.fx, message(c.to, c.method, strconv.Itoa(c.question)+" "+c.words))
	c.again = sim.Never
	if c.interval != sim.Never {
		c.again = c.now + c.interval
	}
}

func (c *caller) quiet() { c.asking, c.again = false, sim.Never }

func (c *caller) finish(result string) {
	c.quiet()
	c.at = sim.Never
	c.fx = append(c.fx, sim.Effect{Kind: sim.Respond, ID: c.request, Flag: true, Data: []byte(result)})
	c.request = 0
}

// kvClient has its operations done by whatever server leads.
type kvClient struct {
	lead   int
	op     string
	method string
}

func (k *kvClient) begin(c *caller, op, arg string, hint int) {
	if hint >= 0 {
		k.lead = hint
	}
	k.op, k.method = strings.TrimRight(op+" "+arg, " "), methodPut
	if op == "get" {
		k.method = methodGet
	}
	k.try(c)
}

func (k *kvClient) try(c *caller) {
	c.askAs(k.lead, k.method, k.op, sim.Never)
	c.at = c.now + 500*sim.Millisecond
}

func (k *kvClient) answer(c *caller, words string) {
	verb, rest, _ := strings.Cut(words, " ")
	switch verb {
	case "=":
		c.finish(rest)
	case "ask":
		k.lead = max(nodeOf(rest), 0)
		k.try(c)
	case "nobody":
		k.lead = (k.lead + 1) % c.servers
		c.at = c.now + 50*sim.Millisecond
	default: // busy: the same server again
		c.at = c.now + 50*sim.Millisecond
	}
}

func (k *kvClient) alarm(c *caller) {
	if c.asking { // 500 ms of silence
		k.lead = (k.lead + 1) % c.servers
	}
	k.try(c)
}
