package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// TestAccountFinds shows that the accounting sees what the crashes look for.
func TestAccountFinds(t *testing.T) {
	t.Parallel()
	action, other := uuid.New(), uuid.New()
	want := expected{refunds: map[uuid.UUID]int64{action: 500}}
	refund := func(id string, action uuid.UUID, amount int64, status string) paid {
		return paid{ID: id, Amount: amount, Currency: "usd", Status: status, Metadata: map[string]string{"makegood_action": action.String()}}
	}
	cases := []struct {
		name          string
		got           []paid
		lost, doubled int
		problem       string // empty: none
	}{
		{"right", []paid{refund("re_1", action, 500, "succeeded")}, 0, 0, ""},
		{"lost", nil, 1, 0, "never refunded"},
		{"failed counts as lost", []paid{refund("re_1", action, 500, "failed")}, 1, 0, "never refunded"},
		{"doubled", []paid{refund("re_1", action, 500, "succeeded"), refund("re_2", action, 500, "pending")}, 0, 1, "again by re_2"},
		{"unexpected", []paid{refund("re_1", action, 500, "succeeded"), refund("re_2", other, 500, "succeeded")}, 0, 1, "nothing led to"},
		{"another amount", []paid{refund("re_1", action, 499, "succeeded")}, 0, 0, "want 500"},
	}
	for _, c := range cases {
		var f findings
		f.account(want, c.got)
		if f.lost != c.lost || f.doubled != c.doubled {
			t.Errorf("%s: got %d lost, %d doubled, want %d, %d", c.name, f.lost, f.doubled, c.lost, c.doubled)
		}
		if found := strings.Join(f.problems, "\n"); (found == "") != (c.problem == "") || !strings.Contains(found, c.problem) {
			t.Errorf("%s: got problems %q, want %q", c.name, found, c.problem)
		}
	}
}

// TestBalanceFinds shows that the comparison of the books sees a cent.
func TestBalanceFinds(t *testing.T) {
	t.Parallel()
	action, other := uuid.New(), uuid.New()
	want := expected{refunds: map[uuid.UUID]int64{action: 500}}
	decided := decide.Fact{Kind: decide.KindRemedy, Rule: refundRule}
	outcome := func(action uuid.UUID, status, amount string) decide.Fact {
		return decide.Fact{Kind: decide.KindAction, Rule: refundRule, Action: action, Body: fmt.Appendf(nil, `{"status":%q,"amount":%s}`, status, amount)}
	}
	const five = `{"minor":500,"currency":"USD"}`
	cases := []struct {
		name    string
		paid    int64
		sealed  []decide.Fact
		shown   int64
		problem string // empty: none
	}{
		{"right", 500, []decide.Fact{decided, outcome(action, "retrying", "null"), outcome(action, "succeeded", five)}, 500, ""},
		{"paid a cent more", 501, []decide.Fact{decided, outcome(action, "pending", five)}, 500, "provider 5.01"},
		{"sealed a cent less", 500, []decide.Fact{decided, outcome(action, "succeeded", `{"minor":499,"currency":"USD"}`)}, 500, "ledger 4.99"},
		{"shown a cent less", 500, []decide.Fact{decided, outcome(action, "succeeded", five)}, 499, "tables 4.99"},
		{"not sealed", 500, []decide.Fact{decided, outcome(action, "unknown", "null")}, 500, "paid 0, want 500"},
		{"sealed twice", 500, []decide.Fact{decided, outcome(action, "succeeded", five), outcome(action, "succeeded", five)}, 500, "says twice"},
		{"sealed for another", 500, []decide.Fact{decided, outcome(other, "succeeded", five)}, 500, "paid 0, want 500"},
		{"without an amount", 500, []decide.Fact{decided, outcome(action, "succeeded", "null")}, 500, "no amount in USD"},
		{"decided twice", 500, []decide.Fact{decided, decided, outcome(action, "succeeded", five)}, 500, "wanted 1, got 2"},
	}
	for _, c := range cases {
		var f findings
		f.balance(want, []paid{{Amount: c.paid, Status: "succeeded"}, {Amount: 7, Status: "failed"}}, c.sealed, c.shown)
		if found := strings.Join(f.problems, "\n"); (found == "") != (c.problem == "") || !strings.Contains(found, c.problem) {
			t.Errorf("%s: got problems %q, want %q", c.name, found, c.problem)
		}
	}
}

// TestWorkloadTriesWhatMustNotPay shows that a workload is the same for the same
// seed and holds repeats, second events of one order, and enough for cords.
func TestWorkloadTriesWhatMustNotPay(t *testing.T) {
	t.Parallel()
	const n = 1000
	ids, orders, payments := map[string]int{}, map[string]map[string]bool{}, 0
	for i := range n {
		p := parcelAt(7, i)
		if again := parcelAt(7, i); p != again {
			t.Fatalf("event %d is %v and then %v", i, p, again)
		}
		ids[p.ID]++
		if orders[p.Order] == nil {
			orders[p.Order] = map[string]bool{}
		}
		if !orders[p.Order][p.Payment] && len(orders[p.Order]) > 0 {
			payments++
		}
		orders[p.Order][p.Payment] = true
	}
	e := expect(7, n)
	if repeats := n - len(ids); repeats < n/20 || payments < n/20 || len(e.refunds) < n/2 || len(e.remedies) < hubs/2 {
		t.Errorf("%d repeats, %d second payments, %d refunds, %d cords in %d events: too little is tried",
			repeats, payments, len(e.refunds), len(e.remedies), n)
	}
	if more := expect(8, n); fmt.Sprint(more.refunds) == fmt.Sprint(e.refunds) {
		t.Error("another seed gives the same workload")
	}
}

// TestPlanDiesEverywhere shows that a plan has enough kills, at every step, early.
func TestPlanDiesEverywhere(t *testing.T) {
	t.Parallel()
	all := plan(rand.New(rand.NewPCG(1, 1)))
	if len(all) != kills {
		t.Errorf("got %d kills, want %d", len(all), kills)
	}
	early, count := map[string]bool{}, map[string]int{}
	for i, k := range all {
		count[k.step]++
		early[k.step] = early[k.step] || i < kills/killsAtEach
	}
	for _, step := range steps {
		if count[step] < killsAtEach || !early[step] {
			t.Errorf("%s: %d kills, early: %v, want %d and early", step, count[step], early[step], killsAtEach)
		}
	}
}
