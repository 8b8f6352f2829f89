package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// cli is one run of the command: where it writes, and its flags.
type cli struct {
	stdout, stderr io.Writer
	t              *texts

	lang, color, lab, run  string
	html, save             string
	formats                []string
	again                  string // the command that repeats what is shown, if not a test's run
	seed                   uint64
	seeds, workers, hints  int
	json, verbose, budgets bool
	profile, raft          string

	core bool // the consensus core is graded
	// onlyRaft: it is a run of the Raft lab, whatever else the folder holds.
	onlyRaft bool
	dir      string   // the folder named, "" if none was
	code     *os.Root // the student's folder, to quote from; nil if there is none
}

func newCLI(args []string, stdout, stderr io.Writer) *cli {
	c := &cli{stdout: stdout, stderr: stderr, lang: langOf(args, os.Getenv)}
	c.t = textsIn(c.lang)
	return c
}

// langOf finds the language before the flags are read, since the help is in it:
// the --lang flag, or the locale.
func langOf(args []string, env func(string) string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	if strings.HasPrefix(locale(env), "zh") {
		return "zh"
	}
	return "en"
}

// locale is the value that counts of the locale's variables.
func locale(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := env(name); v != "" {
			return v
		}
	}
	return ""
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "grade [PART...] [flags] [DIR]",
		Short: c.t.short, Long: c.t.long, Example: c.t.examples,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Name() == cobra.ShellCompRequestCmd {
				return nil // the flags are half written
			}
			return c.checkFlags()
		},
		ValidArgsFunction: c.completeParts,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.grade(cmd, args, false) },
	}
	c.gradeFlags(root)
	c.formatFlag(root)
	c.showFlags(root)
	root.Flags().SortFlags = false
	root.PersistentFlags().SortFlags = false
	root.SetUsageTemplate(c.t.template)
	root.PersistentFlags().BoolP("help", "h", false, c.t.flagHelp)
	root.AddCommand(c.initCommand(), c.buildCommand(), c.listCommand(), c.referenceCommand(), c.viewCommand(), c.vetCommand(), c.raceCommand(), c.huntCommand(), c.replayCommand(), c.soakCommand(), c.watchCommand(), c.labCommand(), c.versionCommand(), c.exitCodesTopic())
	root.AddCommand(c.gradescopeZipCommand(), c.gradescopeRunCommand())
	root.AddCommand(c.batchCommand(), c.workerCommand(), c.mergeCommand(), c.verifyCommand(), c.gradingCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, sub := range root.Commands() {
		if s := c.t.builtin[sub.Name()]; s != "" {
			sub.Short = s
		}
	}
	return root
}

// gradeFlags are the flags of a grading.
func (c *cli) gradeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.run, "run", "", c.t.flagRun)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	f.IntVar(&c.seeds, "seeds", 0, c.t.flagSeeds)
	f.BoolVarP(&c.verbose, "verbose", "v", false, c.t.flagVerbose)
	f.IntVar(&c.hints, "hints", 2, c.t.flagHints)
	f.BoolVar(&c.budgets, "budgets", false, c.t.flagBudgets)
	f.StringVar(&c.html, "html", "", viewTextsIn(c.lang).flagHTML)
	f.StringVar(&c.save, "save", "", huntTextsIn(c.lang).flagSaveTest)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	c.profileFlag(cmd)
	c.raftFlag(cmd)
	complete(cmd, "run", c.completeTests)
}

// showFlags are the flags of every command that shows something.
func (c *cli) showFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&c.lab, "lab", "", c.t.flagLab)
	f.BoolVar(&c.json, "json", false, c.t.flagJSON)
	f.StringVar(&c.lang, "lang", c.lang, c.t.flagLang)
	f.Lookup("lang").DefValue = "" // it depends on the system
	f.StringVar(&c.color, "color", "auto", c.t.flagColor)
	complete(cmd, "lang", fixed("en", "zh"))
	complete(cmd, "color", fixed("auto", "always", "never"))
	if err := cmd.MarkPersistentFlagDirname("lab"); err != nil {
		panic(err) // the flag stands above
	}
}

func (c *cli) checkFlags() error {
	switch {
	case c.lang != "en" && c.lang != "zh":
		return fmt.Errorf(c.t.badChoice, "--lang", "en, zh", c.lang)
	case c.color != "auto" && c.color != "always" && c.color != "never":
		return fmt.Errorf(c.t.badChoice, "--color", "auto, always, never", c.color)
	case !grader.Raft(c.raft).Known():
		return fmt.Errorf(c.t.badChoice, "--raft", strings.Join(grader.Rafts(), ", "), c.raft)
	case c.seeds < 0 || c.seeds > maxSeeds:
		return fmt.Errorf(c.t.badNumber, "--seeds", 1, maxSeeds, c.seeds)
	case c.workers < 0 || c.workers > maxWorkers:
		return fmt.Errorf(c.t.badNumber, "--workers", 1, maxWorkers, c.workers)
	case c.hints < 0:
		return fmt.Errorf(c.t.badNumber, "--hints", 0, 9, c.hints)
	}
	return nil
}

