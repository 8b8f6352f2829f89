package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
)

func (c *cli) replayCommand() *cobra.Command {
	t := huntTextsIn(c.lang)
	var shrink string
	cmd := &cobra.Command{
		Use: "replay FILE [DIR] [flags]", Short: t.replayShort, Long: t.replayLong, Example: t.replayExamples,
		Args: c.args(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.replayFile(cmd, args[0], args[1:], shrink) },
	}
	f := cmd.Flags()
	f.StringVar(&shrink, "shrink", "", t.flagShrink)
	c.raftFlag(cmd)
	f.BoolVarP(&c.verbose, "verbose", "v", false, c.t.flagVerbose)
	f.IntVar(&c.hints, "hints", 2, c.t.flagHints)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	f.SortFlags = false
	return cmd
}

// maxReplay bounds the size in bytes of a saved failure, or a world file.
const maxReplay = 64 << 20

// readFailure reads a file that grade hunt or grade --save wrote: saved is nil if
// it is a world file, whose text src is.
func (c *cli) readFailure(file string) (saved *grader.Saved, src []byte, err error) {
	t := huntTextsIn(c.lang)
	src, err = c.readLimited(file, maxReplay, t.notFile)
	if err != nil {
		return nil, nil, err
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".star":
	case ".zip":
		if saved, err = grader.ReadSaved(src); err != nil {
			return nil, nil, fmt.Errorf(t.noReplay, file, err)
		}
	default:
		return nil, nil, fmt.Errorf(t.needDir, file)
	}
	return saved, src, nil
}

// readLimited reads a regular file of at most limit bytes; absent tells, of the
// file and an error, that there is none.
func (c *cli) readLimited(file string, limit int64, absent string) ([]byte, error) {
	t := huntTextsIn(c.lang)
	switch info, err := os.Stat(file); {
	case err != nil:
		return nil, fmt.Errorf(absent, file, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf(t.needDir, file)
	case info.Size() > limit:
		return nil, fmt.Errorf(t.tooLarge, file, limit>>20)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf(absent, file, err)
	}
	return b, nil
}

// ofFailure says on what a saved failure is to run: on the folder in dirs or, if
// there is none, on the server that was saved or the current folder.
func (c *cli) ofFailure(saved *grader.Saved, file string, src []byte, dirs []string) (grader.Options, error) {
	if saved == nil || len(dirs) > 0 {
		var lab *script.Lab
		var err error
		if saved != nil {
			lab, err = saved.Tests()
		} else {
			lab, _, err = script.LoadWorld(filepath.Base(file), src)
		}
		if err != nil {
			return grader.Options{}, noVerdict{err}
		}
		c.lab, c.onlyRaft = lab.Service, lab.Service == ""
		return c.folder(dirs)
	}
	return grader.Options{Lang: c.lang, CacheDir: cacheDir(), Workers: c.workers}, nil
}

// againFile makes the command that repeats a file's failure the one that is shown.
func (c *cli) againFile(file string, dirs []string) {
	c.again = "grade replay " + quote(file)
	if len(dirs) > 0 {
		c.again += " " + quote(dirs[0])
	}
	c.again += grader.Raft(c.raft).Flag()
}

func (c *cli) replayFile(cmd *cobra.Command, file string, dirs []string, shrink string) error {
	t := huntTextsIn(c.lang)
	saved, b, err := c.readFailure(file)
	if err != nil {
		return err
	}
	o, err := c.ofFailure(saved, file, b, dirs)
	if err != nil {
		return err
	}
	out := c.people()
	c.againFile(file, dirs)
	rep := c.report(out)
	if saved != nil && len(dirs) == 0 {
		code, err := saved.Code()
		if err != nil {
			return fmt.Errorf(t.noReplay, file, err)
		}
		rep = rep.WithCode(code)
	}
	run := rep.Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	var shrinking func(actions, runs int)
	if shrink != "" {
		shrinking = func(actions, runs int) {
			run.Progress(grader.Progress{Stage: fmt.Sprintf(t.shrinking, actions, runs)})
		}
	}
	var tr *grader.TestResult
	var prey *grader.Prey
	if saved != nil {
		tr, prey, err = saved.Replay(cmd.Context(), o, shrinking)
	} else {
		tr, prey, err = replayWorld(cmd, o, file, b, shrinking)
	}
	run.Stop()
	if errors.Is(err, grader.ErrNoScript) {
		return fmt.Errorf(t.noScript, file)
	}
	if err != nil {
		return noVerdict{err}
	}
	if tr.Failure != nil {
		rep.Failure(tr)
		fmt.Fprintln(out)
	} else {
		rep.Test(tr)
		if saved != nil {
			fmt.Fprintf(out, t.passes, saved.Property)
		}
	}
	if prey != nil {
		if err := os.WriteFile(shrink, []byte(prey.Script), 0o666); err != nil {
			return fmt.Errorf(t.cannotWrite, shrink, err)
		}
		c.script(out, fmt.Sprintf(t.shrunk, prey.Was, prey.Actions), shrink, prey.Script)
	}
	if saved != nil && len(dirs) == 0 {
		c.compare(out, saved, tr.Runs[0].Hash)
	}
	if c.json {
		if err := writeJSON(c.stdout, tr); err != nil {
			return err
		}
	}
	if tr.Status == grader.Failed {
		return exitWith(exitFailed)
	}
	return nil
}

// compare says whether a run of the saved server is the one that was saved.
func (c *cli) compare(out io.Writer, saved *grader.Saved, hash string) {
	t := huntTextsIn(c.lang)
	if hash == saved.Hash {
		fmt.Fprintf(out, t.sameHash, hash)
		return
	}
	fmt.Fprintf(out, t.otherHash, hash, saved.Hash)
	if v := grader.Version(); v != saved.Grader {
		fmt.Fprintf(out, t.otherGrader, saved.Grader, v)
	}
}

func replayWorld(cmd *cobra.Command, o grader.Options, file string, src []byte, shrinking func(actions, runs int)) (*grader.TestResult, *grader.Prey, error) {
	s, err := grader.Open(cmd.Context(), o)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	return s.World(cmd.Context(), filepath.Base(file), src, shrinking)
}
