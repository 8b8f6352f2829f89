package host

import (
	"math/bits"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

// unmix runs splitmix64 backwards: the state just after the number was drawn.
func unmix(z uint64) uint64 {
	z ^= z>>31 ^ z>>62
	z *= 0x319642b2d24d8ec3 // the inverse of 0x94d049bb133111eb
	z ^= z>>27 ^ z>>54
	z *= 0x96de1b173f119089 // the inverse of 0xbf58476d1ce4e5b9
	return z ^ z>>30 ^ z>>60
}

// A program can run its own stream backwards to its beginning, and there it
// stands: what it finds is no other stream's state, and not the server's seed, in
// none of the ways in which splitmix64 names streams.
func TestDrawsLeadToNoSeed(t *testing.T) {
	gamma := uint64(0x9e3779b97f4a7c15)
	for seed := uint64(1); seed <= 1000; seed++ {
		first := newRandom(seed)
		r := first
		if r.next(); uint64(first) == seed || first == newRandom(seed+1) {
			t.Fatalf("seed %d: the stream begins with %#x", seed, first)
		}
		drawn := r.next()
		begin := unmix(drawn) - 2*gamma
		if begin != uint64(first) {
			t.Fatalf("seed %d: run backwards the stream begins with %#x, expected %#x: unmix is wrong", seed, begin, first)
		}
		preempt := Frame(&sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{}}, seed).D
		for _, known := range []uint64{drawn, begin, begin - gamma, preempt} {
			for _, stream := range []uint64{0, streamProgram, streamPreempt} {
				named := bits.RotateLeft64(stream*gamma, 31)
				for _, guess := range []uint64{known, unmix(known), unmix(known) - gamma, unmix(unmix(known)-gamma^named) - gamma, unmix(known^named) - gamma} {
					if guess == seed || guess == preempt && known != preempt {
						t.Fatalf("seed %d: %#x leads to %#x", seed, known, guess)
					}
				}
			}
		}
	}
}
