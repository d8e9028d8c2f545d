package decide_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// madeGood is what a rehearsal says of order n: that its payment is refunded.
func madeGood(n int, paid money.Money) decide.MadeGood {
	return decide.MadeGood{
		Key: fmt.Sprintf("%d:%d", len(fmt.Sprint(n)), n), Customer: fmt.Sprintf("c-%d", n), Source: "/test", Event: fmt.Sprintf("past-%d", n),
		EventAt: "2000-12-24T10:00:00Z", Body: fmt.Appendf(nil, `{"id":"past-%d"}`, n),
		Steps: []decide.Step{{Name: "refund", Kind: "refund", Connector: "stripe", Payment: fmt.Sprintf("pi_%d", n), Amount: &paid}},
	}
}

// orders are remedies of 5 dollars each.
func orders(from, to int) (list []decide.MadeGood) {
	for n := from; n <= to; n++ {
		list = append(list, madeGood(n, *usd(500)))
	}
	return list
}

// applies has rule r make a list good that is in one part.
func (s *scene) applies(c decide.CommandBody, list []decide.MadeGood) decide.CommandBody {
	digest := ""
	if r := s.fold.Rules().Rule("r"); r != nil {
		digest = r.Digest
	}
	c.Command, c.Reason = decide.CommandApply, "the refunds began late"
	c.Apply = &decide.Apply{Rule: "r", Since: "2000-12-01T00:00:00Z", Until: "2001-01-01T00:00:00Z", Digest: digest, List: "list", Part: 1, Parts: 1, Remedies: list}
	return c
}

// part is one part of a list of several.
func (s *scene) part(name, listName string, part, parts int, list []decide.MadeGood) decide.CommandBody {
	c := s.applies(operator(name), list)
	c.Apply.List, c.Apply.Part, c.Apply.Parts = listName, part, parts
	return c
}

func approvesBulk(name string, bulk uuid.UUID) decide.CommandBody {
	c := by(name, decide.RoleApprover)
	c.Command, c.Bulk = decide.CommandApprove, bulk
	return c
}

func deniesBulk(name string, bulk uuid.UUID) decide.CommandBody {
	c := approvesBulk(name, bulk)
	c.Command = decide.CommandDeny
	return c
}

// openBulk has 3 orders held under a bulk that bob asked for.
func openBulk(t *testing.T, limits string) (*scene, *decide.Bulk) {
	t.Helper()
	s := newScene(t, set(refundRule("r", "because", "live", limits)))
	a, facts := s.done(0, s.applies(operator("bob"), orders(1, 3)))
	if a.Bulk == nil || a.Status != decide.BulkHeld || count(facts, decide.KindRemedy) != 3 || len(s.jobs) != 0 {
		t.Fatalf("the answer is %+v with %d jobs\n%s", a, len(s.jobs), kinds(facts))
	}
	return s, a.Bulk
}

