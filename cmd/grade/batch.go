package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/batch/queue"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/report/export"
)

// batchTexts are what grade batch says in one language.
type batchTexts struct {
	short, long, examples string

	flagOut, flagCourse, flagWorkers, flagShard, flagCache, flagPlayer string

	noOut, badShard    string // -; found
	read, prepare      string // done, total, student; -
	graded             string // done, total, student, verdict
	reused, left       string // gradings; time
	ended              string // students, distinct, reused, graded
	elsewhere          string // gradings
	missing            string // students
	written            string // folder, files
	interrupted        string // command
	unlimited          string
	hiddenCommandShort string
	verdicts           map[batch.Verdict]string
}

var batchEnglish = batchTexts{
	short: "Grade many submissions",
	long: `batch grades every submission in folders (a folder or an archive for each
student) or in CSV files (student,path and, if you like, name, email, commit,
folder, submitted), each in a process of its own with limits on time and memory.
None can stop the others, and each gets a result: points, or the reason why not.

The results folder is the truth: what is in it is done. A batch that was killed
goes on where it was, and equal submissions are graded once.`,
	examples: `  grade batch submissions/ --out results/
  grade batch roster.csv --course grade.toml --out results/
  grade batch submissions/ --shard 2/8 --out shard2/   one of eight machines
  grade merge --out results/ shard1/ shard2/ ...       and all together
  grade batch submissions/ --out results/ --queue nats://10.0.0.5:4222   graded by workers`,
	flagOut:            "the results folder `DIR` (needed)",
	flagCourse:         "the course file `FILE`: points, seeds, deadline, what students see",
	flagWorkers:        "`N` submissions side by side (default: one for each core)",
	flagShard:          "only the `I/N`-th share of the submissions",
	flagCache:          "keep the compiled standard library in `DIR`, not in Go's own cache",
	flagPlayer:         "write each student's first failing run as a page, feedback.html",
	noOut:              "expected a folder for the results: --out DIR",
	badShard:           "--shard: expected I/N with I from 1 to N, such as 2/8, found %q",
	read:               "reading submissions  %d/%d  %s",
	prepare:            "preparing Go's standard library",
	graded:             "%d/%d  %s: %s",
	reused:             "%d were there already",
	left:               "%s left",
	ended:              "%d students, %d distinct submissions: %d were there already, %d graded now",
	elsewhere:          "%d students belong to other shards",
	missing:            "no record yet: %s",
	written:            "Written into %s: %s",
	interrupted:        "interrupted; the same command goes on from here",
	unlimited:          "This system limits no process's memory: each grading watches its own four times a second, and its compilers have no limit. Grade strangers' code on Linux.",
	hiddenCommandShort: "Do one grading of a batch (the batch starts it)",
	verdicts: map[batch.Verdict]string{
		batch.Graded: "graded", batch.Nothing: "nothing there", batch.Unreadable: "unreadable", batch.TooBig: "too big",
		batch.Refused: "refused", batch.NoBuild: "does not build", batch.SlowBuild: "slow build", batch.TooSlow: "too slow",
		batch.OutOfSpace: "out of memory", batch.Crashed: "crashed", batch.Ungraded: "not graded",
	},
}

var batchChinese = batchTexts{
	short: "为许多份提交评分",
	long: `batch 为文件夹里的每份提交（每个学生一个文件夹或压缩包）或 CSV 文件里列出的提交
（student,path，以及可选的 name、email、commit、folder、submitted）评分。每份提交
都在自己的进程里运行，有时间和内存的限度。没有哪一份能妨碍别的，每一份都有结果：
分数，或没有分数的原因。

结果文件夹就是事实：里面有的就是做完的。被杀掉的批次会从原处继续，相同的提交只评
一次。`,
	examples: `  grade batch submissions/ --out results/
  grade batch roster.csv --course grade.toml --out results/
  grade batch submissions/ --shard 2/8 --out shard2/   八台机器之一
  grade merge --out results/ shard1/ shard2/ ...       合在一起
  grade batch submissions/ --out results/ --queue nats://10.0.0.5:4222   由 worker 评分`,
	flagOut:            "结果文件夹 `DIR`（必须给出）",
	flagCourse:         "课程文件 `FILE`：分值、种子、截止时间、学生能看到什么",
	flagWorkers:        "同时评 `N` 份提交（默认每个核一份）",
	flagShard:          "只评第 `I/N` 份额的提交",
	flagCache:          "把编译好的标准库存放在 `DIR`，而不是 Go 自己的缓存里",
	flagPlayer:         "把每个学生第一次未通过的运行写成网页 feedback.html",
	noOut:              "应给出结果文件夹：--out DIR",
	badShard:           "--shard：应为 I/N，I 从 1 到 N，例如 2/8，实为 %q",
	read:               "读取提交  %d/%d  %s",
	prepare:            "准备 Go 的标准库",
	graded:             "%d/%d  %s：%s",
	reused:             "%d 份已有结果",
	left:               "还需 %s",
	ended:              "%d 名学生，%d 份不同的提交：%d 份已有结果，这次评了 %d 份",
	elsewhere:          "%d 名学生属于别的份额",
	missing:            "还没有记录：%s",
	written:            "已写入 %s：%s",
	interrupted:        "被中断；再运行同一条命令就会从这里继续",
	unlimited:          "本系统不限制进程的内存：每次评分每秒四次检查自己的内存，其编译器没有上限。请在 Linux 上评陌生人的代码。",
	hiddenCommandShort: "做批次中的一次评分（由批次启动）",
	verdicts: map[batch.Verdict]string{
		batch.Graded: "已评分", batch.Nothing: "没有提交", batch.Unreadable: "无法读取", batch.TooBig: "太大",
		batch.Refused: "被拒绝", batch.NoBuild: "不能构建", batch.SlowBuild: "编译太慢", batch.TooSlow: "太慢",
		batch.OutOfSpace: "内存用尽", batch.Crashed: "崩溃", batch.Ungraded: "未评分",
	},
}

