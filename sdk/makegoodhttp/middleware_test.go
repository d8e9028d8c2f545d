package makegoodhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodhttp"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func pages() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /orders/{order}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("order") {
		case "broken":
			http.Error(w, "no", http.StatusBadGateway)
		case "panics":
			panic("no")
		case "aborts":
			panic(http.ErrAbortHandler)
		case "stream":
			w.Header().Set("Content-Type", "text/event-stream")
		}
	})
	return m
}

func serve(h http.Handler, path string) (status int, panicked any) {
	defer func() { panicked = recover() }()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Traceparent", parent)
	h.ServeHTTP(w, r)
	return w.Code, nil
}

func TestWhatIsToldOf(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t, makegood.TraceParent(makegoodhttp.TraceParent))
	customer := makegoodhttp.Customer(func(r *http.Request) string { return "c-" + r.PathValue("order") })
	h := makegoodhttp.Middleware(told.Client(), "com.example.http.", customer)(pages())

	for path, status := range map[string]int{"/orders/7": 200, "/nothing": 404, "/orders/stream": 200} {
		if got, p := serve(h, path); got != status || p != nil {
			t.Errorf("%s: %d, %v", path, got, p)
		}
	}
	if _, p := serve(h, "/orders/aborts"); p != http.ErrAbortHandler {
		t.Errorf("panic %v", p)
	}
	told.None()

	if got, _ := serve(h, "/orders/broken"); got != 502 {
		t.Errorf("got %d", got)
	}
	e := told.Expect("com.example.http.failed", makegood.Int("status", 502), makegood.String("route", "/orders/{order}"),
		makegood.String("method", "GET"), makegood.String("outcome", "error"), makegood.Customer("c-broken"))
	if e.Extensions()["traceparent"] != parent {
		t.Errorf("got %s", e)
	}
	if _, p := serve(h, "/orders/panics"); p != "no" {
		t.Errorf("panic %v", p)
	}
	told.Expect("com.example.http.failed", makegood.Int("status", 0), makegood.String("outcome", "panic"), makegood.Customer("c-panics"))
}

func TestSlow(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	h := makegoodhttp.Middleware(told.Client(), "com.example.http", makegoodhttp.SlowAfter(1),
		makegoodhttp.Attributes(func(*http.Request) []makegood.Attr { return []makegood.Attr{makegood.String("shop", "north")} }),
		makegoodhttp.Customer(func(*http.Request) string { panic("no session") }))(pages())
	serve(h, "/orders/stream")
	told.None()
	serve(h, "/orders/7")
	told.Expect("com.example.http.slow", makegood.String("outcome", "slow"), makegood.String("shop", "north"), makegood.Int("status", 0))
	h = makegoodhttp.Middleware(told.Client(), "com.example.http", makegoodhttp.SlowAfter(0))(pages())
	told.Reset()
	serve(h, "/orders/7")
	told.None()
}

// TestEarlyHints announces the answer before it comes.
func TestEarlyHints(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	h := makegoodhttp.Middleware(told.Client(), "com.example.http")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusBadGateway)
	}))
	serve(h, "/orders/7")
	told.Expect("com.example.http.failed", makegood.Int("status", http.StatusBadGateway))
}

func TestClientThatGaveUp(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	h := makegoodhttp.Middleware(told.Client(), "com.example.http")(pages())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/broken", nil).WithContext(ctx))
	told.Expect("com.example.http.failed", makegood.Bool("gave_up", true))
}

