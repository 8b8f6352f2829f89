package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
)

// Exit codes; `grade help exit-codes` tells them.
const (
	exitPassed    = 0
	exitFailed    = 1
	exitUsage     = 2
	exitBuild     = 3
	exitInternal  = 4
	exitInterrupt = 130
)

// codeOf leads from the cause of an error to the exit code.
var codeOf = map[report.Cause]int{
	report.Usage: exitUsage, report.Build: exitBuild, report.Internal: exitInternal, report.Interrupt: exitInterrupt,
}

// ended is an error whose message has been shown; it carries the exit code.
type ended int

func (e ended) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// app is one call of the command: its streams and the flags that all commands share.
type app struct {
	ctx      context.Context
	out, err io.Writer

	lang    string
	color   string
	lab     string
	run     string
	seed    uint64
	seeds   int
	workers int
	hints   int
	json    bool
	verbose bool
	budgets bool
}

// run is the whole command. It returns the exit code.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	a := &app{ctx: ctx, out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.Execute()
	var e ended
	switch {
	case err == nil:
		return exitPassed
	case errors.As(err, &e):
		return int(e)
	}
	// What is left are mistakes in the command line, as cobra found them.
	if a.json {
		a.out.Write(report.ErrorJSON(fmt.Errorf("%w: %v", grader.ErrNoTests, err)))
	} else {
		fmt.Fprintf(errw, "grade: %v\nTry 'grade --help'.\n", err)
	}
	return exitUsage
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "grade [PART...] [DIR]",
		Short: "Grade a Raft server",
		Long: `grade builds the Raft server in DIR (default: this folder), runs it as a cluster
under a virtual clock, and says what works, what breaks, and how many points
that is. The same code and the same seed give the same result on every machine.

DIR is the folder that 'grade init' wrote, or a checkout of the MIT 6.5840 lab
of 2025. PART is a part of the lab (election, agreement, persistence, partition,
compaction, or 3A to 3D); without one, all parts are graded.`,
		Example: `  grade init raft-lab          write the skeleton of the lab
  grade election raft-lab      grade its first part
  grade --run basic            tests whose part/name matches
  grade --seed 7 --seeds 1     one run of each test, with this seed
  grade 3B ~/6.5840/src/raft1  a part by the course's own name`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(_ *cobra.Command, args []string) error {
			parts, dir, err := a.partsAndDir(args)
			if err != nil {
				return err
			}
			return a.grade(grader.Options{Dir: dir, Parts: parts}, dir)
		},
		ValidArgsFunction: func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.partNames(), cobra.ShellCompDirectiveDefault
		},
	}
	f := c.PersistentFlags()
	f.StringVar(&a.lang, "lang", language(), "language of the report: en or zh")
	f.StringVar(&a.color, "color", "auto", "colours: auto, always or never")
	f.StringVar(&a.lab, "lab", "", "folder of another lab (default: the built-in Raft lab)")
	f.BoolVar(&a.json, "json", false, "write the result as JSON")
	gradeFlags := func(c *cobra.Command) {
		f := c.Flags()
		f.StringVar(&a.run, "run", "", "only tests whose part/name matches this regular expression")
		f.Uint64Var(&a.seed, "seed", 1, "first seed")
		f.IntVar(&a.seeds, "seeds", 0, "runs of each test, with consecutive seeds (default: each test's own number)")
		f.IntVar(&a.workers, "workers", 0, "runs side by side (default: one per core)")
		f.IntVar(&a.hints, "hints", 2, "how many steps of hints to give away, 0 to 3")
		f.BoolVarP(&a.verbose, "verbose", "v", false, "every failure at full length, and the budgets")
		f.BoolVar(&a.budgets, "budgets", false, "a table of what the tests measured")
		c.RegisterFlagCompletionFunc("run", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.testNames(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	gradeFlags(c)
	ref := a.referenceCommand()
	gradeFlags(ref)
	c.AddCommand(ref, a.initCommand(), a.listCommand(), a.labCommand(), a.versionCommand(), exitCodesTopic())
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return err })
	return c
}

