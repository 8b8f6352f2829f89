//go:build !wasip1 && !raftlabrace
// +build !wasip1,!raftlabrace

package guest

// Outside a module there is no host: the package compiles, for editors and vet.

const noHost = "guest: this package works only inside a module (GOOS=wasip1 GOARCH=wasm)"

func waitIdle()                      { panic(noHost) }
func emit(b []byte)                  { panic(noHost) }
func stopped(reason int32, b []byte) { panic(noHost) }

func hide() {}
func show() {}

const alone = true

// event is step's on other hosts.
var _ = (*server).event
