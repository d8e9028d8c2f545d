package ingest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
)

const (
	structured = "application/cloudevents+json"
	batched    = "application/cloudevents-batch+json"
)

func TestStoredInputs(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	body := "[ " + good + ", {}, " + strings.ReplaceAll(strings.Replace(good, "e-1", "e: {2}", 1), ",", " ,\n") + "]"
	a := d.post(strings.NewReader(body), "Content-Type", batched, "Makegood-Batch", "b-7")
	if describe(a) != "400 accepted=2 events-rejected 1:missing" {
		t.Fatalf("answer %s", describe(a))
	}
	want := []input.Input{
		{ID: "event/b-7/0", Kind: input.Event, Body: []byte(good)},
		{ID: "event/b-7/2", Kind: input.Event, Body: []byte(strings.Replace(good, "e-1", "e: {2}", 1))},
	}
	stored := d.stored()
	if !reflect.DeepEqual(stored, want) {
		t.Errorf("stored %+v\nwant   %+v", stored, want)
	}
	if got, want := d.handler.Stats(), (ingest.Stats{Requests: 1, Accepted: 2, Rejected: 1, Bytes: uint64(len(body))}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestNamesOfRequests(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	for _, headers := range [][]string{
		{"Makegood-Batch", "a"},
		{"Idempotency-Key", "b"},
		{"Idempotency-Key", `"c"`},
		{"Idempotency-Key", "d", "Makegood-Batch", "e"},
		{}, {},
	} {
		d.post(strings.NewReader(good), append(headers, "Content-Type", structured)...)
	}
	var ids []string
	for _, in := range d.stored() {
		ids = append(ids, in.ID)
	}
	if len(ids) != 6 || fmt.Sprint(ids[:4]) != "[event/a/0 event/b/0 event/c/0 event/e/0]" {
		t.Fatalf("ids %q", ids)
	}
	if ids[4] == ids[5] || len(ids[4]) != len("event/0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e/0") {
		t.Errorf("requests without names became %q and %q", ids[4], ids[5])
	}
}

func TestEventClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2001, 1, 1, 0, 1, 0, 5, time.UTC)
	timed := strings.Replace(good, `"id"`, `"time":"`+at.Format(time.RFC3339Nano)+`","id"`, 1)
	for _, eventClock := range []bool{false, true} {
		d := open(t, ingest.Config{EventClock: eventClock})
		d.post(strings.NewReader("["+timed+","+good+"]"), "Content-Type", batched)
		want := []int64{input.StampRecord, input.StampRecord}
		if eventClock {
			want = []int64{at.UnixNano(), input.StampPrevious}
		}
		// The stamps are resolved by the reader of a record, so they are taken
		// before the log.
		var got []int64
		h := ingest.New(ingest.Config{EventClock: eventClock, Log: appendFunc(func(_ context.Context, inputs []input.Input) error {
			for _, in := range inputs {
				got = append(got, in.At)
			}
			return nil
		})})
		serve(t, h, http.MethodPost, "["+timed+","+good+"]", "Content-Type", batched)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("event clock %v: stamps %d, want %d", eventClock, got, want)
		}
		if stored := d.stored(); len(stored) != 2 {
			t.Errorf("event clock %v: %d events in the log, want 2", eventClock, len(stored))
		}
	}
}

// serve hands a request to a handler without a server between.
func serve(t testing.TB, h http.Handler, method, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, "/v1/events", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// shows lets those emit who show this and nothing else.
func shows(header string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Header.Get("Authorization") == header }
}

