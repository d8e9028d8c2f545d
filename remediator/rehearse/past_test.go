package rehearse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// lateRules pay five dollars for each late order above a delay, and stop a route
// after two within a day.
func lateRules(t *testing.T, delay int, amount string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "late.yaml", Text: fmt.Sprintf(`rules:
  - rule: late
    owner: shop
    why: It came late.
    event: com.example.late
    if: data.delay > %d
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: %s}}]
    limits: {per_customer: {amount: 12.00 USD, within: 1d}, budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: shadow
  - rule: stop
    owner: shop
    event: com.example.late
    window: {by: data.route, within: 1d, after: keep}
    having: count() >= 2
    do: [{andon: {pull: "route/${{ data.route }}", level: red, reason: late}}]
    mode: shadow
`, delay, amount)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var firstDay = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// late is an event of order n, on day n, of route n/2.
func late(n int) input.Input {
	at := firstDay.AddDate(0, 0, n)
	return input.Input{ID: fmt.Sprint(n), Kind: input.Event, At: at.UnixNano(), Body: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.late","customer":"c-%d","time":%q,"data":{"order":%d,"route":"r%d","delay":%d}}`,
		n, n%3, at.Format(time.RFC3339), n, n/2, n)}
}

// lateLog is a log of ten days, with all that a log holds besides events.
func lateLog(days int) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		inputs := []input.Input{{Kind: input.Genesis, At: firstDay.UnixNano(), Body: []byte(`{}`)}}
		for n := range days {
			inputs = append(inputs, late(n), late(n), // the second is a repeat
				input.Input{ID: fmt.Sprint("command", n), Kind: input.Command, At: input.StampPrevious, Body: []byte(`{}`)},
				input.Input{Kind: input.Tick, At: late(n).At + 1}, input.Input{Kind: input.Activate, At: input.StampPrevious, Body: []byte(`{}`)})
		}
		for _, in := range inputs {
			if !yield(in, nil) {
				return
			}
		}
	}
}

// withoutGenesis is a log that lost its beginning.
func withoutGenesis(log iter.Seq2[input.Input, error]) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		for in, err := range log {
			if in.Kind != input.Genesis && !yield(in, err) {
				return
			}
		}
	}
}

