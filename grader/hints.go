package grader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// Hints are what a lab says of each property, by its name.
type Hints map[string]Hint

// Hint says what a property means and, step by step, where to look.
type Hint struct {
	Title   Text   `json:"title"`
	Section string `json:"section"` // of the paper
	Kind    string `json:"kind"`
	Meaning Text   `json:"meaning"`
	Hints   []Text `json:"hints"`
}

// readHints reads the lab's hints.json; a lab of one's own may have none, and
// then those of the Raft lab serve.
func readHints(files fs.FS) (Hints, error) {
	if files != nil {
		b, err := fs.ReadFile(files, "hints.json")
		if err == nil {
			return parseHints(b)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, &script.Error{Pos: "hints.json", Msg: err.Error()}
		}
	}
	b, err := fs.ReadFile(labs.Raft(), "hints.json")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrEngine, err)
	}
	return parseHints(b)
}

func parseHints(b []byte) (Hints, error) {
	var h Hints
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, &script.Error{Pos: "hints.json", Msg: fmt.Sprintf("expected an object of hints by property: %v", err)}
	}
	return h, nil
}
