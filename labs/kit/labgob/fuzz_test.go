package labgob

import (
	"bytes"
	"math"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// source turns fuzz bytes into choices; when they run out it chooses 0.
type source struct{ b []byte }

func (s *source) next() int {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return int(c)
}

func (s *source) upTo(n int) int { return s.next() % n }

var leafTypes = []interface{}{
	false, int(0), int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), uintptr(0),
	float32(0), float64(0), complex64(0), complex128(0), "", []byte(nil), []int(nil), []string(nil), named(0), namedStr(""),
	inner{}, list{}, valueGob{}, binary{}, time.Time{}, operation{}, entry{}, Inner2{}, lower{}, empty{}, [3]octet{}, scalars{}, tree{},
}

// keyTypes hold no pointers, which make keys that are like no other.
var keyTypes = []interface{}{int(0), "", int8(0), uint64(0), false, 0.0, named(0), namedStr(""), inner{}, [2]int{}, operation{}, valueGob{}}

var ifaceType = reflect.TypeOf((*interface{})(nil)).Elem()

var fieldNames = []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"}

// randomType draws a type from s. A gene is one of few, so that the caches of
// both codecs stay small over millions of runs.
func randomType(s *source, depth int) reflect.Type {
	if depth <= 0 {
		return reflect.TypeOf(leafTypes[s.upTo(len(leafTypes))])
	}
	switch s.upTo(10) {
	case 0:
		return reflect.PtrTo(randomType(s, depth-1))
	case 1:
		return reflect.SliceOf(randomType(s, depth-1))
	case 2:
		return reflect.ArrayOf(s.upTo(4), randomType(s, depth-1))
	case 3:
		key := keyTypes[s.upTo(len(keyTypes))]
		return reflect.MapOf(reflect.TypeOf(key), randomType(s, depth-1))
	case 4:
		return ifaceType
	case 5, 6, 7:
		n := s.upTo(len(fieldNames) + 1)
		first := s.upTo(3)
		var fields []reflect.StructField
		for i := 0; i < n && first+i < len(fieldNames); i++ {
			fields = append(fields, reflect.StructField{Name: fieldNames[first+i], Type: randomType(s, depth-1)})
		}
		return reflect.StructOf(fields)
	}
	return reflect.TypeOf(leafTypes[s.upTo(len(leafTypes))])
}

// gene spreads two bytes into a choice of types.
func gene(s *source) *source {
	x := uint32(s.next()&3)<<8 | uint32(s.next())
	b := make([]byte, 64)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return &source{b}
}

var someInts = []int64{0, 1, -1, 127, 128, -128, -129, 247, 248, 255, 256, 32767, -32769, 1 << 31, 1<<53 + 1, math.MaxInt64, math.MinInt64}
var someFloats = []float64{0, 1, -1, 0.5, 1e10, 1e38, 1e39, -1e300, math.Inf(1), math.Pi, math.SmallestNonzeroFloat64}

func fill(s *source, v reflect.Value, depth int) {
	if depth <= 0 || s.next() == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(s.upTo(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(someInts[s.upTo(len(someInts))])
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(someInts[s.upTo(len(someInts))]))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(someFloats[s.upTo(len(someFloats))])
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(someFloats[s.upTo(len(someFloats))], someFloats[s.upTo(len(someFloats))]))
	case reflect.String:
		n := s.upTo(12)
		if n == 11 {
			n = 260
		}
		v.SetString(string(bytes.Repeat([]byte{byte(s.next())}, n)))
	case reflect.Ptr:
		v.Set(reflect.New(v.Type().Elem()))
		fill(s, v.Elem(), depth-1)
	case reflect.Slice:
		n := s.upTo(5)
		v.Set(reflect.MakeSlice(v.Type(), n, n+s.upTo(3)))
		for i := 0; i < n; i++ {
			fill(s, v.Index(i), depth-1)
		}
	case reflect.Array:
		for i := 0; i < v.Len(); i++ {
			fill(s, v.Index(i), depth-1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for n := s.upTo(4); n > 0; n-- {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(s, k, depth-1)
			fill(s, e, depth-1)
			if k.Comparable() {
				v.SetMapIndex(k, e)
			}
		}
	case reflect.Interface:
		if v.NumMethod() > 0 {
			return
		}
		contents := []interface{}{int(0), "", operation{}, &operation{}, inner{}, []byte(nil), int64(0), named(0), time.Time{}, []interface{}(nil), map[string]int(nil), valueGob{}, scalars{}, unregistered{}, false, []string(nil), tree{}, Inner2{}}
		c := reflect.New(reflect.TypeOf(contents[s.upTo(len(contents))])).Elem()
		fill(s, c, depth-1)
		v.Set(c)
	case reflect.Struct:
		switch x := v.Addr().Interface().(type) {
		case *time.Time:
			*x = time.Unix(int64(s.next())<<20, 5).UTC()
			return
		case *valueGob:
			x.n = s.upTo(9)
			return
		case *binary:
			x.n = s.upTo(9)
			return
		}
		for i := 0; i < v.NumField(); i++ {
			if v.Field(i).CanSet() {
				fill(s, v.Field(i), depth-1)
			}
		}
	}
}

// FuzzSameMeaning draws values of random types, sends them in one stream, and
// receives them into variables, fresh or in use, of the same or other types.
func FuzzSameMeaning(f *testing.F) {
	for i := 0; i < 200; i++ {
		x := uint32(i)
		b := make([]byte, 120)
		for i := range b {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &source{b}
		how := s.next()
		first, other := randomType(gene(s), 3), randomType(gene(s), 3)
		in := []interface{}{}
		types := []reflect.Type{first, first, other}
		for _, typ := range types[:1+how%3] {
			p := reflect.New(typ)
			fill(s, p.Elem(), 6)
			if how&4 != 0 {
				in = append(in, p.Interface())
			} else {
				in = append(in, p.Elem().Interface())
			}
		}
		if how&8 != 0 {
			types = []reflect.Type{other, first, first}
		}
		rest := s.b
		compare(t, in, func() (out []interface{}) {
			s := &source{rest}
			for i := range in {
				p := reflect.New(types[i])
				if how&16 != 0 {
					fill(s, p.Elem(), 5)
				}
				out = append(out, p.Interface())
			}
			return out
		})
	})
}

// FuzzZoo receives values of the zoo's types, with random contents, into other
// types of the zoo.
func FuzzZoo(f *testing.F) {
	zooTypes := []interface{}{
		operation{}, entry{}, appendArgs{}, reply{}, snapshot{}, scalars{}, pointers{}, slices{}, maps{}, arrays{}, list{}, tree{}, selfSlice{}, selfMap{},
		embedded{}, flat{}, lower{}, big9{}, big9Renamed{}, times{}, kinds{}, externals{}, wide{}, narrow{}, shapes{}, withFunc{}, text{}, hasFailing{},
	}
	for i := range zooTypes {
		f.Add(byte(i), byte(i), bytes.Repeat([]byte{1, 2, 3, byte(i)}, 30))
		f.Add(byte(i), byte(i+1), bytes.Repeat([]byte{5, 9, 200, 3}, 30))
	}
	f.Fuzz(func(t *testing.T, from, into byte, b []byte) {
		s := &source{b}
		how := s.next()
		p := reflect.New(reflect.TypeOf(zooTypes[int(from)%len(zooTypes)]))
		fill(s, p.Elem(), 7)
		typ := p.Type().Elem()
		if how&1 != 0 {
			typ = reflect.TypeOf(zooTypes[int(into)%len(zooTypes)])
		}
		rest := s.b
		compare(t, []interface{}{p.Interface(), 1, p.Interface()}, func() []interface{} {
			q := reflect.New(typ)
			if how&2 != 0 {
				fill(&source{rest}, q.Elem(), 5)
			}
			return []interface{}{q.Interface(), new(int), q.Interface()}
		})
	})
}

// FuzzDecode gives the decoder any bytes: it may refuse them, but must not
// panic, nor allocate much more than their number justifies.
func FuzzDecode(f *testing.F) {
	for _, v := range zoo() {
		if v == nil || isNilPointer(v) {
			continue
		}
		if b, err := Marshal(v); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeAnything(b)
	})
}

