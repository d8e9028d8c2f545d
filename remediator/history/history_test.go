package history_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/views"
)

const shopRules = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: order.late
    if: data.days > 3
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}]
    limits: {budget: {amount: 3.00 USD, within: 1d}}
    account: "1"
    mode: live
  - rule: often
    owner: shop
    why: It came late often.
    event: order.late
    window: {by: event.customer, within: 2d, after: keep}
    having: count() >= 3
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: 2.00 USD}}]
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

var morning = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// shopFolder is the folder of a service that has stopped, after forty orders in forty
// hours, half of them judged by other rules than the rest.
func shopFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rules := func(text string) []rule.File { return []rule.File{{Path: "shop.yaml", Text: text}} }
	config := remediator.Config{DataDir: dir, Rules: rules(shopRules), EventClock: true, Logger: slog.New(slog.DiscardHandler)}
	for half, text := range []string{shopRules, strings.Replace(shopRules, "count() >= 3", "count() >= 5", 1)} {
		config.Rules = rules(text)
		serve(t, config, func(service *remediator.Service) {
			for n := half * 20; n < half*20+20; n++ {
				send(t, service, n)
			}
		})
	}
	return dir
}

// shop is the history of such a folder.
func shop(t *testing.T) (*history.History, *ledgerdb.DB) {
	t.Helper()
	return open(t, shopFolder(t))
}

// open opens the history of a folder.
func open(t *testing.T, dir string) (*history.History, *ledgerdb.DB) {
	t.Helper()
	lg, err := logdb.OpenReadOnly(t.Context(), filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(lg.Close(), db.Close()) })
	return history.New(lg, db), db
}

// serve runs a service while something is done with it.
func serve(t *testing.T, config remediator.Config, during func(*remediator.Service)) {
	t.Helper()
	service, err := remediator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	during(service)
	if err := service.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	if err := errors.Join(<-ran, service.Close()); err != nil {
		t.Fatal(err)
	}
}

