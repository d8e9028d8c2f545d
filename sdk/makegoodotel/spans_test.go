package makegoodotel_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodotel"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

// traced is a tracer whose spans are kept in memory.
func traced(t testing.TB, opts ...sdktrace.TracerProviderOption) (trace.Tracer, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(exporter))...)
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider.Tracer("shop"), exporter
}

// spanEvents emits with a span in the context and returns what the span shows.
func spanEvents(t *testing.T, opts []makegoodotel.Option, emit func(context.Context, *makegood.Client)) []sdktrace.Event {
	t.Helper()
	told := makegoodtest.New(t, makegood.OnEvent(makegoodotel.SpanEvents(opts...)))
	tracer, exporter := traced(t)
	ctx, span := tracer.Start(t.Context(), "pay")
	emit(ctx, told.Client())
	span.End()
	spans := exporter.GetSpans()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	return spans[0].Events
}

// attributes are those of a span event in words.
func attributes(e sdktrace.Event) map[string]string {
	all := map[string]string{}
	for _, a := range e.Attributes {
		all[string(a.Key)] = a.Value.Type().String() + " " + a.Value.Emit()
	}
	return all
}

func TestEventsBecomeSpanEvents(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 10, 0, 0, 123456789, time.UTC)
	events := spanEvents(t, nil, func(ctx context.Context, c *makegood.Client) {
		c.Emit(ctx, "com.example.payment.declined", makegood.ID("e-1"), makegood.At(at), makegood.Severity(14),
			makegood.Customer("c-42"), makegood.Subject("order/77"), makegood.Money("amount", "59.90 USD"), makegood.Int("tries", 3),
			makegood.Float("share", 0.25), makegood.Bool("guest", false), makegood.Any("nothing", nil), makegood.Int("large", int64(1<<60)),
			makegood.Any("bank", map[string]any{"code": 51, "texts": []string{"a", "b"}, "whole": []int{1, 2}, "floats": []float64{1, 2.5}, "flags": []bool{true}, "mixed": []any{1, "a"}, "none": []any{}}))
	})
	if len(events) != 1 || events[0].Name != "com.example.payment.declined" || !events[0].Time.Equal(at) {
		t.Fatalf("got %+v", events)
	}
	want := map[string]string{
		"cloudevents.event_id": "STRING e-1", "cloudevents.event_source": "STRING test", "cloudevents.event_spec_version": "STRING 1.0",
		"cloudevents.event_type": "STRING com.example.payment.declined", "cloudevents.event_subject": "STRING order/77",
		"makegood.severity.number": "INT64 14", "makegood.severity.text": "STRING WARN2",
		"makegood.data.amount": "STRING 59.90 USD", "makegood.data.tries": "INT64 3", "makegood.data.share": "FLOAT64 0.25",
		"makegood.data.guest": "BOOL false", "makegood.data.large": "INT64 1152921504606846976",
		"makegood.data.bank.code": "INT64 51", "makegood.data.bank.texts": `STRINGSLICE ["a","b"]`, "makegood.data.bank.whole": "INT64SLICE [1,2]",
		"makegood.data.bank.floats": "FLOAT64SLICE [1,2.5]", "makegood.data.bank.flags": "BOOLSLICE [true]",
		"makegood.data.bank.mixed": `STRING [1,"a"]`, "makegood.data.bank.none": "STRINGSLICE []",
	}
	got := attributes(events[0])
	for key := range maps.Keys(want) {
		if got[key] != want[key] {
			t.Errorf("%s: got %q, want %q", key, got[key], want[key])
		}
	}
	for key := range got {
		if want[key] == "" {
			t.Errorf("%s: got %q, want nothing", key, got[key])
		}
	}
}

