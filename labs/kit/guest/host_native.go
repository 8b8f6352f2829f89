//go:build !wasip1
// +build !wasip1

package guest

// Outside a module there is no host: the package compiles, for editors and vet.

const noHost = "guest: this package works only inside a module (GOOS=wasip1 GOARCH=wasm)"

func waitIdle()                      { panic(noHost) }
func emit(b []byte)                  { panic(noHost) }
func stopped(reason int32, b []byte) { panic(noHost) }

// event is step's on other hosts.
var _ = (*server).event
