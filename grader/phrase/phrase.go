package phrase

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// In returns text in a language, "en" or "zh". What is not one of the grader's
// sentences, such as the compiler's words or a test author's, stays as it is.
func In(lang, text string) string {
	if lang != "zh" || text == "" {
		return text
	}
	if s, ok := translate(text); ok {
		return s
	}
	return text
}

// pair is a sentence as the format that it was made with, and the same in
// another language. The arguments are strings there: its verbs are %s, or %[2]s
// where the order differs. A %w stands for a part that must be one of the
// grader's own: else the sentence is somebody else's, and stays whole.
type pair struct{ en, other string }

// pattern recognises the sentences of one format.
type pattern struct {
	re    *regexp.Regexp
	other string
	words int    // length of the fixed text: longer formats are tried first
	own   []bool // per argument: it is a %w
	node  []bool // per argument: it is the number of a server, or of a client
	// tail is set for formats that are appended to other sentences.
	tail bool
}

// chineseLists are the sentences, by who says them.
var chineseLists = [][]pair{chineseChecks, chineseService, chineseKVRaft, chineseBuild, chineseTests, chineseVet, chineseExplain, chineseBatch}

var chinese = sync.OnceValue(func() []pattern {
	var ps []pattern
	for _, list := range chineseLists {
		for _, p := range list {
			ps = append(ps, compile(p))
		}
	}
	slices.SortStableFunc(ps, func(a, b pattern) int { return b.words - a.words })
	return ps
})

var verb = regexp.MustCompile(`%[a-z]`)

func compile(p pair) pattern {
	tail := strings.HasPrefix(p.en, ";") || strings.HasPrefix(p.en, ",")
	var re strings.Builder
	re.WriteString("(?s)")
	if !tail {
		re.WriteString("^")
	}
	at, words := 0, 0
	var own, node []bool
	for _, m := range verb.FindAllStringIndex(p.en, -1) {
		fixed := p.en[at:m[0]]
		words += m[0] - at
		own = append(own, p.en[m[0]+1] == 'w')
		node = append(node, p.en[m[0]+1] == 'd' && strings.HasSuffix(fixed, "server "))
		if node[len(node)-1] {
			re.WriteString(regexp.QuoteMeta(strings.TrimSuffix(fixed, "server ")) + `((?:server|client) -?\d+)`)
			at = m[1]
			continue
		}
		re.WriteString(regexp.QuoteMeta(fixed))
		switch p.en[m[0]+1] {
		case 'd':
			re.WriteString(`(-?\d+)`)
		case 'g':
			re.WriteString(`([-+.\de]+)`)
		case 'q':
			re.WriteString(`("(?:[^"\\]|\\.)*")`)
		default:
			re.WriteString(`(.+?)`)
		}
		at = m[1]
	}
	re.WriteString(regexp.QuoteMeta(p.en[at:]) + "$")
	return pattern{re: regexp.MustCompile(re.String()), other: p.other, words: words + len(p.en) - at, own: own, node: node, tail: tail}
}

// aClient stands before the number of a client where a sentence expects a
// server's; clients is that with the word that is then wrong.
const aClient = "\x00"

var clients = regexp.MustCompile(`(?:服务器 ?)?\x00`)

func translate(text string) (string, bool) {
next:
	for _, p := range chinese() {
		m := p.re.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		args := make([]any, 0, len(m)/2-1)
		for i := 2; i < len(m); i += 2 {
			arg := text[m[i]:m[i+1]]
			if p.node[len(args)] {
				number, isServer := strings.CutPrefix(arg, "server ")
				if !isServer {
					number = aClient + strings.TrimPrefix(arg, "client ")
				}
				args = append(args, number)
				continue
			}
			said, ok := part(arg)
			if !ok && p.own[len(args)] {
				continue next
			}
			args = append(args, said)
		}
		s := p.other
		if len(args) > 0 {
			s = clients.ReplaceAllString(fmt.Sprintf(s, args...), "客户端 ")
		}
		if !p.tail {
			return s, true
		}
		if m[0] > 0 {
			head, _ := part(text[:m[0]])
			return head + s, true
		}
	}
	return "", false
}

// part translates what stood in a sentence: it may be a sentence itself, begun
// with a small letter.
func part(text string) (string, bool) {
	if s, ok := translate(text); ok {
		return s, true
	}
	r, n := utf8.DecodeRuneInString(text)
	if unicode.IsLower(r) {
		if s, ok := translate(string(unicode.ToUpper(r)) + text[n:]); ok {
			return s, true
		}
	}
	return text, false
}
