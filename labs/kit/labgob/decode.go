package labgob

import (
	"bytes"
	"encoding"
	"errors"
	"math"
	"reflect"
	"strconv"
	"unsafe"
)

// maxDepth bounds how deep values nest, so that damaged input cannot use up the
// stack: the student's server has 4 MB, a level takes up to 800 bytes of it.
const maxDepth = 4000

// maxStart bounds, in bytes, what is allocated for a slice before any of its
// elements has been read.
const maxStart = 64 << 10

// decoder holds a stream's state and the rest of the message at hand.
type decoder struct {
	input
	depth  int
	blocks []block
	ntypes int
	conc   []received
	links  map[linkKey]decResult // for types that differ from the sender's
}

// block is a definition of composite types that the stream has given.
type block struct {
	first, n int // the types' numbers in the stream
	bytes    []byte
	same     *info       // the last type found to have these very bytes
	types    []*wireType // parsed only when no such type is found
	owned    bool        // bytes do not belong to the message
}

// received is a concrete type that the stream has defined.
type received struct {
	name string
	ref  int
	info *info    // nil if the program has not registered the name
	link *decLink // once it has been needed
}

type linkKey struct {
	info *info
	ref  int
}

type decResult struct {
	link decLink
	err  error
}

var decoders = pool{New: func() interface{} { return new(decoder) }}

// reset makes the decoder forget its stream.
func (d *decoder) reset() {
	for i := range d.blocks {
		d.blocks[i] = block{}
	}
	d.blocks, d.ntypes, d.conc, d.links = d.blocks[:0], 0, d.conc[:0], nil
	d.input = input{}
}

// keep makes the stream's state independent of the message's bytes.
func (d *decoder) keep() {
	for i := range d.blocks {
		if b := &d.blocks[i]; !b.owned {
			if b.same != nil {
				b.bytes = b.same.enc.plan.block
			} else {
				b.bytes = append([]byte(nil), b.bytes...)
			}
			b.owned = true
		}
	}
	d.b, d.pos = nil, 0
}

// message decodes one message, without its length, into what v points to, or
// nowhere if v is nil.
func (d *decoder) message(body []byte, v interface{}) error {
	d.input = input{b: body}
	d.depth = 0
	head := d.uint()
	if head&1 != 0 {
		n := d.count()
		rest := d.b
		d.b = d.b[:d.pos+n]
		for d.left() > 0 {
			d.definition()
		}
		if d.err != nil {
			return d.err
		}
		d.b = rest
	}
	if d.err != nil {
		return d.err
	}
	ref, err := d.checkRef(head >> 1)
	if err != nil {
		return err
	}
	if v == nil {
		d.skip(d.wire(ref))
		return d.err
	}
	in := infoOf(v)
	in.warnNames()
	l, err := d.link(ref, in)
	if err != nil {
		return err
	}
	in.warnUsed(v)
	q := unpack(&v).data
	if l.ptrs > 1 {
		q = reach(q, l.ptrs-1, l.typ.Elem())
	}
	d.value(l.op, l.prog, q)
	return d.err
}

// checkRef refuses numbers of types that the stream has not defined.
func (d *decoder) checkRef(r uint64) (int, error) {
	if r < firstComposite && basicWire[r] != nil || r >= firstComposite && r-firstComposite < uint64(d.ntypes) {
		return int(r), nil
	}
	return 0, errors.New("labgob: damaged message: type " + strconv.FormatUint(r, 10) + " is not defined; were earlier messages of its stream left out?")
}

func (d *decoder) definition() {
	switch what := d.uint(); what {
	case defTypes:
		b := d.bytes()
		in := input{b: b}
		n := in.count()
		if d.err != nil || in.err != nil || n == 0 {
			d.fail(errShort)
			return
		}
		d.blocks = append(d.blocks, block{first: d.ntypes, n: n, bytes: b})
		d.ntypes += n
	case defConcrete:
		name := d.bytes()
		ref, err := d.checkRef(d.uint())
		if err != nil {
			d.fail(err)
			return
		}
		r := received{ref: ref}
		if c := concreteNamed(name); c != nil {
			r.name, r.info = c.name, c.info
		} else {
			r.name = string(name)
		}
		d.conc = append(d.conc, r)
	default:
		d.fail(errors.New("labgob: damaged message: unknown kind of definition " + strconv.FormatUint(what, 10)))
	}
}

