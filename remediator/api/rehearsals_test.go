package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/rehearse"
)

// slowRules give credit for what came more than three days late.
const slowRules = `rules:
  - rule: slow
    owner: shop
    why: It came very late.
    event: parcel.slow
    if: data.days > 3
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

// slowHouse is a house with such a rule, and three orders of which one is so late.
func slowHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, func(c *remediator.Config) { c.Rules = ruleFiles(slowRules) })
	h.hireAll()
	h.emit("parcel.slow", "c-1", `{"order":"1","days":2}`, `{"order":"2","days":3}`, `{"order":"3","days":5}`)
	h.until("paid", func() bool { return h.state().Totals.Statuses["done"] == 1 })
	return h
}

// TestNearMissesOfAbsence holds that a rule which waits for what does not come was near to
// firing when that came in time.
func TestNearMissesOfAbsence(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = ruleFiles(`rules:
  - rule: unanswered
    owner: shop
    event: parcel.asked
    unless: {event: parcel.answered, by: event.customer, within: 2d}
    do: [{andon: {pull: shop/answers, level: yellow, reason: Nobody answered}}]
`)
	})
	h.hireAll()
	h.emit("parcel.asked", "c-1", `{}`)
	h.emit("parcel.answered", "c-1", `{}`)
	var near rehearse.NearMisses
	h.until("decided", func() bool {
		h.ask("wes", "GET", "/v1/rules/unanswered/near-misses?since=1d", "").into(t, &near)
		return near.Missed[rehearse.ConditionUnless] == 1
	})
	if m := near.Nearest[0]; m.Part != "unless" || m.Compared != "time until parcel.answered" || m.Left == nil || m.Needs != `> "48h0m0s"` || m.Distance == nil || m.Customer != "c-1" {
		t.Errorf("the near miss is %+v", m)
	}
}

// TestWhatRulesDid holds what is told of a rule: what it did and cost, and by how much
// it missed.
func TestWhatRulesDid(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	var state api.RuleState
	h.ask("ann", "GET", "/v1/rules/slow", "").into(t, &state)
	if state.Live == nil || state.Live.Acted != 1 || state.Live.LastFired.IsZero() || state.Shadow != nil || state.Proposed ||
		len(state.Credits) != 1 || state.Credits[0].Amount.Minor != 500 || len(state.Refunds) != 0 || state.Why != "It came very late." {
		t.Errorf("the rule is %+v", state)
	}
	var near rehearse.NearMisses
	h.ask("wes", "GET", "/v1/rules/slow/near-misses?since=1d&limit=1", "").into(t, &near)
	if near.Judged != 3 || near.Missed["data.days > 3"] != 2 || len(near.Nearest) != 1 || *near.Nearest[0].Distance != 0 {
		t.Errorf("near misses are %+v", near)
	}
	var set api.RuleSet
	h.ask("ann", "GET", "/v1/rule-sets/"+h.rules().Digest, "").into(t, &set)
	if len(set.Files) != 1 || set.Files[0].Text != slowRules {
		t.Errorf("the rule set is %+v", set)
	}
	for path, want := range map[string]string{
		"/v1/rules/slaw":                              `no rule "slaw" is in force`,
		"/v1/rules/slaw/near-misses":                  "did you mean slow?",
		"/v1/rules/slow/near-misses?since=soon":       `since "soon" is no time`,
		"/v1/rules/slow/near-misses?limit=0":          "limit",
		"/v1/rules/slow/near-misses?since=2126-01-01": "since is not before until, or before the end of the log",
		"/v1/rule-sets/00":                            "no rule set with this digest",
		"/v1/facts/x":                                 "is no sequence",
		"/v1/facts/100000":                            "has no entry 100000",
	} {
		if r := h.ask("admin", "GET", path, ""); r.status < 400 || !strings.Contains(r.reason(), want) {
			t.Errorf("%s is answered %d %s, want %q", path, r.status, r.body, want)
		}
	}
}

// TestWhyNot holds that an event that nobody sends is judged, and that the first
// condition that fails is named.
func TestWhyNot(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	event := `{"specversion":"1.0","id":"9","source":"/test","type":"parcel.slow","customer":"c-9","data":{"order":"9","days":2}}`
	var e rehearse.Explanation
	h.post("wes", "/v1/rules/explain", event).into(t, &e)
	if len(e.Rules) != 1 || e.Rules[0].Why != "data.days > 3 is false; data.days = 2" || e.Rules[0].Conditions[0].Result != rehearse.False {
		t.Errorf("it is explained as %+v", e)
	}
	if n := len(h.remedies("customer=c-9")); n != 0 {
		t.Errorf("%d remedies came of it", n)
	}
	for body, status := range map[string]int{``: 400, `{}`: 400, `[` + event + `]`: 400, strings.Replace(event, `"id":"9"`, `"id":"`+strings.Repeat("9", 1<<20)+`"`, 1): 413} {
		if r := h.post("wes", "/v1/rules/explain", body); r.status != status || r.reason() == "" {
			t.Errorf("%.40q is answered %d %.200s, want %d", body, r.status, r.body, status)
		}
	}
}

// TestWhyNotYet holds that an event that waits is explained by the lateness of the log,
// which the status names.
func TestWhyNotYet(t *testing.T) {
	t.Parallel()
	lateness := 2 * time.Hour
	const waiting = `rules:
  - rule: silent
    owner: shop
    why: It did not arrive.
    event: parcel.sent
    unless: {event: parcel.arrived, by: data.order, within: 1h}
    do: [{andon: {pull: "parcel/${{ data.order }}", level: yellow, reason: lost}}]
    mode: live
