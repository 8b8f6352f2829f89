package rewrite

import (
	"fmt"
	"strings"
)

const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opBrTable     = 0x0e
	opCall        = 0x10
	opCallInd     = 0x11
	opDrop        = 0x1a
	opLocalGet    = 0x20
	opLocalSet    = 0x21
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI64Load     = 0x29
	opI64Store    = 0x37
	opElse        = 0x05
	opMemorySize  = 0x3f
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI64Const    = 0x42
	opI32Eq       = 0x46
	opI32GtU      = 0x4b
	opI64LtS      = 0x53
	opI32Add      = 0x6a
	opI32Sub      = 0x6b
	opI32ShrU     = 0x76
	opI64Add      = 0x7c
	opI64Sub      = 0x7d
	opI64ExtendU  = 0xad
	opPrefix      = 0xfc
	opMemoryCopy  = 10
	opMemoryFill  = 11

	blockEmpty = 0x40
	blockI32   = 0x7f
)

const sp = 0 // Go's stack pointer

// burn rewrites the code section.
func (m *module) burn(s section) ([]byte, error) {
	r := reader{b: s.body}
	n := r.u32()
	if r.err == nil && n != uint64(len(m.types)) {
		return nil, fmt.Errorf("%d functions are declared, %d have code", len(m.types), n)
	}
	out := appendU(make([]byte, 0, len(s.body)+len(s.body)/16), n)
	var code, body []byte
	for f := 0; f < int(n) && r.err == nil; f++ {
		src := r.bytes(r.u32())
		if r.err != nil {
			break
		}
		i := m.imports + f
		sc, err := scan(src)
		if err != nil {
			return nil, fmt.Errorf("function %d (%s): %w", i, m.names[i], err)
		}
		code = m.burnCode(code[:0], i)
		body = m.insert(body[:0], src, sc, code, i)
		out = appendU(out, uint64(len(body)))
		out = append(out, body...)
	}
	if r.err == nil && r.left() > 0 {
		r.fail("%d bytes are left over", r.left())
	}
	return out, r.err
}

// burnCode appends the code that burns one unit in function i.
func (m *module) burnCode(b []byte, i int) []byte {
	fuel := m.fuel()
	b = appendU(append(b, opGlobalGet), fuel)
	b = append(b, opI64Const, 1, opI64Sub, opGlobalSet)
	b = appendU(b, fuel)
	b = appendU(append(b, opGlobalGet), fuel)
	b = append(b, opI64Const)
	if !m.interruptible(i) {
		b = appendS(b, -Overdraft)
		return append(b, opI64LtS, opIf, blockEmpty, opUnreachable, opEnd)
	}
	b = append(b, 0, opI64LtS, opIf, blockEmpty)
	b = m.callHook(b, i, m.spin)
	return append(b, opEnd)
}

// callHook appends a call from function i to one of the kit's hooks, which never
// returns. The stack looks as if function i had hit a nil pointer at the block
// it is at: the only kind of call that Go's traceback accepts anywhere in a
// function. So a frame of runtime.sigpanic, at its very entry, lies between.
func (m *module) callHook(b []byte, i, hook int) []byte {
	b = append(b, opGlobalGet, sp, opI32Const, 16, opI32Sub, opGlobalSet, sp)
	b = append(b, opGlobalGet, sp, opI64Const)
	b = appendS(b, m.entry(i))
	b = append(b, opLocalGet, 0, opI64ExtendU, opI64Add, opI64Store, 3, 8)
	b = append(b, opGlobalGet, sp, opI64Const)
	b = appendS(b, m.entry(m.sigpanic))
	b = append(b, opI64Store, 3, 0)
	b = append(b, opI32Const, 0, opCall)
	b = appendU(b, uint64(hook))
	return append(b, opDrop, opUnreachable)
}

// entry is the address of function i, as Go counts.
func (m *module) entry(i int) int64 { return int64(0x1000+i-m.imports) << 16 }

// interruptible says whether function i runs on a goroutine's own stack with
// the scheduler in order: neither Go's runtime nor what it is built from, nor
// the hooks and the calls into the host that they make.
func (m *module) interruptible(i int) bool {
	name := m.names[i]
	if !m.isGo(i) || strings.Contains(name, kitGuest) {
		return false
	}
	for _, p := range []string{"runtime.", "runtime_", "internal_", "sync.", "sync_", "_rt0_", "gogo", "syscall.", "syscall_", "os."} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	return name != "" && strings.Contains(name, ".")
}

// sites are the places in a function where code is to be changed.
type sites struct {
	start int // of the instructions, after the locals
	list  []site
	loops bool
	calls bool
}

// site is a piece of code for which other code is to stand.
type site struct {
	from, to int
	op       byte // opLoop, opBlock, opBr, opBrIf, opPrefix (a memory.copy or memory.fill), opMemorySize or opMemoryGrow
	label    int  // of opBr and opBrIf
}

