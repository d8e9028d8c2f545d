package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// shown is how a page is answered that must be there.
func (v *visitor) shown(path string) paper {
	v.house.t.Helper()
	p := v.get(path)
	if p.status != http.StatusOK {
		v.house.t.Fatalf("%s is answered %d %s", path, p.status, p.body)
	}
	return p
}

// statuses counts live remedies by status, as the API does.
func (h *house) statuses() string {
	h.t.Helper()
	var s api.Status
	h.bearer("admin").get("/v1/status").into(h.t, &s)
	return fmt.Sprint(s.Totals.Statuses)
}

// approve is the form that approves a remedy of the rule late.
func approve(t *testing.T, p paper, remedy string) url.Values {
	t.Helper()
	return with(p.form(t, "/approvals/answer", map[string]string{"remedy": remedy}), "answer", "approve")
}

// TestTwoPeople holds what the page says of a remedy that needs two people: one of
// two by whom, why the first cannot be the second, and that the form sent twice counts
// once.
func TestTwoPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"pat": "approver", "pia": "approver", "ann": "agent"})
	h.late("1", "c-1", "500.00 USD")
	pat, pia := h.bearer("pat"), h.bearer("pia")
	var list api.Remedies
	pat.get("/v1/remedies").into(t, &list)
	remedy := list.Remedies[0].Remedy.String()
	if p := h.bearer("ann").shown("/approvals"); strings.Contains(p.body, `action="/approvals/answer"`) || !strings.Contains(p.body, "only an approver may answer a held remedy") {
		t.Error("an agent is offered to answer, or is not told why not")
	}
	if p := h.bearer("ann").send("/approvals/answer", url.Values{"key": {"k"}, "rule": {"late"}, "remedy": {remedy}, "answer": {"approve"}}); p.status != http.StatusForbidden {
		t.Errorf("an agent who approves is answered %d", p.status)
	}
	first := approve(t, pat.shown("/approvals"), remedy)
	for range 2 {
		if p := pat.send("/approvals/answer", first); p.status != http.StatusSeeOther || p.header.Get("Location") != "/approvals?done=approve" {
			t.Fatalf("an approval is answered %d %s", p.status, p.body)
		}
	}
	for _, text := range []string{"<strong>1 of 2</strong>, by <bdi>pat</bdi>", "You cannot approve it: the same person approved it before", "500.00 USD"} {
		if p := pat.shown("/approvals"); !strings.Contains(p.body, text) {
			t.Errorf("the page does not say %q:\n%s", text, p.body)
		}
	}
	if p := pat.send("/approvals/answer", with(first, "key", "again")); p.status != http.StatusForbidden || !strings.Contains(p.body, "another one is needed") {
		t.Errorf("a second approval by the same person is answered %d", p.status)
	}
	if p := pia.send("/approvals/answer", approve(t, pia.shown("/approvals"), remedy)); p.status != http.StatusSeeOther {
		t.Errorf("the second person is answered %d %s", p.status, p.body)
	}
	h.idle()
	if got := h.statuses(); got != "map[done:1]" {
		t.Errorf("after two approvals there are %s", got)
	}
}

