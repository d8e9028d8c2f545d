package makegood_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/google/uuid"

	"github.com/makegood/makegood/sdk"
)

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

func rawJSON(s string) json.RawMessage { return json.RawMessage(s) }

func nan() float64 { return math.NaN() }

// sample is one event in the terms of both libraries.
type sample struct {
	typ, id, subject, customer  string
	severity                    int
	at                          time.Time
	text, money                 string
	whole                       int64
	float                       float64
	truth                       bool
	raw                         string
	keyText, keyFloat, keyWhole string
}

func (s sample) attrs() []makegood.Attr {
	return []makegood.Attr{
		makegood.Verbatim(makegood.String(s.keyText, s.text)), makegood.ID(s.id), makegood.Subject(s.subject), makegood.Customer(s.customer),
		makegood.Severity(s.severity), makegood.At(s.at), makegood.Int(s.keyWhole, s.whole), makegood.Float(s.keyFloat, s.float),
		makegood.Bool("truth", s.truth), makegood.Money("money", s.money), makegood.Time("when", s.at),
		makegood.Verbatim(makegood.Any("raw", json.RawMessage(s.raw))),
	}
}

// built is the same event made with the CloudEvents library.
func (s sample) built(t testing.TB) event.Event {
	t.Helper()
	e := event.New()
	e.SetID(s.id)
	e.SetType(s.typ)
	e.SetSource("checkout")
	e.SetTime(s.at.UTC())
	if s.subject != "" {
		e.SetSubject(s.subject)
	}
	if s.customer != "" {
		e.SetExtension("customer", s.customer)
	}
	e.SetExtension("severitynumber", s.severity)
	e.SetExtension("traceparent", parent)
	err := e.SetData(event.ApplicationJSON, map[string]any{
		s.keyText: s.text, s.keyWhole: s.whole, s.keyFloat: s.float, "truth": s.truth, "money": s.money,
		"when": s.at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), "raw": json.RawMessage(s.raw),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// wire emits through a client and returns what arrived, one event a request.
type wire struct {
	client *makegood.Client
	svc    *service
}

func newWire(t testing.TB) *wire {
	svc := newService(t)
	return &wire{svc: svc, client: newClient(t, makegood.Handler(svc), makegood.TraceParent(func(context.Context) string { return parent }))}
}

func (w *wire) last(t testing.TB) event.Event {
	t.Helper()
	flush(t, w.client)
	w.svc.mu.Lock()
	defer w.svc.mu.Unlock()
	e := w.svc.taken[len(w.svc.taken)-1]
	clear(w.svc.inputs)
	w.svc.taken, w.svc.headers = nil, nil
	return e
}

// same compares two events by meaning: attributes, extensions as their text and
// data as decoded JSON, in which a number is the digits that it is written with.
// The CloudEvents library trims what its setters are given, so space around is
// left out.
func same(t testing.TB, got, want event.Event) {
	t.Helper()
	type view struct {
		ID, Type, Source, Subject, ContentType string
		Time                                   string
		Extensions                             map[string]any
		Data                                   any
	}
	look := func(e event.Event) (v view) {
		v = view{strings.TrimSpace(e.ID()), strings.TrimSpace(e.Type()), e.Source(), strings.TrimSpace(e.Subject()), e.DataContentType(), e.Time().UTC().Format(time.RFC3339Nano), map[string]any{}, nil}
		for k, x := range e.Extensions() {
			v.Extensions[k] = extension(t, x)
		}
		if len(e.Data()) > 0 {
			decoder := json.NewDecoder(bytes.NewReader(e.Data()))
			decoder.UseNumber()
			if err := decoder.Decode(&v.Data); err != nil {
				v.Data = e.Data() // no JSON: the bytes are the data
			}
			v.Data = plainNumbers(v.Data)
		}
		return v
	}
	if g, w := look(got), look(want); !reflect.DeepEqual(g, w) {
		t.Errorf("got  %+v\nwant %+v", g, w)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

// exponent finds the zeros that may begin an exponent: 1e-07 is 1e-7.
var exponent = regexp.MustCompile(`([eE][+-]?)0+(\d)`)

// plainNumbers writes the numbers of a JSON value in one of the ways in which their
// digits can be written.
func plainNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		return json.Number(exponent.ReplaceAllString(string(v), "$1$2"))
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plainNumbers(v[key])
		}
	}
	return value
}

// extension is the value of an extension as JSON has it: a truth value, a number,
// or the text of anything else.
func extension(t testing.TB, value any) any {
	t.Helper()
	switch value.(type) {
	case bool, int32:
		return value
	}
	text, err := types.Format(value)
	if err != nil {
		t.Errorf("extension %v: %v", value, err)
	}
	return text
}

func (s sample) check(t testing.TB, w *wire) {
	t.Helper()
	if err := w.client.TryEmit(context.Background(), s.typ, s.attrs()...); err != nil {
		t.Fatal(err)
	}
	same(t, w.last(t), s.built(t))
}

func base() sample {
	return sample{
		typ: "com.example.cart.abandoned", id: "e-1", subject: "order/77", customer: "c-42", severity: 9,
		at:   time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.FixedZone("", 3600)),
		text: "hello", money: "2.99 USD", whole: 3, float: 0.1, raw: `{"a":[1,null,{"b":"\u00e9"}]}`,
		keyText: "text", keyFloat: "float", keyWhole: "whole",
	}
}

