package labgob

import (
	"errors"
	"reflect"
)

// decLink leads from a variable of type typ to the value behind it, as link
// does, and says how to fill it from one type on the wire.
type decLink struct {
	op   op
	ptrs int
	typ  reflect.Type
	prog *program
}

// program says how a value of one type on the wire is decoded into one Go type.
// Programs never change once they are made.
type program struct {
	typ      reflect.Type // without pointers
	fields   []decField   // opStruct: in the sender's order
	matched  int          // opStruct: fields that the receiver has
	key      decLink
	elem     decLink
	elemSize uintptr
	length   int
	skip     *wireType // opSkip

	// opExternal: refGob or refBinary, and whether the method wants a pointer.
	ext     int
	pointer bool
}

type decField struct {
	decLink
	off  uintptr
	name string
	path []int // instead of off, for a promoted field behind an embedded pointer
}

type programKey struct {
	typ  reflect.Type
	wire *wireType
}

// compiler makes the programs for one pair of types and all that they hold.
type compiler struct {
	programs map[programKey]*program
}

// compile makes the program that decodes w into t, pointers included.
func compile(t reflect.Type, w *wireType) (decLink, error) {
	base, _, err := flatten(t)
	if err != nil {
		return decLink{}, err
	}
	c := compiler{make(map[programKey]*program)}
	ext, _ := external(t, gobDecoderType, unmarshalerType)
	if ext == 0 && base.Kind() == reflect.Struct {
		l, err := c.link(t, w)
		if err == nil && l.prog.matched == 0 && base.NumField() > 0 && len(w.fields) > 0 {
			err = errors.New("labgob: type mismatch: no field of " + base.String() + " is among those received: " + w.String())
		}
		return l, err
	}
	if !compatible(t, w, make(map[reflect.Type]*wireType)) {
		return decLink{}, errors.New("labgob: decoding into local type " + t.String() + ", received " + w.String())
	}
	return c.link(t, w)
}

// compatible is gob's question whether w can be decoded into t. Structs pass:
// their fields are looked at when they are compiled. Within one question a Go
// type stands for one type on the wire only, which ends the recursion.
func compatible(t reflect.Type, w *wireType, seen map[reflect.Type]*wireType) bool {
	if s, ok := seen[t]; ok {
		return s == w
	}
	seen[t] = w
	base, _, err := flatten(t)
	if err != nil {
		return false
	}
	ext, _ := external(t, gobDecoderType, unmarshalerType)
	if wext := w.ref; ext != 0 || wext == refGob || wext == refBinary {
		return ext == wext
	}
	switch k := base.Kind(); {
	case k >= reflect.Bool && k <= reflect.Complex128:
		return w.ref == refOf[op(k)]
	case k == reflect.String:
		return w.ref == refString
	case k == reflect.Interface:
		return w.ref == refInterface
	case k == reflect.Slice && base.Elem().Kind() == reflect.Uint8:
		return w.ref == refBytes
	case k == reflect.Slice:
		elem, _, err := flatten(base.Elem())
		return err == nil && w.comp == compSlice && compatible(elem, w.elem, seen)
	case k == reflect.Array:
		return w.comp == compArray && w.length == base.Len() && compatible(base.Elem(), w.elem, seen)
	case k == reflect.Map:
		return w.comp == compMap && compatible(base.Key(), w.key, seen) && compatible(base.Elem(), w.elem, seen)
	}
	return base.Kind() == reflect.Struct
}