// TestAboveALimitMeanwhile holds that who approves what goes above a limit by now is told
// the figures, that the page says so from then on, and whose approval no longer counts.
func TestAboveALimitMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(houseRules, "1000000.00 USD", "600.00 USD", 1)}}
	})
	h.hire(map[string]string{"pat": "approver", "pia": "approver"})
	h.bearer("admin").post("/v1/pause", `{"target":"rule:late"}`)
	h.late("1", "c-1", "500.00 USD")
	h.late("2", "c-2", "500.00 USD")
	first, second := h.remedyOf("c-1").Remedy.String(), h.remedyOf("c-2").Remedy.String()
	pat, pia := h.bearer("pat"), h.bearer("pia")
	for _, by := range []*visitor{pat, pia} {
		if p := by.send("/approvals/answer", approve(t, by.shown("/approvals"), first)); p.status != http.StatusSeeOther {
			t.Fatalf("the first is answered %d %s", p.status, p.body)
		}
	}
	before := []struct { // what pia looked at meanwhile
		to   string
		form url.Values
	}{
		{"/approvals/answer", approve(t, pia.shown("/approvals"), second)},
		{"/remedies/" + second + "/approve", pia.get("/remedies/"+second).form(t, "/remedies/"+second+"/approve", nil)},
	}
	if p := pia.shown("/approvals"); !strings.Contains(p.body, `name="held_for.`+second+`" value="paused" form="several"`) {
		t.Error("what is approved with others does not say what it was shown to be held for")
	}
	p := pat.send("/approvals/answer", approve(t, pat.shown("/approvals"), second))
	if p.status != http.StatusConflict || !strings.Contains(p.body, "of the 600.00 USD of budget 500.00 USD are used, and this is 500.00 USD") {
		t.Errorf("what goes above is answered %d %s", p.status, p.body)
	}
	var list api.Remedies
	pat.get("/v1/remedies?status=held").into(t, &list)
	if len(list.Remedies) != 1 || list.Remedies[0].Reason != decide.ReasonBudget {
		t.Errorf("held are %+v", list.Remedies)
	}
	for _, old := range before {
		if p := pia.send(old.to, old.form); p.status != http.StatusConflict || !strings.Contains(p.body, "it is held for budget now, which you have not seen") {
			t.Errorf("an approval of what was shown before is answered %d %s", p.status, p.body)
		}
	}
	for _, by := range []*visitor{pat, pia} {
		if p := by.send("/approvals/answer", approve(t, by.shown("/approvals"), second)); p.status != http.StatusSeeOther {
			t.Errorf("approved again it is answered %d %s", p.status, p.body)
		}
	}
	if p := pat.get("/remedies/" + second); !has(p.cells(t, "td"), "approve, above the limit budget", "2 of 2") {
		t.Errorf("its page does not say that it went above: %s", p.body)
	}
}

// TestAboveTwoLimitsMeanwhile holds that all limits that an approval was refused for are why
// the remedy is held from then on, in the API and on the pages.
func TestAboveTwoLimitsMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		text := strings.Replace(houseRules, "1000000.00 USD", "600.00 USD", 1)
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(text, "limits: {", "limits: {per_customer: {remedies: 1, within: 30d}, ", 1)}}
	})
	h.hire(map[string]string{"pat": "approver", "pia": "approver"})
	h.bearer("admin").post("/v1/pause", `{"target":"rule:late"}`)
	h.late("1", "c-1", "500.00 USD")
	first := h.remedyOf("c-1").Remedy.String()
	h.late("2", "c-1", "500.00 USD")
	pat, pia := h.bearer("pat"), h.bearer("pia")
	second := h.remedyOf("c-1").Remedy.String()
	for _, by := range []*visitor{pat, pia} {
		if p := by.send("/approvals/answer", approve(t, by.shown("/approvals"), first)); p.status != http.StatusSeeOther {
			t.Fatalf("the first is answered %d %s", p.status, p.body)
		}
	}
	if p := pat.send("/approvals/answer", approve(t, pat.shown("/approvals"), second)); p.status != http.StatusConflict {
		t.Fatalf("what goes above is answered %d %s", p.status, p.body)
	}
	var list api.Remedies
	pat.get("/v1/remedies?status=held").into(t, &list)
	if len(list.Remedies) != 1 || list.Remedies[0].Reason != "per_customer, budget" {
		t.Errorf("held are %+v", list.Remedies)
	}
	for _, path := range []string{"/approvals", "/remedies/" + second, "/"} {
		if p := pat.shown(path); !strings.Contains(p.body, "the customer has had as much as the rule gives to one, and the rule&#39;s budget is used up") {
			t.Errorf("%s does not name both limits:\n%s", path, p.body)
		}
	}
	for _, by := range []*visitor{pat, pia} {
		if p := by.send("/approvals/answer", approve(t, by.shown("/approvals"), second)); p.status != http.StatusSeeOther {
			t.Errorf("who knows of both is answered %d %s", p.status, p.body)
		}
	}
}

