package makegood_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/makegood/makegood/sdk"
)

// told emits through a client with options and returns the event that arrived.
func told(t *testing.T, opts []makegood.Option, attrs ...makegood.Attr) (event.Event, map[string]any) {
	t.Helper()
	svc := newService(t)
	w := &wire{svc: svc, client: newClient(t, append(opts, makegood.Handler(svc))...)}
	if err := w.client.TryEmit(context.Background(), "com.example.x", attrs...); err != nil {
		t.Fatal(err)
	}
	e := w.last(t)
	var data map[string]any
	if len(e.Data()) > 0 {
		if err := json.Unmarshal(e.Data(), &data); err != nil {
			t.Fatalf("decode data %s: %v", e.Data(), err)
		}
	}
	return e, data
}

// masked are texts of fields, before and after.
var masked = [][2]string{
	{"write to jane.doe+film@mail.example.co.uk, please", "write to [email], please"},
	{"jane@example.com", "[email]"},
	{"to jane@example.com.", "to [email]."},
	{"<jane@example.com>;joe@example.org", "<[email]>;[email]"},
	{"jürgen@bücher.example", "[email]"},
	{"o'neil@example.com", "[email]"},
	{"@home", "@home"},
	{"a@b", "a@b"},
	{"3 @ 2.99 USD", "3 @ 2.99 USD"},
	{"user@localhost", "user@localhost"},
	{"a@b.c", "a@b.c"},
	{"@@@jane@example.com", "@@@[email]"},
	{"card 4111 1111 1111 1111 declined", "card [card] declined"},
	{"4111-1111-1111-1111", "[card]"},
	{"4111111111111111", "[card]"},
	{"378282246310005", "[card]"},
	{"5555555555554444 and 6011111111111117", "[card] and [card]"},
	{"30569309025904", "[card]"},
	{"3530111333300000", "[card]"},
	{"4111111111111112", "4111111111111112"},               // check digit
	{"9111111111111111", "9111111111111111"},               // no scheme's
	{"41111111111111111111111", "41111111111111111111111"}, // too long
	{"pi_4111111111111111", "pi_[card]"},
	{"A4111111111111111", "A4111111111111111"}, // part of a word
	{"4111  1111 1111 1111", "4111  1111 1111 1111"},
	{"2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z"},
	{"order 1234567890123456", "order 1234567890123456"},
}

func TestTextsAreMasked(t *testing.T) {
	t.Parallel()
	for _, m := range masked {
		_, data := told(t, nil, makegood.String("note", m[0]), makegood.Any("deep", map[string]any{"list": []string{m[0]}}))
		if data["note"] != m[1] {
			t.Errorf("%q: got %q, want %q", m[0], data["note"], m[1])
		}
		if deep := data["deep"].(map[string]any)["list"].([]any)[0]; deep != m[1] {
			t.Errorf("%q inside a value: got %q, want %q", m[0], deep, m[1])
		}
	}
	_, data := told(t, nil, makegood.Int("n", 4111111111111111), makegood.Int("order", 1234567890123456), makegood.Any("deep", []int{4111111111111111}))
	_, floats := told(t, nil, makegood.Float("f", 4111111111111111), makegood.Float("half", 4111111111111111.5), makegood.Float("kept", 1234567890123456),
		makegood.Any("deep", json.RawMessage(`[4111111111111111.0,4.111111111111111e15,1e99,{"jane@example.com":1,"4111 1111 1111 1111":2,"kept":3}]`)))
	if deep, err := json.Marshal(floats); err != nil || string(deep) != `{"deep":["[card]","[card]",1e+99,{"kept":3}],"f":"[card]","half":4111111111111111.5,"kept":1234567890123456}` {
		t.Errorf("got %s, %v", deep, err)
	}
	if data["n"] != "[card]" || data["order"] != 1234567890123456.0 || data["deep"].([]any)[0] != "[card]" {
		t.Errorf("got %v", data)
	}
}

