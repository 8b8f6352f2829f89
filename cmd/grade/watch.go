package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
)

// watchTexts are what grade watch says in one language.
type watchTexts struct {
	short, long, examples, flagUntil string
	waiting                          string // folder
	changed                          string // time of day
	failing                          string // tests
	rest                             string
}

var watchEnglish = watchTexts{
	short: "Grade again whenever a file is saved, failing tests first",
	long: `watch grades the folder, and again whenever one of its Go files changes. The tests
that failed last are run first: as long as one of them fails, the others wait.
A grading under way ends when a file is saved. Ctrl-C ends watch.`,
	examples: `  grade watch                   the current folder
  grade watch election          one part, until Ctrl-C
  grade watch --until-pass 3A   ends when everything passes`,
	flagUntil: "end when everything passes",
	waiting:   "Waiting for a change in %s (Ctrl-C ends)\n",
	changed:   "Changed at %s\n",
	failing:   "First the tests that failed: %d\n",
	rest:      "They pass now. Everything:\n",
}

var watchChinese = watchTexts{
	short: "每次保存文件都重新评分，先运行失败的测试",
	long: `watch 为文件夹评分，每当其中的 Go 文件改变就再评一次。上次失败的测试先运行：只要
其中还有失败的，其余的就等着。保存文件会结束正在进行的评分。Ctrl-C 结束 watch。`,
	examples: `  grade watch                   当前文件夹
  grade watch election          一个部分，直到 Ctrl-C
  grade watch --until-pass 3A   全部通过时结束`,
	flagUntil: "全部通过时结束",
	waiting:   "等待 %s 中的改变（Ctrl-C 结束）\n",
	changed:   "%s 有改变\n",
	failing:   "先运行失败的测试：%d 个\n",
	rest:      "它们现在通过了。全部：\n",
}

func watchTextsIn(lang string) *watchTexts {
	if lang == "zh" {
		return &watchChinese
	}
	return &watchEnglish
}

func (c *cli) watchCommand() *cobra.Command {
	t := watchTextsIn(c.lang)
	until := false
	cmd := &cobra.Command{
		Use: "watch [PART...] [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples,
		ValidArgsFunction: c.completeParts,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.watch(cmd, args, until) },
	}
	c.gradeFlags(cmd)
	cmd.Flags().BoolVar(&until, "until-pass", false, t.flagUntil)
	cmd.Flags().SortFlags = false
	return cmd
}

func (c *cli) watch(cmd *cobra.Command, args []string, until bool) error {
	t := watchTextsIn(c.lang)
	o, err := c.options(args, false)
	if err != nil {
		return err
	}
	tidy := isTerminal(c.stdout)
	w := &watcher{
		look:  func() uint64 { return fingerprint(o.Dir) },
		pause: 200 * time.Millisecond,
		grade: func(ctx context.Context, only *regexp.Regexp) (*grader.Result, error) {
			o := o
			if only != nil {
				o.Run = only
			}
			return c.watchRound(ctx, o)
		},
		say: func(what event, n int) {
			if c.json {
				return
			}
			switch what {
			case changed:
				if tidy {
					fmt.Fprint(c.stdout, "\x1b[H\x1b[2J\x1b[3J")
				} else {
					fmt.Fprintln(c.stdout)
				}
				fmt.Fprintf(c.stdout, t.changed, time.Now().Format(time.TimeOnly))
			case failingFirst:
				fmt.Fprintf(c.stdout, t.failing, n)
			case theRest:
				fmt.Fprint(c.stdout, "\n"+t.rest)
			case waiting:
				fmt.Fprintf(c.stdout, "\n"+t.waiting, o.Dir)
			}
		},
		until: until,
	}
	return w.run(cmd.Context())
}

