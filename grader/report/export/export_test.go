package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/report"
)

// hostile are texts that a submission may bring into a report.
var hostile = []string{
	"plain", "", "\x00\x01\x1b[31mred", "a\r\nb\nc", "::error file=x::forged", "\n::set-output name=a::b", "##[error]old", "%0A::error::x",
	"]]>", "<script>alert(1)</script>", "</failure><testcase/>", "&amp;&#0;", "a|b||c\\|d", "`x` ```\n# heading\n``````", "~~~", "</details><h1>out",
	"[link](https://evil.example) <https://evil.example> https://evil.example www.evil.example a@evil.example", "![x](https://evil.example/x.png)",
	"1. list", "- list", "+ list", "# head", "> quote", "===", "---", "| a | b |\n| - | - |", "\u202eevil\u2066", "\ufeff\uffff\ufffe\u0085\u2028", "\xff\xfe bad utf-8",
	"$x$ $$y$$", "*a* _b_ ~~c~~", "\\", "trailing\\", strings.Repeat("x", 100_000), strings.Repeat("`", 300), strings.Repeat("é|\n", 40_000),
	"任期 2 有两个领导者", "<!-- ", "-->", "<![CDATA[", "\t tab", "#1 @user :smile: GH-1",
}

// sheetOf is a Sheet in each of whose texts s stands.
func sheetOf(s string, state State) *Sheet {
	x := &Sheet{
		Student: "", Title: s, Lang: "en", State: state, Verdict: "does not build", Why: s, Points: 1, Max: 4, Final: 0.9, LateDays: 1, Secret: true,
		Where: []Place{{s, 3, 4, s}, {"raft/raft.go", 7, 0, s}},
		Facts: []Fact{{s, s}, {"hash", "abc"}},
		Tests: []Test{
			{Part: "election", Name: "initial", Title: s, Status: grader.Passed, Points: 1, Max: 1, Virtual: time.Second},
			{Part: "election", Name: "x", Title: s, Status: grader.Failed, Max: 1, Property: s, Message: s, Story: s, Again: s, File: s, Line: 12},
			{Part: "hard", Name: "y", Title: "t", Status: grader.Failed, Max: 1, Property: "P", Message: "m" + s, Story: "story " + s, Hidden: true},
			{Part: "hard", Name: "z", Title: s, Status: grader.Failed, Max: 1, Fault: true, Property: "engine", Message: s, Story: s + s},
		},
	}
	if state == Graded {
		x.Verdict, x.Why, x.Where = "graded", "", nil
	} else {
		for i := range x.Tests {
			x.Tests[i] = Test{Part: x.Tests[i].Part, Name: x.Tests[i].Name, Title: s, Status: grader.Skipped, Max: 1}
		}
	}
	return x
}

