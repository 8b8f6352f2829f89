package wire

import (
	"encoding/binary"
	"errors"
)

// Kinds of frames from the host to the server. A tick has no frame.
const (
	// EvBoot: A me, B servers, C snapshot every, D seed of preemption,
	// Flag level of preemption, X state, Y snapshot.
	EvBoot     byte = iota + 1
	EvCall          // A call, B from, Name method, X arguments
	EvReply         // A call, X reply
	EvFailed        // A call
	EvStart         // A request, X command
	EvSnapshot      // A request, B index, X snapshot
	EvPause         // A request
	EvResume        // A request
	EvDump          // A request
	EvTypes         // answered with FxTypes once Make has returned
	EvInvoke        // A request, Name operation, B version, X texts: see AppendTexts
)

// MachineAlone, added to C of EvBoot, asks for a server of package rsm without
// the key/value service on it.
const MachineAlone = 1 << 40

// Kinds of frames from the server to the host.
const (
	FxCall          byte = iota + 1 // A call, B to, Name method, X arguments
	FxReply                         // A call, B to, Name method, X reply
	FxSave                          // X state, Y snapshot
	FxApply                         // A index, X command
	FxApplySnapshot                 // A index, B term, X snapshot
	FxRespond                       // A request, B index, C term, Flag leader, X data
	FxObserve                       // A term, Flag leader
	FxNote                          // Name text, X details
	FxTypes                         // X JSON
)

// Reasons why a server ends itself, told by the kit with a Go stack.
const (
	StopSpin     = 1 // out of fuel
	StopExit     = 2 // os.Exit, log.Fatal
	StopProtocol = 3 // broke the rules of the kit
	StopDeadlock = 4 // Make has not returned
)

// Frame is one event or effect. Kind says which fields count.
type Frame struct {
	Kind, Flag byte
	A, B, C, D uint64
	Name       string
	X, Y       []byte
}

// ErrFrame says that bytes are not a frame.
var ErrFrame = errors.New("wire: not a frame: it is cut short, has bytes left over, or a number beyond 64 bits")

// Append appends f's encoding to b: kind, flag, the four numbers as uvarints,
// then Name, X and Y, each after its length.
func (f *Frame) Append(b []byte) []byte {
	b = append(b, f.Kind, f.Flag)
	b = appendUvarint(b, f.A)
	b = appendUvarint(b, f.B)
	b = appendUvarint(b, f.C)
	b = appendUvarint(b, f.D)
	b = appendUvarint(b, uint64(len(f.Name)))
	b = append(b, f.Name...)
	b = appendUvarint(b, uint64(len(f.X)))
	b = append(b, f.X...)
	b = appendUvarint(b, uint64(len(f.Y)))
	return append(b, f.Y...)
}

// Parse reads b into f. X and Y are parts of b, not copies; Name is what intern
// makes of its bytes, so that a reader need not allocate the same few names
// again and again.
func (f *Frame) Parse(b []byte, intern func([]byte) string) error {
	if len(b) < 2 {
		return ErrFrame
	}
	f.Kind, f.Flag = b[0], b[1]
	r := reader{b: b[2:]}
	f.A, f.B, f.C, f.D = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	name := r.bytes()
	f.X, f.Y = r.bytes(), r.bytes()
	if r.bad || len(r.b) > 0 {
		return ErrFrame
	}
	f.Name = intern(name)
	return nil
}

// reader takes numbers and byte strings off b; bad stays set after an error.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly always
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// appendUvarint is binary.AppendUvarint, which students' Go lines may lack.
func appendUvarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