// TestRoutesOfGorilla gives the middleware to a router of gorilla/mux.
func TestRoutesOfGorilla(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	router := mux.NewRouter()
	router.Use(makegoodhttp.Middleware(told.Client(), "com.example.http", makegoodhttp.Route(func(r *http.Request) string {
		template, _ := mux.CurrentRoute(r).GetPathTemplate()
		return template
	})))
	router.HandleFunc("/orders/{order:[a-z]+}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	serve(router, "/orders/jane")
	told.Expect("com.example.http.failed", makegood.String("route", "/orders/{order:[a-z]+}"))
}

// TestCustomerAmongAttributes names the customer where other attributes are.
func TestCustomerAmongAttributes(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	more := makegoodhttp.Attributes(func(*http.Request) []makegood.Attr { return []makegood.Attr{makegood.Customer("c-42")} })
	serve(makegoodhttp.Middleware(told.Client(), "com.example.http", more, nil)(pages()), "/orders/broken")
	told.Expect("com.example.http.failed", makegood.Customer("c-42"))
}

func TestPathsAreNotTold(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	h := makegoodhttp.Middleware(told.Client(), "com.example.http")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	serve(h, "/customers/jane")
	told.Expect("com.example.http.failed", makegood.String("route", "unknown"))
}

// TestWritersKeepTheirMeans asks the writer for all that handlers ask for, over a
// real connection.
func TestWritersKeepTheirMeans(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	h := makegoodhttp.Middleware(told.Client(), "com.example.http", makegoodhttp.SlowAfter(1), makegoodhttp.Route(func(r *http.Request) string { return r.URL.Path }))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nby hand")
			return
		}
		w.(http.Flusher).Flush()
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("by server")); err != nil {
			t.Error(err)
		}
	}))
	server := httptest.NewServer(h)
	defer server.Close()
	for path, want := range map[string]string{"/hijack": "by hand", "/": "by server"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		_ = conn.Close()
	}
	server.Close() // waits for the handler that was not hijacked
	told.Expect("com.example.http.slow", makegood.String("route", "/"), makegood.Int("status", 200))
	if n := told.Count("com.example.http.slow"); n != 1 {
		t.Errorf("told of %d answers as slow, want 1: a connection that was taken over lasts on purpose", n)
	}
}

func TestStopWhenClosed(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	gate := told.Client().Gate("product/TABLE-7", makegood.FailOpen)
	h := makegoodhttp.StopWhenClosed(gate, nil)(pages())
	if got, _ := serve(h, "/orders/7"); got != 200 {
		t.Errorf("open: %d", got)
	}
	told.Pull("product")
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest("GET", "/orders/7", nil))
	if answer.Code != 503 || answer.Header().Get("Retry-After") != "60" {
		t.Errorf("closed: %d, %v", answer.Code, answer.Header())
	}
	instead := makegoodhttp.StopWhenClosed(gate, http.NotFoundHandler())(pages())
	if got, _ := serve(instead, "/orders/7"); got != 404 {
		t.Errorf("closed, with an answer of its own: %d", got)
	}
}

// A server wraps its mux once. Requests that fail or take long become events.
func Example() {
	told := makegoodtest.New(&testing.T{})
	mg := told.Client() // a program's is of makegood.New
	tell := makegoodhttp.Middleware(mg, "com.example.shop.http",
		makegoodhttp.Customer(func(r *http.Request) string { return r.Header.Get("Customer") }))
	pages := http.NewServeMux()
	pages.HandleFunc("POST /orders/{order}/pay", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the bank does not answer", http.StatusBadGateway)
	})

	r := httptest.NewRequest("POST", "/orders/77/pay", nil)
	r.Header.Set("Customer", "c-42")
	tell(pages).ServeHTTP(httptest.NewRecorder(), r)

	for _, e := range told.Events() {
		var data struct {
			Route, Outcome string
			Status         int
		}
		fmt.Println(e.DataAs(&data), e.Type(), e.Extensions()["customer"], data)
	}
	// Output: <nil> com.example.shop.http.failed c-42 {/orders/{order}/pay error 502}
}

// TestPathValues tells of the wildcards that a route has, and of no others.
func TestPathValues(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/shop/{sku}/{customer}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	serve(makegoodhttp.Middleware(told.Client(), "com.example.http", makegoodhttp.PathValues("sku", "order"))(mux), "/shop/LAMP-1/c-42")
	event := told.Expect("com.example.http.failed", makegood.String("sku", "LAMP-1"), makegood.String("route", "/shop/{sku}/{customer}"))
	if text := event.String(); strings.Contains(text, "order") || strings.Contains(text, "c-42") {
		t.Errorf("it tells of what the route has not, or of what nobody named: %s", text)
	}
}
