package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/sim"
)

// linkValue is a sim.Link in a test.
type linkValue struct{ sim.Link }

func (l linkValue) String() string        { return "link(" + l.Link.String() + ")" }
func (l linkValue) Type() string          { return "link" }
func (l linkValue) Freeze()               {}
func (l linkValue) Truth() starlark.Bool  { return true }
func (l linkValue) Hash() (uint32, error) { return 0, errors.New("unhashable: link") }

// Unpack implements starlark.Unpacker.
func (l *linkValue) Unpack(v starlark.Value) error {
	x, ok := v.(linkValue)
	if !ok {
		return fmt.Errorf("expected reliable, unreliable, long_reordering or link(...), found %s", v.Type())
	}
	*l = x
	return nil
}

// number is a float that may also be written as an int.
type number float64

// Unpack implements starlark.Unpacker.
func (n *number) Unpack(v starlark.Value) error {
	f, ok := starlark.AsFloat(v)
	if !ok {
		return fmt.Errorf("got %s, want a number", v.Type())
	}
	*n = number(f)
	return nil
}

// makeLink is link(base = reliable, min, max, loss, dup, late, late_min, late_max, late_replies).
func makeLink(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	base := linkValue{sim.Reliable}
	for _, p := range kw {
		if p[0] == starlark.String("base") {
			if err := base.Unpack(p[1]); err != nil {
				return nil, fmt.Errorf("link: base: %w", err)
			}
		}
	}
	l := base.Link
	lo, hi, llo, lhi := int64(l.Min), int64(l.Max), int64(l.LateMin), int64(l.LateMax)
	if err := starlark.UnpackArgs(b.Name(), args, kw, "base?", &base, "min?", &lo, "max?", &hi, "loss?", (*number)(&l.Loss), "dup?", (*number)(&l.Dup),
		"late?", (*number)(&l.Late), "late_min?", &llo, "late_max?", &lhi, "late_replies?", &l.LateReplies); err != nil {
		return nil, err
	}
	l.Min, l.Max, l.LateMin, l.LateMax = sim.Time(lo), sim.Time(hi), sim.Time(llo), sim.Time(lhi)
	for _, p := range []struct {
		name string
		v    float64
	}{{"loss", l.Loss}, {"dup", l.Dup}, {"late", l.Late}} {
		if !(p.v >= 0 && p.v <= 1) {
			return nil, fmt.Errorf("link: %s is a probability from 0 to 1, found %g", p.name, p.v)
		}
	}
	if lo < 0 || hi < lo || llo < 0 || lhi < llo {
		return nil, fmt.Errorf("link: delays are times with min <= max, found %d..%d and late %d..%d", lo, hi, llo, lhi)
	}
	return linkValue{l}, nil
}
