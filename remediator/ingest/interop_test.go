package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/ingest"
)

// variety makes events of every shape that the CloudEvents SDK sends.
func variety(t testing.TB) []cloudevents.Event {
	t.Helper()
	var all []cloudevents.Event
	add := func(change func(*cloudevents.Event)) {
		e := cloudevents.NewEvent()
		e.SetID(fmt.Sprintf("e-%d", len(all)))
		e.SetSource("https://shop.example/checkout")
		e.SetType("com.example.sold")
		e.SetTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) // the client sets one otherwise
		change(&e)
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	data := func(contentType string, content any) func(*cloudevents.Event) {
		return func(e *cloudevents.Event) {
			if err := e.SetData(contentType, content); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(func(*cloudevents.Event) {})
	add(data(cloudevents.ApplicationJSON, map[string]any{"paid": "2.99 USD", "stalls": 14, "titles": []string{"Casablanca", "Ärger im Paradies 😀"}}))
	add(data(cloudevents.ApplicationJSON, []any{nil, true, 1.5e-9}))
	add(data(cloudevents.TextPlain, "two\nlines \"quoted\" é"))
	add(data("application/xml", []byte("<a/>")))
	add(data("application/octet-stream", []byte{0, 1, 0xFF, 0xFE}))
	add(func(e *cloudevents.Event) {
		e.SetTime(time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC))
		e.SetSubject("order/77")
		e.SetDataSchema("https://shop.example/order.json")
		e.SetExtension("customer", "c-42")
		e.SetExtension("retried", true)
		e.SetExtension("severitynumber", 17)
		e.SetExtension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	})
	return all
}

// TestClientSends sends with the SDK's client, structured and binary, and with
// its batches, and reads what lies in the log with the SDK again.
func TestClientSends(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"structured", "binary", "batch"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{Allow: shows("Bearer secret")})
			sent := variety(t)
			switch mode {
			case "batch":
				sendBatch(t, d.url, sent)
			default:
				sendEach(t, d.url, mode, sent)
			}
			stored := d.stored()
			if len(stored) != len(sent) {
				t.Fatalf("%d events are in the log, %d were sent", len(stored), len(sent))
			}
			for i, in := range stored {
				var got cloudevents.Event
				if err := json.Unmarshal(in.Body, &got); err != nil {
					t.Fatalf("%s: %v", in.Body, err)
				}
				if want, got := canonical(t, sent[i], mode), canonical(t, got, mode); got != want {
					t.Errorf("event %d\nstored %s\nsent   %s", i, got, want)
				}
				if _, err := event.Decode(in.Body); err != nil {
					t.Errorf("event %d: %v", i, err)
				}
			}
		})
	}
}

func sendEach(t *testing.T, url, mode string, events []cloudevents.Event) {
	t.Helper()
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(url), cehttp.WithHeader("Authorization", "Bearer secret"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := binding.WithForceBinary(t.Context())
	if mode == "structured" {
		ctx = binding.WithForceStructured(t.Context())
	}
	for i, e := range events {
		if result := client.Send(ctx, e); !cloudevents.IsACK(result) {
			t.Fatalf("event %d: %v", i, result)
		}
	}
	bad := events[0].Clone()
	bad.SetType("makegood.refund-request")
	if result := client.Send(ctx, bad); !cloudevents.IsNACK(result) {
		t.Fatalf("a reserved type gets %v, want a refusal", result)
	}
}

func sendBatch(t *testing.T, url string, events []cloudevents.Event) {
	t.Helper()
	req, err := cehttp.NewHTTPRequestFromEvents(t.Context(), url, events)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d, want 202", res.StatusCode)
	}
}

// canonical writes an event in the SDK's own words. Through headers booleans
// and integers of extensions that nobody knows become texts, and bytes that are
// text become a text.
func canonical(t *testing.T, e cloudevents.Event, mode string) string {
	t.Helper()
	e = e.Clone()
	if mode == "binary" {
		for name, value := range e.Extensions() {
			e.SetExtension(name, fmt.Sprint(value))
		}
		e.DataBase64 = false
	}
	return fmt.Sprintf("%s base64=%v %q", e.Context, e.DataBase64, e.Data())
}

// TestSDKReadsUs sends our own structured form to a receiver of the SDK.
func TestSDKReadsUs(t *testing.T) {
	t.Parallel()
	want := event.Event{
		ID: "e-1", Source: "/shop", Type: "com.example.sold", Subject: "order/77", Customer: `c-"é😀"`,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC).UnixNano(), SampledRate: 10,
		Attributes: map[string]any{"retried": true, "severitynumber": 17.0}, Data: []byte(`{"paid":"2.99 USD"}`),
	}
	raw, err := event.Structured(want)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("["+string(raw)+"]"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsBatchJSON)
	events, err := cehttp.NewEventsFromHTTPRequest(req)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	got := events[0]
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if got.ID() != want.ID || got.Source() != want.Source || got.Type() != want.Type || got.Subject() != want.Subject ||
		got.Time().UnixNano() != want.Time || got.Extensions()["customer"] != want.Customer || got.Extensions()["sampledrate"] != int32(10) ||
		got.Extensions()["retried"] != true || string(got.Data()) != string(want.Data) {
		t.Errorf("%s is read as\n%v", raw, got)
	}
}
