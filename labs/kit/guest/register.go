package guest

import (
	"reflect"

	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/tester"
)

// Register says how a server is made, in the API of the 2025 lab. It belongs in
// an init function of the module's package main.
func Register(mk func(peers []*labrpc.ClientEnd, me int, persister *tester.Persister, applyCh chan raftapi.ApplyMsg) raftapi.Raft) {
	Use(func(e *Env) Server {
		tester.SetNote(e.Note)
		applyCh := make(chan raftapi.ApplyMsg)
		e.Applied(func(wake <-chan struct{}) (Msg, Received) {
			select {
			case m, open := <-applyCh:
				if !open {
					return Msg{}, Closed
				}
				return Msg{m.CommandValid, m.Command, m.CommandIndex, m.SnapshotValid, m.Snapshot, m.SnapshotTerm, m.SnapshotIndex}, Got
			case <-wake:
				return Msg{}, Woken
			}
		})
		rf := mk(e.Peers, e.Me, tester.OpenPersister(e.State, e.Snapshot, e.Save), applyCh)
		if rf == nil {
			return nil
		}
		return rf
	})
}

// Handlers names the methods that may be called from other servers, each with
// the function that finds it: in the source, or by MethodByName with a constant
// name. Were they found by their number, the linker could drop no exported method
// of any type, and the module would be a third larger. It belongs beside Register.
func Handlers(find map[string]func(server reflect.Value) reflect.Value) { self.handlers = find }

// Env is what a generation of the lab makes a server from.
type Env struct {
	Peers           []*labrpc.ClientEnd
	Me              int
	State, Snapshot []byte
	Save            func(state, snapshot []byte)
	Note            func(text, details string)
	// Applied starts the service, which takes committed commands from recv.
	Applied func(recv func(wake <-chan struct{}) (Msg, Received))

	// What the service of some years does besides. CondInstall, if not nil, is
	// asked before a snapshot from the channel is taken; it is called once Make
	// has returned. Redelivers: commands that the service has are skipped.
	CondInstall func(rf Server, term, index int, snapshot []byte) bool
	Redelivers  bool
}

// Server is what every generation's Raft offers. Its remote methods are
// those of Handlers; Snapshot(index int, snapshot []byte) is used if it is there.
type Server interface {
	Start(command interface{}) (index int, term int, isLeader bool)
	GetState() (term int, isLeader bool)
}

// Msg is what came over the apply channel.
type Msg struct {
	CommandValid bool
	Command      interface{}
	CommandIndex int

	SnapshotValid bool
	Snapshot      []byte
	SnapshotTerm  int
	SnapshotIndex int
}

// Received says what a receive from the apply channel ended with.
type Received int

// Ends of a receive.
const (
	Got    Received = iota // a Msg
	Woken                  // wake was ready first
	Closed                 // the server closed its channel
)

// Use says how a server is made, whatever the API: Register and its like for
// other generations are written with it.
func Use(mk func(*Env) Server) { self.mk = mk }