`
	h := newHouse(t, func(c *remediator.Config) { c.Rules, c.Lateness = ruleFiles(waiting), &lateness })
	h.hireAll()
	var explained rehearse.Explanation
	h.post("wes", "/v1/rules/explain", `{"specversion":"1.0","id":"9","source":"/test","type":"parcel.sent","time":"2026-11-01T08:00:00Z","data":{"order":"9"}}`).into(t, &explained)
	if len(explained.Rules) != 1 || !strings.Contains(explained.Rules[0].Unless, "until 2026-11-01T09:00:00Z; unless it comes, at 2026-11-01T11:00:00Z") {
		t.Errorf("it is explained as %+v", explained)
	}
	if self := h.state().Self; self == nil || self.LatenessS != 7200 {
		t.Errorf("the status says of the node %+v", self)
	}
}

// TestBacktest holds what rules would have done over the log, beside those in force.
func TestBacktest(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	var report rehearse.Report
	h.post("oli", "/v1/rules/backtest", "").into(t, &report)
	if report.Events != 3 || len(report.Rules) != 1 || report.Rules[0].Remedies != 1 || report.Against != nil {
		t.Errorf("those in force did %+v", report)
	}
	lower := fmt.Sprintf(`{"files":[{"path":"slow.yaml","text":%q}]}`, strings.Replace(slowRules, "> 3", "> 1", 1))
	report = rehearse.Report{}
	h.post("oli", "/v1/rules/backtest", lower).into(t, &report)
	if report.Rules[0].Remedies != 3 || report.Against == nil {
		t.Errorf("others would have done %+v", report)
	}
	for body, want := range map[string]string{
		`{"files":[{"path":"slow.yaml","text":"rules: ["}]}`: "slow.yaml:",
		`{"since":"2026-11-02","until":"2026-11-01"}`:        "since is not before until",
		`{"until":"never"}`: `until "never" is no time`,
		strings.Replace(lower, `}]`, `}],"against":[{"path":"x"}]`, 1): "",
	} {
		if r := h.post("oli", "/v1/rules/backtest", body); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.reason(), want) {
			t.Errorf("%s is answered %d %s, want %q", body, r.status, r.body, want)
		}
	}
}

// TestProof holds that what is sealed about a remedy is checked on asking, and that a
// fact is read by its sequence.
func TestProof(t *testing.T) {
	t.Parallel()
	h := slowHouse(t)
	found := h.remedies("")[0]
	path := "/v1/remedies/" + found.Remedy.Remedy.String() + "/verification"
	var proof integrity.Proof
	h.until("proven", func() bool {
		h.ask("ann", "GET", path, "").into(t, &proof)
		return proof.Verified
	})
	if proof.Entries != len(h.remedy(found.Remedy.Remedy.String()).Facts) || proof.Missing != 0 || len(proof.Wrong) != 0 || proof.Root == "" || proof.Key == "" {
		t.Errorf("the proof is %+v", proof)
	}
	var fact api.SealedFact
	h.ask("odo", "GET", fmt.Sprint("/v1/facts/", found.Sequence), "").into(t, &fact)
	if fact.Sequence != found.Sequence || fact.Remedy != found.Remedy.Remedy || fact.Kind != "remedy" || len(fact.Leaf) != 64 {
		t.Errorf("the fact is %+v", fact)
	}
}

// TestExplainedAfterwards holds that what was made good afterwards is explained by its
// conditions too.
func TestExplainedAfterwards(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"boss": "author approver", "all": "agent author approver auditor operator"})
	h.emit("parcel.slow", "c-1", `{"order":"1","days":2}`, `{"order":"3","days":5}`)
	h.activate("boss", houseRules+strings.TrimPrefix(slowRules, "rules:\n"), "all")
	a := h.post("all", "/v1/rules/slow/apply", h.applyBody("")).answer(t)
	if a.Bulk == nil || a.Bulk.Remedies != 1 {
		t.Fatalf("the bulk is %+v", a)
	}
	made := h.remedies("bulk=" + a.Bulk.Bulk.String())[0].Remedy.Remedy.String()
	var e rehearse.Explanation
	h.ask("odo", "GET", "/v1/remedies/"+made+"/explanation", "").into(t, &e)
	if len(e.Rules) != 1 || len(e.Rules[0].Conditions) != 1 || e.Rules[0].Conditions[0].Seen["data.days"] != 5.0 || e.Rules[0].Conditions[0].Result != rehearse.True {
		t.Errorf("it is explained as %+v", e.Rules)
	}
	if e.Stored == nil || e.Stored.Bulk != a.Bulk.Bulk.String() || e.Stored.By != "all" || e.Stored.Remedy != made {
		t.Errorf("stored is %+v", e.Stored)
	}
}

// TestAnsweredOnce holds that what is no command is done once under a key too, for who
// chose the key and while the answer is kept.
func TestAnsweredOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	link := func(who, key string) string {
		t.Helper()
		var l api.Link
		h.post(who, "/v1/sign-in-links", "", "Idempotency-Key", key).into(t, &l)
		return l.Path
	}
	first := link("admin", "k")
	if again := link("admin", "k"); again != first {
		t.Errorf("under the same key it is %s, then %s", first, again)
	}
	if other := link("admin", "l"); other == first {
		t.Error("under another key it is the same link")
	}
	if theirs := link("amy", "k"); theirs == first {
		t.Error("another person gets the same link")
	}
	if r := h.post("admin", "/v1/sign-in-links", "{}", "Idempotency-Key", "k"); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, "idempotency-key") {
		t.Errorf("another body under the key is answered %d %s", r.status, r.body)
	}
	if r := h.post("admin", "/v1/coes/check", "", "Idempotency-Key", "k"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("another operation under the key is answered %d %s", r.status, r.body)
	}
	if r := h.post("admin", "/v1/coes/check", "", "Idempotency-Key", "a b"); r.status != http.StatusBadRequest {
		t.Errorf("a key that is none is answered %d %s", r.status, r.body)
	}
	missing := h.post("oli", "/v1/webhooks/none/test", "", "Idempotency-Key", "t")
	if again := h.post("oli", "/v1/webhooks/none/test", "", "Idempotency-Key", "t"); missing.status != http.StatusNotFound || again != missing {
		t.Errorf("what is not there is answered %d %s and then %d %s", missing.status, missing.body, again.status, again.body)
	}
}

// TestKeysExpire holds that an answer is kept for a day and no longer.
func TestKeysExpire(t *testing.T) {
	t.Parallel()
	later := make(chan time.Duration, 1)
	later <- 0
	still := time.Now()
	h := newHouse(t, func(c *remediator.Config) {
		c.Now = func() time.Time {
			d := <-later
			later <- d
			return still.Add(d)
		}
	})
	link := func() string {
		t.Helper()
		var l api.Link
		h.post("admin", "/v1/sign-in-links", "", "Idempotency-Key", "k").into(t, &l)
		return l.Path
	}
	first := link()
	<-later
	later <- 23 * time.Hour
	if link() != first {
		t.Error("after 23 hours it is another one")
	}
	<-later
	later <- 24 * time.Hour
	if link() == first {
		t.Error("after 24 hours it is the same one")
	}
}
