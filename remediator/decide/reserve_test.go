package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// wantAbove has a held remedy approved that would go above limits nobody was told of: the
// approver is refused with the figures, and going above is what the next approval says.
func (s *scene) wantAbove(r decide.RemedyFact, held, figures, above string) {
	s.t.Helper()
	before := len(s.jobs)
	s.refused(figures, approves("bob", r.Remedy))
	if got := one[decide.RefusalFact](s.t, s.facts[len(s.facts)-1:], decide.KindRefusal); got.Held != held {
		s.t.Errorf("it is held for %q now, want %q", got.Held, held)
	}
	_, facts := s.done(0, approves("bob", r.Remedy))
	if got := one[decide.ApprovalFact](s.t, facts, decide.KindApproval); got.Above != above {
		s.t.Errorf("it was approved above %q, want %q", got.Above, above)
	}
	if len(s.jobs) != before+1 {
		s.t.Errorf("%d jobs came of it, want 1", len(s.jobs)-before)
	}
}

// What was held for another reason than a limit reserved nothing, and several may be
// approved of which each was within the limits by itself.
func TestApprovalIsMeasured(t *testing.T) {
	t.Parallel()
	const storm = "    storm: {remedies: 1, within: 1h}\n"
	for name, c := range map[string]struct{ limits, paid, held, figures, above string }{
		"budget": {storm, "600.00 USD", decide.ReasonBudget, "of the 1000.00 USD of budget 600.00 USD are used, and this is 600.00 USD", "budget"},
		"remedies of a customer": {"      per_customer: {remedies: 1, within: 30d}\n" + storm, "1.00 USD", decide.ReasonPerCustomer,
			"of the 1 remedies of per_customer 1 are used", "per_customer"},
		"both": {"      per_customer: {amount: 700.00 USD, within: 30d}\n" + storm, "600.00 USD", "per_customer, budget",
			"of the 700.00 USD of per_customer 600.00 USD are used, and this is 600.00 USD; of the 1000.00 USD of budget 600.00 USD", "per_customer, budget"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, set(refundRule("r", "because", "live", c.limits)))
			s.done(0, pauses(operator("oli"), decide.TargetRule("r")))
			first := wantDecision(t, s.send(0, numbered(1, c.paid)), decide.Hold, decide.ReasonPaused)
			second := wantDecision(t, s.send(0, numbered(2, c.paid)), decide.Hold, decide.ReasonPaused)
			s.done(0, approves("bob", first.Remedy))
			s.wantAbove(second, c.held, c.figures, c.above)
		})
	}
}

// Whoever approves above one limit has not agreed to go above another.
func TestApprovalAboveOneLimitIsNotAboveAll(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      per_customer: {remedies: 1, within: 30d}\n")))
	wantDecision(t, s.send(0, numbered(1, "600.00 USD")), decide.Act, "")
	second := wantDecision(t, s.send(0, numbered(2, "400.00 USD")), decide.Hold, decide.ReasonPerCustomer)
	third := wantDecision(t, s.send(0, numbered(3, "400.00 USD")), decide.Hold, decide.ReasonPerCustomer)
	s.done(0, approves("bob", second.Remedy))
	s.wantAbove(third, decide.ReasonBudget, "budget 1000.00 USD are used, and this is 400.00 USD", "per_customer, budget")
}

// A currency that a limit in force does not name is told like a limit.
func TestApprovalInACurrencyWithoutLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pauses(operator("oli"), decide.TargetMoney))
	held := wantDecision(t, s.send(0, numbered(1, "5.00 USD")), decide.Hold, decide.ReasonPaused)
	s.activate(strings.Replace(set(refundRule("r", "because", "live", "")), "1000.00 USD", "1000.00 EUR", 1))
	s.wantAbove(held, decide.ReasonCurrency, "budget names no amount in USD", "currency")
}

