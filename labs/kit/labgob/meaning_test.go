package labgob

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"math"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The zoo: types that a student's code may hold, and some that it should not.
type (
	operation struct {
		Kind, Key, Value string
		Client           int64
		Seq              int
	}
	entry struct {
		Term    int
		Command interface{}
	}
	appendArgs struct {
		Term, LeaderID, PrevLogIndex, PrevLogTerm int
		Entries                                   []entry
		LeaderCommit                              int
	}
	reply struct {
		Success                   bool
		Term, XTerm, XIndex, XLen int
	}
	snapshot struct {
		Data     []byte
		Sessions map[int64]operation
		Config   map[int][]string
		Shards   [10]int
	}
	scalars struct {
		B    bool
		I    int
		I8   int8
		I16  int16
		I32  int32
		I64  int64
		U    uint
		U8   uint8
		U16  uint16
		U32  uint32
		U64  uint64
		Up   uintptr
		F32  float32
		F64  float64
		C64  complex64
		C128 complex128
		S    string
		Bs   []byte
	}
	pointers struct {
		A *int
		B **string
		C *inner
		D ***[]int
		E *[]byte
		F *map[string]int
		G *interface{}
		H *[2]int
	}
	inner  struct{ A, B int }
	slices struct {
		Ints    []int
		Strings []string
		Structs []inner
		Ptrs    []*inner
		Nested  [][]int
		Bytes   [][]byte
		Ifaces  []interface{}
		Floats  []float64
		Bools   []bool
		Small   []int8
	}
	maps struct {
		A map[string]int
		B map[int]map[string][]byte
		C map[inner]*inner
		D map[string]interface{}
		E map[interface{}]int
		F map[bool]struct{}
	}
	arrays struct {
		A [3]int
		B [4]byte
		C [2]inner
		D [2][2]string
		E [0]int
		F [1]interface{}
	}
	list struct {
		Value int
		Next  *list
	}
	tree struct {
		Name     string
		Children []tree
		ByName   map[string]*tree
	}
	selfSlice []selfSlice
	selfMap   map[string]selfMap
	selfPtr   *selfPtr
	shape     interface{ Area() int }
	square    struct{ Side int }
	circle    struct{ R int }
	shapes    struct {
		One  shape
		Many []shape
	}
	embedded struct {
		inner
		Inner2
		*Inner3
		X int
	}
	Inner2 struct{ P, Q int }
	Inner3 struct{ R int }
	flat   struct {
		P, R, X int
	}
	behindPtr struct{ *Inner3 }
	lower     struct {
		Visible int
		hidden  int
	}
	onlyLower struct{ a, b int }
	empty     struct{}
	withFunc  struct {
		A int
		F func()
		C chan int
		P *chan int
		Q **func()
	}
	onlyFunc    struct{ F func() }
	chanElems   struct{ A []chan int }
	big9        struct{ A, B, C, D, E, F, G, H, I int }
	big9Renamed struct {
		I, H string
		A    int
		Z    []int
	}
	times struct {
		T time.Time
		P *time.Time
		D time.Duration
		L []time.Time
		M map[string]time.Time
	}
	named    int
	namedStr string
	octet    uint8
	kinds    struct {
		N named
		S namedStr
		B []octet
		A [3]octet
	}
	valueGob   struct{ n int }
	pointerGob struct{ n int }
	binary     struct{ n int }
	encodeOnly struct{ N int }
	decodeOnly struct{ N int }
	text       struct{ N int }
	failing    struct{ N int }
	externals  struct {
		V  valueGob
		VP *valueGob
		P  pointerGob
		PP *pointerGob
		B  binary
		Vs []valueGob
		Ps []*pointerGob
		X  int
	}
	mapOfPointerGob struct{ M map[string]pointerGob }
	hasFailing      struct{ F failing }
	wide            struct {
		A, B int64
		C    []int64
		D    uint64
		E    float64
		F    complex128
		G    map[int64]int64
	}
	narrow struct {
		A, B int8
		C    []int8
		D    uint8
		E    float32
		F    complex64
		G    map[int8]int8
	}
)

func (s square) Area() int  { return s.Side * s.Side }
func (c *circle) Area() int { return 3 * c.R * c.R }

