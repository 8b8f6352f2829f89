// Command replay runs a cluster's script, read from standard input, and prints
// the hash of the run; with -o FILE it writes the trace as well. The page's
// tests compare it with what the page did, and the player's tests read its
// traces.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/raftlab/raftlab/wasm/cluster/session"
)

func main() {
	out := flag.String("o", "", "write the trace to `FILE`")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	script, err := session.ParseScript(string(text))
	if err != nil {
		return err
	}
	s, err := session.New(script)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(s.Hash())
	if out == "" {
		return nil
	}
	return os.WriteFile(out, s.Trace(), 0o644)
}
