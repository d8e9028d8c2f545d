package rehearse_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
)

// What a rule drops for its limits is counted with the reason, where it is rehearsed and
// where it is made good: nobody would hear of it else.
func TestSuppressedIsCounted(t *testing.T) {
	t.Parallel()
	set := ownSet(t, `
  - rule: dropping
    owner: shop
    why: It was late.
    event: com.example.late
    once_per: event.id
    do: [{credit: {customer: c-1, amount: 3.00 USD}}]
    limits: {budget: {amount: 7.00 USD, within: 1d}, over: suppress}
    account: care
    mode: live`)
	past := func() rehearse.Past {
		return rehearse.Past{File: strings.NewReader(hours(0, 1, 2, 3, 4)), Since: firstDay.UnixNano(), Until: firstDay.AddDate(0, 0, 1).UnixNano()}
	}
	report := compareSets(t, set, nil, past())
	if r := report.Rules[0]; r.Remedies != 2 || r.Held != 0 || r.Suppressed != 3 || !maps.Equal(r.SuppressedFor, map[string]int{decide.ReasonBudget: 3}) {
		t.Errorf("the backtest says %s", shown(t, r))
	}
	wantInTable(t, report, "dropping: 3 suppressed for budget\n")
	for customer, want := range map[string]string{"": "[{budget 3 []}]", "c-2": "[]"} {
		made, suppressed, err := rehearse.Afterwards(set, "dropping", past(), func(of string) bool { return of == customer })
		if err != nil || fmt.Sprint(suppressed) != want || customer == "" && len(made) != 2 {
			t.Errorf("of %q: %d remedies, suppressed are %v, %v, want %s", customer, len(made), suppressed, err, want)
		}
	}
}