func (v valueGob) GobEncode() ([]byte, error)    { return []byte(strings.Repeat("v", v.n)), nil }
func (v *valueGob) GobDecode(b []byte) error     { v.n = len(b); return nil }
func (p *pointerGob) GobEncode() ([]byte, error) { return []byte(strings.Repeat("p", p.n)), nil }
func (p *pointerGob) GobDecode(b []byte) error   { p.n = len(b); return nil }
func (v binary) MarshalBinary() ([]byte, error)  { return []byte{byte(v.n)}, nil }
func (v *binary) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return errors.New("want one byte")
	}
	v.n = int(b[0])
	return nil
}
func (encodeOnly) GobEncode() ([]byte, error) { return []byte("x"), nil }
func (*decodeOnly) GobDecode([]byte) error    { return nil }
func (t text) MarshalText() ([]byte, error)   { return []byte("text"), nil }
func (t *text) UnmarshalText([]byte) error    { t.N = -1; return nil }
func (failing) GobEncode() ([]byte, error)    { return nil, errors.New("cannot") }
func (*failing) GobDecode(b []byte) error     { return errors.New("cannot") }

// unregistered is registered by nobody.
type unregistered struct{ A int }

func init() {
	for _, v := range []interface{}{operation{}, inner{}, square{}, &circle{}, lower{}, big9{}, tree{}, []inner(nil),
		map[string]int(nil), named(0), namedStr(""), time.Time{}, valueGob{}, &pointerGob{}, [2]int{}, []interface{}(nil), scalars{}, onlyLower{}} {
		gob.Register(v)
		Register(v)
	}
	gob.RegisterName("another name", Inner2{})
	RegisterName("another name", Inner2{})
	SetWarn(func(string) {})
}

