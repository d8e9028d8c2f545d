package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	tries         = 200
	triesShort    = 20
	noteToClosed  = time.Second
	changesWithin = 30 * time.Second // on a machine that does much else
)

// TestStopsAndResumes measures, in the process of the shop, from the moment at
// which the service had the third complaint to the moment at which the gate is
// closed, and sells again what was released.
func TestStopsAndResumes(t *testing.T) {
	t.Parallel()
	n := tries
	if testing.Short() {
		n = triesShort
	}
	products := slices.Clone(catalogue)
	for i := range n {
		products = append(products, product{SKU: fmt.Sprint("TABLE-", 100+i), Name: "Table", Price: "249.00 EUR", Sold: 120})
	}
	s, err := start(t.Context(), t.TempDir(), "127.0.0.1:0", products)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	var took []time.Duration
	for _, p := range s.products[len(catalogue):] {
		took = append(took, stopSelling(t, s, p))
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("from the third complaint to a closed gate, %d times: p50 %s, p99 %s, max %s", n, took[n/2], p99, took[n-1])
	if p99 >= noteToClosed {
		t.Errorf("p99 is %s, want less than %s", p99, noteToClosed)
	}

	p := s.products[len(catalogue)]
	changed := changes(p)
	release(t, s, "product/"+p.SKU)
	if await(t, changed) {
		t.Error("a release closes the gate")
	}
	shows(t, s, p, http.StatusOK, "Buy", "is on its way")
	if p := s.products[len(catalogue)+1]; p.ForSale() {
		t.Errorf("%s was not released and is for sale", p.SKU)
	}
	if p := s.products[0]; !p.ForSale() {
		t.Errorf("%s is not for sale though nobody complained", p.SKU)
	}
}

// stopSelling notes three complaints and returns how long after the third the
// gate was closed.
func stopSelling(t *testing.T, s *site, p product) time.Duration {
	t.Helper()
	changed := changes(p)
	for i := range 3 {
		if !p.ForSale() {
			t.Fatalf("%s is not for sale after %d complaints", p.SKU, i)
		}
		note(t, s, p.SKU, fmt.Sprint("c-", i), "defective", http.StatusOK, "Noted.")
	}
	noted := time.Now()
	closed := await(t, changed)
	if took := time.Since(noted); closed && !p.ForSale() {
		shows(t, s, p, http.StatusConflict, "Not for sale at the moment", "Not for sale at the moment")
		return took
	}
	t.Fatalf("%s is for sale after three complaints", p.SKU)
	return 0
}

// changes returns what the gate of a product turns to.
func changes(p product) <-chan bool {
	changed := make(chan bool, 1)
	p.gate.OnChange(func(closed bool) {
		select {
		case changed <- closed:
		default: // of an earlier try, to which nobody listens any more
		}
	})
	return changed
}

func await(t *testing.T, changed <-chan bool) (closed bool) {
	t.Helper()
	late := time.NewTimer(changesWithin)
	defer late.Stop()
	select {
	case closed = <-changed:
	case <-late.C:
		t.Fatalf("the gate does not change within %s", changesWithin)
	}
	return closed
}

// shows checks what the page of a product says, and what buying it does.
func shows(t *testing.T, s *site, p product, bought int, onPage, onBuying string) {
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

func note(t *testing.T, s *site, sku, customer, reason string, status int, says string) {
	t.Helper()
	answer, err := http.PostForm(s.url+"/contact", url.Values{"sku": {sku}, "customer": {customer}, "reason": {reason}})
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
func release(t *testing.T, s *site, path string) {
	t.Helper()
	body := fmt.Sprintf(`{"cord":%q,"cause":"the packaging was too thin","fix":"thicker packaging from batch 12 on"}`, path)
	answer, err := http.Post(s.url+"/v1/andon/release", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, answer, http.StatusOK, `"command":"release"`)
}

// TestPages holds what the shop answers besides.
func TestPages(t *testing.T) {
	t.Parallel()
	s, err := start(t.Context(), t.TempDir(), "127.0.0.1:0", catalogue)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/", http.StatusOK, "Table, oak</a>, 249.00 EUR"},
		{"/product/TABLE-7", http.StatusOK, "Buy"},
		{"/product/TABLE-8", http.StatusNotFound, ""},
		{"/contact", http.StatusOK, "defective"},
		{"/v1/andon/gates", http.StatusOK, `{"cords":[]}`},
		{"/nowhere", http.StatusNotFound, ""},
	} {
		answer, err := http.Get(s.url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, answer, c.status, c.says)
	}
	note(t, s, "TABLE-8", "c-1", "defective", http.StatusBadRequest, "Name the product")
	note(t, s, "TABLE-7", "", "defective", http.StatusBadRequest, "Name the product")
	note(t, s, "TABLE-7", "c-1", "too expensive", http.StatusBadRequest, "Name the product")
	for i := range 4 {
		note(t, s, "LAMP-1", "c-1", "defective", http.StatusOK, "Noted.")
		note(t, s, "CHAIR-2", fmt.Sprint("c-", i), "changed_mind", http.StatusOK, "Noted.")
	}
	if err := s.service.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	totals, err := s.service.Totals(t.Context())
	if err != nil || totals.Pulls != 0 {
		t.Errorf("one customer who writes four times, and four who changed their minds, pull %d cords (%v)", totals.Pulls, err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestRun runs the program from its start to its end.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it starts nothing that it does not end
	if err := run(ctx, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("it ends with %v", err)
	}
	if err := run(t.Context(), "127.0.0.1:-1"); err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("with a wrong address it ends with %v", err)
	}
}

// TestRule holds that the shop's rule is the one of the library, whose tests are
// beside it. Only the first line, which tells editors where the schema is, differs.
func TestRule(t *testing.T) {
	t.Parallel()
	library, err := os.ReadFile(filepath.Join("..", "..", "rules", "retail", "damaged-product.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, ours, _ := strings.Cut(damagedProduct, "\n")
	_, theirs, _ := strings.Cut(string(library), "\n")
	if ours != theirs || ours == "" {
		t.Error("rules/damaged-product.yaml is not what rules/retail/damaged-product.yaml is: copy it")
	}
}
