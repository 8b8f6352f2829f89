package report

import (
	"strings"

	"github.com/raftlab/raftlab/grader"
)

// laneWidth is the distance of two servers' lanes, in columns.
const laneWidth = 4

// lanes draws events as a small space-time diagram: time runs down, each server
// and client has a lane, a message is an arrow from its sender to its receiver, and what
// happened stands at the right. The event that broke the property is marked.
func (r *Report) lanes(f *grader.Failure) {
	events := f.Events
	n, digits := 1, 0
	for _, e := range events {
		n = max(n, e.Server+1, e.Peer+1)
		digits = max(digits, len(clock(e.Time)))
	}
	left := 4 + digits + 2
	room := r.o.Width - left - n*laneWidth

	head := strings.Repeat(" ", left)
	for i := range n {
		head += pad(node(f, i), laneWidth)
	}
	r.printf("%s\n", r.p.dim(strings.TrimRight(head, " ")))

	empty := r.row(n, grader.EventLine{Server: -1, Peer: -1})
	for _, e := range events {
		gutter, style := " ", r.p.plain
		if e.Mark {
			gutter, style = r.g.mark, r.p.bad
		} else if e.Server < 0 || e.Peer >= 0 {
			style = r.p.dim
		}
		what := clean(r.said(e.What))
		if e.Detail != "" {
			what += " " + clean(e.Detail)
		}
		for i, l := range wrap(what, room) {
			if i == 0 {
				r.printf("  %s %s  %s%s\n", r.p.bad(gutter), r.p.dim(padLeft(clock(e.Time), digits)), r.row(n, e), style(l))
			} else {
				r.printf("%s%s%s\n", strings.Repeat(" ", left), empty, style(l))
			}
		}
	}
}

// row draws one event across n lanes.
func (r *Report) row(n int, e grader.EventLine) string {
	from, to := e.Server, e.Peer
	cells := make([]string, n*laneWidth)
	arrow := from >= 0 && to >= 0 && from != to && !e.Mark
	lo, hi := min(from, to)*laneWidth, max(from, to)*laneWidth
	for c := range cells {
		switch {
		case arrow && c > lo && c < hi:
			cells[c] = r.g.dash
		case c%laneWidth == 0:
			cells[c] = r.p.dim(r.g.lane)
		default:
			cells[c] = " "
		}
	}
	style := r.p.accent
	if e.Mark {
		style = r.p.bad
	}
	if from >= 0 {
		cells[from*laneWidth] = style(r.g.dot)
	}
	if to >= 0 && to != from {
		cells[to*laneWidth] = style(r.g.dot)
	}
	if arrow {
		head := r.g.right
		if to < from {
			head = r.g.left
		}
		cells[to*laneWidth] = style(head)
	}
	return strings.Join(cells, "")
}