func ptr(v interface{}) interface{} {
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

func intp(i int) *int { return &i }

// zoo is one or more values of every kind that can be sent, and of those that cannot.
func zoo() []interface{} {
	s, i := "s", interface{}("i")
	sp, ints, bs, m := &s, []int{1, 0, 3}, []byte("bytes"), map[string]int{"a": 1, "": 0}
	ip := &ints
	ipp := &ip
	now := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	cycle := &list{1, &list{2, &list{0, nil}}}
	op := operation{"Put", "k", "v", 1 << 60, 3}
	long := strings.Repeat("x", 5000)
	return []interface{}{
		true, false, 0, 1, -1, math.MaxInt64, math.MinInt64, int8(-128), int16(300), int32(-70000), int64(1 << 40),
		uint(0), uint8(255), uint16(65535), uint32(1 << 31), uint64(math.MaxUint64), uintptr(12345),
		float32(1.5), 0.0, math.Copysign(0, -1), 1e300, math.Inf(1), math.NaN(), math.MaxFloat32, complex64(1 + 2i), 3 - 4i, 0i,
		"", "abc", long, []byte{}, []byte(nil), []byte(long), named(7), namedStr("n"), []octet{1, 2}, time.Second,
		[]int{}, []int(nil), []int{0}, []int{1, -2, 300000}, []string{"a", "", "c"}, [][]int{nil, {}, {1}}, []interface{}{},
		[]interface{}{nil, 1, "a", int8(1), uint64(9), 1.5, true, false, []byte("x"), []int{1}, []string{"a", ""}, op, &op, op, inner{}, nil, 2i, []bool{true}, int64(5), float32(2), uintptr(3)},
		map[string]int{}, map[string]int(nil), map[string]int{"a": 1, "b": 0}, map[inner]string{{1, 2}: "x"}, map[float64]bool{1.5: true},
		[3]int{}, [3]int{1, 0, 3}, [0]int{}, [2]string{"", "b"}, [4]byte{1, 2, 255, 0}, [2]interface{}{nil, 4},
		entry{}, entry{1, 100}, entry{2, op}, entry{3, &op}, entry{4, map[string]int{"z": 26}}, entry{5, []inner{{1, 2}}}, entry{6, unregistered{1}},
		entry{7, nil}, entry{8, (*operation)(nil)}, entry{9, &inner{1, 2}}, entry{10, named(3)}, entry{11, onlyLower{1, 2}}, entry{12, valueGob{3}}, entry{13, &pointerGob{4}}, entry{14, pointerGob{4}},
		entry{15, Inner2{1, 2}}, entry{16, now}, entry{17, []interface{}{1, []interface{}{2, op}}}, entry{18, tree{Name: "root"}}, entry{19, func() {}}, entry{20, intp(4)}, entry{21, long},
		appendArgs{}, appendArgs{3, 1, 4, 1, nil, 5}, appendArgs{3, 1, 4, 1, []entry{{1, 10}, {2, "x"}, {0, op}, {3, op}}, 5},
		reply{}, reply{true, 1, 0, 0, 9}, snapshot{}, snapshot{[]byte(long), map[int64]operation{7: op}, map[int][]string{1: {"a", "b"}, 2: nil}, [10]int{5: 5}},
		scalars{}, scalars{true, -1, -2, -3, -4, -5, 1, 2, 3, 4, 5, 6, 1.5, 2.5, 1 + 2i, 3i, "s", []byte("b")},
		pointers{}, pointers{intp(0), &sp, &inner{}, &ipp, &bs, &m, &i, &[2]int{}}, pointers{A: intp(5), C: &inner{1, 0}}, pointers{G: new(interface{})},
		slices{}, slices{Ints: []int{1}, Strings: []string{""}, Structs: []inner{{}, {1, 0}}, Ptrs: []*inner{{1, 2}}, Nested: [][]int{{1}, {}}, Bytes: [][]byte{nil, {}, {1}}, Ifaces: []interface{}{nil, 1}, Floats: []float64{0, 1.25}, Bools: []bool{false, true}, Small: []int8{-1}},
		slices{Ptrs: []*inner{nil}}, slices{Ints: []int{}},
		maps{}, maps{A: map[string]int{}}, maps{A: m, B: map[int]map[string][]byte{1: nil, 2: {"x": nil, "y": {1}}}, C: map[inner]*inner{{1, 2}: {}}, D: map[string]interface{}{"a": nil, "b": 2}, E: map[interface{}]int{1: 1, "x": 2, inner{}: 3}, F: map[bool]struct{}{true: {}}},
		maps{C: map[inner]*inner{{}: nil}},
		arrays{}, arrays{[3]int{1, 2, 3}, [4]byte{1, 250, 0, 9}, [2]inner{{1, 1}, {}}, [2][2]string{{"a", ""}, {"", "b"}}, [0]int{}, [1]interface{}{op}},
		list{}, cycle, *cycle, tree{"a", []tree{{Name: "b"}, {Children: []tree{{}}}}, map[string]*tree{"x": {Name: "c"}}},
		selfSlice{}, selfSlice{{}, {{}, {}}, nil}, selfMap{"a": nil, "b": {}, "c": {"d": nil}}, selfPtr(nil),
		shapes{}, shapes{square{2}, []shape{square{1}, &circle{1}, nil}}, shapes{One: &square{3}}, shapes{One: &circle{0}},
		embedded{}, embedded{inner{1, 2}, Inner2{3, 4}, nil, 5}, embedded{Inner3: &Inner3{6}}, flat{1, 2, 3}, flat{}, behindPtr{}, behindPtr{&Inner3{1}},
		lower{1, 2}, onlyLower{1, 2}, empty{}, []empty{{}, {}}, []onlyLower{}, struct{ A onlyLower }{}, struct{ A *onlyLower }{}, struct{ A empty }{},
		withFunc{A: 1}, withFunc{A: 1, F: func() {}}, onlyFunc{}, chanElems{}, make(chan int), func() {}, map[string]chan int(nil), []func(){},
		big9{}, big9{A: 1}, big9{I: 9}, big9{1, 2, 3, 4, 5, 6, 7, 8, 9}, big9Renamed{"i", "h", 3, []int{1}},
		now, time.Time{}, &now, times{}, times{T: now}, times{now, &now, 5, []time.Time{now, {}}, map[string]time.Time{"a": now}},
		kinds{1, "x", []octet{1}, [3]octet{1, 200, 255}},
		valueGob{3}, &valueGob{0}, pointerGob{3}, &pointerGob{3}, binary{4}, &binary{5}, encodeOnly{1}, decodeOnly{2}, text{3}, failing{1}, hasFailing{}, hasFailing{failing{1}},
		externals{X: 1}, &externals{}, &externals{V: valueGob{1}, VP: &valueGob{2}, P: pointerGob{3}, PP: &pointerGob{4}, B: binary{5}, Vs: []valueGob{{1}, {}}, Ps: []*pointerGob{{6}}},
		&externals{VP: &valueGob{}, PP: &pointerGob{}}, mapOfPointerGob{map[string]pointerGob{"a": {1}}}, &mapOfPointerGob{map[string]pointerGob{"a": {1}}}, []valueGob{{1}, {0}}, []pointerGob{{1}, {0}}, [2]pointerGob{}, &[2]pointerGob{},
		*big.NewInt(1 << 40), big.NewInt(-5), struct{ N *big.Int }{big.NewInt(77)}, struct{ N *big.Int }{}, net.IPv4(1, 2, 3, 4), *big.NewFloat(1.5),
		wide{}, wide{1, -1, []int64{1}, 2, 1.5, 2i, map[int64]int64{1: 1}}, wide{A: 128}, wide{B: -129}, wide{C: []int64{0, 1 << 40}}, wide{D: 256}, wide{E: 1e39}, wide{E: math.Inf(-1)}, wide{F: complex(0, 1e39)}, wide{G: map[int64]int64{1 << 20: 0}},
		narrow{1, 2, []int8{3}, 4, 5, 6, map[int8]int8{7: 8}},
		&i, &sp, struct{ A ***int }{},
		struct{ A []map[string]*[]interface{} }{[]map[string]*[]interface{}{{"a": {1, "x"}}}},
	}
}

func TestSameMeaningIntoSameType(t *testing.T) {
	for _, v := range zoo() {
		typ := reflect.TypeOf(v)
		fresh := func() []interface{} { return []interface{}{reflect.New(typ).Interface()} }
		compare(t, []interface{}{v}, fresh)
		if ext, _ := external(typ, gobEncoderType, marshalerType); ext == 0 || typ.Kind() != reflect.Ptr {
			compare(t, []interface{}{ptr(v)}, fresh) // gob dies on a pointer to a pointer with methods
		}
		compare(t, []interface{}{v}, func() []interface{} { return []interface{}{nil} })
		compare(t, []interface{}{v}, func() []interface{} { return []interface{}{new(interface{})} })
		x := v
		compare(t, []interface{}{&x}, func() []interface{} { return []interface{}{new(interface{})} })
	}
}

// A receiver in use keeps what is not sent: every value is decoded over every
// other one of its type.
func TestSameMeaningIntoUsedVariable(t *testing.T) {
	values := zoo()
	for _, v := range values {
		for i := range values {
			if reflect.TypeOf(v) == reflect.TypeOf(values[i]) {
				compare(t, []interface{}{v}, func() []interface{} { return []interface{}{ptr(zoo()[i])} })
			}
		}
	}
}

// The types at the two ends may differ: every value is decoded into every type.
func TestSameMeaningIntoOtherTypes(t *testing.T) {
	types := map[reflect.Type]bool{}
	for _, v := range zoo() {
		types[reflect.TypeOf(v)] = true
	}
	for _, v := range zoo() {
		for typ := range types {
			if reflect.TypeOf(v).Kind() == reflect.Struct && typ == reflect.TypeOf(behindPtr{}) {
				continue // gob panics where we return an error; both are errors below
			}
			compare(t, []interface{}{v}, func() []interface{} { return []interface{}{reflect.New(typ).Interface()} })
		}
	}
	compare(t, []interface{}{Inner3{1}}, func() []interface{} { return []interface{}{new(behindPtr)} })
	compare(t, []interface{}{Inner3{1}}, func() []interface{} { return []interface{}{&behindPtr{new(Inner3)}} })
}

// Types are described once in a stream, and a stream goes on after an error.
func TestSameMeaningInStreams(t *testing.T) {
	values := zoo()
	fresh := func(vs []interface{}) func() []interface{} {
		return func() (out []interface{}) {
			for _, v := range vs {
				out = append(out, reflect.New(reflect.TypeOf(v)).Interface())
			}
			return out
		}
	}
	var good []interface{}
	for _, v := range values {
		if r := codecs[0].run([]interface{}{v}, []interface{}{reflect.New(reflect.TypeOf(v)).Interface()}); r.encErr == nil && r.decErr == nil {
			good = append(good, v)
		}
	}
	if len(good) < len(values)*3/4 {
		t.Fatalf("only %d of %d values can be sent", len(good), len(values))
	}
	compare(t, good, fresh(good))
	for i := range good {
		two := []interface{}{good[i], good[(i*7+3)%len(good)], good[i]}
		compare(t, two, fresh(two))
		// The first does not fit its receiver; the others must still arrive.
		compare(t, two, func() []interface{} {
			out := fresh(two)()
			out[0] = new(chanElems)
			return out
		})
	}
}

func TestNoMessageForFailedValue(t *testing.T) {
	var b bytes.Buffer
	enc := NewEncoder(&b)
	for _, v := range []interface{}{entry{1, unregistered{}}, slices{Ptrs: []*inner{nil}}, make(chan int), nil} {
		if err := enc.Encode(v); err == nil {
			t.Errorf("%#v was encoded", v)
		}
	}
	if b.Len() != 0 {
		t.Fatalf("%d bytes were written", b.Len())
	}
	want := entry{2, operation{Key: "k"}}
	if err := enc.Encode(want); err != nil {
		t.Fatal(err)
	}
	var got entry
	if err := NewDecoder(&b).Decode(&got); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
}

// onlyReader hides every method but Read, and reads one byte at a time.
type onlyReader struct{ r io.Reader }

func (o onlyReader) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1]
	}
	return o.r.Read(p)
}

