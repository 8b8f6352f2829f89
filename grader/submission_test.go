package grader

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

func submissionOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"format": ResultFormat, "lab": "raft", "seed": 1, "parts": []PartResult{{Name: "election"}}, "files": files})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSubmissionCarriesItsFiles(t *testing.T) {
	r, files, err := ParseSubmission(submissionOf(t, map[string]string{"go.mod": "module x\n", "raft/raft.go": "package raft\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(files, "raft/raft.go"); err != nil || string(b) != "package raft\n" || r.Seed != 1 {
		t.Errorf("got %q, %v, seed %d", b, err, r.Seed)
	}
	if _, files, err := ParseSubmission(submissionOf(t, nil)); err != nil || files != nil {
		t.Errorf("a result without files: got %v, %v", files, err)
	}
	for name, bad := range map[string]string{
		"nonsense": "nonsense", "another format": `{"format": 9}`, "no tests": `{"format": 1}`,
		"a path outside":   string(submissionOf(t, map[string]string{"../raft.go": ""})),
		"a file in a file": string(submissionOf(t, map[string]string{"a": "", "a/b": ""})),
	} {
		if _, _, err := ParseSubmission([]byte(bad)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// What a submission holds is enough to grade it again, with the same outcome.
func TestSubmissionGradesAgainAlike(t *testing.T) {
	files := map[string]string{}
	root := os.DirFS("testdata/correct")
	if err := fs.WalkDir(root, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, p)
		files[p] = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: "testdata/correct", Run: regexp.MustCompile("^election/initial$"), Seeds: 1}
	was, err := Grade(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(was.JSON(), &m); err != nil {
		t.Fatal(err)
	}
	m["files"] = files
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r, folder, err := ParseSubmission(b)
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Files = ".", folder
	is, err := Grade(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if is.Module != r.Module || is.Hash != r.Hash || is.Points != r.Points {
		t.Errorf("the submission says module %s, hash %s, %v points; graded again it has %s, %s, %v", r.Module, r.Hash, r.Points, is.Module, is.Hash, is.Points)
	}
}

func FuzzParseSubmission(f *testing.F) {
	f.Add([]byte(`{"format":1,"parts":[{}],"files":{"a/b.go":"package b"}}`))
	f.Add([]byte(`{"format":1,"parts":[{}],"files":{"..":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, files, err := ParseSubmission(b)
		if err == nil && files != nil {
			if err := fs.WalkDir(files, ".", func(p string, _ fs.DirEntry, err error) error {
				if strings.Contains(p, "..") && !fs.ValidPath(p) {
					t.Errorf("a path outside: %s", p)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		if (err == nil) != (r != nil) {
			t.Errorf("got %v and %v", r, err)
		}
	})
}
