package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// lateRules credit what came late.
const lateRules = `rules:
  - rule: credit-late
    owner: shop
    why: It came late.
    event: com.example.order.late
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 5000.00 USD, within: 1d}}
    account: "4711 goodwill"
    mode: live
`

// serviceProcess is a service that runs as a process of its own.
type serviceProcess struct {
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	said bytes.Buffer
	done chan struct{} // closed when it says no more
}

// makegoodCommand is this program, to be run as a process of its own.
func makegoodCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "makegood" // by which TestMain knows what to run
	return cmd
}

// serviceOn is the command that serves a data folder.
func serviceOn(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	rules := filepath.Join(t.TempDir(), "rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(rules, "late.yaml"), []byte(lateRules))
	return makegoodCommand(t, "serve", "--data-dir", dir, "--rules", rules, "--listen", "127.0.0.1:0", "--no-sign-in")
}

// startService serves a data folder and returns when it is ready.
func startService(t *testing.T, dir string) *serviceProcess {
	t.Helper()
	s := &serviceProcess{cmd: serviceOn(t, dir), done: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	address := make(chan string, 1)
	go func() {
		defer close(s.done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.mu.Lock()
			fmt.Fprintln(&s.said, lines.Text())
			s.mu.Unlock()
			if found := regexp.MustCompile(`listens on (http://[0-9.:]+)`).FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	select {
	case s.url = <-address:
	case <-s.done:
		t.Fatalf("the service ended: %s", s.log())
	}
	s.await(t, "ready", func() bool { status, _ := s.get(t, "/readyz"); return status == http.StatusOK })
	return s
}

func (s *serviceProcess) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// await asks again and again until something is so.
func (s *serviceProcess) await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); !so(); <-ticker.C {
		if time.Since(began) > time.Minute {
			t.Fatalf("it never was %s; it said: %s", what, s.log())
		}
	}
}

// get asks, and returns no status while nobody answers.
func (s *serviceProcess) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(s.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// late tells that an order came late, with some bytes that do not compress, and
// returns how that was answered.
func (s *serviceProcess) late(t *testing.T, order string, bytes int) int {
	t.Helper()
	status, err := s.tryLate(order, bytes)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// tryLate is late of a service that may have ended.
func (s *serviceProcess) tryLate(order string, bytes int) (status int, err error) {
	random := rand.New(rand.NewPCG(1, uint64(len(order)*bytes)))
	text := make([]byte, bytes)
	for i := range text {
		text[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[random.IntN(64)]
	}
	event := fmt.Sprintf(`{"specversion":"1.0","type":"com.example.order.late","source":"/shop","id":%q,"customer":"c-1","data":{"order":%[1]q,"note":%q}}`, order, text)
	answer, err := http.Post(s.url+"/v1/events", "application/cloudevents+json", strings.NewReader(event))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

// settle waits until there are so many remedies, all done.
func (s *serviceProcess) settle(t *testing.T, want int) {
	t.Helper()
	s.await(t, "settled", func() bool {
		var list api.Remedies
		_, body := s.get(t, "/v1/remedies?limit=1000&status="+decide.Done)
		return json.Unmarshal([]byte(body), &list) == nil && len(list.Remedies) == want
	})
}

// stop ends the service as an operator does.
func (s *serviceProcess) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.done
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the service ended with %v: %s", err, s.log())
	}
}

// refusedService starts a service that is to end by itself, and returns what it said.
func refusedService(t *testing.T, dir string) (said string, code int) {
	t.Helper()
	cmd := serviceOn(t, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Run()
	return stderr.String(), cmd.ProcessState.ExitCode()
}

// verified holds that the ledger of a folder verifies and is reproduced.
func verified(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"audit", "verify"}, {"audit", "reproduce", "--all"}} {
		if out, err := makegoodCommand(t, append(args, "--data-dir", dir)...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
