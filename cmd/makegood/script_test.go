package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"makegood": main})
}

// TestScripts runs testdata/script/*.txtar: each is commands, their input and what
// they must print.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FLIGHTS", filepath.Join(root, "examples", "flights"))
			env.Setenv("RULES", filepath.Join(root, "rules"))
			env.Setenv("HOME", env.WorkDir)
			half, err := halfZipped(strings.Repeat(twoEvents, 50))
			return errors.Join(err,
				os.WriteFile(filepath.Join(env.WorkDir, "broken.jsonl"), []byte(brokenLines()), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "mark.jsonl"), []byte("\xef\xbb\xbf"+twoEvents), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "large.yaml"), []byte("rules:\n"+strings.Repeat("#\n", 1<<20)), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "cut.gz"), []byte("\x1f\x8b\x08"), 0o600),
				os.WriteFile(filepath.Join(env.WorkDir, "half.gz"), half, 0o600))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"start":     start,
			"interrupt": interrupt,
			"token":     token,
			"get":       get,
			"post":      post,
			"code":      code,
			"field":     field,
			"await":     await,
			"receiver":  receiver,
			"replace":   replace,
			"batch":     batch,
			"database":  func(ts *testscript.TestScript, _ bool, args []string) { newDatabase(t, ts, args[0]) },
		},
	})
}

// newDatabase sets a variable to a database of the script's own, whose string
// is in the file dsn, too.
func newDatabase(t *testing.T, ts *testscript.TestScript, variable string) {
	dsn := postgrestest.New(t)
	ts.Setenv(variable, dsn)
	ts.Check(os.WriteFile(ts.MkAbs("dsn"), []byte(dsn+"\n"), 0o600))
}

// twoEvents have the line ends of another system.
const twoEvents = `{"specversion":"1.0","id":"m-1","source":"/ops","type":"com.example.other"}` + "\r\n" +
	`{"specversion":"1.0","id":"m-2","source":"/ops","type":"com.example.other"}` + "\r\n"

// halfZipped is the first half of a gzip file.
func halfZipped(text string) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	err = errors.Join(err, w.Close())
	return b.Bytes()[:b.Len()/2], err
}

// brokenLines returns two good events and, between them, a line that is cut
// short, one that would be two events inside an array, and one of 2 MiB.
func brokenLines() string {
	const good = `{"specversion":"1.0","id":"%s","source":"/ops","type":"com.example.other"}` + "\n"
	return fmt.Sprintf(good, "first") + `{"specversion":"1.0","id":` + "\n" + `{},{}` + "\n" +
		`{"specversion":"` + strings.Repeat("x", 2<<20) + "\"}\n" + fmt.Sprintf(good, "last")
}

