package phrase

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"go.starlark.net/syntax"

	"github.com/raftlab/raftlab/labs"
)

// Every sentence that the grader says to a student has a translation.
func TestEverySentenceIsTranslated(t *testing.T) {
	sentences := said(t)
	if len(sentences) < 200 {
		t.Fatalf("found only %d sentences: the search is broken", len(sentences))
	}
	for s, pos := range sentences {
		if exempt(s) {
			continue
		}
		in := example(s)
		if strings.HasPrefix(s, ",") || strings.HasPrefix(s, ";") {
			in = "it imports testing" + in
		}
		out := In("zh", in)
		if !strings.ContainsFunc(out, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: no translation of %q: add it to one of the lists in grader/phrase", pos, s)
		}
	}
}

// So has every sentence of the tests of the labs that come with the grader: what
// they expect, what they fail with, what they count.
func TestEverySentenceOfTheLabsIsTranslated(t *testing.T) {
	found := 0
	for _, name := range labs.Names {
		lab, _ := labs.Named(name)
		files, err := fs.Glob(lab, "*.star")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", name, len(files), err)
		}
		for _, file := range files {
			src, err := fs.ReadFile(lab, file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := syntax.Parse(name+"/"+file, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			syntax.Walk(f, func(n syntax.Node) bool {
				call, ok := n.(*syntax.CallExpr)
				if !ok {
					return true
				}
				dot, ok := call.Fn.(*syntax.DotExpr)
				if !ok || !set("expect", "fail", "budget")[dot.Name.Name] {
					return true
				}
				for _, arg := range call.Args {
					text, ok := starText(arg)
					if !ok || !sentence.MatchString(text) || property.MatchString(text) {
						continue
					}
					found++
					if out := In("zh", example(text)); !strings.ContainsFunc(out, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
						t.Errorf("%s: no translation of %q: add it to one of the lists in grader/phrase", call.Lparen, text)
					}
				}
				return true
			})
		}
	}
	if found < 50 {
		t.Errorf("found only %d sentences: the search is broken", found)
	}
}

// starText is the text of an argument: "...", name = "...", or "..." % values.
func starText(e syntax.Expr) (string, bool) {
	switch e := e.(type) {
	case *syntax.Literal:
		s, ok := e.Value.(string)
		return s, ok
	case *syntax.BinaryExpr:
		if e.Op == syntax.EQ || e.Op == syntax.PERCENT {
			at := map[syntax.Token]syntax.Expr{syntax.EQ: e.Y, syntax.PERCENT: e.X}[e.Op]
			return starText(at)
		}
	case *syntax.ParenExpr:
		return starText(e.X)
	}
	return "", false
}

// exempt are strings that are no sentences to a student: names of properties,
// which stay as the paper has them, stages, the compiler's words, code, and what
// only the author of a test or the grader's own log sees.
func exempt(s string) bool {
	switch s {
	case "standard library", "go build", "too slow", "too many errors", "cluster(%d servers)", "\"sync\" imported as ",
		" imported and not used", "; check go.mod)", "func (%s *Raft) %s", "C:\\Program Files\\Go", "chan raftapi.ApplyMsg", "chan ApplyMsg",
		"grade reference%s", " --raft core", "%s [%.1f-%s ms] %s = %s", "OK, write %d", "grade --run %s/%s --seed %d --seeds 1", "%d ms",
		"The evidence points to the handler of %s: %s", "The evidence points to where the answers to %s are dealt with: %s": // told in both where they stand
		return true
	}
	for _, p := range []string{", loss = ", ", dup = ", ", late = ", ", late_replies = ", "func Make(", "func StartKVServer(", "func MakeClerk(", "func MakeLock(", "func MakeRSM(", "func (ck *Clerk) ", "func (rsm *RSM) ", "func(ck kvapi", "for l in", "// Code generated", "//go:build go", "\t\t%q: func", "\t\t\t", "env.CondInstall =", "env.Redelivers =", "c.commit(%", ", within = %s", ", retry = False", "\ttestlog.Open(", "\tif err != nil && flag", "c.start(%", "link(min = %", "if len(", "new(Persister)",
		"func main() {", "// deadline is ", "var isIdleInSynctest", "\twaitReason", "\n//go:linkname "} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return property.MatchString(s) || compilerWords[s] || testAuthors[s] || batchWords[s]
}

var property = regexp.MustCompile(`^[A-Z][A-Za-z-]*( [A-Z][A-Za-z-]*)+$`)

// Whoever runs the course or the batch sees these, or nobody.
var batchWords = set("raftlab submission 1\n", "raftlab unfit 1\n%s\n%s", "fatal error: ")

var compilerWords = set("out of memory", "cannot allocate memory", "signal: killed", "file too large", "file size limit",
	"stack exceeds", "stack overflow", "cgo: C compiler", "requires cgo", "-race is not supported", "race detector runtime", "internal compiler error", "too large")

var testAuthors = set(
	"expected a call of lab(name = \"...\", parts = [\"part.star\", ...]), found none",
	"expected one call of part(...) in a part's file, found %d",
	"part %s has no test: call test(function, ...)",
	"parts %s and %s share the name %q",
	"loads itself in a circle",
	"expected the name of a .star file inside the lab's folder",
	"no such file in the lab's folder",
	"the test waits for something that can never happen: no server has anything left to do",
	"expected a call of world(function, seed = N, servers = 3, ...), found none: is this a file that grade hunt wrote?",
	"a world file stands alone: it cannot load another",
	"expected a world file of at most %d bytes, found %d",
	"the test took more than %d s of virtual time; give it a larger 'within', or let it wait for less",
)

func set(list ...string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// example fills a format's verbs in.
func example(format string) string {
	return verb.ReplaceAllStringFunc(format, func(v string) string {
		switch v {
		case "%d", "%g":
			return "7"
		case "%q":
			return `"x"`
		}
		return "xyz"
	})
}

// A translation uses every argument of its sentence, and no other.
func TestTranslationsUseTheirArguments(t *testing.T) {
	args := regexp.MustCompile(`%(\[\d+\])?s`)
	for _, list := range chineseLists {
		for _, p := range list {
			n := len(verb.FindAllString(p.en, -1))
			var values []any
			for i := range n {
				values = append(values, fmt.Sprintf("<%d>", i))
			}
			out := p.other
			if n > 0 {
				out = fmt.Sprintf(p.other, values...)
			}
			if strings.Contains(out, "%!") || len(args.FindAllString(p.other, -1)) != n {
				t.Errorf("%q has %d arguments, its translation %q does not: %s", p.en, n, p.other, out)
			}
			for i := range n {
				if strings.Count(out, fmt.Sprintf("<%d>", i)) != 1 {
					t.Errorf("%q: argument %d is not once in %q", p.en, i, p.other)
				}
			}
		}
	}
}

func TestIn(t *testing.T) {
	for _, x := range []struct{ in, want string }{
		{"", ""},
		{"undefined: x", "undefined: x"},
		{"two leaders in term 2: server 3, and now server 0 answered Start(1001) as the leader", "任期 2 有两个领导者：先是服务器 3，现在服务器 0 以领导者的身份回答了 Start(1001)"},
		{"on server 0, 4 goroutines wait for a lock that is not released; so no leader for 5000 ms although servers [1 2] could reach each other",
			"服务器 0 上有 4 个 goroutine 在等一把不被释放的锁；因此 5000 毫秒内没有领导者，尽管服务器 [1 2] 可以互相联系"},
		{"on server 2, 1 goroutines wait for a lock that is not released; so start(7) on server 2 has not returned for 1000 ms",
			"服务器 2 上有 1 个 goroutine 在等一把不被释放的锁；因此 服务器 2 上的 Start(7) 已有 1000 毫秒没有返回"},
		{"applied up to: S0 1, S1 10; S0 in term 3, S1 down, S2 leader of term 3", "已应用到：S0 1, S1 10；S0 在任期 3，S1 已崩溃，S2 是任期 3 的领导者"},
		{"the command 7 was not agreed on within 10 s: 3 servers should apply it, 1 did; at index 4, which Start promised, 9 was applied",
			"命令 7 没有在 10 秒内达成一致：应有 3 台服务器应用它，实际有 1 台；在 Start 许诺的索引 4 处，应用的是 9"},
		{`import "net/http" is not allowed: a graded server has no network of its own`, `不允许 import "net/http"：被评分的服务器没有自己的网络`},
		{"RPCs in one idle second: 90 RPCs, at most 60 are allowed", "空闲一秒内的 RPC：90 次 RPC，至多允许 60"},
		{"6.5840-2024: package raft in src/raft, module 6.5840 from src/go.mod; test_test.go has TestInitialElection3A", "6.5840-2024：src/raft 里的 package raft，模块 6.5840，来自 src/go.mod；test_test.go 里有 TestInitialElection3A"},
		{"6.824-2020: package raft in this folder, no go.mod, so module lab; test_test.go has no tests of snapshots; the profile was named", "6.824-2020：这个文件夹里的 package raft，没有 go.mod，故模块名为 lab；test_test.go 里没有快照的测试；这是指定的"},
		{"client 3 panicked", "客户端 3 发生 panic"},
		{"server 2 answers client 1's KVServer.Do (Leader:true)", "服务器 2 回复客户端 1 的 KVServer.Do (Leader:true)"},
		{"link cut S1→S2, S2→S1", "链路切断 S1→S2, S2→S1"},
	} {
		if got := In("zh", x.in); got != x.want {
			t.Errorf("In(zh, %q)\n got %q\nwant %q", x.in, got, x.want)
		}
		if got := In("en", x.in); got != x.in {
			t.Errorf("In(en, %q) = %q", x.in, got)
		}
	}
}

// Whatever a student's program puts into a sentence, it comes back whole.
func FuzzIn(f *testing.F) {
	f.Add("two leaders in term 2: server 3, and now server 0 %s says")
	f.Add("applied up to: S0 1; S0 down, S1 down, S2 down")
	f.Add("Add: Add: Add: Remove it.")
	f.Fuzz(func(t *testing.T, s string) {
		if out := In("zh", s); strings.Contains(out, "%!") && !strings.Contains(s, "%!") {
			t.Errorf("In(%q) = %q", s, out)
		}
	})
}

// said lists what the grader says to students, as formats: every string of more
// than one word in the files that speak to them, with %s for what is put in by +.
func said(t *testing.T) map[string]token.Position {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../check/*.go", "../history/*.go", "../script/*.go", "../story.go", "../grade.go", "../build/*.go", "../explain/*.go", "../batch/files.go", "../batch/take.go", "../batch/child.go", "../batch/roster.go", "../batch/record.go", "../batch/run.go", "../batch/feedback.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(names))
		}
		files = append(files, names...)
	}
	out := map[string]token.Position{}
	fset := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				return n.Tag == nil
			case *ast.CallExpr:
				switch called(n.Fun) {
				case "panic", "regexp.MustCompile", "fmt.Errorf", "errors.New", "set":
					return false
				}
			case *ast.BinaryExpr:
				if s, ok := format(n); ok {
					if sentence.MatchString(s) {
						out[s] = fset.Position(n.Pos())
					}
					return false
				}
			case *ast.BasicLit:
				if s, ok := format(n); ok && sentence.MatchString(s) {
					out[s] = fset.Position(n.Pos())
				}
			}
			return true
		})
	}
	return out
}

var sentence = regexp.MustCompile(`[A-Za-z,;:)]+ \S*[a-z]{2}`)

func called(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// format is the format that a literal, or a sum with literals, stands for.
func format(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			x, okx := format(e.X)
			y, oky := format(e.Y)
			if !okx && !oky {
				return "", false
			}
			if !okx {
				x = "%s"
			}
			if !oky {
				y = "%s"
			}
			return x + y, true
		}
	}
	return "", false
}