func TestStreamEnds(t *testing.T) {
	for _, wrap := range []func(*bytes.Buffer) io.Reader{
		func(b *bytes.Buffer) io.Reader { return b },
		func(b *bytes.Buffer) io.Reader { return onlyReader{b} },
		func(b *bytes.Buffer) io.Reader { return bytes.NewReader(b.Bytes()) },
	} {
		var b bytes.Buffer
		enc := NewEncoder(&b)
		for _, v := range []interface{}{appendArgs{Term: 1, Entries: []entry{{1, 2}}}, strings.Repeat("x", 300), 5} {
			if err := enc.Encode(v); err != nil {
				t.Fatal(err)
			}
		}
		data := append([]byte(nil), b.Bytes()...)
		var a appendArgs
		var s string
		var i int
		dec := NewDecoder(wrap(bytes.NewBuffer(data)))
		if err := all([]interface{}{&a, &s, &i}, dec.Decode); err != nil || len(a.Entries) != 1 || len(s) != 300 || i != 5 {
			t.Fatal(err, a, len(s), i)
		}
		if err := dec.Decode(&i); err != io.EOF {
			t.Errorf("after the last value: %v, want io.EOF", err)
		}
		for n := 1; n < len(data); n++ {
			dec := NewDecoder(wrap(bytes.NewBuffer(data[:n])))
			var err error
			for err == nil {
				err = dec.Decode(nil)
			}
			if err != io.EOF && err != io.ErrUnexpectedEOF {
				t.Errorf("stream cut after %d bytes: %v", n, err)
			}
		}
	}
	// Values that follow belong to whoever reads next.
	b := bytes.NewBufferString("\x03\x04\x02tail")
	b.Reset()
	NewEncoder(b).Encode(1)
	b.WriteString("tail")
	r := bytes.NewReader(b.Bytes())
	var i int
	if err := NewDecoder(r).Decode(&i); err != nil || i != 1 || r.Len() != 4 {
		t.Fatal(err, i, r.Len())
	}
}