// watchRound grades once and shows the result. What the student can mend is shown
// too, and is no error.
func (c *cli) watchRound(ctx context.Context, o grader.Options) (*grader.Result, error) {
	run := c.start(&o)
	defer run.Stop()
	res, err := grader.Grade(ctx, o)
	run.Stop()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && (report.CauseOf(err) == report.Build || report.CauseOf(err) == report.Usage):
		if c.json {
			c.stdout.Write(report.ErrorJSON(err))
		} else {
			c.report(c.stdout).Error(err)
		}
		return nil, nil
	case err != nil:
		return nil, noVerdict{err}
	}
	run.Result(res)
	if c.json {
		c.stdout.Write(res.JSON())
	}
	return res, nil
}

type event int

const (
	changed event = iota
	failingFirst
	theRest
	waiting
)

// watcher grades whenever what it looks at changes.
type watcher struct {
	// look returns a number that changes when a file does.
	look  func() uint64
	pause time.Duration // between two looks
	// grade grades the tests that match, or all for nil. A nil Result means that
	// there is nothing to run: the code does not build.
	grade func(ctx context.Context, only *regexp.Regexp) (*grader.Result, error)
	say   func(what event, n int)
	until bool
}

func (w *watcher) run(ctx context.Context) error {
	var failed []string
	for {
		seen := w.look()
		all, left, err := w.round(ctx, seen, failed)
		switch {
		case errors.Is(err, errChanged):
			w.say(changed, 0)
			continue
		case ctx.Err() != nil:
			return exitWith(exitInterrupted)
		case err != nil:
			return err
		}
		failed = left
		if w.until && all && len(failed) == 0 {
			return nil
		}
		w.say(waiting, 0)
		if !w.wait(ctx, seen) {
			return exitWith(exitInterrupted)
		}
		w.say(changed, 0)
	}
}

var errChanged = errors.New("a file changed")

// round grades the tests that failed before and, if none fails now, all. It
// returns those that fail, and whether all were run.
func (w *watcher) round(ctx context.Context, seen uint64, failed []string) (all bool, left []string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if w.wait(ctx, seen) {
			cancel(errChanged)
		}
	}()
	var res *grader.Result
	if len(failed) > 0 {
		w.say(failingFirst, len(failed))
		res, err = w.grade(ctx, only(failed))
	}
	if err == nil && (len(failed) == 0 || res != nil && res.Status == grader.Passed) {
		if len(failed) > 0 {
			w.say(theRest, 0)
		}
		all = true
		res, err = w.grade(ctx, nil)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return false, failed, err
	}
	if res == nil {
		return false, failed, nil
	}
	for _, p := range res.Parts {
		for _, t := range p.Tests {
			if t.Status == grader.Failed {
				left = append(left, p.Name+"/"+t.Name)
			}
		}
	}
	return all, left, nil
}

// wait returns when what is looked at has changed and is at rest again; false if
// ctx ended first.
func (w *watcher) wait(ctx context.Context, seen uint64) bool {
	tick := time.NewTicker(w.pause)
	defer tick.Stop()
	last := seen
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := w.look()
		if now != seen && now == last {
			return true
		}
		last = now
	}
}

// only matches these tests and no others.
func only(tests []string) *regexp.Regexp {
	var quoted []string
	for _, t := range tests {
		quoted = append(quoted, regexp.QuoteMeta(t))
	}
	return regexp.MustCompile("^(?:" + strings.Join(quoted, "|") + ")$")
}

// fingerprint changes when a Go file or a go.mod below dir does: by its name, size
// or time. Looking again and again works on every system and file system, and on
// folders that are replaced as a whole, as some editors do.
func fingerprint(dir string) uint64 {
	h := fnv.New64a()
	filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went away meanwhile
		}
		if e.IsDir() {
			if p != dir && strings.HasPrefix(e.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(p) != ".go" && e.Name() != "go.mod" {
			return nil
		}
		if info, err := os.Stat(p); err == nil {
			fmt.Fprintf(h, "%s %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return h.Sum64()
}
