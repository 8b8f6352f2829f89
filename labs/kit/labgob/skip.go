package labgob

import (
	"errors"
	"reflect"
	"strconv"
)

// skip passes over a value of that type.
func (d *decoder) skip(t *wireType) {
	if d.err != nil || !d.deeper() {
		return
	}
	switch {
	case t.comp == compStruct:
		d.skipStruct(t)
	case t.comp == compSlice, t.comp == compArray:
		n := d.count()
		if t.comp == compArray && n != t.length {
			d.fail(errors.New("labgob: damaged message: an array of " + strconv.Itoa(n) + " elements instead of " + strconv.Itoa(t.length)))
		}
		for ; n > 0 && d.err == nil; n-- {
			d.skip(t.elem)
		}
	case t.comp == compMap:
		for n := d.count(); n > 0 && d.err == nil; n-- {
			d.skip(t.key)
			d.skip(t.elem)
		}
	case t.ref <= refFloat:
		d.uint()
	case t.ref == refComplex:
		d.uint()
		d.uint()
	case t.ref == refInterface:
		d.skipInterface()
	default:
		d.bytes()
	}
	d.depth--
}

func (d *decoder) skipStruct(t *wireType) {
	if len(t.fields) <= maskFields {
		mask := d.mask(len(t.fields))
		for i := 0; mask != 0; i++ {
			if mask&1 != 0 {
				d.skip(t.fields[i].typ)
			}
			mask >>= 1
		}
		return
	}
	for i := -1; d.err == nil; {
		step := d.uint()
		if step == 0 {
			return
		}
		if step > uint64(len(t.fields)-1-i) {
			d.fail(errNoField)
			return
		}
		i += int(step)
		d.skip(t.fields[i].typ)
	}
}

func (d *decoder) skipInterface() {
	tag := d.uint()
	if tag == 0 {
		return
	}
	if tag <= uint64(len(basicTypes)) {
		// The sender's type is one of ours: decode it into the void.
		in := infoOf(basicTypes[tag-1])
		l, err := in.decoding()
		if err != nil {
			d.fail(err)
			return
		}
		d.variable(l, reflect.New(in.typ).UnsafePointer())
		return
	}
	r, err := d.received(tag)
	if err != nil {
		d.fail(err)
		return
	}
	if w := d.wire(r.ref); w != nil {
		d.skip(w)
	}
}