func decodeAnything(b []byte) {
	for _, v := range []interface{}{nil, new(appendArgs), new(snapshot), new(slices), new(maps), new(arrays), new(tree), new(scalars), new(shapes),
		new(externals), new(interface{}), new([]interface{}), new(map[interface{}]interface{}), new(selfSlice), new(embedded), new(behindPtr), new(big9)} {
		Unmarshal(b, v)
		dec := NewDecoder(bytes.NewReader(b))
		for i := 0; i < 3; i++ {
			if dec.Decode(v) != nil {
				break
			}
		}
	}
}

// damaged are messages that announce more than they hold, or never end.
func damaged() (list [][]byte) {
	message := func(body ...byte) { list = append(list, append(appendUint(nil, uint64(len(body))), body...)) }
	huge := []byte{255, 255, 255, 255, 255, 255, 255, 255, 127}
	list = append(list, huge, []byte{251, 255, 255, 255, 63}, nil, []byte{0})
	message(append([]byte{refString << 1}, huge...)...)
	message(append([]byte{refBytes << 1}, huge...)...)
	message(append([]byte{refInterface<<1 | 1}, huge...)...)
	message(append([]byte{firstComposite<<1 | 1, 5, defTypes, 3, 1, compSlice, refInt}, huge...)...)
	message(append([]byte{firstComposite<<1 | 1, 6, defTypes, 4, 1, compMap, refInt, refInt}, huge...)...)
	message(firstComposite<<1|1, 5, defTypes, 3, 1, compSlice, 16) // a slice of itself
	message(append([]byte{firstComposite<<1 | 1, 5, defTypes, 3, 1, compSlice, 16}, bytes.Repeat([]byte{1}, 1<<20)...)...)
	message(append([]byte{firstComposite<<1 | 1, 6, defTypes, 4, 1, compArray, 1, 16}, bytes.Repeat([]byte{1}, 1<<20)...)...)
	message(append([]byte{firstComposite<<1 | 1, 11, defTypes, 9, 1, compStruct, 1, 16, 4, 'N', 'e', 'x', 't'}, bytes.Repeat([]byte{1}, 1<<20)...)...)
	message(append([]byte{refInterface << 1}, bytes.Repeat([]byte{tagBool}, 9)...)...)
	message(firstComposite << 1)
	message(firstComposite<<1|1, 5, defTypes, 3, 1, compSlice, 17)
	message(firstComposite<<1|1, 5, defTypes, 3, 1, 9, 1)
	message(firstComposite<<1|1, 5, defTypes, 3, 200, compSlice, 1)
	message(refInterface<<1|1, 4, defConcrete, 1, 'x', refInt, 64, 2)
	message(refInterface<<1|1, 6, defConcrete, 3, 'i', 'n', 't', refString, 64, 1, 'x')
	return list
}

func TestDamagedMessages(t *testing.T) {
	for i, b := range damaged() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decodeAnything(b)
		runtime.ReadMemStats(&after)
		if used, allowed := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+400*len(b)); used > allowed {
			t.Errorf("message %d of %d bytes made the decoder allocate %d bytes, more than %d", i, len(b), used, allowed)
		}
	}
}