// What a hold reserved may have left the sliding time when it is approved. Others took
// the place, or it is free: then it counts from the approval on.
func TestReservationThatRanOut(t *testing.T) {
	t.Parallel()
	const above = "      approve_above: 500.00 USD\n"
	s := newScene(t, set(refundRule("r", "because", "live", above)))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	wantDecision(t, s.send(25*time.Hour, numbered(2, "450.00 USD")), decide.Act, "")
	s.wantAbove(held, decide.ReasonBudget, "budget 450.00 USD are used, and this is 900.00 USD", "budget")

	s = newScene(t, set(refundRule("r", "because", "live", above)))
	held = wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	s.done(25*time.Hour, approves("bob", held.Remedy))
	wantDecision(t, s.send(time.Minute, numbered(2, "450.00 USD")), decide.Hold, decide.ReasonBudget)
}

// What is reserved still has its place, and counts for a whole time of the limit from the
// approval on, because the money moves then.
func TestReservationCountsFromTheApproval(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 500.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	s.done(23*time.Hour, approves("bob", held.Remedy))
	wantDecision(t, s.send(2*time.Hour, numbered(2, "450.00 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(23*time.Hour, numbered(3, "450.00 USD")), decide.Act, "")
}

// The first of two approvers did not know either what the second one is told.
func TestBothApproveAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      approve_above: 50.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonApprove)
	s.done(0, approves("bob", held.Remedy))
	s.tick(25 * time.Hour)
	for n := range 4 {
		wantDecision(t, s.send(0, numbered(2+n, "50.00 USD")), decide.Act, "")
	}
	s.refused("budget 200.00 USD are used, and this is 900.00 USD", approves("cem", held.Remedy))
	s.done(0, approves("cem", held.Remedy))
	if a, facts := s.done(0, approves("bob", held.Remedy)); a.Status != "acting" || one[decide.ApprovalFact](t, facts, decide.KindApproval).Above != "budget" {
		t.Errorf("the second approval again is answered %+v", a)
	}
}

// The rule in force says the limits. Without it nothing is measured, and what is approved
// counts for it all the same should it come back.
func TestApprovalForARuleThatIsGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pauses(operator("oli"), decide.TargetConnector("stripe")))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Hold, decide.ReasonPaused)
	s.activate(set(refundRule("other", "because", "live", "")))
	s.done(0, approves("bob", held.Remedy))
	s.activate(set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, numbered(2, "200.00 USD")), decide.Hold, decide.ReasonBudget)
}

// A bulk waits for days. What others took of the limits meanwhile is shown before anybody
// approves it, and whoever approved it before did not know.
func TestBulkAboveMoreThanWasShown(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	s.done(time.Hour, approvesBulk("cem", b.Bulk))
	wantDecision(t, s.send(25*time.Hour, numbered(9, "992.00 USD")), decide.Act, "")
	a, facts := s.give(0, approvesBulk("dee", b.Bulk))
	if !strings.Contains(a.Refused, "2 above budget with 10.00 USD; look at it and approve it again") {
		t.Errorf("it was refused for %q", a.Refused)
	}
	want := []decide.BulkCount{{Reason: decide.ReasonBudget, Remedies: 2, Money: []money.Money{*usd(1000)}}}
	if a.Bulk == nil || a.Status != decide.BulkHeld || fmt.Sprint(a.Bulk.Above) != fmt.Sprint(want) || len(a.Bulk.Approvals) != 0 || a.Bulk.Remedies != 3 {
		t.Fatalf("the bulk is %+v", a.Bulk)
	}
	if sealed := one[decide.BulkFact](t, facts, decide.KindBulk); sealed.Answer != decide.BulkAbove || fmt.Sprint(sealed.Above) != fmt.Sprint(want) {
		t.Errorf("it is sealed as %+v", sealed)
	}
	s.done(0, approvesBulk("dee", b.Bulk))
	_, facts = s.done(0, approvesBulk("cem", b.Bulk))
	var above []string
	for _, f := range kind(facts, decide.KindApproval) {
		above = append(above, one[decide.ApprovalFact](t, []decide.Fact{f}, decide.KindApproval).Above)
	}
	if !slices.Equal(above, []string{"", "budget", "budget"}) || len(s.jobs) != 4 {
		t.Errorf("approved above %q, %d jobs", above, len(s.jobs))
	}
	// All of it counts from its approval on: 992 and 15 of 1000.
	wantDecision(t, s.send(0, numbered(10, "0.01 USD")), decide.Hold, decide.ReasonBudget)
}

