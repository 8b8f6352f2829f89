package labgob

import (
	"encoding"
	"errors"
	"reflect"
	"unsafe"
)

// encoder holds a stream's state and the message being made.
type encoder struct {
	val   []byte // the message's value
	defs  []byte // its definitions
	types []*plan
	conc  []*info // the concrete types defined so far

	// addressable says what gob would think of the value at hand: only an
	// addressable one can be asked by a method of its pointer.
	addressable bool
	err         error
}

var encoders = pool{New: func() interface{} { return new(encoder) }}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// message makes the message for x. If that fails, the stream's state is as before.
func (e *encoder) message(x interface{}) (head uint64, err error) {
	in := infoOf(x)
	in.warnNames()
	l, err := in.encoding()
	if err != nil {
		return 0, err
	}
	types, conc := len(e.types), len(e.conc)
	e.val, e.defs, e.err = e.val[:0], e.defs[:0], nil
	head = uint64(e.ref(l)) << 1
	e.val = e.root(e.val, in, l, x)
	if len(e.defs) > 0 {
		head |= 1
	}
	if e.err != nil {
		e.types, e.conc = e.types[:types], e.conc[:conc]
	}
	return head, e.err
}

// size is the message's size without its length.
func (e *encoder) size(head uint64) int {
	n := uintSize(head) + len(e.val)
	if len(e.defs) > 0 {
		n += uintSize(uint64(len(e.defs))) + len(e.defs)
	}
	return n
}

func (e *encoder) appendMessage(b []byte, head uint64) []byte {
	b = appendUint(b, uint64(e.size(head)))
	b = appendUint(b, head)
	if len(e.defs) > 0 {
		b = appendUint(b, uint64(len(e.defs)))
		b = append(b, e.defs...)
	}
	return append(b, e.val...)
}

// locate finds the memory that l starts from: the value that x holds. That a
// pointer has been followed already is taken off l.
func (in *info) locate(l *link, x interface{}) (q unsafe.Pointer, ptrs int) {
	switch {
	case in.boxed:
		return unpack(&x).data, l.ptrs
	case l.ptrs > 0:
		return unpack(&x).data, l.ptrs - 1
	}
	v := reflect.New(in.typ)
	v.Elem().Set(reflect.ValueOf(x))
	return v.UnsafePointer(), 0
}

// root encodes a value that stands for itself: a message's or an interface's.
// Behind a pointer to a nil pointer there is no value: like gob's, such a
// message can be made, but is an empty struct or cannot be read.
func (e *encoder) root(b []byte, in *info, l *link, x interface{}) []byte {
	q, ptrs := in.locate(l, x)
	for ; ptrs > 0; ptrs-- {
		if q = *(*unsafe.Pointer)(q); q == nil {
			if l.op == opStruct {
				b = append(b, 0)
			}
			return b
		}
	}
	if l.op == opExternal {
		if _, ok := l.plan.receiver(q); !ok {
			return b
		}
	}
	e.addressable = in.pointer
	return e.value(b, l.op, l.plan, q, true)
}

// ref gives the stream's number for a type, which it defines if that is needed.
func (e *encoder) ref(l *link) int {
	if r := l.ref(); r != 0 {
		return r
	}
	known := func(p *plan) int {
		for i, t := range e.types {
			if t == p {
				return i
			}
		}
		return -1
	}
	i := known(l.plan)
	if i >= 0 {
		return firstComposite + i
	}
	p := l.plan
	i = len(e.types)
	block := p.block
	for _, q := range p.closure[1:] {
		if known(q) >= 0 {
			block = nil
		}
	}
	if block != nil {
		e.types = append(e.types, p.closure...)
	} else {
		for _, q := range p.closure {
			if known(q) < 0 {
				e.types = append(e.types, q)
			}
		}
		block = describeTypes(e.types[i:], func(q *plan) int {
			if k := known(q); k < i {
				return firstComposite + 1 + 2*k
			} else {
				return firstComposite + 2*(k-i)
			}
		})
	}
	e.defs = append(e.defs, defTypes)
	e.defs = appendUint(e.defs, uint64(len(block)))
	e.defs = append(e.defs, block...)
	return firstComposite + i
}