func compareSets(t *testing.T, set, against *rule.Set, past rehearse.Past) *rehearse.Report {
	t.Helper()
	report, err := rehearse.Compare(set, against, past)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestPeriodOfALog(t *testing.T) {
	t.Parallel()
	set := lateRules(t, 2, "5.00 USD")
	whole := compareSets(t, set, nil, rehearse.Past{Inputs: lateLog(10)})
	if l := inRule(t, whole, "late"); whole.Events != 20 || l.Remedies != 7 || l.Money["USD"] != "35.00" || len(whole.Days) != 7 || whole.Begins != "" {
		t.Errorf("the whole log: %+v", whole)
	}
	if d := whole.Days[0]; d.Day != "2026-11-04" || d.Rule != "late" || d.Remedies != 1 || d.Money["USD"] != "5.00" {
		t.Errorf("the first day: %+v", d)
	}
	part := compareSets(t, set, nil, rehearse.Past{Inputs: lateLog(10), Since: late(4).At, Until: late(6).At})
	if l := inRule(t, part, "late"); part.Events != 4 || l.Remedies != 2 || len(part.Days) != 2 || part.Since != "2026-11-05T12:00:00Z" {
		t.Errorf("two days of it: %+v", part)
	}
	// The window of a day needs a day and an hour before the period.
	if part.Begins != "" {
		t.Errorf("the log begins at %s, which is early enough", part.Begins)
	}
	if early := compareSets(t, set, nil, rehearse.Past{Inputs: lateLog(10), Since: late(1).At}); early.Begins != "" {
		t.Errorf("the log begins at %s, and nothing was before it", early.Begins)
	}
	if early := compareSets(t, set, nil, rehearse.Past{Inputs: withoutGenesis(lateLog(10)), Since: late(1).At}); early.Begins != "2026-11-01T12:00:00Z" {
		t.Errorf("the log begins at %q, too late for the windows", early.Begins)
	}
}

// What is due by where the log has come fires, though no event came since, and nothing
// that is due later: the counterpart may still come.
func TestWhatIsDueByTheEndOfALog(t *testing.T) {
	t.Parallel()
	set, err := rule.Load([]rule.File{{Path: "late.yaml", Text: `rules:
  - rule: missed
    owner: shop
    why: It did not come.
    event: com.example.late
    unless: {event: com.example.came, by: data.order, within: 2h}
    do: [{andon: {pull: shop/late, level: yellow, reason: missed}}]
`}})
	if err != nil {
		t.Fatal(err)
	}
	lateness := time.Hour
	due := late(2).At + int64(3*time.Hour)
	for _, c := range []struct {
		until, end     int64
		remedies, open int
	}{
		{0, 0, 2, 1}, {0, due, 2, 1}, {0, due + 1, 3, 0}, {late(1).At + 1, due + 1, 1, 1}, {due, due + 1, 2, 1},
	} {
		got := compareSets(t, set, nil, rehearse.Past{Inputs: lateLog(3), Lateness: &lateness, Until: c.until, End: c.end}).Rules[0]
		if got.Remedies != c.remedies || got.Open != c.open {
			t.Errorf("until %d of a log that ends at %d: got %d remedies and %d open, want %d and %d", c.until, c.end, got.Remedies, got.Open, c.remedies, c.open)
		}
	}
}

// A log that lost the beginning of a period does not have it all, whatever rules need
// before it. One that begins with an input that is no event has lost none since.
func TestLogBeginsAfterThePeriod(t *testing.T) {
	t.Parallel()
	everybody := func(string) bool { return true }
	plain := ownSet(t, ownRules[0])
	tick := input.Input{Kind: input.Tick, At: firstDay.Add(-time.Hour).UnixNano()}
	for name, c := range map[string]struct {
		inputs iter.Seq2[input.Input, error]
		begins string
	}{
		"with its genesis": {lateLog(3), ""},
		"without":          {withoutGenesis(lateLog(3)), "2026-11-01T12:00:00Z"},
		"without, but for a tick": {func(yield func(input.Input, error) bool) {
			if yield(tick, nil) {
				withoutGenesis(lateLog(3))(yield)
			}
		}, "2026-11-01T11:00:00Z"},
	} {
		past := rehearse.Past{Inputs: c.inputs, Since: tick.At - 1, Until: late(3).At}
		report := compareSets(t, plain, nil, past)
		if report.Begins != c.begins {
			t.Errorf("%s, a backtest says that the log begins at %q, want %q", name, report.Begins, c.begins)
		}
		var cold rehearse.ColdError
		_, _, err := rehearse.Afterwards(plain, "limited", past, everybody)
		if errors.As(err, &cold) != (c.begins != "") || c.begins != "" && cold.Begins.Format(time.RFC3339) != c.begins {
			t.Errorf("%s, afterwards: %v, want that the log begins at %q", name, err, c.begins)
		}
	}
	past := rehearse.Past{Inputs: withoutGenesis(lateLog(3)), Since: firstDay.UnixNano(), Until: late(3).At}
	if made, _, err := rehearse.Afterwards(plain, "limited", past, everybody); err != nil || len(made) == 0 {
		t.Errorf("from where the log begins: %d remedies, %v", len(made), err)
	}
}

// Windows are warm when a period begins: the same remedies are made on its days as
// when everything before was folded.
func TestWindowsWarmUp(t *testing.T) {
	t.Parallel()
	set := lateRules(t, 2, "5.00 USD")
	twice := func(yield func(input.Input, error) bool) {
		for n := range 6 {
			for half := range 2 { // two orders of one route, twelve hours apart, over midnight
				in := late(n)
				in.At += int64(half) * int64(13*time.Hour)
				in.Body = bytes.ReplaceAll(in.Body, []byte(`"e-`), fmt.Appendf(nil, `"e-%d-`, half))
				in.Body = bytes.Replace(in.Body, []byte(`"time":"`+firstDay.AddDate(0, 0, n).Format(time.RFC3339)+`"`),
					[]byte(`"time":"`+time.Unix(0, in.At).UTC().Format(time.RFC3339)+`"`), 1)
				in.ID = fmt.Sprint(n, half)
				if !yield(in, nil) {
					return
				}
			}
		}
	}
	since := time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC).UnixNano()
	whole := compareSets(t, set, nil, rehearse.Past{Inputs: twice})
	part := compareSets(t, set, nil, rehearse.Past{Inputs: twice, Since: since})
	var want []rehearse.DaySummary
	for _, d := range whole.Days {
		if d.Rule == "stop" && d.Day >= "2026-11-05" {
			want = append(want, d)
		}
	}
	var got []rehearse.DaySummary
	for _, d := range part.Days {
		if d.Rule == "stop" {
			got = append(got, d)
		}
	}
	if len(want) == 0 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with warm windows: %+v, want %+v", got, want)
	}
}