// Whatever texts say, each format stays what its specification asks for, and
// says just what the sheet says.
func TestFormatsHoldHostileTexts(t *testing.T) {
	c := newChecker(t)
	for _, s := range hostile {
		for _, state := range []State{Graded, Unfit, Ungraded} {
			if err := c.all(sheetOf(s, state)); err != nil {
				t.Errorf("%.60q, state %d: %v", s, state, err)
			}
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range hostile {
		if len(s) < 1000 {
			f.Add(s)
		}
	}
	c := newChecker(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, state := range []State{Graded, Unfit} {
			if err := c.all(sheetOf(s, state)); err != nil {
				t.Fatalf("state %d: %v", state, err)
			}
		}
	})
}

type checker struct{ junit *schema }

func newChecker(t testing.TB) *checker { return &checker{readSchema(t)} }

func (c *checker) all(s *Sheet) error {
	student := *s
	student.Student = "ann " + s.Title
	for _, check := range []func() error{
		func() error { return c.checkJUnit(s) },
		func() error { return c.checkJUnit(s, &student) },
		func() error { return checkGradescope(s) },
		func() error { return checkClassroom(s) },
		func() error { return checkAnnotations(s) },
		func() error { return checkAnnotations(&student, s) },
		func() error { return checkMarkdown(s) },
		func() error { return checkMarkdown(&student) },
		func() error { return checkSummary(s) },
		func() error { return checkSummary(&student, &student) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// JUnit XML: testdata/junit.xsd, and the counts are those of the cases.
func (c *checker) checkJUnit(sheets ...*Sheet) error {
	var b bytes.Buffer
	if err := WriteJUnit(&b, "name", sheets); err != nil {
		return err
	}
	if err := c.junit.check(b.Bytes(), "testsuites"); err != nil {
		return fmt.Errorf("junit: %w\n%.2000s", err, b.String())
	}
	var got suites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		return err
	}
	tests, failures, bad := 0, 0, 0
	for _, x := range got.Suites {
		if x.Tests != len(x.Cases) {
			return fmt.Errorf("junit: suite %q counts %d tests of %d", x.Name, x.Tests, len(x.Cases))
		}
		tests += len(x.Cases)
		for _, k := range x.Cases {
			if k.Failure != nil {
				failures++
			}
			if k.Error != nil {
				bad++
			}
		}
	}
	if tests != got.Tests || failures != got.Failures || bad != got.Errors {
		return fmt.Errorf("junit: counts %d/%d/%d, found %d/%d/%d", got.Tests, got.Failures, got.Errors, tests, failures, bad)
	}
	want := 0
	for _, s := range sheets {
		want += len(s.Tests)
		if s.State != Graded {
			want++ // the case that says why
		}
	}
	if tests != want {
		return fmt.Errorf("junit: expected %d cases, found %d", want, tests)
	}
	return nil
}

// Gradescope: https://gradescope-autograders.readthedocs.io/en/latest/specs/
func checkGradescope(s *Sheet) error {
	var b bytes.Buffer
	err := WriteGradescope(&b, s)
	if s.State == Ungraded {
		if !errors.Is(err, ErrUngraded) || b.Len() > 0 {
			return fmt.Errorf("gradescope: what is not graded was written: %v %s", err, b.String())
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !utf8.Valid(b.Bytes()) {
		return errors.New("gradescope: not UTF-8")
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		return fmt.Errorf("gradescope: %w", err)
	}
	rule := map[string]func(any) bool{
		"score": isNumber, "execution_time": isNumber, "output": isText, "output_format": in("text", "html", "simple_format", "md", "ansi"),
		"test_output_format": in("text", "html", "simple_format", "md", "ansi"), "test_name_format": in("text", "html", "simple_format", "md", "ansi"),
		"visibility": in("hidden", "after_due_date", "after_published", "visible"), "stdout_visibility": in("hidden", "after_due_date", "after_published", "visible"),
		"extra_data": isObject, "tests": isList, "leaderboard": isList,
	}
	if err := obeys(got, rule, "score"); err != nil {
		return fmt.Errorf("gradescope: %w", err)
	}
	testRule := map[string]func(any) bool{
		"score": isNumber, "max_score": isNumber, "status": in("passed", "failed"), "name": isText, "name_format": in("text"), "number": isText, "output": isText,
		"output_format": in("text"), "tags": isList, "visibility": in("hidden", "after_due_date", "after_published", "visible"), "extra_data": isObject,
	}
	tests := got["tests"].([]any)
	if len(tests) != len(s.Tests) {
		return fmt.Errorf("gradescope: expected %d tests, found %d", len(s.Tests), len(tests))
	}
	for i, x := range tests {
		m := x.(map[string]any)
		if err := obeys(m, testRule, "score", "max_score", "status", "name", "number", "visibility"); err != nil {
			return fmt.Errorf("gradescope: test %d: %w", i, err)
		}
		if later := m["visibility"] == "after_due_date"; later != s.Tests[i].Hidden {
			return fmt.Errorf("gradescope: test %d is %v, hidden %v", i, m["visibility"], s.Tests[i].Hidden)
		}
		if strings.ContainsAny(m["name"].(string), "\n\r\x00") {
			return fmt.Errorf("gradescope: test %d has a name of several lines", i)
		}
	}
	if got["score"] != s.Final || len(b.String()) > 2<<20 {
		return fmt.Errorf("gradescope: the score is %v, in %d bytes", got["score"], b.Len())
	}
	return nil
}

func isNumber(v any) bool { f, ok := v.(float64); return ok && !math.IsNaN(f) && f >= 0 }
func isText(v any) bool   { _, ok := v.(string); return ok }
func isObject(v any) bool { _, ok := v.(map[string]any); return ok }
func isList(v any) bool   { _, ok := v.([]any); return ok }
func in(words ...string) func(any) bool {
	return func(v any) bool { s, ok := v.(string); return ok && slices.Contains(words, s) }
}

// obeys checks an object's fields: none unknown, each of its kind, the needed there.
func obeys(m map[string]any, rule map[string]func(any) bool, need ...string) error {
	for k, v := range m {
		if rule[k] == nil {
			return fmt.Errorf("there is no field %q", k)
		}
		if !rule[k](v) {
			return fmt.Errorf("the field %q cannot be %v", k, v)
		}
	}
	for _, k := range need {
		if _, ok := m[k]; !ok {
			return fmt.Errorf("the field %q is missing", k)
		}
	}
	return nil
}

// GitHub Classroom: what the reporter reads, and its two scores agree.
// https://github.com/classroom-resources/autograding-grading-reporter
func checkClassroom(s *Sheet) error {
	name, value, _ := strings.Cut(ClassroomOutput(s), "=")
	if name != "result" || strings.Count(value, "\n") != 1 {
		return fmt.Errorf("classroom: expected one line result=…, found %.100q", value)
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, "\n"))
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	if err := obeys(got, map[string]func(any) bool{"version": isNumber, "status": in("pass", "fail", "error"), "max_score": isNumber, "tests": isList},
		"version", "status", "max_score", "tests"); err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	tests := got["tests"].([]any)
	passed, sum := 0.0, 0.0
	for _, x := range tests {
		m := x.(map[string]any)
		if err := obeys(m, map[string]func(any) bool{
			"name": isText, "status": in("pass", "fail", "error"), "score": isNumber, "message": isText, "test_code": isText, "filename": isText, "line_no": isNumber, "duration": isNumber,
		}, "name", "status", "score", "message", "test_code", "filename", "line_no", "duration"); err != nil {
			return fmt.Errorf("classroom: %w", err)
		}
		if m["status"] == "pass" {
			passed++
		}
		sum += m["score"].(float64)
	}
	if most := got["max_score"].(float64); sum != passed/float64(len(tests))*most || len(tests) != len(s.Tests) {
		return fmt.Errorf("classroom: the sum is %v, the share %v of %v", sum, passed, most)
	}
	if (got["status"] == "pass") != (s.State == Graded && s.Passed() == len(s.Tests)) {
		return fmt.Errorf("classroom: the status is %v", got["status"])
	}
	if strings.Contains(string(b), "story") {
		return errors.New("classroom: a hidden test tells its story")
	}
	return nil
}

// GitHub Actions: each line is one command as the runner reads it, of at most ten
// of a kind, and says what the sheet says.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
func checkAnnotations(sheets ...*Sheet) error {
	var b bytes.Buffer
	if err := WriteAnnotations(&b, "lab", sheets); err != nil {
		return err
	}
	count := make(map[string]int)
	for l := range strings.Lines(b.String()) {
		c, ok := readCommand(strings.TrimSuffix(l, "\n"))
		if !ok || !slices.Contains([]string{"error", "warning", "notice"}, c.name) {
			return fmt.Errorf("annotations: not a command: %.200q", l)
		}
		for p, v := range c.props {
			if !slices.Contains([]string{"file", "line", "col", "title"}, p) || strings.ContainsAny(v, "\r\n\x00") {
				return fmt.Errorf("annotations: the property %q of %.200q", p, l)
			}
		}
		if f, ok := c.props["file"]; ok && !strings.HasPrefix(f, "lab") {
			return fmt.Errorf("annotations: a file outside the folder: %q", f)
		}
		if len(c.data) > 5<<10 {
			return fmt.Errorf("annotations: a message of %d bytes", len(c.data))
		}
		count[c.name]++
	}
	for name, n := range count {
		if n > maxAnnotations {
			return fmt.Errorf("annotations: %d of %s", n, name)
		}
	}
	if s := sheets[0]; len(sheets) == 1 && s.Student == "" && s.State == Graded && (count["error"] != 2 || count["notice"] != 1) {
		return fmt.Errorf("annotations: %v in\n%.2000s", count, b.String())
	}
	return nil
}

type command struct {
	name  string
	props map[string]string
	data  string
}

// readCommand reads a workflow command by the runner's rules: leading spaces go,
// the second :: ends the properties, which stand between commas.
func readCommand(l string) (*command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(l, " \t"), "::")
	if !ok {
		return nil, false
	}
	info, data, ok := strings.Cut(rest, "::")
	if !ok {
		return nil, false
	}
	name, list, _ := strings.Cut(info, " ")
	c := &command{name: name, props: map[string]string{}}
	for _, p := range strings.Split(list, ",") {
		if k, v, ok := strings.Cut(p, "="); ok {
			for _, e := range [][2]string{{"%0D", "\r"}, {"%0A", "\n"}, {"%3A", ":"}, {"%2C", ","}, {"%25", "%"}} {
				v = strings.ReplaceAll(v, e[0], e[1])
			}
			c.props[k] = v
		} else if p != "" {
			return nil, false
		}
	}
	for _, e := range [][2]string{{"%0D", "\r"}, {"%0A", "\n"}, {"%25", "%"}} {
		data = strings.ReplaceAll(data, e[0], e[1])
	}
	c.data = data
	return c, true
}

// What is escaped comes back whole.
func TestAnnotationsComeBack(t *testing.T) {
	for _, s := range hostile {
		if len(s) > 150 {
			continue
		}
		a := annotation{level: "error", title: s, message: s, file: "lab/" + s, line: 3}
		c, ok := readCommand(strings.TrimSuffix(a.command(), "\n"))
		if !ok || c.data != plain(s) || c.props["file"] != line("lab/"+s) || c.props["title"] != line(s) {
			t.Errorf("%q came back as %+v", s, c)
		}
	}
}

var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM))

// Markdown: it has the headings, tables, blocks and rows that the sheet asks for,
// no link, no picture, and no HTML but our own.
func checkMarkdown(s *Sheet) error {
	var b bytes.Buffer
	if err := WriteMarkdown(&b, s); err != nil {
		return err
	}
	headings, rows, err := readMarkdown(b.Bytes())
	if err != nil {
		return fmt.Errorf("markdown: %w\n%.3000s", err, b.String())
	}
	want := 1
	if s.State == Graded && s.Tests[1].Story != "" {
		want = 2
	}
	if headings != want {
		return fmt.Errorf("markdown: expected %d headings, found %d\n%.3000s", want, headings, b.String())
	}
	// Parts, tests that are not hidden, facts; each table has a row of heads.
	if want := 1 + 2 + 1 + 3 + 1 + len(s.Facts); s.State == Graded && rows != want {
		return fmt.Errorf("markdown: expected %d rows, found %d\n%.3000s", want, rows, b.String())
	}
	if strings.Contains(b.String(), "hard/y") || strings.Contains(b.String(), "story") {
		return errors.New("markdown: a hidden test is named")
	}
	return nil
}

func readMarkdown(src []byte) (headings, rows int, err error) {
	if !utf8.Valid(src) {
		return 0, 0, errors.New("not UTF-8")
	}
	doc := gfm.Parser().Parse(text.NewReader(src))
	err = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			headings++
		case *east.TableRow, *east.TableHeader:
			rows++
			if row, ok := n.(*east.TableRow); ok && row.ChildCount() != row.Parent().FirstChild().ChildCount() {
				return ast.WalkStop, fmt.Errorf("a row has %d cells", row.ChildCount())
			}
		case *ast.Link, *ast.AutoLink, *ast.Image, *ast.Blockquote, *ast.List, *ast.ThematicBreak, *ast.CodeSpan, *east.Strikethrough, *ast.RawHTML:
			return ast.WalkStop, fmt.Errorf("a %s", n.Kind())
		case *ast.Emphasis:
			if n.Level != 2 {
				return ast.WalkStop, errors.New("emphasis")
			}
		case *ast.HTMLBlock:
			var h bytes.Buffer
			for i := range n.Lines().Len() {
				l := n.Lines().At(i)
				h.Write(l.Value(src))
			}
			tags := strings.NewReplacer("<details><summary>", "", "</summary>", "", "</details>", "").Replace(h.String())
			if strings.ContainsAny(tags, "<>") {
				return ast.WalkStop, fmt.Errorf("HTML: %.200q", h.String())
			}
		}
		return ast.WalkContinue, nil
	})
	return headings, rows, err
}

