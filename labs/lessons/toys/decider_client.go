package toys

import (
	"github.com/raftlab/raftlab/grader/sim"
)

// deciderClient asks for a job, a chunk or a request to be done, in the way of
// the service's variant.
type deciderClient struct {
	op, arg string
	place   map[string]place // chunks whose worker it remembers
	target  int
	reading bool
	serving int // vmft: the twin it believes to serve
}

type place struct {
	worker int
	until  sim.Time
}

const (
	rememberFor = 2 * sim.Second
	passOver    = 300 * sim.Millisecond
)

func (d *deciderClient) begin(c *caller, op, arg string, _ int) {
	d.op, d.arg, d.reading = op, arg, false
	switch op {
	case "job":
		c.askAs(0, methodJob, arg, everyAsk)
	case "read":
		if p, ok := d.place[arg]; ok && c.now < p.until {
			d.read(c, p.worker)
			return
		}
		c.ask(0, methodWhere, arg, everyAsk)
	case "request":
		if d.serving == 0 {
			d.serving = 1
		}
		d.request(c)
	default:
		c.finish("unknown operation")
	}
}

func (d *deciderClient) read(c *caller, worker int) {
	d.reading, d.target = true, worker
	c.ask(worker, methodRead, d.arg, everyAsk)
	c.at = c.now + passOver
}

func (d *deciderClient) request(c *caller) {
	c.askAs(d.serving, methodRequest, d.arg, everyAsk)
	c.at = c.now + passOver
}

func (d *deciderClient) answer(c *caller, words string) {
	if d.op == "read" && !d.reading {
		if d.place == nil {
			d.place = map[string]place{}
		}
		worker := max(nodeOf(words), 1)
		d.place[d.arg] = place{worker, c.now + rememberFor}
		d.read(c, worker)
		return
	}
	c.finish(words)
}

// alarm goes on to the next server after a silence.
func (d *deciderClient) alarm(c *caller) {
	switch d.op {
	case "read":
		d.read(c, 1+d.target%max(1, c.servers-1))
	case "request":
		d.serving = 3 - d.serving
		d.request(c)
	}
}