// Limits of what may be asked for: beyond them it is a slip of the finger.
const (
	maxSeeds   = 1_000_000
	maxWorkers = 1024
)

// report makes a Report that writes to w.
func (c *cli) report(w io.Writer) *report.Report {
	o := report.Options{
		Lang: c.lang, Width: terminalWidth(w), Color: c.colored(w), ASCII: !unicodeTerminal(os.Getenv),
		Verbose: c.verbose, Budgets: c.budgets, Hints: c.hints, Replay: c.replay,
	}
	if c.code != nil {
		o.Code = c.code.FS()
	}
	return report.New(w, o)
}

// openLab reads the lab asked for: a folder, or one of labs.Names. The file system is nil for the built-in one.
func (c *cli) openLab(dir string) (*script.Lab, fs.FS, error) {
	var files fs.FS
	if own, ok := labs.Named(dir); ok {
		if files = own; dir == "raft" {
			files = nil
		}
	} else if dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, nil, fmt.Errorf(c.t.noLab, dir)
		}
		files = os.DirFS(dir)
	}
	lab, err := grader.OpenLab(files)
	if err != nil {
		return nil, nil, noVerdict{err}
	}
	return lab, files, nil
}

// options says what is to be graded: the folder in args, or the consensus core.
func (c *cli) options(args []string, core bool) (grader.Options, error) {
	if c.lab == "" && !core && !c.onlyRaft {
		c.recognise(args)
	}
	lab, files, err := c.openLab(c.lab)
	if err != nil {
		return grader.Options{}, err
	}
	parts, dir, err := c.sortArgs(lab, args)
	if err != nil {
		return grader.Options{}, err
	}
	if core && dir != "" {
		return grader.Options{}, fmt.Errorf(c.t.noFolder, dir)
	}
	pattern, err := c.pattern(lab)
	if err != nil {
		return grader.Options{}, err
	}
	o := grader.Options{
		Dir: dir, Core: core, Profile: c.profile, OnCore: grader.Raft(c.raft).OnCore(), Lab: files, Parts: parts, Run: pattern,
		Seed: c.seed, Seeds: c.seeds, Workers: c.workers, Lang: c.lang, CacheDir: cacheDir(),
	}
	c.core, c.dir = core, dir
	if !core {
		if o.Dir == "" {
			o.Dir = "."
		}
		c.code, _ = os.OpenRoot(o.Dir) // without it nothing is quoted
	}
	return o, nil
}

// grade runs the tests: on the folder in args, or on the consensus core.
func (c *cli) grade(cmd *cobra.Command, args []string, core bool) error {
	o, err := c.options(args, core)
	if err != nil {
		return err
	}
	outs, err := c.outputs()
	if err != nil {
		return err
	}
	var pic *picture
	if c.html != "" {
		pic = newPicture(&o, false)
	}
	var saved []string
	if c.save != "" {
		o.Save = c.saver(c.save, &saved)
	}
	run := c.start(&o)
	defer run.Stop()
	res, err := grader.Grade(cmd.Context(), o)
	if err != nil {
		run.Stop()
		if report.CauseOf(err) == report.Interrupt && !c.json {
			run.Interrupted()
			return exitWith(exitInterrupted)
		}
		if cause := report.CauseOf(err); cause != report.Interrupt && cause != report.Usage {
			if err := c.write(outs, nil, err); err != nil {
				return err
			}
		}
		return noVerdict{err}
	}
	run.Result(res)
	if err := c.write(outs, res, nil); err != nil {
		return err
	}
	for _, file := range saved {
		fmt.Fprintf(c.people(), huntTextsIn(c.lang).saved, file)
	}
	if c.json {
		c.stdout.Write(res.JSON())
	}
	if pic != nil {
		if err := c.writeTaken(pic, c.html); err != nil {
			return err
		}
	}
	return verdict(res)
}

// people is where texts go: nowhere if the result is wanted as JSON.
func (c *cli) people() io.Writer {
	if c.json {
		return io.Discard
	}
	return c.stdout
}

// start begins the report of a grading with o: its progress, and its tests as
// they end unless the result is wanted as JSON.
func (c *cli) start(o *grader.Options) *report.Run {
	run := c.report(c.people()).Start(c.stderr, isTerminal(c.stderr), isTerminal(c.stdout))
	o.Progress = run.Progress
	return run
}

