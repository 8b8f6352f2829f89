package labgob

import (
	"reflect"
	"sort"
	"strconv"
)

// Describe tells a program without the types of vs how to show their messages.
// It gives JSON:
//
//	{
//	  "version": 1,
//	  "roots": [0, 4],
//	  "concrete": [{"name": "raft.Op", "type": 2}],
//	  "types": [
//	    {"kind": "struct", "name": "raft.AppendArgs", "fields": [{"name": "Term", "type": 1}, ...]},
//	    {"kind": "int", "name": "int", "bits": 64},
//	    {"kind": "slice", "name": "[]raft.Entry", "elem": 3},
//	    {"kind": "array", "name": "[3]int", "elem": 1, "length": 3},
//	    {"kind": "map", "name": "map[string]int", "key": 5, "elem": 1},
//	    {"kind": "interface", "name": "interface {}"},
//	    {"kind": "gob", "name": "time.Time"},
//	    {"kind": "error", "name": "chan int", "error": "..."}
//	  ]
//	}
//
// Numbers of types are indexes of "types". "roots" are the types of vs, in
// order, without their pointers: pointers do not travel. "concrete" are the
// registered types that may stand in interface values, except the basic ones,
// by the names they have on the wire. "kind" is the type on the wire: bool,
// string, bytes, interface, struct, slice, array, map; int, uint, float or
// complex, with "bits"; gob or binary for a type that encodes itself; error for
// one that cannot be sent. "fields" are those sent, in their order.
func Describe(vs ...interface{}) []byte {
	d := describer{index: make(map[reflect.Type]int)}
	b := []byte(`{"version":1,"roots":[`)
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d.number(reflect.TypeOf(v))), 10)
	}
	b = append(b, `],"concrete":[`...)
	var concretes []*concrete
	for _, c := range known().byName {
		if c.tag == 0 {
			concretes = append(concretes, c)
		}
	}
	sort.Slice(concretes, func(i, j int) bool { return concretes[i].name < concretes[j].name })
	for i, c := range concretes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(append(b, `{"name":`...), c.name)
		b = append(b, `,"type":`...)
		b = strconv.AppendInt(b, int64(d.number(c.info.typ)), 10)
		b = append(b, '}')
	}
	b = append(b, `],"types":[`...)
	for i := 0; i < len(d.types); i++ { // grows meanwhile
		if i > 0 {
			b = append(b, ',')
		}
		b = d.describe(b, d.types[i])
	}
	return append(b, "]}"...)
}

type describer struct {
	index map[reflect.Type]int
	types []reflect.Type
}

// number gives the type's place in the list, to which it adds the type if need be.
func (d *describer) number(t reflect.Type) int {
	if t != nil {
		if base, _, err := flatten(t); err == nil {
			t = base
		}
	}
	i, ok := d.index[t]
	if !ok {
		i = len(d.types)
		d.index[t] = i
		d.types = append(d.types, t)
	}
	return i
}

var kindNames = [...]string{refBool: "bool", refInt: "int", refUint: "uint", refFloat: "float", refComplex: "complex",
	refString: "string", refBytes: "bytes", refInterface: "interface", refGob: "gob", refBinary: "binary"}

func (d *describer) describe(b []byte, t reflect.Type) []byte {
	name, err := "nil", errNil
	var l *link
	if t != nil {
		name = t.String()
		l, err = infoOf(reflect.New(t).Interface()).encoding()
	}
	if err != nil {
		b = appendJSON(append(b, `{"kind":"error","name":`...), name)
		b = appendJSON(append(b, `,"error":`...), err.Error())
		return append(b, '}')
	}
	number := func(label string, n int) {
		b = append(append(append(b, `,"`...), label...), `":`...)
		b = strconv.AppendInt(b, int64(n), 10)
	}
	kind := kindNames[l.ref()]
	if kind == "" {
		kind = t.Kind().String()
	}
	b = appendJSON(append(b, `{"kind":`...), kind)
	b = appendJSON(append(b, `,"name":`...), name)
	switch l.op {
	case opStruct:
		b = append(b, `,"fields":[`...)
		for i, f := range l.plan.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(b, `{"name":`...), f.name)
			sf, _ := t.FieldByName(f.name)
			number("type", d.number(sf.Type))
			b = append(b, '}')
		}
		b = append(b, ']')
	case opMap:
		number("key", d.number(t.Key()))
		number("elem", d.number(t.Elem()))
	case opSlice:
		number("elem", d.number(t.Elem()))
	case opArray:
		number("elem", d.number(t.Elem()))
		number("length", t.Len())
	default:
		if l.op < opString && l.op > opBool {
			number("bits", 8*int(t.Size()))
		}
	}
	return append(b, '}')
}

// appendJSON appends s as a JSON string. Go's names hold no invalid UTF-8;
// registered ones may, and keep their bytes.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