func (d *decoder) blockOf(ref int) *block {
	i := len(d.blocks) - 1
	for d.blocks[i].first > ref-firstComposite {
		i--
	}
	return &d.blocks[i]
}

// wire gives the sender's type with that number, nil if its definition is damaged.
func (d *decoder) wire(ref int) *wireType {
	if ref < firstComposite {
		return basicWire[ref]
	}
	b := d.blockOf(ref)
	if b.types == nil {
		types, err := parseTypes(b.bytes, func(i int) *wireType {
			if i >= b.first {
				return nil
			}
			return d.wire(firstComposite + i)
		})
		if err == nil && len(types) != b.n {
			err = errShort
		}
		if err != nil {
			d.fail(err)
			return nil
		}
		b.types = types
	}
	return b.types[ref-firstComposite-b.first]
}

// link says how to decode the sender's type with that number into one of ours.
func (d *decoder) link(ref int, in *info) (*decLink, error) {
	if enc, err := in.encoding(); err == nil {
		if ref < firstComposite {
			if enc.ref() == ref {
				return in.decoding()
			}
		} else if b := d.blockOf(ref); b.first == ref-firstComposite && enc.ref() == 0 {
			if b.same == in {
				return in.decoding()
			}
			if bytes.Equal(b.bytes, enc.plan.block) {
				b.same = in
				return in.decoding()
			}
		}
	}
	key := linkKey{in, ref}
	r, ok := d.links[key]
	if !ok {
		w := d.wire(ref)
		if w == nil {
			return nil, d.err
		}
		r.link, r.err = compile(in.typ, w)
		if d.links == nil {
			d.links = make(map[linkKey]decResult)
		}
		d.links[key] = r
	}
	if r.err != nil {
		return nil, r.err
	}
	return &r.link, nil
}

// reach follows ptrs pointers from a variable of type t, allocating where they are nil.
func reach(q unsafe.Pointer, ptrs int, t reflect.Type) unsafe.Pointer {
	for ; ptrs > 0; ptrs-- {
		t = t.Elem()
		p := (*unsafe.Pointer)(q)
		if *p == nil {
			*p = reflect.New(t).UnsafePointer()
		}
		q = *p
	}
	return q
}

func (d *decoder) variable(l *decLink, q unsafe.Pointer) {
	if l.ptrs > 0 {
		q = reach(q, l.ptrs, l.typ)
	}
	d.value(l.op, l.prog, q)
}

func outOfRange(what string) error {
	return errors.New("labgob: value out of range: the received number does not fit in " + what)
}

func (d *decoder) bounded(min, max int64, what string) int64 {
	v := d.int()
	if v < min || v > max {
		d.fail(outOfRange(what))
		return 0
	}
	return v
}

func (d *decoder) ubounded(max uint64, what string) uint64 {
	v := d.uint()
	if v > max {
		d.fail(outOfRange(what))
		return 0
	}
	return v
}

func (d *decoder) float32() float32 {
	v := unreverse(d.uint())
	if a := math.Abs(v); a > math.MaxFloat32 && a <= math.MaxFloat64 {
		d.fail(outOfRange("float32"))
		return 0
	}
	return float32(v)
}

