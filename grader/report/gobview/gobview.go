// Package gobview shows what a student's server sent or saved, field by field.
// It knows the wire format of labs/kit/labgob and the JSON of its Describe, and
// must not know the student's Go types, which exist only inside the module; it
// shares no code with labgob, so that each checks the other.
//
// Start with Parse, which reads the description a module gave of its types, and
// Types.Values, which reads a message or a saved state.
package gobview

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Value is one value, ready to be shown.
type Value struct {
	// Kind is bool, int, uint, float, complex, string, bytes, interface (nil
	// only, as others show their content), struct, slice, array, map, gob or
	// binary.
	Kind string `json:"kind"`
	// Type is the Go type's name, empty if the description does not tell.
	Type string `json:"type,omitempty"`
	// Text is what a scalar holds, strings quoted and shortened.
	Text string `json:"text,omitempty"`
	// Omitted marks a field that was not sent because it is zero.
	Omitted bool    `json:"omitted,omitempty"`
	Fields  []Field `json:"fields,omitempty"`
	Elems   []Value `json:"elems,omitempty"`
	Entries []Entry `json:"entries,omitempty"`
}

// Field is a struct's field.
type Field struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

// Entry is a map's entry.
type Entry struct {
	Key   Value `json:"key"`
	Value Value `json:"value"`
}

// Types is a module's description of its types. The nil *Types knows none:
// values are shown with the names of their fields only.
type Types struct {
	types   []described
	byName  map[string]int // concrete types by their names on the wire
	byShape map[string]int // composite types by shape; unclear if two have the same
}

type described struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Fields []struct {
		Name string `json:"name"`
		Type int    `json:"type"`
	} `json:"fields"`
	Key    int `json:"key"`
	Elem   int `json:"elem"`
	Length int `json:"length"`
}

// unclear stands for no type or more than one.
const unclear = -1

// Parse reads the JSON of labgob's Describe.
func Parse(description []byte) (*Types, error) {
	var d struct {
		Version  int `json:"version"`
		Concrete []struct {
			Name string `json:"name"`
			Type int    `json:"type"`
		} `json:"concrete"`
		Types []described `json:"types"`
	}
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, fmt.Errorf("description of types: %w", err)
	}
	if d.Version != 1 {
		return nil, fmt.Errorf("description of types has version %d; this program knows version 1", d.Version)
	}
	t := &Types{types: d.Types, byName: make(map[string]int), byShape: make(map[string]int)}
	for _, c := range d.Concrete {
		t.byName[c.Name] = c.Type
	}
	for i := range t.types {
		shape := t.shape(i, shapeDepth)
		if _, taken := t.byShape[shape]; taken {
			t.byShape[shape] = unclear
		} else {
			t.byShape[shape] = i
		}
	}
	return t, nil
}

// How deep, and at how many fields of a struct, types are looked into to tell
// them apart. A hostile stream may define types that hold each other many times.
const (
	shapeDepth  = 2
	shapeFields = 100
)

func (t *Types) at(i int) *described {
	if t == nil || i < 0 || i >= len(t.types) {
		return &described{Key: unclear, Elem: unclear}
	}
	return &t.types[i]
}

func (t *Types) shape(i, depth int) string {
	d := t.at(i)
	if depth == 0 {
		return d.Kind
	}
	switch d.Kind {
	case "struct":
		var b strings.Builder
		b.WriteString("struct{")
		for i, f := range d.Fields {
			if i == shapeFields {
				break
			}
			b.WriteString(f.Name + " " + t.shape(f.Type, depth-1) + ";")
		}
		return b.String() + "}"
	case "slice":
		return "[]" + t.shape(d.Elem, depth-1)
	case "array":
		return "[" + strconv.Itoa(d.Length) + "]" + t.shape(d.Elem, depth-1)
	case "map":
		return "map[" + t.shape(d.Key, depth-1) + "]" + t.shape(d.Elem, depth-1)
	}
	return d.Kind
}

// find gives the described type of a type on the wire, if there is just one.
func (t *Types) find(w *wire) int {
	if t == nil || w.basic() {
		return unclear
	}
	if !w.sought {
		w.sought, w.found = true, unclear
		if i, ok := t.byShape[w.shape(shapeDepth)]; ok {
			w.found = i
		}
	}
	return w.found
}

// wire is a type as a stream defines it.
type wire struct {
	kind      string
	fields    []wireField
	key, elem *wire
	length    int
	sought    bool // whether found is the result of Types.find
	found     int
}

