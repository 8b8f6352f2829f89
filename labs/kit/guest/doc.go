// Package guest is the runtime inside a student's module: it makes the server,
// hands it events, collects its effects, and returns when every goroutine waits.
//
// It knows the lab's API and the two functions that the host offers. It must
// not know the network, the tests, or how the module is run.
//
// # Linking a student's server
//
// The package main of a module is generated, and nothing but
//
//	package main
//
//	import (
//		"reflect"
//
//		"6.5840/labrpc"
//		raft "6.5840/raft1"
//		"6.5840/raftapi"
//		"6.5840/raftlabkit/guest"
//		tester "6.5840/tester1"
//	)
//
//	func init() {
//		guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
//			return raft.Make(peers, me, p, ch)
//		})
//		guest.Handlers(map[string]func(reflect.Value) reflect.Value{
//			"RequestVote": func(server reflect.Value) reflect.Value { return server.MethodByName("RequestVote") },
//		})
//	}
//
//	func main() {}
//
// built with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath
// -buildvcs=false -ldflags=-checklinkname=0 (see firstStack), with function names
// (no -ldflags=-s). The kit's packages stand in the student's module: labrpc,
// labgob, raftapi and tester where the student's code imports them from, all
// others under raftlabkit/.
//
// # How a step ends
//
// The exported function step parks its goroutine in the wait for a file that is
// never ready until nothing else can run: the Go scheduler then polls, the poll
// tells the host the next deadline, and the host declares the file ready. Before
// step returns it gives the observer its turn, which asks the server for its term
// and role: nothing else can run, so the observer is through when step goes on,
// and a second poll, which costs as much as a small step, is spared. Only if the
// server blocks the observer does step wait once more for the file; the observer
// just is not there the next time.
package guest
