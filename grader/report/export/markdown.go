package export

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/raftlab/raftlab/grader"
)

// maxMarkdown bounds a student's page.
const maxMarkdown = 4 << 20

// WriteMarkdown writes a sheet as the student's feedback, in GitHub's and
// GitLab's Markdown. Hidden tests are counted, not named.
func WriteMarkdown(w io.Writer, s *Sheet) error { return s.writeMarkdown(w, maxMarkdown) }

func (s *Sheet) writeMarkdown(w io.Writer, room int) error {
	m := messagesIn(s.Lang)
	p := &page{room: room, tail: "\n" + m.tooLong + "\n"}
	head := m.feedback
	if s.Student != "" {
		head = fmt.Sprintf(m.of, s.Student)
	}
	p.put("# " + inline(head) + "\n\n")
	if s.State != Ungraded {
		p.put("**" + fmt.Sprintf(m.points, number(s.Final), number(s.Max)) + "**")
		if s.LateDays > 0 {
			p.put(" (" + fmt.Sprintf(m.late, number(s.Points), s.LateDays) + ")")
		}
		p.put("\n\n")
	}
	if s.State != Graded {
		p.put("**" + inline(s.Verdict) + "**\n\n" + fence(s.Why))
		return p.write(w)
	}
	s.tables(p, m)
	n := 0
	for i := range s.Tests {
		t := &s.Tests[i]
		if t.Hidden && s.Secret || t.Story == "" {
			continue
		}
		if n++; n == 1 { // the first at once, the others at a click
			p.put("\n## " + inline(t.ID()+": "+t.Property) + "\n\n" + t.tell())
			continue
		}
		p.put("\n<details><summary>" + html.EscapeString(line(t.ID()+": "+t.Property)) + "</summary>\n\n" + t.tell() + "\n</details>\n")
	}
	if len(s.Facts) > 0 {
		facts := "\n<details><summary>" + html.EscapeString(m.repeat) + "</summary>\n\n" + row("", "") + row(":--", ":--")
		for _, f := range s.Facts {
			facts += row(inline(f.Name), inline(f.Value))
		}
		p.put(facts + "\n</details>\n")
	}
	return p.write(w)
}

// tell is a failure under its heading: the story, without the head line that says
// the heading again, and what broke just once.
func (t *Test) tell() string {
	story := strings.TrimLeft(t.Story, "\n")
	if head, rest, _ := strings.Cut(story, "\n"); strings.Contains(head, " "+t.ID()+" ") {
		story = strings.TrimLeft(rest, "\n")
	}
	if strings.Contains(strings.Join(strings.Fields(story), " "), strings.Join(strings.Fields(t.Message), " ")) {
		return fence(story)
	}
	return inline(t.Message) + "\n\n" + fence(story)
}

// tables are those of the parts and of the tests.
func (s *Sheet) tables(p *page, m *messages) {
	type sum struct {
		name            string
		good, all, hide int
		points, max     float64
	}
	var parts []*sum
	for i := range s.Tests {
		t := &s.Tests[i]
		if len(parts) == 0 || parts[len(parts)-1].name != t.Part {
			parts = append(parts, &sum{name: t.Part})
		}
		x := parts[len(parts)-1]
		if t.Hidden && s.Secret {
			x.hide++
			continue
		}
		x.all++
		if t.Status == grader.Passed {
			x.good++
		}
		x.points, x.max = round(x.points+t.Points), round(x.max+t.Max)
	}
	p.put(row(m.part, m.tests, m.pointsHead) + row(":--", "--:", "--:"))
	for _, x := range parts {
		if x.all > 0 {
			p.put(row(inline(x.name), fmt.Sprintf("%d/%d", x.good, x.all), number(x.points)+"/"+number(x.max)))
		}
	}
	if n := s.hidden(); n > 0 && s.Secret {
		p.put("\n" + fmt.Sprintf(m.hidden, n) + "\n")
	}
	p.put("\n" + row("", m.test, "", m.pointsHead) + row(":--", ":--", ":--", "--:"))
	for i := range s.Tests {
		t := &s.Tests[i]
		if t.Hidden && s.Secret {
			continue
		}
		word := map[grader.Status]string{grader.Passed: m.ok, grader.Failed: m.fail, grader.NotGraded: m.nograde}[t.Status]
		if word == "" {
			word = m.skip
		}
		say := t.Title
		if t.Message != "" {
			say = t.Property + ": " + t.Message
		}
		p.put(row(word, inline(t.ID()), inline(short(line(say), 200)), number(t.Points)+"/"+number(t.Max)))
	}
}

// row is a line of a table; its cells are Markdown already.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// inline is text in a line of Markdown: each character stands for itself, and
// nothing becomes a link. A mark of punctuation may have a backslash in front, in
// tables too.
func inline(s string) string {
	s = line(s)
	var b strings.Builder
	digits := true // so far: "1." would begin a list
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]<>#|~&@$!", r),
			i == 0 && strings.ContainsRune("-+=", r),
			i > 0 && digits && (r == '.' || r == ')'),
			r == ':' && strings.HasPrefix(s[i:], ":/"),
			r == '.' && i > 0 && (s[i-1] == 'w' || s[i-1] == 'W'):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		digits = digits && '0' <= r && r <= '9'
	}
	return b.String()
}

// fence is text as it is, in a code block that nothing in it can close.
func fence(s string) string {
	s = strings.TrimRight(block(s), "\n")
	run, longest := 0, 2
	for i := range len(s) {
		if s[i] == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	f := strings.Repeat("`", longest+1)
	return f + "text\n" + s + "\n" + f + "\n"
}

// page collects pieces of Markdown up to a number of bytes: what does not fit is
// left out, and the tail says so.
type page struct {
	b    strings.Builder
	room int
	tail string
	full bool
}

func (p *page) put(piece string) {
	if p.full || p.b.Len()+len(piece)+len(p.tail) > p.room {
		p.full = true
		return
	}
	p.b.WriteString(piece)
}

func (p *page) write(w io.Writer) error {
	if p.full && len(p.tail) <= p.room {
		p.b.WriteString(p.tail)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}
