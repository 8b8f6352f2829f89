package rewrite

import (
	"bytes"
	"testing"
)

// memoryOf lays out a data section.
func memoryOf(t *testing.T, body []byte) (mem []byte, segments uint64) {
	t.Helper()
	mem = make([]byte, 1<<16)
	r := reader{b: body}
	segments = r.u32()
	for range segments {
		flag, op, at, end := r.u32(), r.byte(), r.s32(), r.byte()
		if flag != 0 || op != 0x41 || end != 0x0b {
			t.Fatalf("segment with flag %d, opcode %#x, end %#x", flag, op, end)
		}
		copy(mem[at:], r.bytes(r.u32()))
	}
	if r.err != nil || r.left() > 0 {
		t.Fatalf("%v, %d bytes left", r.err, r.left())
	}
	return mem, segments
}

func dataSection(segs ...segment) section {
	b := appendU(nil, uint64(len(segs)))
	for _, g := range segs {
		b = append(appendS(append(b, 0, 0x41), int64(g.offset)), 0x0b)
		b = append(appendU(b, uint64(len(g.data))), g.data...)
	}
	return section{id: secData, body: b}
}

func TestJoinedDataIsTheSameMemory(t *testing.T) {
	s := dataSection(
		segment{60000, []byte("last")}, segment{100, []byte("first")}, segment{105, []byte("touching")},
		segment{200, []byte("near")}, segment{20000, nil}, segment{20000, []byte("far")},
	)
	out, err := joinData(s)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := memoryOf(t, s.body)
	got, n := memoryOf(t, out)
	if !bytes.Equal(got, want) {
		t.Error("the memory differs")
	}
	if n != 3 {
		t.Errorf("%d segments are left, expected 3", n)
	}
}

func TestOtherDataIsLeftAlone(t *testing.T) {
	overlap := dataSection(segment{100, []byte("first")}, segment{104, []byte("second")})
	passive := section{id: secData, body: []byte{1, 1, 2, 'a', 'b'}}
	for _, s := range []section{overlap, passive} {
		if out, err := joinData(s); err != nil || !bytes.Equal(out, s.body) {
			t.Errorf("%v became %v, %v", s.body, out, err)
		}
	}
	cut := dataSection(segment{100, []byte("first")})
	cut.body = cut.body[:len(cut.body)-1]
	if _, err := joinData(cut); err == nil {
		t.Error("a section cut short was taken")
	}
}
