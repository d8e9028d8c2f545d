package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/ingest/webhook"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/webhooks"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func secret(t testing.TB, base64 string) signature.Secret {
	t.Helper()
	s, err := signature.ParseSecret("whsec_" + strings.Repeat(base64, 10))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// door is a handler before a real log, behind a real server.
type door struct {
	t   testing.TB
	url string
	log *logdb.Log
}

func open(t testing.TB) *door {
	t.Helper()
	stored, err := logdb.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), logdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stored.Close() })
	batcher := log.NewBatcher(stored, log.Options{})
	t.Cleanup(func() { _ = batcher.Close() })
	return &door{t: t, url: serve(t, batcher), log: stored}
}

// serve answers at /v1/webhooks/{source} for a source whose secret is changing.
func serve(t testing.TB, to webhook.Appender) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/v1/webhooks/{source}", webhook.New(webhook.Config{
		Log: to, Now: func() time.Time { return now },
		Sources: []webhooks.Source{{Name: "billing", Secrets: []signature.Secret{secret(t, "bmV3"), secret(t, "b2xk")}, Customer: "customer_id"}},
	}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/v1/webhooks/"
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

// post is a message on its way.
type post struct {
	method, source, contentType, id, body string
	at                                    time.Time
	secrets                               []signature.Secret
	change                                func(http.Header)
}

const body = `{"type":"com.example.paid","timestamp":"2026-01-05T11:59:30.5Z","data":{"customer_id":"c-1","order":"7"}}`

func good(t testing.TB, id string) post {
	return post{method: http.MethodPost, source: "billing", contentType: "application/json", id: id, body: body, at: now,
		secrets: []signature.Secret{secret(t, "bmV3")}, change: func(http.Header) {}}
}

