package script

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// unlogged are the methods that do nothing to the cluster and claim nothing, or
// whose claim cannot be written down again: it rests on the test's own values.
// Starts are logged where they happen, as others cause them too; commit where
// its command is known.
var unlogged = map[string]bool{
	"sleep": true, "until": true, "spawn": true, "wait_until": true, "rand": true, "chance": true, "pick": true, "shuffle": true,
	"up": true, "reachable": true, "command": true, "start": true, "commit": true, "applied": true, "value": true, "last_applied": true,
	"leader": true, "term": true, "rpcs": true, "bytes": true, "state_size": true,
	"budget": true, "fail": true, "expect": true, "wait_crash": true,
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
		return fmt.Sprintf("link(min = %d, max = %d, loss = %g, dup = %g, late = %g, late_min = %d, late_max = %d, late_replies = %s)",
			int64(v.Min), int64(v.Max), v.Loss, v.Dup, v.Late, int64(v.LateMin), int64(v.LateMax), starlark.Bool(v.LateReplies))
	case starlark.Iterable:
		var parts []string
		for x := range starlark.Elements(v) {
			parts = append(parts, literal(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.String()
}