// TestFourEyesInThePage holds that who asked for a refund is told why they may not
// approve it, and that another person denies it with a reason.
func TestFourEyesInThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"pat": "approver", "pia": "approver"})
	var asked decide.Answer
	h.bearer("pat").post("/v1/refunds", `{"payment":"pi_9","amount":"5.00 USD","customer":"c-1","reason":"late"}`).into(t, &asked)
	own := h.bearer("pat").shown("/approvals")
	if !strings.Contains(own.body, "You cannot approve it: who asked for a remedy may not approve it") || strings.Contains(own.body, `data-key="a"`) {
		t.Errorf("who asked is offered to approve:\n%s", own.body)
	}
	page := h.bearer("pat").shown("/remedies/" + asked.Remedy.String())
	if !strings.Contains(page.body, "You cannot approve it: who asked for a remedy may not approve it") || strings.Contains(page.body, "<button>Approve</button>") {
		t.Errorf("the page of the remedy offers to approve it to who asked:\n%s", page.body)
	}
	if page := h.bearer("pia").shown("/remedies/" + asked.Remedy.String()); !strings.Contains(page.body, "<button>Approve</button>") {
		t.Error("the page of the remedy does not offer to approve it to another approver")
	}
	deny := with(h.bearer("pia").shown("/approvals").form(t, "/approvals/answer", map[string]string{"remedy": asked.Remedy.String()}), "answer", "deny", "reason", "no")
	if p := h.bearer("pia").send("/approvals/answer", deny); p.status != http.StatusSeeOther {
		t.Errorf("a denial is answered %d %s", p.status, p.body)
	}
	if got := h.statuses(); got != "map[denied:1]" {
		t.Errorf("after a denial there are %s", got)
	}
}

// TestSeveralOfOneRule holds that several remedies are approved by one form when they
// are of one rule, and none of them when they are not.
func TestSeveralOfOneRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"pat": "approver", "ann": "agent"})
	for _, order := range []string{"1", "2", "3"} {
		h.late(order, "c-"+order, "20.00 USD")
	}
	pat := h.bearer("pat")
	var list api.Remedies
	pat.get("/v1/remedies").into(t, &list)
	page := pat.shown("/approvals")
	for _, text := range []string{"3 remedies", "60.00 USD"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	var other decide.Answer
	h.bearer("ann").post("/v1/refunds", `{"payment":"pi_9","amount":"5.00 USD","customer":"c-1","reason":"late"}`).into(t, &other)
	fields := with(page.form(t, "/approvals/answer", map[string]string{"rule": "late"}), "answer", "approve")
	fields["remedy"] = []string{list.Remedies[0].Remedy.String(), other.Remedy.String()}
	if p := pat.send("/approvals/answer", fields); p.status != http.StatusConflict || !strings.Contains(p.body, "not of one rule") {
		t.Errorf("remedies of two rules are answered %d", p.status)
	}
	if got := h.statuses(); got != "map[held:4]" {
		t.Errorf("after a mixed form there are %s", got)
	}
	fields["remedy"] = []string{list.Remedies[0].Remedy.String(), list.Remedies[1].Remedy.String()}
	if p := h.bearer("ann").send("/approvals/answer", with(fields, "key", "ann")); p.status != http.StatusForbidden || strings.Count(p.body, "only an approver may") != 2 {
		t.Errorf("several by who has not the role are answered %d %s", p.status, p.body)
	}
	if p := pat.send("/approvals/answer", fields); p.status != http.StatusSeeOther {
		t.Errorf("several of one rule are answered %d %s", p.status, p.body)
	}
	h.idle()
	if got := h.statuses(); got != "map[done:2 held:2]" {
		t.Errorf("after an approval of two there are %s", got)
	}
}

// TestApprovalsOfAnEditedRule holds that the pages count approvals as the fold does once
// the rule is another one: by whom it was written then and is written now, and how many
// people its limits ask for now.
func TestApprovalsOfAnEditedRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"boss": "author approver", "wes": "author approver", "pat": "approver", "pia": "approver"})
	writes := func(who, old, text string) {
		t.Helper()
		digest := h.propose(who, strings.Replace(houseRules, old, text, 1))
		if p := h.bearer("pat").post("/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, digest)); p.status != http.StatusOK {
			t.Fatalf("the rules are answered %d %s", p.status, p.body)
		}
	}
	writes("boss", "10.00 USD", "11.00 USD")
	h.late("1", "c-1", "50.00 USD")
	remedy := h.remedyOf("c-1").Remedy.String()
	const own, need = "You cannot approve it: who activated the rule may not approve its remedies", "Approvals: <strong>"
	says := func(who, approvals string, refused bool) {
		t.Helper()
		if p := h.bearer(who).shown("/approvals"); !strings.Contains(p.body, need+approvals) || strings.Contains(p.body, own) != refused {
			t.Errorf("%s is told otherwise than %q, refused %v:\n%s", who, approvals, refused, p.body)
		}
		if p := h.bearer(who).shown("/remedies/" + remedy); strings.Contains(p.body, own) != refused {
			t.Errorf("%s is told otherwise on the remedy's page, refused %v:\n%s", who, refused, p.body)
		}
	}
	says("boss", "0 of 1", true)
	says("wes", "0 of 1", false)
	writes("boss", "10.00 USD", "1.00 USD")
	says("wes", "0 of 2", false)
	if p := h.bearer("wes").send("/approvals/answer", approve(t, h.bearer("wes").shown("/approvals"), remedy)); p.status != http.StatusSeeOther {
		t.Fatalf("an approval is answered %d %s", p.status, p.body)
	}
	says("pia", "1 of 2</strong>, by <bdi>wes</bdi>", false)
	writes("wes", "10.00 USD", "2.00 USD")
	says("boss", "0 of 2", true)
	says("wes", "0 of 2", true)
	for n, who := range []string{"pat", "pia"} {
		says(who, fmt.Sprint(n, " of 2"), false)
		if p := h.bearer(who).send("/approvals/answer", approve(t, h.bearer(who).shown("/approvals"), remedy)); p.status != http.StatusSeeOther {
			t.Errorf("%s is answered %d %s", who, p.status, p.body)
		}
	}
	h.idle()
	if got := h.statuses(); got != "map[done:1]" {
		t.Errorf("after two approvals there are %s", got)
	}
}

