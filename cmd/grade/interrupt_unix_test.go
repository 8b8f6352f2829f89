//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C ends a grading at once, and says how far it was.
func TestInterrupt(t *testing.T) {
	keep := make(chan os.Signal, 1) // else the signals that come late would end the test
	signal.Notify(keep, os.Interrupt)
	defer signal.Stop(keep)

	var stdout, stderr bytes.Buffer
	code := make(chan int)
	go func() { code <- run([]string{"reference", "--seeds", "100000", "--lang", "en"}, &stdout, &stderr) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		case got := <-code:
			if got != exitInterrupted {
				t.Errorf("exit code %d, expected %d", got, exitInterrupted)
			}
			if !bytes.HasPrefix(stderr.Bytes(), []byte("Interrupted after ")) {
				t.Errorf("stderr: %q", stderr.String())
			}
			return
		}
	}
}
