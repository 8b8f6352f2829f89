// Package labs holds the labs that come with the grader: for each a folder with
// its tests (*.star), hints, handout and skeleton. It knows only files; reading
// and running them is the work of grader/script.
package labs

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

//go:embed raft kv lock kvraft
var files embed.FS

// Raft returns the files of the Raft lab.
func Raft() fs.FS { return lab("raft") }

// KV returns the files of the key/value lab.
func KV() fs.FS { return lab("kv") }

// Lock returns the files of the lock lab.
func Lock() fs.FS { return lab("lock") }

// KVRaft returns the files of the lab that grades the MIT course's key/value service.
func KVRaft() fs.FS { return lab("kvraft") }

// Names are the labs that come with the grader, in the order in which they are
// done; the last is for checkouts of the MIT course.
var Names = []string{"raft", "kv", "lock", "kvraft"}

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
// of the lab's skeleton.txtar. If that has a line "On top of: LAB" before its
// first file, they stand in, or take the place of, those of that lab's skeleton.
func Skeleton(lab fs.FS) (fs.FS, error) {
	files, err := skeleton(lab)
	if err != nil {
		return nil, fmt.Errorf("the lab has no skeleton: %w", err)
	}
	return txtar.FS(&txtar.Archive{Files: files})
}

func skeleton(lab fs.FS) ([]txtar.File, error) {
	data, err := fs.ReadFile(lab, "skeleton.txtar")
	if err != nil {
		return nil, err
	}
	a := txtar.Parse(data)
	below := ""
	for line := range strings.Lines(string(a.Comment)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "On top of: "); ok {
			below = name
		}
	}
	if below == "" {
		return a.Files, nil
	}
	base, ok := Named(below)
	if !ok {
		return nil, fmt.Errorf("skeleton.txtar: no lab is named %q; they are %s", below, strings.Join(Names, ", "))
	}
	files, err := skeleton(base)
	if err != nil {
		return nil, err
	}
	for _, f := range a.Files {
		i := slices.IndexFunc(files, func(g txtar.File) bool { return g.Name == f.Name })
		if i < 0 {
			files = append(files, f)
		} else {
			files[i] = f
		}
	}
	return files, nil
}