// TestNothingPrivateInSpans emits what may be told to the service alone.
func TestNothingPrivateInSpans(t *testing.T) {
	t.Parallel()
	emit := func(ctx context.Context, c *makegood.Client) {
		c.Emit(ctx, "com.example.x", makegood.Customer("c-42"), makegood.Verbatim(makegood.Subject("jane@example.com")),
			makegood.Email("to", "jane@example.com"), makegood.Verbatim(makegood.Any("raw", map[string]string{"name": "Jane"})),
			makegood.String("password", "secret"), makegood.String("note", "ask jane@example.com, card 4111 1111 1111 1111"))
		c.Emit(ctx, "com.example.y", makegood.Verbatim(makegood.Customer("jane@example.com")))
	}
	for _, c := range []struct {
		opts     []makegoodotel.Option
		customer string
	}{{nil, ""}, {[]makegoodotel.Option{makegoodotel.WithCustomer()}, "STRING c-42"}} {
		events := spanEvents(t, c.opts, emit)
		if len(events) != 2 {
			t.Fatalf("got %+v", events)
		}
		got := attributes(events[0])
		for _, key := range []string{"cloudevents.event_subject", "makegood.data.to", "makegood.data.raw.name", "makegood.data.password"} {
			if value, there := got[key]; there {
				t.Errorf("%s is in the span: %s", key, value)
			}
		}
		if note := got["makegood.data.note"]; note != "STRING ask [email], card [card]" {
			t.Errorf("note %q", note)
		}
		if got["makegood.customer"] != c.customer || attributes(events[1])["makegood.customer"] != "" {
			t.Errorf("customer %q, verbatim %q", got["makegood.customer"], attributes(events[1])["makegood.customer"])
		}
	}
}

func TestSeverityNames(t *testing.T) {
	t.Parallel()
	want := []string{"TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2", "INFO3", "INFO4",
		"WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4"}
	events := spanEvents(t, nil, func(ctx context.Context, c *makegood.Client) {
		for number := range len(want) {
			c.Emit(ctx, "com.example.x", makegood.Severity(number+1))
		}
		c.Emit(ctx, "com.example.x")
	})
	if len(events) != len(want)+1 {
		t.Fatalf("%d span events", len(events))
	}
	for i, e := range events {
		got := attributes(e)["makegood.severity.text"]
		if i < len(want) && got != "STRING "+want[i] || i == len(want) && got != "" {
			t.Errorf("severity %d: got %q", i+1, got)
		}
	}
}

// TestSpansThatAreNotRecorded emits with no span, a span that ended, and one that
// is not sampled.
func TestSpansThatAreNotRecorded(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t, makegood.OnEvent(makegoodotel.SpanEvents(nil)), makegood.TraceParent(makegoodotel.TraceParent))
	told.Client().Emit(t.Context(), "com.example.none")
	if e := told.Expect("com.example.none"); e.Extensions()["traceparent"] != nil {
		t.Errorf("a trace from nowhere: %s", e)
	}

	tracer, exporter := traced(t)
	ctx, span := tracer.Start(t.Context(), "pay")
	span.End()
	told.Client().Emit(ctx, "com.example.late")
	if n := len(exporter.GetSpans()[0].Events); n != 0 {
		t.Errorf("%d events of a span that ended", n)
	}

	tracer, exporter = traced(t, sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, span = tracer.Start(t.Context(), "pay")
	told.Client().Emit(ctx, "com.example.unsampled")
	span.End()
	if n := len(exporter.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
	if parent := told.Expect("com.example.unsampled").Extensions()["traceparent"]; parent != inHeader(ctx) {
		t.Errorf("got %v, want %s", parent, inHeader(ctx))
	}
}

// inHeader is the traceparent that OpenTelemetry's own propagator writes.
func inHeader(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

func TestTraceParent(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, flags := range []trace.TraceFlags{0, trace.FlagsSampled, trace.FlagsRandom, 0xff} {
		span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0x0a, 15: 1}, SpanID: trace.SpanID{0xb7, 7: 2}, TraceFlags: flags, Remote: true})
		ctx := trace.ContextWithSpanContext(t.Context(), span)
		if got, want := makegoodotel.TraceParent(ctx), inHeader(ctx); got != want || got == "" {
			t.Errorf("flags %s: got %q, want %q", flags, got, want)
		}
		checked++
	}
	if checked != 4 {
		t.Errorf("checked %d", checked)
	}
	if got := makegoodotel.TraceParent(t.Context()); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestReceivedEvents hands on events that were made elsewhere, with data of any kind.
