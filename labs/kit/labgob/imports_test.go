package labgob

import (
	"go/build"
	"testing"
)

// What the package imports every student's module carries: encoding/gob alone
// is 2 MB of it.
func TestImportsStaySmall(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"bytes": true, "encoding": true, "errors": true, "io": true, "math": true, "math/bits": true, "os": true, "reflect": true,
		"sort": true, "strconv": true, "sync": true, "sync/atomic": true, "unicode": true, "unicode/utf8": true, "unsafe": true}
	for _, path := range pkg.Imports {
		if !allowed[path] {
			t.Errorf("imports %s", path)
		}
	}
}