func (m *module) insert(out, src []byte, sc sites, code []byte, i int) []byte {
	out = append(out, src[:sc.start]...)
	if i == m.osExit {
		// The code is the argument: 8 bytes above SP, at the entry.
		out = append(out, opGlobalGet, sp, opI64Load, 3, 8, opGlobalSet)
		out = appendU(out, m.exitCode())
		out = m.callHook(out, i, m.exit)
	}
	if !sc.loops && sc.calls && m.isGo(i) {
		out = append(out, code...)
	}
	last := sc.start
	for _, s := range sc.list {
		out = append(out, src[last:s.from]...)
		last = s.to
		switch s.op {
		case opLoop:
			out = append(append(out, src[s.from:s.to]...), code...)
		case opBlock:
			out = append(append(out, opBlock), src[s.from+1:s.to]...)
		case opBr, opBrIf:
			out = appendU(append(out, s.op), uint64(s.label))
		case opPrefix:
			out = append(m.burnLength(out), src[s.from:s.to]...)
		case opMemorySize:
			out = appendU(append(out, opGlobalGet), m.pages())
		case opMemoryGrow:
			out = m.grow(out)
		}
	}
	return append(out, src[last:]...)
}

// grow appends what stands for memory.grow. The program counts its pages itself,
// so that a host may give it a memory that is larger than it knows: one that
// another program has grown and that is all zero again.
func (m *module) grow(b []byte) []byte {
	get := func(g uint64) { b = appendU(append(b, opGlobalGet), g) }
	sum := func() {
		get(m.pages())
		get(m.length())
		b = append(b, opI32Add)
	}
	b = appendU(append(b, opGlobalSet), m.length())
	sum()
	b = append(b, opMemorySize, 0, opI32GtU, opIf, blockI32)
	sum()
	b = append(b, opMemorySize, 0, opI32Sub, opMemoryGrow, 0)
	b = append(appendS(append(b, opI32Const), -1), opI32Eq)
	b = append(b, opElse, opI32Const, 0, opEnd)
	b = append(b, opIf, blockI32)
	b = appendS(append(b, opI32Const), -1)
	b = append(b, opElse)
	get(m.pages())
	sum()
	b = appendU(append(b, opGlobalSet), m.pages())
	return append(b, opEnd)
}

// burnLength appends code that burns by the length on top of the stack.
func (m *module) burnLength(b []byte) []byte {
	b = appendU(append(b, opGlobalSet), m.length())
	b = appendU(append(b, opGlobalGet), m.fuel())
	b = appendU(append(b, opGlobalGet), m.length())
	b = append(b, opI32Const, 4, opI32ShrU, opI64ExtendU, opI64Sub, opGlobalSet)
	b = appendU(b, m.fuel())
	return appendU(append(b, opGlobalGet), m.length())
}

// scan finds the places to change in a function's body. It knows the
// instructions that Go emits, and refuses others.
func scan(f []byte) (sites, error) {
	var s sites
	var j jumps
	r := reader{b: f}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		r.u32()
		r.byte()
	}
	s.start = r.pos
	for r.left() > 0 {
		at := r.pos
		op := r.byte()
		in := instruction{op: op, at: at}
		switch {
		case op == opLoop:
			in.arg = r.s33()
			s.list = append(s.list, site{from: at, to: r.pos, op: opLoop})
		case op == opBlock || op == opIf:
			in.arg = r.s33()
		case op == opCall:
			r.skip()
			s.calls = true
		case op == opCallInd:
			r.skip()
			r.skip()
			s.calls = true
		case op == opBrTable:
			for n := r.u32() + 1; n > 0 && r.err == nil; n-- {
				in.table = append(in.table, r.u32())
			}
		case op == opBr || op == opBrIf || op >= opLocalGet && op <= opGlobalSet:
			in.arg = int64(r.u32())
		case op == opI32Const:
			in.arg = r.s32()
		case op == opI64Const:
			r.skip()
		case op >= 0x28 && op <= 0x3e: // loads and stores
			r.skip()
			r.skip()
		case op == opMemorySize || op == opMemoryGrow:
			r.byte()
			s.list = append(s.list, site{from: at, to: r.pos, op: op})
		case op == 0x43: // f32.const
			r.bytes(4)
		case op == 0x44: // f64.const
			r.bytes(8)
		case op == opPrefix:
			switch sub := r.u32(); {
			case sub <= 7: // saturating conversions
			case sub == opMemoryCopy:
				r.bytes(2)
				s.list = append(s.list, site{from: at, to: r.pos, op: opPrefix})
			case sub == opMemoryFill:
				r.byte()
				s.list = append(s.list, site{from: at, to: r.pos, op: opPrefix})
			default:
				r.fail("instruction fc %d is not one that Go emits", sub)
			}
		case op <= 0x01 || op == opElse || op == opEnd || op == 0x0f || op == opDrop || op == 0x1b || op >= 0x45 && op <= 0xc4:
		default:
			r.fail("instruction %#x is not one that Go emits", op)
		}
		if r.err == nil {
			in.end = r.pos
			s.list = j.see(in, f, s.list)
		}
	}
	if r.err == nil && (len(f) == 0 || f[len(f)-1] != opEnd) {
		r.fail("the function has no end")
	}
	j.finish(s.list)
	for _, p := range s.list {
		s.loops = s.loops || p.op == opLoop
	}
	return s, r.err
}