func (c *compiler) link(t reflect.Type, w *wireType) (decLink, error) {
	base, ptrs, err := flatten(t)
	if err != nil {
		return decLink{}, err
	}
	l := decLink{ptrs: ptrs, typ: t}
	if ext, indir := external(t, gobDecoderType, unmarshalerType); ext != 0 || w.ref == refGob || w.ref == refBinary {
		if ext != w.ref {
			return l, mismatch(t, w)
		}
		rt := t
		for i := 0; i < indir; i++ {
			rt = rt.Elem()
		}
		l.op = opExternal
		l.prog = &program{typ: base, ext: ext, pointer: indir < 0 || rt.Kind() == reflect.Ptr}
		return l, nil
	}
	switch k := base.Kind(); {
	case k >= reflect.Bool && k <= reflect.Complex128 && w.ref == refOf[op(k)]:
		l.op = op(k)
		return l, nil
	case k == reflect.String && w.ref == refString:
		l.op = opString
		return l, nil
	case k == reflect.Slice && base.Elem().Kind() == reflect.Uint8 && w.ref == refBytes:
		l.op = opBytes
		return l, nil
	case k == reflect.Interface && w.ref == refInterface:
		l.op = opMethods
		if base.NumMethod() == 0 {
			l.op = opEmpty
		}
		l.prog = &program{typ: base}
		return l, nil
	}
	l.prog = c.programs[programKey{base, w}]
	if l.prog == nil {
		l.prog = &program{typ: base}
		c.programs[programKey{base, w}] = l.prog
		err = c.composite(l.prog, w)
	}
	switch base.Kind() {
	case reflect.Slice:
		l.op = opSlice
	case reflect.Array:
		l.op = opArray
	case reflect.Map:
		l.op = opMap
	case reflect.Struct:
		l.op = opStruct
	}
	return l, err
}

func mismatch(t reflect.Type, w *wireType) error {
	return errors.New("labgob: type mismatch: cannot decode " + w.String() + " into " + t.String())
}

func (c *compiler) composite(p *program, w *wireType) (err error) {
	t := p.typ
	switch {
	case t.Kind() == reflect.Slice && w.comp == compSlice:
		p.elemSize = t.Elem().Size()
		p.elem, err = c.link(t.Elem(), w.elem)
	case t.Kind() == reflect.Array && w.comp == compArray && w.length == t.Len():
		p.elemSize, p.length = t.Elem().Size(), t.Len()
		p.elem, err = c.link(t.Elem(), w.elem)
	case t.Kind() == reflect.Map && w.comp == compMap:
		if p.key, err = c.link(t.Key(), w.key); err == nil {
			p.elem, err = c.link(t.Elem(), w.elem)
		}
	case t.Kind() == reflect.Struct && w.comp == compStruct:
		p.fields = make([]decField, len(w.fields))
		for i := range w.fields {
			if err = c.field(p, &p.fields[i], &w.fields[i]); err != nil {
				break
			}
		}
	default:
		err = mismatch(t, w)
	}
	return err
}

func (c *compiler) field(p *program, f *decField, w *wireField) (err error) {
	f.name = w.name
	local, ok := p.typ.FieldByName(w.name)
	if !ok || !exported(w.name) {
		f.op, f.prog = opSkip, &program{skip: w.typ}
		return nil
	}
	if !compatible(local.Type, w.typ, make(map[reflect.Type]*wireType)) {
		return errors.New("labgob: wrong type (" + local.Type.String() + ") for received field " +
			p.typ.String() + "." + w.name + ", which was sent as " + w.typ.String())
	}
	if f.decLink, err = c.link(local.Type, w.typ); err != nil {
		return err
	}
	p.matched++
	t := p.typ
	for _, i := range local.Index {
		if t.Kind() == reflect.Ptr {
			f.path = local.Index
			break
		}
		sf := t.Field(i)
		f.off += sf.Offset
		t = sf.Type
	}
	return nil
}

// decoding gives the link that decodes the type's own encoding.
func (in *info) decoding() (*decLink, error) {
	in.decOnce.Do(func() {
		var enc *link
		if enc, in.decErr = in.encoding(); in.decErr != nil {
			return
		}
		w := basicWire[enc.ref()]
		if w == nil {
			var types []*wireType
			if types, in.decErr = parseTypes(enc.plan.block, func(int) *wireType { return nil }); in.decErr != nil {
				return
			}
			w = types[0]
		}
		in.dec, in.decErr = compile(in.typ, w)
	})
	return &in.dec, in.decErr
}
