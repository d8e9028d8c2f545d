package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
)

// credentials say who asks.
type credentials struct {
	Token     string `env:"MAKEGOOD_TOKEN,MAKEGOOD_ADMIN_TOKEN" help:"Your token, when the service asks for one." group:"Which service, and who asks"`
	TokenFile string `type:"path" help:"File with your token; it counts before --token." group:"Which service, and who asks"`
}

// bearer is the token to show, empty for none.
func (c credentials) bearer() (string, error) {
	if c.TokenFile == "" {
		return c.Token, nil
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read token: %s is empty", c.TokenFile)
	}
	return token, nil
}

// service says who answers and is told: a running service, by its address or by
// its data folder. Without one that runs, the files of the folder answer reads, or
// the database.
type service struct {
	URL     string `env:"MAKEGOOD_URL" help:"Address of the service." group:"Which service, and who asks"`
	DataDir string `env:"MAKEGOOD_DATA_DIR" help:"Data folder of a service on this machine, which knows you as its owner; while none runs, reads are answered from its files." type:"path" group:"Which service, and who asks"`
	database
	credentials
	Output string `enum:"table,json" default:"table" help:"table or json."`

	patience time.Duration // for an answer that takes the service long; 0: answerTimeout
}

// AfterApply decides between an address and a folder. What the command line says
// counts before what the environment says, where one is often set for the service
// and the other for its users; of two in the environment it is the address.
func (s *service) AfterApply(parsed *kong.Context) error {
	given := map[string]bool{}
	for _, part := range parsed.Path {
		if part.Flag != nil && !part.Resolved {
			given[part.Flag.Name] = true
		}
	}
	switch {
	case given["url"] && given["data-dir"]:
		return usageError("--url and --data-dir can't be used together")
	case given["url"] && (given["database"] || given["database-file"]):
		return usageError("--url and --database can't be used together")
	case given["data-dir"] || given["database"] || given["database-file"]:
		s.URL = ""
	case s.URL != "":
		s.DataDir = ""
	}
	return nil
}

const (
	maxAnswer     = 64 << 20         // bytes that are read of an answer
	answerTimeout = 30 * time.Second // longer than the service waits for whatever it does
	tries         = 3                // of a command that may or may not have arrived
	tryAgainAfter = 200 * time.Millisecond
)

// errNotRunning says that a data folder has no service that could be reached.
var errNotRunning = errors.New("no service can be reached")

// checkAddress refuses what is no address of a service.
func checkAddress(address string) error {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usageError(fmt.Sprintf("--url %q is no http or https URL: write one like http://127.0.0.1:8080", address))
	}
	return nil
}

// reach returns a client of the running service and the address to ask it at.
func (s service) reach() (*http.Client, string, error) {
	client := &http.Client{Timeout: cmp.Or(s.patience, answerTimeout)}
	switch {
	case s.URL != "":
		return client, strings.TrimSuffix(s.URL, "/"), checkAddress(s.URL)
	case s.DataDir == "" && s.named():
		return nil, "", errNotRunning
	case s.DataDir == "":
		return nil, "", usageError("say which service: --url, or --data-dir of one that runs on this machine")
	}
	socket := filepath.Join(s.DataDir, socketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, "", errNotRunning
	}
	_ = conn.Close() // it was only to see whether somebody listens
	client.Transport = &http.Transport{DialContext: dial, DisableKeepAlives: true}
	return client, "http://makegood", nil
}

// get reads a path of the API into a value. A data folder without a running
// service answers through the same handlers, from its files or from the database,
// opened to read only.
func (s service) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err := s.ask(ctx, http.MethodGet, path, nil, "", into)
	if errors.Is(err, errNotRunning) {
		return s.fromStore(ctx, http.MethodGet, path, nil, into)
	}
	return err
}

