package sim

import "math"

// Time is virtual time in nanoseconds since the world began.
type Time int64

// Units of virtual time.
const (
	Microsecond Time = 1000
	Millisecond      = 1000 * Microsecond
	Second           = 1000 * Millisecond

	// Never is later than any event: a server without a timer returns it.
	Never Time = math.MaxInt64
)

// Server is one server (or client) of the world: a deterministic state machine.
//
// A Server lives from its Boot event until it crashes, faults or the world ends.
// Memory dies with it; a restart is a new Server that boots from the disk.
type Server interface {
	// Step delivers ev at virtual time now and runs the server until it is
	// idle. It appends what the server did, in order, to fx and returns that,
	// with the absolute time at which the server wants a Tick, or Never.
	//
	// The world keeps the byte slices in the effects: the server must not
	// change them afterwards. The byte slices in ev are shared: the server must
	// not change them at all.
	Step(now Time, ev *Event, fx []Effect) ([]Effect, Time)

	// Close frees what the server holds. No Step follows it.
	Close()
}

// Factory makes the server of node for its given life (1 for the first boot).
// Everything random in that server must follow from seed.
type Factory func(node, life int, seed uint64) Server

// EventKind says what happens to a server.
type EventKind uint8

const (
	// Boot is the first event of a life. Disk is what the disk holds.
	Boot EventKind = iota + 1
	// Tick says that the server's deadline has come (up to Config.TimerLate
	// later than it asked for).
	Tick
	// Receive delivers Msg from From.
	Receive
	// CallFailed says that Msg.Call, which this server sent to From, will
	// never be answered. Only MsgCall messages get this notice.
	CallFailed
	// Request is an operation that the world's user asks of this server
	// directly, without the network: start, snapshot, ... See Request.
	RequestOp
)

// Event is what happens to a server. Kind says which fields count.
type Event struct {
	Kind EventKind
	From int     // Receive, CallFailed: the other node
	Msg  Message // Receive; CallFailed: Kind, Call and Method only
	Boot *BootInfo
	Req  *Request
}

// BootInfo is what a server is told when it boots.
type BootInfo struct {
	Me      int // this server's number, 0-based
	Servers int // how many servers the cluster has
	// ClockOffset is how far this server's wall clock is ahead of the world's,
	// in ns. No two servers share a clock.
	ClockOffset Time
	Disk        Disk
	// SnapshotEvery asks the service on this server to save its state, and to
	// call Snapshot, whenever it has applied an index divisible by it. 0: never.
	SnapshotEvery uint64
	// Preempt says how eagerly a server made of goroutines is made to yield at
	// its lock operations and calls: 0 not at all, 1 yields, 2 also sleeps up to
	// 5 ms. Other servers ignore it.
	Preempt int
}

// MsgKind tells a one-way message from the two halves of a remote call.
type MsgKind uint8

const (
	// MsgOneWay expects no answer, and its loss is silent.
	MsgOneWay MsgKind = iota + 1
	// MsgCall expects a MsgReply with the same Call; when none can come any
	// more, the sender gets CallFailed.
	MsgCall
	// MsgReply answers the MsgCall with the same Call number.
	MsgReply
)

// Message travels over a directed link.
type Message struct {
	Kind MsgKind
	// Call numbers a call (MsgCall, MsgReply). The caller chooses it, unique in
	// its life, and gets it back in the reply. The receiver of a MsgCall sees a
	// number of the world's there, and answers with that.
	Call uint64
	// Method names the call or the message, for display and counting; the
	// world attaches no meaning to it.
	Method string
	Body   []byte
	// ID is given by the world to every message sent; 0 before.
	ID uint64
}

// Request is an operation asked of a server by a test, a client or a learner.
// What Op means is between the asker and the server; the lab's servers know:
//
//	start         propose Data; answered with Index, Term, and Flag = is leader
//	snapshot      the service has saved its state up to Index in Data
//	pause         stop reading the apply channel
//	resume        read it again
//	dump          answer with the stacks of all goroutines in Data
//
// Any other Op is an operation of the client on this node: its texts are in
// Data, see wire.AppendTexts, and so are those of the answer.
type Request struct {
	ID    uint64
	Op    string
	Index uint64
	Data  []byte
}

// Role is a server's part in the protocol, as far as it is known.
type Role uint8

// Roles. A student's server shows only whether it is Leader.
const (
	RoleUnknown Role = iota
	Follower
	PreCandidate
	Candidate
	Leader
	Learner
)

// EffectKind says what a server did.
type EffectKind uint8

const (
	// Send: Msg to node To.
	Send EffectKind = iota + 1
	// Save replaces the disk by Data (the state) and More (the snapshot), and
	// empties its write-ahead log, all in one.
	Save
	// WriteAhead appends the record Data to the disk's write-ahead log.
	WriteAhead
	// Apply gives a committed command (Data at Index) to the service.
	Apply
	// ApplySnapshot gives a snapshot (Data, up to and including Index and
	// Term) to the service, in place of the commands up to Index.
	ApplySnapshot
	// Respond answers the Request with ID: Index, Term, Flag, Data.
	Respond
	// Observe tells what is seen of the server's state now: Status.
	Observe
	// LogWrite tells that the log now ends with Entries, the first of them at
	// Index; whatever stood at Index or after is gone. Only for display and
	// checks; durability is Save's and WriteAhead's.
	LogWrite
	// LogCompact tells that the log starts after Index (of Term) now.
	LogCompact
	// Print is output of the server's program. Flag: to standard error.
	Print
	// Note is a mark on the server's time line: Text, with details in Data.
	Note
	// Fault ends the server: Text is one of the Fault constants, Data the
	// stack or message. The world crashes the server and tells its watchers.
	Fault
)

// Kinds of Fault, in Effect.Text.
const (
	FaultPanic    = "panic"
	FaultExit     = "exit"     // the program ended itself; Index is the code
	FaultSpin     = "spin"     // busy loop: out of fuel
	FaultMemory   = "memory"   // out of memory
	FaultStack    = "stack"    // recursion too deep
	FaultDeadlock = "deadlock" // every goroutine waits for another
	FaultProtocol = "protocol" // broke the rules of the kit: unknown RPC method, ...
	FaultOutput   = "output"   // printed without end
	FaultEngine   = "engine"   // our own failure, never the student's
)

// Status is what is seen of a server's state. Fields below Known are
// meaningful only if Full is set: the consensus core and the toy servers show
// them, a student's server does not.
type Status struct {
	Term uint64
	Role Role
	Full bool

	Vote    int // node voted for in Term, or -1
	Lead    int // node believed to be leader, or -1
	Commit  uint64
	Applied uint64
	First   uint64 // index of the first entry in the log
	Last    uint64 // index of the last entry in the log
	// Deadline is when the election (or heartbeat) timer fires, or Never.
	Deadline Time
}

// LogEntry is an entry of a server's log, as shown by LogWrite.
type LogEntry struct {
	Term uint64
	Data []byte
}

// Effect is one thing a server did in a step. Kind says which fields count.
type Effect struct {
	Kind    EffectKind
	Flag    bool
	To      int
	ID      uint64
	Index   uint64
	Term    uint64
	Msg     Message
	Text    string
	Data    []byte
	More    []byte
	Status  Status
	Entries []LogEntry
}

// Disk is what survives a crash. A server changes it only by Save and
// WriteAhead, each of which is done wholly or not at all.
type Disk struct {
	State    []byte
	Snapshot []byte
	WAL      [][]byte
}
