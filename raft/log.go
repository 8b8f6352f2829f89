package raft

// raftLog is a server's log: the entries after its snapshot.
//
// A written element of entries is never written again: truncation leaves the
// old array to whoever still reads it. Messages and effects may therefore share
// the entries without copying.
type raftLog struct {
	// base is the snapshot's last entry, {0, 0} without a snapshot. It never
	// goes back. base.Index <= applied <= commit <= last().
	base position
	// entries[i].Index == base.Index+1+i; their terms never decrease.
	entries []Entry
	// saved: the entries up to it were handed out to be made durable. A
	// truncation takes it back.
	saved uint64
	// commit is commitIndex, applied is lastApplied (Figure 2). Neither goes back.
	commit  uint64
	applied uint64
	// mayLose: a rule of safety is off (Config.Unsafe), so committed entries may
	// be removed, and commit then goes back.
	mayLose bool
}

// position is a place in the log: an index and the term of the entry there.
type position struct {
	Index, Term uint64
}

// upToDate says whether a log that ends at p is at least as up-to-date as one
// that ends at q (section 5.4.1).
func (p position) upToDate(q position) bool {
	return p.Term > q.Term || p.Term == q.Term && p.Index >= q.Index
}

func (l *raftLog) last() uint64 { return l.base.Index + uint64(len(l.entries)) }

func (l *raftLog) end() position {
	if n := len(l.entries); n > 0 {
		return position{l.entries[n-1].Index, l.entries[n-1].Term}
	}
	return l.base
}

// term returns the term of the entry at index, and false if the log does not
// reach there or no longer has it.
func (l *raftLog) term(index uint64) (uint64, bool) {
	switch {
	case index == l.base.Index:
		return l.base.Term, true
	case index < l.base.Index || index > l.last():
		return 0, false
	}
	return l.entries[index-l.base.Index-1].Term, true
}

func (l *raftLog) matches(p position) bool {
	term, ok := l.term(p.Index)
	return ok && term == p.Term
}

// slice returns the entries from..to, both included. They are shared.
func (l *raftLog) slice(from, to uint64) []Entry {
	i, j := from-l.base.Index-1, to-l.base.Index
	return l.entries[i:j:j]
}

// batch returns the entries from index on that fit one message: at most
// maxBytes of data, but at least one entry.
func (l *raftLog) batch(from uint64, maxBytes int) []Entry {
	i := from - l.base.Index - 1
	rest := l.entries[i:]
	n, size := 0, 0
	for n < len(rest) {
		size += len(rest[n].Data)
		if n > 0 && size > maxBytes {
			break
		}
		n++
	}
	return rest[:n:n]
}

// truncate removes the entry at index and all after it (section 5.3). Committed
// entries are never removed: a leader that asks for it breaks Leader
// Completeness, and going on would hide that.
func (l *raftLog) truncate(index uint64) {
	if index <= l.commit && l.mayLose {
		l.commit = index - 1
	}
	if index <= l.commit {
		panic("raft: asked to remove a committed entry: the leader lacks it, which Leader Completeness (section 5.4.3) forbids")
	}
	n := index - l.base.Index - 1
	l.entries = l.entries[:n:n]
	l.saved = min(l.saved, index-1)
}

// conflict returns the first of entries that the log does not have, or has with
// another term, as an offset into entries; len(entries) if it has them all.
func (l *raftLog) conflict(entries []Entry) int {
	for i := range entries {
		if !l.matches(position{entries[i].Index, entries[i].Term}) {
			return i
		}
	}
	return len(entries)
}

// lastAtMost returns the last place at or before index whose term is not above
// term, or the base if there is none. It is both halves of the fast back-up at
// the end of section 5.3.
func (l *raftLog) lastAtMost(index, term uint64) position {
	for i := min(index, l.last()); i > l.base.Index; i-- {
		if t := l.entries[i-l.base.Index-1].Term; t <= term {
			return position{i, t}
		}
	}
	return l.base
}

// compact drops the entries up to p (section 7). The new array has room for as
// many more: the next compaction will come after about as many.
func (l *raftLog) compact(p position) {
	n := p.Index - l.base.Index
	rest := l.entries[n:]
	l.entries, l.base = append(make([]Entry, 0, uint64(len(rest))+n), rest...), p
}

// append adds entries at the end. The array doubles when it is full: append
// alone would copy large logs much more often.
func (l *raftLog) append(entries ...Entry) {
	if n := len(l.entries) + len(entries); n > cap(l.entries) {
		l.entries = append(make([]Entry, 0, max(64, 2*n)), l.entries...)
	}
	l.entries = append(l.entries, entries...)
}

// reset makes the log empty after p: everything up to p is a snapshot's.
func (l *raftLog) reset(p position) {
	*l = raftLog{base: p, saved: p.Index, commit: p.Index, applied: p.Index, mayLose: l.mayLose}
}
