package report

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

// Every text stands in every language, and takes the same arguments in each.
func TestMessagesAreComplete(t *testing.T) {
	en, zh := reflect.ValueOf(english), reflect.ValueOf(chinese)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).IsZero() || zh.Field(i).IsZero() {
			t.Errorf("%s is missing in one language", name)
			continue
		}
		if en.Field(i).Kind() != reflect.String {
			continue
		}
		if a, b := verbs(en.Field(i).String()), verbs(zh.Field(i).String()); !slices.Equal(a, b) {
			t.Errorf("%s takes %v in English, %v in Chinese", name, a, b)
		}
	}
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-z])`)

// verbs returns the verbs of a format in the order of its arguments.
func verbs(format string) []string {
	var out []string
	for i, m := range verb.FindAllStringSubmatch(format, -1) {
		n := i
		if m[1] != "" {
			n = int(m[1][0] - '1')
		}
		for len(out) <= n {
			out = append(out, "")
		}
		out[n] = m[2]
	}
	return out
}

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "领导者": 6, "é": 1, "e\u0301": 1, "●─▶": 3} {
		if got := width(s); got != want {
			t.Errorf("width(%q) = %d, expected %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"领导者", 5, "领导…"}, {"领导者", 4, "领…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"abc", -1, ""},
	} {
		if got := cut(c.s, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, expected %q", c.s, c.n, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s    string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"a\nb", []string{"a", "b"}},
		{"abcdefghijklmno", []string{"abcdefghij", "klmno"}},
		{"跟随者的日志，应用。", []string{"跟随者的日", "志，应用。"}},
		{"跟随者的日志用，应", []string{"跟随者的日", "志用，应"}},
	} {
		if got := wrap(c.s, 10); !slices.Equal(got, c.want) {
			t.Errorf("wrap(%q) = %q, expected %q", c.s, got, c.want)
		}
	}
	// No line is too long, and nothing but spaces is lost.
	err := quick.Check(func(s string, n uint8) bool {
		s = clean(s)
		w := int(n%60) + 10
		var b strings.Builder
		for _, l := range wrap(s, w) {
			if width(l) > w+2 { // a closing mark may hang over
				t.Logf("%q is wider than %d", l, w)
				return false
			}
			b.WriteString(l)
		}
		squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(s) }
		return squeeze(b.String()) == squeeze(s)
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

func TestClean(t *testing.T) {
	for s, want := range map[string]string{
		"a\tb\r\nc": "a    b\nc", "\x1b[31m": `\x1b[31m`, "\u202e": `\u202e`, "\xff": `\xff`, "a\u00a0b": "a b", "领导者": "领导者", "\r": `\r`,
	} {
		if got := clean(s); got != want {
			t.Errorf("clean(%q) = %q, expected %q", s, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 2: "2", 100: "100", 2.5: "2.5", 1.6666: "1.67", 0.10: "0.1"} {
		if got := number(f); got != want {
			t.Errorf("number(%v) = %q, expected %q", f, got, want)
		}
	}
}
