package grader_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
)

// clientLab is a lab of one test for a service, whose function has this body.
func clientLab(body string) fstest.MapFS {
	return fstest.MapFS{
		"lab.star": {Data: []byte(`lab(name = "own", service = "kv", parts = ["p.star"])`)},
		"p.star":   {Data: []byte("part(\"p\", points = 1)\ndef t(c):\n    " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    ") + "\ntest(t, clients = 2)\n")},
	}
}

// A client that is asked without being waited for does one thing after the other,
// in the order in which it was asked, and what is waited for comes after them.
func TestAClientDoesOneThingAfterTheOther(t *testing.T) {
	files, cache := correctKV(t), t.TempDir()
	for name, x := range map[string]struct{ body, property, message string }{
		"in order": {`
for i in range(5):
    c.append(0, "a", "<%d>" % i, wait = False)
c.append(0, "a", "!")
g = c.get(0, "a")
c.expect(g.value == "<0><1><2><3><4>!", "Agreement", "found " + g.value)
c.fail("Agreement", "as asked")`, "Agreement", "as asked"},
		"each client has a line of its own": {`
[c.cut(i, c.client(0)) for i in range(c.servers)]
c.append(0, "a", "x", wait = False)
c.append(1, "a", "y")
g = c.get(1, "a")
c.expect(g.value == "y", "Agreement", "found " + g.value)
c.fail("Agreement", "as asked")`, "Agreement", "as asked"},
		"what is before it does not end": {`
c.append(0, "a", "x")
[c.cut(i, c.client(0)) for i in range(c.servers)]
c.append(0, "a", "y", wait = False)
c.get(0, "a", within = 3 * s)`, "Client Progress", `client 0's Append("a", "y") has not returned, though 3000 ms have gone by`},
		"it does not end itself": {`
c.append(0, "a", "x")
[c.cut(i, c.client(0)) for i in range(c.servers)]
c.append(0, "a", "y", wait = False, within = 2 * s)
c.sleep(1999 * ms)
c.up(0)
c.sleep(9 * s)`, "Client Progress", `client 0's Append("a", "y") has not returned for 2000 ms`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: files, Lab: clientLab(x.body), CacheDir: cache})
			if err != nil {
				t.Fatal(err)
			}
			f := r.Parts[0].Tests[0].Failure
			if f == nil || f.Property != x.property || !strings.Contains(f.Message, x.message) {
				t.Errorf("expected %s: %s, found %+v", x.property, x.message, f)
			}
		})
	}
}

// What a client is asked before it is up is the test's mistake, not the server's.
func TestAClientThatIsNotUpIsAMistakeOfTheTest(t *testing.T) {
	files, cache := correctKV(t), t.TempDir()
	for _, body := range []string{
		"c.append(0, \"a\", \"x\", wait = False)\nc.get(0, \"a\", within = 1)",
		`c.get(2, "a")`,
		`c.get(-1, "a", wait = False)`,
	} {
		_, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: files, Lab: clientLab(body), CacheDir: cache})
		var e *script.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Pos, "p.star:") || !strings.Contains(e.Error(), "client") {
			t.Errorf("%s: %v, expected a *script.Error in p.star", body, err)
		}
	}
}
