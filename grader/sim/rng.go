package sim

import "math/bits"

// RNG is the world's random numbers: splitmix64. It is our own because the
// trace hash must not change with the standard library's choice of algorithm.
type RNG struct{ s uint64 }

// NewRNG returns the stream of random numbers named by seed and stream: streams
// of one seed are independent, so that a draw in one never shifts another.
func NewRNG(seed, stream uint64) *RNG {
	r := &RNG{seed}
	r.s = r.Uint64() ^ bits.RotateLeft64(stream*0x9e3779b97f4a7c15, 31)
	r.Uint64()
	return r
}

// Uint64 returns 64 random bits.
func (r *RNG) Uint64() uint64 {
	r.s += 0x9e3779b97f4a7c15
	z := r.s
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

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
