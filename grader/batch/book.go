package batch

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/script"
)

// Book is the grade book of a batch.
type Book struct {
	Format   int       `json:"format"`
	Course   string    `json:"course,omitempty"`
	Lab      string    `json:"lab"`
	Spec     Spec      `json:"spec"`
	Due      time.Time `json:"due,omitzero"`
	Students []*Grade  `json:"students"`
	// Missing are students whose grading has no record yet: another shard's, or
	// a batch that is not done.
	Missing []string `json:"missing,omitempty"`
	// Files are those that Report has written, with students/*/ for each student's.
	Files []string `json:"-"`
}

// wrote notes a file.
func (b *Book) wrote(name string) {
	if i, there := slices.BinarySearch(b.Files, name); !there {
		b.Files = slices.Insert(b.Files, i, name)
	}
}

// MakeBook applies the course's rules to the records of a results folder.
func MakeBook(s *Store, c *Course, lab *script.Lab) (*Book, error) {
	m, err := s.Manifest()
	if err != nil {
		return nil, err
	}
	if m.LabHash != lab.Hash {
		return nil, fmt.Errorf("the results are of the lab %s with tests %.12s, this lab is %s with %.12s: name the lab they were graded by", m.Lab, m.LabHash, lab.Name, lab.Hash)
	}
	b := &Book{Format: RecordFormat, Course: c.Title, Lab: m.Lab, Spec: m.Spec, Due: c.Due.Time}
	for _, e := range m.Entries {
		if r := s.Record(e.Key); r != nil {
			b.Students = append(b.Students, c.gradeOf(lab, e, r))
		} else {
			b.Missing = append(b.Missing, e.ID)
		}
	}
	return b, nil
}

// JSON is the book for programs.
func (b *Book) JSON() []byte {
	out, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		panic(err) // a Book can always be encoded
	}
	return append(out, '\n')
}

// CSV is the book for spreadsheets: a row for each student, a column for each
// part. No cell that a student had a hand in is taken for a formula.
func (b *Book) CSV() []byte {
	var parts []string
	if len(b.Students) > 0 {
		for _, t := range b.Students[0].Tests {
			if len(parts) == 0 || parts[len(parts)-1] != t.Part {
				parts = append(parts, t.Part)
			}
		}
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	head := []string{"student", "name", "email", "verdict", "points", "max", "late_days", "final"}
	head = append(append(head, parts...), "reason", "submitted", "submission", "key", "hash")
	w.Write(head)
	for _, g := range b.Students {
		submitted := ""
		if !g.Submitted.IsZero() {
			submitted = g.Submitted.Format(time.RFC3339)
		}
		points, final := number(g.Points), number(g.Final)
		if g.Verdict == Ungraded { // nobody's fault, so nobody's zero
			points, final = "", ""
		}
		row := []string{cell(g.ID), cell(g.Name), cell(g.Email), string(g.Verdict), points, number(g.Max), strconv.Itoa(g.LateDays), final}
		for _, p := range parts {
			sum := 0.0
			for _, t := range g.Tests {
				if t.Part == p {
					sum += t.Points
				}
			}
			if g.Verdict == Ungraded {
				row = append(row, "")
			} else {
				row = append(row, number(round(sum)))
			}
		}
		w.Write(append(row, cell(g.Reason), submitted, g.Submission, g.Key, g.Hash))
	}
	w.Flush()
	return buf.Bytes()
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// cell makes text harmless for a spreadsheet: what begins like a formula gets
// an apostrophe in front, control characters become spaces, and the length ends
// where spreadsheets cut.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 2000 {
		s = strings.ToValidUTF8(s[:2000], "") + "…"
	}
	if t := strings.TrimLeft(s, " "); t != "" && strings.ContainsRune("=+-@|%", rune(t[0])) || strings.HasPrefix(t, "＝") || strings.HasPrefix(t, "＋") || strings.HasPrefix(t, "－") || strings.HasPrefix(t, "＠") {
		return "'" + s
	}
	return s
}