// language is the user's, as far as the environment tells.
func language() string {
	for _, v := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if s := os.Getenv(v); s != "" {
			if strings.HasPrefix(s, "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}

// partsAndDir tells the names of parts from the folder among the arguments.
func (a *app) partsAndDir(args []string) (parts []string, dir string, err error) {
	lab, err := a.openLab()
	if err != nil {
		return nil, "", a.fail(err)
	}
	dir = "."
	named := false
	for _, arg := range args {
		isPart := false
		for _, p := range lab.Parts {
			isPart = isPart || p.Is(arg)
		}
		st, statErr := os.Stat(arg)
		isDir := statErr == nil && st.IsDir()
		switch {
		case isPart && isDir:
			return nil, "", fmt.Errorf("%q is a part of the lab and a folder here: write ./%s for the folder", arg, arg)
		case isPart:
			parts = append(parts, arg)
		case statErr == nil && !isDir:
			return nil, "", fmt.Errorf("%s is a file: expected the folder that it is in", arg)
		case !isDir:
			return nil, "", fmt.Errorf("%q is neither a part of the lab (%s) nor a folder", arg, strings.Join(a.partNames(), ", "))
		case named:
			return nil, "", fmt.Errorf("two folders, %s and %s: expected one", dir, arg)
		default:
			dir, named = arg, true
		}
	}
	return parts, dir, nil
}

// reporter makes a Report that writes to w.
func (a *app) reporter(w io.Writer, dir string) (*report.Report, error) {
	if a.lang != "en" && a.lang != "zh" {
		return nil, fmt.Errorf("--lang: expected en or zh, found %q", a.lang)
	}
	o := report.Options{Lang: a.lang, Width: columns(), Verbose: a.verbose, Budgets: a.budgets || a.verbose, Hints: a.hints}
	switch a.color {
	case "always":
		o.Color = true
	case "never":
	case "auto":
		o.Color = terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	default:
		return nil, fmt.Errorf("--color: expected auto, always or never, found %q", a.color)
	}
	if dir != "" {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			o.Code = os.DirFS(dir)
		}
		if dir != "." {
			o.Dir = dir
		}
	}
	return report.New(w, o), nil
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func columns() int {
	n, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || n < 40 {
		return 100
	}
	return n
}

// grade runs a grading and shows it.
func (a *app) grade(o grader.Options, dir string) error {
	r, err := a.reporter(a.out, dir)
	if err != nil {
		return err
	}
	switch {
	case a.seeds < 0 || a.seeds > 100_000:
		return fmt.Errorf("--seeds: expected 1 to 100000, found %d", a.seeds)
	case a.workers < 0 || a.workers > 1024:
		return fmt.Errorf("--workers: expected 1 to 1024, found %d", a.workers)
	case a.hints < 0:
		return fmt.Errorf("--hints: expected 0 or more, found %d", a.hints)
	}
	if a.run != "" {
		if o.Run, err = regexp.Compile(a.run); err != nil {
			return fmt.Errorf("--run: expected a regular expression such as 'election/basic': %v", err)
		}
	}
	if a.lab != "" {
		o.Lab = os.DirFS(a.lab)
	}
	o.Seed, o.Seeds, o.Workers, o.Lang = a.seed, a.seeds, a.workers, a.lang
	if dir, err := os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(dir, "raftlab")
	}
	if a.json {
		res, err := grader.Grade(a.ctx, o)
		if err != nil {
			return a.fail(err)
		}
		a.out.Write(res.JSON())
		return verdict(res)
	}
	show := r.Start(a.err, terminal(a.err), terminal(a.out))
	o.Progress = show.Progress
	res, err := grader.Grade(a.ctx, o)
	if err != nil {
		if a.ctx.Err() != nil {
			show.Interrupted()
			return ended(exitInterrupt)
		}
		show.Stop()
		return a.fail(err)
	}
	show.Result(res)
	return verdict(res)
}

func verdict(res *grader.Result) error {
	if res.Status == grader.Passed {
		return nil
	}
	return ended(exitFailed)
}

// fail shows why there is no verdict, and returns the exit code for it.
func (a *app) fail(err error) error {
	if a.json {
		a.out.Write(report.ErrorJSON(err))
	} else {
		r, rerr := a.reporter(a.err, "")
		if rerr != nil {
			return rerr
		}
		r.Error(err)
	}
	return ended(codeOf[report.CauseOf(err)])
}
