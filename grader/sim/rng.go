package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// RNG is the world's random numbers: ChaCha8, whose output is specified
// (c2sp.org/chacha8rand), so that the trace hash does not change with a release
// of the standard library. A server sees much of what it draws, as delays and
// losses: that must not let it compute what comes next.
type RNG struct{ r *rand.ChaCha8 }

// NewRNG returns the stream of random numbers named by seed and stream: streams
// of one seed are independent, so that a draw in one never shifts another. Its
// key is a hash of both, so that nothing drawn from it leads back to the seed,
// or to another stream, but by trying seeds.
func NewRNG(seed, stream uint64) *RNG {
	b := []byte("raftlab stream 1")
	b = binary.BigEndian.AppendUint64(b, seed)
	b = binary.BigEndian.AppendUint64(b, stream)
	return &RNG{rand.NewChaCha8(sha256.Sum256(b))}
}

// Uint64 returns 64 random bits.
func (r *RNG) Uint64() uint64 { return r.r.Uint64() }

// N returns a number in [0, n), or 0 when n < 1.
func (r *RNG) N(n int64) int64 {
	if n < 1 {
		return 0
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int64(hi)
}

// Between returns a time in [lo, hi].
func (r *RNG) Between(lo, hi Time) Time {
	if hi <= lo {
		return lo
	}
	return lo + Time(r.N(int64(hi-lo)+1))
}

// Chance says yes with probability p.
func (r *RNG) Chance(p float64) bool {
	if p <= 0 {
		return false
	}
	return float64(r.Uint64()>>11) < p*(1<<53)
}

// Shuffle permutes n things by swap.
func (r *RNG) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(r.N(int64(i)+1)))
	}
}