// value encodes what q points to. A zero value is encoded only if all is set,
// otherwise nothing is appended.
func (e *encoder) value(b []byte, o op, p *plan, q unsafe.Pointer, all bool) []byte {
	switch o {
	case opBool:
		if *(*bool)(q) {
			return append(b, 1)
		}
		if all {
			b = append(b, 0)
		}
		return b
	case opInt:
		return signed(b, int64(*(*int)(q)), all)
	case opInt8:
		return signed(b, int64(*(*int8)(q)), all)
	case opInt16:
		return signed(b, int64(*(*int16)(q)), all)
	case opInt32:
		return signed(b, int64(*(*int32)(q)), all)
	case opInt64:
		return signed(b, *(*int64)(q), all)
	case opUint:
		return unsigned(b, uint64(*(*uint)(q)), all)
	case opUint8:
		return unsigned(b, uint64(*(*uint8)(q)), all)
	case opUint16:
		return unsigned(b, uint64(*(*uint16)(q)), all)
	case opUint32:
		return unsigned(b, uint64(*(*uint32)(q)), all)
	case opUint64:
		return unsigned(b, *(*uint64)(q), all)
	case opUintptr:
		return unsigned(b, uint64(*(*uintptr)(q)), all)
	case opFloat32:
		return float(b, float64(*(*float32)(q)), all)
	case opFloat64:
		return float(b, *(*float64)(q), all)
	case opComplex64:
		return complexNumber(b, complex128(*(*complex64)(q)), all)
	case opComplex128:
		return complexNumber(b, *(*complex128)(q), all)
	case opString:
		s := *(*string)(q)
		if len(s) > 0 || all {
			b = appendString(b, s)
		}
		return b
	case opBytes:
		s := *(*[]byte)(q)
		if len(s) > 0 || all {
			b = append(appendUint(b, uint64(len(s))), s...)
		}
		return b
	case opSlice:
		return e.slice(b, p, (*sliceHeader)(q), all)
	case opArray:
		b = appendUint(b, uint64(p.length))
		return e.elements(b, p, q, p.length)
	case opMap:
		return e.mapping(b, p, q, all)
	case opStruct:
		return e.structure(b, p, q)
	case opEmpty:
		return e.iface(b, *(*interface{})(q), all)
	case opMethods:
		return e.iface(b, reflect.NewAt(p.typ, q).Elem().Interface(), all)
	}
	return e.external(b, p, q, all)
}

func signed(b []byte, v int64, all bool) []byte {
	if v != 0 || all {
		b = appendInt(b, v)
	}
	return b
}

func unsigned(b []byte, v uint64, all bool) []byte {
	if v != 0 || all {
		b = appendUint(b, v)
	}
	return b
}

func float(b []byte, v float64, all bool) []byte {
	if v != 0 || all {
		b = appendFloat(b, v)
	}
	return b
}

func complexNumber(b []byte, v complex128, all bool) []byte {
	if v != 0 || all {
		b = appendFloat(appendFloat(b, real(v)), imag(v))
	}
	return b
}

// field encodes a struct's field, or nothing if it is left out. What most fields
// of messages and logs are comes first: a log is encoded at each save.
func (e *encoder) field(b []byte, f *field, base unsafe.Pointer) []byte {
	q := at(base, f.off)
	if f.ptrs == 0 {
		switch f.op {
		case opInt:
			if v := *(*int)(q); v != 0 {
				b = appendInt(b, int64(v))
			}
			return b
		case opEmpty:
			return e.iface(b, *(*interface{})(q), false)
		}
		return e.value(b, f.op, f.plan, q, false)
	}
	for i := f.ptrs; i > 0; i-- {
		if q = *(*unsafe.Pointer)(q); q == nil {
			return b
		}
	}
	was := e.addressable
	e.addressable = true
	b = e.value(b, f.op, f.plan, q, false)
	e.addressable = was
	return b
}

func (e *encoder) structure(b []byte, p *plan, base unsafe.Pointer) []byte {
	if len(p.fields) <= maskFields {
		start := len(b)
		b = append(b, 0)
		var mask byte
		for i := range p.fields {
			n := len(b)
			b = e.field(b, &p.fields[i], base)
			if len(b) > n {
				mask |= 1 << uint(i)
			}
		}
		b[start] = mask
		return b
	}
	last := -1
	for i := range p.fields {
		start := len(b)
		b = appendUint(b, uint64(i-last))
		n := len(b)
		b = e.field(b, &p.fields[i], base)
		if len(b) > n {
			last = i
		} else {
			b = b[:start]
		}
	}
	return append(b, 0)
}

// sliceHeader is the memory of a slice.
type sliceHeader struct {
	data unsafe.Pointer
	len  int
	cap  int
}

func (e *encoder) slice(b []byte, p *plan, s *sliceHeader, all bool) []byte {
	if s.len == 0 && !all {
		return b
	}
	b = appendUint(b, uint64(s.len))
	was := e.addressable
	e.addressable = true
	b = e.elements(b, p, s.data, s.len)
	e.addressable = was
	return b
}

func (e *encoder) elements(b []byte, p *plan, base unsafe.Pointer, n int) []byte {
	if l := &p.elem; l.ptrs == 0 && l.op == opStruct {
		for i := 0; i < n; i++ {
			b = e.structure(b, l.plan, at(base, uintptr(i)*p.elemSize))
		}
		return b
	}
	for i := 0; i < n; i++ {
		b = e.element(b, &p.elem, at(base, uintptr(i)*p.elemSize))
	}
	return b
}

// element encodes a value that cannot be left out.
func (e *encoder) element(b []byte, l *link, q unsafe.Pointer) []byte {
	if l.ptrs == 0 {
		return e.value(b, l.op, l.plan, q, true)
	}
	for i := l.ptrs; i > 0; i-- {
		if q = *(*unsafe.Pointer)(q); q == nil {
			e.fail(errNilElement)
			return b
		}
	}
	was := e.addressable
	e.addressable = true
	b = e.value(b, l.op, l.plan, q, true)
	e.addressable = was
	return b
}

