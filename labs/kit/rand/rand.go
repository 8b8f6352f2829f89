// Package rand takes the place of math/rand in a student's files that call
// Seed. The course runs all servers in one process, where they share the stream
// that Seed begins; here each server is a program of its own, and equal seeds
// would have all of them draw the same election timeouts for ever. So Seed adds
// what is this server's alone.
//
// It knows the standard package, whose types are its own. It must not offer less
// than that package does.
package rand

import (
	"hash/maphash"
	"math/rand"
)

// The standard package's types.
type (
	Rand     = rand.Rand
	Source   = rand.Source
	Source64 = rand.Source64
	Zipf     = rand.Zipf
)

// Seed begins the shared stream anew: from seed, and from a number that the
// world's seed gave to this server.
func Seed(seed int64) {
	var own maphash.Hash
	rand.Seed(seed ^ int64(own.Sum64()))
}

// New, NewSource and NewZipf are the standard package's: a source of the
// student's own is alike in all servers, here as in the course, if its seed is.
func New(src Source) *Rand { return rand.New(src) }

// NewSource is that of math/rand.
func NewSource(seed int64) Source { return rand.NewSource(seed) }

// NewZipf is that of math/rand.
func NewZipf(r *Rand, s float64, v float64, imax uint64) *Zipf { return rand.NewZipf(r, s, v, imax) }

// What follows draws from the shared stream, as in math/rand.

// Int63 is that of math/rand.
func Int63() int64 { return rand.Int63() }

// Uint32 is that of math/rand.
func Uint32() uint32 { return rand.Uint32() }

// Uint64 is that of math/rand.
func Uint64() uint64 { return rand.Uint64() }

// Int31 is that of math/rand.
func Int31() int32 { return rand.Int31() }

// Int is that of math/rand.
func Int() int { return rand.Int() }

// Int63n is that of math/rand.
func Int63n(n int64) int64 { return rand.Int63n(n) }

// Int31n is that of math/rand.
func Int31n(n int32) int32 { return rand.Int31n(n) }

// Intn is that of math/rand.
func Intn(n int) int { return rand.Intn(n) }

// Float64 is that of math/rand.
func Float64() float64 { return rand.Float64() }

// Float32 is that of math/rand.
func Float32() float32 { return rand.Float32() }

// Perm is that of math/rand.
func Perm(n int) []int { return rand.Perm(n) }

// Shuffle is that of math/rand.
func Shuffle(n int, swap func(i, j int)) { rand.Shuffle(n, swap) }

// Read is that of math/rand.
func Read(p []byte) (n int, err error) { return rand.Read(p) }

// NormFloat64 is that of math/rand.
func NormFloat64() float64 { return rand.NormFloat64() }

// ExpFloat64 is that of math/rand.
func ExpFloat64() float64 { return rand.ExpFloat64() }