func TestApplyHoldsUnderOneApprovalOfTwo(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	if b.Remedies != 3 || !slices.Equal(b.Money, []money.Money{*usd(1500)}) || b.Need != 2 || b.By != "bob" || len(b.Above)+len(b.LeftOut) != 0 {
		t.Errorf("the bulk is %+v", b)
	}
	for _, f := range s.facts {
		if f.Kind == decide.KindRemedy {
			r := one[decide.RemedyFact](t, []decide.Fact{f}, decide.KindRemedy)
			if r.Decision != decide.Hold || r.Reason != decide.ReasonBulk || r.Bulk != b.Bulk || r.RequestedBy != "bob" || r.Approvals != 2 {
				t.Errorf("a remedy is %+v", r)
			}
		}
	}
	if got := s.said(decide.EvidenceEvent); !slices.Equal(got, []string{`{"id":"past-1"}`, `{"id":"past-2"}`, `{"id":"past-3"}`}) {
		t.Errorf("the evidence is %q", got)
	}
	s.refused("who asked for a bulk", approvesBulk("bob", b.Bulk))
	s.refused("who activated the rule", approvesBulk("ann", b.Bulk))
	notApprover := approvesBulk("eve", b.Bulk)
	notApprover.Roles = []string{decide.RoleOperator}
	s.refused("only an approver", notApprover)
	s.refused("no bulk with this id", approvesBulk("cem", uuid.New()))
	a, _ := s.done(0, approvesBulk("cem", b.Bulk))
	if a.Status != decide.BulkHeld || len(s.jobs) != 0 || !slices.Equal(a.Bulk.Approvals, []string{"cem"}) {
		t.Errorf("after one approval: %+v with %d jobs", a, len(s.jobs))
	}
	s.refused("the same person", approvesBulk("cem", b.Bulk))
	a, facts := s.done(0, approvesBulk("dee", b.Bulk))
	if a.Status != decide.BulkApproved || len(s.jobs) != 3 || count(facts, decide.KindApproval) != 3 || count(facts, decide.KindBulk) != 1 {
		t.Errorf("after two approvals: %+v with %d jobs\n%s", a, len(s.jobs), kinds(facts))
	}
	s.refused("no bulk with this id", approvesBulk("eli", b.Bulk))
	for _, job := range s.jobs {
		if job.Approved {
			t.Errorf("%+v would go above what the provider has refunded, of which the approvers knew nothing", job)
		}
		s.settle(job, decide.Succeeded)
	}
	// Each key is taken, for events and for the same list once more.
	if got := one[decide.DuplicateFact](t, s.send(0, numbered(2, "5.00 USD")), decide.KindDuplicate); got.Remedy == uuid.Nil {
		t.Errorf("the duplicate is %+v", got)
	}
	s.refused("there is nothing to make good: left out are 3 for once_per", s.applies(operator("bob"), orders(1, 3)))
}

// Who owns the data folder has two ways in, and so two names. They are one person.
func TestWhoOwnsTheFolderIsOnePerson(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{decide.Local, decide.Admin}, {decide.Admin, decide.Local}, {"cem", "Cem"}} {
		s, b := openBulk(t, "")
		s.done(0, approvesBulk(names[0], b.Bulk))
		s.refused("the same person", approvesBulk(names[1], b.Bulk))
		if a, _ := s.done(0, approvesBulk("dee", b.Bulk)); a.Status != decide.BulkApproved {
			t.Errorf("after %s and dee: %+v", names[0], a)
		}
	}
	if decide.Same(decide.Local, "ann") || decide.Same("locally", decide.Admin) {
		t.Error("others are no owners of the folder")
	}
}

func TestApplyLeavesOutWhatWasPaid(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.sends(1, decide.Act, "")                                  // pays order 1
	s.done(0, asks(agent("bob"), "pi_2", usd(100)))             // asks for a refund of pi_2
	s.done(0, approves("cem", s.last.Answers[0].Remedy))        // which counts as refunded
	a, _ := s.done(0, s.applies(operator("bob"), orders(1, 4))) // 3 and 4 are left
	want := []decide.BulkCount{{Reason: decide.ReasonRefunded, Remedies: 1}, {Reason: decide.LeftTaken, Remedies: 1}}
	if a.Bulk.Remedies != 2 || fmt.Sprint(a.Bulk.LeftOut) != fmt.Sprint(want) || !slices.Equal(a.Bulk.Money, []money.Money{*usd(1000)}) {
		t.Errorf("the bulk is %+v", a.Bulk)
	}
}

func TestApplyNamesWhatIsAboveALimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      per_remedy: 6.00 USD\n")))
	list := append(orders(1, 2), madeGood(3, *usd(700)), madeGood(4, money.Money{Minor: 5, Currency: "JPY"}))
	a, _ := s.done(0, s.applies(operator("bob"), list))
	want := []decide.BulkCount{
		{Reason: decide.ReasonCurrency, Remedies: 1, Money: []money.Money{{Minor: 5, Currency: "JPY"}}},
		{Reason: decide.ReasonPerRemedy, Remedies: 1, Money: []money.Money{*usd(700)}},
	}
	if fmt.Sprint(a.Bulk.Above) != fmt.Sprint(want) || a.Bulk.Remedies != 4 {
		t.Errorf("the bulk is %+v, want above %+v", a.Bulk, want)
	}
	s.done(0, approvesBulk("cem", a.Bulk.Bulk))
	_, facts := s.done(0, approvesBulk("dee", a.Bulk.Bulk))
	above := map[string]int{}
	for _, f := range facts {
		if f.Kind == decide.KindApproval {
			above[one[decide.ApprovalFact](t, []decide.Fact{f}, decide.KindApproval).Above]++
		}
	}
	if above[""] != 2 || above[decide.ReasonPerRemedy] != 1 || above[decide.ReasonCurrency] != 1 {
		t.Errorf("approved above limits are %v", above)
	}
}

