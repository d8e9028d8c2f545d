package peers

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/makegood/makegood/sdk"
)

const (
	eventType = "com.example.cart.abandoned"
	customer  = "c-42"
	order     = "order/77"
	total     = "59.90 USD"
	page      = "/checkout/payment"
	trace     = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

// cart is the data of the event for libraries that encode structs.
type cart struct {
	Items int    `json:"items"`
	Total string `json:"total"`
	Page  string `json:"page"`
}

// subject is one way to emit the same event.
type subject struct {
	name  string
	calls int // in one turn, so that turns take about the same time
	emit  func()
	best  time.Duration // of one call, in the fastest turn
}

// BenchmarkEmitAgainstPeers runs all ways in turns, so that a busy machine
// favours none of them, and reports what each costs as a multiple of Emit.
func BenchmarkEmitAgainstPeers(b *testing.B) {
	sink := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
	subjects := []*subject{
		{name: "emit", calls: 2000, emit: emitter(b, sink)},
		{name: "time.Now", calls: 5000, emit: func() { _ = time.Now() }},
		{name: "otel-log", calls: 500, emit: otelLog(b)},
		{name: "cloudevents-json", calls: 200, emit: cloudEventJSON(b)},
		{name: "cloudevents-send", calls: 50, emit: cloudEventSend(b, sink)},
	}
	const turns = 300
	for b.Loop() {
		for range turns {
			for _, s := range subjects {
				began := time.Now()
				for range s.calls {
					s.emit()
				}
				if d := time.Since(began) / time.Duration(s.calls); s.best == 0 || d < s.best {
					s.best = d
				}
			}
		}
	}
	slices.SortFunc(subjects, func(x, y *subject) int { return int(x.best - y.best) })
	base := subjects[slices.IndexFunc(subjects, func(s *subject) bool { return s.name == "emit" })].best
	for _, s := range subjects {
		ratio := float64(s.best) / float64(base)
		b.ReportMetric(ratio, s.name+"/emit")
		b.Logf("%-18s %8d ns  %7.2f x Emit", s.name, s.best.Nanoseconds(), ratio)
	}
}

func emitter(b *testing.B, sink http.Handler) func() {
	c, err := makegood.New("checkout", makegood.Handler(sink), makegood.Memory(64<<20),
		makegood.TraceParent(func(context.Context) string { return trace }))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if r, err := c.Shutdown(context.Background()); err != nil || r.Full > 0 {
			b.Errorf("Emit dropped events, so its figure means nothing: %+v, %v", r, err)
		}
	})
	ctx := context.Background()
	return func() {
		c.Emit(ctx, eventType, makegood.Customer(customer), makegood.Subject(order),
			makegood.Int("items", 3), makegood.Money("total", total), makegood.String("page", page))
	}
}

// discard is an exporter that costs nothing.
type discard struct{}

func (discard) Export(context.Context, []sdklog.Record) error { return nil }
func (discard) Shutdown(context.Context) error                { return nil }
func (discard) ForceFlush(context.Context) error              { return nil }

func otelLog(b *testing.B) func() {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(discard{})))
	b.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	logger := provider.Logger("checkout")
	ctx := context.Background()
	return func() {
		var r log.Record
		r.SetTimestamp(time.Now())
		r.SetEventName(eventType)
		r.AddAttributes(attribute.String("customer", customer), attribute.String("subject", order),
			attribute.Int("items", 3), attribute.String("total", total), attribute.String("page", page))
		logger.Emit(ctx, r)
	}
}

// cloudEvent makes the event with the CloudEvents library, with an id of its own.
func cloudEvent(b *testing.B) cloudevents.Event {
	e := cloudevents.NewEvent()
	e.SetID(uuid.NewString()) // as the library itself does
	e.SetSource("checkout")
	e.SetType(eventType)
	e.SetTime(time.Now())
	e.SetSubject(order)
	e.SetExtension("customer", customer)
	e.SetExtension("traceparent", trace)
	if err := e.SetData(cloudevents.ApplicationJSON, cart{Items: 3, Total: total, Page: page}); err != nil {
		b.Fatal(err)
	}
	return e
}

func cloudEventJSON(b *testing.B) func() {
	return func() {
		if _, err := json.Marshal(cloudEvent(b)); err != nil {
			b.Fatal(err)
		}
	}
}

func cloudEventSend(b *testing.B, sink http.Handler) func() {
	server := httptest.NewServer(sink)
	b.Cleanup(server.Close)
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(server.URL))
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	return func() {
		if result := client.Send(ctx, cloudEvent(b)); cloudevents.IsUndelivered(result) {
			b.Fatal(result)
		}
	}
}
