package grader

import (
	"testing"

	"github.com/raftlab/raftlab/labs"
)

// A lab on top of another has its own hints, and those of the labs below for the
// rest; each has both languages and its steps.
func TestHintsOfLabsOnTopOfRaft(t *testing.T) {
	read := func(name string) Hints {
		files, _ := labs.Named(name)
		lab, err := OpenLab(files)
		if err != nil {
			t.Fatal(err)
		}
		hints, err := readHints(files, lab.Service)
		if err != nil {
			t.Fatal(err)
		}
		return hints
	}
	all := map[string]Hints{"raft": read("raft"), "kv": read("kv"), "lock": read("lock")}
	for _, x := range []struct {
		property string
		same     [2]string // labs that say the same of it
		differ   [2]string // labs that do not
	}{
		{"Election Safety", [2]string{"raft", "lock"}, [2]string{}},
		{"Log Size", [2]string{"kv", "lock"}, [2]string{"raft", "kv"}},
		{"Stale Read", [2]string{"kv", "lock"}, [2]string{"raft", "kv"}},
		{"Client Progress", [2]string{}, [2]string{"kv", "lock"}},
		{"RPC Budget", [2]string{}, [2]string{"kv", "lock"}},
		{"Fencing Token", [2]string{}, [2]string{"kv", "lock"}},
	} {
		meaning := func(lab string) string { return all[lab][x.property].Meaning["en"] }
		if a, b := x.same[0], x.same[1]; a != "" && (meaning(a) == "" || meaning(a) != meaning(b)) {
			t.Errorf("%s: expected the labs %s and %s to say the same, found %q and %q", x.property, a, b, meaning(a), meaning(b))
		}
		if a, b := x.differ[0], x.differ[1]; a != "" && meaning(a) == meaning(b) {
			t.Errorf("%s: expected the labs %s and %s to differ, both say %q", x.property, a, b, meaning(a))
		}
	}
	for lab, hints := range all {
		for name, h := range hints {
			texts := append([]Text{h.Title, h.Meaning}, h.Hints...)
			for _, text := range texts {
				if text["en"] == "" || text["zh"] == "" {
					t.Errorf("%s, %s: expected each text in English and Chinese, found %v", lab, name, text)
				}
			}
			if len(h.Hints) != 3 {
				t.Errorf("%s, %s: expected three steps of hints, found %d", lab, name, len(h.Hints))
			}
		}
	}
}
