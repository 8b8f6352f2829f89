package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Store is a results folder. What is in it is done: each file is written whole
// under another name and then renamed, so that a file that is there is whole,
// whenever the writer was killed.
//
//	records/KEY.json       the record of each grading
//	submissions/HASH.zip   each submission as it was taken in
//	traces/KEY.json        the first run that fails, for the player
//	costs/KEY.json         what the grading took
//	batch.json             who handed in what
//	the rest               written from these by Report, and by it alone
type Store struct{ dir string }

var isKey = regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString

// OpenStore makes a results folder, or opens the one that is there. It refuses a
// folder with other things in it.
func OpenStore(dir string) (*Store, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: expected a folder for the results: %w", dir, cause(err))
	}
	if len(entries) > 0 {
		if info, err := os.Stat(filepath.Join(dir, "records")); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("%s is not empty (it holds %s) and is no results folder; name a new one", dir, entries[0].Name())
		}
	}
	s := &Store{dir}
	for _, sub := range []string{"records", "submissions", "traces", "costs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, fmt.Errorf("%s: cannot make the results folder: %w", dir, cause(err))
		}
	}
	s.sweep(time.Hour)
	return s, nil
}

// sweep removes what writers that were killed have left behind. A file that is
// younger than age may be one that another process is writing.
func (s *Store) sweep(age time.Duration) {
	names, _ := filepath.Glob(filepath.Join(s.dir, "*", ".writing-*")) // the pattern is well formed
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > age {
			os.Remove(name) // it is only in the way
		}
	}
}

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".writing-*")
	if err != nil {
		return err
	}
	tmp := f.Name()
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync() // a rename must not outlive the contents
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

func (s *Store) path(kind, key, ext string) string { return filepath.Join(s.dir, kind, key+ext) }

// Record returns the record of a key, or nil if there is none that stands. A
// file that is not a whole record of that key counts as none.
func (s *Store) Record(key string) *Record {
	if !isKey(key) {
		return nil
	}
	b, err := os.ReadFile(s.path("records", key, ".json"))
	if err != nil {
		return nil
	}
	r, err := ParseRecord(b)
	if err != nil || r.Key != key {
		return nil
	}
	return r
}

// Put keeps a reply. The record comes last: when it is there, all is.
func (s *Store) Put(key string, r *Reply) error {
	if !isKey(key) {
		return fmt.Errorf("%q is no key", key)
	}
	if r.Trace != nil {
		b, err := json.Marshal(trace{r.TraceTest, r.TraceSeed, r.Trace})
		if err == nil {
			err = writeWhole(s.path("traces", key, ".json"), b)
		}
		if err != nil {
			return err
		}
	}
	if r.Cost != (Cost{}) {
		b, err := json.Marshal(r.Cost)
		if err == nil {
			err = writeWhole(s.path("costs", key, ".json"), append(b, '\n'))
		}
		if err != nil {
			return err
		}
	}
	return writeWhole(s.path("records", key, ".json"), r.Record)
}

// trace is a kept trace.
type trace struct {
	Test  string `json:"test"`
	Seed  uint64 `json:"seed"`
	Trace []byte `json:"trace"`
}

func (s *Store) trace(key string) *trace {
	b, err := os.ReadFile(s.path("traces", key, ".json"))
	if err != nil {
		return nil
	}
	var t trace
	if json.Unmarshal(b, &t) != nil {
		return nil
	}
	return &t
}

// PutSubmission keeps a submission.
func (s *Store) PutSubmission(hash string, zip []byte) error {
	name := s.path("submissions", hash, ".zip")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	return writeWhole(name, zip)
}

// Submission reads a submission again.
func (s *Store) Submission(hash string) (*Files, error) {
	if !isKey(hash) {
		return nil, fmt.Errorf("%q is no hash of a submission", hash)
	}
	b, err := os.ReadFile(s.path("submissions", hash, ".zip"))
	if err != nil {
		return nil, err
	}
	f, err := Unpack("zip", b)
	if err != nil {
		return nil, err
	}
	if f.Hash() != hash {
		return nil, fmt.Errorf("submissions/%s.zip was altered: its hash is %s", hash, f.Hash())
	}
	return f, nil
}

// Manifest says who handed in what.
type Manifest struct {
	Format  int     `json:"format"`
	Course  string  `json:"course,omitempty"` // title
	Lab     string  `json:"lab"`
	LabHash string  `json:"labHash"`
	Spec    Spec    `json:"spec"`
	Entries []Entry `json:"students"`
}

// Entry is a student and the key of the grading that counts.
type Entry struct {
	Student
	Key        string `json:"key"`
	Submission string `json:"submission"`
}

func (m *Manifest) json() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // a Manifest can always be encoded
	}
	return append(b, '\n')
}

func (s *Store) putManifest(m *Manifest) error {
	return writeWhole(filepath.Join(s.dir, "batch.json"), m.json())
}

// Manifest reads who handed in what.
func (s *Store) Manifest() (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, "batch.json"))
	if err != nil {
		return nil, fmt.Errorf("%s: expected a results folder with a batch.json: %w", s.dir, cause(err))
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%s: batch.json cannot be read: %w", s.dir, err)
	}
	if m.Format != RecordFormat {
		return nil, fmt.Errorf("%s: expected a batch.json of format %d, found %d", s.dir, RecordFormat, m.Format)
	}
	return &m, nil
}
