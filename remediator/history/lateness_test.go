package history_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// countingRules fire when enough came within six hours.
const countingRules = `rules:
  - rule: four
    owner: shop
    why: Four came.
    event: order.late
    window: {within: 6h, after: keep}
    having: count() >= 4
    once_per: event.id
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
  - rule: six
    owner: shop
    why: Six came.
    event: order.late
    window: {within: 6h, after: keep}
    having: count() >= 6
    once_per: event.id
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

// behind are the times of events behind the morning of a day, in the order in which
// they come: the third to the sixth come behind others.
var behind = []time.Duration{0, 2 * time.Hour, 90 * time.Minute, 30 * time.Minute, 0, -time.Second, 2*time.Hour + time.Second, 9 * time.Hour}

// latenessFolder is the folder of a service that had such events on two days.
func latenessFolder(t *testing.T, lateness *time.Duration) string {
	t.Helper()
	config := remediator.Config{DataDir: t.TempDir(), Lateness: lateness, EventClock: true, Logger: slog.New(slog.DiscardHandler),
		Rules: []rule.File{{Path: "counting.yaml", Text: countingRules}}}
	for day := range 2 { // a service that ends seals its state, so that there is one between the days
		serve(t, config, func(service *remediator.Service) {
			for n, after := range behind {
				sendBody(t, service, fmt.Sprintf(`{"specversion":"1.0","id":"e-%d-%d","source":"/shop","type":"order.late","customer":"c-1","time":%q,"data":{}}`,
					day, n, morning.AddDate(0, 0, day).Add(after).Format(time.RFC3339)))
			}
		})
	}
	return config.DataDir
}

// TestLateness holds that an event counts when it is no later than its log allows, and
// that rehearsals of the log count by the same: of all of it, and of what is left of it
// when it has forgotten its genesis.
func TestLateness(t *testing.T) {
	t.Parallel()
	none, two := time.Duration(0), 2*time.Hour
	for name, c := range map[string]struct {
		lateness        *time.Duration
		want            time.Duration
		late, four, six int // on each of the two days
	}{
		"unset":     {nil, time.Hour, 3, 1, 0},
		"two hours": {&two, 2 * time.Hour, 1, 1, 1},
		"none":      {&none, 0, 4, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := latenessFolder(t, c.lateness)
			decided := map[string]int{}
			for _, e := range entriesOf(t, dir) {
				if e.Kind == decide.KindRemedy || e.Kind == decide.KindLate {
					decided[e.Kind+" "+e.Rule]++
				}
			}
			if decided["late four"] != 2*c.late || decided["late six"] != 2*c.late || decided["remedy four"] != 2*c.four || decided["remedy six"] != 2*c.six {
				t.Fatalf("it came to %v, want on each day %+v", decided, c)
			}
			whole, db := open(t, dir)
			rehearsed(t, whole, history.Period{}, c.want, 2*c.four, 2*c.six)

			second := morning.AddDate(0, 0, 1)
			states, err := db.Snapshots(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			through := uint64(0)
			for _, s := range states {
				if s.At < second.Add(-time.Hour).UnixNano() {
					through = s.Record
				}
			}
			kept := copied(t, dir)
			removeRecords(t, kept, through)
			if begins(t, kept) {
				t.Fatal("the log still has its genesis: its states were not asked")
			}
			left, _ := open(t, kept)
			rehearsed(t, left, history.Period{Since: second.Format(time.RFC3339)}, c.want, c.four, c.six)
		})
	}
}

// begins reports whether the log of a folder has its genesis.
func begins(t *testing.T, dir string) bool {
	t.Helper()
	lg, err := logdb.OpenReadOnly(t.Context(), filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lg.Close()
	genesis, err := history.Genesis(t.Context(), lg)
	if err != nil {
		t.Fatal(err)
	}
	return genesis != nil
}

// rehearsed wants a backtest to come to so many remedies of the two rules, in a log of
// a lateness.
func rehearsed(t *testing.T, h *history.History, p history.Period, lateness time.Duration, four, six int) {
	t.Helper()
	if got, err := h.Lateness(t.Context()); err != nil || got != lateness {
		t.Errorf("the lateness is %v, %v; want %v", got, err, lateness)
	}
	now, err := h.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := h.Backtest(t.Context(), now.Rules(), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Rules; len(got) != 2 || got[0].Rule != "four" || got[0].Remedies != four || got[1].Remedies != six {
		t.Errorf("a backtest of %+v comes to %+v, want %d and %d", p, got, four, six)
	}
}
