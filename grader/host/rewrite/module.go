package rewrite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Names of what a rewritten module exports besides its own.
const (
	FuelGlobal = "raftlab_fuel" // i64: loops left to run
	ExitGlobal = "raftlab_exit" // i64: the code given to os.Exit
	// OwnGlobal begins the names of the module's own globals, which end with
	// their numbers from 0, and after them that of the pages that it knows of. With
	// them, the two above and its memory a program is what it is.
	OwnGlobal = "raftlab_global"
)

// Overdraft is how far below zero fuel may fall while Go's own runtime runs.
const Overdraft = 10_000_000

// StartFuel is the fuel that a fresh instance has until its host sets it.
const StartFuel = 25_000_000

// Functions of the kit that inserted code calls, by the end of their names.
const (
	kitGuest = "kit_guest."
	spinHook = kitGuest + "raftlabSpin"
	exitHook = kitGuest + "raftlabExit"
)

const (
	secCustom = 0
	secType   = 1
	secImport = 2
	secFunc   = 3
	secTable  = 4
	secMemory = 5
	secGlobal = 6
	secExport = 7
	secStart  = 8
	secElem   = 9
	secCode   = 10
	secData   = 11
	secCount  = 12
)

type section struct {
	id   byte
	body []byte
	at   int // offset of body in the module, for messages
}

// module is what has to be known of a module before its code is rewritten.
type module struct {
	secs    []section
	goType  []bool         // type index -> (i32) -> i32
	imports int            // imported functions, which come first
	types   []uint64       // of each function that is not imported
	names   map[int]string // function index -> name
	globals uint64
	low     uint64 // pages of memory at the start
	counted bool   // the number of data segments is written elsewhere too

	// Indexes of functions, -1 for none.
	spin, exit, osExit, sigpanic int
}

// Rewrite returns wasm with fuel and with memory bounded by maxPages of 64 KiB.
// It refuses what Go does not emit and what is not linked with the kit.
func Rewrite(wasm []byte, maxPages uint32) ([]byte, error) {
	out, err := rewrite(wasm, maxPages)
	if err != nil {
		return nil, fmt.Errorf("rewriting the module: %w", err)
	}
	return out, nil
}

func rewrite(wasm []byte, maxPages uint32) ([]byte, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(wasm)+len(wasm)/16), wasm[:8]...)
	for _, s := range m.secs {
		body := s.body
		switch s.id {
		case secMemory:
			body, err = boundMemory(s, maxPages)
		case secGlobal:
			body, err = m.addGlobals(s)
		case secExport:
			body, err = m.addExports(s)
		case secCode:
			body, err = m.burn(s)
		case secData:
			if !m.counted {
				body, err = joinData(s)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("section %d at %#x: %w", s.id, s.at, err)
		}
		out = append(out, s.id)
		out = appendU(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

const header = "\x00asm\x01\x00\x00\x00"

func parse(wasm []byte) (*module, error) {
	if len(wasm) < 8 || string(wasm[:8]) != header {
		return nil, errors.New("want a WebAssembly module, version 1, found something else")
	}
	m := &module{names: map[int]string{}, spin: -1, exit: -1, osExit: -1, sigpanic: -1}
	r := reader{b: wasm, pos: 8}
	seen := map[byte]bool{}
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		body := r.bytes(r.u32())
		if r.err != nil {
			break
		}
		if id > secCount {
			return nil, fmt.Errorf("section %d is unknown", id)
		}
		if id != secCustom && seen[id] {
			return nil, fmt.Errorf("section %d comes twice", id)
		}
		seen[id] = true
		m.counted = m.counted || id == secCount
		s := section{id, body, r.pos - len(body)}
		m.secs = append(m.secs, s)
		if err := m.learn(s); err != nil {
			return nil, fmt.Errorf("section %d at %#x: %w", id, s.at, err)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	for _, id := range []byte{secType, secFunc, secMemory, secGlobal, secExport, secCode} {
		if !seen[id] {
			return nil, fmt.Errorf("section %d is missing: this is not a program of Go", id)
		}
	}
	if seen[secStart] {
		return nil, errors.New("it has a start function: code that would run before it can be given fuel")
	}
	return m, m.findHooks()
}

func (m *module) learn(s section) error {
	r := reader{b: s.body}
	switch s.id {
	case secCustom:
		if r.name() == "name" {
			m.learnNames(&r)
		}
	case secType:
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			if form := r.byte(); form != 0x60 {
				r.fail("type form %#x", form)
			}
			params := r.bytes(r.u32())
			results := r.bytes(r.u32())
			m.goType = append(m.goType, string(params) == "\x7f" && string(results) == "\x7f")
		}
	case secImport:
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			mod := r.name()
			field := r.name()
			if kind := r.byte(); kind != 0 {
				r.fail("the import %s.%s is not a function", mod, field)
			}
			r.u32()
			if mod != "raftlab" && mod != "wasi_snapshot_preview1" {
				r.fail("the import %s.%s is not of raftlab or wasi_snapshot_preview1", mod, field)
			}
			m.imports++
		}
	case secFunc:
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			m.types = append(m.types, r.u32())
		}
	case secMemory: // boundMemory checks it
		r.u32()
		r.byte()
		m.low = r.u32()
	case secGlobal:
		m.globals = r.u32()
		// The inserted code uses SP, which must be what Go makes it.
		if t, mut := r.byte(), r.byte(); t != 0x7f || mut != 1 {
			r.fail("global 0 has type %#x, mutable %d; want Go's SP, a mutable i32", t, mut)
		}
	}
	return r.err
}

func (m *module) learnNames(r *reader) {
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		sub := reader{b: r.bytes(r.u32())}
		if id != 1 { // function names
			continue
		}
		for n := sub.u32(); n > 0 && sub.err == nil; n-- {
			i := sub.u32()
			m.names[int(i)] = sub.name()
		}
		if sub.err != nil {
			r.fail("function names: %v", sub.err)
		}
	}
}

