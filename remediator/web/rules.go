package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/views"
)

// month is how far back the pages of rules count.
const month = 30 * 24 * time.Hour

// rulebook is the page of all rules in force.
type rulebook struct {
	Digest, Author string // of the set; empty: none is in force
	Rules          []ruleRow
	MayAsk         bool
}

// ruleRow is a rule with what it did in a month.
type ruleRow struct {
	*rule.Rule
	Author       string
	Live, Shadow views.Fired
	Findings     int
}

// rulePage is the page of one rule.
type rulePage struct {
	ruleRow
	Text     string        // as it is in force, with what stands before the next one
	Found    rule.Problems // by lint
	Today    []money.Money // paid since midnight, by currency
	Month    []money.Money
	Days     int // of the month
	Proposed bool
	MayAsk   bool                // which events it nearly fired for
	Tests    *rehearse.RuleTests // nil: this node reads no rules folder
}

func loadRules(c *Console, r *http.Request) (any, error) {
	in := c.cfg.InForce()
	page := rulebook{Author: in.Author, MayAsk: mayRead(access.From(r.Context()), decide.EvidenceReaders())}
	if in.Set == nil {
		return page, nil
	}
	page.Digest = in.Set.Digest
	found, err := c.cfg.Findings.Of(in.Set)
	if err != nil {
		return nil, err
	}
	fired, err := c.cfg.Ledger.FiredRules(r.Context(), c.cfg.Now().Add(-month))
	if err != nil {
		return nil, err
	}
	for _, rl := range in.Set.Rules {
		page.Rules = append(page.Rules, row(in, rl, fired, found))
	}
	return page, nil
}

// row sums up a rule.
func row(in decide.InForce, rl *rule.Rule, fired []views.Fired, found rule.Problems) ruleRow {
	one := ruleRow{Rule: rl, Author: in.Authors[rl.Name]}
	for _, f := range fired {
		switch {
		case f.Rule == rl.Name && f.Mode == string(rule.Live):
			one.Live = f
		case f.Rule == rl.Name:
			one.Shadow = f
		}
	}
	one.Findings = len(lint.About(found, in.Set, rl))
	return one
}

// textAlone is a rule as it is written, without the lines around it.
func textAlone(set *rule.Set, rl *rule.Rule) string {
	var lines []string
	for _, line := range textOf(set, rl).Lines {
		if line.In {
			lines = append(lines, line.Text)
		}
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n ")
}

func loadRule(c *Console, r *http.Request) (any, error) {
	in := c.cfg.InForce()
	var rl *rule.Rule
	if in.Set != nil {
		rl = in.Set.Rule(r.PathValue("rule"))
	}
	if rl == nil {
		return nil, Missing("No rule in force is called " + r.PathValue("rule") + ".")
	}
	found, err := c.cfg.Findings.Of(in.Set)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	fired, err := c.cfg.Ledger.FiredRules(r.Context(), now.Add(-month))
	if err != nil {
		return nil, err
	}
	page := rulePage{ruleRow: row(in, rl, fired, found), Text: textAlone(in.Set, rl), Found: lint.About(found, in.Set, rl), Days: int(month / (24 * time.Hour)),
		MayAsk: mayRead(access.From(r.Context()), decide.EvidenceReaders())}
	today := now.UTC().Truncate(24 * time.Hour)
	if page.Today, err = c.paid(r.Context(), rl.Name, today); err != nil {
		return nil, err
	}
	if page.Month, err = c.paid(r.Context(), rl.Name, today.Add(-month)); err != nil {
		return nil, err
	}
	if c.cfg.RuleTests != nil {
		if page.Tests, err = c.cfg.RuleTests.Of(in.Set, rl.Name); err != nil {
			return nil, err
		}
	}
	proposal, err := c.cfg.Ledger.Proposal(r.Context())
	page.Proposed = proposal != nil && slices.Contains(proposal.Rules, rl.Name)
	return page, err
}

// paid sums up what a rule paid for what it decided since a time, by currency.
func (c *Console) paid(ctx context.Context, name string, since time.Time) ([]money.Money, error) {
	var total []money.Money
	for _, kind := range []string{rule.Refund, rule.Credit} {
		_, sums, err := c.cfg.Ledger.Payouts(ctx, views.PayoutFilter{Kind: kind, Rule: name, Since: since, OnlySums: true})
		if err != nil {
			return nil, err
		}
		for _, s := range sums {
			if s.Status != decide.Succeeded && s.Status != decide.Pending {
				continue
			}
			if total, err = addMoney(total, []money.Money{{Minor: s.Minor, Currency: s.Currency}}); err != nil {
				return nil, err
			}
		}
	}
	return total, nil
}

// ruleAddress is the address of a rule's page.
func ruleAddress(name string) string { return "/rules/" + url.PathEscape(name) }

// whyNotForm is enough for what the page's field takes, however it is escaped.
const whyNotForm = 6 * maxForm

// whyNot is the page that says what the rules in force make of an event.
type whyNot struct {
	Event       string
	Wrong       string // why the event cannot be read
	Explanation *rehearse.Explanation
}

// loadWhyNot reads the field event, which somebody pasted. Nothing of it is kept.
func loadWhyNot(c *Console, r *http.Request) (any, error) {
	page := whyNot{Event: r.PostFormValue("event")}
	in := c.cfg.InForce()
	switch {
	case r.Method != http.MethodPost:
		return page, nil
	case in.Set == nil:
		return nil, &Failure{http.StatusConflict, "There are no rules", "No rules are in force that could be asked."}
	}
	var err error
	if page.Explanation, err = rehearse.Explain(in.Set, []byte(page.Event), c.cfg.Now().UnixNano(), c.cfg.Lateness); err != nil {
		page.Wrong = err.Error()
		return page, nil
	}
	slices.SortStableFunc(page.Explanation.Rules, func(a, b rehearse.RuleExplanation) int { // those about its type first
		switch {
		case a.Matched == b.Matched:
			return 0
		case a.Matched:
			return -1
		}
		return 1
	})
	return page, nil
}
