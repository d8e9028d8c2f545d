package makegood_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/makegood/makegood/sdk"
)

type paymentDeclined struct {
	Customer string    `makegood:"customer"`
	Order    string    `makegood:"subject"`
	Key      string    `makegood:"id"`
	Happened time.Time `makegood:"time"`
	Level    int       `makegood:"severity"`
	Amount   string    `json:"amount" makegood:"money"`
	Reason   string    `json:"reason"`
	Mail     string    `json:"mail" makegood:"email"`
	Phone    string    `json:"phone" makegood:"pii=hash"`
	Note     string    `json:"note,omitempty" makegood:"pii=mask"`
	Trace    string    `json:"trace" makegood:"pii=drop"`
	Secret   string    `json:"secret"`
	Tries    uint8     `json:"tries"`
}

var declined = makegood.Define[paymentDeclined]("com.example.payment.declined")

func TestTypedEventsAreThoseOfEmit(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	w := &wire{svc: svc, client: newClient(t, makegood.Handler(svc), makegood.HashKey("0123456789abcdef"))}
	at := time.Date(2026, 3, 1, 8, 0, 0, 5, time.UTC)
	p := paymentDeclined{
		Customer: "c-42", Order: "order/77", Key: "e-1", Happened: at, Level: 13, Amount: "2.99 USD", Reason: "call jane@example.com",
		Mail: "jane@example.com", Phone: "+49 1", Note: "Jane, 12345-678901", Trace: "x", Secret: "y", Tries: 3,
	}
	if err := declined.TryEmit(context.Background(), w.client, p, makegood.Bool("retry", true)); err != nil {
		t.Fatal(err)
	}
	got := w.last(t)
	err := w.client.TryEmit(context.Background(), "com.example.payment.declined",
		makegood.Customer("c-42"), makegood.Subject("order/77"), makegood.ID("e-1"), makegood.At(at), makegood.Severity(13),
		makegood.Money("amount", "2.99 USD"), makegood.String("reason", "call [email]"), makegood.Email("mail", "jane@example.com"),
		makegood.Hash(makegood.String("phone", "+49 1")), makegood.String("note", "****, *****-**8901"), makegood.Int("tries", 3), makegood.Bool("retry", true))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, w.last(t))

	// What is zero is filled in or left out as in Emit.
	if err := declined.TryEmit(context.Background(), w.client, paymentDeclined{Amount: "1 JPY"}); err != nil {
		t.Fatal(err)
	}
	if e := w.last(t); e.Subject() != "" || e.ID() == "" || time.Since(e.Time()) > time.Hour || len(e.Extensions()) != 0 || strings.Contains(string(e.Data()), "note") {
		t.Errorf("got %s", e)
	}
	if err := declined.TryEmit(context.Background(), w.client, paymentDeclined{Amount: "2,99"}); !errors.Is(err, makegood.ErrInvalid) {
		t.Errorf("a wrong amount: %v", err)
	}
}

type Inner struct {
	Deep  map[string]int
	Plain bool `json:",omitempty"`
}

type named string

type texted int

func (texted) MarshalText() ([]byte, error) { return []byte("texted"), nil }

// mixed has fields of all kinds that encoding/json writes.
type mixed struct {
	Inner
	*Pointed
	S     string `json:"s"`
	Named named
	I     int8 `json:"i,omitempty"`
	U     uint64
	F     float64
	F32   float32 `json:"f32,omitzero"`
	B     bool    `json:"-,"`
	Gone  string  `json:"-"`
	P     *string
	L     []int32 `json:",omitempty"`
	M     map[string]string
	Text  texted
	Times []texted
	Any   struct{ A, B int16 }
	Raw   []byte
}

type Pointed struct {
	Q string
	N *int
}

