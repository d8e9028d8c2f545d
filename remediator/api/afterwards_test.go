package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
)

// lateHouse is a house whose rule for what is late came after so many orders were: boss
// wrote it, all approved it.
func lateHouse(t *testing.T, orders int) *house {
	t.Helper()
	return lateHouseAt(t, orders, "")
}

// lateHouseAt is a lateHouse in a database; an empty one stands for files.
func lateHouseAt(t *testing.T, orders int, database string) *house {
	t.Helper()
	before := "rules:\n" + houseRules[strings.Index(houseRules, "  - rule: broken"):]
	h := newHouse(t, func(c *remediator.Config) { c.Rules, c.Database = ruleFiles(before), database })
	h.hireAll()
	h.hire(map[string]string{"boss": "author approver", "all": "agent author approver auditor operator"})
	if database != "" { // where no start puts rules in force
		h.activate("boss", before, "all")
	}
	for n := range orders {
		h.emit("parcel.late", fmt.Sprint("c-", n), fmt.Sprintf(`{"order":"%d","payment":"pi_%d","amount":"%d.00 USD"}`, n, n, n+9))
	}
	h.activate("boss", houseRules, "all")
	return h
}

// applyBody is a body that asks for all that the log has so far.
func (h *house) applyBody(more string) string {
	h.t.Helper()
	var s api.Status
	h.ask("admin", "GET", "/v1/status", "").into(h.t, &s)
	return fmt.Sprintf(`{"since":%q,"until":%q,"reason":"the rule came late"%s}`, s.LogTime.Add(-time.Hour).Format(time.RFC3339Nano), s.LogTime.Format(time.RFC3339Nano), more)
}

const applyLate = "/v1/rules/late/apply"

// TestFourEyesBulk holds who may have something made good afterwards, and who may
// approve it.
func TestFourEyesBulk(t *testing.T) {
	t.Parallel()
	h := lateHouse(t, 3)
	const nobodyAsks = "only an operator or an author may have something made good afterwards"
	for who, want := range map[string]string{"ann": nobodyAsks, "pat": nobodyAsks, "odo": nobodyAsks} {
		h.hears(h.post(who, applyLate, h.applyBody("")), "apply", saying{who, want})
	}
	if r := h.post("eve", applyLate, h.applyBody("")); r.status != http.StatusForbidden {
		t.Errorf("an emitter asks: %d %s", r.status, r.body)
	}
	a := h.post("all", applyLate, h.applyBody("")).answer(t)
	if a.Status != "held" || a.Bulk.Remedies != 3 || a.Bulk.Money[0].Minor != 3000 || len(h.remedies("status=held&bulk="+a.Bulk.Bulk.String())) != 3 {
		t.Fatalf("the answer is %+v, %+v", a, a.Bulk)
	}
	path := "/v1/bulks/" + a.Bulk.Bulk.String()
	for _, s := range []saying{
		{"all", "who asked for a bulk may not approve it; another person must"}, {"boss", ownRule}, {"ann", nobodyApp}, {"oli", nobodyApp}, {"wes", nobodyApp},
		{"pat", done}, {"pat", twice}, {"all", "who asked for a bulk may not approve it; another person must"},
	} {
		h.hears(h.post(s.who, path+"/approve", ""), "approve", s)
	}
	var holds api.Holds
	if h.ask("odo", "GET", "/v1/holds", "").into(t, &holds); len(holds.Holds) != 1 || holds.Holds[0].Remedies != 3 || holds.Holds[0].Bulk.Approvals[0] != "pat" {
		t.Errorf("holds are %+v", holds)
	}
	if got := h.provider.Summary(); got.Refunds != 0 {
		t.Errorf("one approval paid %+v", got)
	}
	one := h.remedies("status=held")[0].Remedy.Remedy.String()
	h.hears(h.post("pia", "/v1/remedies/"+one+"/approve", ""), "approve", saying{"pia", "it is one of bulk"})
	h.hears(h.post("pia", path+"/approve", ""), "approve", saying{"pia", done})
	h.until("paid", func() bool { return h.provider.Summary().Totals["USD"] == 3000 })
	for _, r := range h.remedies("") {
		h.becomes(r.Remedy.Remedy.String(), "done")
	}
	h.hears(h.post("admin", path+"/approve", ""), "approve", saying{"admin", "no bulk with this id waits for an answer"})
	h.hears(h.post("all", applyLate, h.applyBody("")), "apply", saying{"all", "there is nothing to make good: left out are 3 for once_per"})
	var bulk decide.Bulk
	if h.ask("odo", "GET", path, "").into(t, &bulk); bulk.Status != decide.BulkApproved || fmt.Sprint(bulk.Approvals) != "[pat pia]" {
		t.Errorf("the bulk is %+v", bulk)
	}
	h.verify()
}

