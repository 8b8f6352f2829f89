package batch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// Lab is a lab with its files, as they are sent along with a job.
type Lab struct {
	*script.Lab
	zip []byte // nil for the built-in lab
}

// maxLab bounds the files of a lab.
const maxLab = 16 << 20

// OpenLab reads the lab in a folder; "" and "raft" are the built-in one,
// and "kv" and "lock" those of the services on top.
func OpenLab(dir string) (*Lab, error) {
	if dir == "" || dir == "raft" {
		lab, err := grader.OpenLab(nil)
		return &Lab{Lab: lab}, err
	}
	if files, ok := labs.Named(dir); ok {
		return packed(dir, files)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: expected a folder with a lab (a lab.star), found none", dir)
	}
	return packed(dir, os.DirFS(dir))
}

func packed(dir string, files fs.FS) (*Lab, error) {
	lab, err := grader.OpenLab(files)
	if err != nil {
		return nil, err
	}
	z, err := zipOf(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Lab{lab, z}, nil
}

func zipOf(files fs.FS) ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	err := fs.WalkDir(files, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := fs.ReadFile(files, p)
		if err != nil {
			return err
		}
		if buf.Len()+len(b) > maxLab {
			return fmt.Errorf("the lab's files have more than %d bytes", maxLab)
		}
		w, err := z.Create(p)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func zipFS(b []byte) (fs.FS, error) { return zip.NewReader(bytes.NewReader(b), int64(len(b))) }
