package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Native is a student's server as a program of this machine, with Go's race
// detector in it.
type Native struct {
	Path string // of the program
	// SourceMap leads from the names in stack traces to the student's files; Kit is
	// what the kit's own names begin with.
	SourceMap map[string]string
	Kit       string

	dir string
}

// Close removes the program.
func (n *Native) Close() error { return os.RemoveAll(n.dir) }

const raceMemory = "It needs memory at fixed addresses: outside a container, setarch -R grade race keeps the system from moving them."

const raceNeeds = "grade race needs Go 1.25 or newer, and a C compiler for cgo: on Debian and Ubuntu apt install gcc, on Fedora dnf install gcc, on macOS xcode-select --install."

// Race compiles a student's folder to a Native. It runs on the user's own
// machine with all that the user may do: only for code that the user trusts. Its
// error is an *Error, of kind Toolchain where Go does not work on this machine,
// and of kind Detector where Go does, but the race detector does not.
func Race(ctx context.Context, o Options) (*Native, error) {
	o.defaults()
	tc, err := findGo(ctx, &o)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" {
		return nil, fail(Detector, nil, "the race check does not run on Windows", "Run it on Linux or macOS, or in WSL.")
	}
	if goMinor(tc.version) < 25 {
		return nil, fail(Detector, nil, "the race check needs Go 1.25 or newer, found "+tc.version, raceNeeds)
	}
	cc := strings.Fields(os.Getenv("CC"))
	if len(cc) == 0 {
		cc = []string{defaultCC()}
	}
	if _, err := exec.LookPath(cc[0]); err != nil {
		return nil, fail(Detector, err, "found no C compiler: tried "+cc[0], raceNeeds)
	}
	if os.Getenv("CGO_ENABLED") == "0" {
		return nil, fail(Detector, nil, "the race detector needs cgo, but CGO_ENABLED=0 is set", "Run it with CGO_ENABLED=1.")
	}
	o.GoVersion = tc.version
	t, err := Prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "raftlab-race-")
	if err != nil {
		return nil, fail(Internal, err, "cannot make a temporary folder: "+err.Error(), freeSpace)
	}
	n := &Native{Path: filepath.Join(dir, "server"), SourceMap: make(map[string]string), Kit: t.Module + "/" + kitFolder + "/", dir: dir}
	for _, s := range t.Sources {
		n.SourceMap[s.Module] = s.Path
	}
	if err := tc.raceBuild(ctx, t, n); err != nil {
		n.Close()
		return nil, err
	}
	if err := n.begins(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// beginLimit is how long a program may take to find that it has nothing to do.
const beginLimit = 10 * time.Second

// begins says whether the detector can begin to run: it needs its memory at
// certain addresses, which containers and kernels with other habits do not give
// it. What the program itself does then is for the runs to see.
func (n *Native) begins(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beginLimit)
	defer cancel()
	c := exec.CommandContext(ctx, n.Path)
	c.Dir = n.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GORACE=atexit_sleep_ms=0"}
	c.WaitDelay = time.Second
	out := &clipped{max: 1 << 16}
	c.Stderr = out
	err := c.Run()
	text := out.String()
	if err == nil || !strings.Contains(text, "ThreadSanitizer") || strings.Contains(text, "WARNING: DATA RACE") {
		return nil
	}
	return fail(Detector, err, "the race detector cannot begin to run:\n"+strings.TrimSpace(text), raceMemory)
}

func defaultCC() string {
	if runtime.GOOS == "darwin" || runtime.GOOS == "freebsd" {
		return "clang"
	}
	return "gcc"
}

