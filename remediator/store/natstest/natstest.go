// Package natstest gives tests a NATS to keep a log in: servers of their own, in
// processes that end with the test. A cluster of several can be hurt: its servers are
// killed, frozen and cut off from each other. It is for tests alone.
package natstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// patience is how long a server may take to be ready. A cluster of a busy machine
	// elects leaders first.
	patience = 90 * time.Second
	// pollEvery is how often a server is asked whether it is ready.
	pollEvery = 20 * time.Millisecond
)

// keeper runs a server, says its process id, and kills it at the end of its input,
// which comes with the end of the test process however that ends.
const keeper = `trap '' INT; "$@" & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; wait 2>/dev/null; exit 0`

// program builds the server once for all tests of a machine, from a module of its own.
var program = sync.OnceValues(func() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	build := exec.Command("go", "tool", "-n", "nats-server")
	build.Dir = filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "tools", "nats-server")
	var said strings.Builder
	build.Stderr = &said
	path, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("build nats-server in %s: %w: %s", build.Dir, err, said.String())
	}
	return strings.TrimSpace(string(path)), nil
})

// Server is a server of NATS with JetStream.
type Server struct {
	dir     string // of its configuration, its streams and what it says
	client  string // address for clients
	monitor string // address for its state

	cmd    *exec.Cmd // nil while it is not there
	input  io.Closer
	number int // of its process
}

// Single starts a server that is no member of a cluster.
func Single(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{}
	if err := s.configure(t.TempDir(), "", o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.endWith(t) })
	if err := errors.Join(s.Start(), s.Ready()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Copy starts a server on a copy of what the server has stored. The server is killed
// and started again meanwhile.
func (s *Server) Copy(t testing.TB) *Server {
	t.Helper()
	c := &Server{}
	dir := t.TempDir()
	err := errors.Join(s.Kill(), os.CopyFS(filepath.Join(dir, "streams"), os.DirFS(filepath.Join(s.dir, "streams"))), s.Start(), s.Ready(), c.configure(dir, "", Options{}))
	if err == nil {
		t.Cleanup(func() { c.endWith(t) })
		err = errors.Join(c.Start(), c.Ready())
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Options of servers.
type Options struct {
	// Sync has each message on disk before it is acknowledged, as a log should, which
	// tests that only kill processes do without.
	Sync bool
	// More are further lines of the configuration, such as who may connect and how.
	More string
}

// URL is the address of a log on the server.
func (s *Server) URL() string { return "nats://" + s.client + "?replicas=1" }

// configure gives the server a folder, addresses and a configuration, with more lines.
func (s *Server) configure(dir, more string, o Options) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	s.dir, s.client, s.monitor = dir, "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1]
	sync := ""
	if o.Sync {
		sync = "sync_interval: always"
	}
	text := fmt.Sprintf("server_name: %q\nlisten: %q\nhttp: %q\nlog_file: %q\njetstream {\nstore_dir: %q\n%s\n}\n%s\n%s\n",
		filepath.Base(dir), s.client, s.monitor, filepath.Join(dir, "log"), filepath.Join(dir, "streams"), sync, more, o.More)
	return os.WriteFile(filepath.Join(dir, "nats.conf"), []byte(text), 0o600)
}

// Start starts the server where it ended. It may not be ready yet.
func (s *Server) Start() error {
	path, err := program()
	if err != nil {
		return err
	}
	s.cmd = exec.Command("sh", "-c", keeper, "keeper", path, "-c", filepath.Join(s.dir, "nats.conf"))
	s.cmd.Stderr = os.Stderr
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	said, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start nats-server: %w", err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		return fmt.Errorf("start nats-server: %w", err)
	}
	s.number, err = strconv.Atoi(strings.TrimSpace(line))
	return err
}

// Ready waits until the server serves, with all streams that it has.
func (s *Server) Ready() error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		state := "no answer"
		answer, err := http.Get("http://" + s.monitor + "/healthz")
		if err == nil {
			answer.Body.Close()
			if state = answer.Status; answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-limit.C:
			return fmt.Errorf("nats-server is not ready after %v: %s\n%s", patience, state, s.Said())
		}
	}
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() error {
	if s.cmd == nil {
		return nil
	}
	err := errors.Join(s.signal(os.Kill), s.input.Close(), s.cmd.Wait())
	s.cmd = nil
	return err
}

func (s *Server) signal(signal os.Signal) error {
	process, err := os.FindProcess(s.number)
	if err == nil {
		err = process.Signal(signal)
	}
	if err != nil {
		return fmt.Errorf("%v nats-server: %w", signal, err)
	}
	return nil
}

// Said is the end of what the server has said.
func (s *Server) Said() string {
	const last = 4 << 10
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-last):])
}

func (s *Server) endWith(t testing.TB) {
	if t.Failed() {
		t.Logf("%s said at last:\n%s", filepath.Base(s.dir), s.Said())
	}
	if err := s.Kill(); err != nil {
		t.Errorf("end nats-server: %v", err)
	}
}

// Ports of servers lie below those that systems give to connections that are opened
// (from 32768 on Linux and 49152 elsewhere), because a server's port is free while it is
// killed, and must not be given away then.
const (
	firstPort = 20000
	endPort   = 32000
)

// freePorts returns ports of this machine that were free a moment ago, different ones.
// They are drawn, so that test processes side by side seldom try the same.
func freePorts(n int) ([]string, error) {
	const tries = 1000
	var ports []string
	var last error
	for range tries {
		if len(ports) == n {
			return ports, nil
		}
		port := strconv.Itoa(firstPort + rand.IntN(endPort-firstPort))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			last = err
			continue
		}
		defer l.Close() // all are held until all are found
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("find a free port: %w", last)
}
