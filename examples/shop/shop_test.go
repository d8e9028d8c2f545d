package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/sdk"
)

const (
	tries         = 200
	triesShort    = 20
	noteToClosed  = time.Second
	changesWithin = 30 * time.Second // on a machine that does much else
)

// opened is a shop beside a service of its own.
type opened struct {
	url      string
	products map[string]*product
	service  *remediator.Running
}

// open opens a shop that sells the catalogue, and more, until the test ends.
func open(t *testing.T, more ...string) *opened {
	t.Helper()
	o := &opened{products: map[string]*product{}}
	for sku, p := range catalogue {
		copied := *p
		o.products[sku] = &copied
	}
	for _, sku := range more {
		o.products[sku] = &product{SKU: sku, Name: "Table", Price: "249.00 EUR", Sold: 120}
	}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	o.service, err = remediator.Start(context.Background(), remediator.Config{
		DataDir: t.TempDir(), Rules: []rule.File{{Path: "shop.yaml", Text: rules}}, Logger: quiet,
	}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mg, err := makegood.New("shop", makegood.URL(o.service.URL), makegood.Logger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(shop(mg, o.products))
	o.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := errors.Join(mg.Close(), o.service.Close()); err != nil {
			t.Error(err)
		}
	})
	limit, cancel := context.WithTimeout(t.Context(), changesWithin)
	defer cancel()
	if err := mg.WaitReady(limit); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestStopsAndResumes measures, in the process of the shop, from the moment at
// which the service had the third complaint to the moment at which the gate is
// closed, and sells again what was released.
func TestStopsAndResumes(t *testing.T) {
	t.Parallel()
	n := tries
	if testing.Short() {
		n = triesShort
	}
	var skus []string
	for i := range n {
		skus = append(skus, fmt.Sprint("TABLE-", 100+i))
	}
	s := open(t, skus...)
	var took []time.Duration
	for _, sku := range skus {
		took = append(took, stopSelling(t, s, s.products[sku]))
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("from the third complaint to a closed gate, %d times: p50 %s, p99 %s, max %s", n, took[n/2], p99, took[n-1])
	if p99 >= noteToClosed {
		t.Errorf("p99 is %s, want less than %s", p99, noteToClosed)
	}

	p := s.products[skus[0]]
	release(t, s, "product/"+p.SKU)
	await(t, p, false)
	shows(t, s, p, http.StatusOK, "Buy", "is on its way")
	if p := s.products[skus[1]]; !p.Gate.Closed() {
		t.Errorf("%s was not released and is for sale", p.SKU)
	}
	if p := s.products["TABLE-7"]; p.Gate.Closed() {
		t.Errorf("%s is not for sale though nobody complained", p.SKU)
	}
}

// stopSelling notes three complaints and returns how long after the third the
// gate was closed.
func stopSelling(t *testing.T, s *opened, p *product) time.Duration {
	t.Helper()
	for i := range 3 {
		if p.Gate.Closed() {
			t.Fatalf("%s is not for sale after %d complaints", p.SKU, i)
		}
		note(t, s, p.SKU, fmt.Sprint("c-", i), "defective", http.StatusOK, "Noted")
	}
	noted := time.Now()
	await(t, p, true)
	took := time.Since(noted)
	shows(t, s, p, http.StatusConflict, "Not for sale at the moment", "Not for sale at the moment")
	return took
}

// await waits until the gate of a product is closed, or open.
func await(t *testing.T, p *product, closed bool) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), changesWithin)
	defer cancel()
	if err := p.Gate.Await(limit, closed); err != nil {
		t.Fatalf("the gate of %s does not change within %s: %v", p.SKU, changesWithin, err)
	}
}

// shows checks what the page of a product says, and what buying it does.
func shows(t *testing.T, s *opened, p *product, bought int, onPage, onBuying string) {
	t.Helper()
	address := s.url + "/product/" + p.SKU
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, answer, http.StatusOK, onPage)
	if answer, err = http.PostForm(address+"/buy", nil); err != nil {
		t.Fatal(err)
	}
	expect(t, answer, bought, onBuying)
}

