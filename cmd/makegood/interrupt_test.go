package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/serving"
)

// TestInterruptWhileWaitingForInput checks that an interrupt ends a command on
// whose input nothing comes.
func TestInterruptWhileWaitingForInput(t *testing.T) {
	t.Parallel()
	flights := filepath.Join("..", "..", "examples", "flights", "rules")
	for _, args := range [][]string{
		{"send", "--url", "http://127.0.0.1:1", "-"},
		{"rules", "explain", "--rules", flights, "-"},
		{"rules", "check", "-"},
		{"rules", "fmt", "-"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in := &silent{asked: make(chan struct{}), closed: make(chan struct{})}
			defer close(in.closed)
			var stderr bytes.Buffer
			code := make(chan int, 1)
			go func() { code <- run(ctx, args, in, io.Discard, &stderr) }()
			<-in.asked
			cancel()
			select {
			case got := <-code:
				if got != exitFailed || !strings.Contains(stderr.String(), "makegood: interrupted") {
					t.Errorf("exit code %d, %q", got, stderr.String())
				}
			case <-time.After(10 * time.Second):
				t.Error("still waits for its input")
			}
		})
	}
}

// TestInterruptAtQuestion checks that an interrupt ends a command that asks whether
// to answer all remedies, and answers none.
func TestInterruptAtQuestion(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in := &silent{asked: make(chan struct{}), closed: make(chan struct{})}
	defer close(in.closed)
	done := make(chan error, 1)
	go func() {
		agreed, err := question(&program{ctx: ctx, stderr: io.Discard}, in, "approve all of them?")
		if agreed {
			err = fmt.Errorf("it agreed")
		}
		done <- err
	}()
	<-in.asked
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v, want the interrupt", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waits for an answer")
	}
}

// silent is a terminal at which nobody types.
type silent struct {
	asked, closed chan struct{}
}

func (s *silent) Read([]byte) (int, error) {
	close(s.asked)
	<-s.closed
	return 0, io.EOF
}

// TestSecondInterrupt checks that a second signal ends a service at once that
// waits for a client to finish its request.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	service := exec.Command(self, "serve", "--data-dir", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--no-sign-in")
	service.Args[0] = "makegood" // by which TestMain knows what to run
	stderr, err := service.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Process.Kill() }()
	lines := bufio.NewScanner(stderr)
	var address []string
	for address == nil && lines.Scan() {
		address = regexp.MustCompile(`listens on http://([0-9.:]+)`).FindStringSubmatch(lines.Text())
	}
	if address == nil {
		t.Fatal("the service does not listen")
	}
	conn, err := net.Dial("tcp", address[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"+
		"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // it reads the body now
		t.Fatal(err)
	}
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- service.Wait() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = service.Process.Signal(os.Interrupt)
			if time.Since(began) > serving.ShutdownTimeout/2 {
				t.Fatal("a second interrupt does not end it")
			}
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "interrupt") {
				t.Errorf("ended with %v, want the signal", err)
			}
			return
		}
	}
}
