package grader_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

// over lays folders over the skeleton of a lab.
func over(t *testing.T, lab fs.FS, folders ...fs.FS) fs.FS {
	t.Helper()
	skeleton, err := labs.Skeleton(lab)
	if err != nil {
		t.Fatal(err)
	}
	return layers(t, append([]fs.FS{skeleton}, folders...)...)
}

// layers lays folders over each other.
func layers(t *testing.T, folders ...fs.FS) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, files := range folders {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(files, name)
			out[name] = &fstest.MapFile{Data: data, Mode: 0o444}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A skeleton gets no point, and each failure tells a beginner what is missing:
// at first a Raft, then the service, then the lock.
func TestSkeletonsOfServices(t *testing.T) {
	raft, kv := os.DirFS("testdata/correct"), fstest.MapFS{}
	for _, name := range []string{"kv/server.go", "kv/client.go"} {
		data, err := os.ReadFile("testdata/correct-kv/" + name)
		if err != nil {
			t.Fatal(err)
		}
		kv[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	for _, x := range []struct {
		name, lab string
		done      []fs.FS
		property  string // of the first failure
		message   string // in it
	}{
		{"kv alone", "kv", nil, "Leader Elected", "no server sent any RPC"},
		{"kv on a Raft", "kv", []fs.FS{raft}, "Linearizability", "Get of a key that does not exist must answer ErrNoKey and version 0"},
		{"lock on a service", "lock", []fs.FS{raft, kv}, "Fencing Token", `got the lock "l" with the token 0, but 0 was given out before`},
	} {
		t.Run(x.name, func(t *testing.T) {
			lab, _ := labs.Named(x.lab)
			r, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: over(t, lab, x.done...), Lab: lab, Seeds: 1, CacheDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if r.Points != 0 {
				t.Errorf("expected 0 points, found %g", r.Points)
			}
			for _, p := range r.Parts {
				for _, test := range p.Tests {
					f := test.Failure
					if f == nil {
						t.Errorf("%s/%s passes", p.Name, test.Name)
						continue
					}
					if f.Kind == grader.Broken || f.Kind == grader.Engine || f.Message == "" || len(f.Hints) == 0 {
						t.Errorf("%s/%s: expected a failure that helps, found %s %s: %q, %d hints", p.Name, test.Name, f.Kind, f.Property, f.Message, len(f.Hints))
					}
				}
			}
			if f, _, _ := firstFailure(r); f == nil || f.Property != x.property || !strings.Contains(f.Message, x.message) {
				t.Errorf("expected first %s: ...%s..., found %+v", x.property, x.message, f)
			}
		})
	}
}

// What goes wrong without a fencing token is seen in the store that the lock
// guards: a client that slept longer than its lease writes over its successor.
func TestALockWithoutFencingLosesAWrite(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(bugs, func(b corpus.Bug) bool { return b.Name == "lock-without-fencing" })
	if i < 0 {
		t.Fatal("the corpus has no bug lock-without-fencing")
	}
	files, err := bugs[i].Apply(correctKV(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := grader.Grade(t.Context(), grader.Options{Dir: ".", Files: files, Lab: labs.Lock(), Run: regexp.MustCompile("^leases/paused_holder$"), CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	f, _, _ := firstFailure(r)
	if f == nil || f.Property != "Fencing Token" {
		t.Fatalf("expected a failure of Fencing Token, found %+v", f)
	}
	const found = `client 0 has token 1, client 1 has token 1, and the store holds "what client 0 wrote"`
	if !strings.Contains(f.Message, "wrote over what client 1 had written") || f.Found != found {
		t.Errorf("expected the lost write to be told, and\n%s\nfound %s\n%s", found, f.Message, f.Found)
	}
}
