package wire

import (
	"encoding/binary"
	"errors"
)

// Digest stands for the state of a service that has applied every command up
// to Index. It is what the kit puts into a snapshot, in place of a service's
// data, so that whoever knows the commands can tell whether a snapshot is
// right: Sum is FNV-1a, 64 bits, over the length (uvarint) and the encoding of
// each command, in order.
type Digest struct {
	Index uint64
	Sum   uint64
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// NewDigest is the digest of a service that has applied nothing.
func NewDigest() Digest { return Digest{Sum: fnvOffset} }

// Apply takes in the next command, in its encoding.
func (d *Digest) Apply(command []byte) {
	d.Index++
	var n [binary.MaxVarintLen64]byte
	d.Sum = fnv(d.Sum, n[:binary.PutUvarint(n[:], uint64(len(command)))])
	d.Sum = fnv(d.Sum, command)
}

func fnv(sum uint64, b []byte) uint64 {
	for _, c := range b {
		sum = (sum ^ uint64(c)) * fnvPrime
	}
	return sum
}

const digestMagic = "RLS1"

// Append appends the snapshot that holds d: "RLS1", the index as uvarint, and
// the sum as 8 bytes, the lowest first.
func (d Digest) Append(b []byte) []byte {
	b = appendUvarint(append(b, digestMagic...), d.Index)
	var s [8]byte
	binary.LittleEndian.PutUint64(s[:], d.Sum)
	return append(b, s[:]...)
}

// ErrDigest says that bytes are not a snapshot made by the kit.
var ErrDigest = errors.New("wire: not a snapshot of the kit: want \"RLS1\", a uvarint and 8 bytes")

// ParseDigest reads a snapshot.
func ParseDigest(b []byte) (Digest, error) {
	if len(b) < len(digestMagic) || string(b[:len(digestMagic)]) != digestMagic {
		return Digest{}, ErrDigest
	}
	b = b[len(digestMagic):]
	i, n := binary.Uvarint(b)
	if n <= 0 || len(b) != n+8 || n > 1 && b[n-1] == 0 {
		return Digest{}, ErrDigest
	}
	return Digest{Index: i, Sum: binary.LittleEndian.Uint64(b[n:])}, nil
}