func batchTextsIn(lang string) *batchTexts {
	if lang == "zh" {
		return &batchChinese
	}
	return &batchEnglish
}

// batchFlags are those of grade batch.
type batchFlags struct {
	out, course, shard, cache string
	formats                   string
	workers                   int
	player                    bool
	queue                     queueFlags
}

func (c *cli) batchCommand() *cobra.Command {
	t := batchTextsIn(c.lang)
	var f batchFlags
	cmd := &cobra.Command{
		Use: "batch DIR|ARCHIVE|CSV... --out DIR", Short: t.short, Long: t.long, Example: t.examples, Args: c.args(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.batch(cmd.Context(), &f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "out", "o", "", t.flagOut)
	fl.StringVar(&f.course, "course", "", t.flagCourse)
	fl.IntVar(&f.workers, "workers", 0, t.flagWorkers)
	fl.StringVar(&f.shard, "shard", "", t.flagShard)
	fl.BoolVar(&f.player, "player", false, t.flagPlayer)
	fl.StringVar(&f.formats, "format", "", formatTextsIn(c.lang).flagBatch)
	fl.StringVar(&f.cache, "cache", "", t.flagCache)
	c.queueFlags(cmd, &f.queue)
	fl.SortFlags = false
	return cmd
}

// gradingCommand is the process that a batch starts for each grading.
func (c *cli) gradingCommand() *cobra.Command {
	return &cobra.Command{
		Use: gradingName, Short: batchTextsIn(c.lang).hiddenCommandShort, Hidden: true, Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := batch.Serve(cmd.Context(), os.Stdin, c.stdout); err != nil {
				return noVerdict{err}
			}
			return nil
		},
	}
}

const gradingName = "batch-grading"

// course reads the course file, if one is named, and the lab: the flag's, or the
// course's.
func (c *cli) course(file string) (*batch.Course, *batch.Lab, error) {
	course := &batch.Course{}
	if file != "" {
		var err error
		if course, err = batch.ReadCourse(file); err != nil {
			return nil, nil, err
		}
	}
	dir := c.lab
	if dir == "" {
		dir = course.Lab
	}
	lab, err := batch.OpenLab(dir)
	if err != nil {
		return nil, nil, noVerdict{err}
	}
	return course, lab, nil
}

func (c *cli) batch(ctx context.Context, f *batchFlags, args []string) error {
	t := batchTextsIn(c.lang)
	if f.out == "" {
		return errors.New(t.noOut)
	}
	shard, shards, err := c.shard(f.shard)
	if err != nil {
		return err
	}
	if f.workers < 0 || f.workers > maxWorkers {
		return fmt.Errorf(c.t.badNumber, "--workers", 1, maxWorkers, f.workers)
	}
	formats, err := c.batchFormats(f.formats)
	if err != nil {
		return err
	}
	course, lab, err := c.course(f.course)
	if err != nil {
		return err
	}
	students, err := batch.FindStudents(args)
	if err != nil {
		return err
	}
	store, err := batch.OpenStore(f.out)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return noVerdict{err}
	}
	show := newBatchProgress(c, c.stderr)
	o := batch.Options{
		Students: students, Course: course, CourseFile: f.course, Lab: lab, Store: store,
		Command: []string{self, gradingName}, Workers: f.workers, Shard: shard, Shards: shards,
		GoCache: f.cache, Pictures: f.player, Progress: show.progress,
	}
	if f.queue.url != "" {
		if f.workers != 0 {
			return fmt.Errorf(queueTextsIn(c.lang).notBoth, "--workers")
		}
		where, err := c.queueOptions(&f.queue, func(e queue.Event) { show.say(c.queueEvent(e, f.queue.patience)) })
		if err != nil {
			return err
		}
		o.Elsewhere = &queue.Sender{Options: where}
	}
	if memory, _ := batch.Unlimited(); memory && o.Elsewhere == nil {
		show.say(batchTextsIn(c.lang).unlimited)
	}
	summary, err := batch.Run(ctx, o)
	show.stop()
	if q := (*queue.Error)(nil); errors.As(err, &q) {
		err = c.queueError(err)
		if !c.json && (q.Kind == queue.NoWorkers || q.Kind == queue.OnlyOthers || q.Kind == queue.Unreachable) {
			fmt.Fprintln(c.stderr, queueTextsIn(c.lang).sent)
		}
		return err
	}
	if err != nil {
		return c.batchError(err)
	}
	return c.batchReport(store, course, lab, summary, formats)
}