// send sends a message and returns the status and the type of the problem.
func send(t testing.TB, url string, p post) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), p.method, url+p.source, bytes.NewReader([]byte(p.body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", p.contentType)
	signature.SetHeaders(req.Header, p.secrets, p.id, p.at, []byte(p.body))
	p.change(req.Header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct {
		Type   string `json:"type"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}
	if resp.StatusCode == http.StatusAccepted {
		return resp.StatusCode, ""
	}
	if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != resp.StatusCode || problem.Detail == "" ||
		resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answered %d %s: %s", resp.StatusCode, resp.Header.Get("Content-Type"), answer)
	}
	return resp.StatusCode, problem.Type
}

// messageCase is a message that differs from a good one, and its answer.
type messageCase struct {
	name   string
	change func(p *post)
	status int
	kind   string
}

func messageCases(t testing.TB) []messageCase {
	t.Helper()
	large := `{"type":"com.example.paid","data":{"a":"` + strings.Repeat("a", webhook.MaxBody) + `"}}`
	return []messageCase{
		{"good", func(*post) {}, 202, ""},
		{"replayed", func(p *post) { p.id = "msg_first" }, 202, ""},
		{"re-ordered", func(p *post) { p.at = now.Add(-4 * time.Minute) }, 202, ""},
		{"as old as allowed", func(p *post) { p.at = now.Add(-5 * time.Minute) }, 202, ""},
		{"stale", func(p *post) { p.at = now.Add(-5*time.Minute - time.Second) }, 400, webhook.ProblemTimestamp},
		{"replayed when stale", func(p *post) { p.id, p.at = "msg_first", now.Add(-time.Hour) }, 400, webhook.ProblemTimestamp},
		{"from the future", func(p *post) { p.at = now.Add(5*time.Minute + time.Second) }, 400, webhook.ProblemTimestamp},
		{"badly signed", func(p *post) { p.secrets = []signature.Secret{secret(t, "YmFk")} }, 401, webhook.ProblemSignature},
		{"signed for another body", func(p *post) {
			p.change = func(h http.Header) { h.Set("webhook-signature", signature.Sign(p.secrets, p.id, p.at, []byte("{}"))) }
		}, 401, webhook.ProblemSignature},
		{"another id than signed", func(p *post) { p.change = func(h http.Header) { h.Set("webhook-id", "msg_other") } }, 401, webhook.ProblemSignature},
		{"another time than signed", func(p *post) { p.change = func(h http.Header) { h.Set("webhook-timestamp", "1767614401") } }, 401, webhook.ProblemSignature},
		{"unsigned", func(p *post) { p.change = func(h http.Header) { h.Del("webhook-signature") } }, 400, webhook.ProblemHeader},
		{"without an id", func(p *post) { p.change = func(h http.Header) { h.Del("webhook-id") } }, 400, webhook.ProblemHeader},
		{"without a time", func(p *post) { p.change = func(h http.Header) { h.Del("webhook-timestamp") } }, 400, webhook.ProblemHeader},
		{"two signatures", func(p *post) { p.secrets = []signature.Secret{secret(t, "YmFk"), secret(t, "bmV3")} }, 202, ""},
		{"rotated secret", func(p *post) { p.secrets = []signature.Secret{secret(t, "b2xk")} }, 202, ""},
		{"unknown source", func(p *post) { p.source = "shop" }, 404, webhook.ProblemSource},
		{"oversized", func(p *post) { p.body = large }, 413, webhook.ProblemTooLarge},
		{"wrong content type", func(p *post) { p.contentType = "text/plain" }, 415, webhook.ProblemMediaType},
		{"no content type", func(p *post) { p.contentType = "" }, 415, webhook.ProblemMediaType},
		{"JSON with a charset", func(p *post) { p.contentType = "application/json; charset=utf-8" }, 202, ""},
		{"wrong method", func(p *post) { p.method = http.MethodPut }, 405, webhook.ProblemMethod},
		{"bad JSON", func(p *post) { p.body = body[:20] }, 400, webhook.ProblemMalformed},
		{"nothing", func(p *post) { p.body = "" }, 400, webhook.ProblemMalformed},
		{"no object", func(p *post) { p.body = `["com.example.paid"]` }, 400, webhook.ProblemMalformed},
		{"two objects", func(p *post) { p.body = body + body }, 400, webhook.ProblemMalformed},
		{"a name twice", func(p *post) { p.body = `{"type":"a","type":"b"}` }, 400, webhook.ProblemMalformed},
		{"a name twice inside", func(p *post) { p.body = `{"type":"a","data":{"x":1,"x":2}}` }, 400, webhook.ProblemMalformed},
		{"no type", func(p *post) { p.body = `{"data":{}}` }, 400, webhook.ProblemMalformed},
		{"type of another case", func(p *post) { p.body = `{"Type":"a"}` }, 400, webhook.ProblemMalformed},
		{"type is no text", func(p *post) { p.body = `{"type":7}` }, 400, webhook.ProblemMalformed},
		{"a type of ours", func(p *post) { p.body = `{"type":"makegood.refund-request"}` }, 400, webhook.ProblemMalformed},
		{"bad time", func(p *post) { p.body = `{"type":"a","timestamp":"today"}` }, 400, webhook.ProblemMalformed},
		{"customer too long", func(p *post) {
			p.body = `{"type":"a","data":{"customer_id":"` + strings.Repeat("c", event.MaxText+1) + `"}}`
		}, 400, webhook.ProblemMalformed},
		{"customer is a number", func(p *post) { p.body = `{"type":"com.example.paid","data":{"customer_id":7}}` }, 202, ""},
		{"no data", func(p *post) { p.body = `{"type":"com.example.paid"}` }, 202, ""},
		{"data that is a text", func(p *post) { p.body = `{"type":"com.example.paid","data":"<&>"}` }, 202, ""},
		{"unknown fields", func(p *post) { p.body = `{"type":"com.example.paid","data":{},"more":1}` }, 202, ""},
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	cases := messageCases(t)
	d := open(t)
	distinct := map[string]bool{"msg_first": true}
	if code, _ := send(t, d.url, good(t, "msg_first")); code != 202 {
		t.Fatalf("the first message: %d", code)
	}
	for i, c := range cases {
		p := good(t, "msg_"+string(rune('A'+i)))
		c.change(&p)
		before := len(d.stored())
		code, kind := send(t, d.url, p)
		if code != c.status || kind != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, code, kind, c.status, c.kind)
		}
		if stored := len(d.stored()) - before; stored != map[bool]int{true: 1, false: 0}[c.status == 202] {
			t.Errorf("%s: %d inputs were stored", c.name, stored)
		}
		if code == 202 {
			distinct[p.id] = true
		}
		after := good(t, p.id+"_after")
		if code, kind := send(t, d.url, after); code != 202 {
			t.Errorf("a good message after %q: %d %s", c.name, code, kind)
		}
		distinct[after.id] = true
	}
	if got := folded(t, d.stored()); got != len(distinct) {
		t.Errorf("%d messages were folded, %d were sent", got, len(distinct))
	}
}

// folded folds inputs and returns how many remedies a rule makes that fires for
// every message.
func folded(t testing.TB, inputs []input.Input) int {
	t.Helper()
	const rules = "rules:\n  - rule: all\n    event: com.example.paid\n    do: [{andon: {pull: a/b, level: yellow, reason: r}}]\n    mode: live\n"
	encode := func(body any) []byte {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	fold := decide.New(decide.Config{Memory: decide.NewMemory()})
	inputs = append([]input.Input{
		{Kind: input.Genesis, Body: encode(decide.GenesisBody{LogID: "l", HashKey: make([]byte, 16), Version: decide.Version})},
		{Kind: input.Activate, Body: encode(decide.ActivateBody{Files: []rule.File{{Path: "r.yaml", Text: rules}}, Author: "a"})},
	}, inputs...)
	out, err := fold.Apply(inputs)
	if err != nil {
		t.Fatal(err)
	}
	remedies := 0
	for _, item := range out.Items {
		if item.Fact != nil && item.Fact.Kind == decide.KindRemedy {
			remedies++
		}
	}
	return remedies
}

func TestEventOfAMessage(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := good(t, "msg_1")
	send(t, d.url, p)
	p.id, p.body = "msg_2", `{"type": "com.example.paid", "data": {"customer_id": "c<2>"}}`
	send(t, d.url, p)
	stored := d.stored()
	for i, want := range []struct{ id, body string }{
		{"webhook/billing/msg_1", `{"specversion":"1.0","id":"msg_1","source":"webhook/billing","type":"com.example.paid","time":"2026-01-05T11:59:30.5Z",` +
			`"customer":"c-1","datacontenttype":"application/json","data":{"customer_id":"c-1","order":"7"}}`},
		{"webhook/billing/msg_2", `{"specversion":"1.0","id":"msg_2","source":"webhook/billing","type":"com.example.paid","time":"2026-01-05T12:00:00Z",` +
			`"customer":"c<2>","datacontenttype":"application/json","data":{"customer_id":"c<2>"}}`},
	} {
		if got := stored[i]; got.ID != want.id || string(got.Body) != want.body || got.Kind != input.Event || got.At != input.StampRecord {
			t.Errorf("stored %s %d %s\nwant %s %s", got.ID, got.At, got.Body, want.id, want.body)
		}
	}
}

type broken struct{ err error }

func (b broken) Append(context.Context, []input.Input) error { return b.err }

func TestLogThatTakesNothing(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status int
		kind   string
	}{
		log.ErrBusy:                {429, webhook.ProblemBusy},
		errors.New("disk is full"): {503, webhook.ProblemUnavailable},
	} {
		if code, kind := send(t, serve(t, broken{err}), good(t, "msg_1")); code != want.status || kind != want.kind {
			t.Errorf("%v: %d %s", err, code, kind)
		}
	}
}

// FuzzMessage sends what a source may sign by mistake: whatever is accepted is an
// event that the fold can read.
func FuzzMessage(f *testing.F) {
	f.Add(body)
	f.Add(`{"type":"a","data":null,"timestamp":null}`)
	f.Add(`{"type":"a","data":"\ud800"}`)
	taken := &taker{}
	handler := http.NewServeMux()
	handler.Handle("/{source}", webhook.New(webhook.Config{Log: taken, Now: func() time.Time { return now },
		Sources: []webhooks.Source{{Name: "billing", Secrets: []signature.Secret{secret(f, "bmV3")}, Customer: "customer_id"}}}))
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/billing", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		signature.SetHeaders(req.Header, []signature.Secret{secret(t, "bmV3")}, "msg_1", now, []byte(body))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusAccepted:
			e, err := event.Decode(taken.last)
			if err != nil || e.Source != "webhook/billing" || e.ID != "msg_1" || strings.HasPrefix(e.Type, event.ReservedPrefix) {
				t.Errorf("accepted %s as %s: %v", body, taken.last, err)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("answered %d to %s", w.Code, body)
		}
	})
}

type taker struct{ last []byte }

func (k *taker) Append(_ context.Context, inputs []input.Input) error {
	k.last = inputs[0].Body
	return nil
}
