// Package labs holds the labs that come with the grader: for each a folder with
// its tests (*.star), hints, handout and skeleton. It knows only files; reading
// and running them is the work of grader/script.
package labs

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/tools/txtar"
)

//go:embed raft kv lock
var files embed.FS

// Raft returns the files of the Raft lab.
func Raft() fs.FS { return lab("raft") }

// KV returns the files of the key/value lab.
func KV() fs.FS { return lab("kv") }

// Lock returns the files of the lock lab.
func Lock() fs.FS { return lab("lock") }

// Names are the labs that come with the grader, in the order in which they are done.
var Names = []string{"raft", "kv", "lock"}

// Named returns the files of the lab of Names called name, and whether it is one.
func Named(name string) (fs.FS, bool) {
	if !slices.Contains(Names, name) {
		return nil, false
	}
	return lab(name), true
}

func lab(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// Skeleton returns the folder that a student of the lab begins with: the files
// of the lab's skeleton.txtar.
func Skeleton(lab fs.FS) (fs.FS, error) {
	data, err := fs.ReadFile(lab, "skeleton.txtar")
	if err != nil {
		return nil, fmt.Errorf("the lab has no skeleton: %w", err)
	}
	return txtar.FS(txtar.Parse(data))
}
