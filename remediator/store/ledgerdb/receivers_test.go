package ledgerdb

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

func TestBouncedAddresses(t *testing.T) { engines(t, testBouncedAddresses) }

func testBouncedAddresses(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if err := w.db.RememberBounce(t.Context(), "Ada@Shop.example", "550", noon); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]bool{"ada@shop.example": true, "bob@shop.example": false, "": false} {
		if got, err := w.db.Bounced(t.Context(), address); err != nil || got != want {
			t.Errorf("%q bounced: %v, %v", address, got, err)
		}
	}
	var rows int
	if err := w.db.db.Read.QueryRow(translate(t, `SELECT COUNT(*) FROM bounced WHERE instr(address, 'shop') > 0 OR length(address) <> 32`)).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows hold an address, %v", rows, err)
	}
	if strings.Contains(dump(t, w.db), "shop.example") {
		t.Error("the ledger holds an address in clear")
	}
}

func TestDisabledEndpoints(t *testing.T) { engines(t, testDisabledEndpoints) }

func testDisabledEndpoints(t *testing.T) {
	w := newWorld(t)
	steps := []struct {
		do   func() error
		want map[string]string
	}{
		{func() error { return w.db.Enable(t.Context(), "crm") }, map[string]string{}},
		{func() error { return w.db.Disable(t.Context(), "crm", "gone", noon) }, map[string]string{"crm": "gone"}},
		{func() error { return w.db.Disable(t.Context(), "crm", "again", noon) }, map[string]string{"crm": "gone"}},
		{func() error { return w.db.Enable(t.Context(), "crm") }, map[string]string{}},
	}
	for i, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		got, err := w.db.DisabledEndpoints(t.Context())
		if err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("step %d: %v, %v; want %v", i, got, err, step.want)
		}
		if why, err := w.db.Disabled(t.Context(), "crm"); err != nil || why != step.want["crm"] {
			t.Errorf("step %d: disabled for %q, %v", i, why, err)
		}
	}
}

func TestDeliveries(t *testing.T) { engines(t, testDeliveries) }

func testDeliveries(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b"} {
		fact := decide.RemedyFact{Remedy: id(name), Rule: "late", Mode: live, Decision: decide.Act, Steps: []decide.Step{
			{Action: id(name + "/crm"), Name: "crm", Kind: "webhook", Connector: "webhook", Endpoint: "crm"},
			{Action: id(name + "/erp"), Name: "erp", Kind: "webhook", Connector: "webhook", Endpoint: "erp"},
		}}
		w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindRemedy, decide.Fact{Remedy: id(name), Rule: "late"}, fact)}})
	}
	w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindAction, decide.Fact{Remedy: id("a"), Action: id("a/crm"), Rule: "late"},
		decide.ActionFact{Name: "crm", Attempt: 3, Status: decide.Retrying, Code: "http_500"})}})
	w.commit(w.refund("c"))
	for _, c := range []struct {
		filter views.DeliveryFilter
		want   []string
	}{
		{views.DeliveryFilter{}, []string{"b/crm", "b/erp", "a/crm", "a/erp"}},
		{views.DeliveryFilter{Endpoint: "erp"}, []string{"b/erp", "a/erp"}},
		{views.DeliveryFilter{Status: "retrying"}, []string{"a/crm"}},
		{views.DeliveryFilter{Limit: 1}, []string{"b/crm"}},
		{views.DeliveryFilter{Endpoint: "none"}, nil},
	} {
		list, err := w.db.Deliveries(t.Context(), c.filter)
		if err != nil || len(list) != len(c.want) {
			t.Errorf("%+v: %+v, %v", c.filter, list, err)
			continue
		}
		for i, d := range list {
			if d.Action != id(c.want[i]) {
				t.Errorf("%+v: %d is %+v, want %s", c.filter, i, d, c.want[i])
			}
		}
	}
	var paged []uuid.UUID
	for after := (views.DeliveryCursor{}); ; {
		page, err := w.db.Deliveries(t.Context(), views.DeliveryFilter{Limit: 1, After: after})
		if err != nil || len(page) == 0 {
			if err != nil || !slices.Equal(paged, []uuid.UUID{id("b/crm"), id("b/erp"), id("a/crm"), id("a/erp")}) {
				t.Errorf("page by page there are %v, %v", paged, err)
			}
			break
		}
		paged, after = append(paged, page[0].Action), views.DeliveryCursor{Sequence: page[0].Sequence, Place: page[0].Place}
	}
	list, _ := w.db.Deliveries(t.Context(), views.DeliveryFilter{Status: "retrying"})
	if d := list[0]; d.Attempts != 3 || d.Code != "http_500" || d.Rule != "late" || d.Remedy != id("a") || d.Sequence != 1 {
		t.Errorf("listed as %+v", d)
	}
}
