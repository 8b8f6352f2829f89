package script

import (
	"os"
	"regexp"
	"testing"
)

// docs/write-a-test.md names all that a test can call, and nothing else.
func TestTheDocsNameEveryMethod(t *testing.T) {
	page, err := os.ReadFile("../../docs/write-a-test.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bc\.([a-z_]+)`).FindAllStringSubmatch(string(page), -1) {
		there[m[1]] = true
	}
	for _, name := range (*cluster)(nil).AttrNames() {
		if !there[name] {
			t.Errorf("c.%s does not stand in docs/write-a-test.md", name)
		}
		delete(there, name)
	}
	for name := range there {
		t.Errorf("docs/write-a-test.md names c.%s: there is none", name)
	}
}
