package gradescope

import (
	"archive/zip"
	"debug/elf"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/batch"
)

var (
	//go:embed setup.sh
	setup string
	//go:embed run_autograder
	runAutograder string
)

// Contents says what goes into a zip.
type Contents struct {
	Command string // the file of the command, for linux/amd64
	Course  string // the course file; "" for none
	Lab     string // the folder of a lab of the course's own; "" for the built-in one
	Go      string // the Go release that compiles: "go1.26.0"
	GoSum   string // the SHA-256 of its archive for linux-amd64; "" is not checked
	// Getenv finds the secret seed of a course whose file names a variable.
	Getenv func(string) string
}

var (
	isRelease = regexp.MustCompile(`^go1\.[0-9]+(\.[0-9]+)?(rc[0-9]+)?$`).MatchString
	isSum     = regexp.MustCompile(`^([0-9a-f]{64})?$`).MatchString
)

// Pack writes the zip. Its files lie at its root, as Gradescope wants them.
func Pack(w io.Writer, c *Contents) error {
	switch {
	case !isRelease(c.Go):
		return fmt.Errorf("expected a Go release such as go1.26.0, found %q", c.Go)
	case !isSum(c.GoSum):
		return fmt.Errorf("expected a SHA-256 of 64 hex digits, found %q", c.GoSum)
	}
	if err := isLinux(c.Command); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	put := func(name string, mode fs.FileMode, b []byte) error {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)} // equal contents, equal zips
		h.SetMode(mode)
		f, err := z.CreateHeader(h)
		if err == nil {
			_, err = f.Write(b)
		}
		return err
	}
	command, err := os.ReadFile(c.Command)
	if err != nil {
		return err
	}
	script := strings.NewReplacer("@GO@", c.Go, "@SUM@", c.GoSum).Replace(setup)
	files := []struct {
		name string
		mode fs.FileMode
		b    []byte
	}{{"setup.sh", 0o755, []byte(script)}, {"run_autograder", 0o755, []byte(runAutograder)}, {"grade", 0o755, command}}
	for _, f := range files {
		if err := put(f.name, f.mode, f.b); err != nil {
			return err
		}
	}
	if c.Course != "" {
		b, secret, err := readCourse(c)
		if err != nil {
			return err
		}
		if err := put("grade.toml", 0o644, b); err != nil {
			return err
		}
		if secret != "" {
			if err := put("secret.env", 0o600, []byte(secret)); err != nil {
				return err
			}
		}
	}
	if c.Lab != "" {
		err := fs.WalkDir(os.DirFS(c.Lab), ".", func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := fs.ReadFile(os.DirFS(c.Lab), p)
			if err != nil {
				return err
			}
			return put(path.Join("lab", p), 0o644, b)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", c.Lab, err)
		}
	}
	return z.Close()
}

// readCourse returns the course file and, if that names a variable for the seed,
// the line that sets it.
func readCourse(c *Contents) (file []byte, secret string, err error) {
	b, err := os.ReadFile(c.Course)
	if err != nil {
		return nil, "", err
	}
	course, err := batch.ParseCourse(c.Course, b)
	if err != nil {
		return nil, "", err
	}
	if name := course.Seeds.FirstEnv; name != "" {
		if !isVariable(name) {
			return nil, "", fmt.Errorf("%s: seeds.first_env: expected the name of a variable, found %q", c.Course, name)
		}
		seed, err := course.Seeds.FirstSeed(c.Getenv)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", c.Course, err)
		}
		// The number, whatever it was made of: no text to be quoted for a shell.
		secret = fmt.Sprintf("%s=%d\n", name, seed)
	}
	return b, secret, nil
}

var isVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString

// ErrNotLinux says that a file is no command for Gradescope's machines.
var ErrNotLinux = errors.New("expected a program for linux/amd64, which Gradescope's machines are")

// isLinux does not ask which libraries a program needs: setup.sh runs it, so what
// the image lacks is seen when that is built.
func isLinux(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, ErrNotLinux)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("%s: %w", name, ErrNotLinux)
	}
	return nil
}
