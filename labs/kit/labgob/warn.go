package labgob

import (
	"os"
	"reflect"
	"sync"
	"unsafe"
)

// warnings are told once each: the lab's testers, too, keep a list for the
// whole program.
var warnings struct {
	sync.Mutex
	tell  func(string)
	types map[reflect.Type]bool // looked through for lower-case fields
	used  map[string]bool       // variables and fields that were told to be in use
}

// SetWarn makes warn receive the package's warnings, one line each without its
// end, instead of the standard output.
func SetWarn(warn func(string)) {
	warnings.Lock()
	defer warnings.Unlock()
	warnings.tell = warn
}

// warn is called with the lock held.
func warn(s string) {
	if warnings.tell != nil {
		warnings.tell(s)
		return
	}
	os.Stdout.WriteString(s + "\n")
}

// warnNames warns of fields that will silently not be sent, the first time that
// the type is used.
func (in *info) warnNames() {
	in.warnOnce.Do(func() {
		warnings.Lock()
		defer warnings.Unlock()
		if warnings.types == nil {
			warnings.types = make(map[reflect.Type]bool)
		}
		warnLower(in.typ)
		if in.pointer {
			in.valueSize = in.typ.Elem().Size()
			in.mayWarn = mayBeUsed(in.typ.Elem(), 2)
		}
	})
}

func warnLower(t reflect.Type) {
	if warnings.types[t] {
		return
	}
	warnings.types[t] = true
	if ext, _ := external(t, gobEncoderType, marshalerType); ext != 0 {
		return // it knows what it sends
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			f := t.Field(i)
			if !exported(f.Name) {
				warn("labgob error: lower-case field " + f.Name + " of " + t.Name() + " in RPC or persist/snapshot will break your Raft")
			}
			warnLower(f.Type)
		}
	case reflect.Map:
		warnLower(t.Key())
		warnLower(t.Elem())
	case reflect.Ptr, reflect.Slice, reflect.Array:
		warnLower(t.Elem())
	}
}

// usedDepth is how deep the lab looks for values of former use: the pointer, the
// struct, its fields.
const usedDepth = 3

// mayBeUsed reports whether warnUsed could say anything about a variable of type t.
func mayBeUsed(t reflect.Type, depth int) bool {
	if depth > usedDepth {
		return false
	}
	switch k := t.Kind(); {
	case k == reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			if mayBeUsed(t.Field(i).Type, depth+1) {
				return true
			}
		}
		return false
	case k == reflect.Ptr:
		return mayBeUsed(t.Elem(), depth+1)
	default:
		return k >= reflect.Bool && k <= reflect.Uintptr || k == reflect.String
	}
}

// warnUsed warns if a variable to be decoded into holds something: fields that
// the message leaves out would keep it.
func (in *info) warnUsed(v interface{}) {
	if !in.mayWarn || zeroMemory(unpack(&v).data, in.valueSize) {
		return
	}
	warnings.Lock()
	defer warnings.Unlock()
	warnUsed(reflect.ValueOf(v), 1, "")
}

func warnUsed(v reflect.Value, depth int, name string) {
	if depth > usedDepth {
		return
	}
	t := v.Type()
	switch k := t.Kind(); {
	case k == reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			field := t.Field(i).Name
			if name != "" {
				field = name + "." + field
			}
			warnUsed(v.Field(i), depth+1, field)
		}
	case k == reflect.Ptr:
		if !v.IsNil() {
			warnUsed(v.Elem(), depth+1, name)
		}
	case k >= reflect.Bool && k <= reflect.Uintptr || k == reflect.String:
		if v.IsZero() {
			return
		}
		if name == "" {
			name = t.Name()
		}
		if !warnings.used[name] {
			if warnings.used == nil {
				warnings.used = make(map[string]bool)
			}
			warnings.used[name] = true
			warn("labgob warning: Decoding into a non-default variable/field " + name + " may not work")
		}
	}
}

func zeroMemory(q unsafe.Pointer, size uintptr) bool {
	i := uintptr(0)
	for ; i+8 <= size; i += 8 {
		if *(*uint64)(at(q, i)) != 0 {
			return false
		}
	}
	for ; i < size; i++ {
		if *(*byte)(at(q, i)) != 0 {
			return false
		}
	}
	return true
}
