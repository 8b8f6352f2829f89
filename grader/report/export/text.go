package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on texts, in bytes. What is longer is cut, and says so.
const (
	maxLine  = 1 << 10  // a sentence in a table, an attribute, a title
	maxStory = 64 << 10 // a text of its own
)

// line is text in one line: no control character, no line break.
func line(s string) string {
	s = plain(s)
	return strings.Join(strings.Fields(short(s, maxLine)), " ")
}

// block is text of several lines, without other control characters.
func block(s string) string { return short(plain(s), maxStory) }

// plain makes text valid, and visible what would move a cursor, turn the writing
// direction or be no character of XML.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point):
			return utf8.RuneError
		}
		return r
	}, s)
}

// short cuts valid text to n bytes.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	at := n
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return fmt.Sprintf("%s … (+%d bytes)", s[:at], len(s)-at)
}

// number is points for people: at most two decimals.
func number(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }

// round takes off what adding fractions leaves behind: points have four decimals.
func round(f float64) float64 { return math.Round(f*1e4) / 1e4 }
