//go:build unix

package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A detector that cannot begin is told before any run; what else a program does
// when it begins is not judged here.
func TestADetectorThatCannotBeginIsTold(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"well", "exit 0", ""},
		{"memory", "echo 'FATAL: ThreadSanitizer: unexpected memory mapping 0x7f12-0x7f13' >&2; exit 66", "the race detector cannot begin to run:\nFATAL: ThreadSanitizer: unexpected memory mapping"},
		{"a panic in init", "echo 'panic: no' >&2; exit 2", ""},
		{"a race in init", "echo 'WARNING: DATA RACE' >&2; echo 'SUMMARY: ThreadSanitizer: data race' >&2; exit 66", ""},
	} {
		path := filepath.Join(t.TempDir(), "server")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		err := (&Native{Path: path, dir: filepath.Dir(path)}).begins(t.Context())
		var e *Error
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (!errors.As(err, &e) || e.Kind != Detector || !strings.Contains(e.Problems[0].Reason, c.want) || !strings.Contains(e.Problems[0].Advice, "setarch -R")):
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}
