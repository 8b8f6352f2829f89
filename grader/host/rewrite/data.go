package rewrite

import (
	"cmp"
	"slices"
)

// Go's linker leaves out runs of zeros and so writes some 60,000 little data
// segments, each of which costs a runtime more than its bytes: half of the time
// of making an instance. joinData makes few large ones of them.

// joinGap is the longest run of zeros that is written out to join two segments.
const joinGap = 4096

type segment struct {
	offset uint64
	data   []byte
}

func (g segment) end() uint64 { return g.offset + uint64(len(g.data)) }

// joinData returns the data section with neighbouring segments joined, or as it
// was if it holds anything but plain segments that do not overlap.
func joinData(s section) ([]byte, error) {
	r := reader{b: s.body}
	var segs []segment
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		if r.u32() != 0 || r.byte() != 0x41 { // active, in memory 0, at i32.const
			return s.body, r.err
		}
		at, end := r.s32(), r.byte()
		if end != 0x0b || at < 0 {
			return s.body, r.err
		}
		segs = append(segs, segment{uint64(at), r.bytes(r.u32())})
	}
	if r.err != nil {
		return nil, r.err
	}
	slices.SortFunc(segs, func(a, b segment) int { return cmp.Compare(a.offset, b.offset) })
	for i := 1; i < len(segs); i++ {
		if segs[i].offset < segs[i-1].end() {
			return s.body, nil
		}
	}
	var out []byte
	joined := uint64(0)
	for len(segs) > 0 {
		k := 1
		for k < len(segs) && segs[k].offset-segs[k-1].end() <= joinGap {
			k++
		}
		first := segs[0].offset
		data := make([]byte, segs[k-1].end()-first)
		for _, g := range segs[:k] {
			copy(data[g.offset-first:], g.data)
		}
		out = append(appendS(append(out, 0, 0x41), int64(int32(first))), 0x0b)
		out = append(appendU(out, uint64(len(data))), data...)
		segs = segs[k:]
		joined++
	}
	return append(appendU(nil, joined), out...), nil
}
