package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/raftlab/raftlab/grader/sim"
)

// wide holds the ranges of runes that take two columns on a terminal.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0x33ff, 1}, {0x3400, 0x4dbf, 1}, {0x4e00, 0x9fff, 1},
		{0xa000, 0xa4cf, 1}, {0xac00, 0xd7a3, 1}, {0xf900, 0xfaff, 1}, {0xfe30, 0xfe6f, 1}, {0xff00, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x1f300, 0x1f64f, 1}, {0x1f900, 0x1f9ff, 1}, {0x20000, 0x3fffd, 1}},
}

func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// width is the number of terminal columns that s takes. s has no colours.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// pad fills s with spaces up to n columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-width(s)))
}

// padLeft is pad with the spaces in front.
func padLeft(s string, n int) string {
	return strings.Repeat(" ", max(0, n-width(s))) + s
}

// cut shortens s to n columns, with an ellipsis if something is lost.
func cut(s string, n int) string {
	if width(s) <= n {
		return s
	}
	if n < 2 {
		return strings.Repeat("…", max(0, n))
	}
	w := 0
	for i, r := range s {
		if w += runeWidth(r); w > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap breaks s into lines of at most n columns, at spaces and beside wide
// runes where it can. Line ends in s stay.
func wrap(s string, n int) []string {
	n = max(n, 10)
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		line, w := "", 0
		for _, word := range words(para) {
			ww := width(word)
			if w > 0 && w+width(strings.TrimRight(word, " ")) > n {
				lines = append(lines, strings.TrimRight(line, " "))
				line, w = "", 0
			}
			for ww > n { // one word longer than a line
				head := strings.TrimSuffix(cut(word, n+1), "…")
				lines = append(lines, head)
				word = word[len(head):]
				ww = width(word)
			}
			line += word
			w += ww
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// words splits a line into pieces that wrap keeps whole: words with the spaces
// after them, and single wide runes with the punctuation that follows.
func words(s string) []string {
	var out []string
	start, space := 0, false
	var last rune
	for i, r := range s {
		breaks := space && r != ' '
		if isWide, wasWide := unicode.Is(wide, r), unicode.Is(wide, last); (isWide || wasWide) && last != 0 && r != ' ' {
			breaks = breaks || !closing(r) && !opening(last)
		}
		if breaks && i > start {
			out = append(out, s[start:i])
			start = i
		}
		space, last = r == ' ', r
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

func closing(r rune) bool {
	return strings.ContainsRune("，。、；：？！）》」』”’.,;:?!)]}", r)
}
func opening(r rune) bool { return strings.ContainsRune("（《「『“‘([{", r) }

// clean makes text that a student's program had a hand in harmless: it can
// neither move the cursor nor change colours nor turn the direction of writing.
func clean(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteByte('\n')
		case r == '\t':
			b.WriteString("    ")
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case r == '\u00a0': // go-cmp writes it in place of a space, at random
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// clock shows a virtual time in seconds.
func clock(t sim.Time) string {
	return fmt.Sprintf("%d.%06d s", t/sim.Second, t%sim.Second/sim.Microsecond)
}

// number shows a float as short as two decimals allow.
func number(f float64) string {
	s := strconv.FormatFloat(f, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