type wireField struct {
	name string
	typ  *wire
}

// basic reports whether w is shared by all streams. Many Go types are sent as
// one of these, so that it says nothing of its Go type.
func (w *wire) basic() bool {
	return w.kind != "struct" && w.kind != "slice" && w.kind != "array" && w.kind != "map"
}

func (w *wire) shape(depth int) string {
	if depth == 0 {
		return w.kind
	}
	switch w.kind {
	case "struct":
		var b strings.Builder
		b.WriteString("struct{")
		for i, f := range w.fields {
			if i == shapeFields {
				break
			}
			b.WriteString(f.name + " " + f.typ.shape(depth-1) + ";")
		}
		return b.String() + "}"
	case "slice":
		return "[]" + w.elem.shape(depth-1)
	case "array":
		return "[" + strconv.Itoa(w.length) + "]" + w.elem.shape(depth-1)
	case "map":
		return "map[" + w.key.shape(depth-1) + "]" + w.elem.shape(depth-1)
	}
	return w.kind
}

var basicKinds = [...]string{1: "bool", "int", "uint", "float", "complex", "string", "bytes", "interface", "gob", "binary"}

// basicWires are the types that need no definition, by their numbers.
var basicWires = func() (ws [16]*wire) {
	for i := 1; i < len(basicKinds); i++ {
		ws[i] = &wire{kind: basicKinds[i]}
	}
	return ws
}()

// tagged are the types of interface values that need no definition, from tag 1.
var tagged = strings.Fields("int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 " +
	"float32 float64 complex64 complex128 uintptr bool string " +
	"[]uint8 []int []int8 []int16 []int32 []int64 []uint []uint16 []uint32 []uint64 " +
	"[]float32 []float64 []complex64 []complex128 []uintptr []bool []string")

func taggedWire(name string) *wire {
	if name == "[]uint8" {
		return &wire{kind: "bytes"}
	}
	if strings.HasPrefix(name, "[]") {
		return &wire{kind: "slice", elem: taggedWire(name[2:])}
	}
	if strings.HasPrefix(name, "uintptr") {
		return &wire{kind: "uint"}
	}
	return &wire{kind: strings.TrimRight(name, "0123456789")}
}

// Limits of what is shown; a trace must not be able to fill the memory.
const (
	maxValues = 100_000
	maxDepth  = 200
	maxText   = 200 // bytes of a string or []byte
)

// reader is the unread part of a stream. Its methods panic with damage.
type reader struct {
	types    *Types
	b        []byte
	values   int
	wires    []*wire
	concrete []concrete
}

type concrete struct {
	name string
	typ  *wire
}

// damage is why a stream cannot be read on.
type damage struct{ error }

func fail(format string, args ...any) { panic(damage{fmt.Errorf(format, args...)}) }

// Values reads the stream of messages in data: one for an RPC's arguments or
// reply, several for saved state. With an error it gives the values before it.
func (t *Types) Values(data []byte) (values []Value, err error) {
	r := &reader{types: t, b: data}
	defer func() {
		if d, ok := recover().(damage); ok {
			err = fmt.Errorf("value %d, %d bytes before the end: %w", len(values)+1, len(r.b), d.error)
		}
	}()
	for len(r.b) > 0 {
		values = append(values, r.message())
	}
	return values, nil
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		fail("%d bytes are announced, %d are there", n, len(r.b))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) uint() uint64 {
	c := r.take(1)[0]
	if c <= 247 {
		return uint64(c)
	}
	var b [8]byte
	copy(b[:], r.take(uint64(c-247)))
	return binary.LittleEndian.Uint64(b[:])
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) float() float64 { return math.Float64frombits(bits.ReverseBytes64(r.uint())) }

func (r *reader) bytes() []byte { return r.take(r.uint()) }

// count reads a number of things that take a byte or more each.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		fail("%d elements are announced, %d bytes are there", n, len(r.b))
	}
	return int(n)
}

func (r *reader) message() Value {
	body := r.bytes()
	rest := r.b
	r.b = body
	head := r.uint()
	if head&1 != 0 {
		defs := r.bytes()
		value := r.b
		for r.b = defs; len(r.b) > 0; {
			r.definition()
		}
		r.b = value
	}
	w := r.ref(head / 2)
	v := r.value(w, r.types.find(w), 0)
	r.b = rest
	return v
}

func (r *reader) ref(n uint64) *wire {
	if n < 16 && basicWires[n] != nil {
		return basicWires[n]
	}
	if n < 16 || n-16 >= uint64(len(r.wires)) {
		fail("type %d is not defined", n)
	}
	return r.wires[n-16]
}

