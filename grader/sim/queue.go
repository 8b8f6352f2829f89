package sim

import "sort"

type queuedKind uint8

const (
	qMessage queuedKind = iota + 1
	qCallFailed
	qTimer
	qBoot
	qFunc
)

// queued is something that will happen at time t. Ties go by seq, the order in
// which they were queued.
type queued struct {
	t    Time
	seq  uint64
	kind queuedKind
	node int
	from int
	life int
	msg  Message
	fn   func()
}

func (a *queued) before(b *queued) bool { return a.t < b.t || a.t == b.t && a.seq < b.seq }

// queue is a binary heap; the items live in it by pointer from a free list, so
// that a busy world does not allocate.
type queue struct {
	h    []*queued
	free []*queued
}

func (q *queue) push(it queued) {
	var p *queued
	if n := len(q.free); n > 0 {
		p, q.free = q.free[n-1], q.free[:n-1]
	} else {
		p = new(queued)
	}
	*p = it
	q.h = append(q.h, p)
	i := len(q.h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !q.h[i].before(q.h[up]) {
			break
		}
		q.h[i], q.h[up] = q.h[up], q.h[i]
		i = up
	}
}

func (q *queue) pop() queued {
	p := q.h[0]
	n := len(q.h) - 1
	q.h[0] = q.h[n]
	q.h[n] = nil
	q.h = q.h[:n]
	q.down(0)
	it := *p
	*p = queued{}
	q.free = append(q.free, p)
	return it
}

func (q *queue) down(i int) {
	n := len(q.h)
	for {
		c := 2*i + 1
		if c >= n {
			return
		}
		if c+1 < n && q.h[c+1].before(q.h[c]) {
			c++
		}
		if !q.h[c].before(q.h[i]) {
			return
		}
		q.h[i], q.h[c] = q.h[c], q.h[i]
		i = c
	}
}

// sorted returns copies of all items in the order in which they will happen.
func (q *queue) sorted() []queued {
	all := make([]queued, len(q.h))
	for i, p := range q.h {
		all[i] = *p
	}
	sort.Slice(all, func(i, j int) bool { return all[i].before(&all[j]) })
	return all
}

// remove takes out the items that hit says yes to, in the order of their time.
func (q *queue) remove(hit func(*queued) bool) []queued {
	var out []queued
	keep := q.h[:0]
	for _, p := range q.h {
		if hit(p) {
			out = append(out, *p)
		} else {
			keep = append(keep, p)
		}
	}
	clear(q.h[len(keep):])
	q.h = keep
	for i := len(q.h)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].before(&out[j]) })
	return out
}