// value decodes into what q points to. After an error what it stores is not
// specified, as in gob.
func (d *decoder) value(o op, p *program, q unsafe.Pointer) {
	switch o {
	case opBool:
		*(*bool)(q) = d.uint() != 0
	case opInt:
		*(*int)(q) = int(d.bounded(minInt, maxInt, "int"))
	case opInt8:
		*(*int8)(q) = int8(d.bounded(math.MinInt8, math.MaxInt8, "int8"))
	case opInt16:
		*(*int16)(q) = int16(d.bounded(math.MinInt16, math.MaxInt16, "int16"))
	case opInt32:
		*(*int32)(q) = int32(d.bounded(math.MinInt32, math.MaxInt32, "int32"))
	case opInt64:
		*(*int64)(q) = d.int()
	case opUint:
		*(*uint)(q) = uint(d.ubounded(maxUint, "uint"))
	case opUint8:
		*(*uint8)(q) = uint8(d.ubounded(math.MaxUint8, "uint8"))
	case opUint16:
		*(*uint16)(q) = uint16(d.ubounded(math.MaxUint16, "uint16"))
	case opUint32:
		*(*uint32)(q) = uint32(d.ubounded(math.MaxUint32, "uint32"))
	case opUint64:
		*(*uint64)(q) = d.uint()
	case opUintptr:
		*(*uintptr)(q) = uintptr(d.ubounded(uint64(^uintptr(0)), "uintptr"))
	case opFloat32:
		*(*float32)(q) = d.float32()
	case opFloat64:
		*(*float64)(q) = unreverse(d.uint())
	case opComplex64:
		re := d.float32()
		*(*complex64)(q) = complex(re, d.float32())
	case opComplex128:
		re := unreverse(d.uint())
		*(*complex128)(q) = complex(re, unreverse(d.uint()))
	case opString:
		*(*string)(q) = string(d.bytes())
	case opBytes:
		d.byteSlice((*[]byte)(q))
	case opExternal:
		d.external(p, q)
	case opEmpty:
		*(*interface{})(q) = d.iface(p.typ)
	case opMethods:
		v := reflect.NewAt(p.typ, q).Elem()
		if x := d.iface(p.typ); x == nil {
			v.Set(reflect.Zero(p.typ))
		} else {
			v.Set(reflect.ValueOf(x))
		}
	default:
		if d.deeper() {
			switch o {
			case opStruct:
				d.structure(p, q)
			case opSlice:
				d.slice(p, (*sliceHeader)(q))
			case opArray:
				if n := d.count(); n != p.length {
					d.fail(errors.New("labgob: an array of " + strconv.Itoa(n) + " elements was received for one of " + strconv.Itoa(p.length)))
				}
				d.elements(p, q, p.length)
			case opMap:
				d.mapping(p, q)
			}
			d.depth--
		}
	}
}

const (
	maxUint = uint64(^uint(0))
	maxInt  = int64(maxUint >> 1)
	minInt  = -maxInt - 1
)

func (d *decoder) deeper() bool {
	if d.depth >= maxDepth {
		d.fail(errors.New("labgob: values nest deeper than " + strconv.Itoa(maxDepth) + " levels"))
		return false
	}
	d.depth++
	return true
}

// byteSlice reuses the slice's memory if it is large enough, as gob does.
func (d *decoder) byteSlice(s *[]byte) {
	b := d.bytes()
	if cap(*s) < len(b) {
		*s = make([]byte, len(b))
	} else {
		*s = (*s)[:len(b)]
	}
	copy(*s, b)
}

func (d *decoder) structure(p *program, base unsafe.Pointer) {
	if len(p.fields) <= maskFields {
		mask := d.mask(len(p.fields))
		for i := 0; mask != 0; i++ {
			if mask&1 != 0 {
				d.field(&p.fields[i], p, base)
			}
			mask >>= 1
		}
		return
	}
	for i := -1; ; {
		step := d.uint()
		if step == 0 {
			return
		}
		if step > uint64(len(p.fields)-1-i) {
			d.fail(errNoField)
			return
		}
		i += int(step)
		d.field(&p.fields[i], p, base)
	}
}

// mask reads which of a struct's n fields follow.
func (d *decoder) mask(n int) byte {
	if d.left() == 0 {
		d.fail(errShort)
		return 0
	}
	m := d.b[d.pos]
	d.pos++
	if int(m)>>uint(n) != 0 {
		d.fail(errNoField)
		return 0
	}
	return m
}

var errNoField = errors.New("labgob: damaged message: it holds a field that its struct's definition does not have")

func (d *decoder) field(f *decField, p *program, base unsafe.Pointer) {
	if f.op == opSkip {
		d.skip(f.prog.skip)
		return
	}
	q := at(base, f.off)
	if f.path != nil {
		if q = promoted(reflect.NewAt(p.typ, base).Elem(), f.path); q == nil {
			d.fail(errors.New("labgob: field " + f.name + " lies behind a nil embedded pointer in " + p.typ.String()))
			return
		}
	}
	if f.ptrs > 0 {
		q = reach(q, f.ptrs, f.typ)
	}
	d.value(f.op, f.prog, q)
}

