package batch

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Student is one row of the grade book: who, and where the submission lies.
type Student struct {
	ID    string `json:"id"` // unique; also the name of the folder with the feedback
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Submitted is when it was handed in; zero if that is not known.
	Submitted time.Time `json:"submitted,omitzero"`

	Path   string `json:"path"`             // a folder, an archive, or a git repository
	Commit string `json:"commit,omitempty"` // read from the repository at Path
	Folder string `json:"folder,omitempty"` // within the commit
}

// take reads the student's submission.
func (s *Student) take(ctx context.Context) (*Files, error) {
	if s.Path == "" {
		return nil, &Unfit{Nothing, "nothing was handed in", ""}
	}
	var f *Files
	var err error
	if s.Commit != "" {
		f, err = TakeCommit(ctx, s.Path, s.Commit, s.Folder)
	} else {
		f, err = Take(s.Path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, &Unfit{Nothing, "nothing was handed in", ""}
	}
	return f, err
}

// FindStudents lists the submissions in folders, each of which holds a folder or
// an archive for each student, and in CSV files (see ReadRoster).
func FindStudents(args []string) ([]Student, error) {
	var all []Student
	for _, arg := range args {
		info, err := os.Stat(arg)
		var found []Student
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: expected a folder of submissions, an archive or a CSV file: %w", arg, cause(err))
		case info.IsDir():
			found, err = studentsIn(arg)
		case strings.EqualFold(filepath.Ext(arg), ".csv"):
			found, err = readRosterFile(arg)
		case archiveKind(arg) != "":
			found = []Student{{ID: plainID(arg), Path: arg}}
		default:
			return nil, fmt.Errorf("%s: expected a folder of submissions, an archive (zip, tar, tar.gz) or a CSV file", arg)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Student) int { return strings.Compare(a.ID, b.ID) })
	seen := make(map[string]string)
	for _, s := range all {
		// Folders are named by students, also where case does not count.
		if other, twice := seen[strings.ToLower(s.ID)]; twice {
			return nil, fmt.Errorf("two submissions of one student, %q: %s and %s; a CSV file says which counts", s.ID, other, s.Path)
		}
		seen[strings.ToLower(s.ID)] = s.Path
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("found no submission in %s: expected a folder or an archive for each student", strings.Join(args, ", "))
	}
	return all, nil
}

// plainID is the student's name that a file's name holds.
func plainID(name string) string {
	base := filepath.Base(name)
	for _, ext := range []string{".zip", ".tar.gz", ".tgz", ".tar"} {
		if n := len(base) - len(ext); n > 0 && strings.EqualFold(base[n:], ext) {
			return safeID(base[:n])
		}
	}
	return safeID(base)
}

func studentsIn(dir string) ([]Student, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read: %w", dir, cause(err))
	}
	for _, e := range entries {
		if !e.IsDir() && kept(e.Name()) {
			return nil, fmt.Errorf("%s holds %s: it is a submission, not a folder of submissions; to grade one, run: grade %s", dir, e.Name(), dir)
		}
	}
	var all []Student
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), ".") || e.Name() == "__MACOSX":
		case e.IsDir() || archiveKind(e.Name()) != "":
			all = append(all, Student{ID: plainID(e.Name()), Path: filepath.Join(dir, e.Name())})
		}
	}
	return all, nil
}

// columns of a roster.
var rosterColumns = []string{"student", "name", "email", "path", "commit", "folder", "submitted"}

func readRosterFile(name string) ([]Student, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := ReadRoster(f, filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return all, nil
}

// ReadRoster reads a CSV file whose first row names its columns: student, and as
// many as there are of name, email, path (relative to dir), commit, folder,
// submitted.
func ReadRoster(r io.Reader, dir string) ([]Student, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = 0
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("expected a first row with names of columns: %w", err)
	}
	col := make(map[string]int)
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		if !slices.Contains(rosterColumns, h) {
			return nil, fmt.Errorf("line 1: there is no column %q; expected some of %s", h, strings.Join(rosterColumns, ", "))
		}
		if _, twice := col[h]; twice {
			return nil, fmt.Errorf("line 1: the column %q stands there twice", h)
		}
		col[h] = i
	}
	for _, need := range []string{"student", "path"} {
		if _, ok := col[need]; !ok {
			return nil, fmt.Errorf("line 1: there is no column %q", need)
		}
	}
	var all []Student
	for {
		row, err := in.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		get := func(name string) string {
			if i, ok := col[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		s := Student{ID: get("student"), Name: get("name"), Email: get("email"), Path: get("path"), Commit: get("commit"), Folder: filepath.ToSlash(get("folder"))}
		if s.ID != safeID(s.ID) || s.ID == "" {
			return nil, fmt.Errorf("line %d: expected a student's name that can be a file's name too, found %q", line, s.ID)
		}
		if s.Path != "" && !filepath.IsAbs(s.Path) {
			s.Path = filepath.Join(dir, filepath.FromSlash(s.Path))
		}
		if s.Folder != "" && (s.Commit == "" || !filepath.IsLocal(s.Folder)) {
			return nil, fmt.Errorf("line %d: expected a folder within a commit, found %q", line, s.Folder)
		}
		if t := get("submitted"); t != "" {
			if s.Submitted, err = parseTime(t); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
		}
		all = append(all, s)
	}
}

// reserved are names of files that Windows keeps for devices.
var reserved = []string{"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "lpt1", "lpt2", "lpt3"}

// safeID makes a name that can be a folder's on every system, and can neither
// move a cursor nor lead elsewhere.
func safeID(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			r = '_'
		}
		b.WriteRune(r)
		if b.Len() > 100 {
			break
		}
	}
	out := strings.TrimRight(b.String(), ". ")
	stem, _, _ := strings.Cut(out, ".")
	if strings.HasPrefix(out, ".") || strings.HasPrefix(out, "-") || slices.Contains(reserved, strings.ToLower(stem)) {
		out = "_" + out
	}
	return out
}
