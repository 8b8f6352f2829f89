package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func repositoryFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkPinned: each step is an action of GitHub's that is named by its commit, or
// runs a command, and what a command makes is in the Makefile. It returns the
// actions' names and the commands.
func checkPinned(t *testing.T, name string, doc map[string]any, inputs any, steps []any) []string {
	t.Helper()
	text, makefile := repositoryFile(t, name), repositoryFile(t, "Makefile")
	checkExpressions(t, name, doc, inputs, steps)
	pinned := regexp.MustCompile(`^actions/[\w-]+@[0-9a-f]{40}$`)
	target := regexp.MustCompile(`^make ([\w-]+)$`)
	var order []string
	for _, s := range steps {
		if uses, ok := at(s, "uses").(string); ok {
			if !pinned.MatchString(uses) || !regexp.MustCompile(regexp.QuoteMeta(uses)+` # v\d+\.\d+\.\d+\n`).MatchString(text) {
				t.Errorf("%s: %q: expected actions/NAME@COMMIT # vN.N.N", name, uses)
			}
			if strings.Contains(uses, "/setup-go@") && at(s, "with", "go-version-file") != "go.mod" {
				t.Errorf("%s: Go's version is not go.mod's", name)
			}
			order = append(order, strings.TrimPrefix(strings.Split(uses, "@")[0], "actions/"))
			continue
		}
		run := at(s, "run").(string)
		order = append(order, run)
		if m := target.FindStringSubmatch(run); m != nil && !strings.Contains(makefile, "\n"+m[1]+": ") {
			t.Errorf("%s: the Makefile has no target %s", name, m[1])
		}
	}
	return order
}

// The workflow of the hostile submissions takes all of them, every week and by
// hand, may only read, and has longer than the test itself.
func TestHostileWorkflowIsWhole(t *testing.T) {
	const name = ".github/workflows/hostile.yml"
	doc := ciFile(t, name)[0]
	on, _ := doc["on"].(map[string]any)
	inputs := at(on, "workflow_dispatch", "inputs")
	weekly, _ := at(on, "schedule").([]any)
	if len(on) != 2 || len(weekly) != 1 || !regexp.MustCompile(`^\d+ \d+ \* \* [0-6]$`).MatchString(at(weekly[0], "cron").(string)) {
		t.Errorf("%s: expected once a week and by hand, found %v", name, on)
	}
	may := doc["permissions"].(map[string]any)
	if len(may) != 1 || may["contents"] != "read" {
		t.Errorf("%s: permissions %v", name, may)
	}
	steps := at(doc, "jobs", "hostile", "steps").([]any)
	if order := checkPinned(t, name, doc, inputs, steps); !slices.Equal(order, []string{"checkout", "setup-go", "make hostile"}) {
		t.Errorf("%s: steps %q", name, order)
	}
	// Started by the clock there is no input: an empty text, which stands for all.
	if got := at(steps[2], "env", "ATTACKS"); at(inputs, "attacks", "default") != "." || got != "${{ inputs.attacks }}" {
		t.Errorf("%s: ATTACKS is %v, inputs %v: expected all of them", name, got, inputs)
	}
	makefile := repositoryFile(t, "Makefile")
	m := regexp.MustCompile(`(?m)^\tRAFTLAB_HOSTILE=\$\$\{ATTACKS:-\.\} .* -timeout (\d+)m .*-run '\^TestHostile\$\$' \./grader/batch$`).FindStringSubmatch(makefile)
	if m == nil {
		t.Fatal("make hostile does not take ATTACKS, or has no -timeout")
	}
	minutes, err := strconv.Atoi(m[1])
	if limit, _ := at(doc, "jobs", "hostile", "timeout-minutes").(int); err != nil || limit <= minutes {
		t.Errorf("%s: the job has %d minutes, make hostile %s", name, limit, m[1])
	}
}

