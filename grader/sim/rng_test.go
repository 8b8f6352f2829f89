package sim_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

// The streams are what their documentation says, and the same with every release
// of Go and on every machine: the first number of some is written down.
func TestStreamsAreSpecified(t *testing.T) {
	for _, c := range []struct{ seed, stream, first uint64 }{
		{1, 1, 0x9a6dc244db9af11b}, {1, 2, 0x1c4335f2d863e315}, {1 << 63, 1001, 0xf8cc7bf1f33f6158},
	} {
		b := []byte("raftlab stream 1")
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, c.seed), c.stream)
		r, want := sim.NewRNG(c.seed, c.stream), rand.NewChaCha8(sha256.Sum256(b))
		for i := range 1000 {
			got, w := r.Uint64(), want.Uint64()
			if got != w {
				t.Fatalf("number %d of stream %d of seed %d: want %#x, got %#x", i, c.stream, c.seed, w, got)
			}
			if i == 0 && got != c.first {
				t.Errorf("the first number of stream %d of seed %d: want %#x, got %#x", c.stream, c.seed, c.first, got)
			}
		}
	}
}
