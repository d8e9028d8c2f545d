// Package makegoodslog makes events of log records, for programs that have their
// log lines already where customers feel something.
//
//	slog.SetDefault(slog.New(makegoodslog.NewHandler(mg, slog.Default().Handler())))
//
//	slog.WarnContext(ctx, "payment declined", makegoodslog.Event("com.example.payment.declined"),
//		"customer", "c-42", "subject", "order/77", "amount", "59.90 USD")
//
// A record with an [Event] is emitted as well as logged; others are only logged.
// The event's severity is the record's level, its time the record's. Attributes
// named customer and subject are those of the event, all others fields of its
// data; a group is an object. The record's message is the field message, where no
// attribute has that name. What the SDK keeps out of events it keeps out here, and
// names that an event has for itself, such as traceparent, are in the log alone, and
// so is a customer that is an e-mail address. A value that JSON cannot write becomes
// a text that begins with !ERROR:, as in slog's JSONHandler.
package makegoodslog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/makegood/makegood/sdk"
)

// eventKey is the key of the attribute that Event makes.
const eventKey = "experience"

// Event makes of the record that it is given to an event of a type.
func Event(typ string) slog.Attr { return slog.String(eventKey, typ) }

// Handler emits records that have an Event and hands all of them on.
type Handler struct {
	client *makegood.Client
	next   slog.Handler
	typ    string   // of an Event given to With
	scopes []scope  // attributes given to With, outermost group first
	groups []string // that are open
}

// scope is what With was given while some groups were open.
type scope struct {
	groups []string
	attrs  []slog.Attr
}

// NewHandler returns a handler in front of next. A nil client emits nothing.
func NewHandler(client *makegood.Client, next slog.Handler) *Handler {
	return &Handler{client: client, next: next}
}

// Enabled implements slog.Handler: a record that is not logged is no event either.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.next = h.next.WithAttrs(attrs)
	c.scopes = append(slices.Clip(h.scopes), scope{h.groups, attrs})
	for _, a := range attrs {
		if a.Key == eventKey && len(h.groups) == 0 {
			c.typ = a.Value.String()
		}
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.next = h.next.WithGroup(name)
	c.groups = append(slices.Clip(h.groups), name)
	return &c
}

// Handle implements slog.Handler. An event that is not accepted is no error of the
// log: the client counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if h.client.Enabled() {
		h.emit(ctx, r)
	}
	return h.next.Handle(ctx, r)
}

func (h *Handler) emit(ctx context.Context, r slog.Record) {
	typ := h.typ
	own := scope{groups: h.groups}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == eventKey {
			typ = a.Value.String()
		} else {
			own.attrs = append(own.attrs, a)
		}
		return true
	})
	if typ == "" {
		return
	}
	data := map[string]any{}
	for _, s := range append(slices.Clip(h.scopes), own) {
		put(at(data, s.groups), s.attrs)
	}
	delete(data, eventKey)
	if _, given := data["message"]; !given {
		data["message"] = r.Message
	}
	attrs := []makegood.Attr{makegood.Severity(severity(r.Level))}
	if !r.Time.IsZero() {
		attrs = append(attrs, orNone(makegood.At(r.Time)))
	}
	for key, value := range data {
		attrs = append(attrs, attr(key, value))
	}
	h.client.Emit(ctx, typ, attrs...)
}

// at returns the object of a group, made where there is none.
func at(data map[string]any, groups []string) map[string]any {
	for _, name := range groups {
		inner, ok := data[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			data[name] = inner
		}
		data = inner
	}
	return data
}

// put adds attributes to an object; the later of two with one key counts.
func put(data map[string]any, attrs []slog.Attr) {
	for _, a := range attrs {
		switch v := a.Value.Resolve(); {
		case v.Kind() == slog.KindGroup && a.Key == "":
			put(data, v.Group())
		case v.Kind() == slog.KindGroup:
			if len(v.Group()) > 0 {
				put(at(data, []string{a.Key}), v.Group())
			}
		case a.Key != "":
			data[a.Key] = value(v)
		}
	}
}

// value is what an event has of a value. What cannot be written as JSON leaves its
// reason there, as slog's own JSON handler does, so that neither the event nor the
// group around it is lost.
func value(v slog.Value) any {
	switch v.Kind() {
	case slog.KindDuration:
		return v.Duration().Seconds()
	case slog.KindTime:
		return v.Time().UTC()
	case slog.KindFloat64:
		return written(v.Float64())
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return fmt.Sprint(err) // encoding/json sees no fields in most errors; Error of a nil pointer may panic
		}
		return written(v.Any())
	}
	return v.Any()
}

// written is a value, or why it cannot be written.
func written(value any) any {
	if err := makegood.Any("value", value).Err(); err != nil {
		return unwritten(err)
	}
	return value
}

func unwritten(err error) string { return "!ERROR:" + err.Error() }

// attr makes an attribute of the event of a value. What an event cannot have under
// that name is left to the log, so that it does not cost the event.
func attr(key string, value any) makegood.Attr {
	switch key {
	case "customer":
		return orNone(makegood.Customer(name(value)))
	case "subject":
		return orNone(makegood.Subject(name(value)))
	}
	a := makegood.Any(key, value)
	switch v := value.(type) {
	case string:
		a = makegood.String(key, v)
	case time.Time:
		a = makegood.Time(key, v)
	}
	if err := a.Err(); err != nil {
		return orNone(makegood.String(key, unwritten(err)))
	}
	return a
}

// orNone is an attribute, if an event can have it.
func orNone(a makegood.Attr) makegood.Attr {
	if a.Err() != nil {
		return makegood.Attr{}
	}
	return a
}

// name is a value as the name of a customer or thing, empty when it can be none.
func name(value any) string {
	switch value.(type) {
	case string, int64, uint64, fmt.Stringer:
		if text := fmt.Sprint(value); text != "<nil>" {
			return text
		}
	}
	return ""
}

// severity is a level on OpenTelemetry's scale, as its log bridge has it: info is 9.
func severity(level slog.Level) int { return min(max(int(level)+9, 1), 24) }
