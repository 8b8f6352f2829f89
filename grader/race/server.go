package race

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/host"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// stepLimit is the wall time after which a step that does not end counts as a
// busy loop: there is no fuel in a native program.
const stepLimit = 20 * time.Second

// server is one life of a student's server, in a process of its own. It
// implements sim.Server.
type server struct {
	node, life int
	seed       uint64
	path, log  string // the program; what its detector's reports begin with, and its folder's name
	found      func(text string, at sim.Time, servers int)

	servers int
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	printed bytes.Buffer
	read    int64 // bytes of reports that were handed on
	dead    bool
}

// Close implements sim.Server.
func (s *server) Close() {
	s.dead = true
	if s.cmd == nil {
		return
	}
	s.in.Close()
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
	os.RemoveAll(s.folder())
}

// folder is where this life runs, with nothing in it: what it writes there is
// gone with it.
func (s *server) folder() string { return s.log + ".files" }

func (s *server) start() error {
	if err := os.Mkdir(s.folder(), 0o777); err != nil {
		return err
	}
	cmd := exec.Command(s.path)
	cmd.Env = []string{
		"GOMAXPROCS=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
		"GORACE=atexit_sleep_ms=0 log_path=" + s.log,
		// A go.mod of before Go 1.23 asks for the timers of that time, of which
		// virtual time knows nothing.
		"GODEBUG=asynctimerchan=0",
	}
	cmd.Dir = s.folder()
	cmd.Stdout, cmd.Stderr = io.Discard, &clipped{b: &s.printed}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return err
	}
	s.cmd, s.in, s.out = cmd, in, bufio.NewReader(r)
	return nil
}

// clipped keeps the last of what a program says on standard error, where Go's
// runtime tells why it died.
type clipped struct{ b *bytes.Buffer }

func (c *clipped) Write(p []byte) (int, error) {
	if c.b.Len() > 1<<20 {
		c.b.Next(c.b.Len() - 1<<19)
	}
	return c.b.Write(p)
}

// Step implements sim.Server.
func (s *server) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	if s.dead {
		return fx, sim.Never
	}
	var frame []byte
	switch ev.Kind {
	case sim.Tick:
	case sim.Boot:
		s.servers = ev.Boot.Servers
		if err := s.start(); err != nil {
			return s.end(fx, sim.FaultEngine, "the program cannot be started: "+err.Error())
		}
		fallthrough
	default:
		f := host.Frame(ev, s.seed)
		frame = f.Append(nil)
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint64(b, uint64(now))
	process := s.cmd.Process
	late := time.AfterFunc(stepLimit, func() { process.Kill() })
	_, err := s.in.Write(append(b, frame...))
	var at sim.Time
	if err == nil {
		fx, at, err = s.answer(fx)
	}
	inTime := late.Stop()
	s.reports(now)
	switch {
	case err == errEnded:
		s.Close()
		return fx, sim.Never
	case err != nil && !inTime:
		return s.end(fx, sim.FaultSpin, fmt.Sprintf("a step took more than %v", stepLimit))
	case err != nil:
		s.cmd.Wait()
		text := s.printed.String()
		kind := sim.FaultExit
		if strings.Contains(text, "panic: ") || strings.Contains(text, "fatal error: ") {
			kind = sim.FaultPanic
		}
		return s.end(fx, kind, text)
	}
	return fx, at
}

func (s *server) end(fx []sim.Effect, kind, text string) ([]sim.Effect, sim.Time) {
	s.Close()
	return append(fx, sim.Effect{Kind: sim.Fault, Text: kind, Data: []byte(text)}), sim.Never
}

// errEnded says that the server ended itself, and that the effects tell why.
var errEnded = fmt.Errorf("the server ended itself")

var stops = map[uint32]string{
	wire.StopSpin: sim.FaultSpin, wire.StopExit: sim.FaultExit, wire.StopProtocol: sim.FaultProtocol, wire.StopDeadlock: sim.FaultDeadlock,
}

// answer reads what a step came to: see labs/kit/guest/host_race.go.
func (s *server) answer(fx []sim.Effect) ([]sim.Effect, sim.Time, error) {
	var head [8]byte
	number := func(n int) uint64 {
		head = [8]byte{}
		if _, err := io.ReadFull(s.out, head[:n]); err != nil {
			return 0
		}
		return binary.LittleEndian.Uint64(head[:])
	}
	for {
		if _, err := s.out.Peek(1); err != nil {
			return fx, 0, err
		}
		switch n := uint32(number(4)); n {
		case 1<<32 - 1:
			if _, err := s.out.Peek(8); err != nil {
				return fx, 0, err
			}
			at := sim.Time(number(8))
			if at <= 0 || at > 1<<62 {
				at = sim.Never
			}
			return fx, at, nil
		case 1<<32 - 2:
			kind := stops[uint32(number(4))]
			text := make([]byte, min(uint32(number(4)), 1<<20))
			io.ReadFull(s.out, text)
			return append(fx, sim.Effect{Kind: sim.Fault, Text: kind, Data: text}), 0, errEnded
		default:
			b := make([]byte, n)
			if _, err := io.ReadFull(s.out, b); err != nil {
				return fx, 0, err
			}
			var f wire.Frame
			if err := f.Parse(b, func(b []byte) string { return string(b) }); err != nil {
				return fx, 0, err
			}
			if f.Kind == wire.FxTypes {
				continue
			}
			e, err := host.Effect(&f, s.servers)
			if err != nil {
				return fx, 0, err
			}
			fx = append(fx, e)
		}
	}
}

// reports hands on what the detector has written since the last step.
func (s *server) reports(now sim.Time) {
	name := fmt.Sprintf("%s.%d", s.log, s.cmd.Process.Pid)
	info, err := os.Stat(name)
	if err != nil || info.Size() == s.read {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	f.Seek(s.read, io.SeekStart)
	b, _ := io.ReadAll(f)
	s.read += int64(len(b))
	s.found(string(b), now, s.servers)
}