// promoted finds a field through embedded structs and pointers to such, nil if
// one of the pointers is.
func promoted(v reflect.Value, path []int) unsafe.Pointer {
	for _, i := range path {
		if v.Kind() == reflect.Ptr {
			if v.IsNil() {
				return nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v.Addr().UnsafePointer()
}

// slice reuses the slice's memory if it is large enough, as gob does: elements
// there keep what the message leaves out.
func (d *decoder) slice(p *program, s *sliceHeader) {
	n := d.count()
	if n <= s.cap {
		s.len = n
		d.elements(p, s.data, n)
		return
	}
	start := n
	if p.elemSize > 0 && uintptr(n) > maxStart/p.elemSize {
		start = int(maxStart/p.elemSize) + 1
	}
	if start > n {
		start = n
	}
	v := reflect.MakeSlice(p.typ, start, start)
	for done := 0; ; {
		s.data, s.len, s.cap = v.UnsafePointer(), v.Len(), v.Cap()
		d.elements(p, at(s.data, uintptr(done)*p.elemSize), s.len-done)
		if s.len == n || d.err != nil {
			return
		}
		done = s.len
		more := 2 * done
		if more > n {
			more = n
		}
		w := reflect.MakeSlice(p.typ, more, more)
		reflect.Copy(w, v)
		v = w
	}
}

func (d *decoder) elements(p *program, base unsafe.Pointer, n int) {
	for i := 0; i < n && d.err == nil; i++ {
		d.variable(&p.elem, at(base, uintptr(i)*p.elemSize))
	}
}

// mapping adds to the map if there is one, as gob does.
func (d *decoder) mapping(p *program, q unsafe.Pointer) {
	n := d.count()
	m := reflect.NewAt(p.typ, q).Elem()
	if m.IsNil() {
		size := n / 2
		if size > 1024 {
			size = 1024
		}
		m.Set(reflect.MakeMapWithSize(p.typ, size))
	}
	key, elem := reflect.New(p.typ.Key()), reflect.New(p.typ.Elem())
	k, v := key.Elem(), elem.Elem()
	for i := 0; i < n; i++ {
		d.variable(&p.key, key.UnsafePointer())
		d.variable(&p.elem, elem.UnsafePointer())
		if d.err == nil && !k.Comparable() {
			d.fail(errors.New("labgob: a received key of " + p.typ.String() + " cannot be a key: it holds a slice, map or func"))
		}
		if d.err != nil {
			return
		}
		m.SetMapIndex(k, v)
		k.SetZero()
		v.SetZero()
	}
}

// iface decodes an interface's content, which must satisfy t.
func (d *decoder) iface(t reflect.Type) interface{} {
	tag := d.uint()
	empty := t.NumMethod() == 0
	switch {
	case tag == 0:
		return nil
	case tag == tagInt && empty:
		return int(d.bounded(minInt, maxInt, "int"))
	case tag == tagString && empty:
		return string(d.bytes())
	}
	var in *info
	var l *decLink
	var err error
	if tag <= uint64(len(basicTypes)) {
		in = infoOf(basicTypes[tag-1])
		l, err = in.decoding()
	} else {
		var r *received
		if r, err = d.received(tag); err == nil {
			if in = r.info; in == nil {
				err = errors.New("labgob: name not registered for interface: " + strconv.Quote(r.name) + "; call labgob.Register before it is received or read back")
			} else if l = r.link; l == nil {
				if l, err = d.link(r.ref, in); err == nil {
					r.link = l
				}
			}
		}
	}
	if err == nil && !empty && !in.typ.AssignableTo(t) {
		err = errors.New("labgob: " + in.typ.String() + " is not assignable to type " + t.String())
	}
	if err != nil {
		d.fail(err)
		return nil
	}
	if !d.deeper() {
		return nil
	}
	v := reflect.New(in.typ)
	d.variable(l, v.UnsafePointer())
	d.depth--
	if d.err != nil {
		return nil
	}
	if !in.boxed {
		return v.Elem().Interface()
	}
	// The new variable is nobody else's: it becomes the interface's own.
	var x interface{}
	*unpack(&x) = eface{in.word, v.UnsafePointer()}
	return x
}

func (d *decoder) received(tag uint64) (*received, error) {
	if tag < firstConcrete || tag-firstConcrete >= uint64(len(d.conc)) {
		return nil, errors.New("labgob: damaged message: concrete type " + strconv.FormatUint(tag, 10) + " is not defined")
	}
	return &d.conc[tag-firstConcrete], nil
}

func (d *decoder) external(p *program, q unsafe.Pointer) {
	b := d.bytes()
	if d.err != nil {
		return
	}
	v := reflect.NewAt(p.typ, q)
	if !p.pointer {
		v = v.Elem()
	}
	var err error
	if p.ext == refGob {
		err = v.Interface().(GobDecoder).GobDecode(b)
	} else {
		err = v.Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b)
	}
	if err != nil {
		d.fail(err)
	}
}