// The workflow that publishes the page may write: it starts by hand only, names
// its actions by their commits, and builds with the target that the tests use.
func TestPagesWorkflowIsWhole(t *testing.T) {
	const name = ".github/workflows/pages.yml"
	doc := ciFile(t, name)[0]
	on, _ := doc["on"].(map[string]any)
	if _, ok := on["workflow_dispatch"]; !ok || len(on) != 1 {
		t.Errorf("%s: expected workflow_dispatch alone, found %v", name, doc["on"])
	}
	may := doc["permissions"].(map[string]any)
	if len(may) != 3 || may["contents"] != "read" || may["pages"] != "write" || may["id-token"] != "write" {
		t.Errorf("%s: permissions %v", name, may)
	}
	if !strings.Contains(repositoryFile(t, "site/astro.config.mjs"), "process.env.SITE_BASE") {
		t.Error("site/astro.config.mjs does not read SITE_BASE")
	}
	steps := at(doc, "jobs", "publish", "steps").([]any)
	order := checkPinned(t, name, doc, nil, steps)
	was := -1
	for _, step := range []string{"checkout", "setup-go", "setup-node", "configure-pages", "make site", "upload-pages-artifact", "deploy-pages"} {
		i := slices.Index(order, step)
		if i <= was {
			t.Errorf("%s: expected %s after step %d, found %q", name, step, was+1, order)
		}
		was = i
	}
	for _, s := range steps {
		uses, _ := at(s, "uses").(string)
		switch {
		case at(s, "run") == "make site" && at(s, "env", "SITE_BASE") != "${{ steps.pages.outputs.base_path }}/":
			t.Errorf("%s: make site is not told where the page will lie", name)
		case strings.Contains(uses, "/upload-pages-artifact@") && at(s, "with", "path") != "site/dist":
			t.Errorf("%s: %v is published, make site writes site/dist", name, at(s, "with", "path"))
		case strings.Contains(uses, "/setup-node@") && at(s, "with", "node-version") != nodeMajor(t):
			t.Errorf("%s: Node %v, the site has %d", name, at(s, "with", "node-version"), nodeMajor(t))
		}
	}
}

// nodeMajor is the release of Node that the site is built and tested with.
func nodeMajor(t *testing.T) int {
	t.Helper()
	var site struct{ Dependencies map[string]string }
	if err := json.Unmarshal([]byte(repositoryFile(t, "site/package.json")), &site); err != nil {
		t.Fatal(err)
	}
	var major int
	for _, r := range strings.Split(site.Dependencies["node"], ".")[0] {
		major = 10*major + int(r-'0')
	}
	return major
}

func TestNetlifyFileIsWhole(t *testing.T) {
	var file struct {
		Build struct {
			Command, Publish string
			Environment      map[string]string
		}
	}
	d := toml.NewDecoder(strings.NewReader(repositoryFile(t, "docs/deploy/netlify.toml"))).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.Build.Command != "make site" || file.Build.Publish != "site/dist" {
		t.Errorf("build %+v", file.Build)
	}
	line := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(repositoryFile(t, "go.mod"))[1]
	if v := file.Build.Environment["GO_VERSION"]; v != line {
		t.Errorf("GO_VERSION %s, go.mod says %s", v, line)
	}
	if v := file.Build.Environment["NODE_VERSION"]; v != "24" || nodeMajor(t) != 24 {
		t.Errorf("NODE_VERSION %s, the site has %d", v, nodeMajor(t))
	}
}

// What docs/deploy.md names is there: files of the project, and targets.
func TestDeployPageNamesWhatIsThere(t *testing.T) {
	page, makefile := repositoryFile(t, "docs/deploy.md"), repositoryFile(t, "Makefile")
	for _, m := range regexp.MustCompile("`make ([\\w-]+)").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(makefile, "\n"+m[1]+": ") {
			t.Errorf("docs/deploy.md: the Makefile has no target %s", m[1])
		}
	}
	files := 0
	for _, m := range regexp.MustCompile(`\]\((?:\.\./)?([\w./-]+)\)|`+"`((?:\\.github|wasm|docs|site/scripts)/[\\w./-]+)`").FindAllStringSubmatch(page, -1) {
		name := m[2]
		if name == "" {
			name = filepath.Join("docs", m[1])
			if strings.Contains(m[0], "](../") {
				name = m[1]
			}
		}
		files++
		if _, err := os.Stat(filepath.Join(repository, name)); err != nil {
			t.Errorf("docs/deploy.md: %v", err)
		}
	}
	if files < 3 {
		t.Errorf("docs/deploy.md names %d files", files)
	}
}
