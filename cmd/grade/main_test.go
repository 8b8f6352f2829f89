package main

import (
	"compress/gzip"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/raftlab/raftlab/grader"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"grade": main})
}

// The scripts are named by topic; each tells a story with the command. Beside
// testscript's own commands they use:
//
//	exits CODE COMMAND...   runs a command and expects its exit code
//	server DIR [NAME]       writes a server of grader/testdata, by default the correct one
//	edit FILE OLD NEW       replaces a text in a file; it must be there
//	trace PAGE FILE         writes the trace that a page of grade view holds
func TestScripts(t *testing.T) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	servers, err := filepath.Abs("../../grader/testdata")
	if err != nil {
		t.Fatal(err)
	}
	// On a fresh machine the first grading compiles the standard library and
	// says so; the scripts begin after that.
	_, err = grader.Grade(t.Context(), grader.Options{Dir: filepath.Join(servers, "correct"), Run: regexp.MustCompile("^election/initial$"), Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	modules := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			e.Setenv("XDG_CACHE_HOME", modules)
			e.Setenv("LocalAppData", modules)
			e.Setenv("LANG", "en_US.UTF-8")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits CODE COMMAND...")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit code %d, expected %d", got, want)
				}
			},
			"server": func(ts *testscript.TestScript, _ bool, args []string) {
				name := "correct"
				if len(args) == 2 {
					name = args[1]
				}
				ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(filepath.Join(servers, filepath.FromSlash(name)))))
			},
			"trace": func(ts *testscript.TestScript, _ bool, args []string) {
				page, err := os.ReadFile(ts.MkAbs(args[0]))
				ts.Check(err)
				_, rest, ok := strings.Cut(string(page), `id="raftlab-trace">`)
				if !ok {
					ts.Fatalf("%s holds no trace", args[0])
				}
				packed, _, _ := strings.Cut(rest, "<")
				z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
				ts.Check(err)
				b, err := io.ReadAll(z)
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o666))
			},
			"edit": func(ts *testscript.TestScript, _ bool, args []string) {
				file := ts.MkAbs(args[0])
				b, err := os.ReadFile(file)
				ts.Check(err)
				// A text may hold \n and \t, since a script's words cannot.
				for i := 1; i < 3; i++ {
					args[i] = strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(args[i])
				}
				if !strings.Contains(string(b), args[1]) {
					ts.Fatalf("%s does not hold %q", args[0], args[1])
				}
				ts.Check(os.WriteFile(file, []byte(strings.Replace(string(b), args[1], args[2], 1)), 0o666))
			},
		},
	})
}

func TestLanguageFollowsFlagThenLocale(t *testing.T) {
	for _, c := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"", nil, "en"},
		{"", map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{"", map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"},
		{"", map[string]string{"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"},
		{"list --lang en", map[string]string{"LANG": "zh_CN.UTF-8"}, "en"},
		{"--lang=zh list", nil, "zh"},
		{"--lang", nil, "en"},
	} {
		if got := langOf(strings.Fields(c.args), func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%q with %v: %s, expected %s", c.args, c.env, got, c.want)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"list", "list", true}, {"lits", "list", true}, {"lst", "list", true}, {"liist", "list", true}, {"lost", "list", true},
		{"lstt", "list", false}, {"", "a", true}, {"agreement", "election", false}, {"lis", "list", true}, {"x", "list", false},
	} {
		if got := near(c.a, c.b); got != c.want {
			t.Errorf("near(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// A full name means that test alone, even if it is the beginning of another.
func TestRunPattern(t *testing.T) {
	lab, err := grader.OpenLab(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		run, name string
		want      bool
	}{
		{"compaction/install", "compaction/install", true},
		{"compaction/install", "compaction/install_crash", false},
		{"3D/install", "compaction/install", true},
		{"Install", "compaction/install_crash", true},
		{"^compaction/", "compaction/install", true},
		{"^compaction/", "election/initial", false},
	} {
		cl := &cli{run: c.run, t: &english}
		re, err := cl.pattern(lab)
		if err != nil {
			t.Fatal(err)
		}
		if got := re.MatchString(c.name); got != c.want {
			t.Errorf("--run %s matches %s: %v", c.run, c.name, got)
		}
	}
}

// Every text stands in both languages, with the same arguments.
func TestTextsAreComplete(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for _, pair := range [][2]any{{english, chinese}, {viewEnglish, viewChinese}, {huntEnglish, huntChinese}, {vetEnglish, vetChinese}, {raceEnglish, raceChinese}, {soakEnglish, soakChinese}, {watchEnglish, watchChinese}, {batchEnglish, batchChinese}, {verifyEnglish, verifyChinese}, {queueEnglish, queueChinese}, {formatEnglish, formatChinese}, {argsEnglish, argsChinese}, {gradescopeEnglish, gradescopeChinese}} {
		inBoth(t, verb, reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1]))
	}
}

func inBoth(t *testing.T, verb *regexp.Regexp, en, zh reflect.Value) {
	t.Helper()
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).IsZero() || zh.Field(i).IsZero() {
			t.Errorf("%s is missing in one language", name)
			continue
		}
		a, b := fmt.Sprint(en.Field(i)), fmt.Sprint(zh.Field(i))
		if x, y := verb.FindAllString(a, -1), verb.FindAllString(b, -1); !reflect.DeepEqual(x, y) {
			t.Errorf("%s takes %v in English, %v in Chinese", name, x, y)
		}
	}
}
