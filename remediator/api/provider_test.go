package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/sandbox"
)

const (
	oldHook = "whsec_old"
	newHook = "whsec_new"
	hooks   = "/v1/providers/stripe/webhook"
)

// listening is a house whose provider tells it of refunds, each event twice and the
// newest first.
func listening(t *testing.T) *house {
	h := newHouse(t, func(c *remediator.Config) { c.ProviderHooks = []string{oldHook, newHook} })
	if err := h.provider.SetHook(sandbox.Hook{URL: h.url + hooks, Secret: newHook, Copies: 2, Reverse: true}); err != nil {
		t.Fatal(err)
	}
	return h
}

// deliver has the provider tell what waits.
func (h *house) deliver() {
	h.t.Helper()
	taken, err := h.provider.Deliver(h.t.Context())
	if err != nil || taken == 0 {
		h.t.Fatalf("told were %d events, %v", taken, err)
	}
}

// late has a remedy made by the rule late, and returns its id once it has a status.
func (h *house) late(order, amount, status string) string {
	h.t.Helper()
	h.emit("parcel.late", "c-"+order, fmt.Sprintf(`{"order":"%s","payment":"pi_%s","amount":"%s"}`, order, order, amount))
	id := ""
	h.until(order+" "+status, func() bool {
		found := h.remedies("status=" + status + "&customer=c-" + order)
		if len(found) == 1 {
			id = found[0].Remedy.Remedy.String()
		}
		return len(found) == 1
	})
	return id
}

// TestProviderTellsTheEnd holds that a refund which was pending arrives, and comes
// back, as its provider tells: once, whatever is told twice or in the wrong order,
// and that what people see and what is sealed keep accepted and arrived apart.
func TestProviderTellsTheEnd(t *testing.T) {
	t.Parallel()
	h := listening(t)
	if err := h.provider.SetFaults(sandbox.Plan{Odds: map[sandbox.Fault]float64{sandbox.Pending: 1}, WritesOnly: true, PendingS: 3600}); err != nil {
		t.Fatal(err)
	}
	id := h.late("1", "8.00 USD", decide.Done)
	if a := h.remedy(id).Actions[0]; a.Status != decide.Pending || a.Accepted == nil || a.Arrived != nil {
		t.Fatalf("pending is %+v", a)
	}
	if _, err := h.provider.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	h.deliver()
	h.until("arrived", func() bool { return h.remedy(id).Actions[0].Arrived != nil })
	ref := h.remedy(id).Actions[0].Ref
	if err := h.provider.SetStatus(ref, "failed", "lost_or_stolen_card"); err != nil {
		t.Fatal(err)
	}
	h.deliver()
	h.becomes(id, decide.FailedAfterArrival)
	if a := h.remedy(id).Actions[0]; a.Status != decide.Failed || a.Code != "lost_or_stolen_card" || a.Accepted == nil || a.Arrived != nil {
		t.Errorf("what came back is %+v", a)
	}
	sealed := []string{}
	for _, f := range facts[decide.SeenFact](h, decide.KindSeen) {
		sealed = append(sealed, fmt.Sprint(f.Ref, " ", f.Status, " late ", f.Late, " by ", f.By))
	}
	if want := []string{ref + " succeeded late false by webhook", ref + " failed late true by webhook"}; !slices.Equal(sealed, want) {
		t.Errorf("sealed is\n%q, want\n%q", sealed, want)
	}
	if totals := h.totals(); !strings.Contains(totals, ",refund,1,800,8.00,0,0.00,") {
		t.Errorf("the export says\n%s", totals)
	}
	// The money is with the merchant again, so a person may have it tried once more, and
	// what came of that within the same limits.
	for range 2 {
		a := h.post("admin", "/v1/remedies/"+id+"/retry", `{"reason":"other card"}`).answer(t)
		id = a.Remedy.String()
		h.becomes(id, decide.Done)
		if err := h.provider.SetStatus(h.remedy(id).Actions[0].Ref, "failed", "lost_or_stolen_card"); err != nil {
			t.Fatal(err)
		}
		h.deliver()
		h.becomes(id, decide.Failed)
	}
	for _, f := range facts[decide.RemedyFact](h, decide.KindRemedy)[1:] {
		if f.Rule != decide.RuleRetry || f.Charged != "late" {
			t.Errorf("a retry is of rule %s and counts for %q", f.Rule, f.Charged)
		}
	}
	h.verify()
}

