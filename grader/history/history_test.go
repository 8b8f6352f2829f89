package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

const ms = sim.Millisecond

// play gives operations to a history as their calls and returns happen, and
// returns the first violation; the search comes at the end.
func play(ops []*Operation) (v *check.Violation, undecided []string) {
	type moment struct {
		at  sim.Time
		ret bool
		o   *Operation
		i   int
	}
	var all []moment
	for i, o := range ops {
		all = append(all, moment{o.Call, false, o, i})
		if o.Return != sim.Never {
			all = append(all, moment{o.Return, true, o, i})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	h := New()
	judges := make([]func() *check.Violation, len(ops))
	for _, m := range all {
		if !m.ret {
			end := m.o.Return
			judges[m.i] = h.Invoke(m.o)
			defer func() { m.o.Return = end }()
			continue
		}
		m.o.Return = m.at
		if v := judges[m.i](); v != nil {
			return v, nil
		}
	}
	return h.Linearize()
}

// op is one operation from a to b ms; b < 0: it has not returned.
func op(client int, a, b sim.Time, o Operation) *Operation {
	o.Client, o.Call, o.Return = client, a*ms, b*ms
	if b < 0 {
		o.Return = sim.Never
	}
	if o.Err == "" {
		o.Err = "OK"
	}
	return &o
}

func get(client int, a, b sim.Time, value string, version uint64) *Operation {
	err := "OK"
	if version == 0 {
		err = "ErrNoKey"
	}
	return op(client, a, b, Operation{Op: "get", Key: "k", Got: value, GotVersion: version, Err: err})
}

func app(client int, a, b sim.Time, text string) *Operation {
	return op(client, a, b, Operation{Op: "append", Key: "k", Value: text})
}

func put(client int, a, b sim.Time, text string, version uint64, err string) *Operation {
	return op(client, a, b, Operation{Op: "put", Key: "k", Value: text, Version: version, Err: err})
}

func set(client int, a, b sim.Time, expect, text, err string) *Operation {
	return op(client, a, b, Operation{Op: "testandset", Key: "k", Expect: expect, Value: text, Err: err})
}

func acquire(client int, a, b sim.Time, token uint64) *Operation {
	return op(client, a, b, Operation{Op: "acquire", Key: "l", GotVersion: token})
}

func release(client int, a, b sim.Time) *Operation {
	return op(client, a, b, Operation{Op: "release", Key: "l"})
}

func TestEachPropertyIsSeen(t *testing.T) {
	for _, x := range []struct {
		name string
		want check.Property // "": nothing is wrong
		ops  []*Operation
	}{
		{"one after the other", "", []*Operation{put(0, 0, 1, "a", 0, "OK"), app(0, 2, 3, "<b>"), get(0, 4, 5, "a<b>", 2), set(0, 6, 7, "a<b>", "c", "OK"), get(1, 8, 9, "c", 3)}},
		{"a read during a write may see either", "", []*Operation{put(0, 0, 9, "a", 0, "OK"), get(1, 1, 2, "", 0), get(1, 3, 4, "a", 1)}},
		{"but not first the new, then the old", check.StaleRead, []*Operation{put(0, 0, 9, "a", 0, "OK"), get(1, 1, 2, "a", 1), get(2, 3, 4, "", 0)}},
		{"a write without an answer may have been done", "", []*Operation{app(0, 0, -1, "<a>"), get(1, 5, 6, "<a>", 1)}},
		{"or not", "", []*Operation{app(0, 0, -1, "<a>"), get(1, 5, 6, "", 0)}},
		{"an append twice", check.ExactlyOnce, []*Operation{app(0, 0, 1, "<a>"), get(0, 2, 3, "<a><a>", 2)}},
		{"the same text appended twice", "", []*Operation{app(0, 0, 1, "<a>"), app(1, 0, 1, "<a>"), get(0, 2, 3, "<a><a>", 2)}},
		{"texts of which one is made of others", "", []*Operation{app(0, 0, 1, "ab"), app(0, 2, 3, "a"), app(0, 4, 5, "b"), get(0, 6, 7, "abab", 3)}},
		{"an empty text", "", []*Operation{app(0, 0, 1, ""), app(0, 2, 3, "<a>"), get(0, 4, 5, "<a>", 2)}},
		{"an append is gone", check.LostUpdate, []*Operation{app(0, 0, 1, "<a>"), app(0, 2, 3, "<b>"), get(0, 4, 5, "<b>", 2)}},
		{"an append that nobody need see yet", "", []*Operation{app(0, 0, 9, "<a>"), get(1, 4, 5, "", 0)}},
		{"an old version", check.StaleRead, []*Operation{put(0, 0, 1, "a", 0, "OK"), put(0, 2, 3, "b", 1, "OK"), get(1, 4, 5, "a", 1)}},
		{"two Puts of one version", check.Linearizability, []*Operation{put(0, 0, 5, "a", 0, "OK"), put(1, 0, 5, "b", 0, "OK"), get(0, 6, 7, "b", 2)}},
		{"a Put that failed for no reason", check.Linearizability, []*Operation{put(0, 0, 1, "a", 0, "ErrVersion"), get(0, 2, 3, "", 0)}},
		{"two clients set what both expect", check.Linearizability, []*Operation{put(0, 0, 1, "a", 0, "OK"), set(0, 2, 9, "a", "b", "OK"), set(1, 2, 9, "a", "c", "OK"), get(0, 10, 11, "c", 3)}},
		{"an append that says it failed", check.Linearizability, []*Operation{app(0, 0, 1, "<a>"), op(0, 2, 3, Operation{Op: "append", Key: "k", Value: "<b>", Err: "ErrVersion"}), get(0, 4, 5, "<a><b>", 2)}},

		{"a lock handed on", "", []*Operation{acquire(0, 0, 1, 1), release(0, 2, 3), acquire(1, 0, 5, 2)}},
		{"a lock held twice", check.MutualExclusion, []*Operation{acquire(0, 0, 1, 1), acquire(1, 2, 3, 2)}},
		{"a lock taken after the lease", "", []*Operation{acquire(0, 0, 1, 1), acquire(1, 2, 2002, 2)}},
		{"a lock taken before the lease is over", check.MutualExclusion, []*Operation{acquire(0, 0, 1, 1), acquire(1, 2, 1999, 2)}},
		{"the second holder's lease counts as well", check.MutualExclusion, []*Operation{acquire(0, 0, 1, 1), acquire(1, 2, 2500, 2), acquire(2, 3, 3900, 3)}},
		{"a client that hears of its lock when the next one has it", "", []*Operation{acquire(1, 0, 2100, 2), acquire(0, 0, 2500, 1)}},
		{"a client that hears late, and cannot have been first", check.MutualExclusion, []*Operation{acquire(1, 0, 1100, 2), acquire(0, 0, 1500, 1)}},
		{"a release by another frees nothing", check.MutualExclusion, []*Operation{acquire(0, 0, 1, 1), release(1, 2, 3), acquire(2, 2, 9, 2)}},
		{"two holders of one token", check.MutualExclusion, []*Operation{acquire(0, 0, 1, 1), acquire(1, 0, 1, 1)}},
		{"the same token again", check.FencingToken, []*Operation{acquire(0, 0, 1, 1), release(0, 2, 3), acquire(1, 4, 5, 1)}},
		{"a lower token", check.FencingToken, []*Operation{acquire(0, 0, 1, 7), release(0, 2, 3), acquire(1, 4, 5, 3)}},
		{"a token that the test judges itself", "", []*Operation{acquire(0, 0, 1, 7), release(0, 2, 3), op(1, 4, 5, Operation{Op: "acquire", Key: "l", GotVersion: 7, AnyToken: true})}},
	} {
		v, undecided := play(x.ops)
		got := check.Property("")
		if v != nil {
			got = v.Property
		}
		if got != x.want || len(undecided) > 0 {
			t.Errorf("%s: expected %q, found %v, undecided %q", x.name, x.want, v, undecided)
		}
	}
}

// A history that cannot be put in order is shown without what is not needed to
// see it.
func TestTheSmallestPartIsShown(t *testing.T) {
	ops := []*Operation{put(0, 0, 1, "a", 0, "OK")}
	for i := range sim.Time(20) {
		ops = append(ops, get(1, 2+4*i, 3+4*i, "a", 1), put(2, 4+4*i, 5+4*i, "z", 0, "ErrVersion"))
	}
	ops = append(ops, put(0, 200, 210, "b", 1, "OK"), put(1, 200, 210, "c", 1, "OK"), get(0, 220, 221, "c", 3), get(0, 230, 231, "c", 3))
	v, _ := play(ops)
	if v == nil || v.Property != check.Linearizability {
		t.Fatalf("expected a violation of Linearizability, found %v", v)
	}
	const want = `C0 [0.0-1.0 ms] Put("k", "a", 0) = OK
C0 [200.0-210.0 ms] Put("k", "b", 1) = OK
C1 [200.0-210.0 ms] Put("k", "c", 1) = OK`
	if v.Found != want {
		t.Errorf("expected\n%s\nfound\n%s", want, v.Found)
	}
}

// A search that takes too many steps is told, and is no violation.
func TestALongSearchIsUndecided(t *testing.T) {
	ops := []*Operation{put(0, 0, 1, "0", 0, "OK")}
	for i := range 24 { // all at once: any order of them may be the one
		ops = append(ops, op(i, 10, 100, Operation{Op: "append", Key: "k", Value: fmt.Sprintf("<%d>", i)}))
	}
	ops = append(ops, get(0, 200, 201, "nothing of the sort", 25))
	v, undecided := play(ops)
	if v != nil || !slices.Equal(undecided, []string{"k"}) {
		t.Errorf("expected no violation and the key k undecided, found %v and %q", v, undecided)
	}
}

// tape hands out the numbers that a fuzzed history is made of.
type tape struct {
	data []byte
	at   int
}

// next is a number from 0 to n-1; 0 when the tape is over.
func (t *tape) next(n int) int {
	if t.at >= len(t.data) {
		return 0
	}
	t.at++
	return int(t.data[t.at-1]) % n
}

// served makes a history of a service that does each operation once, at a moment
// between its call and its return.
func served(t *tape) []*Operation {
	type call struct {
		o    *Operation
		does sim.Time
	}
	var calls []call
	free := make([]sim.Time, 4) // when each client has its last answer
	for n := 0; t.at < len(t.data) && n < 30; n++ {
		client := t.next(len(free))
		o := &Operation{Client: client, Key: []string{"k", "m"}[t.next(2)], Call: free[client] + sim.Time(t.next(50))*ms}
		does := o.Call + sim.Time(t.next(50))*ms
		o.Return = does + sim.Time(t.next(50))*ms
		free[client] = o.Return + 1
		o.Op = []string{"get", "append", "put", "testandset", "get", "append"}[t.next(6)]
		o.Value = fmt.Sprintf("<%d>", n)
		o.Version, o.Expect = uint64(t.next(6)), fmt.Sprintf("<%d>", t.next(30))
		calls = append(calls, call{o, does})
	}
	slices.SortStableFunc(calls, func(a, b call) int { return cmp.Compare(a.does, b.does) })
	state := map[string]keyState{}
	var ops []*Operation
	for _, c := range calls {
		o, s := c.o, state[c.o.Key]
		o.Err = "OK"
		switch o.Op {
		case "get":
			if o.Got, o.GotVersion = s.value, s.version; s.version == 0 {
				o.Err = "ErrNoKey"
			}
		case "append":
			s = keyState{s.value + o.Value, s.version + 1}
		case "put":
			if o.Version != s.version {
				o.Err = "ErrVersion"
				break
			}
			s = keyState{o.Value, s.version + 1}
		case "testandset":
			if o.Expect != s.value {
				o.Err = "ErrVersion"
				break
			}
			s = keyState{o.Value, s.version + 1}
		}
		state[o.Key] = s
		ops = append(ops, o)
	}
	return ops
}

// What a correct service can have answered breaks nothing, also when some of the
// answers have not come; an answer that it cannot have given is found.
func FuzzHistory(f *testing.F) {
	f.Add([]byte("append, read, put, set: some of each, over several clients, some at once"))
	f.Add([]byte(strings.Repeat("\x00\x01\x02\x03\x04\x05\x06\x07\x08", 25)))
	f.Add([]byte(strings.Repeat("\x01\x00\x00\x31\x31\x01\x00\x00\x02\x00\x00\x31\x31\x04\x00\x00", 14)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tp := &tape{data: data}
		ops := served(tp)
		if v, _ := play(ops); v != nil {
			t.Fatalf("a correct history: %v\n%s", v, v.Found)
		}
		for i, o := range ops {
			if o.Op != "get" {
				continue
			}
			wrong := *o
			wrong.Got += "<never written>"
			bad := slices.Clone(ops)
			bad[i] = &wrong
			if v, undecided := play(bad); v == nil && len(undecided) == 0 {
				t.Fatalf("a read of what was never written was not found: %v", &wrong)
			}
			break
		}
		// The last operation of each client may still be waiting.
		last := map[int]*Operation{}
		for _, o := range ops {
			if l := last[o.Client]; l == nil || o.Call > l.Call {
				last[o.Client] = o
			}
		}
		for _, o := range last {
			o.Return = sim.Never
		}
		if v, _ := play(ops); v != nil {
			t.Fatalf("a correct history whose last answers have not come: %v\n%s", v, v.Found)
		}
	})
}

// A lock that is given to nobody before its holder has released it, or its lease
// is over, breaks nothing, however late its clients hear of it.
func FuzzLock(f *testing.F) {
	f.Add([]byte("five clients, each of which hears of its lock now or later, or much later"))
	f.Add([]byte(strings.Repeat("\x00\xff\x01\xff\x02\x00\x03\x10", 12)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tp := &tape{data: data}
		var ops []*Operation
		free := make([]sim.Time, 5)
		grant, token := sim.Time(0), uint64(0) // the moment from which the lock may be given
		for n := 0; tp.at < len(data) && n < 40; n++ {
			client := tp.next(len(free))
			call := free[client] + sim.Time(tp.next(20))*100*ms
			at := max(call, grant) + sim.Time(tp.next(10))*50*ms
			token += 1 + uint64(tp.next(2))
			o := &Operation{Client: client, Op: "acquire", Key: "l", Call: call, GotVersion: token, Err: "OK"}
			o.Return = at + sim.Time(tp.next(40))*100*ms
			ops = append(ops, o)
			free[client], grant = o.Return+1, at+LockLease
			if tp.next(3) > 0 {
				r := &Operation{Client: client, Op: "release", Key: "l", Call: o.Return + 1 + sim.Time(tp.next(30))*100*ms, Err: "OK"}
				done := r.Call + sim.Time(tp.next(10))*20*ms
				r.Return = done + sim.Time(tp.next(10))*20*ms
				ops = append(ops, r)
				free[client], grant = r.Return+1, min(grant, done)
			}
		}
		if v, _ := play(ops); v != nil {
			t.Fatalf("a correct lock: %v\n%s", v, v.Found)
		}
	})
}