func TestWhoMayEmit(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{Allow: shows("Bearer mge_secret")})
	for shown, want := range map[string]int{"": 401, "Bearer mge_secret": 202, "Bearer mge_secre": 401} {
		a := d.post(strings.NewReader(good), "Content-Type", structured, "Authorization", shown)
		if a.status != want {
			t.Errorf("Authorization %q: %d, want %d", shown, a.status, want)
		}
		if a.status == 401 && (a.Type != ingest.ProblemUnauthorized || a.header.Get("WWW-Authenticate") == "") {
			t.Errorf("Authorization %q: %s without a challenge", shown, a.Type)
		}
	}
	if stored := d.stored(); len(stored) != 1 {
		t.Errorf("%d events are in the log, want 1", len(stored))
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]string{0: "*", 120: "120"} {
		d := open(t, ingest.Config{Allow: shows("Bearer secret"), RatePerMinute: rate})
		w := serve(t, d.handler, http.MethodOptions, "", "WebHook-Request-Origin", "eventgrid.azure.net", "WebHook-Request-Rate", "1000")
		if w.Code != 200 || w.Header().Get("WebHook-Allowed-Origin") != "eventgrid.azure.net" || w.Header().Get("WebHook-Allowed-Rate") != want {
			t.Errorf("handshake: %d %v, want rate %s", w.Code, w.Header(), want)
		}
		w = serve(t, d.handler, http.MethodOptions, "")
		if w.Code != 200 || w.Header().Get("WebHook-Allowed-Origin") != "" || w.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("OPTIONS: %d %v", w.Code, w.Header())
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
		w := serve(t, d.handler, method, good, "Content-Type", structured)
		a := read(t, w.Code, w.Header(), w.Body.Bytes())
		if a.status != 405 || a.Type != ingest.ProblemMethod || w.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s: %s, Allow %q", method, describe(a), w.Header().Get("Allow"))
		}
	}
}

func TestLogRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"busy":   {fmt.Errorf("append: %w", log.ErrBusy), "429 busy"},
		"closed": {log.ErrClosed, "503 unavailable"},
		"disk":   {errors.New("disk is full"), "503 unavailable"},
	} {
		broken := true
		h := ingest.New(ingest.Config{Log: appendFunc(func(context.Context, []input.Input) error {
			if broken {
				return test.err
			}
			return nil
		})})
		w := serve(t, h, http.MethodPost, "["+good+",{}]", "Content-Type", batched)
		a := read(t, w.Code, w.Header(), w.Body.Bytes())
		if describe(a) != test.want || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %s, Retry-After %q; want %s", name, describe(a), w.Header().Get("Retry-After"), test.want)
		}
		if strings.Contains(a.Detail, "disk") {
			t.Errorf("%s: the answer tells emitters about the inside: %s", name, a.Detail)
		}
		broken = false
		if w := serve(t, h, http.MethodPost, good, "Content-Type", structured); w.Code != 202 {
			t.Errorf("%s: %d afterwards, want 202", name, w.Code)
		}
		if got, want := h.Stats(), (ingest.Stats{Requests: 2, Refused: 1, Accepted: 1, Bytes: uint64(len(good)*2 + 5)}); got != want {
			t.Errorf("%s: stats %+v, want %+v", name, got, want)
		}
	}
}

// TestNothingIsAckedBeforeItIsDurable holds the log and looks for an answer.
func TestNothingIsAckedBeforeItIsDurable(t *testing.T) {
	t.Parallel()
	reached, durable := make(chan struct{}), make(chan struct{})
	h := ingest.New(ingest.Config{Log: appendFunc(func(context.Context, []input.Input) error {
		close(reached)
		<-durable
		return nil
	})})
	w := &watched{ResponseRecorder: httptest.NewRecorder()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(good))
		req.Header.Set("Content-Type", structured)
		h.ServeHTTP(w, req)
	}()
	<-reached
	if w.wrote {
		t.Error("the answer was written while the log was still storing")
	}
	close(durable)
	<-done
	if w.Code != 202 {
		t.Errorf("status %d, want 202", w.Code)
	}
}

type watched struct {
	*httptest.ResponseRecorder
	wrote bool
}

func (w *watched) WriteHeader(status int) {
	w.wrote = true
	w.ResponseRecorder.WriteHeader(status)
}

