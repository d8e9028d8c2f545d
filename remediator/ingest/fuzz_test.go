package ingest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
)

// FuzzBody sends any body in any mode and encoding. customer is a header of
// binary mode.
func FuzzBody(f *testing.F) {
	seed := func(mode, encoding uint8, body io.Reader) {
		raw, err := io.ReadAll(body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(mode, encoding, "c-%C3%A9", raw)
	}
	for _, r := range table(f) {
		mode := slices.Index(modes, strings.Join(r.headers, ""))
		seed(uint8(max(mode, 0)), 0, strings.NewReader(r.body))
	}
	for _, body := range []string{"[" + good + "]", "[" + good + ",{}," + good + "]", "[" + strings.Repeat("{},", 20) + "{}]"} {
		seed(1, 1, gzipped(f, body))
		seed(1, 2, zstded(f, body))
		seed(1, 2, zstdStream(f, body))
	}
	var stored []input.Input
	h := ingest.New(ingest.Config{
		MaxBody: 1 << 16, MaxEvents: 16, MaxEventBytes: 1 << 12, MaxInFlight: 1 << 17,
		Log: appendFunc(func(_ context.Context, inputs []input.Input) error {
			stored = append(stored, inputs...)
			return nil
		}),
	})
	f.Fuzz(func(t *testing.T, mode, encoding uint8, customer string, body []byte) {
		stored = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, fuzzRequest(t, mode, encoding, customer, body))
		a := read(t, w.Code, w.Header(), w.Body.Bytes())
		holds(t, a, stored)

		stored = nil
		again := serve(t, h, http.MethodPost, good, "Content-Type", structured)
		if again.Code != 202 || len(stored) != 1 || string(stored[0].Body) != good {
			t.Fatalf("a good event afterwards: %d, stored %+v", again.Code, stored)
		}
	})
}

// modes are the content types that FuzzBody chooses from; the last two are
// binary mode.
var modes = []string{"Content-Type" + structured, "Content-Type" + batched, "", "Content-Typeapplication/json"}

func fuzzRequest(t *testing.T, mode, encoding uint8, customer string, body []byte) *http.Request {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", bytes.NewReader(body))
	if contentType := strings.TrimPrefix(modes[mode%4], "Content-Type"); contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if encoding %= 3; encoding > 0 {
		req.Header.Set("Content-Encoding", []string{"gzip", "zstd"}[encoding-1])
	}
	if mode%4 >= 2 {
		for _, header := range []string{"specversion 1.0", "id e-1", "source /shop", "type com.example.sold", "customer " + customer} {
			name, value, _ := strings.Cut(header, " ")
			req.Header.Set("Ce-"+name, value)
		}
	}
	return req
}

// holds holds an answer against what was stored.
func holds(t *testing.T, a answer, stored []input.Input) {
	t.Helper()
	accepted := 0
	if a.Accepted != nil {
		accepted = *a.Accepted
	}
	if accepted != len(stored) {
		t.Fatalf("%s, but %d events were stored", describe(a), len(stored))
	}
	switch a.status {
	case 202:
		if len(a.Rejected) != 0 {
			t.Fatalf("%s rejects", describe(a))
		}
	case 400:
		if (a.Accepted != nil) != (len(a.Rejected) > 0) {
			t.Fatalf("%s neither counts nor says why", describe(a))
		}
	case 413:
	default:
		t.Fatalf("status %s", describe(a))
	}
	taken := map[string]bool{}
	for _, in := range stored {
		if _, err := event.Decode(in.Body); err != nil {
			t.Fatalf("stored %q: %v", in.Body, err)
		}
		if compact := event.Compact(nil, in.Body); !bytes.Equal(compact, in.Body) {
			t.Fatalf("stored %q with whitespace", in.Body)
		}
		taken[in.ID[strings.LastIndex(in.ID, "/")+1:]] = true
	}
	for _, r := range a.Rejected {
		index := string(rune('0' + r.Index%10))
		if r.Index >= 10 {
			index = string(rune('0'+r.Index/10)) + index
		}
		if taken[index] || r.Code == "" || r.Detail == "" {
			t.Fatalf("%s: event %d is stored as well, or without a reason", describe(a), r.Index)
		}
		taken[index] = true
	}
	if a.Type != ingest.ProblemMalformed && len(taken) != len(stored)+len(a.Rejected) {
		t.Fatalf("%s: an index is named twice", describe(a))
	}
}