func (r *reader) definition() {
	switch what := r.uint(); what {
	case 0:
		rest := r.uint()
		block := &reader{b: r.take(rest)}
		n := block.count()
		first := len(r.wires)
		for i := 0; i < n; i++ {
			r.wires = append(r.wires, new(wire))
		}
		ref := func() *wire {
			switch k := block.uint(); {
			case k < 16:
				return r.ref(k)
			case k%2 == 0:
				return r.ref(k/2 - 8 + 16 + uint64(first))
			default:
				return r.ref((k-17)/2 + 16)
			}
		}
		for _, w := range r.wires[first:] {
			switch kind := block.uint(); kind {
			case 1:
				w.kind = "struct"
				for k := block.count(); k > 0; k-- {
					t := ref()
					w.fields = append(w.fields, wireField{string(block.bytes()), t})
				}
			case 2:
				w.kind = "slice"
				w.elem = ref()
			case 3:
				w.kind = "array"
				w.length = int(block.uint() & math.MaxInt32)
				w.elem = ref()
			case 4:
				w.kind = "map"
				w.key = ref()
				w.elem = ref()
			default:
				fail("unknown kind of type %d", kind)
			}
		}
	case 1:
		name := string(r.bytes())
		r.concrete = append(r.concrete, concrete{name, r.ref(r.uint())})
	default:
		fail("unknown kind of definition %d", what)
	}
}

var errTooMuch = errors.New("more than can be shown")

// value reads a value of type w, which the module describes as number i.
func (r *reader) value(w *wire, i, depth int) Value {
	if r.values++; r.values > maxValues || depth > maxDepth {
		panic(damage{errTooMuch})
	}
	d := r.types.at(i)
	if d.Kind != w.kind {
		i = r.types.find(w)
		d = r.types.at(i)
	}
	v := Value{Kind: w.kind, Type: d.Name}
	switch w.kind {
	case "bool":
		v.Text = strconv.FormatBool(r.uint() != 0)
	case "int":
		v.Text = strconv.FormatInt(r.int(), 10)
	case "uint":
		v.Text = strconv.FormatUint(r.uint(), 10)
	case "float":
		v.Text = strconv.FormatFloat(r.float(), 'g', -1, 64)
	case "complex":
		re := r.float()
		v.Text = strconv.FormatComplex(complex(re, r.float()), 'g', -1, 128)
	case "string":
		v.Text = shorten(r.bytes(), func(b []byte) string { return strconv.Quote(string(b)) })
	case "bytes":
		v.Text = shorten(r.bytes(), hex.EncodeToString)
	case "gob", "binary":
		v.Text = external(d.Name, r.bytes())
	case "interface":
		return r.content(v, depth)
	case "slice", "array":
		for n := r.count(); n > 0; n-- {
			v.Elems = append(v.Elems, r.value(w.elem, d.Elem, depth+1))
		}
	case "map":
		for n := r.count(); n > 0; n-- {
			k := r.value(w.key, d.Key, depth+1)
			v.Entries = append(v.Entries, Entry{k, r.value(w.elem, d.Elem, depth+1)})
		}
	case "struct":
		r.fields(&v, w, d, depth)
	default:
		fail("a type is used that is not yet defined")
	}
	return v
}

func (r *reader) fields(v *Value, w *wire, d *described, depth int) {
	sent := make([]bool, len(w.fields))
	number := func(k int) int {
		if k < len(d.Fields) && d.Fields[k].Name == w.fields[k].name {
			return d.Fields[k].Type
		}
		return unclear
	}
	v.Fields = make([]Field, len(w.fields))
	read := func(k int) {
		v.Fields[k].Value = r.value(w.fields[k].typ, number(k), depth+1)
		sent[k] = true
	}
	if len(w.fields) <= 8 {
		mask := r.take(1)[0]
		for k := range w.fields {
			if mask>>k&1 != 0 {
				read(k)
			}
		}
	} else {
		for k := -1; ; {
			step := r.uint()
			if step == 0 {
				break
			}
			if step > uint64(len(w.fields)-1-k) {
				fail("a field is sent that is not defined")
			}
			k += int(step)
			read(k)
		}
	}
	for k, f := range w.fields {
		v.Fields[k].Name = f.name
		if !sent[k] {
			v.Fields[k].Value = Value{Kind: f.typ.kind, Type: r.types.at(number(k)).Name, Text: zeroText(f.typ.kind), Omitted: true}
		}
	}
}

