// Package build turns a student's folder into the WebAssembly module that runs
// as that student's server: it recognises the layout, checks every file against
// the rules, puts the kit in the place of the lab's framework packages, and runs
// the installed Go.
//
// It knows the labs' layouts, the rules for submitted code and the go command.
// It must not know the world, the tests or how a module is run; and it must
// never write into the student's folder, nor run anything that the student wrote.
//
// Start with [Build]. [Prepare] stops before the go command, for a host that
// compiles by other means. Whatever goes wrong is an [*Error], whose problems
// name file, line, reason and what to do.
//
// # What is recognised
//
// The Raft package is the one called raft in the folder itself, or in raft/,
// raft1/, src/raft1/ or src/raft/ below it, or else the only one below it that
// declares Make. Its module is that of the nearest go.mod. When the folder lies
// below that go.mod, its parents are searched too, but only a go.mod counts
// whose module the Raft package imports from; with Options.Confine none does.
// Without a go.mod the module's path follows from the imports.
//
// # What is compiled
//
// The Raft package and the packages of the same module that it imports,
// directly or not: regular .go files that go itself would take for
// GOOS=wasip1 GOARCH=wasm, no tests. Files of the course's test harness in the
// Raft package are left out. Packages whose import path ends in labrpc,
// labgob, raftapi, tester or tester1 are replaced by the kit's. The import of
// "sync" becomes one of the kit's sync, which behaves alike but yields when the
// world's seed says so; that of "math/rand", in a file that calls Seed, one whose
// Seed differs between servers. Lines stay what they are. The go line of the student's
// go.mod is kept, since it decides the language; nothing else of go.mod is.
//
// # What is refused
//
// Packages outside an allow-list of the standard library; cgo, assembly and
// other non-Go sources; symbolic links; the directives go:embed, go:linkname,
// go:wasmimport, go:wasmexport, go:debug, //line and every other that is not
// known to be harmless; too many, too large or unparsable files.
//
// # Go releases
//
// Any Go from 1.24 on will do; its name is in the Module. Before the first build
// with one, Options.SelfTest tries what it makes of a little server of our own.
//
// # Reproducibility
//
// The same sources and the same Go release give the same bytes, wherever the
// folder, the cache and the temporary files are.
package build