// TestHeldRetryIsOfItsRule holds that a retry that waits is counted by the rule of the remedy
// that it tries again, as the fold counts it.
func TestHeldRetryIsOfItsRule(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such payment_intent"}}`)
			return
		}
		fmt.Fprint(w, `{"object":"list","data":[],"has_more":false}`)
	}))
	t.Cleanup(broken.Close)
	h := newHouse(t, func(c *remediator.Config) { c.Provider = broken.URL })
	h.hire(map[string]string{"boss": "author approver", "pat": "approver", "otto": "operator"})
	h.late("1", "c-1", "50.00 USD")
	failed := h.remedyOf("c-1").Remedy.String()
	h.bearer("pat").post("/v1/remedies/"+failed+"/approve", "")
	h.until("failed", func() bool { return h.remedyOf("c-1").Status == "failed" })
	h.bearer("otto").post("/v1/remedies/"+failed+"/retry", `{"reason":"another card"}`)
	h.until("held", func() bool { return strings.Contains(h.statuses(), "held:1") })
	digest := h.propose("boss", strings.Replace(houseRules, "10.00 USD", "4.00 USD", 1))
	if p := h.bearer("pat").post("/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, digest)); p.status != http.StatusOK {
		t.Fatalf("the rules are answered %d %s", p.status, p.body)
	}
	if p := h.bearer("boss").shown("/approvals"); !strings.Contains(p.body, "Approvals: <strong>0 of 2</strong>") || !strings.Contains(p.body, "You cannot approve it: who activated the rule") {
		t.Errorf("who edited the rule is told:\n%s", p.body)
	}
}

// TestBulkOfAnEditedRule holds that the approval of who edits the rule of a bulk then is not
// shown as one.
func TestBulkOfAnEditedRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"oli": "operator approver", "boss": "author approver", "pat": "approver", "pia": "approver"})
	bulk := h.afterwards("oli", "parcel.lost-0")
	approves := func(who string) {
		t.Helper()
		form := h.bearer(who).shown("/approvals").form(t, "/approvals/bulk", map[string]string{"bulk": bulk})
		if p := h.bearer(who).send("/approvals/bulk", with(form, "answer", "approve", "reason", "x")); p.status != http.StatusSeeOther {
			t.Errorf("%s is answered %d %s", who, p.status, p.body)
		}
	}
	says := func(approvals string) {
		t.Helper()
		if p := h.bearer("pat").shown("/approvals"); !strings.Contains(p.body, "Approvals: <strong>"+approvals) {
			t.Errorf("the page does not say %q:\n%s", approvals, p.body)
		}
	}
	approves("boss")
	says("1 of 2</strong>, by <bdi>boss</bdi>")
	text := strings.NewReplacer("rule: late", "rule: parcel-lost-0", "parcel.late", "parcel.lost-0", "1000000.00", "2000000.00").Replace(houseRules)
	if p := h.bearer("pat").post("/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, h.propose("boss", text))); p.status != http.StatusOK {
		t.Fatalf("the rules are answered %d %s", p.status, p.body)
	}
	says("0 of 2")
	approves("pia")
	says("1 of 2</strong>, by <bdi>pia</bdi>")
}