// zeroText is the text of a field that was left out.
func zeroText(kind string) string {
	switch kind {
	case "bool":
		return "false"
	case "int", "uint", "float":
		return "0"
	case "complex":
		return "(0+0i)"
	case "string":
		return `""`
	case "interface", "slice", "map", "bytes":
		return "nil"
	}
	return "zero"
}

// content reads what an interface holds; v is shown if it holds nothing.
func (r *reader) content(v Value, depth int) Value {
	switch tag := r.uint(); {
	case tag == 0:
		v.Text = "nil"
		return v
	case tag <= uint64(len(tagged)):
		name := tagged[tag-1]
		c := r.value(taggedWire(name), unclear, depth+1)
		c.Type = name
		return c
	case tag >= 64 && tag-64 < uint64(len(r.concrete)):
		c := r.concrete[tag-64]
		i := unclear
		if r.types != nil {
			if k, ok := r.types.byName[c.name]; ok {
				i = k
			}
		}
		content := r.value(c.typ, i, depth+1)
		if content.Type == "" {
			content.Type = c.name
		}
		return content
	default:
		fail("concrete type %d is not defined", tag)
	}
	return v
}

func shorten(b []byte, text func([]byte) string) string {
	if len(b) <= maxText {
		return text(b)
	}
	return text(b[:maxText]) + "... (" + strconv.Itoa(len(b)) + " bytes)"
}

// external shows a value that encoded itself: a time as such, others as bytes.
func external(name string, b []byte) string {
	if name == "time.Time" {
		var t time.Time
		if err := t.UnmarshalBinary(b); err == nil {
			return t.Format(time.RFC3339Nano)
		}
	}
	return shorten(b, hex.EncodeToString)
}

// String gives the value on one line, as Go writes it, without the fields that
// were left out.
func (v Value) String() string {
	var b strings.Builder
	v.write(&b)
	return b.String()
}

func (v Value) write(b *strings.Builder) {
	switch v.Kind {
	case "struct":
		b.WriteString(v.Type + "{")
		first := true
		for _, f := range v.Fields {
			if f.Value.Omitted {
				continue
			}
			if !first {
				b.WriteByte(' ')
			}
			first = false
			b.WriteString(f.Name + ":")
			f.Value.write(b)
		}
		b.WriteByte('}')
	case "slice", "array":
		b.WriteByte('[')
		for i, e := range v.Elems {
			if i > 0 {
				b.WriteByte(' ')
			}
			e.write(b)
		}
		b.WriteByte(']')
	case "map":
		b.WriteString("map[")
		for i, e := range v.Entries {
			if i > 0 {
				b.WriteByte(' ')
			}
			e.Key.write(b)
			b.WriteByte(':')
			e.Value.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.Text)
	}
}

// Brief gives the value on one line of at most most characters: a struct's
// fields as Name:value, the zero ones too, and of a slice its length, and its
// elements while there is room. Names of types are left out.
func (v Value) Brief(most int) string {
	s := v.brief(most)
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}

func (v Value) brief(most int) string {
	switch v.Kind {
	case "struct":
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, f.Name+":"+f.Value.inner(most/2))
		}
		return strings.Join(parts, " ")
	}
	return v.inner(most)
}

// inner is brief for a value inside another one.
func (v Value) inner(most int) string {
	switch v.Kind {
	case "struct":
		return "{" + v.brief(most) + "}"
	case "slice", "array":
		var parts []string
		for _, e := range v.Elems {
			parts = append(parts, e.inner(most))
		}
		if s := "[" + strings.Join(parts, " ") + "]"; len(s) <= most {
			return s
		}
		return "[" + strconv.Itoa(len(v.Elems)) + "×]"
	case "map":
		if len(v.Entries) == 0 {
			return "{}"
		}
		return "{" + strconv.Itoa(len(v.Entries)) + "×}"
	}
	if v.Text == "" {
		return "-"
	}
	return v.Text
}

// ParseModule reads what a module tells of itself: the JSON of its remote
// methods, each with the names of its arguments' and reply's types, and of its
// types. No description at all is no error: nothing is known then.
func ParseModule(description []byte) (*Types, map[string][2]string, error) {
	if len(description) == 0 {
		return nil, nil, nil
	}
	var d struct {
		Methods map[string][2]string `json:"methods"`
		Types   json.RawMessage      `json:"types"`
	}
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, nil, fmt.Errorf("description of a module: %w", err)
	}
	t, err := Parse(d.Types)
	return t, d.Methods, err
}
