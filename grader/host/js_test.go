//go:build !js

package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnJavaScript runs this package's tests on the engine of the page, in node:
// what ends a server, what it prints, its clocks and its fuel are alike.
func TestOnJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node")
	}
	dir := t.TempDir()
	for _, name := range []string{"probe", "raft", "badinit"} {
		if err := os.WriteFile(filepath.Join(dir, name+".wasm"), buildGuest(t, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tests := filepath.Join(dir, "host.test")
	c := exec.Command("go", "test", "-c", "-o", tests, ".")
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	// A little less stack than node's own, so that what bears it bears browsers'.
	c = exec.Command(node, "--stack-size=900", "node_js.mjs", strings.TrimSpace(string(goroot)), tests, "-test.v", "-test.short", "-test.run=^Test")
	c.Env = append(os.Environ(), "RAFTLAB_GUESTS="+dir)
	out, err := c.CombinedOutput()
	passed := strings.Count(string(out), "--- PASS")
	if err != nil || passed < 40 {
		t.Fatalf("%d passed: %v\n%s", passed, err, out)
	}
	if want := fmt.Sprintf("fuel for boot and seven requests: %d\n", fuelUsed(t)); !strings.Contains(string(out), want) {
		t.Errorf("want %s, got\n%s", want, out)
	}
	t.Logf("%d tests passed on JavaScript", passed)
}