// code N ARGS… runs a command that must end with that exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	got := run(context.Background(), args[1:], strings.NewReader(""), ts.Stdout(), ts.Stderr())
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("makegood %s: exit code %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// field VARIABLE NAME sets a variable to the first string of that name in the JSON
// that the last command printed.
func field(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(regexp.QuoteMeta(`"`+args[1]+`"`) + `: "([^"]+)"`).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("nothing printed has %q", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// await PATTERN ARGS… runs a command again and again until it prints the pattern.
func await(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var stdout, stderr strings.Builder
	for range 1500 {
		stdout.Reset()
		stderr.Reset()
		run(context.Background(), args[1:], strings.NewReader(""), &stdout, &stderr)
		if pattern.MatchString(stdout.String()) {
			fmt.Fprint(ts.Stdout(), stdout.String())
			return
		}
		<-ticker.C
	}
	ts.Fatalf("makegood %s never printed %s; last it printed %s%s", strings.Join(args[1:], " "), args[0], stdout.String(), stderr.String())
}

// replace FILE OLD NEW replaces the first OLD, which must be there, in a file.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// receiver FILE has webhooks received until the script ends, and puts the address
// in place of http://RECEIVER in a file.
func receiver(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	ts.Defer(server.Close)
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "http://RECEIVER", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// batch URL NAME FILE posts the events of a file in one request with this name, as
// the SDK does.
func batch(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, args[0]+"/v1/events", strings.NewReader(ts.ReadFile(args[2])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Makegood-Batch", args[1])
	answer, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted && answer.StatusCode != http.StatusBadRequest {
		ts.Fatalf("the service answered %s", answer.Status)
	}
}

// start NAME VARIABLE ARGS… runs a server in the background until the script ends,
// and sets VARIABLE to its address once it listens and, being a service, is ready.
func start(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx, resolve(ts, args[1:]), strings.NewReader(""), io.Discard, w)
		w.Close()
	}()
	end := func() {
		cancel()
		<-done
	}
	ts.Defer(end)
	lines := bufio.NewScanner(r)
	address := regexp.MustCompile(`http://[0-9.:\[\]]+`)
	for lines.Scan() {
		found := address.FindString(lines.Text())
		if found == "" {
			continue
		}
		go io.Copy(io.Discard, r) //nolint:errcheck // the rest of what a server says is of no interest
		url := strings.Replace(found, "[::]", "127.0.0.1", 1)
		ts.Setenv(args[0], url)
		running.Store(url, end)
		if args[1] == "serve" {
			awaitReady(ts, url)
		}
		return
	}
	ts.Fatalf("%s ended before it listened", args[1])
}

// running is how to end what start began, by address.
var running sync.Map

// interrupt VARIABLE ends what start began. It is not called stop, which to
// testscript means to end the script, and to pass.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	end, ok := running.Load(ts.Getenv(args[0]))
	if !ok {
		ts.Fatalf("nothing runs as %s", args[0])
	}
	end.(func())()
}

// token VARIABLE FILE sets a variable to what a file holds.
func token(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// resolve makes relative paths those of the script's folder: the server runs in
// this process.
func resolve(ts *testscript.TestScript, args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if i > 0 && (args[i-1] == "--data-dir" || args[i-1] == "--rules" || args[i-1] == "--state") {
			arg = ts.MkAbs(arg)
		}
		out[i] = arg
	}
	return out
}

func awaitReady(ts *testscript.TestScript, url string) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for range 1000 {
		if answer, err := http.Get(url + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		<-ticker.C
	}
	ts.Fatalf("the service was not ready in time")
}

// get URL PATTERN asks again and again until the answer matches the pattern.
func get(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var last string
	for range 1500 {
		if answer, err := http.Get(args[0]); err == nil {
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if last = string(body); pattern.MatchString(last) {
				fmt.Fprintln(ts.Stdout(), last)
				return
			}
		}
		<-ticker.C
	}
	ts.Fatalf("%s never answered %s; last it was %s", args[0], args[1], last)
}

// post URL BODY sends a form, or an object of JSON, to a provider.
func post(ts *testscript.TestScript, _ bool, args []string) {
	r, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(args[1]))
	ts.Check(err)
	r.SetBasicAuth("sk_test_hand", "")
	if !strings.HasPrefix(args[1], "{") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		ts.Fatalf("%s answered %s: %s", args[0], answer.Status, body)
	}
}

// TestScriptsExist fails when the folder has been emptied: then nothing was run.
func TestScriptsExist(t *testing.T) {
	t.Parallel()
	scripts, err := os.ReadDir("testdata/script")
	if err != nil || len(scripts) < 5 {
		t.Fatalf("%d scripts (%v): nothing was tested", len(scripts), err)
	}
}

// TestInterrupted holds what a command says that was interrupted, instead of the
// name of an error.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	flights := filepath.Join("..", "..", "examples", "flights")
	code := run(ctx, []string{"rules", "backtest", "--rules", filepath.Join(flights, "rules"),
		"--events", filepath.Join(flights, "flights.jsonl.gz")}, strings.NewReader(""), &stdout, &stderr)
	if code != exitFailed || stdout.String() != "" || stderr.String() != "makegood: interrupted\n" {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}