// TestFourEyesBulkDenied holds that one approver ends a bulk, its requester included.
func TestFourEyesBulkDenied(t *testing.T) {
	t.Parallel()
	h := lateHouse(t, 3)
	a := h.post("all", applyLate, h.applyBody(`,"customers":["c-1","c-7"]`)).answer(t)
	if a.Bulk.Remedies != 1 || len(a.Bulk.Customers) != 64 {
		t.Fatalf("the bulk is %+v", a.Bulk)
	}
	path := "/v1/bulks/" + a.Bulk.Bulk.String()
	for _, s := range []saying{{"oli", nobodyApp}, {"wes", nobodyApp}, {"all", done}, {"pat", "no bulk with this id waits for an answer"}} {
		h.hears(h.post(s.who, path+"/deny", `{"reason":"not these"}`), "deny", s)
	}
	b := h.post("wes", applyLate, h.applyBody("")).answer(t)
	if b.Bulk.Remedies != 2 || b.Bulk.LeftOut[0].Reason != decide.LeftTaken {
		t.Errorf("the rest is %+v", b.Bulk)
	}
	if got := h.provider.Summary(); got.Refunds != 0 {
		t.Errorf("the provider paid %+v", got)
	}
	h.verify()
}

// TestExplanation holds that a remedy is explained from the log, and one that people
// asked for by who did.
func TestExplanation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	id := h.held("1", "11.00 USD")
	var e rehearse.Explanation
	h.ask("odo", "GET", "/v1/remedies/"+id+"/explanation", "").into(t, &e)
	if x := e.Rules[0]; e.Stored.Remedy != id || x.Rule != "late" || x.Decision != decide.Hold || x.Reason != decide.ReasonApprove || x.Why == "" {
		t.Errorf("it is explained as %+v, stored %+v", x, e.Stored)
	}
	asked := h.requested("ann", "pi_9")
	if r := h.ask("odo", "GET", "/v1/remedies/"+asked+"/explanation", ""); !strings.Contains(r.reason(), "ann asked for it") {
		t.Errorf("what a person asked for: %d %s", r.status, r.body)
	}
}

// A dry run says what would be and leaves nothing behind; the same question under the
// same key is asked once.
func TestApplyDryRunAndRepeat(t *testing.T) {
	t.Parallel()
	h := lateHouse(t, 3)
	body := h.applyBody("")
	dry := h.post("all", applyLate, h.applyBody(`,"dry_run":true`)).answer(t)
	if dry.Bulk == nil || dry.Bulk.Remedies != 3 || len(h.remedies("")) != 0 {
		t.Errorf("the dry run is %+v", dry)
	}
	if r := h.post("ann", applyLate, h.applyBody(`,"dry_run":true`)); r.status != http.StatusForbidden || len(h.refusals()) != 0 {
		t.Errorf("an agent's dry run: %d %s", r.status, r.body)
	}
	first := h.post("all", applyLate, body, "Idempotency-Key", "k-1").answer(t)
	again := h.post("all", applyLate, body, "Idempotency-Key", "k-1").answer(t)
	if first.Bulk.Bulk != again.Bulk.Bulk || first.Ordinal != again.Ordinal {
		t.Errorf("the repeat is %+v, the first was %+v", again, first)
	}
	if r := h.post("all", applyLate, h.applyBody(`,"customers":["c-1"]`), "Idempotency-Key", "k-1"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("another question under the key: %d %s", r.status, r.body)
	}
	for what, c := range map[string]struct{ path, body, want string }{
		"no rule":           {"/v1/rules/lote/apply", body, `no rule "lote" is in force`},
		"the future":        {applyLate, `{"since":"2026-01-01T00:00:00Z","until":"2126-01-01T00:00:00Z"}`, "the period is not over"},
		"nothing":           {applyLate, `{"since":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}`, "ends before it begins"},
		"no period":         {applyLate, `{}`, "since, until"},
		"nobody":            {applyLate, h.applyBody(`,"customers":[]`), "customers: leave it out"},
		"a list of its own": {applyLate, h.applyBody(`,"remedies":[]`), "unknown field"},
		"no bulk":           {"/v1/bulks/x/approve", ``, "is no id of a bulk"},
	} {
		if r := h.post("all", c.path, c.body); !strings.Contains(r.reason(), c.want) {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if r := h.ask("all", "GET", "/v1/bulks/00000000-0000-0000-0000-000000000001", ""); r.status != http.StatusNotFound {
		t.Errorf("a bulk that is not there: %d %s", r.status, r.body)
	}
}

// A service that dies before it has decided finds the command in its log.
func TestApplyOutlivesARestart(t *testing.T) {
	t.Parallel()
	h := lateHouse(t, 3)
	a := h.post("all", applyLate, h.applyBody("")).answer(t)
	path := "/v1/bulks/" + a.Bulk.Bulk.String()
	h.hears(h.post("pat", path+"/approve", ""), "approve", saying{"pat", done})
	h.stop()
	h.start()
	h.hears(h.post("pat", path+"/approve", ""), "approve", saying{"pat", twice})
	h.hears(h.post("pia", path+"/approve", ""), "approve", saying{"pia", done})
	h.until("paid", func() bool { return h.provider.Summary().Totals["USD"] == 3000 })
	h.verify()
}
