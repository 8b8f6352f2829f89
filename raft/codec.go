package raft

import (
	"encoding/binary"
	"strconv"
)

// The encoding, version 1. Integers are unsigned LEB128 ("uvarint"); a list has
// its length first, bytes theirs.
//
//	message   1, kind, flags (1 reject, 2 force, 4 done), from, to, term, index, logTerm;
//	          AppendEntries: commit, round, entries
//	          AppendEntriesReply: round, and with reject hintIndex, hintTerm
//	          InstallSnapshot: round, offset, data, membership
//	          InstallSnapshotReply: round, offset
//	record    1, 'R', 1 if a State follows, [term, vote,] index of the first entry, entries
//	image     1, 'I', term, vote, snapshot index, snapshot term, membership, entries
//	entries   count; each: term minus the term before it, length<<2 | kind, data
//	membership  voters, outgoing, learners
const codecVersion = 1

const (
	flagReject = 1 << iota
	flagForce
	flagDone
	endOfFlags
)

// DecodeError says what was wrong with encoded bytes, and where.
type DecodeError struct {
	At   int    // offset of the byte after what could not be read
	What string // what was expected
}

func (e *DecodeError) Error() string {
	return "raft: damaged encoding at byte " + strconv.Itoa(e.At) + ": expected " + e.What
}

// AppendMessage appends the encoding of m to b.
func AppendMessage(b []byte, m *Message) []byte {
	flags := byte(0)
	if m.Reject {
		flags |= flagReject
	}
	if m.Force {
		flags |= flagForce
	}
	if m.Done {
		flags |= flagDone
	}
	b = append(b, codecVersion, byte(m.Kind), flags)
	b = appendNumbers(b, uint64(m.From), uint64(m.To), m.Term, m.Index, m.LogTerm)
	switch m.Kind {
	case AppendEntries:
		b = appendNumbers(b, m.Commit, m.Round)
		b = encodeEntries(b, m.LogTerm, m.Entries)
	case AppendEntriesReply:
		b = appendNumbers(b, m.Round)
		if m.Reject {
			b = appendNumbers(b, m.HintIndex, m.HintTerm)
		}
	case InstallSnapshot:
		b = appendNumbers(b, m.Round, m.Offset, uint64(len(m.Data)))
		b = append(b, m.Data...)
		var members Membership
		if m.Members != nil {
			members = *m.Members
		}
		b = encodeMembership(b, members)
	case InstallSnapshotReply:
		b = appendNumbers(b, m.Round, m.Offset)
	}
	return b
}

// DecodeMessage decodes b, all of it, into m. It reuses the array of m.Entries;
// the data of entries and snapshots is shared with b, which must not change.
func DecodeMessage(b []byte, m *Message) error {
	d := decoder{b: b}
	d.expect(codecVersion, "version 1 of the encoding")
	kind := MessageKind(d.byte())
	flags := d.byte()
	if kind == 0 || kind >= endOfKinds || flags >= endOfFlags {
		d.fail("a kind of message")
	}
	*m = Message{Kind: kind, Reject: flags&flagReject != 0, Force: flags&flagForce != 0, Done: flags&flagDone != 0,
		Entries: m.Entries[:0]}
	m.From, m.To, m.Term, m.Index, m.LogTerm = ID(d.number()), ID(d.number()), d.number(), d.number(), d.number()
	switch kind {
	case AppendEntries:
		m.Commit, m.Round = d.number(), d.number()
		m.Entries = d.entries(m.Entries, m.Index+1, m.LogTerm)
	case AppendEntriesReply:
		m.Round = d.number()
		if m.Reject {
			m.HintIndex, m.HintTerm = d.number(), d.number()
		}
	case InstallSnapshot:
		m.Round, m.Offset = d.number(), d.number()
		m.Data = d.bytes(d.number())
		members := d.membership()
		m.Members = &members
	case InstallSnapshotReply:
		m.Round, m.Offset = d.number(), d.number()
	}
	return d.end()
}

// AppendRecord appends what a write-ahead log keeps of fx: its State, if it is
// to be saved, and its Append.
func AppendRecord(b []byte, fx *Effects) []byte {
	b = append(b, codecVersion, 'R', 0)
	if fx.Save {
		b[len(b)-1] = 1
		b = appendNumbers(b, fx.State.Term, uint64(fx.State.Vote))
	}
	first := uint64(0)
	if len(fx.Append) > 0 {
		first = fx.Append[0].Index
	}
	b = appendNumbers(b, first)
	return encodeEntries(b, 0, fx.Append)
}

// AppendImage appends what replaces a write-ahead log when fx has a Snapshot:
// everything but the snapshot's data.
func AppendImage(b []byte, fx *Effects) []byte {
	b = append(b, codecVersion, 'I')
	b = appendNumbers(b, fx.State.Term, uint64(fx.State.Vote), fx.Snapshot.Index, fx.Snapshot.Term)
	b = encodeMembership(b, fx.Snapshot.Members)
	return encodeEntries(b, 0, fx.Append)
}

