package grader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/tools/txtar"
)

// ParseSubmission reads what the page saves for an instructor: a Result's JSON
// with the graded folder in it, under "files", as texts by path. The files are
// nil if there are none, as in the output of grade --json.
func ParseSubmission(b []byte) (*Result, fs.FS, error) {
	var s struct {
		Result
		Files map[string]string `json:"files"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, nil, fmt.Errorf("expected the JSON of a result: %w", err)
	}
	if s.Format != ResultFormat {
		return nil, nil, fmt.Errorf("expected a result of format %d, found %d", ResultFormat, s.Format)
	}
	if len(s.Parts) == 0 {
		return nil, nil, errors.New("expected a result with tests, found none")
	}
	if s.Files == nil {
		return &s.Result, nil, nil
	}
	var a txtar.Archive
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if !fs.ValidPath(name) || name == "." {
			return nil, nil, fmt.Errorf("%q is not a path inside a folder", name)
		}
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(s.Files[name])})
	}
	files, err := txtar.FS(&a)
	if err != nil {
		return nil, nil, fmt.Errorf("the files of the submission: %w", err)
	}
	return &s.Result, files, nil
}
