package wire

import (
	"bytes"
	"math"
	"reflect"
	"testing"
)

func TestFrameRoundTrip(t *testing.T) {
	for _, f := range []Frame{
		{},
		{Kind: EvBoot, Flag: 2, A: 1, B: 3, C: 10, D: math.MaxUint64, X: []byte("state"), Y: []byte("snap")},
		{Kind: FxCall, A: 127, B: 128, Name: "Raft.AppendEntries", X: bytes.Repeat([]byte{7}, 300)},
	} {
		b := f.Append(nil)
		var g Frame
		if err := g.Parse(b, func(n []byte) string { return string(n) }); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		if !bytes.Equal(g.Append(nil), b) || g.Name != f.Name || g.D != f.D {
			t.Errorf("want %+v, got %+v", f, g)
		}
		for i := range b {
			if err := g.Parse(b[:i], func(n []byte) string { return "" }); err == nil {
				t.Errorf("%+v: its first %d of %d bytes parse as a frame", f, i, len(b))
			}
		}
	}
}

func TestCommandRoundTrip(t *testing.T) {
	for _, v := range []interface{}{0, 1, -1, 63, 64, -64, -65, math.MaxInt64, math.MinInt64, "", "x 0 1 y"} {
		b := AppendCommand(nil, v)
		got, err := ParseCommand(b)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v: got %#v, %v", v, got, err)
		}
	}
	if got := CommandText(AppendCommand(nil, struct{ Op string }{"put"})); got != "{put}" {
		t.Errorf("a command of another type shows as %q, want {put}", got)
	}
}

func TestDigestTellsPrefixesApart(t *testing.T) {
	sum := func(cmds ...string) uint64 {
		d := NewDigest()
		for _, c := range cmds {
			d.Apply([]byte(c))
		}
		return d.Sum
	}
	seen := map[uint64][]string{}
	for _, cmds := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "b", "c"}} {
		s := sum(cmds...)
		if o, ok := seen[s]; ok {
			t.Errorf("%q and %q have one digest", o, cmds)
		}
		seen[s] = cmds
	}
}

func FuzzFrame(f *testing.F) {
	f.Add((&Frame{Kind: FxCall, A: 300, Name: "Raft.X", X: []byte("args")}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var g, h Frame
		name := func(n []byte) string { return string(n) }
		if g.Parse(b, name) != nil {
			return
		}
		if err := h.Parse(g.Append(nil), name); err != nil {
			t.Fatalf("%+v does not survive a round trip: %v", g, err)
		}
		if !reflect.DeepEqual(g, h) {
			t.Fatalf("want %+v, got %+v", g, h)
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte("i\x02"))
	f.Add([]byte("shello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseCommand(b)
		if err != nil {
			return
		}
		if got := AppendCommand(nil, v); !bytes.Equal(got, b) {
			t.Fatalf("%q means %#v, which is written %q: equal commands must be equal bytes", b, v, got)
		}
	})
}

func FuzzDigest(f *testing.F) {
	f.Add(NewDigest().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDigest(b)
		if err != nil {
			return
		}
		if got := d.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("%q means %+v, which is written %q", b, d, got)
		}
	})
}