var errNilElement = errors.New("labgob: nil pointer in a slice, array or map: only fields may be nil; send values, or mark absence with a field")

func (e *encoder) mapping(b []byte, p *plan, q unsafe.Pointer, all bool) []byte {
	m := reflect.NewAt(p.typ, q).Elem()
	if m.IsNil() && !all {
		return b
	}
	b = appendUint(b, uint64(m.Len()))
	if m.Len() == 0 {
		return b
	}
	was := e.addressable
	e.addressable = false
	key, elem := reflect.New(p.typ.Key()), reflect.New(p.typ.Elem())
	k, v := key.Elem(), elem.Elem()
	for it := m.MapRange(); it.Next(); {
		k.SetIterKey(it)
		v.SetIterValue(it)
		b = e.element(b, &p.key, key.UnsafePointer())
		b = e.element(b, &p.elem, elem.UnsafePointer())
	}
	e.addressable = was
	return b
}

// iface encodes an interface's content, with the tag of its type.
func (e *encoder) iface(b []byte, x interface{}, all bool) []byte {
	switch v := x.(type) {
	case nil:
		if all {
			b = append(b, 0)
		}
		return b
	case int:
		return appendInt(append(b, tagInt), int64(v))
	case string:
		return appendString(append(b, tagString), v)
	case bool:
		return e.value(append(b, tagBool), opBool, nil, unpack(&x).data, true)
	case int64:
		return appendInt(append(b, tagInt64), v)
	}
	word := unpack(&x).word
	for i, in := range e.conc {
		if in.word == word {
			if in.pointer && unpack(&x).data == nil {
				e.fail(errNilIn(in.typ))
				return b
			}
			return e.content(appendUint(b, uint64(firstConcrete+i)), in, x)
		}
	}
	return e.firstContent(b, infoOf(x), x)
}

func errNilIn(t reflect.Type) error {
	return errors.New("labgob: cannot encode nil pointer of type " + t.String() + " inside an interface; leave the interface itself nil")
}

func (e *encoder) content(b []byte, in *info, x interface{}) []byte {
	was := e.addressable
	b = e.root(b, in, &in.enc, x)
	e.addressable = was
	return b
}

// firstContent encodes the content of an interface whose type the stream has
// not defined.
func (e *encoder) firstContent(b []byte, in *info, x interface{}) []byte {
	if in.pointer && unpack(&x).data == nil {
		e.fail(errNilIn(in.typ))
		return b
	}
	base, _, err := flatten(in.typ)
	if err != nil {
		e.fail(err)
		return b
	}
	c := concreteOf(base)
	if c == nil {
		e.fail(errors.New("labgob: type not registered for interface: " + base.String() +
			"; call labgob.Register(" + base.String() + "{}) before it is sent or saved"))
		return b
	}
	l, err := in.encoding()
	if err != nil {
		e.fail(err)
		return b
	}
	if c.tag != 0 && l.op != opExternal {
		return e.content(append(b, c.tag), in, x)
	}
	ref := e.ref(l)
	e.defs = append(e.defs, defConcrete)
	e.defs = appendString(e.defs, c.name)
	e.defs = appendUint(e.defs, uint64(ref))
	e.conc = append(e.conc, in)
	return e.content(appendUint(b, uint64(firstConcrete+len(e.conc)-1)), in, x)
}

// receiver finds the value whose method encodes it. It is not there if one of
// several pointers to it is nil; a method may well accept a single nil pointer.
func (p *plan) receiver(q unsafe.Pointer) (v reflect.Value, ok bool) {
	v = reflect.NewAt(p.typ, q).Elem()
	for i := p.indir; i > 0; i-- {
		if v = v.Elem(); v.Kind() == reflect.Ptr && v.IsNil() || !v.IsValid() {
			return v, false
		}
	}
	return v, true
}

// external lets the value encode itself.
func (e *encoder) external(b []byte, p *plan, q unsafe.Pointer, all bool) []byte {
	v, ok := p.receiver(q)
	if !ok {
		if all {
			e.fail(errNilElement)
		}
		return b
	}
	if p.indir < 0 {
		if !e.addressable {
			e.fail(errors.New("labgob: unaddressable value of type *" + p.typ.String() +
				": its encoding method wants a pointer; encode a pointer to the value that holds it"))
			return b
		}
	} else if !all && v.IsZero() {
		return b
	} else if v.Kind() == reflect.Interface && v.IsNil() {
		e.fail(errNilElement)
		return b
	}
	// A method of the value is also one of its pointer, and making an
	// interface of a pointer copies nothing.
	if k := v.Kind(); k != reflect.Ptr && k != reflect.Interface {
		v = v.Addr()
	}
	var data []byte
	var err error
	if p.ext == refGob {
		data, err = v.Interface().(GobEncoder).GobEncode()
	} else {
		data, err = v.Interface().(encoding.BinaryMarshaler).MarshalBinary()
	}
	if err != nil {
		e.fail(err)
		return b
	}
	return append(appendUint(b, uint64(len(data))), data...)
}
