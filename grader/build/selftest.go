package build

import (
	"context"
	"embed"
)

//go:embed selftest/raft.go
var selfTestFiles embed.FS

// selfTest is the grader's own little server: see package selftest.
func selfTest(ctx context.Context, o *Options) (*Tree, error) {
	return Prepare(ctx, Options{Files: selfTestFiles, Dir: "selftest", GoVersion: o.GoVersion, Limits: o.Limits, kit: o.kit})
}

// BuildSelfTest compiles the server that tells whether a Go release gives
// modules that the host can run: it idles, reads the clock, spins and recurses
// on request. See package selftest for the requests.
func BuildSelfTest(ctx context.Context, o Options) (*Module, error) {
	o.Files, o.Dir = selfTestFiles, "selftest"
	return Build(ctx, o)
}