func send(t *testing.T, service *remediator.Service, n int) {
	t.Helper()
	sendBody(t, service, fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"/shop","type":"order.late","customer":"c-%d","time":%q,"data":{"order":%d,"days":%d}}`,
		n, n%4, morning.Add(time.Duration(n)*time.Hour).Format(time.RFC3339), n, n%7))
}

func sendBody(t *testing.T, service *remediator.Service, body string) {
	t.Helper()
	for {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusAccepted:
			return
		case http.StatusServiceUnavailable: // it is starting
		default:
			t.Fatalf("%s is answered %d %s", body, w.Code, w.Body)
		}
	}
}

// Every remedy is explained by the rules and the windows of then: whatever made it
// holds, and the window has counted what is sealed.
func TestExplainOfEveryRemedy(t *testing.T) {
	t.Parallel()
	h, db := shop(t)
	remedies, err := db.Remedies(t.Context(), views.Filter{Limit: 1000})
	if err != nil || len(remedies) < 20 {
		t.Fatalf("%d remedies, %v", len(remedies), err)
	}
	counted := map[string]int{}
	for _, r := range remedies {
		e, err := h.Explain(t.Context(), r.Remedy)
		if err != nil {
			t.Fatal(err)
		}
		x := e.Rules[0]
		if e.Event != r.Event || x.Rule != r.Rule || x.Decision != r.Decision || x.Reason != r.Reason || e.Stored.Remedy != r.Remedy.String() || len(x.Conditions) != 1 {
			t.Errorf("remedy %s of %s is explained as %+v, stored %+v", r.Remedy, r.Rule, x, e.Stored)
		}
		for _, c := range x.Conditions {
			counted[c.Condition]++
			if c.Result != rehearse.True {
				t.Errorf("remedy %s of %s was made, but %s is %s", r.Remedy, r.Rule, c.Condition, c.Result)
			}
			if n, ok := c.Seen["count()"]; ok && n.(float64) < 3 {
				t.Errorf("remedy %s of %s saw %v", r.Remedy, r.Rule, c.Seen)
			}
		}
		counted[r.Reason]++
	}
	for _, want := range []string{"data.days > 3", "count() >= 3", "count() >= 5", decide.ReasonBudget, ""} {
		if counted[want] == 0 {
			t.Errorf("no remedy was made by %q: %v", want, counted)
		}
	}
}

// TestExplainWhatIsKept has the log forget its beginning: what was decided later is
// explained as before, and of the rest it is said that it is older.
func TestExplainWhatIsKept(t *testing.T) {
	t.Parallel()
	dir := shopFolder(t)
	whole, db := open(t, dir)
	states, err := db.Snapshots(t.Context())
	if err != nil || len(states) < 3 {
		t.Fatalf("%d states are stored, %v", len(states), err)
	}
	kept := copied(t, dir)
	removeRecords(t, kept, states[1].Record)
	left, _ := open(t, kept)
	remedies, err := db.Remedies(t.Context(), views.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	same, older := 0, 0
	for _, r := range remedies {
		want, err := whole.Explain(t.Context(), r.Remedy)
		if err != nil {
			t.Fatal(err)
		}
		got, err := left.Explain(t.Context(), r.Remedy)
		switch {
		case err != nil && strings.Contains(err.Error(), "older than retention"):
			older++
		case err != nil || !reflect.DeepEqual(got, want):
			t.Errorf("remedy %s of %s is explained as %+v, %v; by the whole log as %+v", r.Remedy, r.Rule, got, err, want)
		default:
			same++
		}
	}
	if same == 0 || older == 0 {
		t.Errorf("%d remedies are explained as before and %d are older", same, older)
	}
}

// The fold of now is that of the ledger, however far back the folding begins.
func TestRefold(t *testing.T) {
	t.Parallel()
	h, db := shop(t)
	at, err := db.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now, err := h.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := now.Position()
	got.Record = at.Record // which a fold does not know
	if got != at || now.Rules().Rule("often") == nil {
		t.Errorf("folded to %+v, the ledger is at %+v", got, at)
	}
	if s, err := db.SnapshotBefore(t.Context(), at.Ordinal); err != nil || s == nil || s.Position.Ordinal > at.Ordinal {
		t.Errorf("the newest snapshot is %+v, %v: nothing was restored", s, err)
	}
	if s, err := db.SnapshotBefore(t.Context(), 1); err != nil || s != nil {
		t.Errorf("before the first input there is a snapshot: %+v, %v", s, err)
	}
}

// What a rule makes good afterwards is found in the log: of a period, for customers,
// and what its limits would have held too.
func TestAfterwards(t *testing.T) {
	t.Parallel()
	h, _ := shop(t)
	now, err := h.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := history.Ask{Rule: "late", Since: morning, Until: morning.Add(40*time.Hour - time.Hour + 1)}
	count := func(ask history.Ask) int {
		parts, err := h.Afterwards(t.Context(), now.Rules(), ask)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, p := range parts {
			n += len(p.Remedies)
			if p.Digest != now.Rules().Rule("late").Digest || p.Parts != len(parts) {
				t.Errorf("a part is %+v", p)
			}
		}
		return n
	}
	want := 0
	for n := range 40 {
		if n%7 > 3 {
			want++
		}
	}
	if got := count(ask); got != want {
		t.Errorf("%d are made good, want %d", got, want)
	}
	ask.Customers = []string{"c-1", "c-1"}
	if got := count(ask); got == 0 || got >= want/2 {
		t.Errorf("%d are made good of one customer in four of %d", got, want)
	}
	for what, ask := range map[string]history.Ask{
		"not over": {Rule: "late", Since: morning, Until: morning.Add(1000 * time.Hour)},
		"no rule":  {Rule: "lite", Since: morning, Until: morning.Add(time.Hour)},
		"before":   {Rule: "late", Since: morning, Until: morning},
		// In nanoseconds of 64 bits this is an hour later.
		"in the year 2611": {Rule: "late", Since: morning, Until: morning.Add(1<<63 - 1).Add(1<<63 - 1).Add(time.Hour)},
		"in the year 1":    {Rule: "late", Until: morning},
	} {
		var wrong history.AskError
		if _, err := h.Afterwards(t.Context(), now.Rules(), ask); !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A period ends where the log has come at the latest, and counts back from its own end.
func TestPeriodsEndWithTheLog(t *testing.T) {
	t.Parallel()
	h, _ := shop(t)
	now, err := h.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := morning.Add(39 * time.Hour) // when the last of the orders came
	for p, want := range map[history.Period]int{
		{}: 40, {Since: "0s"}: -1, {Since: "1h"}: 1, {Until: last.Format(time.RFC3339)}: 39, {Since: "1h", Until: last.Format(time.RFC3339)}: 1,
		{Until: last.Add(time.Nanosecond).Format(time.RFC3339Nano)}: 40, {Until: last.Add(2 * time.Nanosecond).Format(time.RFC3339Nano)}: -1,
		{Until: "2027-01-01"}: -1, {Since: "1h", Until: "2027-01-01"}: -1, {Since: "2027-01-01"}: -1,
	} {
		report, err := h.Backtest(t.Context(), now.Rules(), nil, p)
		var wrong history.AskError
		switch {
		case want < 0 && !errors.As(err, &wrong):
			t.Errorf("%+v: got %v", p, err)
		case want < 0 && p.Until != "" && !strings.Contains(wrong.Error(), "until is beyond the end of the log, which has come to 2026-11-02T23:00:00Z"):
			t.Errorf("%+v: got %v", p, wrong)
		case want >= 0 && (err != nil || report.Events != want):
			t.Errorf("%+v: got %+v, %v; want %d events", p, report, err, want)
		}
	}
}

// A bound that nanoseconds do not reach would be another time.
func TestMomentRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1500-01-01", "1970-01-01", "9999-12-31T00:00:00Z", "0001-01-01", "2262-01-01", "-5d", "5x", ""} {
		var wrong history.AskError
		if at, err := history.Moment("--since", text, morning); !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), "--since") {
			t.Errorf("%q: got %v, %v", text, at, err)
		}
	}
	for text, want := range map[string]time.Time{
		"1678-01-01": time.Date(1678, time.January, 1, 0, 0, 0, 0, time.UTC), "2261-12-31T23:59:59+00:00": time.Date(2261, time.December, 31, 23, 59, 59, 0, time.UTC),
		"2d": morning.Add(-48 * time.Hour),
	} {
		if at, err := history.Moment("--since", text, morning); err != nil || !at.Equal(want) {
			t.Errorf("%q: got %v, %v", text, at, err)
		}
	}
}