// TestTypedDataIsThatOfEncodingJSON compares with the library, over structs of
// random content.
func TestTypedDataIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	event := makegood.Define[mixed]("com.example.mixed")
	if event.Err() != nil {
		t.Fatal(event.Err())
	}
	plain := func(raw []byte) (v any) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			t.Fatalf("decode %s: %v", raw, err)
		}
		return v
	}
	checked := 0
	err := quick.Check(func(v mixed) bool {
		v.U %= 1e12 // a longer one may be the number of a card
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		switch err := event.TryEmit(context.Background(), w.client, v); {
		case errors.Is(err, makegood.ErrTooLarge):
			return true
		case err != nil:
			t.Fatalf("emit %s: %v", raw, err)
		}
		checked++
		got := w.last(t).Data()
		if !reflect.DeepEqual(plain(got), plain(raw)) {
			t.Fatalf("got  %s\nwant %s", got, raw)
		}
		return true
	}, &quick.Config{MaxCount: 200})
	if err != nil || checked < 100 {
		t.Errorf("checked %d: %v", checked, err)
	}
	type small struct{ A, b int }
	if err := makegood.Define[struct{ small }]("com.example.x").TryEmit(context.Background(), w.client, struct{ small }{small{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if got := string(w.last(t).Data()); got != `{"A":1}` {
		t.Errorf("fields of an unexported embedded struct: got %s", got)
	}
}

// tagged has a field that is not to be told.
type tagged struct {
	Nick string `makegood:"pii=drop"`
	Next *tagged
	Age  int
}

type (
	loopA struct {
		*loopB
		*loopC
	}
	loopB struct {
		*loopA
		*loopC
		Seen bool
	}
	loopC struct {
		*loopA
		*loopB
	}
)

func TestWhatIsDroppedIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	type embedded struct {
		Inner  `makegood:"pii=drop"`
		*Next  `makegood:" pii=drop "`
		Whole  tagged `makegood:"pii=drop"`
		Spaced string `makegood:"verbatim, pii=drop"`
		Kept   int
	}
	err := makegood.Define[embedded]("com.example.x").TryEmit(context.Background(), w.client, embedded{Inner: Inner{Plain: true}, Next: &Next{"n"}, Whole: tagged{Nick: "n"}, Spaced: "n", Kept: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(w.last(t).Data()), `{"Kept":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := makegood.Define[tagged]("com.example.x").Err(); err == nil {
		t.Error("a struct that holds itself would be told with the field that is dropped")
	}
}

type Next struct{ Name string }

// TestTagsOfWhatIsNotWrittenAreNoError has one where encoding/json writes nothing.
func TestTagsOfWhatIsNotWrittenAreNoError(t *testing.T) {
	t.Parallel()
	event := makegood.Define[struct {
		A struct {
			B string `json:"-" makegood:"pii=drop"`
		}
	}]("com.example.x")
	if err := event.Err(); err != nil {
		t.Error(err)
	}
}

// untold writes itself, without what its tag hides.
type untold struct {
	Nick string `makegood:"pii=drop"`
}

func (*untold) MarshalJSON() ([]byte, error) { return []byte(`"somebody"`), nil }

// TestTagsOfWhatWritesItselfAreNoError has tags that encoding/json does not come by,
// because a method of the struct writes it.
func TestTagsOfWhatWritesItselfAreNoError(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	type event struct {
		Who  *untold
		List []*untold
		Deep struct{ Who *untold }
	}
	who := &untold{Nick: "n"}
	if err := makegood.Define[event]("com.example.x").TryEmit(context.Background(), w.client, event{Who: who, List: []*untold{who}, Deep: struct{ Who *untold }{who}}); err != nil {
		t.Fatal(err)
	}
	if got, want := string(w.last(t).Data()), `{"Who":"somebody","List":["somebody"],"Deep":{"Who":"somebody"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTagsOfWhatMayNotWriteItself has values whose method needs a pointer, which
// encoding/json does not have of each: it would write the fields.
func TestTagsOfWhatMayNotWriteItself(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	hidden := untold{Nick: "jane"}
	for name, err := range map[string]error{
		"value": makegood.Define[struct{ Who untold }]("com.example.x").TryEmit(context.Background(), w.client, struct{ Who untold }{hidden}),
		"map": makegood.Define[struct{ Who map[string]untold }]("com.example.x").TryEmit(context.Background(), w.client,
			struct{ Who map[string]untold }{map[string]untold{"a": hidden}}),
	} {
		if !errors.Is(err, makegood.ErrInvalid) || !strings.Contains(err.Error(), "Nick would not be read") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestStructsInsideThemselves would not end if each were entered again.
func TestStructsInsideThemselves(t *testing.T) {
	t.Parallel()
	if err := makegood.Define[loopA]("com.example.x").Err(); err != nil && !strings.Contains(err.Error(), "given twice") {
		t.Error(err)
	}
}

func TestWrongDefinitionsSayWhy(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	c := newClient(t, makegood.Handler(svc))
	check := func(event interface{ Err() error }, want string) {
		t.Helper()
		if err := event.Err(); !errors.Is(err, makegood.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	check(makegood.Define[int]("com.example.x"), "int is no struct")
	check(makegood.Define[struct {
		A string `makegood:"costumer"`
	}]("com.example.x"), `field A: tag makegood:"costumer": want customer, subject`)
	check(makegood.Define[struct {
		A int `makegood:"customer"`
	}]("com.example.x"), "does not fit the field's type")
	check(makegood.Define[struct {
		A string `makegood:"customer"`
		B string `makegood:"customer"`
	}]("com.example.x"), "field B: customer is given twice")
	check(makegood.Define[struct {
		X string
		B string `json:"X"`
	}]("com.example.x"), "field B: data.X is given twice")
	check(makegood.Define[struct {
		A string `json:"traceparent"`
	}]("com.example.x"), "is an attribute of the event")
	check(makegood.Define[struct {
		A string `makegood:"subject,pii=mask"`
	}]("com.example.x"), "subject cannot be changed like this")
	check(makegood.Define[struct {
		A string `makegood:"id,pii=hash"`
	}]("com.example.x"), "id cannot be changed like this")
	check(makegood.Define[struct {
		A int `json:",string"`
	}]("com.example.x"), "make the field a string")
	check(makegood.Define[struct {
		A string `makegood:"pii=hash,verbatim"`
	}]("com.example.x"), "keep one")
	check(makegood.Define[struct {
		A string `makegood:"money,pii=hash"`
	}]("com.example.x"), "an amount cannot be changed like this")
	check(makegood.Define[struct {
		Inner `makegood:"pii=mask"`
	}]("com.example.x"), "an embedded struct takes none but pii=drop")
	check(makegood.Define[struct{ A tagged }]("com.example.x"), "field A: the tag makegood of its field Nick would not be read")
	check(makegood.Define[struct{ A map[string][]*tagged }]("com.example.x"), "field A: the tag makegood of its field Nick would not be read")
	check(makegood.Define[struct{ A struct{ B [1]tagged } }]("com.example.x"), "field A: the tag makegood of its field B.Nick would not be read")
	wrong := makegood.Define[int]("com.example.x")
	if err := wrong.TryEmit(context.Background(), c, 1); !errors.Is(err, makegood.ErrInvalid) || c.Stats().Invalid != 1 {
		t.Errorf("got %v, %+v", err, c.Stats())
	}
	wrong.Emit(context.Background(), nil, 1) // a nil client does nothing
	var none *makegood.EventType[int]
	if err := none.TryEmit(context.Background(), c, 1); !errors.Is(err, makegood.ErrInvalid) {
		t.Errorf("a nil type: got %v", err)
	}
}

func TestExperience(t *testing.T) {
	t.Parallel()
	for outcome, err := range map[string]error{"ok": nil, "error": errors.New("no"), "timeout": context.DeadlineExceeded, "canceled": context.Canceled} {
		w := newWire(t)
		x := w.client.Start(context.Background(), "com.example.checkout.finished", makegood.Customer("c-42"))
		x.End(err, makegood.Int("items", 3))
		x.End(nil)
		e := w.last(t)
		var data struct {
			Outcome string
			Items   int
			MS      *float64 `json:"duration_ms"`
		}
		if err := e.DataAs(&data); err != nil || data.Outcome != outcome || data.Items != 3 || data.MS == nil || *data.MS < 0 || e.Extensions()["customer"] != "c-42" {
			t.Errorf("%s: got %s, %v", outcome, e, err)
		}
		if r := w.client.Stats(); r.Accepted != 1 {
			t.Errorf("a second End counts: %+v", r)
		}
	}
	w := newWire(t)
	w.client.Start(context.Background(), "com.example.x").End(nil, makegood.String("outcome", "declined"))
	if e := w.last(t); !strings.Contains(string(e.Data()), `"outcome":"declined"`) {
		t.Errorf("got %s", e)
	}
	(*makegood.Client)(nil).Start(context.Background(), "com.example.x").End(nil)
}
