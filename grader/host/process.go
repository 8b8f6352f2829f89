package host

import (
	"bytes"
	"errors"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// process is what a program sees of an operating system: clocks, randomness,
// two outputs, a folder in memory, and the kit's three functions. Nothing else.
type process struct {
	inst    instance
	servers int
	seed    uint64
	random  random
	offset  int64 // of the wall clock

	// local is this server's time, in the world's ns. It never lags behind the
	// world, and each reading advances it by 1 ns; last is the last reading.
	local, last int64

	event    []byte // the frame of this step
	fx       []sim.Effect
	deadline sim.Time

	printed uint64
	handed  int64 // what the host was charged for in this step, about the bytes it was given
	files   files
	types   []byte
	names   map[string]string

	ending  ending
	death   []byte // what Go's runtime says on standard error when a program dies
	midLine bool   // standard error is in the midst of a line
}

// ending tells why a host function stopped the program.
type ending struct {
	reason int32 // a wire.Stop constant, or one of those below
	text   []byte
}

const (
	stopProcExit = 100 + iota
	stopOutput
	stopKit // the kit broke its own rules: it was tampered with
)

// noReason is said of a program that ends itself as the kit never does.
const noReason = "it ended for a reason that there is not"

// maxNodes bounds the numbers of nodes that a message may name.
const maxNodes = 1 << 16

// errStopped is what host functions panic with to leave the program for good.
var errStopped = errors.New("the host stopped the program")

func (p *process) begin(now sim.Time, event []byte, fx []sim.Effect) {
	p.local = max(p.local, int64(now))
	p.event, p.fx, p.deadline = event, fx, sim.Never
	p.death = p.death[:0]
}

func (p *process) stop(reason int32, text []byte) {
	// The text may quote the program: a name of a megabyte, for one. What matters
	// stands at its beginning, and the stack at its end.
	if len(text) > deathKept {
		text = bytes.Join([][]byte{text[:deathKept/8], text[len(text)-deathKept/2:]}, []byte(" [...] "))
	}
	p.ending = ending{reason, text}
	panic(errStopped)
}

// burn charges the program for work of the host. Without it a program could
// have the host copy without end.
func (p *process) burn(n uint32) {
	p.inst.setFuel(p.inst.fuel() - int64(n))
	p.handed += int64(n)
}

func (p *process) read() int64 {
	p.last = p.local
	p.local++
	return p.last
}

func (p *process) intern(b []byte) string {
	if s, ok := p.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if p.names == nil {
		p.names = map[string]string{}
	}
	if len(p.names) < 256 && len(s) < 256 {
		p.names[s] = s
	}
	return s
}

// emit takes in one effect of the kit.
func (p *process) emit(b []byte) {
	var f wire.Frame
	if err := f.Parse(bytes.Clone(b), p.intern); err != nil {
		p.stop(stopKit, []byte(err.Error()))
	}
	if f.Kind == wire.FxTypes {
		p.types = f.X
		return
	}
	e, err := Effect(&f, p.servers)
	if err != nil {
		p.stop(stopKit, []byte(err.Error()))
	}
	p.fx = append(p.fx, e)
}

// Effect is what a frame of the kit means in a world of so many servers. All
// kinds but FxTypes mean one.
func Effect(f *wire.Frame, servers int) (sim.Effect, error) {
	e := sim.Effect{Flag: f.Flag != 0}
	switch f.Kind {
	case wire.FxCall, wire.FxReply:
		// Replies go to clients too: the world knows how many there are.
		if f.B >= uint64(servers) && (f.Kind == wire.FxCall || f.B >= maxNodes) {
			return e, errors.New("a message to a server that is not there")
		}
		e.Kind, e.To, e.Flag = sim.Send, int(f.B), false
		e.Msg = sim.Message{Kind: sim.MsgCall, Call: f.A, Method: f.Name, Body: full(f.X)}
		if f.Kind == wire.FxReply {
			e.Msg.Kind = sim.MsgReply
		}
	case wire.FxSave:
		e.Kind, e.Data, e.More = sim.Save, full(f.X), full(f.Y)
	case wire.FxApply:
		e.Kind, e.Index, e.Data = sim.Apply, f.A, f.X
	case wire.FxApplySnapshot:
		e.Kind, e.Index, e.Term, e.Data = sim.ApplySnapshot, f.A, f.B, full(f.X)
	case wire.FxRespond:
		e.Kind, e.ID, e.Index, e.Term, e.Data = sim.Respond, f.A, f.B, f.C, full(f.X)
	case wire.FxObserve:
		e.Kind, e.Status.Term = sim.Observe, f.A
		if e.Flag {
			e.Status.Role = sim.Leader
		}
		e.Flag = false
	case wire.FxNote:
		e.Kind, e.Text, e.Data = sim.Note, f.Name, full(f.X)
	default:
		return e, errors.New("an effect of an unknown kind")
	}
	return e, nil
}

// full returns nil for no bytes.
func full(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

const printedMore = "\n[raftlab: more output than 256 KiB; the rest is not shown]\n"

// print takes in output of the program. Pieces that follow each other in one
// step become one effect.
func (p *process) print(stderr bool, b []byte) {
	if stderr {
		p.watchDeath(b)
	}
	before := p.printed
	p.printed += uint64(len(b))
	if p.printed > PrintMax {
		p.stop(stopOutput, nil)
	}
	if before > PrintKept || len(b) == 0 {
		return
	}
	if room := PrintKept - before; uint64(len(b)) > room {
		b = append(b[:room:room], printedMore...)
	}
	if n := len(p.fx); n > 0 && p.fx[n-1].Kind == sim.Print && p.fx[n-1].Flag == stderr {
		p.fx[n-1].Data = append(p.fx[n-1].Data, b...)
		return
	}
	p.fx = append(p.fx, sim.Effect{Kind: sim.Print, Flag: stderr, Data: bytes.Clone(b)})
}

const deathKept = 32 << 10

// watchDeath keeps what Go's runtime says when a program dies. It writes its
// verdict in a piece of its own, at the beginning of a line.
func (p *process) watchDeath(b []byte) {
	if !p.midLine && (bytes.HasPrefix(b, []byte("panic: ")) || bytes.HasPrefix(b, []byte("fatal error: "))) {
		p.death = append(p.death[:0], b...)
	} else if n := deathKept - len(p.death); len(p.death) > 0 && n > 0 {
		p.death = append(p.death, b[:min(n, len(b))]...)
	}
	if len(b) > 0 {
		p.midLine = b[len(b)-1] != '\n'
	}
}