func TestNilAndNonPointers(t *testing.T) {
	for _, c := range codecs {
		for _, v := range []interface{}{nil, (*int)(nil), (*operation)(nil)} {
			if err := c.encode(new(bytes.Buffer), []interface{}{v}); err == nil {
				t.Errorf("%s encoded a nil %T", c.name, v)
			}
		}
		for _, v := range []interface{}{5, operation{}, map[string]int{}, (*int)(nil)} {
			var b bytes.Buffer
			c.encode(&b, []interface{}{1})
			if err := c.decode(&b, []interface{}{v}); err == nil {
				t.Errorf("%s decoded into %#v", c.name, v)
			}
		}
	}
	if _, err := Marshal((*operation)(nil)); err == nil {
		t.Error("Marshal of a nil pointer gave no error")
	}
	if _, err := Marshal(nil); err == nil {
		t.Error("Marshal of nil gave no error")
	}
}

func TestEncodeValue(t *testing.T) {
	holder := struct{ E externals }{externals{X: 3}}
	var nilIface, op interface{} = nil, operation{Key: "k"}
	for _, v := range []reflect.Value{{}, reflect.ValueOf(1), reflect.ValueOf(&holder), reflect.ValueOf(&holder).Elem().Field(0), reflect.ValueOf(holder),
		reflect.ValueOf(&op).Elem(), reflect.ValueOf(&nilIface).Elem(), reflect.ValueOf((*int)(nil))} {
		v := v
		var w, w2 bytes.Buffer
		want := all([]interface{}{1}, func(interface{}) error { return gob.NewEncoder(&w).EncodeValue(v) })
		got := all([]interface{}{1}, func(interface{}) error { return NewEncoder(&w2).EncodeValue(v) })
		if (want == nil) != (got == nil) {
			t.Errorf("EncodeValue(%v): gob says %v, labgob says %v", v, want, got)
		}
	}
}