// What goes above the limits as was shown takes no place from what is within.
func TestBulkIsMeasuredAsShown(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	a, _ := s.done(0, s.applies(operator("bob"), append([]decide.MadeGood{madeGood(3, *usd(200_000))}, orders(1, 2)...)))
	s.done(25*time.Hour, approvesBulk("cem", a.Bulk.Bulk))
	s.done(25*time.Hour, approvesBulk("dee", a.Bulk.Bulk))
	if len(s.jobs) != 3 {
		t.Errorf("%d jobs, want 3", len(s.jobs))
	}
}

// Who approves a bulk is told what would act, without what was denied by itself.
func TestBulkIsShownWithoutWhatWasDenied(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	s.done(0, denies("cem", decide.RemedyID("r", "1:2")))
	if len(s.last.Bulks) != 1 || s.last.Bulks[0].Remedies != 2 {
		t.Errorf("after the denial it is shown as %+v", s.last.Bulks)
	}
	s.done(0, approvesBulk("eve", b.Bulk))
	a, _ := s.done(0, approvesBulk("dan", b.Bulk))
	if a.Bulk.Remedies != 2 || !slices.Equal(a.Bulk.Money, []money.Money{*usd(1000)}) || len(s.jobs) != 2 {
		t.Errorf("approved are %d remedies of %v, %d jobs", a.Bulk.Remedies, a.Bulk.Money, len(s.jobs))
	}
}

// A remedy that paid nothing is none of those that a limit counts, whatever else it did.
func TestWhatPaidNothingIsNoneOfTheRemediesOfACustomer(t *testing.T) {
	t.Parallel()
	const limit, andon = "      per_customer: {remedies: 1, within: 30d}\n", "      - andon: {pull: product/x, level: yellow, reason: bad}\n"
	for name, c := range map[string]struct {
		steps, status string
		second        string // what the rule does next for the customer
	}{
		"a refund that failed":            {oneRefund, decide.Failed, decide.Act},
		"beside a cord that was pulled":   {andon + oneRefund, decide.Failed, decide.Act},
		"one that need not happen":        {oneRefund, decide.Skipped, decide.Act},
		"one that was paid":               {oneRefund, decide.Succeeded, decide.Hold},
		"one that was paid beside a cord": {andon + oneRefund, decide.Succeeded, decide.Hold},
	} {
		s := newScene(t, steps(limit, c.steps))
		wantDecision(t, s.send(0, numbered(1, "5.00 USD")), decide.Act, "")
		s.settle(s.jobs[0], c.status)
		if got := one[decide.RemedyFact](t, s.send(0, numbered(2, "5.00 USD")), decide.KindRemedy).Decision; got != c.second {
			t.Errorf("after %s: %s, want %s", name, got, c.second)
		}
	}
	s := newScene(t, steps(limit, andon))
	s.send(0, numbered(1, "5.00 USD"))
	if got := one[decide.RemedyFact](t, s.send(0, numbered(2, "5.00 USD")), decide.KindRemedy); got.Decision != decide.Hold || got.Reason != decide.ReasonPerCustomer {
		t.Errorf("a second remedy without money is %s %s", got.Decision, got.Reason)
	}
}

// A bulk of which all was denied by itself is denied.
func TestBulkOfWhichNothingIsLeftIsDenied(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	s.done(0, approvesBulk("eve", b.Bulk))
	var facts []decide.Fact
	for n := range 3 {
		_, facts = s.done(0, denies("cem", decide.RemedyID("r", fmt.Sprint("1:", n+1))))
	}
	if sealed := one[decide.BulkFact](t, facts, decide.KindBulk); sealed.Answer != "deny" || sealed.By != "cem" || s.last.Bulks[len(s.last.Bulks)-1].Status != decide.Denied {
		t.Errorf("it is sealed as %+v and shown as %+v", sealed, s.last.Bulks)
	}
	s.refused("no bulk with this id waits", approvesBulk("dan", b.Bulk))
}

