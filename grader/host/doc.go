// Package host makes a student's module a server of the world: each server is
// an instance of its own, run in virtual time, and whatever it does comes out as
// effects.
//
// It knows modules linked with labs/kit, and what the kit says to it. It must
// not know Raft, the network or the tests; nor where a module came from.
//
// Start with [Compile]; [Module.Factory] is what sim.Config.New wants. The
// files named engine_* know one WebAssembly runtime each; all others know none:
// wazero natively, and for GOOS=js the runtime of the page or of node, whose part
// of JavaScript is engine_js.mjs.
//
// # What ends a server
//
// Every way to end is a sim.Fault effect, the last of its step. Text is one of
// the sim.Fault constants; Data says what happened and where, as Go prints it,
// without the frames of Go's runtime and of the kit. Nothing here depends on real
// time: how long a step may take is counted in fuel (see grader/host/rewrite),
// so that a verdict is the same on every machine.
package host
