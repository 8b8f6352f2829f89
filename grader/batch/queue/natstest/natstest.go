// Package natstest starts real NATS servers for tests, as processes of their
// own that can be killed. It knows the module of the server and how to run it.
// It must not know what is sent through it.
package natstest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// build makes the server's program; after the first time go has it ready.
func build(t testing.TB) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("this program does not know its sources")
	}
	name := filepath.Join(t.TempDir(), "nats-server")
	cmd := exec.Command("go", "build", "-o", name, "github.com/nats-io/nats-server/v2")
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "natsserver")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building nats-server: %v\n%s", err, out)
	}
	return name
}

// Server is a NATS server on this machine's loopback address.
type Server struct {
	Port int
	Dir  string // what it stores
	args []string
	exe  string
	cmd  *exec.Cmd
}

// New prepares a server that is not started; its address is chosen. args are
// added to its command line.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	exe := build(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Port: l.Addr().(*net.TCPAddr).Port, Dir: t.TempDir(), args: args, exe: exe}
	l.Close()
	t.Cleanup(func() { s.Kill() })
	return s
}

// Start prepares a server with JetStream and starts it.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := New(t, append([]string{"-js"}, args...)...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// URL is the server's address.
func (s *Server) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.Port) }

// Start starts the server, or starts it again on what it has stored. Its
// clients wait until it answers.
func (s *Server) Start() error {
	s.cmd = exec.Command(s.exe, append([]string{"-a", "127.0.0.1", "-p", fmt.Sprint(s.Port), "-sd", s.Dir}, s.args...)...)
	tie(s.cmd)
	return s.cmd.Start()
}

// Kill kills the server as kill -9 does, and waits for its end.
func (s *Server) Kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	s.cmd = nil
}
