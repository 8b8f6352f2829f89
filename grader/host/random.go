package host

import "github.com/raftlab/raftlab/grader/sim"

// Streams of random numbers, all from the server's seed.
const (
	streamProgram = 1 // what the program draws
	streamPreempt = 2 // where the kit lets other goroutines run
)

// random is what a program draws: splitmix64, which is as easily written for the
// page's engine. A program can run its own stream forwards and backwards from
// what it draws, to the state that the stream began with, and no further: that
// state is the outcome of a one-way function.
type random uint64

// newRandom is the stream of a server with the given seed, at its beginning.
func newRandom(seed uint64) random { return random(sim.NewRNG(seed, streamProgram).Uint64()) }

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
