package build

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Every allowed package is in the standard library, and needs none that is
// refused for what it could reach.
func TestAllowedPackages(t *testing.T) {
	c := exec.Command("go", append([]string{"list", "-deps", "-f", "{{.ImportPath}} {{.Standard}}"}, slices.Sorted(maps.Keys(allowed))...)...)
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, standard, _ := strings.Cut(strings.TrimSpace(line), " ")
		if standard != "true" {
			t.Errorf("%s is not in the standard library", path)
		}
		if path == "net" || path == "os/exec" || path == "plugin" || path == "testing" || path == "runtime/cgo" {
			t.Errorf("an allowed package needs %s", path)
		}
	}
}

// Every refusal has a reason and advice.
func TestRefusals(t *testing.T) {
	for path := range refused {
		if allowed[path] {
			t.Errorf("%s is both allowed and refused", path)
		}
	}
	for _, path := range []string{"C", "net", "net/http", "unsafe", "go/ast", "golang.org/x/sync", "example.com/a", "crypto/tls", "internal/abi", ""} {
		if ok, reason, advice := Allowed(path); ok || reason == "" || advice == "" {
			t.Errorf("%q: %v, %q, %q", path, ok, reason, advice)
		}
	}
}
