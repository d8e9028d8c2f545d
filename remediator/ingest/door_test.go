package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// door is a handler before a real log, behind a real server.
type door struct {
	t       testing.TB
	url     string
	handler *ingest.Handler
	log     log.Log
}

func open(t testing.TB, cfg ingest.Config) *door {
	t.Helper()
	stored, err := logdb.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), logdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stored.Close() })
	batcher := log.NewBatcher(stored, log.Options{})
	t.Cleanup(func() { _ = batcher.Close() })
	cfg.Log = batcher
	handler := ingest.New(cfg)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &door{t: t, url: server.URL + "/v1/events", handler: handler, log: stored}
}

// stored returns every input of the log.
func (d *door) stored() []input.Input {
	d.t.Helper()
	records, err := d.log.Read(d.t.Context(), 0, 1<<20)
	if err != nil {
		d.t.Fatal(err)
	}
	var all []input.Input
	for _, r := range records {
		inputs, err := input.DecodeRecord(r.Blob, 0)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, inputs...)
	}
	return all
}

// answer is what a handler said.
type answer struct {
	status int
	header http.Header
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	Accepted *int `json:"accepted"`
	Rejected []struct {
		Index  int    `json:"index"`
		ID     string `json:"id"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"rejected"`
}

// post sends a body; headers are pairs of names and values. A body that is no
// bytes.Reader or the like goes out chunked.
func (d *door) post(body io.Reader, headers ...string) answer {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url, body)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return read(d.t, res.StatusCode, res.Header, raw)
}

// read decodes an answer and holds it to what every answer must be.
func read(t testing.TB, status int, header http.Header, raw []byte) answer {
	t.Helper()
	a := answer{status: status, header: header}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		t.Fatalf("answer %d %q: %v", status, raw, err)
	}
	contentType, wantType := header.Get("Content-Type"), "application/problem+json"
	if status == http.StatusAccepted {
		wantType = "application/json"
	} else if a.Type == "" || a.Title == "" || a.Detail == "" || a.Status != status {
		t.Fatalf("answer %d %s is no full problem", status, raw)
	}
	if contentType != wantType {
		t.Fatalf("answer %d is %s, want %s", status, contentType, wantType)
	}
	return a
}

// appendFunc is an Appender in one function.
type appendFunc func(context.Context, []input.Input) error

func (f appendFunc) Append(ctx context.Context, inputs []input.Input) error { return f(ctx, inputs) }

// good is an event that nothing is wrong with.
const good = `{"specversion":"1.0","id":"e-1","source":"/shop","type":"com.example.sold","data":{"paid":"2.99 USD"}}`
