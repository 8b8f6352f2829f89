package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/labs"
)

// verifyTexts are what grade merge and grade verify say in one language.
type verifyTexts struct {
	mergeShort, mergeLong   string
	merged                  string // records
	verifyShort, verifyLong string
	same                    string // hash
	differs                 string // differences
	other                   string
	needFolder              string // file
	noResult                string // file, error
	left                    string // tests
	wrongName               string // file, key
}

var verifyEnglish = verifyTexts{
	mergeShort: "Put the results of shards together",
	mergeLong: `merge copies the records of other results folders (shards of one batch, graded
with --shard on other machines) into the one of --out, and writes the grade book.
It refuses shards that were graded otherwise, and records that contradict each other.`,
	merged:      "%d records came in\n\n",
	verifyShort: "Grade again, and compare every trace hash",
	verifyLong: `verify grades the submission behind a result again, with the seeds and limits that
the result names, and says whether every trace hash, status and point is the same.

RESULT.json is a record of a batch (results/records/KEY.json; its submission lies in
the results folder), a file saved from the page, or what grade --json printed; then
name the folder too. Exit code 0: the same; 1: something differs.`,
	same:       "The same: every trace hash agrees, in all %s.\n",
	differs:    "Not the same:\n\n",
	other:      "It was graded otherwise, so a difference need not mean that anything is wrong:\n\n",
	needFolder: "%s does not say where the submission lies: name its folder, grade verify %s DIR",
	noResult:   "%s: expected a record of a batch or the output of grade --json: %v",
	left:       "%d tests are not in the result, so they were not compared.\n",
	wrongName:  "%s: expected the record of the key that its name says, found that of %s: somebody has renamed or altered it",
}

var verifyChinese = verifyTexts{
	mergeShort: "把各份额的结果合在一起",
	mergeLong: `merge 把别的结果文件夹（同一批次的份额，在别的机器上用 --shard 评的）里的记录
复制到 --out 的文件夹，并写出成绩册。以别的方式评出的份额、互相矛盾的记录都会被拒绝。`,
	merged:      "收入 %d 条记录\n\n",
	verifyShort: "重新评分，并比较每个 trace 的哈希",
	verifyLong: `verify 用结果里写明的种子和限度，为结果背后的提交重新评分，并说明每个 trace 的
哈希、状态和分数是否相同。

RESULT.json 是批次的一条记录（results/records/KEY.json，提交就在结果文件夹里）、从网页保存的文件，或
grade --json 的输出；后者还要给出文件夹。退出码 0：相同；1：有不同之处。`,
	same:       "相同：每个 trace 的哈希都一致，%s。\n",
	differs:    "不相同：\n\n",
	other:      "当时的评分方式不同，因此有不同之处未必说明有问题：\n\n",
	needFolder: "%s 没有说明提交在哪里：请给出它的文件夹，grade verify %s DIR",
	noResult:   "%s：应为批次的一条记录，或 grade --json 的输出：%v",
	left:       "结果里没有另外 %d 个测试，所以没有比较它们。\n",
	wrongName:  "%s：应为文件名所指的 key 的记录，实为 %s 的：有人改了名字或内容",
}

func verifyTextsIn(lang string) *verifyTexts {
	if lang == "zh" {
		return &verifyChinese
	}
	return &verifyEnglish
}

func (c *cli) mergeCommand() *cobra.Command {
	t, bt := verifyTextsIn(c.lang), batchTextsIn(c.lang)
	var out, course, formats string
	cmd := &cobra.Command{
		Use: "merge --out DIR SHARD...", Short: t.mergeShort, Long: t.mergeLong, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return c.merge(out, course, formats, args) },
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", bt.flagOut)
	cmd.Flags().StringVar(&course, "course", "", bt.flagCourse)
	cmd.Flags().StringVar(&formats, "format", "", formatTextsIn(c.lang).flagBatch)
	return cmd
}

func (c *cli) merge(out, courseFile, formatNames string, shards []string) error {
	if out == "" {
		return errors.New(batchTextsIn(c.lang).noOut)
	}
	formats, err := c.batchFormats(formatNames)
	if err != nil {
		return err
	}
	course, lab, err := c.course(courseFile)
	if err != nil {
		return err
	}
	store, err := batch.OpenStore(out)
	if err != nil {
		return err
	}
	n, err := batch.Merge(store, shards)
	if err != nil {
		return err
	}
	if !c.json {
		fmt.Fprintf(c.stdout, verifyTextsIn(c.lang).merged, n)
	}
	m, err := store.Manifest()
	if err != nil {
		return err
	}
	return c.batchReport(store, course, lab, batch.Count(store, m), formats)
}

