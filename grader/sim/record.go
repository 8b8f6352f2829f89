package sim

// RecordKind says what a Record tells. The numbers are part of the trace format.
type RecordKind uint8

const (
	// What happens to a server (see EventKind). Node is the server.
	RecBoot       RecordKind = 1 // ID: life; Time offset of its clock in Index
	RecTick       RecordKind = 2
	RecReceive    RecordKind = 3 // Peer: sender; ID: message
	RecCallFailed RecordKind = 4 // Peer: callee; Call; Name: method
	RecRequest    RecordKind = 5 // ID: request; Name: op; Index; Data

	// What a server does (see EffectKind). Node is the server.
	RecSend          RecordKind = 16 // Peer: to; ID: message; Call (of a reply: the ID of the request); Term: MsgKind; Name: method; Data: body
	RecSave          RecordKind = 17 // Data: state; More: snapshot
	RecWriteAhead    RecordKind = 18 // Data
	RecApply         RecordKind = 19 // Index; Data
	RecApplySnapshot RecordKind = 20 // Index; Term; Data
	RecRespond       RecordKind = 21 // ID: request; Index; Term; Flag; Data
	RecObserve       RecordKind = 22 // Status
	RecLogWrite      RecordKind = 23 // Index; Entries
	RecLogCompact    RecordKind = 24 // Index; Term
	RecPrint         RecordKind = 25 // Flag: stderr; Data
	RecNote          RecordKind = 26 // Name; Data
	RecFault         RecordKind = 27 // Name: kind of fault; Data: stack; Index: exit code

	// What the world does.
	RecCrash   RecordKind = 32 // Node; Index: effects of the step that happened, Flag: cut inside a step
	RecCut     RecordKind = 33 // Node -> Peer
	RecHeal    RecordKind = 34 // Node -> Peer
	RecLink    RecordKind = 35 // Node -> Peer (-1: all); Data: the new Link as text
	RecDrop    RecordKind = 36 // ID: message; Node: sender; Peer: receiver; Name: why
	RecDup     RecordKind = 37 // ID: message that will arrive once more
	RecArm     RecordKind = 38 // Node; Name: the crash point armed
	RecDiskSet RecordKind = 39 // Node: a test changed its disk

	// What the test, its clients and the checks say. Node is -1 or the server meant.
	RecLine      RecordKind = 48 // Name: file:line of the test now running; Data: its text
	RecInvoke    RecordKind = 49 // ID: operation; Peer: the client, by its number among the nodes; Name: op; Data: argument
	RecReturn    RecordKind = 50 // ID: operation; Peer: client; Data: result
	RecViolation RecordKind = 51 // Name: property; Data: explanation
	RecPhase     RecordKind = 52 // Name: a named moment: "leader elected", ...
)

// A Record is one line of a trace: what happened, when, to whom.
// Kind says which fields count; the others are zero, Node and Peer -1.
type Record struct {
	T       Time
	Kind    RecordKind
	Flag    bool
	Node    int
	Peer    int
	ID      uint64
	Call    uint64
	Index   uint64 // a student's server may give -1: an int64 in two's complement
	Term    uint64 // likewise
	Name    string
	Data    []byte
	More    []byte
	Status  *Status
	Entries []LogEntry
}

// A Watcher sees every record the moment it happens, in order. The record and
// what it points to are only valid during the call unless copied, except byte
// slices, which never change. Checks are watchers; so is a Recorder.
type Watcher interface {
	Watch(r *Record)
}