// What is within the limits is charged when it is held, what is above them when it
// is approved, and a denial gives back what was charged.
func TestApplyChargesLimits(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	list := append(orders(1, 2), madeGood(3, *usd(99_500))) // the budget is 1000.00 USD
	a, _ := s.done(0, s.applies(operator("bob"), list))
	if len(a.Bulk.Above) != 1 || a.Bulk.Above[0].Reason != decide.ReasonBudget {
		t.Fatalf("the bulk is %+v", a.Bulk)
	}
	wantDecision(t, s.send(0, numbered(4, "990.00 USD")), decide.Act, "") // 10 + 990
	wantDecision(t, s.send(0, numbered(5, "0.01 USD")), decide.Hold, decide.ReasonBudget)
	s.done(0, deniesBulk("cem", a.Bulk.Bulk))
	wantDecision(t, s.send(0, numbered(6, "10.00 USD")), decide.Act, "")
	wantDecision(t, s.send(0, numbered(7, "0.01 USD")), decide.Hold, decide.ReasonBudget)

	s = newScene(t, set(refundRule("r", "because", "live", "      over: suppress\n")))
	a, _ = s.done(0, s.applies(operator("bob"), list))
	if a.Bulk.Remedies != 2 || fmt.Sprint(a.Bulk.LeftOut) != fmt.Sprint([]decide.BulkCount{{Reason: "budget now", Remedies: 1}}) {
		t.Errorf("what the rule suppresses above its limits is in the bulk: %+v", a.Bulk)
	}
	// So is what it would have suppressed then, which is on no list: by the limits of those days,
	// and what is left by those of today.
	asked := s.applies(operator("bob"), append(orders(20, 20), madeGood(21, *usd(200_000))))
	asked.Apply.Suppressed = []decide.BulkCount{{Reason: decide.ReasonBudget, Remedies: 3}, {Reason: decide.ReasonPerRemedy, Remedies: 2}}
	a, _ = s.done(0, asked)
	if want := []decide.BulkCount{{Reason: "budget now", Remedies: 1}, {Reason: "budget then", Remedies: 3}, {Reason: "per_remedy then", Remedies: 2}}; a.Bulk.Remedies != 1 || fmt.Sprint(a.Bulk.LeftOut) != fmt.Sprint(want) {
		t.Errorf("what the rule would have suppressed then is not left out: %+v", a.Bulk)
	}
	asked.Apply.Remedies = orders(20, 20) // held already
	s.refused("there is nothing to make good: left out are 3 for budget then, 1 for once_per, 2 for per_remedy then", asked)
	// A currency without a limit is held of an event, too, and so it is for people here.
	wantDecision(t, s.send(0, numbered(8, "5 JPY")), decide.Hold, decide.ReasonCurrency)
	a, _ = s.done(0, s.applies(operator("bob"), []decide.MadeGood{madeGood(9, money.Money{Minor: 5, Currency: "JPY"})}))
	if a.Bulk.Remedies != 1 || len(a.Bulk.LeftOut) != 0 || len(a.Bulk.Above) != 1 || a.Bulk.Above[0].Reason != decide.ReasonCurrency {
		t.Errorf("what the rule holds for its currency is not in the bulk: %+v", a.Bulk)
	}
}

func TestApplyIsNoStormAndNoFiring(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")+"    storm: {remedies: 2, within: 1h}\n"))
	s.done(0, s.applies(operator("bob"), orders(1, 9)))
	s.wantLevel("rule/r", "open")
	s.sends(20, decide.Act, "")
}