// TestIdsThatLookLikeCards holds what the documentation says of ids that are taken for
// the number of a card by chance.
func TestIdsThatLookLikeCards(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const n = 2500
	for name, c := range map[string]struct {
		id          func(i int64) any
		least, most int
	}{
		"sixteen digits":        {func(int64) any { return fmt.Sprintf("%d%015d", 1+random.IntN(9), random.Int64N(1e15)) }, n / 60, n / 28},
		"sixteen digits from 4": {func(int64) any { return fmt.Sprintf("4%015d", random.Int64N(1e15)) }, n / 12, n / 8},
		"with a letter":         {func(int64) any { return fmt.Sprintf("o4%015d", random.Int64N(1e15)) }, 0, 0},
		"milliseconds":          {func(i int64) any { return 1772352000000 + i*997 }, 0, 0},
		"nanoseconds":           {func(i int64) any { return 1772352000000000000 + i*997 }, 0, 0},
		"longer numbers from 4": {func(i int64) any { return 4000000000000000000 + i*997 }, 0, 0},
	} {
		ids := make([]any, n)
		for i := range ids {
			ids[i] = c.id(int64(i))
		}
		e, _ := told(t, nil, makegood.Any("ids", ids))
		if got := strings.Count(string(e.Data()), `"[card]"`); got < c.least || got > c.most {
			t.Errorf("%s: %d of %d are taken for cards, want %d to %d", name, got, n, c.least, c.most)
		}
	}
}

func TestDeniedFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"password", "Password", "PASSWORD", "cardNumber", "card_number", "card-number", "Card.Number", "e-mail", "eMail",
		"first_name", "Set-Cookie", "cvv2", "x_membership"} {
		e, data := told(t, []makegood.Option{makegood.Deny("xMembership")}, makegood.String(key, "1"), makegood.Int("items", 3),
			makegood.Any("deep", map[string]any{key: 1, "kept": map[string]any{key: "2"}}))
		if _, there := data[key]; there || data["items"] != 3.0 {
			t.Errorf("%s: got %s", key, e.Data())
		}
		if deep := data["deep"].(map[string]any); len(deep) != 1 || len(deep["kept"].(map[string]any)) != 0 {
			t.Errorf("%s: got %s", key, e.Data())
		}
	}
	for _, key := range []string{"items", "page", "passes", "p", "ibanana", "name", "address", "token", strings.Repeat("password", 9)} {
		if e, data := told(t, nil, makegood.Bool(key, true)); data[key] != true {
			t.Errorf("%s: got %s", key, e.Data())
		}
	}
}

