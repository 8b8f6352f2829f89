// Package rewrite makes a module that Go compiled stoppable: it inserts code
// that burns fuel at every loop, at every call chain and by the length of bulk
// copies, bounds the memory, has the program count its pages of memory itself, and
// tells where os.Exit is called. And it makes jumps forward direct, which Go's
// code sends through a loop's head.
//
// It knows the WebAssembly binary format and how Go uses it. It must not know
// how a module is run, nor what it computes.
//
// # Fuel
//
// A global, exported as [FuelGlobal], is counted down by one at the head of
// each loop, which is passed at the entry and for each jump back, by one at the entry of each function that calls but has no loop,
// and by one per 16 bytes at each memory.copy and memory.fill. Below zero, code
// of the program calls the kit's raftlabSpin, in a way that Go's traceback takes
// for an ordinary call, so that the kit can print the stack with the line that
// spins. Code of Go's runtime cannot be interrupted so; it may overdraw by
// [Overdraft], and traps then.
//
// # Go's calling convention
//
// Each function of Go has the type (i32) -> i32. Global 0 is SP; a call stores
// the return address below it, which is the function's index plus 0x1000,
// shifted by 16, plus the number of the block to resume at; that number is the
// callee's parameter. Arguments stand above the return address.
package rewrite