// replay is the command that repeats a test's first failing run.
func (c *cli) replay(t *grader.TestResult) string {
	if c.again != "" {
		return c.again
	}
	words := []string{"grade"}
	if c.core {
		words = append(words, "reference")
	}
	words = append(words, "--run", t.Part+"/"+t.Name, "--seed", strconv.FormatUint(t.Failure.Seed, 10), "--seeds", "1")
	return c.same(strings.Join(words, " "))
}

// same adds to a command what was graded: the lab, how it is laid out, on which
// Raft, and the folder.
func (c *cli) same(command string) string {
	if c.lab != "" {
		command += " --lab " + quote(c.lab)
	}
	if c.profile != "" {
		command += " --profile " + c.profile
	}
	command += grader.Raft(c.raft).Flag()
	if c.dir != "" {
		command += " " + quote(c.dir)
	}
	return command
}

// quote makes s one word of a shell.
func quote(s string) string {
	if !strings.ContainsAny(s, " \t\n'\"$`*?[]{}()<>|&;!#~") {
		return s
	}
	if runtime.GOOS == "windows" {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func verdict(res *grader.Result) error {
	switch res.Status {
	case grader.Passed:
		return nil
	case grader.Failed:
		return exitWith(exitFailed)
	}
	return exitWith(exitInternal)
}

// sortArgs tells parts of the lab from the folder.
func (c *cli) sortArgs(lab *script.Lab, args []string) (parts []string, dir string, err error) {
	for _, arg := range args {
		part := partNamed(lab, arg)
		info, statErr := os.Stat(arg)
		switch {
		case part != nil && statErr == nil && info.IsDir():
			return nil, "", fmt.Errorf(c.t.ambiguous, arg, "."+string(filepath.Separator)+arg, part.Name)
		case part != nil:
			parts = append(parts, arg) // a name of the course's says more than the part's own
		case arg == "":
			return nil, "", errors.New(c.t.emptyArg)
		case statErr == nil && !info.IsDir():
			return nil, "", fmt.Errorf(c.t.isFile, arg, filepath.Dir(arg))
		case statErr != nil:
			return nil, "", fmt.Errorf(c.t.neither, arg, partNames(lab), c.meant(lab, arg))
		case dir != "":
			return nil, "", fmt.Errorf(c.t.twoFolders, dir, arg)
		default:
			dir = arg
		}
	}
	return parts, dir, nil
}

func partNamed(lab *script.Lab, name string) *script.Part {
	for _, p := range lab.Parts {
		if p.Is(name) {
			return p
		}
	}
	return nil
}

func partNames(lab *script.Lab) string {
	var names []string
	for _, p := range lab.Parts {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// meant proposes a part or a command in place of a word that is neither.
func (c *cli) meant(lab *script.Lab, word string) string {
	words := []string{"init", "list", "reference", "view", "vet", "race", "hunt", "replay", "soak", "watch", "batch", "merge", "verify", "gradescope-zip", "lab", "version", "help", "completion"}
	for _, p := range lab.Parts {
		words = append(words, p.Name)
	}
	for _, w := range words {
		if near(strings.ToLower(word), w) {
			return fmt.Sprintf(c.t.didYouMean, w)
		}
	}
	for _, p := range lab.Parts {
		for _, t := range p.Tests {
			if strings.EqualFold(word, t.Name) || strings.EqualFold(word, p.Name+"/"+t.Name) {
				return fmt.Sprintf(c.t.didYouMean, "--run "+p.Name+"/"+t.Name)
			}
		}
	}
	return ""
}

// near says whether one slip of a finger makes a into b: a letter too many, too
// few, another one, or two swapped.
func near(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	x, y := a[i:], b[i:]
	switch {
	case x == y:
		return true
	case len(x) == len(y):
		return x[1:] == y[1:] || len(x) > 1 && x[0] == y[1] && x[1] == y[0] && x[2:] == y[2:]
	case len(x) == len(y)+1:
		return x[1:] == y
	case len(x)+1 == len(y):
		return x == y[1:]
	}
	return false
}

// pattern is what --run asks for. A test's full name means that test alone;
// anything else is a regular expression in which case does not matter.
func (c *cli) pattern(lab *script.Lab) (*regexp.Regexp, error) {
	if c.run == "" {
		return nil, nil
	}
	for _, p := range lab.Parts {
		for _, t := range p.Tests {
			if part, name, ok := strings.Cut(c.run, "/"); ok && p.Is(part) && strings.EqualFold(name, t.Name) {
				return regexp.MustCompile("^" + regexp.QuoteMeta(p.Name+"/"+t.Name) + "$"), nil
			}
		}
	}
	re, err := regexp.Compile("(?i)" + c.run)
	if err != nil {
		return nil, fmt.Errorf(c.t.badPattern, c.run, err)
	}
	return re, nil
}

func (c *cli) close() {
	if c.code != nil {
		c.code.Close()
	}
}

// cacheDir is where compiled modules are kept, "" if the system names no place.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "raftlab")
}
