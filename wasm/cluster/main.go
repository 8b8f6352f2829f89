//go:build js && wasm

package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"syscall/js"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft/figure16/trial"
	"github.com/raftlab/raftlab/wasm/cluster/session"
)

// The page's worker has one cluster at a time.
var live *session.Session

func main() {
	api := map[string]any{
		"engine":   session.Engine,
		"create":   call(create),
		"rewind":   call(rewind),
		"act":      call(act),
		"advance":  call(advance),
		"step":     call(step),
		"take":     call(take),
		"flights":  call(flights),
		"hash":     call(func([]js.Value) any { return live.Hash() }),
		"script":   call(func([]js.Value) any { return live.Script() }),
		"election": call(election),
	}
	js.Global().Call("raftlabReady", api)
	select {}
}

// call makes a function of f. Failures come back as {error: text}, since a Go
// function called from JavaScript cannot throw.
func call(f func([]js.Value) any) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any { return f(args) })
}

func failure(err error) any { return map[string]any{"error": err.Error()} }

// create(script) makes the cluster that a script tells of; it returns the
// virtual time in ns that the script leads to.
func create(args []js.Value) any {
	script, err := session.ParseScript(args[0].String())
	if err != nil {
		return failure(err)
	}
	return begin(script)
}

func begin(script *session.Script) any {
	s, err := session.New(script)
	if err != nil {
		return failure(err)
	}
	if live != nil {
		live.Close()
	}
	live = s
	return float64(s.Now())
}

// rewind(t, n) goes back to virtual time t by doing the first n actions, of those
// up to then, again, and forgets the rest.
func rewind(args []js.Value) any {
	script, err := session.ParseScript(live.Script())
	if err != nil {
		return failure(err)
	}
	return begin(script.Before(sim.Time(args[0].Float()), args[1].Int()))
}

// act(action) returns {line}: the action as it was done.
func act(args []js.Value) any {
	line, err := live.Act(args[0].String())
	if err != nil {
		return failure(err)
	}
	return map[string]any{"line": line}
}

// advance(t, budget) runs up to virtual time t, or for about budget ms of real
// time; it returns the virtual time reached.
func advance(args []js.Value) any {
	end := time.Now().Add(time.Duration(args[1].Float() * float64(time.Millisecond)))
	live.Advance(sim.Time(args[0].Float()), func() bool { return time.Now().After(end) })
	return float64(live.Now())
}

// step() runs through the next instant at which something happens.
func step([]js.Value) any {
	live.Step()
	return float64(live.Now())
}

// take() returns the records since the last take, as bytes.
func take([]js.Value) any { return bytesOf(live.Take()) }

// flights() returns the messages under way: float64 id, arrival in ns, in turn.
func flights([]js.Value) any {
	var b []byte
	for _, f := range live.Flights() {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return bytesOf(b)
}

func bytesOf(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

// election(seed, minMs, maxMs, limitMs) is one trial of the paper's Figure 16; it
// returns how long there was no leader, in ms, the limit at most.
func election(args []js.Value) any {
	ms := func(i int) time.Duration { return time.Duration(args[i].Float() * float64(time.Millisecond)) }
	e := trial.Experiment{Min: ms(1), Max: ms(2), Network: trial.Broadcast, Down: 1, Behind: 2, Limit: ms(3)}
	return float64(e.Run(rand.New(rand.NewPCG(uint64(args[0].Float()), 16)))) / float64(time.Millisecond)
}