// ReadDisk puts together what a server boots from: the image and the data of
// the last snapshot (both empty if there was none), and the records written
// since. The result shares their bytes.
func ReadDisk(image, data []byte, records [][]byte) (Disk, error) {
	var disk Disk
	if len(image) > 0 {
		d := decoder{b: image}
		d.expect(codecVersion, "version 1 of the encoding")
		d.expect('I', "an image")
		disk.State = State{Term: d.number(), Vote: ID(d.number())}
		disk.Snapshot = Snapshot{Index: d.number(), Term: d.number(), Members: d.membership(), Data: data}
		disk.Entries = d.entries(nil, disk.Snapshot.Index+1, 0)
		if err := d.end(); err != nil {
			return Disk{}, err
		}
	}
	for _, r := range records {
		d := decoder{b: r}
		d.expect(codecVersion, "version 1 of the encoding")
		d.expect('R', "a record")
		if d.byte() != 0 {
			disk.State = State{Term: d.number(), Vote: ID(d.number())}
		}
		first := d.number()
		entries := d.entries(nil, first, 0)
		if err := d.end(); err != nil {
			return Disk{}, err
		}
		if len(entries) == 0 {
			continue
		}
		if first <= disk.Snapshot.Index || first > disk.Snapshot.Index+1+uint64(len(disk.Entries)) {
			return Disk{}, &DecodeError{What: "a record that joins the log"}
		}
		disk.Entries = append(disk.Entries[:first-disk.Snapshot.Index-1], entries...)
	}
	return disk, nil
}

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// encodeEntries needs terms that do not decrease, from term on: every log's.
func encodeEntries(b []byte, term uint64, entries []Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		b = binary.AppendUvarint(b, e.Term-term)
		b = binary.AppendUvarint(b, uint64(len(e.Data))<<2|uint64(e.Kind))
		b = append(b, e.Data...)
		term = e.Term
	}
	return b
}

func encodeMembership(b []byte, m Membership) []byte {
	for _, list := range [][]ID{m.Voters, m.Outgoing, m.Learners} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, id := range list {
			b = binary.AppendUvarint(b, uint64(id))
		}
	}
	return b
}

func decodeMembership(b []byte) (Membership, error) {
	d := decoder{b: b}
	m := d.membership()
	return m, d.end()
}

// decoder reads from b. After a failure it reads zeros and keeps the first error.
type decoder struct {
	b   []byte
	at  int
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = &DecodeError{At: d.at, What: what}
	}
	d.at = len(d.b)
}

func (d *decoder) end() error {
	if d.at < len(d.b) {
		d.fail("the end")
	}
	return d.err
}

func (d *decoder) byte() byte {
	if d.at >= len(d.b) {
		d.fail("more bytes")
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

func (d *decoder) expect(want byte, what string) {
	if d.byte() != want {
		d.fail(what)
	}
}

func (d *decoder) number() uint64 {
	if d.at < len(d.b) && d.b[d.at] < 0x80 {
		d.at++
		return uint64(d.b[d.at-1])
	}
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		d.fail("a number")
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)-d.at) {
		d.fail("as many bytes as announced")
		return nil
	}
	from := d.at
	d.at += int(n)
	return d.b[from:d.at:d.at]
}

func (d *decoder) entries(dst []Entry, index, term uint64) []Entry {
	n := d.number()
	if n > uint64(len(d.b)-d.at)/2 { // an entry takes 2 bytes at least
		d.fail("as many entries as announced")
		return dst
	}
	if uint64(cap(dst)) < n {
		dst = make([]Entry, 0, n)
	}
	for range n {
		delta, size := d.number(), d.number()
		e := Entry{Index: index, Term: term + delta, Kind: EntryKind(size & 3), Data: d.bytes(size >> 2)}
		if e.Term < term || e.Kind > MembershipChange || index == 0 {
			d.fail("an entry of a kind and term that can be")
		}
		if d.err != nil {
			return dst[:0]
		}
		if e.Kind == MembershipChange {
			if _, err := decodeMembership(e.Data); err != nil {
				d.fail("a membership in an entry")
				return dst[:0]
			}
		}
		dst = append(dst, e)
		term = e.Term
		index++
	}
	return dst
}

func (d *decoder) membership() Membership {
	var m Membership
	for _, list := range []*[]ID{&m.Voters, &m.Outgoing, &m.Learners} {
		n := d.number()
		if n > uint64(len(d.b)-d.at) {
			d.fail("as many servers as announced")
			return Membership{}
		}
		for range n {
			*list = append(*list, ID(d.number()))
		}
	}
	if err := m.check(); err != nil {
		d.fail("a membership: sorted lists without repetition")
		return Membership{}
	}
	return m
}
