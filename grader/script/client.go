package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/history"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// answerWithin is how long an operation of a client may take unless a test says
// otherwise.
const answerWithin = 20 * sim.Second

// invoke lets a client do an operation, waits for its answer, and holds that
// against the history.
func (r *runner) invoke(o *history.Operation, within span, texts ...string) error {
	n, err := r.clientNode(o.Client)
	if err != nil {
		return err
	}
	answer, bad := false, error(nil)
	r.nextOp++
	o.ID, o.Call = r.nextOp, r.world.Now()
	if l := r.lines[o.Client]; l != nil {
		l.now = o
	}
	judge := r.history.Invoke(o)
	r.world.Emit(sim.Record{Kind: sim.RecInvoke, Node: -1, Peer: n, ID: o.ID, Name: o.Op, Data: []byte(o.Ask())})
	r.world.Request(n, o.Op, o.Version, wire.AppendTexts(nil, texts...), func(e *sim.Effect) {
		answer, o.Return = true, r.world.Now()
		bad = take(o, e)
	})
	if within == 0 {
		within = span(answerWithin)
	}
	if _, err := r.wait(o.Call+sim.Time(within), func() bool { return answer }); err != nil {
		return err
	}
	if !answer {
		return r.violate(&check.Violation{Property: check.ClientProgress, Server: -1, Peer: -1,
			Message:  fmt.Sprintf("client %d's %s has not returned for %d ms", o.Client, o.Ask(), sim.Time(within)/sim.Millisecond),
			Expected: "an answer, as soon as a majority of the servers can be reached", Found: r.describe(r.reachable())})
	}
	if bad != nil {
		return fmt.Errorf("client %d: %w", o.Client, bad)
	}
	r.world.Emit(sim.Record{Kind: sim.RecReturn, Node: -1, Peer: n, ID: o.ID, Data: []byte(o.Answer())})
	if v := judge(); v != nil {
		return r.violate(v)
	}
	return nil
}

// clientCalls are the methods that give a client an operation.
var clientCalls = map[string]bool{"get": true, "put": true, "append": true, "test_and_set": true, "acquire": true, "release": true}

// A line of operations that stand before a client, which does one at a time.
type line struct {
	given, done uint64
	now         *history.Operation // the one that it is at
}

// ask gives a client an operation and waits for its end; with wait = False it does
// not, and the operation may take as long as it likes. Where operations may have
// to stand in line each takes its turn.
func (r *runner) ask(m method, a call) (starlark.Value, error) {
	client, wait, within := 0, true, span(0)
	var kw []starlark.Tuple
	if len(a.args) > 0 {
		client, _ = starlark.AsInt32(a.args[0])
	}
	for _, p := range a.kw {
		switch k, _ := starlark.AsString(p[0]); k {
		case "wait":
			wait = bool(p[1].Truth())
			continue
		case "client":
			client, _ = starlark.AsInt32(p[1])
		case "within":
			if err := within.Unpack(p[1]); err != nil {
				return nil, fmt.Errorf("%s: within: %w", a.name, err)
			}
		}
		kw = append(kw, p)
	}
	if err := r.client(client); err != nil {
		return nil, err
	}
	a.kw = kw
	l := r.lines[client]
	if l == nil && wait {
		return m(r, a)
	}
	if l == nil {
		l = &line{}
		r.lines[client] = l
	}
	turn := l.given
	l.given++
	next := func() bool { return l.done == turn }
	do := func() (starlark.Value, error) {
		v, err := m(r, a)
		l.done++
		return v, err
	}
	if wait {
		if within == 0 {
			within = span(answerWithin)
		}
		free, err := r.wait(r.world.Now()+sim.Time(within), next)
		if err != nil {
			return nil, err
		}
		if !free && l.now == nil {
			return nil, fmt.Errorf("client %d is not up", client)
		}
		if !free {
			return nil, r.violate(&check.Violation{Property: check.ClientProgress, Server: -1, Peer: -1,
				Message:  fmt.Sprintf("client %d's %s has not returned, though %d ms have gone by since it was to do more", client, l.now.Ask(), sim.Time(within)/sim.Millisecond),
				Expected: "an answer, as soon as a majority of the servers can be reached", Found: r.describe(r.reachable())})
		}
		return do()
	}
	if within == 0 {
		a.kw = append(a.kw, starlark.Tuple{starlark.String("within"), starlark.MakeInt64(int64(forever))})
	}
	r.spawn(a.name, starlark.NewBuiltin(a.name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		if _, err := r.wait(sim.Never, next); err != nil {
			return nil, err
		}
		return do()
	}), nil, nil)
	return starlark.None, nil
}

// forever is longer than any run.
const forever = 3600 * sim.Second

// holder is a client, and a lock that it has.
type holder struct {
	client int
	lock   string
}

func (r *runner) client(n int) error {
	if clients := r.world.Nodes() - r.world.Servers(); n < 0 || n >= clients {
		return fmt.Errorf("there is no client %d: this test has %d", n, clients)
	}
	return nil
}

