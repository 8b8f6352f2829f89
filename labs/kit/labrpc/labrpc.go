package labrpc

import "github.com/raftlab/raftlab/labs/kit/labgob"

// Transport carries encoded calls. The kit's runtime has one.
type Transport interface {
	// Prepare comes before a call's arguments are encoded.
	Prepare(method string)
	// Call blocks until the reply is there (true), or never will be (false).
	Call(to int, method string, args []byte) (reply []byte, ok bool)
	// Misuse ends the server: it broke a rule. It does not return.
	Misuse(text string)
}

// ClientEnd is one peer, as seen by a server.
type ClientEnd struct {
	to int
	t  Transport
}

// MakeClientEnd returns the end that calls server to over t.
func MakeClientEnd(to int, t Transport) *ClientEnd { return &ClientEnd{to, t} }

// Call executes svcMeth ("Raft.RequestVote") on the peer and waits for it. It
// returns true if the peer executed it and the reply came back, and false if
// the request or the reply was lost, or the peer cannot be reached; it returns
// in any case, unless the handler does not. args and reply (a pointer) are
// encoded with labgob: their fields must have names with capital letters.
// Several calls may run at once and may overtake each other.
func (e *ClientEnd) Call(svcMeth string, args interface{}, reply interface{}) bool {
	e.t.Prepare(svcMeth)
	b, err := labgob.Marshal(args)
	if err != nil {
		e.t.Misuse("labrpc: " + svcMeth + ": the arguments cannot be encoded: " + err.Error())
		return false
	}
	b, ok := e.t.Call(e.to, svcMeth, b)
	if !ok {
		return false
	}
	if err := labgob.Unmarshal(b, reply); err != nil {
		e.t.Misuse("labrpc: " + svcMeth + ": the reply cannot be decoded into what Call was given: " + err.Error())
		return false
	}
	return true
}
