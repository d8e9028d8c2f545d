package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/views"
)

const (
	// counted is how far back the answer about a rule counts.
	counted = 30 * 24 * time.Hour
	// nearSince is the period of near misses when none is named.
	nearSince = "7d"
	// nearMost is how many near misses are named by default.
	nearMost = 20
)

// RuleState is the answer of GET /v1/rules/{rule}: a rule in force, and what it did of
// late.
type RuleState struct {
	RuleInForce
	Why      string              `json:"why"`
	Live     *views.Fired        `json:"live"`   // null: it decided nothing in this mode
	Shadow   *views.Fired        `json:"shadow"` // the same
	Days     int                 `json:"days"`   // for which Live, Shadow, Refunds and Credits count, in whole days
	Refunds  []views.PayoutTotal `json:"refunds"`
	Credits  []views.PayoutTotal `json:"credits"`
	Proposed bool                `json:"proposed"` // a change of it waits for another person
	Findings rule.Problems       `json:"findings"` // what can be carried out and is hardly meant
	// Tests are those of the node's rules folder, run against the rules in force. null: it
	// reads no folder.
	Tests *rehearse.RuleTests `json:"tests"`
}

// rule answers GET /v1/rules/{rule}.
func (h handler) rule(w http.ResponseWriter, r *http.Request) {
	in, name := h.InForce(), r.PathValue("rule")
	if in.Set == nil || in.Set.Rule(name) == nil {
		problem.Write(w, http.StatusNotFound, "not-found", fmt.Sprintf("no rule %.80q is in force", name))
		return
	}
	since := h.Now().Add(-counted).UTC().Truncate(24 * time.Hour)
	rl := in.Set.Rule(name)
	answer := RuleState{RuleInForce: inForce(in, rl), Why: rl.Why, Days: int(counted / (24 * time.Hour))}
	fired, err := h.Ledger.FiredRules(r.Context(), since)
	for i, f := range fired {
		switch {
		case f.Rule == name && f.Mode == string(rule.Live):
			answer.Live = &fired[i]
		case f.Rule == name:
			answer.Shadow = &fired[i]
		}
	}
	for kind, into := range map[string]*[]views.PayoutTotal{rule.Refund: &answer.Refunds, rule.Credit: &answer.Credits} {
		var sums []views.PayoutSum
		if err == nil {
			_, sums, err = h.Ledger.Payouts(r.Context(), views.PayoutFilter{Kind: kind, Rule: name, Since: since, OnlySums: true})
			*into = views.PayoutTotals(sums)
		}
	}
	if err == nil {
		proposal, failed := h.Ledger.Proposal(r.Context())
		answer.Proposed, err = proposal != nil && slices.Contains(proposal.Rules, name), failed
	}
	if err == nil {
		var found rule.Problems
		found, err = h.Findings.Of(in.Set)
		answer.Findings = append(rule.Problems{}, lint.About(found, in.Set, rl)...)
	}
	if err == nil && h.RuleTests != nil {
		answer.Tests, err = h.RuleTests.Of(in.Set, name)
	}
	h.answer(w, r, answer, err)
}

// RuleSet is the answer of GET /v1/rule-sets/{set}.
type RuleSet struct {
	Digest string      `json:"digest"`
	Files  []rule.File `json:"files"`
}

// ruleSet answers with the rules by which something was decided once.
func (h handler) ruleSet(w http.ResponseWriter, r *http.Request) {
	set := RuleSet{Digest: r.PathValue("set")}
	var err error
	if set.Files, err = h.Ledger.RuleFiles(r.Context(), set.Digest); err == nil && len(set.Files) == 0 {
		problem.Write(w, http.StatusNotFound, "not-found", "no rule set with this digest was ever in force")
		return
	}
	h.answer(w, r, set, err)
}

// whyNot answers POST /v1/rules/explain: what the rules in force make of an event, which
// is not taken in.
func (h handler) whyNot(w http.ResponseWriter, r *http.Request) {
	raw, ok := readBody(w, r, event.MaxBytes)
	if !ok {
		return
	}
	set := h.InForce().Set
	if set == nil {
		problem.Write(w, http.StatusUnprocessableEntity, "ask", "no rules are in force that could be asked")
		return
	}
	explanation, err := rehearse.Explain(set, raw, h.Now().UnixNano(), h.Lateness)
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "body", err.Error())
		return
	}
	h.answer(w, r, explanation, nil)
}

// near answers GET /v1/rules/{rule}/near-misses.
func (h handler) near(w http.ResponseWriter, r *http.Request) {
	q, most := r.URL.Query(), nearMost
	if !limit(w, q, &most) {
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as in apply
	found, err := h.History.Near(r.Context(), h.InForce().Set, r.PathValue("rule"), history.Period{Since: cmp.Or(q.Get("since"), nearSince), Until: q.Get("until")}, most)
	if !askRefused(w, err) {
		h.answer(w, r, found, err)
	}
}

// backtest answers POST /v1/rules/backtest: what rules would have done over the log. It
// changes nothing.
func (h handler) backtest(w http.ResponseWriter, r *http.Request) {
	var body backtestBody
	if !decodeStrict(w, r, maxRules, &body) {
		return
	}
	set, ok := rulesOf(w, body.Files)
	if !ok {
		return
	}
	against, ok := rulesOf(w, body.Against)
	if !ok {
		return
	}
	inForce := h.InForce().Set
	switch {
	case set == nil && inForce == nil:
		problem.Write(w, http.StatusUnprocessableEntity, "ask", "no rules are in force: name some in files")
		return
	case set == nil:
		set = inForce
	case against == nil:
		against = inForce
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as in apply
	report, err := h.History.Backtest(r.Context(), set, against, history.Period{Since: body.Since, Until: body.Until})
	if !askRefused(w, err) {
		h.answer(w, r, report, err)
	}
}

// rulesOf reads rule files, nil for none, or answers what is wrong with them.
func rulesOf(w http.ResponseWriter, files []rule.File) (*rule.Set, bool) {
	if len(files) == 0 {
		return nil, true
	}
	set, err := rule.Load(files)
	if err != nil {
		badRules(w, err)
	}
	return set, err == nil
}
