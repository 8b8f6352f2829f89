package gradescope

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/report/export"
	"github.com/raftlab/raftlab/labs"
)

// defaultTime bounds a grading whose course does not: Gradescope ends it after ten
// minutes unless its settings say otherwise, and then there is no result.
const defaultTime = 9 * time.Minute

// Options says what to grade.
type Options struct {
	Root    string   // /autograder
	Command []string // the process that does a grading (batch.Options.Command)
	Now     time.Time
	// Check grades the lab's skeleton in place of a submission, writes no result,
	// and fails if that is not graded.
	Check bool
}

// ErrNotGraded says that there is no result, and why; Gradescope then tells the
// student that the autograder failed, and sets no score.
type ErrNotGraded struct{ Reason string }

func (e *ErrNotGraded) Error() string { return "not graded: " + e.Reason }

// metadata is what submission_metadata.json says, as far as it is used.
// https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/
type metadata struct {
	Created    when       `json:"created_at"`
	Assignment assignment `json:"assignment"`
	Users      []struct {
		// Assignment is there where a student has dates of their own.
		Assignment assignment `json:"assignment"`
	} `json:"users"`
}

type assignment struct {
	Due when `json:"due_date"`
}

// when is a time, or zero for none.
type when struct{ time.Time }

func (w *when) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("expected a time, found %s", b)
	}
	if s == nil || *s == "" {
		return nil
	}
	var err error
	if w.Time, err = time.Parse(time.RFC3339, *s); err != nil {
		return fmt.Errorf("expected a time such as 2026-10-01T23:59:00.000000-04:00, found %q", *s)
	}
	return nil
}

// due is the deadline: the latest of the assignment's and of what the group's
// members were granted.
func (m *metadata) due() time.Time {
	due := m.Assignment.Due.Time
	for _, u := range m.Users {
		if u.Assignment.Due.After(due) {
			due = u.Assignment.Due.Time
		}
	}
	return due
}

func readMetadata(name string) (*metadata, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &metadata{}, nil // a trial outside Gradescope
	}
	if err != nil {
		return nil, err
	}
	var m metadata
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("submission_metadata.json: %w", err)
	}
	return &m, nil
}

// Run grades what Gradescope has put into Root, and writes results/results.json.
func Run(ctx context.Context, o Options) error {
	source := filepath.Join(o.Root, "source")
	course := &batch.Course{}
	file := filepath.Join(source, "grade.toml")
	if _, err := os.Stat(file); err == nil {
		if course, err = batch.ReadCourse(file); err != nil {
			return err
		}
	} else {
		file = ""
	}
	labDir := filepath.Join(source, "lab")
	if _, err := os.Stat(labDir); err != nil {
		labDir = ""
	}
	lab, err := batch.OpenLab(labDir)
	if err != nil {
		return err
	}
	meta, err := readMetadata(filepath.Join(o.Root, "submission_metadata.json"))
	if err != nil {
		return err
	}
	if due := meta.due(); !due.IsZero() { // Gradescope's dates are those that students see
		course.Due.Time = due
	}
	if course.Limits.Time.Duration == 0 {
		course.Limits.Time.Duration = defaultTime
	}
	tmp, err := os.MkdirTemp("", "raftlab-gradescope-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	student := batch.Student{ID: "submission", Path: filepath.Join(o.Root, "submission"), Submitted: meta.Created.Time}
	if o.Check {
		if student, err = skeleton(tmp, labDir); err != nil {
			return err
		}
	}
	store, err := batch.OpenStore(filepath.Join(tmp, "results"))
	if err != nil {
		return err
	}
	if _, err := batch.Run(ctx, batch.Options{
		Students: []batch.Student{student}, Course: course, CourseFile: file, Lab: lab, Store: store, Command: o.Command, Workers: 1,
		GoCache: filepath.Join(source, "gocache"),
	}); err != nil {
		return err
	}
	book, err := batch.Report(store, course, lab.Lab, o.Now, []export.Format{export.Gradescope})
	if err != nil {
		return err
	}
	if g := book.Students[0]; g.Verdict == batch.Ungraded || o.Check && g.Verdict != batch.Graded {
		return &ErrNotGraded{string(g.Verdict) + ": " + g.Reason}
	}
	if o.Check {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(store.Dir(), "students", student.ID, "results.json"))
	if err != nil {
		return err
	}
	results := filepath.Join(o.Root, "results")
	if err := os.MkdirAll(results, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(results, "results.json"), b, 0o666)
}

// skeleton writes what students begin with: the lab's, or the built-in lab's.
func skeleton(tmp, labDir string) (batch.Student, error) {
	var files fs.FS
	err := error(fs.ErrNotExist)
	if labDir != "" {
		files, err = labs.Skeleton(os.DirFS(labDir))
	}
	if err != nil {
		if files, err = labs.Skeleton(labs.Raft()); err != nil {
			return batch.Student{}, err
		}
	}
	dir := filepath.Join(tmp, "skeleton")
	return batch.Student{ID: "skeleton", Path: dir}, os.CopyFS(dir, files)
}
