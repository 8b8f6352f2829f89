package kit

import "embed"

// FS holds the packages, each in the folder of its name, as they are in this
// repository: they import each other as Import + "/" + name.
//
//go:embed guest kvapi labgob labrpc raftapi rand sched sync tester wire
var FS embed.FS

// Core holds the package coreraft, in a folder of that name: only servers that
// stand on the grader's own Raft have it.
//
//go:embed coreraft
var Core embed.FS

// Import is the path under which the kit's packages import each other here.
const Import = "github.com/raftlab/raftlab/labs/kit"

// Framework lists the packages that take the place of the lab's own, under the
// import paths that the student's code has for them.
func Framework() []string { return []string{"kvapi", "labgob", "labrpc", "raftapi", "tester"} }

// Runtime lists the packages that stand beside them, unseen by the student.
func Runtime() []string { return []string{"guest", "rand", "sched", "sync", "wire"} }
