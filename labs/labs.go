// Package labs holds the labs that come with the grader: for each a folder with
// its tests (*.star), hints, handout and skeleton. It knows only files; reading
// and running them is the work of grader/script.
package labs

import (
	"embed"
	"io/fs"
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