// batchError says what kept a batch from its end.
func (c *cli) batchError(err error) error {
	var ce *batch.CourseError
	var be *build.Error
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(c.stderr, batchTextsIn(c.lang).interrupted)
		return exitWith(exitInterrupted)
	case errors.As(err, &ce):
		return err
	case errors.As(err, &be):
		return noVerdict{err}
	}
	return noVerdict{err}
}

// batchReport writes the grade book and says what came of the batch.
func (c *cli) batchReport(store *batch.Store, course *batch.Course, lab *batch.Lab, s *batch.Summary, formats []export.Format) error {
	t := batchTextsIn(c.lang)
	book, err := batch.Report(store, course, lab.Lab, time.Now(), formats)
	if err != nil {
		return noVerdict{err}
	}
	ungraded := s.Verdicts[batch.Ungraded]
	if c.json {
		return writeJSON(c.stdout, struct {
			Out string `json:"out"`
			*batch.Summary
			Missing []string `json:"missing,omitempty"`
			Files   []string `json:"files"` // in Out; students/*/ stands for each student's
		}{store.Dir(), s, book.Missing, book.Files})
	}
	fmt.Fprintf(c.stdout, t.ended+"\n\n", s.Students, s.Distinct, s.Reused, s.Graded)
	for _, v := range []batch.Verdict{batch.Graded, batch.Nothing, batch.Unreadable, batch.TooBig, batch.Refused, batch.NoBuild, batch.SlowBuild, batch.TooSlow, batch.OutOfSpace, batch.Crashed, batch.Ungraded} {
		if n := s.Verdicts[v]; n > 0 {
			fmt.Fprintf(c.stdout, "  %5d  %s\n", n, t.verdicts[v])
		}
	}
	fmt.Fprintln(c.stdout)
	if s.Elsewhere > 0 {
		fmt.Fprintf(c.stdout, t.elsewhere+"\n", s.Elsewhere)
	} else if n := len(book.Missing); n > 0 {
		fmt.Fprintf(c.stdout, t.missing+"\n", strings.Join(book.Missing[:min(n, 10)], ", "))
	}
	fmt.Fprintf(c.stdout, t.written+"\n", store.Dir(), strings.Join(book.Files, ", "))
	if ungraded > 0 {
		return exitWith(exitInternal)
	}
	return nil
}

func (c *cli) shard(s string) (i, n int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	a, b, ok := strings.Cut(s, "/")
	i, errI := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if !ok || errI != nil || errN != nil || i < 1 || n < i || n > 10_000 {
		return 0, 0, fmt.Errorf(batchTextsIn(c.lang).badShard, s)
	}
	return i, n, nil
}

// batchProgress shows how far a batch is: a line that is redrawn on a terminal,
// a line for each grading elsewhere.
type batchProgress struct {
	c     *cli
	t     *batchTexts
	w     io.Writer
	live  bool
	mu    sync.Mutex
	shown bool
	last  batch.Progress
}

func newBatchProgress(c *cli, w io.Writer) *batchProgress {
	return &batchProgress{c: c, t: batchTextsIn(c.lang), w: w, live: isTerminal(w)}
}

func (b *batchProgress) progress(p batch.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	begins := p.Stage != b.last.Stage
	b.last = p
	var line string
	switch p.Stage {
	case "read":
		line = fmt.Sprintf(b.t.read, p.Done, p.Total, p.Student)
	case "prepare":
		line = b.t.prepare
	default:
		if p.Student == "" {
			line = fmt.Sprintf("%d/%d", p.Done, p.Total)
		} else {
			line = fmt.Sprintf(b.t.graded, p.Done, p.Total, p.Student, b.t.verdicts[p.Verdict])
		}
		if p.Reused > 0 {
			line += "  (" + fmt.Sprintf(b.t.reused, p.Reused) + ")"
		}
		if p.Left > 0 {
			line += "  " + fmt.Sprintf(b.t.left, p.Left)
		}
	}
	switch {
	case b.live:
		const bar = 20
		if p.Stage == "grade" && p.Total > 0 {
			full := bar * p.Done / p.Total
			line = "[" + strings.Repeat("=", full) + strings.Repeat(" ", bar-full) + "] " + line
		}
		width := terminalWidth(b.w)
		if width <= 0 {
			width = 80
		}
		if r := []rune(line); len(r) > width-1 {
			line = string(r[:width-1])
		}
		fmt.Fprintf(b.w, "\r\x1b[K%s", line)
		b.shown = true
	case p.Stage == "grade" && p.Student != "", begins && p.Stage != "read":
		fmt.Fprintln(b.w, line)
	}
}

// say writes a line between the others.
func (b *batchProgress) say(line string) {
	if line == "" {
		return
	}
	b.stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintln(b.w, line)
}

func (b *batchProgress) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.shown = false
	}
}

// printable makes text that a stranger had a hand in fit for a terminal's line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, s)
}