func (c *cli) verifyCommand() *cobra.Command {
	t := verifyTextsIn(c.lang)
	return &cobra.Command{
		Use: "verify RESULT.json [DIR]", Short: t.verifyShort, Long: t.verifyLong, Args: c.args(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.verify(cmd.Context(), args) },
	}
}

func (c *cli) verify(ctx context.Context, args []string) error {
	t := verifyTextsIn(c.lang)
	file := args[0]
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf(t.noResult, file, err)
	}
	dir := ""
	if len(args) == 2 {
		dir = args[1]
	}
	var v *batch.Verification
	if strings.Contains(string(b[:min(len(b), 1000)]), `"submission"`) {
		v, err = c.verifyRecord(ctx, file, b, dir)
	} else {
		v, err = c.verifyResult(ctx, file, b, dir)
	}
	if err != nil {
		return err
	}
	if c.json {
		if err := writeJSON(c.stdout, v); err != nil {
			return err
		}
	} else {
		if len(v.Other) > 0 {
			fmt.Fprint(c.stdout, t.other)
			list(c, v.Other)
		}
		if v.Same {
			fmt.Fprintf(c.stdout, t.same, v.Is)
		} else {
			fmt.Fprint(c.stdout, t.differs)
			list(c, v.Differences)
		}
		if v.Left > 0 {
			fmt.Fprintf(c.stdout, t.left, v.Left)
		}
	}
	if !v.Same {
		return exitWith(exitFailed)
	}
	return nil
}

func list(c *cli, lines []string) {
	const most = 20
	for i, l := range lines {
		if i == most {
			fmt.Fprintf(c.stdout, "  ... +%d\n", len(lines)-most)
			break
		}
		fmt.Fprintf(c.stdout, "  %s\n", printable(l))
	}
	fmt.Fprintln(c.stdout)
}

// verifyRecord grades the submission of a batch's record again.
func (c *cli) verifyRecord(ctx context.Context, file string, b []byte, dir string) (*batch.Verification, error) {
	t := verifyTextsIn(c.lang)
	r, err := batch.ParseRecord(b)
	if err != nil {
		return nil, fmt.Errorf(t.noResult, file, err)
	}
	// A record that is consistent may still be another's: in a results folder the
	// name is what the grade book goes by.
	if stem := strings.TrimSuffix(filepath.Base(file), ".json"); stem != r.Key && filepath.Base(filepath.Dir(file)) == "records" {
		return nil, fmt.Errorf(t.wrongName, file, r.Key)
	}
	var files *batch.Files
	if dir != "" {
		files, err = batch.Take(dir)
	} else if _, statErr := os.Stat(filepath.Join(filepath.Dir(file), "..", "submissions")); statErr != nil {
		return nil, fmt.Errorf(t.needFolder, file, file)
	} else {
		var s *batch.Store
		if s, err = batch.OpenStore(filepath.Join(filepath.Dir(file), "..")); err == nil {
			files, err = s.Submission(r.Submission)
		}
	}
	if err != nil {
		return nil, err
	}
	lab, err := batch.OpenLab(c.lab)
	if err != nil {
		return nil, noVerdict{err}
	}
	release, err := build.Release(ctx, build.Options{})
	if err != nil {
		return nil, noVerdict{err}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, noVerdict{err}
	}
	v, err := batch.Verify(ctx, []string{self, gradingName}, r, files, lab, release)
	if err != nil {
		return nil, noVerdict{err}
	}
	return v, nil
}

// verifyResult grades a folder again and compares it with what grade --json said.
func (c *cli) verifyResult(ctx context.Context, file string, b []byte, dir string) (*batch.Verification, error) {
	t := verifyTextsIn(c.lang)
	was, code, err := grader.ParseSubmission(b)
	if err != nil {
		return nil, fmt.Errorf(t.noResult, file, err)
	}
	name := c.lab
	if _, ok := labs.Named(was.Lab); ok && name == "" {
		name = was.Lab
	}
	_, lab, err := c.openLab(name)
	if err != nil {
		return nil, err
	}
	o := grader.Options{Dir: dir, Core: was.Subject == "core", Lab: lab, Lang: c.lang, CacheDir: cacheDir()}
	switch {
	case dir != "" || o.Core:
	case code != nil: // the page's file brings its folder
		o.Dir, o.Files = ".", code
	default:
		return nil, fmt.Errorf(t.needFolder, file, file)
	}
	v, err := batch.VerifyResult(ctx, o, was)
	if err != nil {
		return nil, noVerdict{err}
	}
	return v, nil
}
