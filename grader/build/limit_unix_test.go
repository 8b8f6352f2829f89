//go:build unix

package build

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test's own program be a process that builds and is killed,
// and the cache of a build.
func TestMain(m *testing.M) {
	if CacheAsked() {
		if err := ServeCache(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "run-go" {
		tc := &toolchain{cmd: os.Args[2], cache: os.TempDir()}
		var o Options
		o.defaults()
		tc.lim = o.Limits
		out, _, err := tc.run(context.Background(), os.TempDir(), os.TempDir(), "build")
		fmt.Println(out, err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// deep is a go command whose compiler, a grandchild, runs for ever. All hold the
// fifo at $0.fifo open, so its reader learns when the last of them has ended.
const deep = `#!/bin/sh
exec 9>"$0.fifo"
sh -c 'echo compiling >&9; while :; do sleep 1; done' &
wait
`

// A process that is killed while it builds takes go and its compilers with it,
// and so does one that is merely told to stop.
func TestCompilersEndWithTheirParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fake := filepath.Join(dir, "go")
	if err := os.WriteFile(fake, []byte(deep), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fake+".fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kill syscall.Signal
	}{{"kill -9", syscall.SIGKILL}, {"kill", syscall.SIGTERM}} {
		parent := exec.Command(self, "run-go", fake)
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		fifo, err := os.Open(fake + ".fifo") // when the other end is open too
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(fifo)
		if line, err := in.ReadString('\n'); err != nil || line != "compiling\n" {
			t.Fatalf("%s: %q %v", c.name, line, err)
		}
		if err := parent.Process.Signal(c.kill); err != nil {
			t.Fatal(err)
		}
		parent.Wait()
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 { // returns when nobody holds the fifo
			t.Errorf("%s: %q %v", c.name, rest, err)
		}
		fifo.Close()
	}
}

// The shell around go is seen neither in its exit code nor in its output, keeps
// words as they are, and leaves no process behind.
func TestLimitedIsTransparent(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "go")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nprintf '<%s>' \"$@\"\necho oops >&2\nexit 7\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	var o Options
	o.defaults()
	tc := &toolchain{cmd: fake, cache: dir, lim: o.Limits}
	out, _, err := tc.run(t.Context(), dir, dir, "a b", "$x", "*")
	if err == nil || err.Error() != "exit status 7" || !strings.Contains(out, "<a b><$x><*>") || !strings.Contains(out, "oops") || len(out) != len("<a b><$x><*>oops\n") {
		t.Errorf("%q %v", out, err)
	}
}
