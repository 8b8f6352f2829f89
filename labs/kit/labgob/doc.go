// Package labgob encodes and decodes the values that a student's server sends
// and saves: RPC arguments and replies, persisted state, snapshots. It knows
// Go types and one wire format, whose meaning is exactly encoding/gob's, and
// it must not know Raft, the network, or encoding/gob itself, which would
// double the size of the student's module.
//
// Start with NewEncoder and NewDecoder, which are used as encoding/gob's are,
// and Register for types that travel inside interface values. The kit itself
// uses Marshal and Unmarshal, one value per call.
//
// # Meaning
//
// As in gob: fields are matched by name, so the types at the two ends may
// differ; a field with the zero value is left out, so decoding into a variable
// that is already in use keeps its old value there; pointers are followed and
// allocated; nil pointers in fields are left out, and elsewhere are errors;
// empty slices come back nil, empty maps come back empty; func, chan and
// unexported fields are ignored; an interface value carries the name of its
// concrete type, which must be registered; GobEncoder and
// encoding.BinaryMarshaler speak for themselves; TextMarshaler is not asked;
// a number that does not fit the receiver's width is an error. The tests hold
// this package to encoding/gob, case by case and by fuzzing.
//
// It differs from gob in these points only:
//
//   - Its bytes are its own, and never more of them than gob's.
//   - Values nest at most 4,000 deep when decoding.
//   - It returns an error where gob's decoder panics: a map key that cannot be
//     hashed, a promoted field behind a nil embedded pointer.
//   - It works where gob fails by mistake: passing over a nil interface in a slice
//     or an interface within an interface, when the receiver has no such field;
//     encoding a pointer to a pointer to a type that encodes itself.
//   - A value whose encoding fails leaves nothing on the writer. Gob may already
//     have written the description of its type.
//
// # Wire format
//
// A stream is a sequence of messages, one for each value:
//
//	message  = length body
//	body     = head [size definition*] value
//	head     = type*2 + 1 if definitions follow, type*2 if not
//
// All counts are unsigned numbers: one byte up to 247, else a byte 247+n and n
// bytes, least significant first. A signed number is zigzag-folded, a float is
// its 64 bits with the bytes reversed (so that short numbers stay short).
//
// A type is 1 to 10 for bool, int, uint, float, complex, string, []byte,
// interface, GobEncoder, BinaryMarshaler, or 16+i for the i-th composite type
// that the stream has defined. A definition is
//
//	0 size count composite*      that many composite types
//	1 name type                  one concrete type for interface values
//
//	composite = 1 n (type name)*     struct
//	          | 2 type               slice
//	          | 3 length type        array
//	          | 4 type type          map
//
// where a type inside a composite is 1 to 10, or 16+2i for the i-th type of
// this definition, or 17+2i for the i-th type of the stream. Each definition is
// given once in a stream, so a stream stands for itself alone and may be lost
// or reordered whole; a decoder whose own type has the same definition, byte
// for byte, decodes without looking at names.
//
// A value is a number; or a length and bytes (string, []byte, self-encoded); or
// a count and the elements (slice, array; map: key and element in turn); or two
// floats (complex). A struct with up to 8 fields is a byte whose bit i says that
// field i follows; a larger one is, for each field sent, its distance from the
// field before (the first from -1), then its value, and a 0 at the end. An
// interface value is 0 for nil, or 1 to 34 for a basic type or a slice of one
// (in the order of basicTypes), or 64+i for the i-th concrete type of the
// stream, followed by the value.
package labgob
