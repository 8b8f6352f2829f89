package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Merge puts the records of shards into one results folder. Records of one key
// must be equal, for the same inputs cannot have two verdicts; one that is not
// final gives way. It returns how many records came in.
func Merge(s *Store, dirs []string) (int, error) {
	var all *Manifest
	if m, err := s.Manifest(); err == nil {
		all = m
	}
	n := 0
	for _, dir := range dirs {
		from := &Store{dir}
		m, err := from.Manifest()
		if err != nil {
			return n, err
		}
		if all == nil {
			all = m
		} else if err := all.join(m, dir); err != nil {
			return n, err
		}
		in, err := s.take(from)
		n += in
		if err != nil {
			return n, err
		}
	}
	if all == nil {
		return 0, errors.New("expected at least one results folder to merge")
	}
	return n, s.putManifest(all)
}

// join takes in the students of another shard's manifest.
func (m *Manifest) join(other *Manifest, dir string) error {
	if a, b := m.Spec.Key(""), other.Spec.Key(""); a != b {
		return fmt.Errorf("%s was graded otherwise (grader %s, %s, lab %.12s, seed %d): expected grader %s, %s, lab %.12s, seed %d in all shards",
			dir, other.Spec.Grader, other.Spec.Go, other.Spec.Hash, other.Spec.Seed, m.Spec.Grader, m.Spec.Go, m.Spec.Hash, m.Spec.Seed)
	}
	for _, e := range other.Entries {
		i, found := slices.BinarySearchFunc(m.Entries, e.ID, func(x Entry, id string) int { return strings.Compare(x.ID, id) })
		switch {
		case !found:
			m.Entries = slices.Insert(m.Entries, i, e)
		case m.Entries[i].Key != e.Key:
			return fmt.Errorf("%s has another submission of %s: %.12s, elsewhere %.12s", dir, e.ID, e.Submission, m.Entries[i].Submission)
		}
	}
	return nil
}

// take copies what another results folder has.
func (s *Store) take(from *Store) (int, error) {
	n := 0
	for _, kind := range []string{"submissions", "traces", "costs", "records"} { // records last: see Put
		entries, err := os.ReadDir(filepath.Join(from.dir, kind))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
		for _, e := range entries {
			key, ext, _ := strings.Cut(e.Name(), ".")
			if !isKey(key) || !e.Type().IsRegular() {
				continue
			}
			b, err := os.ReadFile(filepath.Join(from.dir, kind, e.Name()))
			if err != nil {
				return n, err
			}
			to := s.path(kind, key, "."+ext)
			if kind == "records" {
				theirs, err := ParseRecord(b)
				if err != nil || theirs.Key != key {
					continue // half written: it counts as none
				}
				if ours := s.Record(key); ours != nil && ours.Verdict.Final() {
					if theirs.Verdict.Final() && !bytes.Equal(ours.JSON(), theirs.JSON()) {
						return n, fmt.Errorf("two records of %s differ, in %s and in %s: run grade verify on both", key, s.dir, from.dir)
					}
					continue
				}
				n++
			} else if _, err := os.Stat(to); err == nil {
				continue
			}
			if err := writeWhole(to, b); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
