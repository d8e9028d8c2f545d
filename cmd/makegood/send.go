package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
)

const (
	sendBatch      = 500     // events in a request
	sendBatchBytes = 3 << 20 // the service takes 4 MiB
	sendLine       = 1 << 20 // an event may have 64 KiB; what is longer than this is refused unsent
)

type sendCommand struct {
	URL      string        `required:"" env:"MAKEGOOD_URL" help:"Base URL of the service."`
	Token    string        `env:"MAKEGOOD_TOKEN" help:"Emitter token, when the service asks for one."`
	RetryFor time.Duration `default:"1m" help:"How long to try while the service cannot be reached."`
	Output   string        `enum:"table,json" default:"table" help:"table or json."`
	File     string        `arg:"" help:"CloudEvents as JSON lines, plain or gzip; - reads standard input."`
}

// sent is what the command prints at the end.
type sent struct {
	Events   int        `json:"events"`
	Accepted int        `json:"accepted"`
	Rejected []rejected `json:"rejected"`
	file     string     // for messages that can be clicked on
}

type rejected struct {
	Line   int    `json:"line"`
	ID     string `json:"id,omitempty"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Run sends the file in its order, one request in flight.
func (c *sendCommand) Run(p *program) error {
	if err := checkAddress(c.URL); err != nil {
		return err
	}
	in, err := openEvents(p, c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, 64<<10)
	if err := rehearse.CheckLines(lines); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	s := sender{command: c, client: &http.Client{Timeout: 30 * time.Second}, total: sent{Rejected: []rejected{}, file: c.File}}
	bar := newProgress(p.stderr, "sending events", 0)
	err = s.lines(p.ctx, lines, bar)
	bar.done()
	if err != nil {
		return err
	}
	if err := s.total.print(p.stdout, c.Output); err != nil {
		return err
	}
	if len(s.total.Rejected) > 0 {
		return errChecked
	}
	return nil
}

func (t sent) print(w io.Writer, output string) error {
	slices.SortStableFunc(t.Rejected, func(a, b rejected) int { return a.Line - b.Line })
	if output == "json" {
		return printJSON(w, t)
	}
	for _, r := range t.Rejected {
		fmt.Fprintf(w, "%s:%d: %s: %s\n", t.file, r.Line, r.Code, r.Detail)
	}
	_, err := fmt.Fprintf(w, "%d events sent, %d accepted, %d rejected\n", t.Events, t.Accepted, len(t.Rejected))
	return err
}

// sender collects a batch and sends it until the service has it.
type sender struct {
	command *sendCommand
	client  *http.Client
	events  [][]byte
	numbers []int // of the lines of events
	bytes   int
	line    int
	total   sent
}

// lines sends what the lines of a file hold, batch after batch.
func (s *sender) lines(ctx context.Context, in *bufio.Reader, bar *progress) error {
	for {
		text, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s at line %d: %w", s.command.File, s.line+1, err)
		}
		s.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			if len(s.events) == sendBatch || s.bytes+len(text) > sendBatchBytes {
				if err := s.flush(ctx); err != nil {
					return err
				}
				bar.set(s.total.Events)
			}
			s.add(text)
		}
		if err != nil {
			return s.flush(ctx)
		}
	}
}

// readLine reads a line of any length and keeps of it one byte more than may be
// sent.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part[:min(len(part), sendLine+1-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// add puts a line into the batch. One that is not JSON is refused here: inside a
// batch it would break the body, and with it every event beside it.
func (s *sender) add(text []byte) {
	var refused *event.Error
	_, err := event.Check(text, sendLine)
	errors.As(err, &refused)
	broken := !json.Valid(text)
	if refused == nil && broken {
		refused = &event.Error{Code: event.CodeSyntax, Message: "the line is not JSON: write one event a line"}
	}
	if refused != nil && (broken || refused.Code == event.CodeSyntax || refused.Code == event.CodeTooLarge) {
		s.total.Events++
		s.total.Rejected = append(s.total.Rejected, rejected{Line: s.line, ID: refused.ID, Code: refused.Code, Detail: refused.Message})
		return
	}
	s.events = append(s.events, text)
	s.numbers = append(s.numbers, s.line)
	s.bytes += len(text)
}

func (s *sender) flush(ctx context.Context) error {
	if len(s.events) == 0 {
		return nil
	}
	body := batchOf(s.events)
	batch := uuid.NewString()
	deadline := time.Now().Add(s.command.RetryFor)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		again, err := s.post(ctx, batch, body)
		if err == nil {
			break
		}
		if !again || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("send events of lines %d to %d: %w", s.numbers[0], s.numbers[len(s.numbers)-1], err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(wait)):
		}
	}
	s.total.Events += len(s.events)
	s.events, s.numbers, s.bytes = s.events[:0], s.numbers[:0], 0
	return nil
}

func batchOf(events [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(events, []byte{','})...), ']')
}

// post sends the batch once, and says after an error whether to try again.
func (s *sender) post(ctx context.Context, batch string, body []byte) (again bool, err error) {
	address := strings.TrimSuffix(s.command.URL, "/") + "/v1/events"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Makegood-Batch", batch)
	if s.command.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.command.Token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	var answer struct {
		Accepted int    `json:"accepted"`
		Title    string `json:"title"`
		Detail   string `json:"detail"`
		Rejected []struct {
			Index  int    `json:"index"`
			ID     string `json:"id"`
			Code   string `json:"code"`
			Detail string `json:"detail"`
		} `json:"rejected"`
	}
	decodeErr := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&answer)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return true, fmt.Errorf("the service answered %s: %s", resp.Status, answer.Detail)
	case resp.StatusCode != http.StatusAccepted && len(answer.Rejected) == 0:
		return false, fmt.Errorf("the service answered %s: %s %s", resp.Status, answer.Title, answer.Detail)
	case decodeErr != nil:
		return true, fmt.Errorf("read the answer: %w", decodeErr)
	}
	s.total.Accepted += answer.Accepted
	for _, r := range answer.Rejected {
		line := 0
		if r.Index >= 0 && r.Index < len(s.numbers) {
			line = s.numbers[r.Index]
		}
		s.total.Rejected = append(s.total.Rejected, rejected{Line: line, ID: r.ID, Code: r.Code, Detail: r.Detail})
	}
	return false, nil
}
