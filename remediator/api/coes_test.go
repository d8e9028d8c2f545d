package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/views"
)

// dearRules give so much for what came late that a COE opens by itself.
const dearRules = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 30.00 USD}
    limits: {budget: {amount: 100.00 USD, within: 1d}, coe_above: 50.00 USD}
    account: "1"
    mode: live
`

// learningHouse is a house in which a COE about the rule late has opened by itself.
func learningHouse(t *testing.T) (h *house, coe string) {
	t.Helper()
	h = newHouse(t, func(c *remediator.Config) { c.Rules = ruleFiles(dearRules) })
	h.hireAll()
	h.emit("parcel.late", "c-1", `{"order":"1"}`, `{"order":"2"}`)
	var list struct{ COEs []views.COE }
	h.until("opened", func() bool {
		h.ask("wes", "GET", "/v1/coes", "").into(t, &list)
		return len(list.COEs) == 1
	})
	return h, "/v1/coes/" + list.COEs[0].COE.String()
}

// draft is the text of a COE.
func (h *house) draft(path string) string {
	h.t.Helper()
	var c api.COE
	h.ask("wes", "GET", path, "").into(h.t, &c)
	return c.Document.Text
}

// check asks what is wrong with a text of a COE.
func (h *house) check(text string) (c api.COECheck) {
	h.t.Helper()
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		h.t.Fatal(err)
	}
	h.post("wes", "/v1/coes/check", string(body)).into(h.t, &c)
	return c
}

// TestRulesThatDecided holds that a draft quotes the rule as it decided, whatever it is
// today, and that a check knows a quotation of rules that never were in force.
func TestRulesThatDecided(t *testing.T) {
	t.Parallel()
	h, path := learningHouse(t)
	mended := strings.Replace(dearRules, "amount: 30.00 USD}\n", "amount: 3.00 USD}\n", 1)
	before := h.rules().Digest
	h.activate("wes", mended, "pat")
	text := h.draft(path)
	quoted := "yaml\n" + dearRules + "```"
	if !strings.Contains(text, quoted) || strings.Contains(text, "amount: 3.00 USD") {
		t.Errorf("the draft does not quote the rules that decided:\n%s", text)
	}
	if !strings.Contains(text, "in the rule set `"+before+"`") {
		t.Errorf("the draft does not name the set %s:\n%s", before, text)
	}
	// While no service runs, the rules in force are known by the ledger alone.
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w := httptest.NewRecorder()
	reading(db, nil).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	var offline api.COE
	reply{w.Code, w.Body.String()}.into(t, &offline)
	if !strings.Contains(offline.Document.Text, quoted) {
		t.Errorf("the draft that is read from the files does not quote the rules:\n%s", offline.Document.Text)
	}
	ofQuotes := func(text string) (found []string) {
		for _, f := range h.check(text).Findings {
			if strings.Contains(f.Problem, "quoted rules") {
				found = append(found, f.Problem)
			}
		}
		return found
	}
	if found := ofQuotes(text); len(found) > 0 {
		t.Errorf("the draft's own quotation is found: %q", found)
	}
	never := strings.Replace(dearRules, "30.00", "0.30", 1)
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	forged := strings.ReplaceAll(strings.Replace(text, dearRules, never, 1), sum(dearRules), sum(never))
	if found := ofQuotes(forged); len(found) != 1 || found[0] != "the quoted rules were never in force" {
		t.Errorf("of rules that never were in force is found %q", found)
	}
}

// reading is the API over files that no service writes; shelf may be nil.
func reading(db *ledgerdb.DB, shelf *learn.Shelf) http.Handler {
	none := http.NotFoundHandler()
	return api.New(api.Config{Events: none, Stream: none, Gates: none, Balance: none, Redeem: none, Receive: none, Ledger: db, Shelf: shelf,
		Logger: slog.New(slog.DiscardHandler), Guard: access.New(access.Config{Open: true}),
		InForce: func() decide.InForce { return decide.InForce{} }, Ready: func() error { return nil }})
}

// gate is a ledger that says when somebody begins to read it from end to end, and lets
// them go on when it is told.
type gate struct {
	*ledgerdb.DB
	came, pass chan struct{}
}

func (g gate) Source(ctx context.Context) (ledger.Source, func(), error) {
	g.came <- struct{}{}
	<-g.pass
	return g.DB.Source(ctx)
}

// TestOneCheckAtATime holds that programs are told to come again while a text is checked,
// that who waits for their turn does so no longer than they want to, and that a text that
// is too long is not read.
func TestOneCheckAtATime(t *testing.T) {
	t.Parallel()
	h, _ := learningHouse(t)
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	g := gate{db, make(chan struct{}), make(chan struct{})}
	shelf := learn.New(learn.Config{Ledger: g})
	server := reading(db, shelf)
	check := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest("POST", "/v1/coes/check", strings.NewReader(`{"text":"# A"}`)))
		return w
	}
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- check() }()
	<-g.came
	if w := check(); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), ":busy") {
		t.Errorf("a second check is answered %d %s", w.Code, w.Body)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := shelf.Check(left, "# A"); !errors.Is(err, context.Canceled) {
		t.Errorf("who left was told %v", err)
	}
	close(g.pass)
	if w := <-first; w.Code != http.StatusOK {
		t.Errorf("the first is answered %d %s", w.Code, w.Body)
	}
	go func() { <-g.came }()
	if w := check(); w.Code != http.StatusOK {
		t.Errorf("a third, by itself, is answered %d %s", w.Code, w.Body)
	}
	body, err := json.Marshal(map[string]string{"text": strings.Repeat("a", decide.MaxCOEText+1)})
	if err != nil {
		t.Fatal(err)
	}
	if r := h.post("wes", "/v1/coes/check", string(body)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a text that is too long is answered %d %s", r.status, r.body)
	}
}
