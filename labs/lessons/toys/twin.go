package toys

import (
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

// What a twin does at present.
const (
	rolePrimary = "primary"
	roleBackup  = "backup"
	roleAsking  = "asking" // silent: it waits for the decider
	roleAlone   = "alone"
	roleHalted  = "halted"
)

// twin is S2 or S3 of VM fault tolerance: the primary forwards each request to
// the backup before it answers; either, when it does not hear the other, asks
// the decider who may go on alone.
type twin struct {
	node  int
	role  string
	peer  int
	heard sim.Time // the other twin
	beat  sim.Time
	ask   sim.Time
	// forwarded are requests that the backup has not acknowledged: its number
	// is the key, the client and its question the value.
	forwarded map[string]forwarded
	count     int
	question  int
}

type forwarded struct {
	client int
	serial string
	since  sim.Time
}

const (
	twinBeat    = 100 * sim.Millisecond
	twinSilence = 500 * sim.Millisecond
	twinAsks    = 300 * sim.Millisecond
)

func (s *twin) Close() {}

func (s *twin) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Boot:
		if s.node > 2 {
			return fx, sim.Never // only S2 and S3 are twins
		}
		s.peer, s.heard, s.beat, s.forwarded = 3-s.node, now, now, map[string]forwarded{}
		s.role = rolePrimary
		if s.node == 2 {
			s.role = roleBackup
		}
		fx = s.show(fx)
	case sim.Receive:
		fx = s.receive(now, ev, fx)
	}
	return s.timers(now, fx)
}

func (s *twin) show(fx []sim.Effect) []sim.Effect {
	return append(fx, sim.Effect{Kind: sim.Note, Text: s.role})
}

func (s *twin) become(role string, fx []sim.Effect) []sim.Effect {
	s.role = role
	clear(s.forwarded)
	return s.show(fx)
}

func (s *twin) receive(now sim.Time, ev *sim.Event, fx []sim.Effect) []sim.Effect {
	serial, words, _ := strings.Cut(string(ev.Msg.Body), " ")
	if ev.From == s.peer {
		s.heard = now
	}
	switch ev.Msg.Method {
	case methodRequest:
		switch s.role {
		case roleAlone:
			fx = append(fx, message(ev.From, methodReply, serial+" ok"))
		case rolePrimary:
			s.count++
			number := strconv.Itoa(s.count)
			s.forwarded[number] = forwarded{ev.From, serial, now}
			fx = append(fx, message(s.peer, methodLog, number))
		}
	case methodLog:
		if s.role == roleBackup {
			fx = append(fx, message(ev.From, methodLogged, serial))
		}
	case methodLogged:
		if f, ok := s.forwarded[serial]; ok && s.role == rolePrimary {
			delete(s.forwarded, serial)
			fx = append(fx, message(f.client, methodReply, f.serial+" ok"))
		}
	case methodReply:
		if s.role != roleAsking {
			break
		}
		if words == "yes" {
			fx = s.become(roleAlone, fx)
		} else {
			fx = s.become(roleHalted, fx)
		}
	}
	return fx
}

// timers does what is due, and returns when the next thing is.
func (s *twin) timers(now sim.Time, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	if s.role == rolePrimary || s.role == roleBackup {
		silent := s.heard + twinSilence
		for _, f := range s.forwarded {
			silent = min(silent, f.since+twinSilence)
		}
		if now >= silent {
			fx = s.become(roleAsking, fx)
			s.ask = now
		} else {
			if now >= s.beat {
				fx = append(fx, message(s.peer, methodHeartbeat, "0"))
				s.beat = now + twinBeat
			}
			return fx, min(s.beat, silent)
		}
	}
	if s.role != roleAsking {
		return fx, sim.Never
	}
	if now >= s.ask {
		s.question++
		fx = append(fx, message(0, methodTestAndSet, strconv.Itoa(s.question)+" "+serverName(s.node)))
		s.ask = now + twinAsks
	}
	return fx, s.ask
}
