package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

func usd(minor int64) *money.Money { return &money.Money{Minor: minor, Currency: "USD"} }

// asks is a request for a refund.
func asks(c decide.CommandBody, payment string, amount *money.Money) decide.CommandBody {
	c.Command, c.Payment, c.Amount, c.Customer, c.Reference, c.Reason = decide.CommandRequest, payment, amount, "c-1", "T-1", "it never came"
	return c
}

func approves(name string, remedy uuid.UUID) decide.CommandBody {
	c := by(name, decide.RoleApprover)
	c.Command, c.Remedy = decide.CommandApprove, remedy
	return c
}

func denies(name string, remedy uuid.UUID) decide.CommandBody {
	c := approves(name, remedy)
	c.Command = decide.CommandDeny
	return c
}

// requestRule is a rule of an author's for what people ask for.
func requestRule(oncePer, limits, mode string) string {
	text := fmt.Sprintf(`  - rule: makegood.refund-request
    owner: care
    why: Agents know their customers.
    event: makegood.refund.requested
    once_per: %s
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    account: "4711"
`, oncePer)
	if limits != "" {
		text += "    limits:\n" + limits
	}
	return text + "    mode: " + mode + "\n"
}

const askLimits = `      per_customer: {amount: 30.00 USD, within: 30d}
      budget: {amount: 100.00 USD, within: 1d}
      approve_above: 20.00 USD
`

func (s *scene) wantHeld(a decide.Answer, facts []decide.Fact, reason string) {
	s.t.Helper()
	r := wantDecision(s.t, facts, decide.Hold, reason)
	if a.Status != "held" || a.Remedy != r.Remedy || r.RequestedBy != a.By || r.Customer == "" {
		s.t.Errorf("the answer is %+v, the remedy %+v", a, r)
	}
}

func TestRequestIsHeldUnlessARuleSaysOtherwise(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]string{
		"no rule for it":               set(refundRule("r", "because", "live", "")),
		"a rule without approve_above": set(requestRule("data.request", "      budget: {amount: 100.00 USD, within: 1d}\n", "live")),
	} {
		s := newScene(t, rules)
		a, facts := s.done(0, asks(agent("bob"), "pi_1", usd(500)))
		s.wantHeld(a, facts, decide.ReasonApprove)
		if got := s.said("note"); !slices.Equal(got, []string{"it never came"}) || len(s.jobs) != 0 {
			t.Errorf("%s: the evidence is %q, %d jobs", name, got, len(s.jobs))
		}
		s.refused("who asked", approves("bob", a.Remedy))
		s.refused("only an approver", func() decide.CommandBody { c := approves("eve", a.Remedy); c.Roles = []string{"agent"}; return c }())
		b, _ := s.done(0, approves("cem", a.Remedy))
		if b.Status != "acting" || len(s.jobs) != 1 || !s.jobs[0].Approved || s.jobs[0].Rule != decide.RuleRequest || s.jobs[0].Connector != "stripe" {
			t.Errorf("%s: approved it is %+v, the jobs %+v", name, b, s.jobs)
		}
		if end := one[decide.EndFact](t, s.settle(s.jobs[0], decide.Succeeded), decide.KindEnd); end.Status != decide.Done {
			t.Errorf("%s: it ended as %s", name, end.Status)
		}
	}
}

// Nobody wrote the built-in rule, so that who activated the others may approve.
func TestAuthorMayApproveWhatIsBuiltIn(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	a, _ := s.done(0, asks(agent("bob"), "pi_1", usd(500)))
	s.done(0, approves("ann", a.Remedy))
	s = newScene(t, set(requestRule("data.request", askLimits, "live")))
	a, _ = s.done(0, asks(agent("bob"), "pi_1", usd(2001)))
	s.refused("who activated", approves("ann", a.Remedy))
}