func TestEventsEqualThoseOfTheCloudEventsLibrary(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	base().check(t, w)
	for _, text := range []string{"", `"\/`, "\x00\x1f\x7f", "é 世界 😀 \u2028 \ufffd", "<script>&", strings.Repeat("ab\n", 5000)} {
		s := base()
		s.text = text
		s.check(t, w)
	}
	for _, f := range []float64{0, math.Copysign(0, -1), -1, 1e-7, 1e20, 1e21, 123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53} {
		s := base()
		s.float = f
		s.check(t, w)
	}
	for _, n := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		s := base()
		s.whole = n
		s.check(t, w)
	}
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(1678, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(2261, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Unix(-1, 5)} {
		s := base()
		s.at = at
		s.check(t, w)
	}
	s := base()
	s.subject, s.customer, s.id, s.keyText = "заказ/77 \"q\" \\", "é", "日本", "клю\"ч"
	s.check(t, w)
}

func TestTextThatIsNotUTF8IsReplaced(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.client.Emit(context.Background(), "com.example.x", makegood.String("s", "a\xffb\xc3"), makegood.Any("r", rawJSON("\"\xff\"")),
		makegood.Any("h", rawJSON(`{"a":["\ud800x","\uD83D\uDE00",12345678901234567890]}`)))
	var data struct {
		S, R string
		H    json.RawMessage
	}
	if err := w.last(t).DataAs(&data); err != nil || data.S != "a\ufffdb\ufffd" || data.R != "\ufffd" ||
		string(data.H) != `{"a":["�x","😀",12345678901234567890]}` {
		t.Errorf("%q %q %s, %v", data.S, data.R, data.H, err)
	}
}

func TestWhatIsNotGivenIsFilledInOrLeftOut(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	before := time.Now()
	seen := map[string]bool{}
	for range 1000 {
		w.client.Emit(context.Background(), "com.example.x", makegood.Customer(""), makegood.Subject(""), makegood.ID(""), makegood.Attr{})
		flush(t, w.client)
	}
	for _, e := range w.svc.taken {
		id, err := uuid.Parse(e.ID())
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || seen[e.ID()] {
			t.Fatalf("id %q: %v", e.ID(), err)
		}
		seen[e.ID()] = true
		sec, nsec := id.Time().UnixTime()
		if d := time.Unix(sec, nsec).Sub(e.Time()).Abs(); d > time.Millisecond {
			t.Fatalf("id and time differ by %s", d)
		}
		if e.Time().Before(before) || e.Time().After(time.Now()) {
			t.Fatalf("time %s", e.Time())
		}
		if _, ok := e.Extensions()["customer"]; ok || e.Subject() != "" || e.Data() != nil || e.DataContentType() != "" {
			t.Fatalf("got %v", e)
		}
	}
	if len(seen) != 1000 {
		t.Fatalf("%d events", len(seen))
	}
}

func TestManyFields(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var attrs []makegood.Attr
	for i := range 1000 {
		attrs = append(attrs, makegood.Int("field"+strconv.Itoa(i), uint8(i)))
	}
	if err := w.client.TryEmit(context.Background(), "com.example.x", attrs...); err != nil {
		t.Fatal(err)
	}
	var data map[string]int
	if err := w.last(t).DataAs(&data); err != nil || len(data) != len(attrs) {
		t.Errorf("%d fields, %v", len(data), err)
	}
	if err := w.client.TryEmit(context.Background(), "com.example.x", append(attrs, attrs[500])...); !errors.Is(err, makegood.ErrInvalid) {
		t.Errorf("a repeated key among many: %v", err)
	}
}

func TestBadTraceIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, trace := range map[string]func(context.Context) string{
		"panic": func(context.Context) string { panic("no") },
		"short": func(context.Context) string { return "00-1-1-01" },
		"quote": func(context.Context) string { return strings.Replace(parent, "b7", `"}`, 1) },
	} {
		svc := newService(t)
		c := newClient(t, makegood.Handler(svc), makegood.TraceParent(trace))
		c.Emit(context.Background(), "com.example.x")
		flush(t, c)
		if ext := svc.taken[0].Extensions(); len(ext) != 0 {
			t.Errorf("%s: got %v", name, ext)
		}
	}
}