// The summary stays within what GitHub takes, however much there is.
func checkSummary(sheets ...*Sheet) error {
	for _, room := range []int{MaxSummary, 3000, 100, 0} {
		var b bytes.Buffer
		if err := WriteSummary(&b, sheets[0].Title, sheets, room); err != nil {
			return err
		}
		if b.Len() > room {
			return fmt.Errorf("summary: %d bytes, there is room for %d", b.Len(), room)
		}
		_, rows, err := readMarkdown(b.Bytes())
		if err != nil {
			return fmt.Errorf("summary: %w\n%.3000s", err, b.String())
		}
		if room == MaxSummary && len(sheets) > 1 && rows != 1+len(sheets) {
			return fmt.Errorf("summary: expected %d rows, found %d\n%.3000s", 1+len(sheets), rows, b.String())
		}
	}
	return nil
}

// A course of 5000 does not fit: what there is room for is there, and it says so.
func TestSummaryIsBounded(t *testing.T) {
	var sheets []*Sheet
	for i := range 5000 {
		s := sheetOf(strings.Repeat("<&|`", 100), Unfit)
		s.Student = fmt.Sprintf("student%04d", i)
		sheets = append(sheets, s)
	}
	var b bytes.Buffer
	if err := WriteSummary(&b, "course", sheets, MaxSummary); err != nil {
		t.Fatal(err)
	}
	if b.Len() > MaxSummary || b.Len() < MaxSummary*9/10 || !strings.Contains(b.String(), english.tooLong) {
		t.Errorf("%d bytes", b.Len())
	}
}

