package script_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

func TestBuiltInLabIsInOrder(t *testing.T) {
	l, err := script.Load(labs.Raft())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, p := range l.Parts {
		for _, x := range p.Tests {
			sum += x.Points
			if x.Title["zh"] == "" || x.Doc == "" && !strings.Contains(x.Pos, "star") {
				t.Errorf("%s/%s: expected a title in English and Chinese", p.Name, x.Name)
			}
			if l.Source(x.Pos) == "" {
				t.Errorf("%s/%s: no source at %s", p.Name, x.Name, x.Pos)
			}
		}
	}
	if sum < 99.999 || sum > 100.001 {
		t.Errorf("the tests' points add up to %g, expected 100", sum)
	}
}

// Every mistake in a lab is told with its place.
func TestBrokenLabs(t *testing.T) {
	const head = "part(\"p\", points = 10)\ndef t(c):\n    pass\n"
	for _, x := range []struct{ name, lab, part, pos, msg string }{
		{"no call of lab", ``, ``, "lab.star", "expected a call of lab"},
		{"syntax", `lab(`, ``, "lab.star:1:5", "got end of file"},
		{"missing part", `lab(name="x", parts=["q.star"])`, ``, "q.star", "no such file"},
		{"outside", `lab(name="x", parts=["../q.star"])`, ``, "../q.star", "inside the lab's folder"},
		{"not star", `lab(name="x", parts=["q.txt"])`, ``, "q.txt", ".star file"},
		{"twice", "lab(name=\"x\", parts=[\"p.star\"])\nlab(name=\"y\", parts=[\"p.star\"])", ``, "lab.star:2:4", "called before"},
		{"no part", `lab(name="x", parts=["p.star"])`, ``, "p.star", "expected one call of part"},
		{"no test", `lab(name="x", parts=["p.star"])`, `part("p")`, "p.star", "has no test"},
		{"test before part", `lab(name="x", parts=["p.star"])`, "def t(c): pass\ntest(t)", "p.star:2:5", "before part"},
		{"two arguments", `lab(name="x", parts=["p.star"])`, "part(\"p\")\ndef t(c, d): pass\ntest(t)", "p.star:3:5", "one argument"},
		{"servers", `lab(name="x", parts=["p.star"])`, head + "test(t, servers = 99)", "p.star:4:5", "1 to 9 servers"},
		{"seeds", `lab(name="x", parts=["p.star"])`, head + "test(t, seeds = 0)", "p.star:4:5", "seeds"},
		{"loss", `lab(name="x", parts=["p.star"])`, head + "test(t, net = link(loss = 2.0))", "p.star:4:19", "probability"},
		{"net", `lab(name="x", parts=["p.star"])`, head + "test(t, net = 3)", "p.star:4:5", "link(...)"},
		{"unknown", `lab(name="x", parts=["p.star"])`, head + "tset(t)", "p.star:4:1", "undefined: tset"},
		{"same name", `lab(name="x", parts=["p.star"])`, head + "test(t)\ntest(t)", "p.star:5:5", "two tests named t"},
		{"points", `lab(name="x", parts=["p.star"])`, head + "test(t, points = 7)", "p.star", "add up to 7"},
		{"negative points", `lab(name="x", parts=["p.star"])`, head + "test(t, points = -1)", "p.star:4:5", "points"},
		{"endless", `lab(name="x", parts=["p.star"])`, "l = []\nwhile True:\n    l.clear()\n", "p.star", "too many steps"},
		{"circle", `lab(name="x", parts=["p.star"])`, "load(\"p.star\", \"x\")", "p.star", "circle"},
		{"title", `lab(name="x", parts=["p.star"], title = {"zh": "x"})`, head + "test(t)", "lab.star:1:4", `"en"`},
	} {
		_, err := script.Load(fstest.MapFS{"lab.star": {Data: []byte(x.lab)}, "p.star": {Data: []byte(x.part)}})
		var e *script.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, expected a *script.Error", x.name, err)
			continue
		}
		if !strings.HasPrefix(e.Pos, x.pos) || !strings.Contains(e.Msg, x.msg) {
			t.Errorf("%s: %q at %q, expected %q at %q", x.name, e.Msg, e.Pos, x.msg, x.pos)
		}
	}
}
