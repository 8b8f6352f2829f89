package grader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"

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

// readHints reads the hints of the Raft lab, over them those of the labs on top
// of it that the service is of, and over these the lab's own: what a lab has no
// hint for, a lab below it has.
func readHints(files fs.FS, service string) (Hints, error) {
	below := []string{"raft"}
	switch service {
	case "":
	case "lock":
		below = append(below, "kv", "lock")
	default:
		below = append(below, "kv")
	}
	hints := make(Hints)
	for _, name := range below {
		lab, _ := labs.Named(name)
		b, err := fs.ReadFile(lab, "hints.json")
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrEngine, err)
		}
		own, err := parseHints(b)
		if err != nil {
			return nil, err
		}
		maps.Copy(hints, own)
	}
	if files == nil {
		return hints, nil
	}
	b, err := fs.ReadFile(files, "hints.json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hints, nil
	case err != nil:
		return nil, &script.Error{Pos: "hints.json", Msg: err.Error()}
	}
	own, err := parseHints(b)
	maps.Copy(hints, own)
	return hints, err
}

func parseHints(b []byte) (Hints, error) {
	var h Hints
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, &script.Error{Pos: "hints.json", Msg: fmt.Sprintf("expected an object of hints by property: %v", err)}
	}
	return h, nil
}