func (m *module) findHooks() error {
	for i, name := range m.names {
		var hook *int
		switch {
		case strings.HasSuffix(name, spinHook):
			hook = &m.spin
		case strings.HasSuffix(name, exitHook):
			hook = &m.exit
		case name == "os.Exit":
			hook = &m.osExit
		case name == "runtime.sigpanic":
			hook = &m.sigpanic
		default:
			continue
		}
		if *hook >= 0 {
			return fmt.Errorf("two functions are called %s", name)
		}
		if !m.isGo(i) {
			return fmt.Errorf("function %s is not one of Go", name)
		}
		*hook = i
	}
	if m.spin < 0 || m.exit < 0 || m.sigpanic < 0 {
		return fmt.Errorf("functions named ...%s and ...%s are missing: the module is not linked with the kit, or its function names were stripped", spinHook, exitHook)
	}
	return nil
}

// isGo says whether function i has the type of all functions in Go code.
func (m *module) isGo(i int) bool {
	f := i - m.imports
	return f >= 0 && f < len(m.types) && m.types[f] < uint64(len(m.goType)) && m.goType[m.types[f]]
}

// MemoryError says that a program's variables need more memory than there is.
type MemoryError struct{ Needs, Allowed uint64 } // KiB

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the program's data alone needs %d KiB of memory; %d KiB are allowed", e.Needs, e.Allowed)
}

func boundMemory(s section, maxPages uint32) ([]byte, error) {
	r := reader{b: s.body}
	n, flags, low := r.u32(), r.byte(), r.u32()
	if flags == 1 {
		r.u32()
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case n != 1 || flags > 1 || r.left() > 0:
		return nil, errors.New("want one memory of 32 bits, not shared")
	case low > uint64(maxPages):
		return nil, &MemoryError{Needs: low * 64, Allowed: uint64(maxPages) * 64}
	}
	return appendU(appendU([]byte{1, 1}, low), uint64(maxPages)), nil
}

// The globals added after the module's own.
func (m *module) fuel() uint64     { return m.globals }
func (m *module) exitCode() uint64 { return m.globals + 1 }
func (m *module) length() uint64   { return m.globals + 2 } // i32: scratch
func (m *module) pages() uint64    { return m.globals + 3 } // i32: of memory, for the program

func (m *module) addGlobals(s section) ([]byte, error) {
	r := reader{b: s.body}
	b := appendU(nil, r.u32()+4)
	b = append(b, s.body[r.pos:]...)
	b = append(appendS(append(b, 0x7e, 1, 0x42), StartFuel), 0x0b)
	b = append(b, 0x7e, 1, 0x42, 0, 0x0b)
	b = append(b, 0x7f, 1, 0x41, 0, 0x0b)
	return append(appendS(append(b, 0x7f, 1, 0x41), int64(m.low)), 0x0b), nil
}

func (m *module) addExports(s section) ([]byte, error) {
	r := reader{b: s.body}
	b := appendU(nil, r.u32()+3+m.globals)
	b = append(b, s.body[r.pos:]...)
	for _, name := range []string{FuelGlobal, ExitGlobal, OwnGlobal} {
		if strings.Contains(string(s.body), name) {
			return nil, fmt.Errorf("it exports %s already: it was rewritten before", name)
		}
	}
	global := func(name string, i uint64) {
		b = appendU(b, uint64(len(name)))
		b = append(b, name...)
		b = appendU(append(b, 3), i)
	}
	global(FuelGlobal, m.fuel())
	global(ExitGlobal, m.exitCode())
	for i := range m.globals {
		global(OwnGlobal+strconv.FormatUint(i, 10), i)
	}
	global(OwnGlobal+strconv.FormatUint(m.globals, 10), m.pages())
	return b, nil
}