func TestWhatIsNamedOnPurpose(t *testing.T) {
	t.Parallel()
	_, data := told(t, []makegood.Option{makegood.HashKey("0123456789abcdef")}, makegood.Email("to", "jane@example.com"),
		makegood.Verbatim(makegood.String("email", "joe@example.com")), makegood.Hash(makegood.String("phone", "+49 1")))
	still, _ := told(t, []makegood.Option{makegood.HashKey("0123456789abcdef")}, makegood.Verbatim(makegood.Hash(makegood.Customer("jane@example.com"))))
	if customer := still.Extensions()["customer"]; len(customer.(string)) != 32 {
		t.Errorf("a pseudonym that is kept as it is becomes %v", customer)
	}
	if data["to"] != "jane@example.com" || data["email"] != "joe@example.com" || len(data["phone"].(string)) != 32 {
		t.Errorf("got %v", data)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	key, other := makegood.HashKey("0123456789abcdef"), makegood.HashKey("fedcba9876543210")
	first, data := told(t, []makegood.Option{key}, makegood.Hash(makegood.Customer("jane@example.com")), makegood.Hash(makegood.String("who", "jane@example.com")))
	again, _ := told(t, []makegood.Option{key}, makegood.Hash(makegood.Customer("jane@example.com")))
	elsewhere, _ := told(t, []makegood.Option{other}, makegood.Hash(makegood.Customer("jane@example.com")))
	const want = "a7a54661c75bce906717ca553fdff1b9" // by another implementation of HMAC-SHA-256
	customer := first.Extensions()["customer"].(string)
	if customer != want || customer != again.Extensions()["customer"] || customer != data["who"] || customer == elsewhere.Extensions()["customer"] {
		t.Errorf("got %s, %s, %s and with another key %s; want %s", customer, again.Extensions()["customer"], data["who"], elsewhere.Extensions()["customer"], want)
	}
}

func TestPrivacyRefusals(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	c := newClient(t, makegood.Handler(svc), makegood.Redact(func(_, key, text string) string {
		if key == "bad" {
			panic(text)
		}
		return text
	}))
	received := event.New()
	received.SetType("com.example.x")
	received.SetExtension("customer", "jane@example.com")
	if err := c.EmitEvent(context.Background(), received); !errors.Is(err, makegood.ErrInvalid) || !strings.Contains(err.Error(), "customer is an e-mail address") {
		t.Errorf("a received event whose customer is an address: %v", err)
	}
	for name, attr := range map[string]makegood.Attr{
		"customer is an e-mail address": makegood.Customer("jane@example.com"),
		"subject is an e-mail address":  makegood.Subject("user/jane@example.com"),
		"Hash has no key":               makegood.Hash(makegood.String("who", "jane")),
		"Hash takes a Customer":         makegood.Hash(makegood.Int("who", 7)),
		"cannot be redacted":            makegood.String("bad", "4321-secret"),
	} {
		err := c.TryEmit(context.Background(), "com.example.x", attr)
		if !errors.Is(err, makegood.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "4321") {
			t.Errorf("the error tells the text: %v", err)
		}
	}
	if err := c.TryEmit(context.Background(), "com.example.x", makegood.Any("deep", []any{map[string]any{"bad": "4321"}})); !errors.Is(err, makegood.ErrInvalid) {
		t.Errorf("a panic inside a value: got %v", err)
	}
	if r := c.Stats(); r.Accepted != 0 || r.Invalid != 7 {
		t.Errorf("got %+v", r)
	}
}

func TestRedactorsSeeTextsAndAreMaskedToo(t *testing.T) {
	t.Parallel()
	upper := makegood.Redact(func(_, _, text string) string { return strings.ToUpper(text) })
	leak := makegood.Redact(func(typ, key, text string) string {
		if typ == "com.example.x" && key == "page" {
			return text + " jane@example.com"
		}
		return text
	})
	_, data := told(t, []makegood.Option{upper, leak}, makegood.String("page", "/pay"), makegood.Any("deep", map[string]string{"page": "b"}))
	if data["page"] != "/PAY [email]" || data["deep"].(map[string]any)["page"] != "B [email]" {
		t.Errorf("got %v", data)
	}
}

func TestReceivedEventsAreRedacted(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	e := event.New()
	e.SetType("com.example.x")
	if err := e.SetData("application/json; charset=utf-8", map[string]any{"password": "x", "note": "jane@example.com", "n": 12345678901234567}); err != nil {
		t.Fatal(err)
	}
	if err := w.client.EmitEvent(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	if got, want := string(w.last(t).Data()), `{"n":12345678901234567,"note":"[email]"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := w.client.Stats().Redacted; n != 2 {
		t.Errorf("%d fields were redacted, want 2", n)
	}
}

func TestReceivedTextsAndExtensionsAreRedacted(t *testing.T) {
	t.Parallel()
	var got map[string]any // as it goes out: the CloudEvents library reads no Application/JSON
	accept := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	c := newClient(t, makegood.Handler(accept), makegood.OnEvent(func(_ context.Context, event []byte, _ []string) {
		if err := json.Unmarshal(event, &got); err != nil {
			t.Error(err)
		}
	}))
	for contents, texts := range map[string][2]string{
		"Application/JSON":         {`{"password":"x","n":1}`, "map[n:1]"},
		"text/json":                {`{"password":"x","n":1}`, "map[n:1]"},
		"application/problem+json": {`{"password":"x","n":1}`, `{"n":1}`}, // a text to the library
		"text/plain":               {"to jane@example.com", "to [email]"},
		"application/atom+xml":     {"<a>jane@example.com</a>", "<a>[email]</a>"},
		"application/octet-stream": {"jane@example.com", "jane@example.com"},
	} {
		got = nil
		e := base().built(t)
		e.SetDataContentType(contents)
		e.DataEncoded = []byte(texts[0])
		e.SetExtension("password", "x")
		e.SetExtension("note", "from jane@example.com")
		e.SetExtension("reply", types.URI{URL: url.URL{Scheme: "mailto", Opaque: "jane@example.com"}})
		e.SetExtension("tracestate", "jane@example.com=1")
		if err := c.EmitEvent(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		if data := fmt.Sprint(got["data"]); data != texts[1] {
			t.Errorf("%s: got %s, want %s", contents, data, texts[1])
		}
		if _, told := got["password"]; told || got["note"] != "from [email]" || got["reply"] != "mailto:[email]" || got["tracestate"] != "jane@example.com=1" || got["customer"] != "c-42" {
			t.Errorf("%s: got %v", contents, got)
		}
	}
}

func TestHashKeyFromTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fromOption, _ := told(t, []makegood.Option{makegood.HashKey("0123456789abcdef")}, makegood.Hash(makegood.Customer("c")))
	t.Setenv("MAKEGOOD_HASH_KEY_FILE", file)
	fromFile, _ := told(t, nil, makegood.Hash(makegood.Customer("c")))
	if fromFile.Extensions()["customer"] != fromOption.Extensions()["customer"] {
		t.Errorf("got %v, want %v", fromFile.Extensions(), fromOption.Extensions())
	}
	t.Setenv("MAKEGOOD_HASH_KEY", "0123456789abcdef")
	if _, err := makegood.New("checkout", makegood.URL("http://127.0.0.1:1")); err == nil || !strings.Contains(err.Error(), "keep one") {
		t.Errorf("two keys: got %v", err)
	}
	for _, opt := range []makegood.Option{makegood.HashKey("short"), makegood.Deny("x"), makegood.Redact(nil)} {
		if _, err := makegood.New("checkout", makegood.URL("http://127.0.0.1:1"), opt); err == nil {
			t.Error("a wrong option was taken")
		}
	}
}

// telltale fails to be written, and says of whom it is.
type telltale struct{ panics bool }

func (v telltale) MarshalJSON() ([]byte, error) {
	if v.panics {
		panic("secret-7 of jane@example.com")
	}
	return nil, errors.New("cannot write jane@example.com with 4111111111111111")
}

func TestErrorsTellNothing(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	c := newClient(t, makegood.Handler(svc))
	for name, attr := range map[string]makegood.Attr{
		"amount":   makegood.Money("total", "4111111111111111"),
		"subject":  makegood.Subject(strings.Repeat("x", 40) + " 4111 1111 1111 1111\x01"),
		"id":       makegood.ID("jane@example.com\x01"),
		"failing":  makegood.Any("x", telltale{}),
		"panics":   makegood.Any("x", telltale{panics: true}),
		"repeated": makegood.Any("x", json.RawMessage(`{"jane@example.com":1,"jane@example.com":2}`)),
	} {
		err := c.TryEmit(context.Background(), "com.example.x", attr)
		if !errors.Is(err, makegood.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, secret := range []string{"jane", "4111", "secret-7"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells: %v", name, err)
			}
		}
	}
}

// FuzzMask masks twice: nothing that is masked the second time may have been
// left by the first.
func FuzzMask(f *testing.F) {
	for _, m := range masked {
		f.Add(m[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := makegood.Mask(text)
		if twice := makegood.Mask(once); twice != once {
			t.Errorf("%q becomes %q, and that %q", text, once, twice)
		}
	})
}