// A build that fails is annotated where it fails, and counts as nothing.
func TestBuildErrorsAreAnnotated(t *testing.T) {
	err := &build.Error{Kind: build.Compile, Problems: []build.Problem{{File: "raft/raft.go", Line: 7, Col: 3, Reason: "undefined: x"}}}
	lab, e := grader.OpenLab(nil)
	if e != nil {
		t.Fatal(e)
	}
	s := OfError(err, lab, report.Options{Lang: "en"})
	if s.State != Unfit || s.Max != 100 || s.Final != 0 || len(s.Tests) < 50 {
		t.Errorf("%+v", s)
	}
	var b bytes.Buffer
	if err := WriteAnnotations(&b, "student", []*Sheet{s}); err != nil {
		t.Fatal(err)
	}
	if want := "::error file=student/raft/raft.go,line=7,col=3,title=does not build::undefined: x\n"; b.String() != want {
		t.Errorf("got  %qwant %q", b.String(), want)
	}
	c := newChecker(t)
	if err := c.checkJUnit(s); err != nil {
		t.Error(err)
	}
	if err := checkGradescope(s); err != nil {
		t.Error(err)
	}
}

// Both languages have every word, with the same arguments.
func TestMessagesAreComplete(t *testing.T) {
	en, zh := fields(english), fields(chinese)
	if len(en) < 20 {
		t.Fatalf("found %d messages", len(en))
	}
	for _, k := range slices.Sorted(maps.Keys(en)) {
		if en[k] == "" || zh[k] == "" || strings.Count(en[k], "%") != strings.Count(zh[k], "%") {
			t.Errorf("%s: %q, %q", k, en[k], zh[k])
		}
	}
}

