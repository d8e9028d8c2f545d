package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

// paysWhat is moneyByWindow with an amount that is computed.
func paysWhat(having, amount string) string {
	return strings.Replace(fmt.Sprintf(moneyByWindow, "4d", having), "1.00 USD", `'${{ `+amount+` }}'`, 1)
}

// A window that may count an event twice pays no amount that this would change.
func TestAmountsThatARepeatWouldChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount  string
		between int // events until one comes again, of 20 that are remembered
		want    string
	}{
		{"sum(money(data.paid))", 5, "11.00 USD"},
		{"sum(money(data.paid))", 30, ""},
		{"max(money(data.paid))", 30, "10.00 USD"},
		{"pct(max(money(data.paid)), sum(1))", 30, ""},
		{`money("3.00 USD")`, 30, "3.00 USD"},
	} {
		s := newScene(t, paysWhat("distinct(event.id) >= 2", c.amount))
		s.fold.BoundEvents(20)
		at := s.at
		s.again("same", `"key":"k","paid":"10.00 USD"`, at)
		for n := range c.between {
			s.send(time.Second*10, fmt.Sprintf(`"key":"x-%d","paid":"1.00 USD"`, n))
		}
		s.again("same", `"key":"k","paid":"10.00 USD"`, at)
		if got := paid(t, s.send(time.Second, `"key":"k","paid":"1.00 USD"`)); got != c.want {
			t.Errorf("%s, %d events between: paid %q, want %q", c.amount, c.between, got, c.want)
		}
	}
}

// A window that began empty on a log with events pays no amount that these would change, and
// no longer than they would count.
func TestAmountsThatEarlierEventsWouldChange(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string][2]string{
		`money("100.00 USD") - sum(money(data.paid))`: {"", "99.00 USD"},
		`max(money(data.paid))`:                       {"", "1.00 USD"},
		`money("3.00 USD")`:                           {"3.00 USD", "3.00 USD"},
	} {
		rules := paysWhat("count() >= 1", amount)
		s := newScene(t, strings.Replace(rules, "com.example.bad", "com.example.other", 1))
		s.send(time.Hour, `"key":"k","paid":"90.00 USD"`)
		s.activate(rules)
		soon, later := paid(t, s.send(time.Hour, `"key":"k","paid":"1.00 USD"`)), paid(t, s.send(5*24*time.Hour, `"key":"k","paid":"1.00 USD"`))
		if got := [2]string{soon, later}; got != want {
			t.Errorf("%s: paid %q, want %q", amount, got, want)
		}
	}
}

// paid is the amount of the remedy among facts, empty when there is none.
func paid(t *testing.T, facts []decide.Fact) string {
	t.Helper()
	if len(kind(facts, decide.KindRemedy)) == 0 {
		return ""
	}
	return one[decide.RemedyFact](t, facts, decide.KindRemedy).Steps[0].Amount.String()
}

// Who is paid by what a window that began empty lacks, or of which payment, is not known.
func TestWhoEarlierEventsWouldPay(t *testing.T) {
	t.Parallel()
	const who, whom = `{credit: {customer: "c-1", amount: "${{ money(\"3.00 USD\") }}"}}`, `"${{ count() >= 4 ? data.shop : event.customer }}"`
	for step, want := range map[string][2]string{
		who: {"3.00 USD", "3.00 USD"},
		`{credit: {customer: ` + whom + `, amount: 3.00 USD}}`:                                       {"", "3.00 USD"},
		`{refund: {payment: ` + whom + `, amount: 3.00 USD}}`:                                        {"", "3.00 USD"},
		`{credit: {customer: c, amount: 3.00 USD}}, {webhook: {to: crm, data: {who: ` + whom + `}}}`: {"3.00 USD", "3.00 USD"},
	} {
		rules := fmt.Sprintf(moneyByWindow, "4d", "count() >= 1")
		rules = strings.Replace(rules, "{credit: {customer: c, amount: 1.00 USD}}", step, 1)
		s := newScene(t, strings.Replace(rules, "com.example.bad", "com.example.other", 1))
		s.send(time.Hour, `"key":"k","shop":"s-1"`)
		s.activate(rules)
		soon, later := paid(t, s.send(time.Hour, `"key":"k","shop":"s-1"`)), paid(t, s.send(5*24*time.Hour, `"key":"k","shop":"s-1"`))
		if got := [2]string{soon, later}; got != want {
			t.Errorf("%s: soon and later it paid %q, want %q", step, got, want)
		}
	}
}

// What is an error at a bound that is none, as int() of it, is not sure, and no error.
func TestBoundsThatAreErrors(t *testing.T) {
	t.Parallel()
	rules := fmt.Sprintf(moneyByWindow, "4d", "int(count()) >= 3")
	s := newScene(t, strings.Replace(rules, "com.example.bad", "com.example.other", 1))
	s.send(time.Hour, `"key":"k"`)
	s.activate(rules)
	for range 4 {
		s.send(time.Minute, `"key":"k"`)
	}
	if errors, remedies := s.count(decide.KindError), s.count(decide.KindRemedy); errors != 0 || remedies != 0 {
		t.Errorf("of a window that lacks events there are %d errors and %d remedies", errors, remedies)
	}
	s.send(5*24*time.Hour, `"key":"k"`)
	s.send(time.Minute, `"key":"k"`)
	if s.send(time.Minute, `"key":"k"`); s.count(decide.KindRemedy) != 1 {
		t.Errorf("of a window that lacks none there are %d remedies", s.count(decide.KindRemedy))
	}
}
