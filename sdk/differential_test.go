package makegood_test

import (
	"context"
	"errors"
	"math"
	"net/url"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/makegood/makegood/sdk"
)

// wideEvent has a field of each kind that Define writes in a way of its own.
type wideEvent struct {
	Customer string          `makegood:"customer"`
	Subject  string          `makegood:"subject"`
	ID       string          `makegood:"id"`
	At       time.Time       `makegood:"time"`
	Severity int             `makegood:"severity"`
	Text     string          `json:"text" makegood:"verbatim"`
	Money    string          `json:"money" makegood:"money"`
	Whole    int64           `json:"whole"`
	Small    uint8           `json:"small"`
	Float    float64         `json:"float"`
	Half     float32         `json:"half"`
	Truth    bool            `json:"truth"`
	When     time.Time       `json:"when"`
	Maybe    *int64          `json:"maybe"`
	Left     int64           `json:"left,omitempty"`
	List     []int64         `json:"list"`
	Map      map[string]bool `json:"map"`
}

var wide = makegood.Define[wideEvent]("com.example.wide")

// built is the same event made with the CloudEvents library.
func (w wideEvent) built(t testing.TB) event.Event {
	t.Helper()
	e := event.New()
	e.SetID(w.ID)
	e.SetType("com.example.wide")
	e.SetSource("checkout")
	e.SetTime(w.At.UTC())
	if w.Subject != "" {
		e.SetSubject(w.Subject)
	}
	if w.Customer != "" {
		e.SetExtension("customer", w.Customer)
	}
	if w.Severity != 0 {
		e.SetExtension("severitynumber", w.Severity)
	}
	e.SetExtension("traceparent", parent)
	data := map[string]any{
		"text": string([]rune(w.Text)), "money": w.Money, "whole": w.Whole, "small": w.Small, "float": w.Float, "half": w.Half, "truth": w.Truth,
		"when": w.When.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), "maybe": w.Maybe, "list": w.List, "map": w.Map,
	}
	if w.Left != 0 {
		data["left"] = w.Left
	}
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		t.Fatal(err)
	}
	return e
}

// accepts emits, and reports whether the event was accepted; what is refused must be
// said to be invalid or too large.
func accepts(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, makegood.ErrInvalid) && !errors.Is(err, makegood.ErrTooLarge) {
		t.Fatal(err)
	}
	return err == nil
}

// FuzzTyped holds that a typed event decodes to the one that the CloudEvents
// library builds.
func FuzzTyped(f *testing.F) {
	f.Add("c-42", "order/77", "e-1", int64(1772352000), int64(5), 9, "hello", "2.99 USD", int64(-3), 0.1, true, int64(7), "key")
	f.Add("", "заказ/77 \"q\" \\", "日本", int64(-1), int64(999999999), 24, "\xff\x00\"\\\u2028<é😀", "-1 JPY", int64(math.MinInt64), 5e-324, false, int64(0), "")
	f.Add("é", "\x7f", "", int64(9214646399), int64(0), 0, "\t\n", "0.00 EUR", int64(math.MaxInt64), math.MaxFloat64, false, int64(-1), "\xff")
	f.Add("a@b.de", "s", "i", int64(1)<<40, int64(0), 25, "", "1. USD", int64(0), math.Inf(1), true, int64(0), "a")
	f.Add("c", "s", "i", int64(1), int64(0), 1, "", "1 JPY", int64(4111111111111111), 4.111111111111111e15, true, int64(378282246310005), "jane@example.com")
	f.Add("c", "s", "i", int64(1), int64(0), 1, "", "1 JPY", int64(0), 0.0, false, int64(1), "password")
	w := newWire(f)
	f.Fuzz(func(t *testing.T, customer, subject, id string, unix, nano int64, severity int, text, money string, whole int64, float float64, truth bool, left int64, key string) {
		at := time.Unix(unix, nano%1e9)
		e := wideEvent{
			Customer: customer, Subject: subject, ID: id, At: at, Severity: severity, Text: text, Money: money, Whole: whole, Small: uint8(whole),
			Float: float, Half: float32(float), Truth: truth, When: at.Add(time.Duration(left)), Left: left, List: []int64{whole, left}, Map: map[string]bool{key: truth},
		}
		if truth {
			e.Maybe, e.List = &whole, nil
		}
		before := w.client.Stats().Redacted
		if !accepts(t, wide.TryEmit(context.Background(), w.client, e)) {
			return
		}
		got := w.last(t)
		if id == "" {
			e.ID = got.ID()
		}
		if !utf8.ValidString(key) {
			e.Map = map[string]bool{string([]rune(key)): truth}
		}
		if e.At.IsZero() {
			e.At = got.Time()
		}
		sameButRedacted(t, got, e.built(t), w.client.Stats().Redacted-before)
	})
}

// FuzzEmitEvent holds that an event that was made with the CloudEvents library
// arrives as it was made, with an extension of each type and data of any kind.
func FuzzEmitEvent(f *testing.F) {
	f.Add("com.example.x", "shop", "e-1", "order/77", int64(1772352000), "text", int32(7), true, []byte{0, 255}, "https://example.com/a?b=c", "application/json", []byte(`{"a":[1,2.50,1e-7,"é\u00e9"]}`))
	f.Add("t", "s", "i", "", int64(-1), " \"\\é", int32(math.MinInt32), false, []byte{}, "/relative", "text/plain", []byte("not JSON\x00"))
	f.Add("t", "s", "i", "s", int64(1), "x", int32(0), false, []byte("x"), "", "application/vnd.example+json", []byte(`"text"`))
	f.Add("t", "s", "i", "s", int64(1), "x", int32(0), false, []byte("x"), "u", "application/octet-stream", []byte{0xff, 0xfe})
	f.Add("t", "s", "i", "s", int64(1), "x", int32(0), false, []byte("x"), "u", "", []byte(`{"a":1,"a":2}`))
	f.Add("t", "s", "i", "s", int64(1), "to jane@example.com", int32(0), false, []byte("x"), "mailto:jane@example.com", "application/json", []byte(`{"password":1,"n":[4111111111111111,{"a":"4111 1111 1111 1111"}]}`))
	f.Add("t", "s", "i", "s", int64(1), "x", int32(0), false, []byte("x"), "u", "text/plain", []byte("to jane@example.com"))
	w := newWire(f)
	f.Fuzz(func(t *testing.T, typ, source, id, subject string, unix int64, text string, whole int32, truth bool, binary []byte, address, contentType string, data []byte) {
		e := event.New()
		e.SetType(typ)
		e.SetSource(source)
		e.SetID(id)
		e.SetSubject(subject)
		e.SetTime(time.Unix(unix, 7).UTC())
		e.SetExtension("exttext", text)
		e.SetExtension("extwhole", whole)
		e.SetExtension("exttruth", truth)
		e.SetExtension("extbinary", binary)
		e.SetExtension("exttime", types.Timestamp{Time: time.Unix(unix, 9).UTC()})
		if u, err := url.Parse(address); err == nil {
			e.SetExtension("exturi", types.URI{URL: *u})
		}
		if contentType != "" {
			e.SetDataContentType(contentType)
		}
		e.DataEncoded = data
		if e.FieldErrors != nil || e.ID() == "" || e.Source() == "" || halfPair.Match(data) { // what is missing is filled in
			return
		}
		before := w.client.Stats().Redacted
		if !accepts(t, w.client.EmitEvent(context.Background(), e)) {
			return
		}
		sameButRedacted(t, w.last(t), e, w.client.Stats().Redacted-before)
	})
}