// clientNode returns the node of a client, once that has booted.
func (r *runner) clientNode(i int) (node int, err error) {
	if err := r.client(i); err != nil {
		return 0, err
	}
	n := r.world.Servers() + i
	ok, err := r.wait(r.world.Now()+sim.Second, func() bool { return r.world.Life(n) > 0 && r.clientUp(n) })
	if err == nil && !ok {
		err = fmt.Errorf("client %d is not up", i)
	}
	return n, err
}

// take writes an answer into the operation.
func take(o *history.Operation, e *sim.Effect) error {
	results, err := wire.ParseTexts(e.Data)
	if err != nil || len(results) == 0 {
		return fmt.Errorf("answered what is no answer: %v", err)
	}
	o.Err, o.GotVersion = results[0], e.Index
	if len(results) > 1 {
		o.Got = results[1]
	}
	return nil
}

// mClient is the number of a client as one end of a link.
func (r *runner) mClient(a call) (starlark.Value, error) {
	var n int
	if err := a.unpack("client", &n); err != nil {
		return nil, err
	}
	return starlark.MakeInt(r.world.Servers() + n), r.client(n)
}

// clientUp says whether the node has booted, and not only begun to.
func (r *runner) clientUp(n int) bool { return r.world.Stats(n).Steps > 0 && r.world.Up(n) }

func (r *runner) mGet(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "get"}, span(0)
	if err := a.unpack("client", &o.Client, "key", &o.Key, "within?", &within); err != nil {
		return nil, err
	}
	if err := r.do(o, within, o.Key); err != nil {
		return nil, err
	}
	return starlarkstruct.FromStringDict(starlark.String("got"), starlark.StringDict{
		"value": starlark.String(o.Got), "version": starlark.MakeUint64(o.GotVersion), "err": starlark.String(o.Err),
	}), nil
}

func (r *runner) mPut(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "put"}, span(0)
	if err := a.unpack("client", &o.Client, "key", &o.Key, "value", &o.Value, "version?", &o.Version, "within?", &within); err != nil {
		return nil, err
	}
	err := r.do(o, within, o.Key, o.Value)
	return starlark.String(o.Err), err
}

func (r *runner) mAppend(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "append"}, span(0)
	if err := a.unpack("client", &o.Client, "key", &o.Key, "value", &o.Value, "within?", &within); err != nil {
		return nil, err
	}
	if r.lab.Service == "kvraft" {
		if api, err := r.clerkAPI(); err != nil {
			return nil, err
		} else if api == versioned {
			return starlark.String("OK"), r.appendByVersion(o, within)
		}
	}
	err := r.do(o, within, o.Key, o.Value)
	return starlark.String(o.Err), err
}

func (r *runner) mTestAndSet(a call) (starlark.Value, error) {
	if r.lab.Service == "kvraft" {
		return nil, errors.New("test_and_set: the course's service has none")
	}
	o, within := &history.Operation{Op: "testandset"}, span(0)
	if err := a.unpack("client", &o.Client, "key", &o.Key, "expect", &o.Expect, "value", &o.Value, "within?", &within); err != nil {
		return nil, err
	}
	err := r.invoke(o, within, o.Key, o.Expect, o.Value)
	return starlark.Bool(o.Err == "OK"), err
}

// lockLab says whether the lab has a lock.
func (r *runner) lockLab(op string) error {
	if r.lab.Service != "lock" {
		return fmt.Errorf(`%s: the lab has no lock: it needs service = "lock"`, op)
	}
	return nil
}

func (r *runner) mAcquire(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "acquire"}, span(0)
	judged := true
	if err := a.unpack("client", &o.Client, "lock", &o.Key, "within?", &within, "judge_token?", &judged); err != nil {
		return nil, err
	}
	if err := r.lockLab("acquire"); err != nil {
		return nil, err
	}
	h := holder{o.Client, o.Key}
	if r.test.World != nil && r.holds[h] {
		return starlark.None, nil // in a world, which may have lost its release
	}
	o.AnyToken = !judged
	if err := r.invoke(o, within, o.Key); err != nil {
		return nil, err
	}
	r.holds[h] = true
	return starlark.MakeUint64(o.GotVersion), nil
}

func (r *runner) mRelease(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "release"}, span(0)
	if err := a.unpack("client", &o.Client, "lock", &o.Key, "within?", &within); err != nil {
		return nil, err
	}
	if err := r.lockLab("release"); err != nil {
		return nil, err
	}
	h := holder{o.Client, o.Key}
	if r.test.World != nil && !r.holds[h] {
		return starlark.None, nil // in a world, which may have lost its acquire
	}
	delete(r.holds, h)
	return starlark.None, r.invoke(o, within, o.Key)
}

// mGuardedWrite writes to a store that a lock guards, with a fencing token. It
// returns whether the store took it.
func (r *runner) mGuardedWrite(a call) (starlark.Value, error) {
	var lock, text string
	var token uint64
	if err := a.unpack("lock", &lock, "token", &token, "text", &text); err != nil {
		return nil, err
	}
	return starlark.Bool(r.history.GuardedWrite(lock, token, text)), nil
}

func (r *runner) mGuardedRead(a call) (starlark.Value, error) {
	var lock string
	if err := a.unpack("lock", &lock); err != nil {
		return nil, err
	}
	return starlark.String(r.history.GuardedRead(lock)), nil
}
