package script

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
)

// goroutine is one goroutine of a server's dump.
type goroutine struct {
	id    string
	state string // "sync.Mutex.Lock", "chan send", ...
	text  string
}

var goroutineHead = regexp.MustCompile(`(?m)^goroutine (\d+) .*\[([^\],]+)[^\]]*\]:$`)

// stacks takes a dump apart.
func stacks(dump string) []goroutine {
	var out []goroutine
	at := goroutineHead.FindAllStringSubmatchIndex(dump, -1)
	for i, m := range at {
		end := len(dump)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out = append(out, goroutine{id: dump[m[2]:m[3]], state: dump[m[4]:m[5]], text: strings.TrimSpace(dump[m[0]:end])})
	}
	return out
}

// locked says whether the goroutine waits for a lock.
func (g goroutine) locked() bool {
	return strings.HasPrefix(g.state, "sync.Mutex") || strings.HasPrefix(g.state, "sync.RWMutex") || g.state == "semacquire"
}

// deadlock looks whether goroutines of a server wait for a lock now and did so
// before; if so, that is the better name for what did not happen in time. The
// first line of each dump names the locks that are held, and since which line.
func (r *runner) deadlock(v *check.Violation, before map[int]string) *check.Violation {
	servers := make([]int, 0, len(r.out.Dumps))
	for n := range r.out.Dumps {
		servers = append(servers, n)
	}
	sort.Ints(servers)
	for _, n := range servers {
		was := map[string]bool{}
		for _, g := range stacks(before[n]) {
			was[g.id] = g.locked()
		}
		waiting := 0
		for _, g := range stacks(r.out.Dumps[n]) {
			if g.locked() && was[g.id] {
				waiting++
			}
		}
		if waiting == 0 {
			continue
		}
		d := *v
		d.Property, d.Server, d.Stack = check.NoDeadlock, n, r.out.Dumps[n]
		d.Message = fmt.Sprintf("on server %d, %d goroutines wait for a lock that is not released; so %s", n, waiting, lowerFirst(v.Message))
		return &d
	}
	return v
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
