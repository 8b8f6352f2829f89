package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/history"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// The MIT course's service is the lab kvraft. Its clerks are of two kinds, which
// they tell when asked: see guest.RegisterKVRaft.

const versioned = "versioned" // a clerk with Get and Put only, and versions

// clerkAPI asks client 0 what its clerk is, once.
func (r *runner) clerkAPI() (string, error) {
	if r.api != "" {
		return r.api, nil
	}
	n, err := r.clientNode(0)
	if err != nil {
		return "", err
	}
	o, bad := &history.Operation{}, error(nil)
	r.world.Request(n, "api", 0, nil, func(e *sim.Effect) { bad = take(o, e) })
	ok, err := r.wait(r.world.Now()+sim.Second, func() bool { return o.Err != "" || bad != nil })
	switch {
	case err != nil:
		return "", err
	case bad != nil || !ok:
		return "", fmt.Errorf("client 0 does not say what its clerk is: %v", bad)
	}
	r.api = o.Err
	return r.api, nil
}

// do lets a client do an operation as its clerk can.
func (r *runner) do(o *history.Operation, within span, texts ...string) error {
	if r.lab.Service != "kvraft" {
		return r.invoke(o, within, texts...)
	}
	api, err := r.clerkAPI()
	if err != nil {
		return err
	}
	o.Plain = api != versioned
	o.Maybe = !o.Plain && o.Op == "put"
	if err := r.invoke(o, within, texts...); err != nil {
		return err
	}
	may := []string{"OK", "ErrNoKey"}
	if o.Op == "put" {
		may = []string{"OK", "ErrVersion", "ErrNoKey", "ErrMaybe"}
	}
	if !slices.Contains(may, o.Err) {
		return r.violate(&check.Violation{Property: check.Linearizability, Server: -1, Peer: -1,
			Message:  fmt.Sprintf("client %d's %s ended with the error %q", o.Client, o.Ask(), o.Err),
			Expected: "one of " + strings.Join(may, ", ") + "; for all else the clerk asks again", Found: fmt.Sprintf("%q", o.Err)})
	}
	return nil
}

// appendByVersion adds to a key's value with a clerk that can only put: it reads,
// and puts for the version that it has read, until it knows that it was done.
func (r *runner) appendByVersion(o *history.Operation, within span) error {
	for {
		get := &history.Operation{Op: "get", Client: o.Client, Key: o.Key}
		if err := r.do(get, within, o.Key); err != nil {
			return err
		}
		if o.Err == "ErrMaybe" && strings.Contains(get.Got, o.Value) {
			return nil
		}
		put := &history.Operation{Op: "put", Client: o.Client, Key: o.Key, Value: get.Got + o.Value, Version: get.GotVersion}
		if err := r.do(put, within, put.Key, put.Value); err != nil {
			return err
		}
		if o.Err = put.Err; o.Err == "OK" {
			return nil
		}
	}
}

// stateKey is the key under which the history of a package rsm stands.
const stateKey = "state"

// mSubmit gives an operation to a server's Submit: a write of text, or with none a
// look. It returns what came of it, None if the server is or went down.
func (r *runner) mSubmit(a call) (starlark.Value, error) {
	o, within := &history.Operation{Op: "append", Key: stateKey, Server: true}, span(answerWithin)
	if err := a.unpack("server", &o.Client, "text?", &o.Value, "within?", &within); err != nil {
		return nil, err
	}
	if err := r.onRSM(o.Client); err != nil {
		return nil, err
	}
	texts := []string{o.Value}
	if o.Value == "" {
		o.Op, texts = "get", nil
	}
	answer, bad, life := false, error(nil), r.world.Life(o.Client)
	asked, call := false, r.world.Now()
	id := r.world.Request(o.Client, o.Op, 0, wire.AppendTexts(nil, texts...), func(e *sim.Effect) {
		answer = true
		if bad = take(o, e); o.Op == "get" && o.Err == "OK" && o.GotVersion == 0 {
			o.Err = "ErrNoKey"
		}
		if asked { // else it was answered on the spot, and is noted below
			o.Return = r.world.Now()
		}
	})
	if id == 0 {
		return starlark.None, nil // it is down, or about to boot
	}
	asked = true
	r.nextOp++
	o.ID, o.Call = r.nextOp, call
	judge := r.history.Invoke(o)
	r.world.Emit(sim.Record{Kind: sim.RecInvoke, Node: -1, Peer: o.Client, ID: o.ID, Name: o.Op, Data: []byte(o.Ask())})
	if answer {
		o.Return = r.world.Now()
	}
	gone := func() bool { return r.world.Life(o.Client) != life || !r.world.Up(o.Client) }
	if _, err := r.wait(o.Call+sim.Time(within), func() bool { return answer || gone() }); err != nil {
		return nil, err
	}
	switch {
	case bad != nil:
		return nil, fmt.Errorf("server %d: %w", o.Client, bad)
	case !answer && gone():
		return starlark.None, nil
	case !answer:
		return nil, r.violate(&check.Violation{Property: check.ClientProgress, Server: o.Client, Peer: -1,
			Message:  fmt.Sprintf("Submit on server %d has not returned for %d ms", o.Client, sim.Time(within)/sim.Millisecond),
			Expected: "OK when the operation is done, ErrWrongLeader as soon as the server no longer leads or its entry is lost", Found: r.describe([]int{o.Client})})
	}
	r.world.Emit(sim.Record{Kind: sim.RecReturn, Node: -1, Peer: o.Client, ID: o.ID, Data: []byte(o.Answer())})
	if v := judge(); v != nil {
		return nil, r.violate(v)
	}
	return starlarkstruct.FromStringDict(starlark.String("result"), starlark.StringDict{
		"err": starlark.String(o.Err), "n": starlark.MakeUint64(o.GotVersion), "value": starlark.String(o.Got),
	}), nil
}

// mMachine looks at the state machine beside a server's rsm: how many writes it
// has done; None if the server is down.
func (r *runner) mMachine(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		err = r.onRSM(n)
	}
	if err != nil {
		return nil, err
	}
	o, answer := &history.Operation{}, false
	if r.world.Request(n, "value", 0, wire.AppendTexts(nil), func(e *sim.Effect) { answer = take(o, e) == nil }) == 0 {
		return starlark.None, nil
	}
	if _, err := r.wait(r.world.Now()+sim.Second, func() bool { return answer || !r.world.Up(n) }); err != nil {
		return nil, err
	}
	if !answer {
		return starlark.None, nil
	}
	return starlark.MakeUint64(o.GotVersion), nil
}

// onRSM says that a server of package rsm alone is asked.
func (r *runner) onRSM(n int) error {
	if r.test.SnapshotEvery&wire.MachineAlone == 0 {
		return errors.New("the servers of this test have no rsm to ask: it needs rsm = True")
	}
	return r.server(n)
}

// mReach lets a client reach some servers only, until c.heal().
func (r *runner) mReach(a call) (starlark.Value, error) {
	var client int
	var list starlark.Value
	if err := a.unpack("client", &client, "servers", &list); err != nil {
		return nil, err
	}
	to, err := r.servers(list, nil)
	if err != nil {
		return nil, err
	}
	if err := r.client(client); err != nil {
		return nil, err
	}
	n := r.world.Servers() + client
	for i := 0; i < r.world.Servers(); i++ {
		if slices.Contains(to, i) {
			r.world.Heal(n, i)
			r.world.Heal(i, n)
		} else {
			r.world.Cut(n, i)
			r.world.Cut(i, n)
		}
	}
	return starlark.None, nil
}
