package raft

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// samples holds a message of every kind with every field that it can carry.
func samples() []Message {
	members := Membership{Voters: []ID{1, 2, 300}, Outgoing: []ID{1}, Learners: []ID{7}}
	entries := []Entry{
		{Index: 10, Term: 4, Data: []byte("x=1")},
		{Index: 11, Term: 4, Kind: NoOp, Data: []byte{}},
		{Index: 12, Term: 1 << 40, Kind: MembershipChange, Data: encodeMembership(nil, members)},
	}
	return []Message{
		{Kind: PreVote, From: 1, To: 2, Term: 5, Index: 9, LogTerm: 4},
		{Kind: PreVoteReply, From: 2, To: 1, Term: 5},
		{Kind: RequestVote, From: 1, To: 2, Term: 5, Index: 9, LogTerm: 4, Force: true},
		{Kind: RequestVoteReply, From: 2, To: 1, Term: 5, Reject: true},
		{Kind: AppendEntries, From: 1, To: 2, Term: 1 << 41, Index: 9, LogTerm: 3, Entries: entries, Commit: 8, Round: 77},
		{Kind: AppendEntriesReply, From: 2, To: 1, Term: 5, Index: 12, Round: 77},
		{Kind: AppendEntriesReply, From: 2, To: 1, Term: 5, Index: 9, Reject: true, HintIndex: 6, HintTerm: 2, Round: 77},
		{Kind: InstallSnapshot, From: 1, To: 2, Term: 5, Index: 9, LogTerm: 4, Round: 3, Offset: 1000, Done: true,
			Data: []byte("state"), Members: &members},
		{Kind: InstallSnapshotReply, From: 2, To: 1, Term: 5, Index: 9, LogTerm: 4, Round: 3, Offset: 1005, Done: true},
		{Kind: TimeoutNow, From: 1, To: 2, Term: 5},
	}
}

func TestMessageRoundTrip(t *testing.T) {
	for _, m := range samples() {
		var got Message
		if err := DecodeMessage(AppendMessage(nil, &m), &got); err != nil {
			t.Errorf("%v: %v", m.Kind, err)
		}
		if len(got.Entries) == 0 {
			got.Entries = nil
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%v: got %+v, want %+v", m.Kind, got, m)
		}
	}
}

func TestDecodeRefusesEveryTruncation(t *testing.T) {
	for _, m := range samples() {
		b := AppendMessage(nil, &m)
		var got Message
		for n := range b {
			if DecodeMessage(b[:n:n], &got) == nil {
				t.Errorf("%v cut to %d of %d bytes was accepted", m.Kind, n, len(b))
			}
		}
		if DecodeMessage(append(b[:len(b):len(b)], 0), &got) == nil {
			t.Errorf("%v with a byte too many was accepted", m.Kind)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	head := []byte{codecVersion, byte(AppendEntries), 0, 1, 2, 3, 4, 3, 0, 0}
	with := func(more ...byte) []byte { return append(bytes.Clone(head), more...) }
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"empty", "more bytes", nil},
		{"version", "version 1", []byte{9}},
		{"kind", "a kind of message", []byte{1, 99, 0}},
		{"flags", "a kind of message", []byte{1, 1, 0x80}},
		{"number", "a number", []byte{1, 1, 0, 0x80}},
		{"count", "as many entries", with(200, 1, 0, 0)},
		{"length", "as many bytes", with(1, 0, 200, 1)},
		{"entry kind", "an entry of a kind", with(1, 0, 3)},
		{"term overflow", "an entry of a kind", with(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0)},
		{"membership", "a membership in an entry", with(1, 0, 1<<2|2, 9)},
	} {
		var m Message
		err := DecodeMessage(c.b, &m)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
	}
	for _, b := range [][]byte{{9, 0, 0}, {1, 0, 0, 0}, {2, 2, 1, 0, 0}, {0, 0, 1, 1}, {1, 1, 0, 1, 1}} {
		if m, err := decodeMembership(b); err == nil {
			t.Errorf("membership %v was accepted as %+v", b, m)
		}
	}
}

// TestReadDisk: what was written is what a server boots from (Figure 2,
// persistent state; section 7).
func TestReadDisk(t *testing.T) {
	e := func(index, term uint64, data string) Entry {
		return Entry{Index: index, Term: term, Data: []byte(data)}
	}
	image := AppendImage(nil, &Effects{State: State{Term: 3, Vote: 2}, Append: []Entry{e(6, 3, "f")},
		Snapshot: &Snapshot{Index: 5, Term: 2, Members: Membership{Voters: []ID{1, 2, 3}}}})
	records := [][]byte{
		AppendRecord(nil, &Effects{Append: []Entry{e(7, 3, "g"), e(8, 3, "h")}}),
		AppendRecord(nil, &Effects{Save: true, State: State{Term: 4, Vote: 1}, Append: []Entry{e(8, 4, "H"), e(9, 4, "i")}}),
		AppendRecord(nil, &Effects{Save: true, State: State{Term: 5}}),
	}
	disk, err := ReadDisk(image, []byte("snap"), records)
	if err != nil {
		t.Fatal(err)
	}
	want := Disk{State: State{Term: 5},
		Snapshot: Snapshot{Index: 5, Term: 2, Members: Membership{Voters: []ID{1, 2, 3}}, Data: []byte("snap")},
		Entries:  []Entry{e(6, 3, "f"), e(7, 3, "g"), e(8, 4, "H"), e(9, 4, "i")}}
	if !reflect.DeepEqual(disk, want) {
		t.Errorf("got %+v, want %+v", disk, want)
	}
	for _, bad := range [][]byte{
		AppendRecord(nil, &Effects{Append: []Entry{e(8, 3, "gap")}}),
		AppendRecord(nil, &Effects{Append: []Entry{e(5, 3, "below the snapshot")}}),
		{1, 'R'},
		{1, 'X'},
	} {
		if _, err := ReadDisk(image, nil, [][]byte{bad}); err == nil {
			t.Errorf("record %q was accepted", bad)
		}
	}
	if _, err := ReadDisk(image[:4], nil, nil); err == nil {
		t.Error("a cut image was accepted")
	}
}

// FuzzDecode: bad bytes give an error, never a panic; what is accepted means
// the same when it is written again.
func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		f.Add(AppendMessage(nil, &m))
	}
	f.Add(AppendRecord(nil, &Effects{Save: true, Append: []Entry{{Index: 1, Term: 1}}}))
	f.Add(AppendImage(nil, &Effects{Snapshot: &Snapshot{Index: 1, Term: 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again Message
		if DecodeMessage(b, &m) == nil {
			if err := DecodeMessage(AppendMessage(nil, &m), &again); err != nil || !reflect.DeepEqual(m, again) {
				t.Errorf("%+v became %+v (%v)", m, again, err)
			}
			// A server survives whatever can be decoded.
			s, err := New(Config{ID: m.To, Members: Membership{Voters: []ID{1, 2, 3}}}, Disk{}, 0)
			if err == nil && m.Index < 1<<62 {
				_ = s.Step(0, &m)
				s.Effects()
			}
		}
		ReadDisk(b, nil, [][]byte{b})
		ReadDisk(nil, nil, [][]byte{b, b})
	})
}
