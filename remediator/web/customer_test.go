package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// TestCustomerIsTheAPI holds that the page of a customer tells of each remedy that the
// API lists, says why in plain words, and sums up what the API sums up.
func TestCustomerIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	h.late("2", "c-1", "1.01 USD")
	h.late("3", "c-1", "20.00 USD")
	h.late("4", "c-2", "5.00 USD")
	var refunds api.Refunds
	h.bearer("admin").get("/v1/refunds?customer=c-1&status=succeeded").into(t, &refunds)
	var list api.Remedies
	h.bearer("admin").get("/v1/remedies?customer=c-1").into(t, &list)
	if len(refunds.Totals) != 1 || len(list.Remedies) != 3 {
		t.Fatalf("the API says %+v and %d remedies", refunds.Totals, len(list.Remedies))
	}
	p := h.bearer("admin").get("/customers?customer=c-1")
	checkPage(t, "/customers", p)
	words := strings.Join(p.cells(t, "main"), " ")
	for _, text := range []string{refunds.Totals[0].Amount.String() + " refunded, in 2 steps", "1 wait for a person", "It came late.", "It was made good.",
		"It waits for a person: it is above what may be paid without a person's approval.", "2.99 USD back on payment pi_1: arrived on", "20.00 USD back on payment pi_3: waiting"} {
		if !strings.Contains(words, text) {
			t.Errorf("the page does not say %q in %s", text, words)
		}
	}
	for _, r := range list.Remedies {
		if !strings.Contains(p.body, `href="/remedies/`+r.Remedy.String()) {
			t.Errorf("remedy %s is not there", r.Remedy)
		}
	}
	if strings.Contains(p.body, "pi_4") {
		t.Errorf("another customer's payment is shown")
	}
}

// TestCustomerByPages holds that older remedies of a customer follow without a gap.
func TestCustomerByPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const remedies, perPage = 30, 25
	for i := range remedies {
		h.emit(strings.Repeat("o", i+1), "c-1", "0.01 USD")
	}
	h.idle()
	seen := map[string]bool{}
	for path, pages := "/customers?customer=c-1", 1; path != ""; pages++ {
		p := h.bearer("admin").get(path)
		if p.status != http.StatusOK || pages > 2 {
			t.Fatalf("page %d: %d", pages, p.status)
		}
		path = ""
		before := len(seen)
		for _, e := range p.nodes(t) {
			switch href := e.attributes["href"]; {
			case e.name == "a" && strings.HasPrefix(href, "/remedies/"):
				seen[href] = true
			case e.attributes["rel"] == "next":
				path = href
			}
		}
		if len(seen)-before > perPage {
			t.Errorf("page %d tells of %d", pages, len(seen)-before)
		}
	}
	if len(seen) != remedies {
		t.Errorf("the pages tell of %d remedies, want %d", len(seen), remedies)
	}
}

// TestRequestRefund holds that an agent asks for a refund in the page of a customer,
// that another person approves it, and that what is wrong with it is said.
func TestRequestRefund(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "ben": "approver", "aud": "auditor"})
	const page = "/customers?customer=c-9"
	if p := h.bearer("aud").get(page); strings.Contains(p.body, "/refunds/request") {
		t.Errorf("an auditor is shown the form")
	}
	ann := h.signedIn("ann")
	form := ann.get(page).form(t, "/refunds/request", nil)
	for name, value := range map[string]string{"customer": "c-9", "payment": "pi_9", "amount": "12.50 USD", "reason": "it was torn", "reference": "T-1"} {
		form.Set(name, value)
	}
	made := ann.send("/refunds/request", form)
	to, ok := strings.CutSuffix(made.header.Get("Location"), "?done=request")
	if again := ann.send("/refunds/request", form); !ok || made.status != http.StatusSeeOther || again.header.Get("Location") != made.header.Get("Location") {
		t.Fatalf("the request is answered %d %s, then %d", made.status, made.body, again.status)
	}
	if p := ann.get(to); !strings.Contains(p.body, "It waits for a person") || !strings.Contains(p.body, "12.50 USD") || strings.Contains(p.body, to+"/approve") {
		t.Errorf("the remedy shows %s", p.body)
	}
	ben := h.signedIn("ben")
	if p := ben.send(to+"/approve", ben.get(to).form(t, to+"/approve", nil)); p.status != http.StatusSeeOther {
		t.Errorf("the approval is answered %d %s", p.status, p.body)
	}
	h.idle()
	if p := ann.get(page); !strings.Contains(p.body, "12.50 USD back on payment pi_9") || !strings.Contains(p.body, "It was made good.") {
		t.Errorf("the customer's page shows %s", p.body)
	}
	for amount, want := range map[string]int{"12.50": http.StatusBadRequest, "": http.StatusConflict, "<b>": http.StatusBadRequest, "0 USD": http.StatusConflict} {
		p := ann.send("/refunds/request", url.Values{"key": {"k" + url.QueryEscape(strings.Trim(amount, "<>. "))}, "customer": {"c-9"}, "payment": {"pi_9"}, "amount": {amount}})
		if p.status != want && p.status != http.StatusBadRequest {
			t.Errorf("%q is answered %d %s, want %d", amount, p.status, p.body, want)
		}
	}
}
