package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader/batch/gradescope"
)

// gradescopeTexts are what grade gradescope-zip says in one language.
type gradescopeTexts struct {
	short, long, examples                         string
	flagOut, flagCourse, flagCommand, flagGo, sum string
	written                                       string // file, bytes
	needCommand                                   string // system
	runShort, flagCheck                           string
	graded, checked                               string
}

var gradescopeEnglish = gradescopeTexts{
	short: "Make an autograder for Gradescope",
	long: `gradescope-zip makes the zip that a programming assignment of Gradescope is set up
with: Configure Autograder, Zip file upload. It holds this command, the course file
and the lab. Building the image fetches Go from go.dev.

Points, late policy and hidden tests are the course file's; the deadline is that of
the assignment, with each student's extension, or else the course file's.`,
	examples: `  grade gradescope-zip --course grade.toml --out autograder.zip`,
	flagOut:  "write the zip to `FILE`", flagCourse: "the course file `FILE`",
	flagCommand: "the grade command for linux/amd64, `FILE` (default: this one)",
	flagGo:      "the Go `RELEASE` in the image (default: that of this command)",
	sum:         "the `SHA256` that the archive of Go must have (default: not checked)",
	written:     "%s: %d bytes. In Gradescope: Configure Autograder, Zip file upload; 1 CPU, 1.5 GB of memory.\n",
	needCommand: "this is the command for %s, Gradescope runs linux/amd64; build it and name it:\n  GOOS=linux GOARCH=amd64 CGO_ENABLED=0 go build -o grade-linux github.com/raftlab/raftlab/cmd/grade\n  grade gradescope-zip --command grade-linux ...",
	runShort:    "Grade what Gradescope has put into a folder (run_autograder starts it)",
	flagCheck:   "grade the lab's skeleton, to see that this machine can",
	graded:      "results/results.json is written\n", checked: "this machine can grade\n",
}

var gradescopeChinese = gradescopeTexts{
	short: "生成 Gradescope 的自动评分器",
	long: `gradescope-zip 生成 Gradescope 编程作业所需的 zip：Configure Autograder 里的 Zip
file upload。里面有这个命令、课程文件和实验。构建镜像时会从 go.dev 取得 Go。

分值、迟交规则和隐藏的测试来自课程文件；截止时间取作业的（含每个学生的延期），否则
取课程文件的。`,
	examples: `  grade gradescope-zip --course grade.toml --out autograder.zip`,
	flagOut:  "把 zip 写入 `FILE`", flagCourse: "课程文件 `FILE`",
	flagCommand: "linux/amd64 的 grade 命令 `FILE`（默认就是这一个）",
	flagGo:      "镜像里的 Go 版本 `RELEASE`（默认与这个命令相同）",
	sum:         "Go 压缩包应有的 `SHA256`（默认不检查）",
	written:     "%s：%d 字节。在 Gradescope 里：Configure Autograder，Zip file upload；1 个 CPU，1.5 GB 内存。\n",
	needCommand: "这是 %s 的命令，而 Gradescope 运行 linux/amd64；请先构建，再给出它：\n  GOOS=linux GOARCH=amd64 CGO_ENABLED=0 go build -o grade-linux github.com/raftlab/raftlab/cmd/grade\n  grade gradescope-zip --command grade-linux ...",
	runShort:    "为 Gradescope 放进文件夹的提交评分（由 run_autograder 启动）",
	flagCheck:   "评实验的骨架，看这台机器能否评分",
	graded:      "已写好 results/results.json\n", checked: "这台机器可以评分\n",
}

func gradescopeTextsIn(lang string) *gradescopeTexts {
	if lang == "zh" {
		return &gradescopeChinese
	}
	return &gradescopeEnglish
}

func (c *cli) gradescopeZipCommand() *cobra.Command {
	t := gradescopeTextsIn(c.lang)
	content := gradescope.Contents{Getenv: os.Getenv}
	var out string
	cmd := &cobra.Command{
		Use: "gradescope-zip --out FILE", Short: t.short, Long: t.long, Example: t.examples, Args: c.args(0, 0),
		RunE: func(*cobra.Command, []string) error { return c.gradescopeZip(&content, out) },
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "autograder.zip", t.flagOut)
	f.StringVar(&content.Course, "course", "", t.flagCourse)
	f.StringVar(&content.Command, "command", "", t.flagCommand)
	f.StringVar(&content.Go, "go", "", t.flagGo)
	f.StringVar(&content.GoSum, "go-sum", "", t.sum)
	f.SortFlags = false
	return cmd
}

func (c *cli) gradescopeZip(content *gradescope.Contents, out string) error {
	t := gradescopeTextsIn(c.lang)
	course, lab, err := c.course(content.Course)
	if err != nil {
		return err
	}
	if err := course.Fit(content.Course, lab.Lab); err != nil {
		return err
	}
	content.Lab = c.lab
	if content.Lab == "" && course.Lab != "raft" {
		content.Lab = course.Lab
	}
	if content.Go == "" {
		content.Go, _, _ = strings.Cut(runtime.Version(), " ")
	}
	if content.Command == "" {
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			return fmt.Errorf(t.needCommand, runtime.GOOS+"/"+runtime.GOARCH)
		}
		if content.Command, err = os.Executable(); err != nil {
			return noVerdict{err}
		}
	}
	var b bytes.Buffer
	if err := gradescope.Pack(&b, content); err != nil {
		return err
	}
	if err := os.WriteFile(out, b.Bytes(), 0o600); err != nil { // a secret seed may be in it
		return err
	}
	if c.json {
		return writeJSON(c.stdout, struct {
			File  string `json:"file"`
			Bytes int    `json:"bytes"`
		}{out, b.Len()})
	}
	fmt.Fprintf(c.stdout, t.written, out, b.Len())
	return nil
}

// gradescopeRunCommand is what run_autograder and setup.sh start.
func (c *cli) gradescopeRunCommand() *cobra.Command {
	t := gradescopeTextsIn(c.lang)
	var check bool
	cmd := &cobra.Command{
		Use: "gradescope-run ROOT", Short: t.runShort, Hidden: true, Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.gradescopeRun(cmd.Context(), args[0], check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, t.flagCheck)
	return cmd
}

func (c *cli) gradescopeRun(ctx context.Context, root string, check bool) error {
	t := gradescopeTextsIn(c.lang)
	self, err := os.Executable()
	if err != nil {
		return noVerdict{err}
	}
	err = gradescope.Run(ctx, gradescope.Options{Root: root, Command: []string{self, gradingName}, Now: time.Now(), Check: check})
	var not *gradescope.ErrNotGraded
	switch {
	case errors.As(err, &not):
		fmt.Fprintf(c.stderr, "grade: %v\n", err)
		return exitWith(exitInternal)
	case err != nil:
		return noVerdict{err}
	case check:
		fmt.Fprint(c.stdout, t.checked)
	default:
		fmt.Fprint(c.stdout, t.graded)
	}
	return nil
}
