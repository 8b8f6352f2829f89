package rewrite

import "fmt"

// reader takes a module apart. The first error sticks, and whatever is read
// after it is zero, so that callers check once.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s", r.pos, fmt.Sprintf(format, args...))
	}
	r.pos = len(r.b)
}

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.fail("cut short")
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(r.left()) {
		r.fail("%d bytes are said to follow, %d do", n, r.left())
		return nil
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos]
}

// u32 reads an unsigned LEB128 of at most 32 bits.
func (r *reader) u32() uint64 {
	var v uint64
	for s := 0; s < 35; s += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << s
		if c < 0x80 {
			if v >= 1<<32 {
				break
			}
			return v
		}
	}
	r.fail("a number beyond 32 bits")
	return 0
}

// s32 reads a signed LEB128 of at most 32 bits.
func (r *reader) s32() int64 { return r.signed(32) }

// s33 reads the type of a block, a signed LEB128 of at most 33 bits.
func (r *reader) s33() int64 { return r.signed(33) }

func (r *reader) signed(bits int) int64 {
	var v int64
	for s := 0; s < 35; s += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << s
		if c < 0x80 {
			if c&0x40 != 0 {
				v |= -1 << (s + 7)
			}
			if over := 64 - bits; v<<over>>over != v {
				break
			}
			return v
		}
	}
	r.fail("a number beyond %d bits", bits)
	return 0
}

// skip passes over a LEB128 of any sign and at most 64 bits.
func (r *reader) skip() {
	for i := 0; i < 10; i++ {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("a number beyond 64 bits")
}

func (r *reader) name() string { return string(r.bytes(r.u32())) }

func appendU(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendS(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
