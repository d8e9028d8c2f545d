package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/sandbox"
)

// edited is a provider whose list of a period differs from what it answers of each
// refund: it leaves one out, and says another amount and another currency.
func edited(t *testing.T, provider *sandbox.Sandbox) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("created[gte]") {
			provider.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		provider.ServeHTTP(recorder, r)
		var list map[string]any
		if err := json.Unmarshal(recorder.Body.Bytes(), &list); err != nil {
			t.Error(err)
		}
		kept := []any{}
		for _, item := range list["data"].([]any) {
			refund := item.(map[string]any)
			switch refund["charge"] {
			case "ch_gone":
				continue
			case "ch_amount":
				refund["amount"] = refund["amount"].(float64) + 1
			case "ch_currency":
				refund["currency"] = "eur"
			}
			kept = append(kept, refund)
		}
		list["data"] = kept
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// compare compares the ledger with the provider for two days around now.
func (h *house) compare(who string) *decide.ReconciliationFact {
	h.t.Helper()
	now := time.Now()
	a := h.post(who, "/v1/reconciliations", fmt.Sprintf(`{"from":%q,"to":%q}`, now.Add(-24*time.Hour).Format(time.RFC3339), now.Add(24*time.Hour).Format(time.RFC3339))).answer(h.t)
	if a.Reconciled == nil {
		h.t.Fatalf("nothing was compared: %+v", a)
	}
	return a.Reconciled
}

// differences reads those with a status, by their classes.
func (h *house) differences(status string) (all api.Reconciliations, byClass map[string]int) {
	h.t.Helper()
	h.ask("odo", "GET", "/v1/reconciliations?status="+status, "").into(h.t, &all)
	byClass = map[string]int{}
	for _, d := range all.Differences {
		byClass[d.Class]++
	}
	return all, byClass
}

func classesOf(r *decide.ReconciliationFact) map[string]int {
	found := map[string]int{}
	for _, c := range r.Counts {
		if c.Count > 0 {
			found[c.Class] = c.Count
		}
	}
	return found
}

// disagreeing is a house with a difference of every class and a refund that is in order.
// It returns the remedy whose refund came back unheard.
func disagreeing(t *testing.T) (h *house, cameBack string) {
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h = newHouse(t, func(c *remediator.Config) { c.Provider = edited(t, provider) })
	h.provider = provider
	h.hireAll()
	for _, order := range []string{"matched", "amount", "currency", "gone"} {
		h.late(order, "7.00 USD", decide.Done)
	}
	cameBack = h.late("status", "7.01 USD", decide.Done)
	if err := provider.SetStatus(h.remedy(cameBack).Actions[0].Ref, "failed", "declined"); err != nil {
		t.Fatal(err)
	}
	twice := h.remedy(h.late("twice", "7.02 USD", decide.Done))
	h.byHand("pi_twice", fmt.Sprintf("100&metadata[makegood_action]=%s&metadata[makegood_remedy]=%s", twice.Actions[0].Action, twice.Remedy.Remedy))
	h.byHand("pi_hand", "250")
	if _, err := provider.Advance(30 * time.Hour); err != nil {
		t.Fatal(err)
	}
	h.late("late", "7.03 USD", decide.Done)
	return h, cameBack
}

// TestReconciliation holds that each planted difference is found once, has an owner,
// and is closed by another person than its opener, and that what the provider alone
// knew is known afterwards.
func TestReconciliation(t *testing.T) {
	t.Parallel()
	h, cameBack := disagreeing(t)
	run := h.compare("odo")
	want := map[string]int{decide.ClassMatched: 2, decide.ClassMissing: 1, decide.ClassUnknown: 1, decide.ClassAmount: 1, decide.ClassCurrency: 1,
		decide.ClassStatus: 1, decide.ClassDuplicate: 1, decide.ClassLate: 1}
	if got := classesOf(run); !maps.Equal(got, want) || run.Opened != 7 || run.Open != 7 || run.Refunds != 8 || len(run.Listing) != 64 {
		t.Fatalf("found were %v, sealed is %+v, want %v", got, run, want)
	}
	open, byClass := h.differences("open")
	delete(want, decide.ClassMatched)
	if !maps.Equal(byClass, want) || len(open.Reconciliations) != 1 {
		t.Errorf("open are %v in %d runs", byClass, len(open.Reconciliations))
	}
	closing := ""
	for _, d := range open.Differences {
		owner := map[bool]string{true: "shop", false: "odo"}[d.Rule != ""]
		if d.Owner != owner || d.OpenedBy != "odo" {
			t.Errorf("%s is owned by %q and opened by %q, want %q", d.Class, d.Owner, d.OpenedBy, owner)
		}
		if d.Class == decide.ClassAmount {
			closing = "/v1/reconciliations/differences/" + d.ID.String() + "/close"
		}
	}
	h.becomes(cameBack, decide.FailedAfterArrival)
	if r := h.remedy(h.late("hand", "1.00 USD", "held")); r.Reason != decide.ReasonRefunded {
		t.Errorf("a payment that somebody refunded by hand is held for %q", r.Reason)
	}
	if r := h.post("odo", closing, `{"reason":"mine"}`); r.status != http.StatusForbidden {
		t.Errorf("closed by its opener: %d %s", r.status, r.body)
	}
	h.post("oli", closing, `{"reason":"the bank rounds"}`).answer(t)
	// What was found before is not opened again; the refund that came back agrees now.
	if again := h.compare("ola"); again.Opened != 0 || again.Closed != 1 || again.Again != 5 || again.Open != 6 {
		t.Errorf("again: %+v", again)
	}
	if all, closed := h.differences("closed"); len(closed) != 1 || all.Differences[0].ClosedBy != "oli" {
		t.Errorf("closed are %v", closed)
	}
	if report, err := h.service.Verify(t.Context(), ledger.Options{}); err != nil || !report.Verified {
		t.Errorf("the ledger: %+v, %v", report, err)
	}
}

// TestReconciliationIsRefused holds what is answered when nothing can be compared.
func TestReconciliationIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	const day = `{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"`
	for name, c := range map[string]struct {
		who, body string
		status    int
	}{
		"an agent":         {"ann", day + `}`, http.StatusForbidden},
		"another provider": {"odo", day + `,"provider":"bank"}`, http.StatusUnprocessableEntity},
		"no period":        {"odo", `{}`, http.StatusUnprocessableEntity},
		"backwards":        {"odo", `{"from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, http.StatusUnprocessableEntity},
	} {
		if r := h.post(c.who, "/v1/reconciliations", c.body); r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if err := h.provider.SetFaults(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Cut, Calls: 1}}}); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{http.StatusUnprocessableEntity, http.StatusOK} {
		if r := h.post("odo", "/v1/reconciliations", day+`}`, "Idempotency-Key", "k"); r.status != status {
			t.Errorf("while the provider hangs up and after: %d %s, want %d", r.status, r.body, status)
		}
	}
	if r := h.post("oli", "/v1/reconciliations/differences/nonsense/close", `{"reason":"x"}`); r.status != http.StatusBadRequest {
		t.Errorf("no id: %d %s", r.status, r.body)
	}
}