func TestEmitEvent(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	ctx := context.Background()
	whole := base().built(t)
	if err := w.client.EmitEvent(ctx, whole); err != nil {
		t.Fatal(err)
	}
	same(t, w.last(t), whole)

	bare := event.New(event.CloudEventsVersionV03)
	bare.SetType("com.example.x")
	if err := bare.SetData("text/plain", "hello"); err != nil {
		t.Fatal(err)
	}
	if err := w.client.EmitEvent(ctx, bare); err != nil {
		t.Fatal(err)
	}
	got := w.last(t)
	if got.SpecVersion() != "1.0" || got.Source() != "checkout" || got.ID() == "" || got.Time().IsZero() || string(got.Data()) != "hello" {
		t.Errorf("got %v", got)
	}
	if bare.ID() != "" {
		t.Error("the caller's event was changed")
	}

	for name, change := range map[string]func(e *event.Event){
		"no type":      func(e *event.Event) { e.SetType("") },
		"no context":   func(e *event.Event) { e.Context = nil },
		"nil context":  func(e *event.Event) { e.Context = (*event.EventContextV1)(nil) },
		"broken data":  func(e *event.Event) { e.DataEncoded = []byte(`{"a":`) },
		"two values":   func(e *event.Event) { e.DataEncoded = []byte(`1,"id":"x"`) },
		"repeated key": func(e *event.Event) { e.DataEncoded = []byte(`{"a":1,"a":2}`) },
		"bad UTF-8":    func(e *event.Event) { e.DataEncoded = []byte("\"\xff\"") },
		"our type":     func(e *event.Event) { e.SetType("makegood.x") },
		"long type":    func(e *event.Event) { e.SetType(strings.Repeat("x", 256)) },
		"long id":      func(e *event.Event) { e.SetID(strings.Repeat("x", 1025)) },
		"odd id":       func(e *event.Event) { e.SetID("a\x01b") },
		"odd customer": func(e *event.Event) { e.SetExtension("customer", "a\x01b") },
		"far time":     func(e *event.Event) { e.SetTime(time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"severity":     func(e *event.Event) { e.SetExtension("severitynumber", 25) },
	} {
		e := base().built(t)
		change(&e)
		if err := w.client.EmitEvent(ctx, e); !errors.Is(err, makegood.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := base().built(t)
	e.DataEncoded = []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	if err := w.client.EmitEvent(ctx, e); !errors.Is(err, makegood.ErrTooLarge) {
		t.Errorf("large: %v", err)
	}
}

// halfPair finds escapes that may be half of a pair: JSON decoders mend these in
// ways of their own. TestTextThatIsNotUTF8IsReplaced holds ours.
var halfPair = regexp.MustCompile(`(?i)\\ud[89a-f]`)

// FuzzEmit holds two things for any input: what is accepted decodes to the event
// that the CloudEvents library builds, and what is refused is said to be invalid
// or too large.
func FuzzEmit(f *testing.F) {
	s := base()
	f.Add(s.typ, s.id, s.subject, s.customer, s.severity, s.at.Unix(), s.text, s.money, s.whole, s.float, s.raw, "key")
	f.Add("t", "i", "", "", 24, int64(-1), "\xff\x00\"\\\u2028", "-1 JPY", int64(math.MinInt64), 5e-324, `{"a":{"a":1}}`, "é")
	f.Add("t\n", "", "\x7f", "\ufffe", 0, int64(1)<<40, "", "1. USD", int64(0), math.Inf(1), `{"a":1,"a":2}`, "")
	f.Add("t", "i", "", "", 1, int64(1), "", "1 JPY", int64(4111111111111111), 4.111111111111111e15, `{}`, "key")
	f.Add("t", "i", "", "", 1, int64(1), "", "1 JPY", int64(1), 1.0, `{}`, "p")
	f.Add("t", "i", "", "", 1, int64(1), "", "1 JPY", int64(1), 1.0, `{}`, "password")
	w := newWire(f)
	f.Fuzz(func(t *testing.T, typ, id, subject, customer string, severity int, unix int64, text, money string, whole int64, float float64, raw, key string) {
		s := sample{
			typ: typ, id: id, subject: subject, customer: customer, severity: severity, at: time.Unix(unix, 7), text: text, money: money,
			whole: whole, float: float, raw: raw, keyText: key, keyFloat: key + "f", keyWhole: key + "w",
		}
		before := w.client.Stats().Redacted
		err := w.client.TryEmit(context.Background(), s.typ, s.attrs()...)
		if err != nil {
			if !errors.Is(err, makegood.ErrInvalid) && !errors.Is(err, makegood.ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		got := w.last(t)
		if id == "" {
			s.id = got.ID()
		}
		if !utf8.ValidString(raw) || halfPair.MatchString(raw) {
			return
		}
		s.text = string([]rune(text)) // U+FFFD for every byte that is not UTF-8
		sameButRedacted(t, got, s.built(t), w.client.Stats().Redacted-before)
	})
}