func TestAgainstOtherRules(t *testing.T) {
	t.Parallel()
	report := compareSets(t, lateRules(t, 5, "5.00 USD"), lateRules(t, 2, "5.00 USD"), rehearse.Past{Inputs: lateLog(10)})
	d := report.Against
	if len(d.Added) != 0 || len(d.Removed) != 3 || len(d.Changed) != 0 {
		t.Fatalf("fewer days: %+v", d)
	}
	if m := d.Removed[0]; m.Customer != "c-0" || m.Key != "1:3" || m.Money["USD"] != "5.00" || m.Rule != "late" || m.At != "2026-11-04T12:00:00Z" || m.Decision != "act" {
		t.Errorf("the first that is removed: %+v", m)
	}
	report = compareSets(t, lateRules(t, 1, "6.00 USD"), lateRules(t, 2, "5.00 USD"), rehearse.Past{Inputs: lateLog(10)})
	if d := report.Against; len(d.Added) != 1 || len(d.Removed) != 0 || len(d.Changed) != 7 || d.Changed[0].Now.Money["USD"] != "6.00" {
		t.Errorf("more days and more money: %+v", d)
	}
	report = compareSets(t, lateRules(t, 1, "13.00 USD"), lateRules(t, 1, "5.00 USD"), rehearse.Past{Inputs: lateLog(10)})
	if l := inRule(t, report, "late"); l.Held != 8 || l.HeldFor["per_customer"] != 8 || report.Against.Changed[0].Now.Decision != "hold" {
		t.Errorf("above a limit: %+v, %+v", l, report.Against)
	}
	same := compareSets(t, lateRules(t, 2, "5.00 USD"), lateRules(t, 2, "5.00 USD"), rehearse.Past{Inputs: lateLog(10)}).Against
	if len(same.Added)+len(same.Removed)+len(same.Changed) != 0 {
		t.Errorf("the same rules differ: %+v", same)
	}
}

func TestTableAndChart(t *testing.T) {
	t.Parallel()
	report := compareSets(t, lateRules(t, 0, "5.00 USD"), lateRules(t, 30, "5.00 USD"), rehearse.Past{Inputs: lateLog(20)})
	var table, chart, again strings.Builder
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"against the rules ", ": 19 remedies are added, 0 removed, 0 changed\n",
		"+ 2026-11-02T12:00:00Z late: act 5.00 USD, customer c-1, once_per 1\n", "+ and 9 more\n",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if err := report.WriteChart(&chart, 40, true); err != nil {
		t.Fatal(err)
	}
	want := "\n2026-11-02 to 2026-11-20, 2 days a column\nlate  @@@@@@@@@+  most 10.00 USD\nstop  ..........  most 0\n"
	if chart.String() != want {
		t.Errorf("got\n%s\nwant\n%s", chart.String(), want)
	}
	if err := report.WriteChart(&again, 200, false); err != nil || !strings.Contains(again.String(), "late  "+strings.Repeat("█", 19)+"  most 5.00 USD") {
		t.Errorf("drawn: %v\n%s", err, again.String())
	}
	empty := strings.Builder{}
	if err := (&rehearse.Report{}).WriteChart(&empty, 80, true); err != nil || empty.Len() > 0 {
		t.Errorf("of nothing: %q, %v", empty.String(), err)
	}
}

