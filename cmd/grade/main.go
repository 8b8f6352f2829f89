// Command grade grades a student's Raft server: it builds the folder, runs it as
// a cluster under a virtual clock, and says what works, what breaks, and how
// many points that is. It holds flags, colours and exit codes; all else is the
// work of package grader and the rooms below it.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