func TestBulkIsDeniedAndExpires(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	_, facts := s.done(0, deniesBulk("cem", b.Bulk))
	if count(facts, decide.KindEnd) != 3 || one[decide.BulkFact](t, facts, decide.KindBulk).Answer != "deny" {
		t.Errorf("denied: %s", kinds(facts))
	}
	s.refused("no bulk with this id", approvesBulk("dee", b.Bulk))
	s.refused("left out are 3 for once_per", s.applies(operator("bob"), orders(1, 3)))

	s, b = openBulk(t, "")
	s.done(time.Hour, approvesBulk("cem", b.Bulk))
	if facts = s.tick(7*24*time.Hour - time.Hour - 1); count(facts, decide.KindEnd) != 0 {
		t.Errorf("it expired too early: %s", kinds(facts))
	}
	facts = s.tick(1)
	if count(facts, decide.KindEnd) != 3 || one[decide.BulkFact](t, facts, decide.KindBulk).Answer != "expired" {
		t.Errorf("expired: %s", kinds(facts))
	}
	if len(s.last.Bulks) != 1 || s.last.Bulks[0].Status != decide.Expired {
		t.Errorf("it stands as %+v", s.last.Bulks)
	}
	s.refused("no bulk with this id", approvesBulk("dee", b.Bulk))
}

// One remedy of a bulk can be left out by itself, and approved only with the others.
func TestOneOfABulk(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	second := decide.RemedyID("r", "1:2")
	s.refused("approved as a whole", approves("cem", second))
	s.done(0, denies("cem", second))
	s.done(0, approvesBulk("cem", b.Bulk))
	s.done(0, approvesBulk("dee", b.Bulk))
	if len(s.jobs) != 2 || s.jobs[0].Remedy == second || s.jobs[1].Remedy == second {
		t.Errorf("the jobs are %+v", s.jobs)
	}
}

// A payment that was refunded while the bulk waited is for a person to look at.
func TestBulkRefundedSince(t *testing.T) {
	t.Parallel()
	s, b := openBulk(t, "")
	s.done(0, asks(agent("bob"), "pi_2", usd(100)))
	s.done(0, approves("cem", s.last.Answers[0].Remedy))
	before := len(s.jobs)
	s.done(0, approvesBulk("cem", b.Bulk))
	_, facts := s.done(0, approvesBulk("dee", b.Bulk))
	held := 0
	for _, f := range facts {
		if f.Kind == decide.KindApproval && one[decide.ApprovalFact](t, []decide.Fact{f}, decide.KindApproval).Held == decide.ReasonRefunded {
			held++
		}
	}
	if held != 1 || len(s.jobs) != before+2 {
		t.Errorf("%d are held again, %d jobs\n%s", held, len(s.jobs)-before, kinds(facts))
	}
	second := decide.RemedyID("r", "1:2")
	s.done(0, approves("cem", second))
	s.done(0, approves("eli", second))
	if job := s.job(); job.Remedy != second || !job.Approved {
		t.Errorf("the job is %+v", job)
	}
}

func TestApplyIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.refused("only an operator or an author", s.applies(agent("bob"), orders(1, 1)))
	s.refused("the rule made no remedy then", s.applies(operator("bob"), nil))
	c := s.applies(operator("bob"), orders(1, 1))
	c.Apply.Digest = "of another text"
	s.refused("changed since its past was looked at", c)
	c.Apply.Rule = "nothing"
	s.refused("no rule nothing is in force", c)
	c.Apply = nil
	s.refused("nothing says what", c)
	many := s.applies(operator("bob"), make([]decide.MadeGood, decide.MaxMadeGood+1))
	s.refused("more than 10000 remedies", many)
	broken := orders(1, 2)
	broken[0].EventAt, broken[1].Key = "yesterday", ""
	s.refused("left out are 2 for error", s.applies(operator("bob"), broken))

	s = newScene(t, set(refundRule("r", "because", "shadow", "")))
	s.refused("is in shadow", s.applies(operator("bob"), orders(1, 1)))
}