func (tc *toolchain) raceBuild(ctx context.Context, t *Tree, n *Native) error {
	src := filepath.Join(n.dir, "src")
	files := make(map[string][]byte, len(t.Files))
	for name, data := range t.Files {
		files[name] = data
	}
	main := t.Main + "/main.go"
	files[main] = bytes.Replace(files[main], []byte("func main() {}"), []byte("func main() { guest.Main() }"), 1)
	// A function without a body is allowed beside a file of assembly only.
	files[kitFolder+"/guest/empty.s"] = []byte("// deadline is in package runtime.\n")
	overlay, err := raceOverlay(filepath.Join(filepath.Dir(filepath.Dir(tc.cmd)), "src"), tc.version)
	if err != nil {
		return err
	}
	replace := make(map[string]string)
	for name, data := range overlay {
		to := filepath.Join(n.dir, "overlay", filepath.Base(name))
		replace[name] = to
		if err := writeFile(to, data); err != nil {
			return fail(Internal, err, "cannot write temporary files: "+err.Error(), freeSpace)
		}
	}
	for name, data := range files {
		if err := writeFile(filepath.Join(src, filepath.FromSlash(name)), data); err != nil {
			return fail(Internal, err, "cannot write temporary files: "+err.Error(), freeSpace)
		}
	}
	list := filepath.Join(n.dir, "overlay.json")
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(list, b, 0o666)
	}
	if err != nil {
		return fail(Internal, err, "cannot write temporary files: "+err.Error(), freeSpace)
	}
	args := []string{"build", "-race", "-trimpath", "-buildvcs=false", "-mod=readonly", "-tags=raftlabrace", "-overlay=" + list, "-o", n.Path}
	for _, p := range []string{"guest", "sched", "sync", "wire", "rand"} {
		args = append(args, "-gcflags="+n.Kit+p+"=-race=false")
	}
	c := exec.CommandContext(ctx, tc.cmd, append(args, "./"+t.Main)...)
	c.Dir = src
	c.Env = append(os.Environ(), tc.settings()...)
	c.Env = append(c.Env, "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=1", "PWD="+src)
	out := &clipped{max: 1 << 20}
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return stopped(ctx)
		}
		text := out.String()
		if strings.Contains(text, "cgo: C compiler") || strings.Contains(text, "-race") && strings.Contains(text, "requires cgo") || strings.Contains(text, "-race is not supported") || strings.Contains(text, "race detector runtime") || strings.Contains(text, "runtime/cgo") {
			return fail(Detector, err, "this machine cannot build programs with the race detector:\n"+strings.TrimSpace(text), raceNeeds)
		}
		return t.explain(tc.version, tc.lim.Problems, text, err)
	}
	return nil
}

// raceOverlay is Go's package runtime with two additions. A goroutine that waits
// for a mutex or for a channel made before the bubble counts as waiting: a server
// that holds its lock while it sleeps would otherwise stop the clock for ever. And
// the time of a bubble's next timer can be asked for. Package os makes the
// folder of a file that a server makes below its own, as the grader does: what
// writes to logs/0.log does not depend on where it runs. Where that cannot be
// added, it is left out.
func raceOverlay(dir, release string) (map[string][]byte, error) {
	unknown := func(file string) error {
		return fail(Detector, nil, fmt.Sprintf("%s of %s is not as the race check knows it", file, release), "Use another Go release, and please report this.")
	}
	out := make(map[string][]byte)
	for _, add := range []struct {
		file, after, text string
		optional          bool
	}{
		{"os/file.go", "\ttestlog.Open(name)\n\tf, err := openFileNolog(name, flag, perm)\n", "\tif err != nil && flag&O_CREATE != 0 && IsNotExist(err) && !filepathlite.IsAbs(name) && MkdirAll(filepathlite.Dir(name), 0o777) == nil {\n\t\tf, err = openFileNolog(name, flag, perm)\n\t}\n", true},
		{"runtime/runtime2.go", "var isIdleInSynctest = [len(waitReasonStrings)]bool{\n", "\twaitReasonSyncMutexLock: true, waitReasonSyncRWMutexLock: true, waitReasonSyncRWMutexRLock: true, waitReasonSyncWaitGroupWait: true,\n\twaitReasonChanReceive: true, waitReasonChanSend: true, waitReasonSelect: true,\n", false},
		{"runtime/synctest.go", "", "\n//go:linkname raftlabDeadline\nfunc raftlabDeadline() int64 { return getg().bubble.timers.wakeTime() }\n", false},
	} {
		name := filepath.Join(dir, filepath.FromSlash(add.file))
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, unknown(add.file)
		}
		text := string(src)
		if add.after == "" {
			text += add.text
		} else if before, rest, ok := strings.Cut(text, add.after); ok {
			text = before + add.after + add.text + rest
		} else if !add.optional {
			return nil, unknown(add.file)
		}
		out[name] = []byte(text)
	}
	return out, nil
}
