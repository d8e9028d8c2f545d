package directory

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, handler http.HandlerFunc, customer string) (*Person, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	d, err := New(Config{URL: server.URL + "/customers/", Token: "key", Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return d.Find(t.Context(), customer)
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAsksForOneCustomer(t *testing.T) {
	t.Parallel()
	for customer, path := range map[string]string{
		"c-42": "/customers/c-42", "a/b?c=d#e": "/customers/a%2Fb%3Fc=d%23e", "..": "/customers/%2E%2E", ".": "/customers/%2E",
		"ä%": "/customers/%C3%A4%25", "../../admin": "/customers/..%2F..%2Fadmin",
	} {
		_, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.RequestURI != path || r.Header.Get("Authorization") != "Bearer key" {
				t.Errorf("%q was asked for as %s %s", customer, r.Method, r.RequestURI)
			}
			w.WriteHeader(http.StatusNotFound)
		}, customer)
		if err != nil {
			t.Errorf("%q: %v", customer, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const kind = "application/json"
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   *Person
		fails  string
	}{
		{"all", answer(200, kind+"; charset=utf-8", `{"email":"ada@shop.example","name":"Ada","locale":"pt-BR","unsubscribed":true,"bounced":true}`),
			&Person{"ada@shop.example", "Ada", "pt-BR", true, true}, ""},
		{"nothing", answer(200, kind, `{}`), &Person{}, ""},
		{"nobody", answer(404, kind, `{"email":"ada@shop.example"}`), nil, ""},
		{"error", answer(500, kind, `{}`), nil, "answered 500"},
		{"forbidden", answer(403, kind, `{}`), nil, "answered 403"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, nil, "answered 302"},
		{"no JSON type", answer(200, "text/html", `{}`), nil, "Content-Type"},
		{"no JSON", answer(200, kind, `<html>`), nil, "no JSON object"},
		{"no object", answer(200, kind, `[]`), nil, "no JSON object"},
		{"null", answer(200, kind, `null`), nil, "no JSON object"},
		{"twice", answer(200, kind, `{"unsubscribed":true,"unsubscribed":false}`), nil, "no JSON object"},
		{"trailing", answer(200, kind, `{}{}`), nil, "no JSON object"},
		{"unknown", answer(200, kind, `{"unsubscribe":true}`), nil, "other fields"},
		{"another case", answer(200, kind, `{"unsubscribed":true,"Unsubscribed":false}`), nil, "other fields"},
		{"wrong type", answer(200, kind, `{"unsubscribed":"yes"}`), nil, "other fields"},
		{"no address", answer(200, kind, `{"email":"ada"}`), nil, "no address"},
		{"two addresses", answer(200, kind, `{"email":"a@b.example, c@d.example"}`), nil, "no address"},
		{"a name with it", answer(200, kind, `{"email":"Ada <a@b.example>"}`), nil, "no address"},
		{"a header with it", answer(200, kind, `{"email":"a@b.example\r\nBcc: c@d.example"}`), nil, "no address"},
		{"long", answer(200, kind, `{"name":"`+strings.Repeat("a", 400)+`"}`), nil, "more than 320"},
		{"huge", answer(200, kind, `{"name":"`+strings.Repeat("a", 20<<10)+`"}`), nil, "more than 16384"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ask(t, c.answer, "c-42")
			if c.fails == "" && (err != nil || !reflect.DeepEqual(got, c.want)) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("got %+v, %v; want %+v, %q", got, err, c.want, c.fails)
			}
			if err != nil && (strings.Contains(err.Error(), "c-42") || strings.Contains(err.Error(), "@")) {
				t.Errorf("the error names the customer: %v", err)
			}
		})
	}
}

func TestSilentDirectory(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	d, err := New(Config{URL: server.URL, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Find(t.Context(), "c-42"); err == nil || strings.Contains(err.Error(), "c-42") {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"", "shop.example", "ftp://shop.example", "https://shop.example?a=b"} {
		if _, err := New(Config{URL: url}); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"email":"ada@shop.example","name":"Ada","locale":"pt-BR","unsubscribed":true,"bounced":true}`))
	f.Add([]byte(`{"EMAIL":"a@b.example"}`))
	f.Add([]byte(`{"email":"\"a b\"@c.example"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decode(body)
		if err == nil && (p == nil || p.Email != "" && (!IsAddress(p.Email) || strings.ContainsAny(p.Email, "\r\n"))) {
			t.Errorf("decoded %q as %+v", body, p)
		}
	})
}
