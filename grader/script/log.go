package script

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/sim"
)

// unlogged are the methods that do nothing to the cluster and claim nothing, or
// whose claim cannot be written down again: it rests on the test's own values.
// Starts are logged where they happen, as others cause them too; commit where
// its command is known.
var unlogged = map[string]bool{
	"sleep": true, "until": true, "spawn": true, "wait_until": true, "rand": true, "chance": true, "pick": true, "shuffle": true,
	"up": true, "reachable": true, "command": true, "start": true, "commit": true, "applied": true, "value": true, "last_applied": true,
	"leader": true, "term": true, "rpcs": true, "bytes": true, "state_size": true,
	"budget": true, "fail": true, "expect": true, "wait_crash": true, "client": true, "client_rpcs": true,
}

// logLine writes a call of a method of the cluster as a line of Starlark.
func logLine(name string, args starlark.Tuple, kw []starlark.Tuple) string {
	var parts []string
	for _, v := range args {
		parts = append(parts, literal(v))
	}
	for _, p := range kw {
		k, _ := starlark.AsString(p[0])
		parts = append(parts, k+" = "+literal(p[1]))
	}
	return fmt.Sprintf("c.%s(%s)", name, strings.Join(parts, ", "))
}

func literal(v starlark.Value) string {
	switch v := v.(type) {
	case linkValue:
		return LinkText(v.Link)
	case starlark.Iterable:
		var parts []string
		for x := range starlark.Elements(v) {
			parts = append(parts, literal(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.String()
}

// SpanText writes a time as a test would.
func SpanText(t sim.Time) string {
	switch {
	case t > 0 && t%sim.Second == 0:
		return fmt.Sprintf("%d * s", t/sim.Second)
	case t%sim.Millisecond == 0:
		return fmt.Sprintf("%d * ms", t/sim.Millisecond)
	case t%sim.Microsecond == 0:
		return fmt.Sprintf("%d * us", t/sim.Microsecond)
	}
	return fmt.Sprint(int64(t))
}

// LinkText writes a network as a test would.
func LinkText(l sim.Link) string {
	switch l {
	case sim.Reliable:
		return "reliable"
	case sim.Unreliable:
		return "unreliable"
	case sim.LongReordering:
		return "long_reordering"
	}
	s := fmt.Sprintf("link(min = %s, max = %s", SpanText(l.Min), SpanText(l.Max))
	if l.Loss > 0 {
		s += fmt.Sprintf(", loss = %g", l.Loss)
	}
	if l.Dup > 0 {
		s += fmt.Sprintf(", dup = %g", l.Dup)
	}
	if l.Late > 0 {
		s += fmt.Sprintf(", late = %g, late_min = %s, late_max = %s", l.Late, SpanText(l.LateMin), SpanText(l.LateMax))
		if l.LateReplies {
			s += ", late_replies = True"
		}
	}
	return s + ")"
}