// totals exports what was accepted and what arrived.
func (h *house) totals() string {
	h.t.Helper()
	source, release := h.stored()
	defer release()
	var text strings.Builder
	if err := ledger.Export(h.t.Context(), source, &text, ledger.Totals); err != nil {
		h.t.Fatal(err)
	}
	return text.String()
}

// TestRefundByHandHolds holds that a refund made at the provider's own pages holds
// the remedy on its payment, by either of the payment's names.
func TestRefundByHandHolds(t *testing.T) {
	t.Parallel()
	h := listening(t)
	h.byHand("pi_2", "300")
	h.deliver()
	h.until("seen", func() bool { return len(facts[decide.SeenFact](h, decide.KindSeen)) == 1 })
	id := h.late("2", "8.00 USD", "held")
	if r := h.remedy(id); r.Reason != decide.ReasonRefunded {
		t.Errorf("held for %s", r.Reason)
	}
	if n := h.provider.Summary().Refunds; n != 1 {
		t.Errorf("%d refunds were made", n)
	}
}

// byHand makes a refund as somebody does who clicks.
func (h *house) byHand(payment, minor string) {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, h.config.Provider+"/v1/refunds", strings.NewReader("payment_intent="+payment+"&amount="+minor))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_hand")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("refund by hand: %s", answer.Status)
	}
}

// TestHookBelievesSignedEvents holds what is answered to events that nobody signed,
// that are old, or about something else.
func TestHookBelievesSignedEvents(t *testing.T) {
	t.Parallel()
	h := listening(t)
	h.byHand("pi_3", "300")
	now := time.Now()
	event := func(object, id string) string {
		return fmt.Sprintf(`{"id":"evt_1","object":"event","type":"x","data":{"object":{"id":%q,"object":%q}}}`, id, object)
	}
	ours := event("refund", "re_000000000001")
	for name, c := range map[string]struct {
		body, secret string
		at           time.Time
		status       int
	}{
		"with the old secret":    {ours, oldHook, now, http.StatusOK},
		"with the new secret":    {ours, newHook, now, http.StatusOK},
		"with another":           {ours, "whsec_other", now, http.StatusUnauthorized},
		"ten minutes ago":        {ours, newHook, now.Add(-10 * time.Minute), http.StatusBadRequest},
		"about a charge":         {event("charge", "ch_3"), newHook, now, http.StatusOK},
		"about nothing":          {`{}`, newHook, now, http.StatusOK},
		"no JSON":                {`<event/>`, newHook, now, http.StatusBadRequest},
		"a refund of nobody":     {event("refund", "re_none"), newHook, now, http.StatusNotFound},
		"longer than an event":   {strings.Repeat(" ", 1<<20) + ours, newHook, now, http.StatusRequestEntityTooLarge},
		"an id that is no id":    {event("refund", "../payment_intents/pi_3"), newHook, now, http.StatusNotFound},
		"signed and then edited": {ours + " ", "", now, http.StatusUnauthorized},
	} {
		signature := sandbox.Signature(c.secret, []byte(c.body), c.at)
		if c.secret == "" {
			signature = sandbox.Signature(newHook, []byte(ours), c.at)
		}
		if r := h.post("nobody", hooks, c.body, "Stripe-Signature", signature); r.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, c.status)
		}
	}
	if r := h.post("nobody", hooks, ours); r.status != http.StatusBadRequest {
		t.Errorf("unsigned: %d %s", r.status, r.body)
	}
	if r := h.ask("nobody", http.MethodGet, hooks, ""); r.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", r.status, r.body)
	}
	// While the provider cannot say how the refund stands, the event is to come again.
	h.byHand("pi_4", "300")
	if err := h.provider.SetFaults(sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Unavailable, Calls: 1}}}); err != nil {
		t.Fatal(err)
	}
	other := event("refund", "re_000000000002")
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if r := h.post("nobody", hooks, other, "Stripe-Signature", sandbox.Signature(newHook, []byte(other), now)); r.status != want {
			t.Errorf("got %d %s, want %d", r.status, r.body, want)
		}
	}
	h.until("seen", func() bool { return len(facts[decide.SeenFact](h, decide.KindSeen)) == 2 })
	closed := newHouse(t, nil)
	if r := closed.post("nobody", hooks, ours, "Stripe-Signature", sandbox.Signature(newHook, []byte(ours), now)); r.status != http.StatusNotFound {
		t.Errorf("without a secret: %d %s", r.status, r.body)
	}
}
