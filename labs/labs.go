// Package labs holds the labs that come with the grader: for each a folder with
// its tests (*.star), hints, handout and skeleton. It knows only files; reading
// and running them is the work of grader/script.
package labs

import (
	"embed"
	"fmt"
	"io/fs"

	"golang.org/x/tools/txtar"
)

//go:embed raft
var files embed.FS

// Raft returns the files of the Raft lab.
func Raft() fs.FS {
	sub, err := fs.Sub(files, "raft")
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