// What went above a limit that is raised again goes above it no more, and who approves is
// told so.
func TestBulkAboveALimitThatIsRaisedAgain(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	text := set(refundRule("r", "because", "live", ""))
	s.activate(strings.Replace(text, "1000.00 USD", "6.00 USD", 1))
	if a, _ := s.give(0, approvesBulk("dee", b.Bulk)); a.Bulk == nil || len(a.Bulk.Above) != 1 {
		t.Fatalf("above a budget that was lowered it is %+v", a.Bulk)
	}
	s.activate(text)
	a, _ := s.done(0, approvesBulk("dee", b.Bulk))
	if len(a.Bulk.Above) != 0 {
		t.Errorf("within a budget that was raised it is above %+v", a.Bulk.Above)
	}
	s.done(0, denies("cem", decide.RemedyID("r", "1:2")))
	if got := s.last.Bulks[0]; got.Remedies != 2 || len(got.Above) != 0 {
		t.Errorf("after one was denied it is %+v", got)
	}
	if a, _ = s.done(0, approvesBulk("dan", b.Bulk)); len(a.Bulk.Above) != 0 || a.Status != decide.BulkApproved {
		t.Errorf("it was approved as %+v", a.Bulk)
	}
}

// A cord that was pulled before costs nothing: the refund behind it is measured and counted
// when it is approved.
func TestApprovalBehindAStepThatCostsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", "      - andon: {pull: product/x, level: yellow, reason: bad}\n"+oneRefund))
	held := wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Act, "")
	s.settle(s.jobs[0], decide.Blocked)
	wantDecision(t, s.send(25*time.Hour, numbered(2, "950.00 USD")), decide.Act, "")
	s.wantAbove(held, decide.ReasonBudget, "budget 950.00 USD are used, and this is 900.00 USD", "budget")
	wantDecision(t, s.send(23*time.Hour, numbered(3, "150.00 USD")), decide.Hold, decide.ReasonBudget)
}

// twoPaid is data of an order with two payments of one amount.
func twoPaid(n int, paid string) string {
	return fmt.Sprintf(`"bad":true,"order":%d,"payment":"pi_%[1]d","other":"pj_%[1]d","paid":%q`, n, paid)
}