func note(t *testing.T, s *opened, sku, customer, reason string, status int, says string) {
	t.Helper()
	answer, err := http.PostForm(s.url+"/product/"+sku+"/complaint", url.Values{"customer": {customer}, "reason": {reason}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, answer, status, says)
}

func expect(t *testing.T, answer *http.Response, status int, says string) {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status || !strings.Contains(string(body), says) {
		t.Errorf("%s answers %s, %v, want %d and %q: %s", answer.Request.URL, answer.Status, err, status, says, body)
	}
}

// release has the owner of this machine release a cord.
func release(t *testing.T, s *opened, path string) {
	t.Helper()
	command(t, s.service.URL+"/v1/andon/release", fmt.Sprintf(`{"cord":%q,"cause":"the packaging was too thin","fix":"thicker packaging from batch 12 on"}`, path))
}

func pull(t *testing.T, service, path string) {
	t.Helper()
	command(t, service+"/v1/andon/pull", fmt.Sprintf(`{"cord":%q,"level":"red","reason":"a customer called"}`, path))
}

func command(t *testing.T, at, body string) {
	t.Helper()
	answer, err := http.Post(at, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, answer, http.StatusOK, `"command":"`)
}

// asked waits until a server listens.
func asked(t *testing.T, at string) *http.Response {
	t.Helper()
	for began := time.Now(); ; {
		answer, err := http.Get(at)
		if err == nil {
			return answer
		}
		if time.Since(began) > changesWithin {
			t.Fatal(err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestStopsWhatCannotBeBought buys what the warehouse cannot find. No handler
// tells of it; the middleware does.
func TestStopsWhatCannotBeBought(t *testing.T) {
	t.Parallel()
	s := open(t)
	lamp := s.products["LAMP-1"]
	for range 3 {
		shows(t, s, lamp, http.StatusInternalServerError, "Buy", "the warehouse does not answer")
	}
	await(t, lamp, true)
	shows(t, s, lamp, http.StatusConflict, "Not for sale at the moment", "Not for sale at the moment")
	if s.products["TABLE-7"].Gate.Closed() {
		t.Error("the table is not for sale either")
	}
}

// TestPages holds what the shop answers besides.
func TestPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/", http.StatusOK, "Table, oak</a>, 249.00 EUR"},
		{"/product/TABLE-7", http.StatusOK, "Buy"},
		{"/product/TABLE-7", http.StatusOK, "defective"},
		{"/product/TABLE-8", http.StatusNotFound, ""},
		{"/nowhere", http.StatusNotFound, ""},
	} {
		answer, err := http.Get(s.url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, answer, c.status, c.says)
	}
	note(t, s, "TABLE-8", "c-1", "defective", http.StatusNotFound, "")
	note(t, s, "TABLE-7", " ", "defective", http.StatusServiceUnavailable, "Not noted")
	for i := range 4 {
		note(t, s, "LAMP-1", "c-1", "defective", http.StatusOK, "Noted")
		note(t, s, "CHAIR-2", fmt.Sprint("c-", i), "changed_mind", http.StatusOK, "Noted")
	}
	if err := s.service.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	totals, err := s.service.Totals(t.Context())
	if err != nil || totals.Pulls != 0 {
		t.Errorf("one customer who writes four times, and four who changed their minds, pull %d cords (%v)", totals.Pulls, err)
	}
}

// TestRun runs the program beside its own service and beside another, looks, and ends
// it as Ctrl-C does. A cord that a person pulls at the other service takes the table
// off sale.
func TestRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	other := open(t)
	for name, url := range map[string]string{"its own": "", "another": other.service.URL} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			listen := freeAddress(t)
			says, out := io.Pipe()
			ran := make(chan error, 1)
			go func() {
				ran <- run(ctx, listen, url, out)
				out.Close()
			}()
			line, err := bufio.NewReader(says).ReadString('\n')
			if err != nil || !strings.Contains(line, "http://"+listen) || !strings.Contains(line, url) {
				t.Fatalf("it says %q: %v", line, err)
			}
			expect(t, asked(t, "http://"+listen), http.StatusOK, "Table, oak")
			if url != "" {
				pull(t, url, "product/TABLE-7")
				await(t, catalogue["TABLE-7"], true)
				expect(t, asked(t, "http://"+listen), http.StatusOK, "Table, oak</a>, not for sale at the moment")
			}
			interrupt()
			if err := <-ran; !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRule holds that the shop's rule is the one of the library, whose tests are
// beside it.
func TestRule(t *testing.T) {
	t.Parallel()
	library, err := os.ReadFile(filepath.Join("..", "..", "rules", "retail", "damaged-product.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, rule, found := strings.Cut(string(library), "rules:\n"); !found || !strings.Contains(rules, rule) {
		t.Error("rules/shop.yaml does not have what rules/retail/damaged-product.yaml has: copy it")
	}
}