// lookAt has the service, or the data folder, say something about what it is given.
func (s service) lookAt(ctx context.Context, path string, body, into any) error {
	err := s.ask(ctx, http.MethodPost, path, body, "", into)
	if !errors.Is(err, errNotRunning) {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	return s.fromStore(ctx, http.MethodPost, path, bytes.NewReader(text), into)
}

// show reads a path of the API and prints it: as it is to programs, and as table
// does it to people.
func show[T any](p *program, s service, path string, query url.Values, table func(T) error) error {
	var answer T
	if err := s.get(p.ctx, path, query, &answer); err != nil {
		return err
	}
	if s.Output == "json" {
		return printJSON(p.stdout, answer)
	}
	return table(answer)
}

// showAll is show of a list of which every page is read. add takes a page into the whole
// and returns the cursor that goes on.
func showAll[T any](p *program, s service, path string, query url.Values, add func(whole, page *T) (next string), table func(T) error) error {
	var whole T
	for more := true; more; {
		var page T
		if err := s.get(p.ctx, path, query, &page); err != nil {
			return err
		}
		next := add(&whole, &page)
		query.Set("after", next)
		more = next != ""
	}
	if s.Output == "json" {
		return printJSON(p.stdout, whole)
	}
	return table(whole)
}

// storage is where what the service decided lies.
func (s service) storage() storage { return storage{s.DataDir, s.database} }

// readFromStore is why a ledger that nobody serves is not ready.
const readFromStore = "read from where it is stored"

func (s service) fromStore(ctx context.Context, method, path string, body io.Reader, into any) error {
	db, err := s.storage().openLedger(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	running := http.NotFoundHandler() // what only a running service answers
	var unread error
	inForce := sync.OnceValue(func() (in decide.InForce) {
		in, unread = db.InForce(ctx)
		return in
	})
	handler := api.New(api.Config{
		Events: running, Stream: running, Gates: running, Balance: running, Redeem: running, Receive: running,
		Ledger: db, Logger: slog.New(slog.DiscardHandler), Guard: access.New(access.Config{Open: true}),
		InForce: inForce,
		Ready:   func() error { return errors.New(readFromStore) },
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, body))
	if unread != nil {
		return unread
	}
	answer := w.Result()
	defer answer.Body.Close()
	return readAnswer(answer, false, into)
}

// live reads what only a running service knows.
func (s service) live(ctx context.Context, path string, into any) error {
	return s.running(s.ask(ctx, http.MethodGet, path, nil, "", into))
}

// post gives the service a command, whose answer is read into a value, and gives
// it again, as the same one, when nobody knows whether it arrived.
func (s service) post(ctx context.Context, path string, body, into any) error {
	key := uuid.NewString()
	for try := 1; ; try++ {
		err := s.ask(ctx, http.MethodPost, path, body, key, into)
		var lost *lostError
		if !errors.As(err, &lost) || try == tries {
			return s.running(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * tryAgainAfter):
		}
	}
}

// postOnce gives a command that makes something else each time.
func (s service) postOnce(ctx context.Context, path string, body, into any) error {
	return s.running(s.ask(ctx, http.MethodPost, path, body, "", into))
}

// running says of a folder why it cannot do what was asked.
func (s service) running(err error) error {
	if errors.Is(err, errNotRunning) && s.DataDir == "" {
		return errors.New("only a running service knows this and takes commands: name it with --url")
	}
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("no service can be reached at %s: only a running one knows this and takes commands; "+
			"start it with makegood serve --data-dir, or name it with --url", filepath.Join(s.DataDir, socketName))
	}
	return err
}

// ask sends one request and reads its answer into a value.
func (s service) ask(ctx context.Context, method, path string, body any, key string, into any) error {
	client, address, err := s.reach()
	if err != nil {
		return err
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode command: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, address+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("ask service: %w", err)
	}
	token, err := s.bearer()
	if err != nil {
		return err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(req)
	if err != nil {
		var refused *net.OpError
		if ctx.Err() == nil && !(errors.As(err, &refused) && refused.Op == "dial") {
			return &lostError{fmt.Errorf("ask service: %w", err)}
		}
		return fmt.Errorf("ask service: %w", err)
	}
	defer answer.Body.Close()
	return readAnswer(answer, true, into)
}

// lostError is an error after which a command may have arrived, or may arrive yet.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// refusal is why a service does not do what it was told; the same command again is
// refused again, unless something else changes.
type refusal struct{ kind, detail string } // of the problem

func (r refusal) Error() string { return r.detail }

// notDecided is what a service says of a command that it has taken, and that will
// be decided later.
type notDecided struct{ api.Accepted }

func (n *notDecided) Error() string { return "accepted; not decided yet, ask GET " + n.Ask }

// readAnswer reads what a service that was asked, or a data folder, answered.
func readAnswer(answer *http.Response, asked bool, into any) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return &lostError{fmt.Errorf("read answer: %w", err)}
	}
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusAccepted:
		var later notDecided
		if err := json.Unmarshal(body, &later.Accepted); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return &later
	default:
		return problemOf(answer, body, asked)
	}
	if file, ok := into.(*[]byte); ok {
		*file = body
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// howToShowToken says what a service that knows nobody needs, in the words of this
// program.
const howToShowToken = "give --token-file or MAKEGOOD_TOKEN, or --data-dir on the machine where it runs"

// problemOf is an answer that is none, in the words of who answered.
func problemOf(answer *http.Response, body []byte, asked bool) error {
	var said struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(body, &said) // what is no problem+json has no detail
	err := fmt.Errorf("the service answered %s: %s", answer.Status, said.Detail)
	switch {
	case !asked:
		return errors.New(said.Detail)
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests:
		return &lostError{err}
	case answer.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w; %s", err, howToShowToken)
	case said.Detail == "":
		return err
	}
	return refusal{strings.TrimPrefix(said.Type, problem.Prefix), said.Detail}
}
