package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/sandbox"
)

// reverse has a remedy undone: one asks, another agrees.
func (h *house) reverse(id string) (undo string) {
	h.t.Helper()
	a := h.post("ann", "/v1/remedies/"+id+"/reverse", `{"reason":"it was not theirs"}`).answer(h.t)
	if a.Status != "held" {
		h.t.Fatalf("a reversal is %+v, want it held", a)
	}
	h.post("pat", "/v1/remedies/"+a.Remedy.String()+"/approve", "").answer(h.t)
	return a.Remedy.String()
}

// balance is what a customer has to spend.
func (h *house) balance(customer string) string {
	h.t.Helper()
	r := h.ask("admin", "GET", "/v1/credits/"+customer, "")
	_, balance, _ := strings.Cut(strings.TrimSpace(r.body), `"balance":`)
	return strings.TrimSuffix(balance, "}")
}

// only is the one action of a remedy.
func only(t *testing.T, r api.Remedy) (status, code string) {
	t.Helper()
	if len(r.Actions) != 1 {
		t.Fatalf("%+v has not one action", r)
	}
	return r.Actions[0].Status, r.Actions[0].Code
}

// TestReverseCredit holds that credit is taken back whole, and only while nothing
// of it was spent.
func TestReverseCredit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	given, spent := h.credited("c-1", "1"), h.credited("c-2", "2")
	if r := h.post("admin", "/v1/credits/c-2/redeem", `{"amount":"1.00 USD"}`, "Idempotency-Key", "order-1"); r.status != http.StatusOK {
		t.Fatalf("spending is answered %d %s", r.status, r.body)
	}
	undo, late := h.reverse(given), h.reverse(spent)
	h.becomes(undo, "done")
	h.becomes(late, "failed")
	h.becomes(given, "reversed")
	if status, code := only(t, h.remedy(late)); status != decide.Failed || code != "spent" {
		t.Errorf("taking back what was spent is %s %s", status, code)
	}
	if got := h.remedy(spent).Status; got != "done" {
		t.Errorf("what was not taken back is %s", got)
	}
	if one, two := h.balance("c-1"), h.balance("c-2"); one != "[]" && one != `["0.00 USD"]` || two != `["4.00 USD"]` {
		t.Errorf("left are %s and %s", one, two)
	}
	if totals := h.state().Totals; totals.Credited["USD"] != 1000 || totals.Reversed["USD"] != 500 {
		t.Errorf("the totals are %+v", totals)
	}
	// It is asked for once; whoever asks again is told so.
	h.hears(h.post("abe", "/v1/remedies/"+given+"/reverse", `{"reason":"again"}`), "reverse", saying{"abe", "that was asked for before"})
	// What is undone is not undone again.
	h.hears(h.post("abe", "/v1/remedies/"+undo+"/reverse", `{"reason":"again"}`), "reverse", saying{"abe", "nothing of this remedy can be undone"})
	h.verify()
}

// TestReverseRefund holds that a refund that waits is cancelled at the provider, and
// one that was made is not.
func TestReverseRefund(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	if err := h.provider.SetFaults(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, PendingS: -1, WritesOnly: true}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, order := range []string{"1", "2", "3"} {
		h.emit("parcel.late", "c-"+order, fmt.Sprintf(`{"order":"%s","payment":"pi_%s","amount":"3.00 USD"}`, order, order))
		h.until("pending", func() bool { return len(h.remedies("status=done&customer=c-"+order)) == 1 })
		ids[order] = h.remedies("status=done&customer=c-" + order)[0].Remedy.Remedy.String()
	}
	h.slow(0)
	settle := func(order, status string) {
		if err := h.provider.SetStatus(h.remedy(ids[order]).Actions[0].Ref, status, ""); err != nil {
			t.Fatal(err)
		}
	}
	settle("1", "requires_action")
	settle("2", "succeeded")
	cancelled, late := h.reverse(ids["1"]), h.reverse(ids["2"])
	h.becomes(cancelled, "done")
	h.becomes(late, "failed")
	h.becomes(ids["1"], "reversed")
	if status, code := only(t, h.remedy(late)); status != decide.Failed || code != "not_pending" {
		t.Errorf("cancelling what was made is %s %s", status, code)
	}
	if sum := h.provider.Summary(); sum.Refunds != 2 || sum.Totals["USD"] != 600 {
		t.Errorf("the provider has %+v", sum)
	}
	if totals := h.state().Totals; totals.Refunded["USD"]-totals.Reversed["USD"] != 600 {
		t.Errorf("the totals are %+v", totals)
	}
	// The payment can be refunded again, since nothing of it is.
	again := h.requested("ann", "pi_1")
	h.post("pat", "/v1/remedies/"+again+"/approve", "").answer(t)
	h.becomes(again, "done")
	// A refund that was made is not undone at all, and it says so at once.
	h.hears(h.post("ann", "/v1/remedies/"+again+"/reverse", `{"reason":"r"}`), "reverse", saying{"ann", "nothing of this remedy can be undone"})
	h.verify()
}

