package crash

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// roleVariable tells a child what to be. Its value is the name of a role, a
// blank, and the role's configuration in JSON.
const roleVariable = "MAKEGOOD_CRASH_ROLE"

// patience is how long a child may take for what it was asked. It is generous
// because the machine is busy, and bounded because a stuck child is a finding.
const patience = 60 * time.Second

// process is a child that runs a role. It lives until it is killed, stopped or
// done.
type process struct {
	role   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // what it prints; closed when it has ended
	errors string      // path of what it printed to stderr
	ended  atomic.Bool
}

// start starts a role from a binary, which is this test's own or a mutant of it.
func start(t testing.TB, binary, role string, config any) *process {
	t.Helper()
	encoded, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.CreateTemp(t.TempDir(), role)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), roleVariable+"="+role+" "+string(encoded))
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{role: role, cmd: cmd, stdin: stdin, lines: make(chan string, 1024), errors: stderr.Name()}
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		if !p.ended.Load() {
			_ = p.cmd.Process.Kill()
			_, _ = p.wait()
		}
	})
	return p
}

// read returns the rest of the next line that begins with a word.
func (p *process) read(word string) (string, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return "", fmt.Errorf("%s ended before it said %q: %s", p.role, word, p.said())
			}
			if rest, found := strings.CutPrefix(line, word); found {
				return strings.TrimSpace(rest), nil
			}
		case <-late.C:
			return "", fmt.Errorf("%s did not say %q within %s: %s", p.role, word, patience, p.said())
		}
	}
}

// wait waits for the child's end and returns the signal that ended it, 0 when it
// ended by itself, which is an error unless its exit code was 0.
func (p *process) wait() (syscall.Signal, error) {
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	for range p.lines { // until its output ends
	}
	err := p.cmd.Wait()
	p.ended.Store(true)
	if !late.Stop() {
		return 0, fmt.Errorf("%s did not end within %s: %s", p.role, patience, p.said())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal(), nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%s ended with %w: %s", p.role, err, p.said())
	}
	return 0, nil
}

// kill kills the child as the kernel would and waits for its end.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w: %s", p.role, err, p.said())
	}
	return p.killed()
}

// freeze stops the child where it is, with all that it holds; thaw lets it go on.
func (p *process) freeze() error { return p.signal(syscall.SIGSTOP) }
func (p *process) thaw() error   { return p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("send %s to %s: %w: %s", s, p.role, err, p.said())
	}
	return nil
}

// killed waits for a child that dies by SIGKILL, and by nothing else.
func (p *process) killed() error {
	signal, err := p.wait()
	if err != nil {
		return err
	}
	if signal != syscall.SIGKILL {
		return fmt.Errorf("%s ended by itself: %s", p.role, p.said())
	}
	return nil
}

// stop asks the child to end and wants exit code 0.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.role, err)
	}
	if signal, err := p.wait(); err != nil || signal != 0 {
		return errors.Join(fmt.Errorf("stop %s: signal %d", p.role, signal), err)
	}
	return nil
}

// said is the end of what the child printed to stderr.
func (p *process) said() string {
	const last = 4 << 10
	text, err := os.ReadFile(p.errors)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-last):])
}

// Ports of children lie below those that systems give to whoever asks for any, so
// that nobody gets one while its child is dead.
const firstPort, ports = 20_000, 12_000

var nextPort atomic.Uint32

// freeAddress returns an address on which nobody listens. Children listen there
// again and again, so no other test of this process gets it.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range ports {
		port := firstPort + (uint32(os.Getpid())*97+nextPort.Add(1))%ports
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", address); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// copyFiles copies the files of a folder whose name begins with a prefix. Opening
// a database after a crash repairs it, and that is for the service to do; so we
// look at copies.
func copyFiles(t testing.TB, dir, prefix string) string {
	t.Helper()
	to := t.TempDir()
	names, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