func TestRegisterRefusesWhatGobRefuses(t *testing.T) {
	type first struct{ A int }
	type second struct{ A int }
	steps := []func(reg func(interface{}), name func(string, interface{})){
		func(reg func(interface{}), name func(string, interface{})) { name("", first{}) },
		func(reg func(interface{}), name func(string, interface{})) { name("t1", first{}) },
		func(reg func(interface{}), name func(string, interface{})) { name("t1", first{}) },
		func(reg func(interface{}), name func(string, interface{})) { name("t1", second{}) },
		func(reg func(interface{}), name func(string, interface{})) { name("t2", first{}) },
		func(reg func(interface{}), name func(string, interface{})) { name("t2", &first{}) },
		func(reg func(interface{}), name func(string, interface{})) { reg(first{}) },
		func(reg func(interface{}), name func(string, interface{})) { reg(&second{}) },
		func(reg func(interface{}), name func(string, interface{})) { reg(second{}) },
		func(reg func(interface{}), name func(string, interface{})) { reg(new(int)) },
		func(reg func(interface{}), name func(string, interface{})) { reg(5) },
		func(reg func(interface{}), name func(string, interface{})) { name("int", "string") },
		func(reg func(interface{}), name func(string, interface{})) { reg(selfPtr(nil)) },
	}
	for i, step := range steps {
		step := step
		want := all([]interface{}{1}, func(interface{}) error { step(gob.Register, gob.RegisterName); return nil })
		got := all([]interface{}{1}, func(interface{}) error { step(Register, RegisterName); return nil })
		if (want == nil) != (got == nil) {
			t.Errorf("step %d: gob says %v, labgob says %v", i, want, got)
		}
	}
}

// A message stands for itself alone: any order, any loss.
func TestMessagesAreIndependent(t *testing.T) {
	want := appendArgs{2, 1, 3, 1, []entry{{1, operation{Key: "a"}}, {2, operation{Key: "b"}}}, 1}
	for i := 0; i < 3; i++ {
		b, err := Marshal(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got appendArgs
		if err := Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, %v", got, err)
		}
		for n := range b {
			if err := Unmarshal(b[:n], &got); err == nil {
				t.Errorf("a message cut after %d of %d bytes was accepted", n, len(b))
			}
		}
		if err := Unmarshal(append(b, 0), &got); err == nil {
			t.Error("a message with a byte too many was accepted")
		}
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		what string
		v    interface{}
		max  int
	}{
		{"heartbeat", appendArgs{Term: 3, LeaderID: 1, PrevLogIndex: 40, PrevLogTerm: 3, LeaderCommit: 39}, 100},
		{"reply", reply{Success: true, Term: 3}, 60},
		{"5000 byte command", appendArgs{Term: 1, Entries: []entry{{1, strings.Repeat("x", 5000)}}}, 5000 + 110},
		{"int", 5, 3},
	} {
		b, err := Marshal(c.v)
		if err != nil || len(b) > c.max {
			t.Errorf("%s takes %d bytes, at most %d allowed; %v", c.what, len(b), c.max, err)
		}
	}
}
