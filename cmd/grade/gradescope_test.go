package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The zip works in a tree like Gradescope's: setup.sh, then run_autograder for
// each submission, by the command that is in the zip.
func TestGradescopeZipWorks(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the zip holds a command for linux/amd64")
	}
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here; Gradescope's images have it")
	}
	tmp := t.TempDir()
	command := filepath.Join(tmp, "grade")
	if out, err := exec.Command("go", "build", "-o", command, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	course := filepath.Join(tmp, "grade.toml")
	write(t, course, `
title = "A course"
parts = ["election"]
due = 2026-10-01T00:00:00Z
[seeds]
first_env = "COURSE_SEED"
count = 1
[points]
election = 20
[late]
per_day = 50
[feedback]
hidden = ["election/two_*"]
hide_seeds = true
`)
	archive := filepath.Join(tmp, "autograder.zip")
	cmd := exec.Command(command, "gradescope-zip", "--course", course, "--out", archive, "--lang", "en")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "COURSE_SEED") {
		t.Fatalf("without the seed: %v\n%s", err, out)
	}
	cmd = exec.Command(command, "gradescope-zip", "--course", course, "--out", archive, "--lang", "en")
	cmd.Env = append(os.Environ(), "COURSE_SEED=4711")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	// What Gradescope does with it.
	root := filepath.Join(tmp, "autograder")
	names := unpack(t, archive, filepath.Join(root, "source"))
	if want := []string{"grade", "grade.toml", "run_autograder", "secret.env", "setup.sh"}; !slices.Equal(names, want) {
		t.Fatalf("found %v, expected %v", names, want)
	}
	b, err := os.ReadFile(filepath.Join(root, "source", "run_autograder"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "run_autograder"), string(b))
	script := func(name string) string {
		cmd := exec.Command(sh, name)
		cmd.Dir = "/"
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s: %v", name, err)
		}
		return string(out)
	}
	if out := script(filepath.Join(root, "source", "setup.sh")); !strings.Contains(out, "this machine can grade") {
		t.Fatal(out)
	}

	results := filepath.Join(root, "results", "results.json")
	grade := func(server, metadata string) map[string]any {
		t.Helper()
		for _, dir := range []string{"submission", "results"} {
			if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(root, "submission"), 0o777); err != nil {
			t.Fatal(err)
		}
		if server != "" {
			if err := os.CopyFS(filepath.Join(root, "submission"), os.DirFS("../../grader/testdata/"+server)); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(root, "submission_metadata.json"), metadata)
		out := script(filepath.Join(root, "run_autograder"))
		b, err := os.ReadFile(results)
		if err != nil {
			t.Logf("%s", out)
			return nil
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	const onTime = `{"id": 1, "created_at": "2026-09-30T14:22:32.365935-07:00", "assignment": {"due_date": "2999-10-01T00:00:00.000000-07:00", "late_due_date": null, "total_points": "20.0"}, "users": [{"email": "a@b.c", "id": 1, "name": "A"}]}`

	got := grade("example-bug", onTime)
	if got["score"] == nil || got["score"].(float64) >= 20 || got["score"].(float64) < 15 {
		t.Errorf("a bug: score %v", got["score"])
	}
	hidden := 0
	for _, x := range got["tests"].([]any) {
		if x.(map[string]any)["visibility"] == "after_due_date" {
			hidden++
		}
	}
	if hidden != 2 {
		t.Errorf("%d hidden tests, expected 2", hidden)
	}
	if text, _ := json.Marshal(got); strings.Contains(string(text), "4711") || strings.Contains(string(text), "--seed") {
		t.Errorf("the secret seed is in the results: %s", text)
	}

	// A day late by the assignment's date loses half; an extension gives it back.
	late := strings.Replace(onTime, "2999-10-01", "2026-09-30", 1)
	if got := grade("correct", late); got["score"] != 10.0 {
		t.Errorf("a day late: score %v, %v", got["score"], got["output"])
	}
	extended := strings.Replace(late, `"name": "A"`, `"name": "A", "assignment": {"due_date": "2026-10-02T00:00:00.000000-07:00"}`, 1)
	if got := grade("correct", extended); got["score"] != 20.0 {
		t.Errorf("with an extension: score %v, %v", got["score"], got["output"])
	}

	// Nothing there is a result; what Gradescope says wrongly is none.
	if got := grade("", onTime); got["score"] != 0.0 || !strings.Contains(got["output"].(string), "nothing there") {
		t.Errorf("nothing handed in: %v", got)
	}
	if got := grade("correct", `{"created_at": "yesterday"}`); got != nil {
		t.Errorf("metadata that cannot be read: %v", got)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// unpack unpacks a zip of plain files and returns their names.
func unpack(t *testing.T, archive, dir string) []string {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(f.Name)), b, f.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	return names
}
