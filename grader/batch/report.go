package batch

import (
	"path/filepath"
	"time"

	"github.com/raftlab/raftlab/grader/report/export"
	"github.com/raftlab/raftlab/grader/script"
)

// Report writes everything that people and their tools read into the results
// folder, from its records alone: the grade book, the feedback, and the formats
// asked for. now decides what is still hidden from students.
func Report(s *Store, c *Course, lab *script.Lab, now time.Time, formats []export.Format) (*Book, error) {
	b, err := MakeBook(s, c, lab)
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"grades.csv": b.CSV(), "grades.json": b.JSON()} {
		if err := writeWhole(filepath.Join(s.dir, name), data); err != nil {
			return nil, err
		}
		b.wrote(name)
	}
	v := c.viewOf(now)
	for _, g := range b.Students {
		if err := s.feedback(g, lab, v, b); err != nil {
			return nil, err
		}
	}
	return b, s.export(b, v, formats)
}
