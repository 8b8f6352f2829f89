package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// toolchain is an installed Go and the surroundings in which it is run.
type toolchain struct {
	cmd     string // the go command of that release, no wrapper
	version string // "go1.26.1"
	cache   string // GOCACHE
	marks   string // folder for marks of what the cache holds; "" keeps none
	server  string // GOCACHEPROG of a build that may not write into the cache; "": it may
	lim     Limits
}

// findGo finds an installed Go that can build modules for the grader.
func findGo(ctx context.Context, o *Options) (*toolchain, error) {
	const install = "Install Go 1.24 or newer from https://go.dev/dl/ and open a new terminal."
	cmd, tried := lookGo(o.GoCmd)
	if cmd == "" {
		return nil, fail(Toolchain, nil, "found no Go: tried "+strings.Join(tried, ", "), install)
	}
	tc := &toolchain{cmd: cmd, lim: o.Limits}
	if o.CacheDir != "" {
		abs, err := filepath.Abs(o.CacheDir)
		if err != nil {
			return nil, fail(Internal, err, err.Error(), "")
		}
		tc.cache, tc.marks = filepath.Join(abs, "go-build"), filepath.Join(abs, "go")
	} else if tc.cache = defaultCache(); tc.cache == "" {
		return nil, fail(Toolchain, nil, "found no folder for Go's build cache", "Set GOCACHE or HOME.")
	} else {
		tc.marks = filepath.Join(tc.cache, "raftlab")
	}
	// The command found may be a wrapper that needs the user's environment;
	// it says where the true one is.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, cmd, "env", "-json", "GOVERSION", "GOROOT")
	c.Dir = os.TempDir()
	c.Env = append(os.Environ(), tc.settings()...)
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = time.Second
	var env struct{ GOVERSION, GOROOT string }
	err := c.Run()
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &env)
	}
	if err != nil {
		reason := fmt.Sprintf("%s does not work: %v", cmd, err)
		if s := strings.TrimSpace(errs.String()); s != "" {
			reason += "\n" + s
		}
		return nil, fail(Toolchain, err, reason, install)
	}
	if goMinor(env.GOVERSION) < minGo {
		return nil, fail(Toolchain, nil, fmt.Sprintf("expected Go 1.%d or newer, found %s at %s", minGo, env.GOVERSION, cmd), install)
	}
	tc.version = env.GOVERSION
	if own := filepath.Join(env.GOROOT, "bin", exe("go")); env.GOROOT != "" && isExecutable(own) {
		tc.cmd = own
	}
	if o.CacheServer != nil {
		if err := tc.readOnly(o.CacheServer); err != nil {
			return nil, err
		}
	}
	return tc, nil
}

// lookGo returns the path of a go command, or "" and where it looked.
func lookGo(cmd string) (found string, tried []string) {
	if cmd != "" {
		p, err := exec.LookPath(cmd)
		if err != nil {
			return "", []string{cmd}
		}
		p, _ = filepath.Abs(p)
		return p, nil
	}
	if p, err := exec.LookPath("go"); err == nil {
		if p, err = filepath.Abs(p); err == nil {
			return p, nil
		}
	}
	tried = []string{"PATH"}
	var places []string
	if root := os.Getenv("GOROOT"); root != "" {
		places = append(places, root)
	}
	if runtime.GOOS == "windows" {
		places = append(places, `C:\Program Files\Go`, `C:\Go`)
	} else {
		places = append(places, "/usr/local/go", "/usr/lib/go", "/opt/homebrew/opt/go/libexec", "/snap/go/current")
	}
	for _, root := range places {
		p := filepath.Join(root, "bin", exe("go"))
		if isExecutable(p) {
			return p, nil
		}
		tried = append(tried, root)
	}
	return "", tried
}

