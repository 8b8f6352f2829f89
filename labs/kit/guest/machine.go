package guest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"

	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Machine is the state machine with which a package rsm is tried alone: a text
// that grows.
type Machine struct {
	mu   sync.Mutex
	n    int // writes done
	text string
}

// Write adds to the text; its result is a Written. Look changes nothing; its
// result is a Seen.
type (
	Write   struct{ Text string }
	Written struct{ N int }
	Look    struct{ Ask int }
	Seen    struct {
		N    int
		Text string
	}
)

func newMachine() *Machine {
	for _, v := range []interface{}{Write{}, Written{}, Look{}, Seen{}} {
		labgob.Register(v)
	}
	return &Machine{}
}

// DoOp does what was given to Submit.
func (m *Machine) DoOp(req interface{}) interface{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r := req.(type) {
	case Write:
		m.n++
		m.text += r.Text
		return Written{m.n}
	case Look:
		return Seen{m.n, m.text}
	}
	stop(wire.StopProtocol, fmt.Sprintf("DoOp was given a value of type %T: give it what Submit was given, a guest.Write or a guest.Look here, neither wrapped nor as a pointer.", req), false)
	return nil
}

// Snapshot returns the state.
func (m *Machine) Snapshot() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []byte(strconv.Itoa(m.n) + " " + m.text)
}

// Restore replaces the state by that of a snapshot.
func (m *Machine) Restore(snapshot []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := bytes.IndexByte(snapshot, ' ')
	n, err := strconv.Atoi(string(snapshot[:max0(i)]))
	if i < 0 || err != nil {
		stop(wire.StopProtocol, fmt.Sprintf("Restore was given %d bytes that Snapshot had not returned: give it the Snapshot of the ApplyMsg, and nothing at the start of a server that has none.", len(snapshot)), false)
	}
	m.n, m.text = n, string(snapshot[i+1:])
}

func max0(i int) int {
	if i < 0 {
		return 0
	}
	return i
}

// client does operations at this server: by Submit, but "value", which looks at
// the machine beside it.
func (m *Machine) client(submit func(req interface{}) (string, interface{})) Client {
	wrong := func(result interface{}) {
		stop(wire.StopProtocol, fmt.Sprintf("Submit returned OK and a value of type %T: return what DoOp returned for this request.", result), false)
	}
	return func(op string, _ uint64, t []string) (uint64, []string) {
		switch op {
		case "append":
			err, result := submit(Write{t[0]})
			if err != "OK" {
				return 0, []string{err}
			}
			w, ok := result.(Written)
			if !ok {
				wrong(result)
			}
			return uint64(w.N), []string{err}
		case "get":
			err, result := submit(Look{1})
			if err != "OK" {
				return 0, []string{err, ""}
			}
			s, ok := result.(Seen)
			if !ok {
				wrong(result)
			}
			return uint64(s.N), []string{err, s.Text}
		case "value":
			m.mu.Lock()
			defer m.mu.Unlock()
			return uint64(m.n), []string{"OK", m.text}
		}
		panic("guest: no operation " + strconv.Quote(op))
	}
}