// TestReverseAtTheThirdTry holds that a reversal which failed and is tried again, and again,
// is one: what it takes back at last is reversed.
func TestReverseAtTheThirdTry(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	if err := h.provider.SetFaults(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, PendingS: -1, WritesOnly: true}); err != nil {
		t.Fatal(err)
	}
	h.emit("parcel.late", "c-1", `{"order":"1","payment":"pi_1","amount":"3.00 USD"}`)
	h.until("pending", func() bool { return len(h.remedies("status=done")) == 1 })
	given := h.remedies("status=done")[0].Remedy.Remedy.String()
	h.slow(0)
	tried := h.reverse(given)
	for range 2 {
		h.becomes(tried, "failed")
		if tries := len(h.remedies("")); tries == 3 {
			if err := h.provider.SetStatus(h.remedy(given).Actions[0].Ref, "requires_action", ""); err != nil {
				t.Fatal(err)
			}
		}
		a := h.post("admin", "/v1/remedies/"+tried+"/retry", `{"reason":"again"}`).answer(t)
		tried = a.Remedy.String()
		h.post("pat", "/v1/remedies/"+tried+"/approve", "")
	}
	h.becomes(tried, "done")
	h.becomes(given, "reversed")
	h.verify()
}

// TestRetry holds that a refund that failed is made once when it is asked for again,
// by however many.
func TestRetry(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	capture := func(amount int64) {
		if err := h.provider.AddPayment(sandbox.Payment{ID: "pi_1", Amount: amount, Currency: "usd"}); err != nil {
			t.Fatal(err)
		}
	}
	capture(100)
	h.emit("parcel.late", "c-1", `{"order":"1","payment":"pi_1","amount":"9.00 USD"}`)
	h.until("failed", func() bool { return len(h.remedies("status=failed&customer=c-1")) == 1 })
	id := h.remedies("status=failed")[0].Remedy.Remedy.String()
	h.hears(h.post("ann", "/v1/remedies/"+id+"/reverse", `{"reason":"r"}`), "reverse", saying{"ann", "nothing of this remedy can be undone"})
	capture(1000)
	const many = 10
	answers := make([]reply, many)
	var all sync.WaitGroup
	for i := range many {
		who := []string{"oli", "ola", "pat"}[i%3]
		all.Go(func() { answers[i] = h.post(who, "/v1/remedies/"+id+"/retry", "") })
	}
	all.Wait()
	carriedOut := 0
	var made string
	for _, r := range answers {
		switch {
		case r.status == http.StatusOK:
			carriedOut++
			made = r.answer(t).Remedy.String()
		case !strings.HasPrefix(r.reason(), "that was asked for before"):
			t.Errorf("a retry is answered %d %s", r.status, r.body)
		}
	}
	if carriedOut != 1 {
		t.Fatalf("%d retries were carried out, want one", carriedOut)
	}
	h.becomes(made, "done")
	if sum := h.provider.Summary(); sum.Refunds != 1 || sum.Totals["USD"] != 900 || h.state().Totals.Refunded["USD"] != 900 {
		t.Errorf("the provider has %+v, the ledger %+v", sum, h.state().Totals)
	}
	h.hears(h.post("oli", "/v1/remedies/"+made+"/retry", ""), "retry", saying{"oli", "nothing of this remedy can be tried again"})
	h.verify()
}
