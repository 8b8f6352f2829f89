package labgob

import (
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
)

// concrete is a type that may travel inside interface values, by name.
type concrete struct {
	name string
	info *info // of the type as registered, pointers included
	tag  byte  // for the basic types, which need no definition; else 0
}

// registry is gob's: one for the program, as Register has no other place to put
// what it is told. Its maps are replaced, never changed, so reading takes no lock.
var registry struct {
	sync.Mutex
	basic sync.Once
	maps  atomic.Value // registered, once basic is done
}

type registered struct {
	byName map[string]*concrete
	byBase map[reflect.Type]*concrete // without pointers
}

// basicTypes may travel inside interface values unregistered. A type's tag is
// its place in this list, from 1.
var basicTypes = []interface{}{
	int(0), int8(0), int16(0), int32(0), int64(0),
	uint(0), uint8(0), uint16(0), uint32(0), uint64(0),
	float32(0), float64(0), complex64(0), complex128(0), uintptr(0), false, "",
	[]byte(nil), []int(nil), []int8(nil), []int16(nil), []int32(nil), []int64(nil),
	[]uint(nil), []uint16(nil), []uint32(nil), []uint64(nil),
	[]float32(nil), []float64(nil), []complex64(nil), []complex128(nil), []uintptr(nil), []bool(nil), []string(nil),
}

// The tags of the basic types that commands are most often made of.
const (
	tagInt    = 1
	tagInt64  = 5
	tagBool   = 16
	tagString = 17
)

// known gives the registry's maps. They are made when they are first needed: a
// server boots thousands of times in a grading, and one whose commands are
// numbers or strings needs them never.
func known() registered {
	registry.basic.Do(func() {
		r := registered{make(map[string]*concrete, len(basicTypes)), make(map[reflect.Type]*concrete, len(basicTypes))}
		infos := addInfos(basicTypes)
		for i, in := range infos {
			c := &concrete{in.typ.String(), in, byte(i + 1)}
			r.byName[c.name], r.byBase[in.typ] = c, c
		}
		registry.maps.Store(r)
	})
	return registry.maps.Load().(registered)
}

func concreteOf(base reflect.Type) *concrete { return known().byBase[base] }

func concreteNamed(name []byte) *concrete { return known().byName[string(name)] }

// Register allows values of value's type, or pointers to them, to travel inside
// interface values. Sender and receiver must both have registered it. It panics
// if the type's name already stands for another type, or the type already has
// another name.
func Register(value interface{}) { register(defaultName(reflect.TypeOf(value)), value) }

// RegisterName is Register with a name of the caller's choice.
func RegisterName(name string, value interface{}) { register(name, value) }

// defaultName is gob's: the package's path and the type's name, or, for types
// without a name, even pointers to types with one, the type as it is written.
func defaultName(t reflect.Type) string {
	if t.Name() == "" || t.PkgPath() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

func register(name string, value interface{}) {
	if name == "" {
		panic("labgob: attempt to register empty name")
	}
	in := infoOf(value)
	in.warnNames()
	base, _, err := flatten(in.typ)
	if err != nil {
		panic(err)
	}
	registry.Lock()
	defer registry.Unlock()
	old := known()
	if c := old.byName[name]; c != nil && c.info != in {
		panic("labgob: registering duplicate types for " + strconv.Quote(name) + ": " + c.info.typ.String() + " != " + in.typ.String())
	}
	if c := old.byBase[base]; c != nil {
		if c.name != name {
			panic("labgob: registering duplicate names for " + in.typ.String() + ": " + strconv.Quote(c.name) + " != " + strconv.Quote(name))
		}
		return
	}
	r := registered{make(map[string]*concrete, len(old.byName)+1), make(map[reflect.Type]*concrete, len(old.byBase)+1)}
	for k, v := range old.byName {
		r.byName[k] = v
	}
	for k, v := range old.byBase {
		r.byBase[k] = v
	}
	c := &concrete{name: name, info: in}
	r.byName[name], r.byBase[base] = c, c
	registry.maps.Store(r)
}
