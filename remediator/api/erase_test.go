package api_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// What is erased is shown as erased, is not explained from the log either, and the
// ledger verifies and reproduces as before, saying what it no longer compared.
func TestErasedCustomer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	h.emit("parcel.broken", "c-1", `{"order":"1"}`)
	h.emit("parcel.broken", "c-2", `{"order":"2"}`)
	h.until("done", func() bool { return len(h.remedies("status=done")) == 2 })
	first, second := h.remedies("customer=c-1")[0].Remedy.Remedy, h.remedies("customer=c-2")[0].Remedy.Remedy
	evidence := func(remedy uuid.UUID) (all, erased int) {
		for _, f := range h.remedy(remedy.String()).Facts {
			if f.Kind == decide.KindEvidence {
				all++
				if f.Erased {
					erased++
				}
			}
		}
		return all, erased
	}
	if all, erased := evidence(first); all == 0 || erased != 0 {
		t.Fatalf("%d of %d pieces of evidence are erased before anybody asked", erased, all)
	}
	opened := func(remedy uuid.UUID) (e api.Evidence) {
		h.ask("odo", "GET", "/v1/remedies/"+remedy.String()+"/evidence", "").into(t, &e)
		return e
	}
	if e := opened(first); len(e.Contents) != 1 || e.Erased != 0 || e.Contents[0].Kind != decide.EvidenceEvent || !strings.Contains(e.Contents[0].Text, `"order":"1"`) {
		t.Errorf("the evidence is %+v", e)
	}
	h.post("oli", "/v1/customers/c-1/hold", `{"reason":"a court asked"}`).answer(t)
	if r := h.post("ola", "/v1/customers/c-1/erase", "{}"); !strings.Contains(r.reason(), "under legal hold, by oli since") {
		t.Errorf("under hold: %d %s", r.status, r.body)
	}
	h.sealed("erase", "ola", h.refusals()[0].Reason)
	if target := h.refusals()[0].Target; target != "customer:c-1" {
		t.Errorf("the refusal is about %q", target)
	}
	var held api.HeldCustomers
	h.ask("odo", "GET", "/v1/customers/held", "").into(t, &held)
	if len(held.Customers) != 1 || held.Customers[0].Customer != "c-1" || held.Customers[0].By != "oli" || held.Customers[0].Since.IsZero() {
		t.Errorf("on hold are %+v", held.Customers)
	}
	h.post("oli", "/v1/customers/c-1/unhold", `{"reason":"the court has decided"}`).answer(t)
	if a := h.post("ola", "/v1/customers/c-1/erase", `{"reason":"ticket 7"}`).answer(t); a.Target != "customer:c-1" || a.Refused != "" {
		t.Errorf("the answer is %+v", a)
	}
	if h.ask("odo", "GET", "/v1/customers/held", "").into(t, &held); len(held.Customers) != 0 {
		t.Errorf("still on hold are %+v", held.Customers)
	}
	if all, erased := evidence(first); all == 0 || erased != all {
		t.Errorf("%d of %d pieces of evidence are erased", erased, all)
	}
	if e := opened(first); len(e.Contents) != 0 || e.Erased != 1 {
		t.Errorf("the erased evidence is %+v", e)
	}
	if _, erased := evidence(second); erased != 0 {
		t.Errorf("%d pieces of another customer's evidence are erased", erased)
	}
	if r := h.ask("odo", "GET", "/v1/remedies/"+first.String()+"/explanation", ""); !strings.Contains(r.reason(), "was erased") {
		t.Errorf("an explanation is %d %s", r.status, r.body)
	}
	if r := h.ask("odo", "GET", "/v1/remedies/"+second.String()+"/explanation", ""); r.status != 200 {
		t.Errorf("another customer's explanation is %d %s", r.status, r.body)
	}
	h.emit("parcel.broken", "c-1", `{"order":"3"}`) // and is a customer again, under another key
	h.until("done", func() bool { return len(h.remedies("status=done")) == 3 })
	h.stop()
	h.reproduced()
}

// reproduced holds that the ledger comes out of the log again, and what of it is
// erased.
func (h *house) reproduced() {
	h.t.Helper()
	lg, err := logdb.OpenReadOnly(h.t.Context(), filepath.Join(h.config.DataDir, "log.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	db, err := ledgerdb.OpenReadOnly(h.t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := history.Reproduce(h.t.Context(), lg, db, uuid.Nil, nil)
	if err := errors.Join(err, db.Close(), lg.Close()); err != nil {
		h.t.Fatal(err)
	}
	if text, _ := json.Marshal(r); !r.Reproduced || r.Erased == 0 || r.Lost != 0 || r.Evidence < 2 {
		h.t.Errorf("reproduced: %s", text)
	}
}

// TestAwkwardCustomers holds that what is said of a customer is said of that one, whatever
// signs of addresses their id has.
func TestAwkwardCustomers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	for _, customer := range []string{"shop/c-1", "../c-2", "c 3", "c%2F4", "c-5?x=y#z", "..", "c+6", "<c>;7"} {
		at := "/v1/customers/" + url.PathEscape(customer) + "/"
		if customer == ".." {
			at = "/v1/customers/%2E%2E/"
		}
		h.post("oli", at+"hold", `{"reason":"a court asked"}`).answer(t)
		var held api.HeldCustomers
		h.ask("odo", "GET", "/v1/customers/held", "").into(t, &held)
		if len(held.Customers) != 1 || held.Customers[0].Customer != customer {
			t.Errorf("held are %+v, want %q", held.Customers, customer)
		}
		h.post("oli", at+"unhold", `{"reason":"it is over"}`).answer(t)
		var balance struct{ Customer string }
		h.ask("amy", "GET", "/v1/credits/"+strings.TrimSuffix(strings.TrimPrefix(at, "/v1/customers/"), "/"), "").into(t, &balance)
		if balance.Customer != customer {
			t.Errorf("the balance is of %q, want %q", balance.Customer, customer)
		}
	}
}
