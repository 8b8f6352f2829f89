// Command toolchain collects what the page needs to compile Go: the compiler and
// the linker of the installed Go release, built for WebAssembly, the archives of
// the standard library, and the licences of all that.
//
// It knows the go command and the rules for submitted code. It must not know the
// page, the lab or the tests; how the tools are run is toolchain.mjs's business.
//
//	go run ./wasm/toolchain -o site/public/toolchain
//
// Everything is named in manifest.json.
package main
