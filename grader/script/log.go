package script

import (
	"fmt"
	"math"
	"strconv"
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
	"leader": true, "term": true, "rpcs": true, "bytes": true, "state_size": true, "snapshot_size": true,
	"budget": true, "fail": true, "expect": true, "wait_crash": true, "client": true, "client_rpcs": true,
}

// measuring are the methods that count what something costs.
var measuring = map[string]bool{"rpcs": true, "bytes": true, "state_size": true}

// reading is what a test measured.
type reading struct {
	at    sim.Time
	text  string // "c.bytes()"
	value int64
}

// logBudget takes down a budget that was exceeded, and the reading that it was
// counted from. How the test made one number of its readings is found by the
// number: a reading, what was added to it since, or that per second; in the end
// what was added less what the test forgave.
func (r *runner) logBudget(property, name string, used, limit float64, unit string) {
	now := r.world.Now()
	tell := func(from *reading, before, sum string) {
		if from != nil {
			r.log.Line(from.at, before)
		}
		r.log.Line(now, fmt.Sprintf("c.budget(%q, %q, %s, %s, %q)", property, name, sum, strconv.FormatFloat(limit, 'f', -1, 64), unit))
	}
	var last, since *reading
	for i := len(r.readings) - 1; i >= 0; i-- {
		if c := &r.readings[i]; c.at == now && float64(c.value) == used {
			tell(nil, "", c.text)
			return
		}
	}
	for i := len(r.readings) - 1; i >= 0; i-- {
		c := &r.readings[i]
		if c.at != now {
			break
		}
		for k := i - 1; k >= 0; k-- {
			b := &r.readings[k]
			if b.text != c.text || b.at == now {
				continue
			}
			added := c.value - b.value
			switch {
			case float64(added) == used:
				tell(b, "before = "+b.text, c.text+" - before")
				return
			case float64(added)*float64(sim.Second)/float64(now-b.at) == used:
				tell(b, "before = "+b.text+"; t = c.now", fmt.Sprintf("(%s - before) * s / (c.now - t)", c.text))
				return
			case since == nil && float64(added) > used && used == math.Trunc(used):
				last, since = c, b
			}
		}
	}
	if since != nil {
		tell(since, "before = "+since.text, fmt.Sprintf("%s - before - %d", last.text, last.value-since.value-int64(used)))
	}
}

// logLine writes a call of a method of the cluster as a line of Starlark. An
// operation of a client is written without the wait for its end: what comes after
// it has its own time.
func (r *runner) logLine(a call) string {
	var parts []string
	for _, v := range a.args {
		parts = append(parts, literal(v))
	}
	for _, p := range a.kw {
		k, _ := starlark.AsString(p[0])
		if clientCalls[a.name] && (k == "within" || k == "wait") {
			continue
		}
		parts = append(parts, k+" = "+literal(p[1]))
	}
	if clientCalls[a.name] {
		parts = append(parts, "wait = False")
	}
	return fmt.Sprintf("c.%s(%s)", a.name, strings.Join(parts, ", "))
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