// TestBytesInFlight holds one request open and sends more than fits beside it.
func TestBytesInFlight(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}, 8), make(chan struct{})
	h := ingest.New(ingest.Config{MaxInFlight: 2 * len(good), Log: appendFunc(func(ctx context.Context, inputs []input.Input) error {
		if inputs[0].ID == "event/held/0" {
			reached <- struct{}{}
			<-release
		}
		return nil
	})})
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(t, h, http.MethodPost, good, "Content-Type", structured, "Makegood-Batch", "held")
	}()
	<-reached
	if w := serve(t, h, http.MethodPost, good, "Content-Type", structured); w.Code != 202 {
		t.Errorf("what fits beside gets %d, want 202", w.Code)
	}
	three := "[" + good + "," + good + "," + good + "]"
	w := serve(t, h, http.MethodPost, three, "Content-Type", batched)
	if a := read(t, w.Code, w.Header(), w.Body.Bytes()); describe(a) != "429 busy" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("what does not fit gets %s", describe(a))
	}
	zipped, err := io.ReadAll(gzipped(t, three))
	if err != nil {
		t.Fatal(err)
	}
	if w := serve(t, h, http.MethodPost, string(zipped), "Content-Type", batched, "Content-Encoding", "gzip"); w.Code != 429 {
		t.Errorf("what does not fit once unzipped gets %d, want 429", w.Code)
	}
	close(release)
	<-done
	if w := serve(t, h, http.MethodPost, three, "Content-Type", batched); w.Code != 202 {
		t.Errorf("what is too large beside others gets %d alone, want 202", w.Code)
	}
}

func TestBoundsAreConfigurable(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{MaxBody: 1000, MaxEvents: 2, MaxEventBytes: 200})
	big := strings.Replace(good, "2.99 USD", strings.Repeat("x", 200), 1)
	for _, test := range []struct{ body, want string }{
		{"[" + good + "," + good + "]", "202 accepted=2"},
		{"[" + good + "," + good + "," + good + "]", "413 too-large"},
		{"[" + good + "," + big + "]", "400 accepted=1 events-rejected 1:too-large"},
		{"[" + good + strings.Repeat(" ", 1000) + "]", "413 too-large"},
	} {
		if a := d.post(strings.NewReader(test.body), "Content-Type", batched); describe(a) != test.want {
			t.Errorf("%.300s: %s, want %s", test.body, describe(a), test.want)
		}
	}
	large := open(t, ingest.Config{MaxEventBytes: 10 << 20, MaxBody: 10 << 20})
	for size, want := range map[int]string{
		ingest.MaxEventBytes - len(good) + len("2.99 USD"):     "202 accepted=1",
		ingest.MaxEventBytes - len(good) + len("2.99 USD") + 1: "400 accepted=0 events-rejected 0:too-large",
	} {
		body := strings.Replace(good, "2.99 USD", strings.Repeat("x", size), 1)
		if a := large.post(strings.NewReader(body), "Content-Type", structured, "Makegood-Batch", strings.Repeat("n", 128)); describe(a) != want {
			t.Errorf("an event of %d bytes: %s (%s), want %s", len(body), describe(a), a.Detail, want)
		}
	}
}

// TestClientGoesAway cuts the connection in the middle of a body.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	address := strings.TrimSuffix(strings.TrimPrefix(d.url, "http://"), "/v1/events")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	half := good[:len(good)/2]
	fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", structured, len(good), half)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
	_ = conn.Close()
	d.takesGood()
	if stored := d.stored(); len(stored) != 1 {
		t.Errorf("%d events are in the log, want 1", len(stored))
	}
}

// TestRejectedIDs shows that an answer names the events that it can name, and
// stays small whatever they hold.
func TestRejectedIDs(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	long := strings.Repeat("x", event.MaxText)
	a := d.post(strings.NewReader(`[{"id":"e-7","source":7},{"source":7,"id":"`+long+`"},{"id":7}]`), "Content-Type", batched)
	if describe(a) != "400 accepted=0 events-rejected 0:type 1:type 2:type" {
		t.Fatalf("answer %s", describe(a))
	}
	if a.Rejected[0].ID != "e-7" || a.Rejected[1].ID != "" || a.Rejected[2].ID != "" {
		t.Errorf("ids %q %q %q", a.Rejected[0].ID, a.Rejected[1].ID, a.Rejected[2].ID)
	}
	worst := strings.Repeat(`{"id":"`+strings.Repeat("é", 60)+`","type":"`+strings.Repeat(`\u0000`, 255)+`"},`, 999) + `{}`
	w := serve(t, d.handler, http.MethodPost, "["+worst+"]", "Content-Type", batched)
	if w.Code != 400 || w.Body.Len() > 1<<20 {
		t.Errorf("answer %d of %d bytes, want 400 of at most 1 MiB", w.Code, w.Body.Len())
	}
	read(t, w.Code, w.Header(), bytes.TrimSpace(w.Body.Bytes()))
}
