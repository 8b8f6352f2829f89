package tester

import "strconv"

// Tgid is the number of a group of servers. There is one group here.
type Tgid int

// GRP0 is the first group.
const GRP0 = Tgid(0)

// IService is what a server offers to others. Nobody calls Kill here: a crash
// takes the server with all that it has.
type IService interface {
	Kill()
}

// ServerName is the name by which clerks know server i of a group.
func ServerName(gid Tgid, i int) string {
	return "server-" + strconv.Itoa(int(gid)) + "-" + strconv.Itoa(i)
}

// Clnt is how a clerk calls servers, which it knows by their names.
type Clnt struct {
	names []string
	call  func(server int, method string, args interface{}, reply interface{}) bool
}

// OpenClnt returns a Clnt that knows the servers by these names, and calls them by
// their numbers. The kit's runtime calls it.
func OpenClnt(names []string, call func(server int, method string, args interface{}, reply interface{}) bool) *Clnt {
	return &Clnt{names, call}
}

// Call executes method ("KVServer.Get") on a server and waits for it, as
// labrpc.ClientEnd.Call does.
func (c *Clnt) Call(server, method string, args interface{}, reply interface{}) bool {
	for i, n := range c.names {
		if n == server {
			return c.call(i, method, args, reply)
		}
	}
	panic("tester: there is no server named " + strconv.Quote(server) + ": call one of those that MakeClerk was given")
}

// TesterClnt is what servers that are processes reach the course's tests with,
// since 2026. There is none here.
type TesterClnt struct{}

// MaxRaftState is for the servers of the course's tests that are processes; here
// maxraftstate comes as an argument.
var MaxRaftState = -1

// UseRaftStateMachine would plug another Raft into package rsm.
var UseRaftStateMachine bool