// A day counts its own customers: who was made good twice on it counts once, and
// again on the next day.
func TestDaysCountTheirCustomers(t *testing.T) {
	t.Parallel()
	hours := []struct {
		hour     int
		customer string
	}{{0, "c-1"}, {1, "c-2"}, {2, "c-1"}, {20, "c-1"}, {21, "c-3"}, {50, ""}}
	events := func(yield func(input.Input, error) bool) {
		for n, e := range hours {
			at := firstDay.Add(time.Duration(e.hour) * time.Hour)
			if !yield(input.Input{ID: fmt.Sprint(n), Kind: input.Event, At: at.UnixNano(), Body: fmt.Appendf(nil,
				`{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.late","customer":%q,"time":%q,"data":{}}`,
				n, e.customer, at.Format(time.RFC3339))}, nil) {
				return
			}
		}
	}
	report := compareSets(t, nearRules(t, ""), nil, rehearse.Past{Inputs: events})
	var text strings.Builder
	if err := report.WriteDays(&text); err != nil {
		t.Fatal(err)
	}
	want := `
  day         rule  remedies  customers  held  money
  2026-11-01  near         3          2     0  -
  2026-11-02  near         2          2     0  -
  2026-11-03  near         1          0     0  -
`
	if text.String() != want || inRule(t, report, "near").Customers != 3 {
		t.Errorf("of %+v: got\n%s\nwant\n%s", report.Rules, text.String(), want)
	}
	if err := report.WriteDays(brokenWriter{}); err == nil {
		t.Error("days that could not be written were")
	}
}

// What is asked twice is answered in the same bytes, however many cores there are.
func TestComparisonIsTheSameTwice(t *testing.T) {
	t.Parallel()
	var texts []string
	for range 2 {
		text, err := json.Marshal(compareSets(t, lateRules(t, 1, "6.00 USD"), lateRules(t, 2, "5.00 USD"), rehearse.Past{Inputs: lateLog(40)}))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	if texts[0] != texts[1] {
		t.Error("the same question has two answers")
	}
}

// An event without a time happens at that of the event before it. Where none came
// before, nothing says when it happened: it is left out and named, and is not of 1970.
func TestUndatedEventsOfAFile(t *testing.T) {
	t.Parallel()
	undated := func(id string) []byte {
		return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/test","type":"com.example.late","customer":"c-9","data":{"order":%q,"route":"r9","delay":9}}`, id, id)
	}
	lines := [][]byte{undated("before"), late(1).Body, undated("after")}
	report, err := rehearse.Backtest(lateRules(t, 0, "5.00 USD"), bytes.NewReader(bytes.Join(lines, []byte("\n"))))
	if err != nil {
		t.Fatal(err)
	}
	if report.Events != 3 || report.Rejected != 1 || len(report.Rejections) != 1 || report.Rejections[0].Line != 1 || !strings.Contains(report.Rejections[0].Reason, "no time") {
		t.Errorf("%d events, rejected %+v, want that of line 1", report.Events, report.Rejections)
	}
	if len(report.Days) != 1 || !strings.HasPrefix(report.Days[0].Day, "2026-11-02") {
		t.Errorf("the days are %+v, want that of the event with a time", report.Days)
	}
}
