package check

import "fmt"

import "github.com/raftlab/raftlab/grader/sim"

// Property is the name of something that must hold, as the reports show it.
type Property string

// Safety: these must never break.
const (
	ElectionSafety        Property = "Election Safety"
	StateMachineSafety    Property = "State Machine Safety"
	LeaderCompleteness    Property = "Leader Completeness"
	ApplyOrder            Property = "Apply Order"
	ApplyIntegrity        Property = "Apply Integrity"
	TermMonotonicity      Property = "Term Monotonicity"
	DurableTerm           Property = "Durable Term"
	SnapshotIntegrity     Property = "Snapshot Integrity"
	StartContract         Property = "Start Contract"
	CommitWithoutMajority Property = "Commit Without Majority"
	Linearizability       Property = "Linearizability"
	ExactlyOnce           Property = "Exactly Once"
	LostUpdate            Property = "Lost Update"
	StaleRead             Property = "Stale Read"
	MutualExclusion       Property = "Mutual Exclusion"
	FencingToken          Property = "Fencing Token"
	VoteOnce              Property = "Vote Once"          // seen of our own core only
	LogMatching           Property = "Log Matching"       // seen of our own core only
	LeaderAppendOnly      Property = "Leader Append-Only" // seen of our own core only
)

// Liveness: these must happen in time.
const (
	LeaderElected   Property = "Leader Elected"
	Agreement       Property = "Agreement"
	LeaderStability Property = "Leader Stability"
	Recovery        Property = "Recovery"
	StartReturns    Property = "Start Returns"
	ClientProgress  Property = "Client Progress"
)

// Budgets: these must not cost more than allowed.
const (
	RPCBudget  Property = "RPC Budget"
	ByteBudget Property = "Byte Budget"
	LogSize    Property = "Log Size"
)

// Faults: the program must not die or hang.
const (
	NoPanic    Property = "No Panic"
	NoDeadlock Property = "No Deadlock"
	NoBusyLoop Property = "No Busy Loop"
	Memory     Property = "Memory"
	NoExit     Property = "No Exit"
	Output     Property = "Output"
)

// Kind groups properties by what their breaking means.
type Kind string

// Kinds of property.
const (
	Safety   Kind = "safety"
	Liveness Kind = "liveness"
	Budget   Kind = "budget"
	Fault    Kind = "fault"
	Engine   Kind = "engine" // not the student's failure
)

var kinds = map[Property]Kind{
	ElectionSafety: Safety, StateMachineSafety: Safety, LeaderCompleteness: Safety, ApplyOrder: Safety,
	ApplyIntegrity: Safety, TermMonotonicity: Safety, DurableTerm: Safety, SnapshotIntegrity: Safety,
	StartContract: Safety, CommitWithoutMajority: Safety, VoteOnce: Safety, LogMatching: Safety, LeaderAppendOnly: Safety,
	Linearizability: Safety, ExactlyOnce: Safety, LostUpdate: Safety, StaleRead: Safety, MutualExclusion: Safety, FencingToken: Safety,
	ClientProgress: Liveness,
	LeaderElected:  Liveness, Agreement: Liveness, LeaderStability: Liveness, Recovery: Liveness, StartReturns: Liveness,
	RPCBudget: Budget, ByteBudget: Budget, LogSize: Budget,
	NoPanic: Fault, NoDeadlock: Fault, NoBusyLoop: Fault, Memory: Fault, NoExit: Fault, Output: Fault,
}

// Known says whether p is the name of a property.
func Known(p Property) bool { return kinds[p] != "" }

// KindOf returns the kind of p; unknown properties are the engine's.
func KindOf(p Property) Kind {
	if k := kinds[p]; k != "" {
		return k
	}
	return Engine
}

// ofFault says which property a fault of a server breaks.
var ofFault = map[string]Property{
	sim.FaultPanic: NoPanic, sim.FaultStack: NoPanic, sim.FaultProtocol: NoPanic, sim.FaultExit: NoExit,
	sim.FaultSpin: NoBusyLoop, sim.FaultMemory: Memory, sim.FaultDeadlock: NoDeadlock, sim.FaultOutput: Output,
}

// Violation is a property that broke.
type Violation struct {
	Property Property
	Time     sim.Time
	Server   int // or -1
	Peer     int // another server concerned, or -1
	Message  string
	Expected string
	Found    string
	Stack    string // of the server's program, where it died or hangs
	// History is the smallest part of what clients did and were told that shows it,
	// by the time at which they asked.
	History []Operation
}

// Operation is one operation of a client, or of whoever asked a server itself.
type Operation struct {
	ID           uint64
	Who          string   // "C0"; "S0" for what was asked of a server itself
	Call, Return sim.Time // Return is sim.Never while there is no answer
	Ask, Answer  string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s: %s", v.Property, v.Message)
}