func TestReceivedEvents(t *testing.T) {
	t.Parallel()
	events := spanEvents(t, nil, func(ctx context.Context, c *makegood.Client) {
		for _, data := range []any{[]int{1}, "text", map[string]any{"huge": 1e300}} {
			e := event.New()
			e.SetType("com.example.received")
			e.SetSource("elsewhere")
			if err := e.SetData(event.ApplicationJSON, data); err != nil {
				t.Fatal(err)
			}
			if err := c.EmitEvent(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	})
	if len(events) != 3 || attributes(events[0])["cloudevents.event_source"] != "STRING elsewhere" {
		t.Fatalf("got %+v", events)
	}
	if got := attributes(events[2])["makegood.data.huge"]; got != "FLOAT64 1e+300" {
		t.Errorf("got %q", got)
	}
}

// BenchmarkEmit measures what each direction adds to an event, and the span event
// beside OpenTelemetry's own price for one.
func BenchmarkEmit(b *testing.B) {
	tracer, _ := traced(b)
	ctx, span := tracer.Start(context.Background(), "pay")
	defer span.End()
	ways := []struct {
		name string
		ctx  context.Context
		opts []makegood.Option
		best time.Duration
	}{
		{name: "alone", ctx: ctx},
		{name: "traceparent", ctx: ctx, opts: []makegood.Option{makegood.TraceParent(makegoodotel.TraceParent)}},
		{name: "not-recorded", ctx: context.Background(), opts: []makegood.Option{makegood.OnEvent(makegoodotel.SpanEvents())}},
		{name: "span-event", ctx: ctx, opts: []makegood.Option{makegood.OnEvent(makegoodotel.SpanEvents())}},
	}
	attrs := spanAttributes() // as many as the event gets
	added := time.Duration(0)
	clients := make([]*makegood.Client, len(ways))
	for i, w := range ways {
		clients[i] = makegoodtest.New(b, append(w.opts, makegood.Memory(1<<28))...).Client()
	}
	const turns, calls = 20, 500
	addEvents := func() {
		began := time.Now()
		for range calls {
			span.AddEvent("com.example.cart.abandoned", trace.WithTimestamp(began), trace.WithAttributes(attrs...))
		}
		if d := time.Since(began) / calls; added == 0 || d < added {
			added = d
		}
	}
	for b.Loop() {
		for range turns {
			addEvents()
			for i := range ways {
				began := time.Now()
				for range calls {
					clients[i].Emit(ways[i].ctx, "com.example.cart.abandoned", makegood.Customer("c-42"), makegood.Subject("order/77"), makegood.Int("items", 3))
				}
				if d := time.Since(began) / calls; ways[i].best == 0 || d < ways[i].best {
					ways[i].best = d
				}
			}
		}
	}
	for _, w := range ways {
		b.ReportMetric(float64(w.best)/float64(ways[0].best), w.name+"/alone")
	}
	b.ReportMetric(float64(ways[0].best.Nanoseconds()), "ns/alone")
	b.ReportMetric(float64(ways[len(ways)-1].best)/float64(added), "span-event/AddEvent")
}

func spanAttributes() (all []attribute.KeyValue) {
	for i := range 6 {
		all = append(all, attribute.String(fmt.Sprintf("cloudevents.event_%d", i), "a value"))
	}
	return all
}

// A program joins its events and its traces when it makes the client.
func Example() {
	exporter := tracetest.NewInMemoryExporter() // a program has an exporter of its own
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	tracer, ctx := provider.Tracer("shop"), context.Background()
	joined := []makegood.Option{
		makegood.TraceParent(makegoodotel.TraceParent), // the trace in each event
		makegood.OnEvent(makegoodotel.SpanEvents()),    // each event in its span
	}
	told := makegoodtest.New(&testing.T{}, joined...)
	mg := told.Client() // a program's is of makegood.New("shop", joined...)

	ctx, span := tracer.Start(ctx, "POST /orders/{order}/pay")
	defer span.End()
	mg.Emit(ctx, "com.example.payment.declined", makegood.Customer("c-42"), makegood.Subject("order/77"),
		makegood.Severity(13), makegood.Money("amount", "59.90 USD"))

	span.End()

	for _, e := range told.Events() {
		fmt.Println("event has the trace:", e.Extensions()["traceparent"] == "00-"+span.SpanContext().TraceID().String()+"-"+span.SpanContext().SpanID().String()+"-01")
	}
	for _, e := range exporter.GetSpans()[0].Events {
		fmt.Println("span has the event:", e.Name)
		var lines []string
		for _, a := range e.Attributes {
			if a.Key != "cloudevents.event_id" { // random
				lines = append(lines, fmt.Sprintf("  %s = %s", a.Key, a.Value.Emit()))
			}
		}
		slices.Sort(lines)
		for _, line := range lines {
			fmt.Println(line)
		}
	}
	// Output:
	// event has the trace: true
	// span has the event: com.example.payment.declined
	//   cloudevents.event_source = test
	//   cloudevents.event_spec_version = 1.0
	//   cloudevents.event_subject = order/77
	//   cloudevents.event_type = com.example.payment.declined
	//   makegood.data.amount = 59.90 USD
	//   makegood.severity.number = 13
	//   makegood.severity.text = WARN
}