// A list in parts is made good as a whole, or not at all.
func TestApplyInParts(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	a, facts := s.done(0, s.part("bob", "list", 1, 3, orders(1, 2)))
	if a.Status != "listed" || count(facts, decide.KindRemedy) != 0 {
		t.Errorf("the first part: %+v\n%s", a, kinds(facts))
	}
	s.sends(2, decide.Act, "") // nothing is taken yet
	s.done(0, s.part("bob", "list", 2, 3, orders(3, 4)))
	a, _ = s.done(0, s.part("bob", "list", 3, 3, orders(5, 5)))
	if a.Bulk == nil || a.Bulk.Remedies != 4 {
		t.Errorf("the whole: %+v", a.Bulk)
	}
	for name, c := range map[string]decide.CommandBody{
		"nothing came before": s.part("bob", "second", 2, 3, orders(6, 6)),
		"no such part":        s.part("bob", "second", 4, 3, orders(6, 6)),
	} {
		if a, _ := s.give(0, c); a.Refused == "" {
			t.Errorf("%s: it was not refused", name)
		}
	}
	s.done(0, s.part("bob", "second", 1, 2, orders(6, 6)))
	s.refused("does not follow", s.part("cem", "second", 2, 2, orders(7, 7)))
	s.done(0, s.part("bob", "second", 1, 2, orders(6, 6)))
	s.done(0, s.part("cem", "third", 1, 2, orders(8, 8))) // begins another
	s.refused("does not follow", s.part("bob", "second", 2, 2, orders(7, 7)))
}

// Cords say something of the present, so that no past event pulls one; what waited
// for the pull does not wait.
func TestApplyPullsNoCord(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	list := orders(1, 2)
	list[0].Steps = append([]decide.Step{{Name: "andon", Kind: "andon", Cord: "product/1", Level: "red"}}, list[0].Steps...)
	list[0].Steps[1].After = "andon"
	list[1].Steps = list[0].Steps[:1]
	a, _ := s.done(0, s.applies(operator("bob"), list))
	if a.Bulk.Remedies != 1 || fmt.Sprint(a.Bulk.LeftOut) != fmt.Sprint([]decide.BulkCount{{Reason: decide.LeftEmpty, Remedies: 1}}) {
		t.Errorf("the bulk is %+v", a.Bulk)
	}
	s.done(0, approvesBulk("cem", a.Bulk.Bulk))
	s.done(0, approvesBulk("dee", a.Bulk.Bulk))
	s.wantLevel("product/1", "open")
	if len(s.jobs) != 1 || s.job().Kind != "refund" {
		t.Errorf("the jobs are %+v", s.jobs)
	}
}

// Split makes parts that each fit a record of the log, and that are the list.
func TestSplitOfAList(t *testing.T) {
	t.Parallel()
	list := orders(1, 300)
	for i := range list {
		list[i].Body = make([]byte, 64<<10/(1+i%7))
	}
	parts, err := decide.Apply{Rule: "r"}.Split(list)
	if err != nil || len(parts) < 10 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	n := 0
	for i, p := range parts {
		in := inputOf(t, "x", 0, decide.CommandBody{Command: decide.CommandApply, Apply: &p})
		if _, err := input.EncodeRecord([]input.Input{in}); err != nil {
			t.Errorf("part %d: %v", i, err)
		}
		if p.Part != i+1 || p.Parts != len(parts) || p.List != parts[0].List || p.Rule != "r" || len(p.Remedies) == 0 {
			t.Errorf("part %d is %d of %d, list %s, %d remedies", i, p.Part, p.Parts, p.List, len(p.Remedies))
		}
		for _, m := range p.Remedies {
			if n++; m.Event != fmt.Sprintf("past-%d", n) {
				t.Fatalf("remedy %d is of %s", n, m.Event)
			}
		}
	}
	none, err := decide.Apply{}.Split(nil)
	if err != nil || len(none) != 1 || none[0].Part != 1 || none[0].Parts != 1 || n != len(list) {
		t.Errorf("of nothing: %+v, %v; %d remedies of the list", none, err, n)
	}
}
