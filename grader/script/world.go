package script

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

// World is what a world file says beside its function.
type World struct {
	Seed   uint64         // of the world itself
	Breaks check.Property // the property that it was found to break, or ""
}

// MaxWorld bounds the size in bytes of a world file.
const MaxWorld = 1 << 20

// LoadWorld reads a world file: one function over a cluster, and a call of
// world(function, seed = N, ...). Nothing in it is random but by that seed, so it
// is the same run everywhere. Its error is an *Error.
func LoadWorld(name string, src []byte) (*Lab, *Test, error) {
	if len(src) > MaxWorld {
		return nil, nil, &Error{name, fmt.Sprintf("expected a world file of at most %d bytes, found %d", MaxWorld, len(src))}
	}
	l := &Lab{Name: "world", Hints: -1, Title: Text{"en": name}, sources: map[string][]string{}}
	ld := &loader{lab: l, world: true}
	if _, err := ld.run("world.star", src); err != nil {
		return nil, nil, err
	}
	if len(l.Parts) != 1 {
		return nil, nil, &Error{name, "expected a call of world(function, seed = N, servers = 3, ...), found none: is this a file that grade hunt wrote?"}
	}
	return l, l.Parts[0].Tests[0], nil
}

// worldCall is world(function, seed, servers = 3, net = reliable, snapshot_every = 0, preempt = 0, breaks = "",
// service = "", clients = 0, max_state = 0).
func (ld *loader) worldCall(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	if len(ld.lab.Parts) > 0 {
		return nil, fmt.Errorf("expected one call of world(...), found a second")
	}
	t := &Test{Servers: 3, Seeds: 1, Within: 600 * sim.Second, Link: sim.Reliable, World: &World{}}
	var seed starlark.Int
	net := linkValue{t.Link}
	every, maxState := 0, 0
	breaks := ""
	if err := starlark.UnpackArgs(b.Name(), args, kw, "run", &t.fn, "seed", &seed, "servers?", &t.Servers, "net?", &net,
		"snapshot_every?", &every, "preempt?", &t.Preempt, "breaks?", &breaks,
		"service?", &ld.lab.Service, "clients?", &t.Clients, "max_state?", &maxState); err != nil {
		return nil, err
	}
	if err := ld.lab.checkService(); err != nil {
		return nil, err
	}
	n, ok := seed.Uint64()
	switch {
	case !ok:
		return nil, fmt.Errorf("expected a seed of 64 bits, found %s", seed)
	case t.Preempt < 0 || t.Preempt > 2:
		return nil, fmt.Errorf("preempt is 0, 1 or 2, found %d", t.Preempt)
	case breaks != "" && !check.Known(check.Property(breaks)):
		return nil, fmt.Errorf("no property is named %q: see docs/properties.md", breaks)
	}
	if err := t.fits(ld.lab.Service, every, maxState); err != nil {
		return nil, err
	}
	pos := th.CallFrame(1).Pos
	t.Name, t.Title = strings.ReplaceAll(t.fn.Name(), "/", "_"), Text{"en": t.fn.Name()}
	t.Pos = fmt.Sprintf("%s:%d", pos.Filename(), pos.Line)
	t.Doc, t.Link, t.SnapshotEvery = t.fn.Doc(), net.Link, uint64(every+maxState)
	t.World.Seed, t.World.Breaks = n, check.Property(breaks)
	t.Part = &Part{Name: "world", Title: Text{"en": "world"}, Tests: []*Test{t}}
	ld.lab.Parts = []*Part{t.Part}
	return starlark.None, nil
}