func TestRequestWithinLimitsActs(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(requestRule("data.request", askLimits, "live")))
	a, facts := s.done(0, asks(agent("bob"), "pi_1", usd(2000)))
	r := wantDecision(t, facts, decide.Act, "")
	if a.Status != "acting" || len(s.jobs) != 1 || r.Account != "4711" || r.Event != a.ID || r.Rule != decide.RuleRequest {
		t.Errorf("the answer is %+v, the remedy %+v", a, r)
	}
	for _, c := range []struct {
		payment string
		minor   int64
		reason  string
	}{
		{"pi_1", 1, decide.ReasonRefunded}, {"pi_2", 1001, decide.ReasonPerCustomer}, {"pi_3", 2001, decide.ReasonPerCustomer},
	} {
		a, facts := s.done(0, asks(agent("bob"), c.payment, usd(c.minor)))
		s.wantHeld(a, facts, c.reason)
	}
	yen := asks(agent("bob"), "pi_4", &money.Money{Minor: 1000, Currency: "JPY"})
	a, facts = s.done(0, yen)
	s.wantHeld(a, facts, decide.ReasonCurrency)
	nobody := asks(agent("bob"), "pi_5", usd(1))
	nobody.Customer = ""
	a, facts = s.done(0, nobody)
	if wantDecision(t, facts, decide.Hold, decide.ReasonNoCustomer); a.Status != "held" {
		t.Errorf("the answer is %+v", a)
	}
	s.done(0, pauses(operator("ann"), decide.TargetRule(decide.RuleRequest)))
	a, facts = s.done(0, asks(agent("bob"), "pi_6", usd(1)))
	s.wantHeld(a, facts, decide.ReasonPaused)
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.refused("name the payment", asks(agent("bob"), "", usd(1)))
	for _, amount := range []*money.Money{
		nil, {}, usd(0), usd(-1), usd(1<<53 + 1), usd(1<<63 - 1), {Minor: 5}, {Minor: 5, Currency: "usd"}, {Minor: 5, Currency: "XXY"},
		{Minor: 5, Currency: "US"}, {Minor: 5, Currency: "USD "}, {Minor: 5, Currency: strings.Repeat("U", 1<<16)},
	} {
		s.refused("name an amount", asks(agent("bob"), "pi_1", amount))
	}
	for _, odd := range []string{`"}]\`, "pi 1", "\x00", "${{ data.by }}", "ö\xff", "<&>"} {
		c := asks(by(odd, decide.RoleAgent), odd, usd(5))
		c.Customer, c.Reference = odd, odd
		s.n++
		out := s.apply(inputOf(t, fmt.Sprint("odd-", s.n), s.at, c))
		if len(s.last.Answers) != 1 || count(out, decide.KindRemedy) > 1 {
			t.Errorf("%q came to %s", odd, kinds(out))
		}
	}
	if len(s.jobs) != 0 {
		t.Errorf("%d jobs", len(s.jobs))
	}
}

func TestRequestToAShadowRuleIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(requestRule("data.request", askLimits, "shadow")))
	s.refused("is in shadow", asks(agent("bob"), "pi_1", usd(5)))
	conditional := strings.Replace(requestRule("data.request", askLimits, "live"), "    once_per", "    if: data.reference.startsWith(\"T-\")\n    once_per", 1)
	s = newScene(t, set(conditional))
	s.done(0, asks(agent("bob"), "pi_1", usd(5)))
	c := asks(agent("bob"), "pi_2", usd(5))
	c.Reference = "none"
	s.refused("does not take this request", c)
	s = newScene(t, set(strings.Replace(conditional, "data.reference", "data.no", 1)))
	s.refused("could not be judged", asks(agent("bob"), "pi_2", usd(5)))
}

// An author may say what is one request: of a ticket there is one refund.
func TestRequestKeyIsTheAuthors(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(requestRule("data.reference", askLimits, "live")))
	a, _ := s.done(0, asks(agent("bob"), "pi_1", usd(5)))
	if b := s.refused("asked for before", asks(agent("cem"), "pi_2", usd(5))); b.Remedy != a.Remedy || b.Status != "acting" {
		t.Errorf("the answer is %+v, of %s", b, a.Remedy)
	}
	c := asks(agent("bob"), "pi_3", usd(5))
	c.Reference = ""
	s.refused("no once_per key", c)
	// A remedy that was denied took the ticket too.
	c.Reference, c.Amount = "T-2", usd(2001)
	a, _ = s.done(0, c)
	if d, _ := s.done(0, denies("cem", a.Remedy)); d.Status != decide.Denied {
		t.Errorf("the denial is %+v", d)
	}
	s.refused("asked for before", c)
	s.refused("no open remedy", approves("cem", a.Remedy))
}

// Two ask for the same payment: whoever approves the second learns of the first.
func TestTwoRequestsOfOnePayment(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	first, _ := s.done(0, asks(agent("bob"), "pi_1", usd(500)))
	second, facts := s.done(0, asks(agent("eve"), "pi_1", usd(500)))
	s.wantHeld(second, facts, decide.ReasonApprove)
	s.done(0, approves("cem", first.Remedy))
	s.refused("refunded since", approves("cem", second.Remedy))
	third, facts := s.done(0, asks(agent("bob"), "pi_1", usd(500)))
	s.wantHeld(third, facts, decide.ReasonRefunded)
	s.done(0, denies("cem", second.Remedy))
	s.done(0, approves("dee", third.Remedy)) // it was known when it was held
	if len(s.jobs) != 2 {
		t.Errorf("%d jobs, want 2", len(s.jobs))
	}
}

func TestRequestExpires(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	a, _ := s.done(0, asks(agent("bob"), "pi_1", usd(500)))
	if end := one[decide.EndFact](t, s.tick(7*24*time.Hour), decide.KindEnd); end.Status != decide.Expired {
		t.Errorf("it ended as %s", end.Status)
	}
	s.refused("no open remedy", approves("cem", a.Remedy))
}
