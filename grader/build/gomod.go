package build

import (
	"fmt"
	"go/version"
	"strconv"
	"strings"
)

// goMod is what the build takes from a student's go.mod: where the module's own
// packages live, and the language version. All else is left behind on purpose.
type goMod struct {
	module string
	goLine string // "1.22"; "" if there is none
	line   int    // of goLine in the file
}

// parseGoMod reads a go.mod. Directives other than module and go are skipped,
// since none of them has a say in a graded build.
func parseGoMod(src []byte) (m goMod, bad *Problem) {
	block := ""
	for i, text := range strings.Split(string(src), "\n") {
		line := i + 1
		if i == 0 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		text, _, _ = strings.Cut(text, "//")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if block != "" {
			if words[0] == ")" {
				block = ""
				continue
			}
			words = append([]string{block}, words...)
		} else if len(words) == 2 && words[1] == "(" {
			block = words[0]
			continue
		}
		if (words[0] == "module" || words[0] == "go") && len(words) != 2 {
			return m, &Problem{Line: line, Reason: fmt.Sprintf("expected %q and one word, found %d", words[0], len(words)-1), Advice: "Write for example: module 6.5840"}
		}
		switch words[0] {
		case "module":
			p := words[1]
			if p[0] == '"' || p[0] == '`' {
				if u, err := strconv.Unquote(p); err == nil {
					p = u
				}
			}
			if !validImport(p) {
				return m, &Problem{Line: line, Reason: fmt.Sprintf("%q is not a module path", p), Advice: "Use letters, digits and - . _ ~ between slashes, for example: module 6.5840"}
			}
			m.module = p
		case "go":
			if !version.IsValid("go"+words[1]) || strings.Contains(words[1], "-") {
				return m, &Problem{Line: line, Reason: fmt.Sprintf("%q is not a Go version", words[1]), Advice: "Write for example: go 1.22"}
			}
			m.goLine, m.line = words[1], line
		}
	}
	if m.module == "" {
		return m, &Problem{Reason: "expected a module line, found none", Advice: "Add one, for example: module 6.5840"}
	}
	return m, nil
}

// validImport reports whether go accepts p as the path of a package in a module.
func validImport(p string) bool {
	if p == "" || len(p) > 200 || p[0] == '-' {
		return false
	}
	for _, elem := range strings.Split(p, "/") {
		if elem == "" || elem[0] == '.' || elem[len(elem)-1] == '.' {
			return false
		}
		for _, c := range elem {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._~+", c)) {
				return false
			}
		}
	}
	return true
}

// minGo is the oldest release with go:wasmexport.
const minGo = 24

// goMinor returns N of a version such as go1.N.3 or "devel go1.N-abc", or 0.
func goMinor(v string) int {
	i := strings.Index(v, "go1.")
	if i < 0 {
		return 0
	}
	v = v[i+len("go1."):]
	end := strings.IndexFunc(v, func(c rune) bool { return c < '0' || c > '9' })
	if end >= 0 {
		v = v[:end]
	}
	n, _ := strconv.Atoi(v)
	return n
}

// releaseTags are the build tags go1.1 ... go1.N that hold for a Go release.
func releaseTags(v string) []string {
	var tags []string
	for i := 1; i <= goMinor(v); i++ {
		tags = append(tags, "go1."+strconv.Itoa(i))
	}
	return tags
}

// newer reports whether the go line asks for a newer Go than the release v.
func newer(goLine, v string) bool {
	if i := strings.Index(v, "go1."); i > 0 { // a development version
		return goMinor("go"+goLine) > goMinor(v)
	}
	if i := strings.IndexAny(v, " -"); i > 0 {
		v = v[:i]
	}
	return version.Compare("go"+goLine, v) > 0
}