func exe(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

func isExecutable(p string) bool {
	fi, err := os.Stat(p)
	return err == nil && fi.Mode().IsRegular() && (runtime.GOOS == "windows" || fi.Mode()&0o111 != 0)
}

// defaultCache is where go itself keeps its build cache.
func defaultCache() string {
	if dir := os.Getenv("GOCACHE"); filepath.IsAbs(dir) {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "go-build")
}

// settings are Go's, all of them: whatever the user has set must not change the
// module that comes out, nor let the network in.
func (tc *toolchain) settings() []string {
	return []string{
		"GOENV=off", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local",
		"GOPROXY=off", "GOSUMDB=off", "GONOSUMDB=", "GONOPROXY=", "GOPRIVATE=", "GOINSECURE=", "GOVCS=*:off", "GOAUTH=off",
		"GOEXPERIMENT=", "GODEBUG=", "GOFIPS140=off", "GOROOT=", "GOROOT_FINAL=", "GOCACHEPROG=",
		"GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "CGO_ENABLED=0",
		"GOCACHE=" + tc.cache,
	}
}

// run runs the go command in dir, with its temporary files in tmp and nothing of
// the user's environment but what the system needs. used is the processor time
// of all that it started.
func (tc *toolchain) run(ctx context.Context, dir, tmp string, args ...string) (output string, used time.Duration, err error) {
	name, args := limited(tc.lim, tc.cmd, args)
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(tc.settings(),
		"GOTMPDIR="+tmp, "GOPATH="+filepath.Join(tmp, "gopath"), "GOTELEMETRY=off",
		fmt.Sprintf("GOMEMLIMIT=%d", tc.lim.Memory/2), fmt.Sprintf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0)),
		"TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp, "PWD="+dir,
	)
	if tc.server != "" {
		c.Env = append(c.Env, tc.asksServer(tmp)...)
	}
	for _, name := range []string{"PATH", "SystemRoot", "windir", "ComSpec", "PATHEXT"} {
		if v, ok := os.LookupEnv(name); ok {
			c.Env = append(c.Env, name+"="+v)
		}
	}
	out := &clipped{max: 1 << 20}
	c.Stdout, c.Stderr = out, out
	c.WaitDelay = 2 * time.Second
	release, err := tie(c)
	if err != nil {
		return "", 0, err
	}
	defer release()
	err = c.Run()
	if c.ProcessState != nil {
		used = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return out.String(), used, err
}

// clipped keeps the first max bytes written to it.
type clipped struct {
	bytes.Buffer
	max int
}

func (w *clipped) Write(p []byte) (int, error) {
	if room := w.max - w.Len(); room > 0 {
		w.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// warm fills the cache if it is cold, has the self-test done if this release has
// not passed it yet, and returns the time that this took.
func (tc *toolchain) warm(ctx context.Context, o *Options) (time.Duration, error) {
	begin := time.Now()
	t, err := selfTest(ctx, o)
	if err != nil {
		return 0, err
	}
	name := filepath.Join(tc.marks, strings.ReplaceAll(tc.version, " ", "-"))
	warm, passed := name+".warm", name+"-"+t.hash()[:16]+".passed"
	isWarm := tc.marked(warm)
	if isWarm && (o.SelfTest == nil || tc.marked(passed)) {
		tc.mark(warm)
		if o.SelfTest != nil {
			tc.mark(passed)
		}
		return 0, nil
	}
	if isWarm {
		o.progress(StageSelfTest)
	} else {
		o.progress(StageLibrary)
	}
	patient := *tc // it is the machine's time, not the student's; and its code may go into the cache
	patient.server, patient.lim.Time, patient.lim.CPU = "", libraryTime, libraryTime
	wasm, err := patient.compile(ctx, t)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Kind.Student() { // the code was ours
			e = &Error{Kind: Toolchain, Problems: e.Problems, err: e.err}
			e.Problems[0].Reason = fmt.Sprintf("%s cannot compile the grader's own server: %s", tc.version, e.Problems[0].Reason)
			e.Problems[0].Advice = "Check that this Go is whole: " + tc.cmd
			return 0, e
		}
		return 0, err
	}
	if o.SelfTest == nil {
		tc.mark(warm)
		return time.Since(begin), nil
	}
	if !isWarm {
		o.progress(StageSelfTest)
	}
	if err := o.SelfTest(ctx, wasm); err != nil {
		if ctx.Err() != nil {
			return 0, stopped(ctx)
		}
		return 0, fail(Toolchain, err, fmt.Sprintf("%s makes modules that the grader cannot judge: %v", tc.version, err), "Grade with another Go release, and please report this.")
	}
	tc.mark(warm, passed)
	return time.Since(begin), nil
}

// marked reports whether the cache holds what a mark stands for. Go drops from
// its cache what it has not used for five days.
func (tc *toolchain) marked(name string) bool {
	fi, err := os.Stat(name)
	if err != nil || time.Since(fi.ModTime()) > 4*24*time.Hour {
		return false
	}
	_, err = os.Stat(filepath.Join(tc.cache, "00")) // emptied by go clean -cache
	return err == nil
}

// mark sets or renews marks. They only spare work: no error counts.
func (tc *toolchain) mark(names ...string) {
	if os.MkdirAll(tc.marks, 0o777) == nil {
		for _, name := range names {
			os.WriteFile(name, []byte(tc.cmd+"\n"), 0o666)
		}
	}
}

// FindGo returns the root and the release of the installed Go that Build would
// run. Its error is an *Error.
func FindGo(ctx context.Context, o Options) (root, version string, err error) {
	o.defaults()
	tc, err := findGo(ctx, &o)
	if err != nil {
		return "", "", err
	}
	return filepath.Dir(filepath.Dir(tc.cmd)), tc.version, nil
}
