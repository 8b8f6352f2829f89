package labgob

import (
	"encoding"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// An op is one way of turning memory into bytes or back. The scalars' order
// follows reflect.Kind, from Bool to Complex128.
type op uint8

const (
	opBool op = 1 + iota
	opInt
	opInt8
	opInt16
	opInt32
	opInt64
	opUint
	opUint8
	opUint16
	opUint32
	opUint64
	opUintptr
	opFloat32
	opFloat64
	opComplex64
	opComplex128
	opString
	opBytes
	opSlice
	opArray
	opMap
	opStruct
	opEmpty    // interface without methods
	opMethods  // interface with methods
	opExternal // the type encodes itself
	opSkip     // decoding only: the receiver has no such field
)

// refOf gives the type on the wire of each op that needs no definition.
// opExternal has two, see plan.ext.
var refOf = [...]int{
	opBool: refBool,
	opInt:  refInt, opInt8: refInt, opInt16: refInt, opInt32: refInt, opInt64: refInt,
	opUint: refUint, opUint8: refUint, opUint16: refUint, opUint32: refUint, opUint64: refUint, opUintptr: refUint,
	opFloat32: refFloat, opFloat64: refFloat, opComplex64: refComplex, opComplex128: refComplex,
	opString: refString, opBytes: refBytes, opEmpty: refInterface, opMethods: refInterface,
	opSkip: 0,
}

// link leads from a variable to the value behind it: through ptrs pointers,
// then by op, which plan details unless the op says everything.
type link struct {
	op   op
	ptrs int
	plan *plan
}

// ref is the link's type on the wire, 0 if it is composite.
func (l *link) ref() int {
	if l.op == opExternal {
		return l.plan.ext
	}
	return refOf[l.op]
}

// plan says how values of one type are encoded. Plans are made once for each
// type of the program and never change.
type plan struct {
	typ      reflect.Type // without pointers, except for opExternal
	fields   []field      // opStruct: those sent, in order
	key      link         // opMap
	elem     link         // opSlice, opArray, opMap
	elemSize uintptr      // opSlice, opArray
	length   int          // opArray
	op       op

	// opExternal: refGob or refBinary, and the pointers between typ and the
	// method's receiver; -1 if the receiver is a pointer to typ.
	ext   int
	indir int

	// closure is every composite type that a value of this type can hold
	// outside of interfaces, itself first; block is their definition.
	closure []*plan
	block   []byte
}

type field struct {
	link
	off  uintptr
	name string
}

// GobEncoder is encoding/gob's interface of the same name: a type that
// implements it makes its own bytes.
type GobEncoder interface {
	GobEncode() ([]byte, error)
}

// GobDecoder is encoding/gob's interface of the same name. GobDecode must copy
// what it wants to keep of its argument.
type GobDecoder interface {
	GobDecode([]byte) error
}

var (
	gobEncoderType  = reflect.TypeOf((*GobEncoder)(nil)).Elem()
	gobDecoderType  = reflect.TypeOf((*GobDecoder)(nil)).Elem()
	marshalerType   = reflect.TypeOf((*encoding.BinaryMarshaler)(nil)).Elem()
	unmarshalerType = reflect.TypeOf((*encoding.BinaryUnmarshaler)(nil)).Elem()
)

// implements finds the method set of iface on t, on what t points to, or on a
// pointer to t; indir counts the pointers as plan.indir does.
func implements(t, iface reflect.Type) (ok bool, indir int) {
	for rt := t; ; rt = rt.Elem() {
		if rt.Implements(iface) {
			return true, indir
		}
		if rt.Kind() != reflect.Ptr || indir == 100 { // a pointer to itself has no end
			break
		}
		indir++
	}
	if t.Kind() != reflect.Ptr && reflect.PtrTo(t).Implements(iface) {
		return true, -1
	}
	return false, 0
}

// external reports whether t encodes (or decodes) itself, and how.
func external(t, gob, binary reflect.Type) (ext, indir int) {
	switch t.Kind() {
	case reflect.Ptr, reflect.Struct, reflect.Interface:
	default:
		// Asking takes long. Of the other types only those with a name of the
		// program's own have methods, as has a pointer to one.
		if t.PkgPath() == "" {
			return 0, 0
		}
	}
	if ok, n := implements(t, gob); ok {
		return refGob, n
	}
	if ok, n := implements(t, binary); ok {
		return refBinary, n
	}
	return 0, 0
}

// flatten follows t's pointers to their end.
func flatten(t reflect.Type) (base reflect.Type, ptrs int, err error) {
	seen := t
	for base = t; base.Kind() == reflect.Ptr; ptrs++ {
		base = base.Elem()
		if base == seen {
			return nil, 0, errors.New("labgob: type " + t.String() + " is a pointer to itself and holds no data")
		}
		if ptrs%2 == 1 {
			seen = seen.Elem()
		}
	}
	return base, ptrs, nil
}

func exported(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(r)
}

// sent reports whether a struct's field travels: exported, and neither a chan
// nor a func nor a pointer to one.
func sent(f *reflect.StructField) bool {
	if !exported(f.Name) {
		return false
	}
	t := f.Type
	for seen := 0; t.Kind() == reflect.Ptr && seen < 100; seen++ {
		t = t.Elem()
	}
	return t.Kind() != reflect.Chan && t.Kind() != reflect.Func
}

// planner makes the plans of one type and of all that it holds. Either all of
// them are good, or none is kept.
type planner struct {
	plans map[reflect.Type]*plan
	made  []reflect.Type
}

func (b *planner) link(t reflect.Type) (link, error) {
	base, ptrs, err := flatten(t)
	if err != nil {
		return link{}, err
	}
	if ext, indir := external(t, gobEncoderType, marshalerType); ext != 0 {
		return link{op: opExternal, plan: &plan{typ: t, op: opExternal, ext: ext, indir: indir}}, nil
	}
	switch k := base.Kind(); {
	case k >= reflect.Bool && k <= reflect.Complex128:
		return link{op: op(k), ptrs: ptrs}, nil
	case k == reflect.String:
		return link{op: opString, ptrs: ptrs}, nil
	case k == reflect.Interface && base.NumMethod() == 0:
		return link{op: opEmpty, ptrs: ptrs}, nil
	case k == reflect.Interface:
		return link{op: opMethods, ptrs: ptrs, plan: &plan{typ: base, op: opMethods}}, nil
	case k == reflect.Slice && base.Elem().Kind() == reflect.Uint8:
		return link{op: opBytes, ptrs: ptrs}, nil
	}
	p := b.plans[base]
	if p == nil {
		if p, err = b.composite(base); err != nil {
			return link{}, err
		}
	}
	return link{op: p.op, ptrs: ptrs, plan: p}, nil
}

// composite enters the plan before it looks at the elements, so that a type may
// hold itself.
func (b *planner) composite(t reflect.Type) (*plan, error) {
	p := &plan{typ: t}
	b.plans[t] = p
	b.made = append(b.made, t)
	var err error
	switch t.Kind() {
	case reflect.Slice:
		p.op, p.elemSize = opSlice, t.Elem().Size()
		p.elem, err = b.link(t.Elem())
	case reflect.Array:
		p.op, p.elemSize, p.length = opArray, t.Elem().Size(), t.Len()
		p.elem, err = b.link(t.Elem())
	case reflect.Map:
		p.op = opMap
		if p.key, err = b.link(t.Key()); err == nil {
			p.elem, err = b.link(t.Elem())
		}
	case reflect.Struct:
		p.op = opStruct
		for i := 0; i < t.NumField() && err == nil; i++ {
			f := t.Field(i)
			if sent(&f) {
				var l link
				l, err = b.link(f.Type)
				p.fields = append(p.fields, field{l, f.Offset, f.Name})
			}
		}
		if err == nil && len(p.fields) == 0 && t.NumField() > 0 {
			err = errors.New("labgob: type " + t.String() + " has no exported fields: nothing of it would be sent; start the names of its fields with capital letters")
		}
	default:
		err = errors.New("labgob: type " + t.String() + " cannot be encoded")
	}
	return p, err
}

// define fills in the plan's closure and block.
func (p *plan) define() {
	if p.block != nil {
		return
	}
	index := map[*plan]int{p: 0}
	p.closure = []*plan{p}
	for i := 0; i < len(p.closure); i++ {
		p.closure[i].each(func(l *link) {
			if _, ok := index[l.plan]; !ok && l.ref() == 0 {
				index[l.plan] = len(p.closure)
				p.closure = append(p.closure, l.plan)
			}
		})
	}
	p.block = describeTypes(p.closure, func(q *plan) int { return firstComposite + 2*index[q] })
}

// each calls f for every type that the plan's own definition mentions.
func (p *plan) each(f func(l *link)) {
	switch p.op {
	case opStruct:
		for i := range p.fields {
			f(&p.fields[i].link)
		}
	case opMap:
		f(&p.key)
		f(&p.elem)
	default:
		f(&p.elem)
	}
}

// describeTypes makes the bytes of a definition; number gives the number in it
// of a composite type.
func describeTypes(plans []*plan, number func(*plan) int) []byte {
	b := appendUint(nil, uint64(len(plans)))
	ref := func(l *link) {
		r := l.ref()
		if r == 0 {
			r = number(l.plan)
		}
		b = appendUint(b, uint64(r))
	}
	for _, p := range plans {
		switch p.op {
		case opStruct:
			b = append(b, compStruct)
			b = appendUint(b, uint64(len(p.fields)))
			for i := range p.fields {
				ref(&p.fields[i].link)
				b = appendString(b, p.fields[i].name)
			}
		case opSlice:
			b = append(b, compSlice)
			ref(&p.elem)
		case opArray:
			b = append(b, compArray)
			b = appendUint(b, uint64(p.length))
			ref(&p.elem)
		case opMap:
			b = append(b, compMap)
			ref(&p.key)
			ref(&p.elem)
		}
	}
	return b
}

// info is what is known of one type as the program wrote it, pointers included.
// The parts are made when they are first needed.
type info struct {
	typ     reflect.Type
	word    unsafe.Pointer // the type in an interface value
	boxed   bool           // an interface value holds a pointer to the value, see locate
	pointer bool

	encOnce sync.Once
	enc     link
	encErr  error

	decOnce sync.Once
	dec     decLink // from a sender with the same definition
	decErr  error

	warnOnce  sync.Once
	mayWarn   bool // a used variable of this type deserves the warning
	valueSize uintptr
}

// eface is the memory of an interface value without methods.
type eface struct {
	word unsafe.Pointer
	data unsafe.Pointer
}

func unpack(x *interface{}) *eface { return (*eface)(unsafe.Pointer(x)) }

// infos maps type words to *info. It is replaced, never changed, so reading
// takes no lock; plans is only touched under the lock.
var types struct {
	sync.Mutex
	infos atomic.Value // map[unsafe.Pointer]*info
	plans map[reflect.Type]*plan
}

func infoOf(x interface{}) *info {
	word := unpack(&x).word
	m, _ := types.infos.Load().(map[unsafe.Pointer]*info)
	if in := m[word]; in != nil {
		return in
	}
	return addInfos([]interface{}{x})[0]
}

// addInfos gives the infos of several values' types, and makes those that are missing.
func addInfos(values []interface{}) []*info {
	types.Lock()
	defer types.Unlock()
	old, _ := types.infos.Load().(map[unsafe.Pointer]*info)
	m := make(map[unsafe.Pointer]*info, len(old)+len(values))
	for k, v := range old {
		m[k] = v
	}
	all := make([]*info, len(values))
	for i, x := range values {
		word := unpack(&x).word
		if m[word] == nil {
			m[word] = newInfo(x)
		}
		all[i] = m[word]
	}
	types.infos.Store(m)
	return all
}

func newInfo(x interface{}) *info {
	word, t := unpack(&x).word, reflect.TypeOf(x)
	in := &info{typ: t, word: word, pointer: t.Kind() == reflect.Ptr}
	switch t.Kind() {
	case reflect.Ptr, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
	case reflect.Struct, reflect.Array:
		// One that is just a pointer is stored as that pointer; those of
		// another size never are.
		in.boxed = t.Size() != unsafe.Sizeof(word)
	default:
		in.boxed = true
	}
	return in
}

// infoOfType is infoOf for a type without a value at hand.
func infoOfType(t reflect.Type) *info { return infoOf(reflect.Zero(t).Interface()) }

func (in *info) encoding() (*link, error) {
	in.encOnce.Do(func() {
		types.Lock()
		defer types.Unlock()
		if types.plans == nil {
			types.plans = make(map[reflect.Type]*plan)
		}
		b := planner{plans: types.plans}
		in.enc, in.encErr = b.link(in.typ)
		if in.encErr != nil {
			for _, t := range b.made {
				delete(types.plans, t)
			}
		} else if in.enc.ref() == 0 {
			in.enc.plan.define()
		}
	})
	return &in.enc, in.encErr
}

func at(p unsafe.Pointer, off uintptr) unsafe.Pointer { return unsafe.Pointer(uintptr(p) + off) }
