package rehearse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/rehearse"
)

// stormRule fires for each event, and twice within a day is a storm.
const stormRule = `
  - rule: stormy
    owner: shop
    event: com.example.late
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: 5.00 USD}}]
    limits: {per_remedy: 10.00 USD, budget: {amount: 1000.00 USD, within: 1d}}
    storm: {remedies: 2, within: 1d}
    account: "1"
    mode: shadow`

// Nobody releases a cord in a backtest: the first storm of a rule holds all that the
// rule makes after it, and the report says since when and how much.
func TestStormHoldsTheRestAndSaysSo(t *testing.T) {
	t.Parallel()
	report := compareSets(t, ownSet(t, stormRule), nil, logged(60))
	at := firstDay.Add(22 * time.Hour).Format(time.RFC3339)
	l := report.Rules[0]
	if l.Remedies != 2 || l.Held != 58 || l.Storm == nil || l.Storm.At != at || l.Storm.Held != 58 {
		t.Errorf("a storm at %s: %s", at, shown(t, l))
	}
	wantInTable(t, report, "stormy: 58 held for storm\nstormy: stopped by a storm at "+at+", which nobody releases here: 58 remedies held from then on\n")

	quiet := compareSets(t, ownSet(t, strings.Replace(stormRule, "remedies: 2", "remedies: 3", 1)), nil, logged(60))
	if l := quiet.Rules[0]; l.Remedies != 60 || l.Storm != nil {
		t.Errorf("without a storm: %s", shown(t, l))
	}
}

// A storm may come while windows warm: then the whole period is behind it.
func TestStormBeforeThePeriod(t *testing.T) {
	t.Parallel()
	rule := strings.Replace(stormRule, "once_per: data.order", "window: {within: 3d}\n    having: count() >= 1\n    once_per: data.order", 1)
	past := logged(60)
	past.Since = firstDay.AddDate(0, 0, 15).UnixNano()
	report := compareSets(t, ownSet(t, rule), nil, past)
	l := report.Rules[0]
	if l.Remedies != 0 || l.Held == 0 || l.Storm == nil || l.Storm.Held != l.Held || l.Storm.At >= report.Since {
		t.Errorf("a storm before %s: %s", report.Since, shown(t, l))
	}
	wantInTable(t, report, "stormy: stopped by a storm at 2026-11-1")
}

func wantInTable(t *testing.T, report *rehearse.Report, want string) {
	t.Helper()
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), want) {
		t.Errorf("the table lacks %q:\n%s", want, table.String())
	}
}
