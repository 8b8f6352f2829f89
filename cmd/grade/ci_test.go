package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const repository = "../.."

// ciFile reads the documents of a YAML file. A key that stands twice is an error.
func ciFile(t *testing.T, name string) []map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	var docs []map[string]any
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var m map[string]any
		if err := d.Decode(&m); err != nil {
			if len(docs) == 0 {
				t.Fatalf("%s: %v", name, err)
			}
			return docs
		}
		docs = append(docs, m)
	}
}

// at follows keys into a document.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// each calls f for every text in a document, with the keys that lead there.
func each(v any, path string, f func(path, text string)) {
	switch v := v.(type) {
	case string:
		f(path, v)
	case map[string]any:
		for k, x := range v {
			each(x, path+"."+k, f)
		}
	case []any:
		for i, x := range v {
			each(x, fmt.Sprintf("%s[%d]", path, i), f)
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{\s*([^}]*?)\s*\}\}`)

// checkExpressions sees that what the expressions of a workflow or an action name
// is there, and that none stands in a script, where its value would be code.
func checkExpressions(t *testing.T, name string, doc map[string]any, inputs any, steps []any) {
	t.Helper()
	ids := make(map[string]bool)
	for _, s := range steps {
		if id, ok := at(s, "id").(string); ok {
			ids[id] = true
		}
		run, uses := at(s, "run"), at(s, "uses")
		if (run == nil) == (uses == nil) {
			t.Errorf("%s: a step runs a script or uses an action: %v", name, s)
		}
		if script, ok := run.(string); ok {
			if strings.Contains(script, "${{") {
				t.Errorf("%s: an expression in a script: %s", name, script)
			}
			parses(t, name, script)
		}
	}
	each(doc, name, func(path, text string) {
		for _, m := range expression.FindAllStringSubmatch(text, -1) {
			word := strings.Split(m[1], ".")
			switch word[0] {
			case "inputs":
				if at(inputs, word[1]) == nil {
					t.Errorf("%s: there is no input %s", path, word[1])
				}
			case "steps":
				if !ids[word[1]] {
					t.Errorf("%s: there is no step %s", path, word[1])
				}
			case "jobs":
				if at(doc, "jobs", word[1]) == nil {
					t.Errorf("%s: there is no job %s", path, word[1])
				}
			case "github", "runner":
			default:
				t.Errorf("%s: what is %s?", path, m[0])
			}
		}
	})
}

// parses has a shell read a script, without running it.
func parses(t *testing.T, name, script string) {
	t.Helper()
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	cmd := exec.Command(sh, "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", name, err, out, script)
	}
}

func TestActionIsWhole(t *testing.T) {
	const name = ".github/actions/grade/action.yml"
	doc := ciFile(t, name)[0]
	for _, k := range []string{"name", "description", "inputs", "outputs", "runs"} {
		if doc[k] == nil {
			t.Errorf("%s: no %s", name, k)
		}
	}
	if at(doc, "runs", "using") != "composite" {
		t.Errorf("%s: runs.using is %v", name, at(doc, "runs", "using"))
	}
	steps := at(doc, "runs", "steps").([]any)
	checkExpressions(t, name, doc, doc["inputs"], steps)
	for k, in := range doc["inputs"].(map[string]any) {
		if _, ok := at(in, "default").(string); !ok || at(in, "description") == nil {
			t.Errorf("%s: the input %s needs a description, and a default that is text", name, k)
		}
	}
	// What the step's script reads is what the action sets.
	script, err := os.ReadFile(filepath.Join(repository, ".github/actions/grade/grade.sh"))
	if err != nil {
		t.Fatal(err)
	}
	parses(t, "grade.sh", string(script))
	env := at(steps[len(steps)-1], "env").(map[string]any)
	for _, m := range regexp.MustCompile(`\$\{?([A-Z_]+)`).FindAllStringSubmatch(string(script), -1) {
		if v := m[1]; env[v] == nil && !slices.Contains([]string{"RUNNER_TEMP", "GITHUB_OUTPUT"}, v) {
			t.Errorf("grade.sh reads %s, which nothing sets", v)
		}
	}
	for _, file := range []string{"go.mod", "go.sum", "cmd/grade"} { // ../../.. of the action
		if _, err := os.Stat(filepath.Join(repository, ".github/actions/grade/../../..", file)); err != nil {
			t.Error(err)
		}
	}
}

func TestReusableWorkflowIsWhole(t *testing.T) {
	const name = ".github/workflows/grade.yml"
	doc := ciFile(t, name)[0]
	call := at(doc, "on", "workflow_call")
	inputs, _ := at(call, "inputs").(map[string]any)
	if inputs == nil || at(doc, "permissions", "contents") != "read" {
		t.Fatalf("%s: %v", name, doc)
	}
	kinds := map[string]func(any) bool{
		"string": func(v any) bool { _, ok := v.(string); return ok }, "number": func(v any) bool { _, ok := v.(int); return ok },
		"boolean": func(v any) bool { _, ok := v.(bool); return ok },
	}
	for k, in := range inputs {
		kind, _ := at(in, "type").(string)
		if kinds[kind] == nil || !kinds[kind](at(in, "default")) {
			t.Errorf("%s: the input %s has type %q and default %v", name, k, kind, at(in, "default"))
		}
	}
	action := ciFile(t, ".github/actions/grade/action.yml")[0]
	for job, j := range doc["jobs"].(map[string]any) {
		steps := at(j, "steps").([]any)
		checkExpressions(t, name, doc, inputs, steps)
		used := false
		for _, s := range steps {
			uses, _ := at(s, "uses").(string)
			local, ok := strings.CutPrefix(uses, "./grader/")
			if !ok {
				if uses != "" && !regexp.MustCompile(`^[\w.-]+/[\w./-]+@v\d+$`).MatchString(uses) {
					t.Errorf("%s: %q has no version", name, uses)
				}
				continue
			}
			used = true
			if _, err := os.Stat(filepath.Join(repository, local, "action.yml")); err != nil {
				t.Error(err)
			}
			for k := range at(s, "with").(map[string]any) {
				if at(action, "inputs", k) == nil {
					t.Errorf("%s: the action has no input %s", name, k)
				}
			}
		}
		if !used || at(j, "runs-on") == nil {
			t.Errorf("%s: the job %s does not grade", name, job)
		}
	}
}

// The action's script, run: the verdict, the outputs, and nothing of what the
// submission prints is a command to the runner.
func TestActionGrades(t *testing.T) {
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	tmp := t.TempDir()
	work := filepath.Join(tmp, "work")
	if err := os.CopyFS(filepath.Join(work, "election"), os.DirFS("../../grader/testdata/example-bug")); err != nil {
		t.Fatal(err)
	}
	// The folder has a part's name, and its server speaks to the runner.
	file := filepath.Join(work, "election", "raft", "raft.go")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	src := string(b) + "\nfunc init() { println(\"::set-output name=a::b\\n##[add-mask]x\\n  ::error::forged\") }\n"
	write(t, file, src)
	run := func(env ...string) (code int, out, result string) {
		output := filepath.Join(tmp, "output")
		os.Remove(output)
		cmd := exec.Command(sh, filepath.Join(mustAbs(t, repository), ".github/actions/grade/grade.sh"))
		cmd.Dir = work
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		grade := filepath.Join(tmp, "grade")
		os.Remove(grade)
		if err := os.Symlink(exe, grade); err != nil { // testscript's way: this binary is grade if it is called so
			t.Fatal(err)
		}
		cmd.Env = append(os.Environ(), "RUNNER_TEMP="+tmp, "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+filepath.Join(tmp, "summary"), "GITHUB_WORKSPACE="+work,
			"GRADE="+grade, "DIRECTORY=election", "PARTS=3A", "LAB=", "SEEDS=1", "LANG_OF_REPORT=en", "HINTS=2", "JUNIT="+filepath.Join(tmp, "junit.xml"), "FAIL_ON_ERROR=true")
		cmd.Env = append(cmd.Env, env...)
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(output)
		return cmd.ProcessState.ExitCode(), string(said), string(b)
	}
	code, out, result := run()
	if code != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	var token string
	var commands []string
	for l := range strings.Lines(out) { // as the runner reads
		l = strings.TrimSpace(l)
		switch {
		case token != "":
			if l == "::"+token+"::" {
				token = ""
			}
		case strings.HasPrefix(l, "::stop-commands::"):
			token = strings.TrimPrefix(l, "::stop-commands::")
			if len(token) != 32 {
				t.Errorf("the token %q can be guessed", token)
			}
		case strings.HasPrefix(l, "::") || strings.Contains(l, "##["):
			commands = append(commands, l)
		}
	}
	if !strings.Contains(out, "forged") {
		t.Errorf("what the submission printed is not in the report:\n%s", out)
	}
	if n := len(commands); n < 2 || !strings.HasPrefix(commands[n-1], "::notice ") {
		t.Errorf("commands: %q\n%s", commands, out)
	}
	for _, c := range commands[:max(0, len(commands)-1)] {
		if !strings.HasPrefix(c, "::error title=election/") {
			t.Errorf("a command that is no finding of the grader's: %q\n%s", c, out)
		}
	}
	first, rest, _ := strings.Cut(result, "\n")
	if _, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "result=")); err != nil || rest != "exit-code=1\n" {
		t.Errorf("outputs: %.100q … %q: %v", first, rest, err)
	}
	for _, name := range []string{"summary", "junit.xml"} {
		if b, err := os.ReadFile(filepath.Join(tmp, name)); err != nil || !bytes.Contains(b, []byte("Election Safety")) {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	if code, out, _ := run("FAIL_ON_ERROR=false"); code != 0 {
		t.Errorf("fail-on-error is off: exit code %d\n%s", code, out)
	}
	if code, _, _ := run("FAIL_ON_ERROR=false", "PARTS=nowhere"); code != 2 {
		t.Errorf("wrong usage: exit code %d", code)
	}
}

func mustAbs(t *testing.T, name string) string {
	t.Helper()
	abs, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// GitLab's include: its inputs, and its script run in a shell.
func TestGitLabIncludeGrades(t *testing.T) {
	const name = ".ci/gitlab.yml"
	docs := ciFile(t, name)
	if len(docs) != 2 {
		t.Fatalf("%s: expected a header and the configuration, found %d documents", name, len(docs))
	}
	inputs := at(docs[0], "spec", "inputs").(map[string]any)
	interpolation := regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`)
	used := make(map[string]bool)
	each(docs[1], name, func(path, text string) {
		for _, m := range interpolation.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
			if inputs[m[1]] == nil {
				t.Errorf("%s: there is no input %s", path, m[1])
			}
			if strings.Contains(path, "script") {
				t.Errorf("%s: an input in a script would be code", path)
			}
		}
	})
	for k := range inputs {
		if !used[k] {
			t.Errorf("%s: the input %s is not used", name, k)
		}
	}
	job := at(docs[1], "grade")
	if at(job, "artifacts", "reports", "junit") != "junit.xml" || at(job, "artifacts", "when") != "always" {
		t.Errorf("%s: artifacts %v", name, at(job, "artifacts"))
	}

	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	tmp := t.TempDir()
	if err := os.CopyFS(filepath.Join(tmp, "3A"), os.DirFS("../../grader/testdata/example-bug")); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(tmp, "bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(tmp, "bin", "grade")); err != nil {
		t.Fatal(err)
	}
	var script []string
	for _, l := range at(job, "script").([]any) {
		script = append(script, l.(string))
	}
	cmd := exec.Command(sh, "-e", "-c", strings.Join(script, "\n"))
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(tmp, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GRADE_DIRECTORY=3A", "GRADE_PARTS=election", "GRADE_SEEDS=1", "GRADE_LANG=zh", "GRADE_VERSION=latest")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"junit.xml", "feedback.md"} {
		if b, err := os.ReadFile(filepath.Join(tmp, name)); err != nil || !bytes.Contains(b, []byte("two_candidates")) {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
}

// What the container file copies is there.
func TestContainerFileCopiesWhatIsThere(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(repository, ".ci/Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^COPY (?:--from=build )?(.*) \S+$`).FindAllStringSubmatch(string(b), -1) {
		for _, f := range strings.Fields(m[1]) {
			if f == "/grade" { // what the first stage builds
				continue
			}
			n++
			if _, err := os.Stat(filepath.Join(repository, strings.TrimPrefix(f, "/src/"))); err != nil {
				t.Error(err)
			}
		}
	}
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	release := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(mod)
	if n < 3 || bytes.Count(b, append([]byte("FROM golang:"), release[1]...)) != 2 {
		t.Errorf("%d paths; both stages need Go %s", n, release[1])
	}
}
