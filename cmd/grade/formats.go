package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/report/export"
)

// formatTexts are what is said of formats for other tools, in one language.
type formatTexts struct {
	flag        string // of grade
	flagBatch   string
	unknown     string // choices, found
	noFile      string // format, format
	noVariable  string // format, variable, format
	cannotWrite string // file, error
	notWritten  string // file
	twice       string // file
}

var formatEnglish = formatTexts{
	flag:        "also write `FORMAT=FILE`: junit, gradescope, classroom, annotations, summary, markdown",
	flagBatch:   "write only these `FORMATS`, with commas between (default: all)",
	unknown:     "--format: expected one of %s, found %q",
	noFile:      "--format %s: expected a file, --format %s=FILE",
	noVariable:  "--format %s: expected a file, or GitHub's variable %s, which is not set here; write --format %s=FILE",
	cannotWrite: "--format: %s cannot be written: %v",
	notWritten:  "grade: %s is not written: what is not graded has no score\n",
	twice:       "--format: expected a file for each format, found %s twice",
}

var formatChinese = formatTexts{
	flag:        "另写 `FORMAT=FILE`：junit、gradescope、classroom、annotations、summary、markdown",
	flagBatch:   "只写这些格式 `FORMATS`，以逗号分隔（默认全部）",
	unknown:     "--format：应为 %s 之一，实为 %q",
	noFile:      "--format %s：应给出文件，--format %s=FILE",
	noVariable:  "--format %s：应给出文件，或设置 GitHub 的变量 %s，而这里没有；请写 --format %s=FILE",
	cannotWrite: "--format：无法写入 %s：%v",
	notWritten:  "grade：没有写 %s：未评分的提交没有分数\n",
	twice:       "--format：每种格式应有自己的文件，而 %s 出现了两次",
}

func formatTextsIn(lang string) *formatTexts {
	if lang == "zh" {
		return &formatChinese
	}
	return &formatEnglish
}

func (c *cli) formatFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&c.formats, "format", nil, formatTextsIn(c.lang).flag)
	var names []string
	for _, f := range export.Formats() {
		names = append(names, string(f))
	}
	complete(cmd, "format", fixed(names...))
}

// output is a format with the file that it goes to.
type output struct {
	format export.Format
	file   string
	// append says that the file is GitHub's, to which a step adds.
	append bool
}

// outputs reads the values of --format. What GitHub has a place for needs no file.
func (c *cli) outputs() ([]output, error) {
	t := formatTextsIn(c.lang)
	var list []output
	seen := make(map[string]bool)
	for _, v := range c.formats {
		name, file, _ := strings.Cut(v, "=")
		f, err := export.Parse(name)
		if err != nil {
			return nil, fmt.Errorf(t.unknown, export.Names(), name)
		}
		o := output{format: f, file: file}
		if file == "" {
			variable := map[export.Format]string{export.Summary: "GITHUB_STEP_SUMMARY", export.Classroom: "GITHUB_OUTPUT"}[o.format]
			switch {
			case variable == "" && o.format != export.Annotations:
				return nil, fmt.Errorf(t.noFile, o.format, o.format)
			case variable != "" && os.Getenv(variable) == "":
				return nil, fmt.Errorf(t.noVariable, o.format, variable, o.format)
			case variable != "":
				o.file, o.append = os.Getenv(variable), true
			}
		}
		if o.file != "" && seen[filepath.Clean(o.file)] {
			return nil, fmt.Errorf(t.twice, o.file)
		}
		seen[filepath.Clean(o.file)] = o.file != ""
		list = append(list, o)
	}
	return list, nil
}

// write writes the result, or why there is none, in the formats asked for.
func (c *cli) write(list []output, res *grader.Result, gradeErr error) error {
	if len(list) == 0 {
		return nil
	}
	t := formatTextsIn(c.lang)
	o := report.Options{Lang: c.lang, Width: 100, Verbose: true, Hints: c.hints, Replay: c.replay}
	if c.code != nil {
		o.Code = c.code.FS()
	}
	var s *export.Sheet
	if res != nil {
		s = export.Of(res, o)
	} else {
		lab, _, err := c.openLab(c.lab)
		if err != nil {
			return err
		}
		s = export.OfError(gradeErr, lab, o)
	}
	for _, out := range list {
		b, err := c.inFormat(out, s)
		switch {
		case errors.Is(err, export.ErrUngraded):
			fmt.Fprintf(c.stderr, t.notWritten, out.file)
			continue
		case err != nil:
			return noVerdict{err}
		}
		switch {
		case out.file == "" && c.json: // the runner reads both
			_, err = c.stderr.Write(b)
		case out.file == "":
			_, err = c.stdout.Write(b)
		case out.append:
			err = appendTo(out.file, b)
		default:
			err = os.WriteFile(out.file, b, 0o666)
		}
		if err != nil {
			return noVerdict{fmt.Errorf(t.cannotWrite, out.file, err)}
		}
	}
	return nil
}

func (c *cli) inFormat(out output, s *export.Sheet) ([]byte, error) {
	var b bytes.Buffer
	var err error
	sheets := []*export.Sheet{s}
	switch out.format {
	case export.JUnit:
		err = export.WriteJUnit(&b, s.Title, sheets)
	case export.Gradescope:
		err = export.WriteGradescope(&b, s)
	case export.Classroom:
		if out.append {
			return []byte(export.ClassroomOutput(s)), nil
		}
		err = export.WriteClassroom(&b, s)
	case export.Annotations:
		err = export.WriteAnnotations(&b, inRepository(c.dir, os.Getenv("GITHUB_WORKSPACE")), sheets)
	case export.Summary:
		room := int64(export.MaxSummary)
		if info, err := os.Stat(out.file); err == nil && out.append {
			room = max(0, room-info.Size())
		}
		err = export.WriteSummary(&b, s.Title, sheets, int(room))
	case export.Markdown:
		err = export.WriteMarkdown(&b, s)
	}
	return b.Bytes(), err
}

// inRepository is the graded folder's path within the repository, as GitHub
// wants it of an annotation's file.
func inRepository(dir, repository string) string {
	if repository == "" {
		return filepath.ToSlash(dir)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return filepath.ToSlash(dir)
	}
	rel, err := filepath.Rel(repository, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(dir)
	}
	return filepath.ToSlash(rel)
}

func appendTo(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// batchFormats reads --format of grade batch: none is all.
func (c *cli) batchFormats(s string) ([]export.Format, error) {
	if s == "" {
		return export.Formats(), nil
	}
	var list []export.Format
	for _, name := range strings.Split(s, ",") {
		f, err := export.Parse(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf(formatTextsIn(c.lang).unknown, export.Names(), name)
		}
		list = append(list, f)
	}
	return list, nil
}
