package labgob

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"reflect"
	"testing"
)

// codec is one of the two implementations that must mean the same.
type codec struct {
	name   string
	encode func(w *bytes.Buffer, vs []interface{}) error
	decode func(r *bytes.Buffer, vs []interface{}) error
}

var codecs = [2]codec{
	{"gob",
		func(w *bytes.Buffer, vs []interface{}) error {
			return all(vs, gob.NewEncoder(w).Encode)
		},
		func(r *bytes.Buffer, vs []interface{}) error {
			return all(vs, gob.NewDecoder(r).Decode)
		}},
	{"labgob",
		func(w *bytes.Buffer, vs []interface{}) error {
			return all(vs, NewEncoder(w).Encode)
		},
		func(r *bytes.Buffer, vs []interface{}) error {
			return all(vs, NewDecoder(r).Decode)
		}},
}

// all calls f for every value and gives the last error, as a stream goes on
// after an error. A panic counts as an error.
func all(vs []interface{}, f func(interface{}) error) (last error) {
	for _, v := range vs {
		func() {
			defer func() {
				if p := recover(); p != nil {
					last = fmt.Errorf("panic: %v", p)
				}
			}()
			if err := f(v); err != nil {
				last = err
			}
		}()
	}
	return last
}

// result is what one codec makes of a case.
type result struct {
	encErr, decErr error
	size           int
	out            []interface{}
}

func (c codec) run(in []interface{}, out []interface{}) (r result) {
	var b bytes.Buffer
	r.encErr = c.encode(&b, in)
	r.size = b.Len()
	if r.encErr == nil {
		r.decErr = c.decode(&b, out)
	}
	r.out = out
	return r
}

// compare runs both codecs on the same values and fails if a user could tell
// them apart by anything but their bytes.
func compare(t *testing.T, in []interface{}, receivers func() []interface{}) (ours result) {
	t.Helper()
	want := codecs[0].run(in, receivers())
	got := codecs[1].run(in, receivers())
	switch {
	case (want.encErr == nil) != (got.encErr == nil):
		t.Fatalf("encoding %#v: gob says %v, labgob says %v", in, want.encErr, got.encErr)
	case want.decErr != nil && got.decErr == nil && mayFailToSkip(in, want.out):
		return got
	case (want.decErr == nil) != (got.decErr == nil):
		t.Fatalf("decoding %#v into %s: gob says %v, labgob says %v", in, typesOf(want.out), want.decErr, got.decErr)
	case want.encErr != nil || want.decErr != nil:
		return got
	case got.size > want.size:
		t.Fatalf("%#v takes %d bytes, more than gob's %d", in, got.size, want.size)
	}
	for i := range want.out {
		if !same(reflect.ValueOf(want.out[i]), reflect.ValueOf(got.out[i]), 0) {
			t.Fatalf("%#v comes back differently:\n   gob %s\nlabgob %s", in[i], show(want.out[i]), show(got.out[i]))
		}
	}
	return got
}

// gobCannotSkip reports whether v holds what gob fails to pass over when the
// receiver has no place for it: a nil interface in a slice, array or map, or an
// interface within an interface.
func gobCannotSkip(v reflect.Value, element, inside bool, depth int) bool {
	if depth > 50 {
		return false
	}
	depth++
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return element
		}
		return inside || gobCannotSkip(v.Elem(), false, true, depth)
	case reflect.Ptr:
		return gobCannotSkip(v.Elem(), element, inside, depth)
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if gobCannotSkip(v.Field(i), false, inside, depth) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len(); i++ {
			if gobCannotSkip(v.Index(i), true, inside, depth) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if gobCannotSkip(it.Key(), true, inside, depth) || gobCannotSkip(it.Value(), true, inside, depth) {
				return true
			}
		}
	}
	return false
}

// mayFailToSkip reports whether one of the values is such a value and its
// receiver is of another type.
func mayFailToSkip(in, out []interface{}) bool {
	for i, v := range in {
		to := reflect.TypeOf(out[i])
		if gobCannotSkip(reflect.ValueOf(v), false, false, 0) && (to == nil || to != reflect.TypeOf(v) && to.Elem() != reflect.TypeOf(v)) {
			return true
		}
	}
	return false
}

func typesOf(vs []interface{}) (s string) {
	for _, v := range vs {
		s += fmt.Sprintf("%T ", v)
	}
	return s
}

func show(v interface{}) string {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Ptr && !p.IsNil() {
		v = p.Elem().Interface()
	}
	return fmt.Sprintf("%#v", v)
}

// same is reflect.DeepEqual, but a NaN is the same as itself.
func same(a, b reflect.Value, depth int) bool {
	if depth > 200 {
		return true
	}
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	depth++
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float()) || a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	case reflect.Complex64, reflect.Complex128:
		return fmt.Sprint(a.Complex()) == fmt.Sprint(b.Complex())
	case reflect.Ptr, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem(), depth)
	case reflect.Slice, reflect.Array:
		if a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := 0; i < a.Len(); i++ {
			if !same(a.Index(i), b.Index(i), depth) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() && k.Comparable() && k.Equal(k) || v.IsValid() && !same(a.MapIndex(k), v, depth) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := 0; i < a.NumField(); i++ {
			if !same(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return a.Pointer() == b.Pointer()
	}
	return reflect.DeepEqual(exposed(a), exposed(b))
}

// exposed gives the value of a scalar, even of an unexported field.
func exposed(v reflect.Value) interface{} {
	switch k := v.Kind(); {
	case k == reflect.Bool:
		return v.Bool()
	case k >= reflect.Int && k <= reflect.Int64:
		return v.Int()
	case k >= reflect.Uint && k <= reflect.Uintptr:
		return v.Uint()
	}
	return v.String()
}