// libxml2 reads our schema, and the JUnit files, as we do, where it is there.
func TestJUnitByXmllint(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint here")
	}
	for _, s := range hostile {
		var b bytes.Buffer
		if err := WriteJUnit(&b, s, []*Sheet{sheetOf(s, Graded), sheetOf(s, Unfit)}); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(lint, "--noout", "--schema", "testdata/junit.xsd", "-")
		cmd.Stdin = &b
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%.50q: %v\n%s", s, err, out)
		}
	}
}

func fields(m messages) map[string]string {
	out := make(map[string]string)
	v := reflect.ValueOf(m)
	for i := range v.NumField() {
		out[v.Type().Field(i).Name] = v.Field(i).String()
	}
	return out
}

// A failure is told once on a student's page: not in a heading, in a paragraph,
// and in the story's own heading.
func TestMarkdownTellsEachFailureOnce(t *testing.T) {
	const message = "two leaders in term 2: server 1, and now server 2 says so"
	story := func(id string) string {
		return "\n── " + id + " ──── safety ──\n\n  Election Safety, §5.2\n  two leaders in term 2: server 1, and now\n  server 2 says so\n  seed 1\n"
	}
	s := &Sheet{Student: "ann", Lang: "en", Verdict: "graded", Points: 1, Max: 4, Final: 1, Tests: []Test{
		{Part: "a", Name: "x", Status: grader.Failed, Max: 1, Property: "Election Safety", Message: message, Story: story("a/x")},
		{Part: "a", Name: "y", Status: grader.Failed, Max: 1, Property: "Election Safety", Message: message, Story: story("a/y")},
		{Part: "a", Name: "z", Status: grader.Failed, Max: 1, Property: "Log Matching", Message: "what the story lacks", Story: "the story"},
	}}
	var b strings.Builder
	if err := WriteMarkdown(&b, s); err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(b.String(), "\n## ") // after the tables
	for text, want := range map[string]int{message: 0, "server 2 says so": 2, "seed 1": 2, "what the story lacks": 1, "──": 0, "a/x: ": 1, "a/y: ": 1} {
		if n := strings.Count(page, text); n != want {
			t.Errorf("%q stands %d times after the tables, expected %d:\n%s", text, n, want, page)
		}
	}
}