// Of a remedy whose first refund was made, the second alone is measured, and each counts from
// when it was let go. The remedy itself counts once.
func TestApprovalOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	begin := func(within string) (*scene, decide.RemedyFact) {
		s := newScene(t, strings.Replace(steps("      per_customer: {remedies: 1, within: 2d}\n", parallel), "within: 1d", "within: "+within, 1))
		held := wantDecision(t, s.send(0, twoPaid(1, "300.00 USD")), decide.Act, "")
		s.settle(s.jobs[0], decide.Succeeded)
		s.settle(s.jobs[1], decide.Blocked)
		s.tick(25 * time.Hour)
		return s, held
	}
	s, held := begin("1d")
	if a, _ := s.done(0, approves("bob", held.Remedy)); a.Status != "acting" {
		t.Errorf("the approval is answered %+v", a)
	}
	// The first 300 left the day, the second 300 came into it.
	s.activate(steps("", parallel))
	wantDecision(t, s.send(0, twoPaid(2, "351.00 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(0, twoPaid(3, "350.00 USD")), decide.Act, "")

	s, held = begin("1d")
	s.activate(strings.Replace(steps("", parallel), "1000.00 USD", "200.00 USD", 1))
	s.wantAbove(held, decide.ReasonBudget, "of the 200.00 USD of budget 0.00 USD are used, and this is 300.00 USD", "budget")

	// What was paid within the time goes on counting beside what is approved: 600 of 1000.
	s, held = begin("2d")
	s.done(0, approves("bob", held.Remedy))
	s.activate(strings.Replace(steps("", parallel), "within: 1d", "within: 2d", 1))
	wantDecision(t, s.send(0, twoPaid(2, "200.50 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(0, twoPaid(3, "200.00 USD")), decide.Act, "")

	// What is denied gives back what was left alone.
	s, held = begin("2d")
	s.activate(strings.Replace(steps("", parallel), "within: 1d", "within: 2d", 1))
	s.done(0, denies("bob", held.Remedy))
	wantDecision(t, s.send(0, twoPaid(2, "350.50 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(0, twoPaid(3, "350.00 USD")), decide.Act, "")
}

// What is under way beside a step that is held stays counted, whatever comes of the approval.
func TestApprovalBesideAStepThatRuns(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("      per_customer: {amount: 800.00 USD, within: 30d}\n", parallel))
	held := wantDecision(t, s.send(0, twoPaid(1, "300.00 USD")), decide.Act, "")
	s.settle(s.jobs[0], decide.Blocked)
	s.sendID(25*time.Hour, "other", `"customer":"c-2",`, twoPaid(2, "395.00 USD"))
	s.refused("budget 790.00 USD are used, and this is 300.00 USD", approves("bob", held.Remedy))
	s.settle(s.jobs[1], decide.Succeeded)
	s.done(0, denies("bob", held.Remedy))
	wantDecision(t, s.send(25*time.Hour, twoPaid(3, "250.50 USD")), decide.Hold, decide.ReasonPerCustomer)
	wantDecision(t, s.send(0, twoPaid(4, "250.00 USD")), decide.Act, "")
}

// What failed is not paid: nobody is told of it, and it counts no more.
func TestApprovalWithoutWhatFailed(t *testing.T) {
	t.Parallel()
	s := newScene(t, steps("", parallel))
	held := wantDecision(t, s.send(0, twoPaid(1, "300.00 USD")), decide.Act, "")
	s.settle(s.jobs[0], decide.Failed)
	s.settle(s.jobs[1], decide.Blocked)
	wantDecision(t, s.send(25*time.Hour, twoPaid(2, "250.00 USD")), decide.Act, "")
	if _, facts := s.done(0, approves("bob", held.Remedy)); one[decide.ApprovalFact](t, facts, decide.KindApproval).Above != "" {
		t.Error("300 of the 500 that are left go above them")
	}
	s.settle(s.jobs[len(s.jobs)-1], decide.Succeeded)
	wantDecision(t, s.send(0, twoPaid(3, "100.50 USD")), decide.Hold, decide.ReasonBudget)
	wantDecision(t, s.send(0, twoPaid(4, "100.00 USD")), decide.Act, "")
}

// An approval says what it goes above when it is given.
func TestApprovalThatIsWithinByNow(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	wantDecision(t, s.send(0, numbered(1, "900.00 USD")), decide.Act, "")
	held := wantDecision(t, s.send(0, numbered(2, "900.00 USD")), decide.Hold, decide.ReasonBudget)
	if _, facts := s.done(48*time.Hour, approves("bob", held.Remedy)); one[decide.ApprovalFact](t, facts, decide.KindApproval).Above != "" {
		t.Error("an approval within the limits goes above one")
	}
}

// A limit of each customer that came since cannot count a remedy without one.
func TestApprovalWithoutACustomer(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pauses(operator("oli"), decide.TargetRule("r")))
	held := wantDecision(t, s.sendID(0, "nobody", "", numbered(1, "5.00 USD")), decide.Hold, decide.ReasonPaused)
	s.activate(set(refundRule("r", "because", "live", "      per_customer: {remedies: 3, within: 30d}\n")))
	s.wantAbove(held, decide.ReasonNoCustomer, "per_customer counts by the customer, and it has none", "")
}

// Who raised a limit approves nothing by it, as who wrote the rule when the remedy was decided
// does not.
func TestWhoEditedTheLimitsApprovesNothing(t *testing.T) {
	t.Parallel()
	text := set(refundRule("r", "because", "live", ""))
	s := newScene(t, text)
	s.done(0, pauses(operator("oli"), decide.TargetRule("r")))
	held := wantDecision(t, s.send(0, numbered(1, "600.00 USD")), decide.Hold, decide.ReasonPaused)
	a, _ := s.done(0, s.applies(operator("oli"), orders(2, 3)))
	s.apply(input.Input{ID: "bobs", Kind: input.Activate, At: s.at, Body: encode(t, s.activates("bob", strings.Replace(text, "1000.00 USD", "5000.00 USD", 1)))})
	s.refused("who activated the rule may not approve its remedies", approves("bob", held.Remedy))
	s.refused("who activated the rule may not approve its remedies", approvesBulk("bob", a.Bulk.Bulk))
	s.refused("who activated the rule may not approve its remedies", approves("ann", held.Remedy))
	s.done(0, approves("cem", held.Remedy))
}

// Who approved first and edits the limits then has approved nothing by them either.
func TestApprovalOfWhoEditsThenCountsNoMore(t *testing.T) {
	t.Parallel()
	text := set(refundRule("r", "because", "live", "      approve_above: 1.00 USD\n"))
	s := newScene(t, text)
	held := wantDecision(t, s.send(0, numbered(1, "600.00 USD")), decide.Hold, decide.ReasonApprove)
	a, _ := s.done(0, s.applies(operator("oli"), orders(2, 3)))
	s.done(0, approves("bob", held.Remedy))
	s.done(0, approvesBulk("bob", a.Bulk.Bulk))
	s.apply(input.Input{ID: "bobs", Kind: input.Activate, At: s.at, Body: encode(t, s.activates("bob", strings.Replace(text, "1000.00 USD", "5000.00 USD", 1)))})
	jobs := len(s.jobs)
	for n, by := range []string{"cem", "dan"} {
		_, facts := s.done(0, approves(by, held.Remedy))
		if got := one[decide.ApprovalFact](t, facts, decide.KindApproval); got.Have != n+1 || got.Need != 2 || fmt.Sprint(got.Without) != [...]string{"[bob]", "[]"}[n] {
			t.Errorf("approved as %+v", got)
		}
		b, facts := s.done(0, approvesBulk(by, a.Bulk.Bulk))
		if got := one[decide.BulkFact](t, facts, decide.KindBulk); got.Have != n+1 || fmt.Sprint(got.Without) != [...]string{"[bob]", "[]"}[n] || len(b.Bulk.Approvals) != n+1 {
			t.Errorf("the bulk was approved as %+v by %v", got, b.Bulk.Approvals)
		}
		if moved := len(s.jobs) > jobs; moved != (n == 1) {
			t.Errorf("after %d approvals there are %d jobs", n+1, len(s.jobs)-jobs)
		}
	}
}

// Limits that are edited while a remedy waits are those that it is approved by, also where it
// has its place in those before, and so is the number of people.
func TestApprovalByEditedLimits(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      per_remedy: 500.00 USD\n")))
	s.done(0, pauses(operator("oli"), decide.TargetRule("r")))
	held := wantDecision(t, s.send(0, numbered(1, "400.00 USD")), decide.Hold, decide.ReasonPaused)
	s.activate(set(refundRule("r", "because", "live", "      per_remedy: 5.00 USD\n      approve_above: 1.00 USD\n")))
	s.refused("of the 5.00 USD of per_remedy 0.00 USD are used, and this is 400.00 USD", approves("bob", held.Remedy))
	for n, by := range []string{"bob", "cem"} {
		_, facts := s.done(0, approves(by, held.Remedy))
		if got := one[decide.ApprovalFact](t, facts, decide.KindApproval); got.Above != decide.ReasonPerRemedy || got.Need != 2 || got.Have != n+1 || len(s.jobs) != n {
			t.Errorf("approved as %+v, with %d jobs", got, len(s.jobs))
		}
	}

	text := set(refundRule("r", "because", "live", "      approve_above: 100.00 USD\n"))
	s = newScene(t, text)
	held = wantDecision(t, s.send(0, numbered(1, "400.00 USD")), decide.Hold, decide.ReasonApprove)
	s.activate(strings.Replace(text, "1000.00 USD", "10.00 USD", 1))
	s.wantAbove(held, decide.ReasonBudget, "of the 10.00 USD of budget 0.00 USD are used, and this is 400.00 USD", "budget")
}
