package toys

import (
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

const (
	methodTestAndSet = "TestAndSet"
	methodFree       = "Free"
)

// lockServer keeps one variable on its disk: who holds the lock, or nobody.
type lockServer struct{ holder string }

func (s *lockServer) Close() {}

func (s *lockServer) Step(_ sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Boot:
		s.holder = string(ev.Boot.Disk.State)
		fx = s.show(fx)
	case sim.Receive:
		serial, who, _ := strings.Cut(string(ev.Msg.Body), " ")
		answer := "yes"
		switch {
		case ev.Msg.Method == methodTestAndSet && s.holder != "" && s.holder != who:
			answer = "no"
		case ev.Msg.Method == methodTestAndSet && s.holder == "":
			fx = s.keep(fx, who)
		case ev.Msg.Method == methodFree && s.holder == who:
			fx = s.keep(fx, "")
		}
		fx = append(fx, message(ev.From, methodReply, serial+" "+answer))
	}
	return fx, sim.Never
}

func (s *lockServer) keep(fx []sim.Effect, holder string) []sim.Effect {
	s.holder = holder
	fx = append(fx, sim.Effect{Kind: sim.Save, Data: []byte(holder)})
	return s.show(fx)
}

func (s *lockServer) show(fx []sim.Effect) []sim.Effect {
	return append(fx, sim.Effect{Kind: sim.Note, Text: "holder", Data: []byte(s.holder)})
}

// lockClient asks one lock server after the other.
type lockClient struct {
	freeing bool
	result  string // what unlock, or freeing after a refusal, returns
	at      int    // the server now asked
	said    []bool // which servers said yes in this operation
}

func (l *lockClient) begin(c *caller, op, _ string, _ int) {
	l.freeing, l.result = op == "unlock", resultReleased
	l.said = make([]bool, c.servers)
	if l.freeing {
		for i := range l.said {
			l.said[i] = true // free them all
		}
	}
	l.at = -1
	l.next(c)
}

// next asks the next server, or ends.
func (l *lockClient) next(c *caller) {
	l.at++
	for l.freeing && l.at < c.servers && !l.said[l.at] {
		l.at++
	}
	method := methodTestAndSet
	switch {
	case l.at < c.servers && l.freeing:
		method = methodFree
	case l.at < c.servers:
	case l.freeing:
		c.finish(l.result)
		return
	default:
		for _, yes := range l.said {
			if yes {
				c.finish(resultGranted)
				return
			}
		}
		l.at = 0 // everybody was passed over: begin again
	}
	c.ask(l.at, method, clientName(c.node, c.servers), everyAsk)
	c.at = sim.Never
	if c.set.GoOnAlone {
		c.at = c.now + 300*sim.Millisecond
	}
}

func (l *lockClient) answer(c *caller, words string) {
	c.at = sim.Never
	switch {
	case l.freeing:
	case words == "yes":
		l.said[l.at] = true
	default:
		l.freeing, l.result, l.at = true, resultRefused, -1
	}
	l.next(c)
}

// alarm passes over the server that is silent.
func (l *lockClient) alarm(c *caller) {
	c.quiet()
	l.next(c)
}
