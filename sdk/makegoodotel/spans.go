// Package makegoodotel joins what customers experience with the traces of
// OpenTelemetry, in either direction or both:
//
//	mg, err := makegood.New("shop",
//		makegood.TraceParent(makegoodotel.TraceParent),     // the trace in each event
//		makegood.OnEvent(makegoodotel.SpanEvents()))        // each event in the trace
//
// [TraceParent] gives an event the trace and span of the context that it is
// emitted with. [SpanEvents] adds it, once it was accepted, to the span of that
// context as a span event, so that who looks at a slow trace sees what it did to a
// customer. The span event has the event's type as its name, the event's time, and
// these attributes:
//
//	cloudevents.event_id, .event_source, .event_type, .event_subject, .event_spec_version
//	makegood.severity.number   13, when the event has a severity
//	makegood.severity.text     WARN, the short name that OpenTelemetry's logs have for it
//	makegood.data.KEY          a field of data; one of an object as makegood.data.KEY.KEY
//
// Values are those after redaction. What was given as makegood.Verbatim or
// makegood.Email is left out, because nothing redacted it, and so is the customer,
// see [WithCustomer]: what is in a trace is not erased with the customer's key.
//
// Spans that are not recorded cost a look at the context; one that is costs some
// microseconds in the caller of Emit. A span takes 128 attributes of an event
// unless its provider says otherwise.
package makegoodotel

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// TraceParent returns the W3C traceparent of the span in a context, as version 00;
// empty when there is none. It is for makegood.TraceParent.
func TraceParent(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return ""
	}
	id, parent := span.TraceID(), span.SpanID()
	b := make([]byte, 0, len("00-")+2*len(id)+1+2*len(parent)+len("-01"))
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, id[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, parent[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, []byte{byte(span.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))})
	return string(b)
}

// Option changes what span events hold.
type Option func(*spans)

// WithCustomer adds the pseudonymous id of the customer as the attribute
// makegood.customer.
func WithCustomer() Option { return func(s *spans) { s.customer = true } }

// spans adds events to spans.
type spans struct {
	customer bool
}

// SpanEvents returns what adds each event to the span of its context. It is for
// makegood.OnEvent.
func SpanEvents(opts ...Option) func(ctx context.Context, event []byte, verbatim []string) {
	s := &spans{}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	return s.add
}

func (s *spans) add(ctx context.Context, event []byte, verbatim []string) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if e, err := read(event); err == nil { // the client wrote it: it is JSON
		span.AddEvent(e.Type, trace.WithTimestamp(e.Time), trace.WithAttributes(e.attributes(s.customer, verbatim)...))
	}
}
