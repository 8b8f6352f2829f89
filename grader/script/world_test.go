package script_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

const world = `def run(c):
    """What it does."""
    c.cut(1, 2)
    c.sleep(40 + ms)

world(run, seed = 9, servers = 5, net = link(min = ms, max = 9000000, loss = 0.1), snapshot_every = 3, preempt = 1, breaks = "Election Safety")
`

func TestAWorldFileSaysWhatItIs(t *testing.T) {
	lab, test, err := script.LoadWorld("w.star", []byte(world))
	if err != nil {
		t.Fatal(err)
	}
	if test.World.Seed != 9 || test.World.Breaks != "Election Safety" || test.Servers != 5 || test.SnapshotEvery != 3 || test.Preempt != 1 || test.Link.Loss != 0.1 ||
		test.Doc != "What it does." || test.Part.Name+"/"+test.Name != "world/run" || len(lab.Parts) != 1 || lab.Parts[0].Tests[0] != test {
		t.Errorf("got %+v of world %+v", test, test.World)
	}
}

func TestBrokenWorlds(t *testing.T) {
	const def = "def run(c):\n    pass\n\n"
	for _, x := range []struct{ name, src, want string }{
		{"empty", "", "expected a call of world(function, seed = N, servers = 3, ...), found none: is this a file that grade hunt wrote?"},
		{"too long", strings.Repeat("#", script.MaxWorld+1), "expected a world file of at most 1048576 bytes, found 1048577"},
		{"syntax", "def run(c", "world.star:1:10: got end of file"},
		{"a lab's file", `part("p")`, "undefined: part"},
		{"loads another", "load(\"x.star\", \"x\")\n" + def + "world(run, seed = 1)", "a world file stands alone: it cannot load another"},
		{"two", def + "world(run, seed = 1)\nworld(run, seed = 2)", "world.star:5:6: expected one call of world(...), found a second"},
		{"no seed", def + "world(run)", "missing argument for seed"},
		{"a large seed", def + "world(run, seed = 18446744073709551616)", "expected a seed of 64 bits, found 18446744073709551616"},
		{"a negative seed", def + "world(run, seed = -1)", "expected a seed of 64 bits, found -1"},
		{"no function", "world(3, seed = 1)", "got int, want function"},
		{"two arguments", "def run(a, b):\n    pass\nworld(run, seed = 1)", "expected a function of one argument, the cluster; run takes 2"},
		{"no servers", def + "world(run, seed = 1, servers = 0)", "servers, found 0"},
		{"many servers", def + "world(run, seed = 1, servers = 1000)", "servers, found 1000"},
		{"preempt", def + "world(run, seed = 1, preempt = 3)", "preempt is 0, 1 or 2, found 3"},
		{"snapshots", def + "world(run, seed = 1, snapshot_every = -1)", "snapshot_every is a number of commands, found -1"},
		{"a property", def + `world(run, seed = 1, breaks = "Peace")`, `no property is named "Peace": see docs/properties.md`},
		{"endless", "def f():\n    while True:\n        pass\nf()", "too many steps"},
	} {
		_, _, err := script.LoadWorld("w.star", []byte(x.src))
		var e *script.Error
		if !errors.As(err, &e) || !strings.Contains(e.Pos+": "+e.Msg, x.want) {
			t.Errorf("%s: got %v, expected an error with %q", x.name, err, x.want)
		}
	}
}

// FuzzLoadWorld reads world files that anybody may have written. Its own limits
// keep a worker's memory: a world file's steps are bounded, not what
// "x" * 1000000000 takes on the machine of whoever runs it.
func FuzzLoadWorld(f *testing.F) {
	f.Add(world)
	f.Add("load(\"x.star\", \"x\")\ndef run(c):\n    pass\nworld(run, seed = 1)")
	f.Add("world(lambda c: c.crash(0), seed = 1)")
	f.Add("[world(f, seed = s) for s in range(2)]")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<12 || strings.Contains(src, "*") || strings.Contains(src, "<<") {
			return
		}
		lab, test, err := script.LoadWorld("w.star", []byte(src))
		if err != nil {
			var e *script.Error
			if !errors.As(err, &e) || e.Msg == "" || lab != nil || test != nil {
				t.Fatalf("got %v, %v and the error %#v, expected only an error with words", lab, test, err)
			}
			return
		}
		if test.Servers < 1 || test.Seeds != 1 || test.World == nil || test.Within <= 0 || test.Within > 3600*sim.Second {
			t.Fatalf("a world cannot be %+v", test)
		}
		// The same text is the same world.
		_, again, err := script.LoadWorld("w.star", []byte(src))
		if err != nil || *again.World != *test.World || again.Servers != test.Servers || again.Link != test.Link || again.Name != test.Name {
			t.Fatalf("read once more, it is %+v, %v", again, err)
		}
	})
}
