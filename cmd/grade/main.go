// Command grade grades a Raft: see grade --help.
//
// It holds the flags, the colours and the exit codes. What is right and wrong is
// the work of package grader, how it is told that of grader/report.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/raftlab/raftlab/grader/report"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes. `grade help exit-codes` and the README say the same.
const (
	exitPassed      = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBuild       = 3
	exitInternal    = 4
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// exitWith ends the command with a code when everything has been said.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// noVerdict is an error of the grading itself, not of the command line.
type noVerdict struct{ error }

func (e noVerdict) Unwrap() error { return e.error }

// run is the command: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the process at once
	}()

	c := newCLI(args, stdout, stderr)
	defer c.close()
	root := c.root()
	root.SetArgs(folderNamedLab(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)

	var code exitWith
	var nv noVerdict
	switch {
	case err == nil:
		return exitPassed
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &nv):
		err = nv.error
		if c.json {
			stdout.Write(report.ErrorJSON(err))
		} else {
			c.report(stderr).Error(err)
		}
		switch report.CauseOf(err) {
		case report.Usage:
			return exitUsage
		case report.Build:
			return exitBuild
		case report.Interrupt:
			return exitInterrupted
		}
		return exitInternal
	}
	if c.json || slices.Contains(args, "--json") {
		stdout.Write(report.UsageJSON(err))
	} else {
		fmt.Fprintf(stderr, "grade: %v\n\n%s\n", err, c.t.seeHelp)
	}
	return exitUsage
}

// folderNamedLab lets a folder be called lab, which many students do, though a
// command of that name exists: unless check follows, the folder is meant.
func folderNamedLab(args []string) []string {
	out := slices.Clone(args)
	for i, a := range args {
		if a != "lab" || i > 0 && (args[i-1] == "help" || args[i-1] == "--lab") || i+1 < len(args) && args[i+1] == "check" {
			continue
		}
		if info, err := os.Stat(a); err == nil && info.IsDir() {
			out[i] = "." + string(filepath.Separator) + a
		}
	}
	return out
}
