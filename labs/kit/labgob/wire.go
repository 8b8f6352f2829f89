package labgob

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
)

// Types on the wire. Those below firstComposite need no definition.
const (
	refBool        = 1
	refInt         = 2
	refUint        = 3
	refFloat       = 4
	refComplex     = 5
	refString      = 6
	refBytes       = 7
	refInterface   = 8
	refGob         = 9
	refBinary      = 10
	firstComposite = 16
)

// Definitions on the wire.
const (
	defTypes    = 0
	defConcrete = 1

	compStruct = 1
	compSlice  = 2
	compArray  = 3
	compMap    = 4
)

const (
	maskFields    = 8  // structs with at most this many fields start with a mask
	firstConcrete = 64 // tag in an interface value of the stream's first concrete type
)

// maxByte is the largest number that takes one byte on the wire.
const maxByte = 247

func appendUint(b []byte, v uint64) []byte {
	if v <= maxByte {
		return append(b, byte(v))
	}
	n := (bits.Len64(v) + 7) / 8
	b = append(b, byte(maxByte+n))
	for ; n > 0; n-- {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

func uintSize(v uint64) int {
	if v <= maxByte {
		return 1
	}
	return 1 + (bits.Len64(v)+7)/8
}

func appendInt(b []byte, v int64) []byte {
	return appendUint(b, uint64(v<<1)^uint64(v>>63))
}

func appendFloat(b []byte, f float64) []byte {
	return appendUint(b, bits.ReverseBytes64(math.Float64bits(f)))
}

func appendString(b []byte, s string) []byte {
	return append(appendUint(b, uint64(len(s))), s...)
}

func unfold(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func unreverse(u uint64) float64 { return math.Float64frombits(bits.ReverseBytes64(u)) }

// errShort says that a message ended inside a value.
var errShort = errors.New("labgob: damaged message: it ends inside a value; expected bytes made by this package's Encode")

// input is the unread part of a message. Its error is sticky: after the first,
// every read gives zero values and the input is empty.
type input struct {
	b   []byte
	pos int
	err error
}

func (in *input) left() int { return len(in.b) - in.pos }

func (in *input) fail(err error) {
	if in.err == nil {
		in.err = err
	}
	in.pos = len(in.b)
}

func (in *input) uint() uint64 {
	if in.pos < len(in.b) {
		if c := in.b[in.pos]; c <= maxByte {
			in.pos++
			return uint64(c)
		}
	}
	return in.longUint()
}

func (in *input) longUint() uint64 {
	if in.pos >= len(in.b) {
		in.fail(errShort)
		return 0
	}
	n := int(in.b[in.pos]) - maxByte
	if n > in.left()-1 {
		in.fail(errShort)
		return 0
	}
	var v uint64
	for i := n; i > 0; i-- {
		v = v<<8 | uint64(in.b[in.pos+i])
	}
	in.pos += 1 + n
	return v
}

func (in *input) int() int64 { return unfold(in.uint()) }

// count reads the number of things that follow, each of which takes at least
// one byte, so that a count never promises more than the input can hold.
func (in *input) count() int {
	u := in.uint()
	if u > uint64(in.left()) {
		in.fail(errors.New("labgob: damaged message: it announces " + strconv.FormatUint(u, 10) +
			" bytes or elements, but only " + strconv.Itoa(in.left()) + " bytes are left"))
		return 0
	}
	return int(u)
}

// bytes reads a length and that many bytes, which still belong to the message.
func (in *input) bytes() []byte {
	n := in.count()
	b := in.b[in.pos : in.pos+n]
	in.pos += n
	return b
}

// wireType is a type as the sender describes it.
type wireType struct {
	ref       int // the basic types' number; 0 for composites
	comp      int // compStruct and so on; 0 for basic types
	fields    []wireField
	key, elem *wireType
	length    int
}

type wireField struct {
	name string
	typ  *wireType
}

var basicWire = func() (t [firstComposite]*wireType) {
	for r := refBool; r <= refBinary; r++ {
		t[r] = &wireType{ref: r}
	}
	return
}()

var basicNames = [...]string{"", "bool", "int", "uint", "float", "complex", "string", "[]byte", "interface", "GobEncoder", "BinaryMarshaler"}

// String names the type for error messages.
func (t *wireType) String() string {
	switch t.comp {
	case compStruct:
		s := "struct {"
		for i, f := range t.fields {
			if i > 0 {
				s += ","
			}
			s += " " + f.name
		}
		return s + " }"
	case compSlice:
		return "slice"
	case compArray:
		return "array of length " + strconv.Itoa(t.length)
	case compMap:
		return "map"
	}
	return basicNames[t.ref]
}

// parseTypes reads the composite types of one definition. Earlier ones of the
// same stream are reached through lookup.
func parseTypes(block []byte, lookup func(i int) *wireType) ([]*wireType, error) {
	in := input{b: block}
	n := in.count()
	types := make([]*wireType, n)
	for i := range types {
		types[i] = new(wireType)
	}
	ref := func() *wireType {
		r := in.uint()
		var t *wireType
		switch {
		case r < firstComposite:
			t = basicWire[r]
		case r&1 == 0 && (r-firstComposite)/2 < uint64(n):
			t = types[(r-firstComposite)/2]
		case r&1 == 1 && r < 1<<31:
			t = lookup(int(r-firstComposite-1) / 2)
		}
		if t == nil {
			in.fail(errors.New("labgob: damaged message: type " + strconv.FormatUint(r, 10) + " is not defined"))
			t = basicWire[refBool]
		}
		return t
	}
	for _, t := range types {
		t.comp = int(in.uint())
		switch t.comp {
		case compStruct:
			k := in.count()
			t.fields = make([]wireField, 0, k)
			for i := 0; i < k && in.err == nil; i++ {
				ft := ref()
				t.fields = append(t.fields, wireField{string(in.bytes()), ft})
			}
		case compSlice:
			t.elem = ref()
		case compArray:
			l := in.uint()
			if l > math.MaxInt32 {
				in.fail(errors.New("labgob: damaged message: an array of " + strconv.FormatUint(l, 10) + " elements"))
			}
			t.length = int(l)
			t.elem = ref()
		case compMap:
			t.key = ref()
			t.elem = ref()
		default:
			in.fail(errors.New("labgob: damaged message: unknown kind of type " + strconv.Itoa(t.comp)))
		}
		if in.err != nil {
			return nil, in.err
		}
	}
	return types, nil
}
