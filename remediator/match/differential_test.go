package match_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// told writes down everything that a result says, what its hits evaluate later
// included.
func told(result match.Result, err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "id %q, source %q, time %d, event %s\n", result.ID, result.Source, result.Time, eventText(result.Event))
	for _, h := range result.Hits {
		fmt.Fprintf(&b, "hit %s: key %q %q, by %q %q, until %d %q, args %+v\n", h.Rule.Name, h.Key, h.NoKey, h.By, h.NoBy, h.Until, h.NoUntil, h.Args)
		for _, number := range []any{0.0, 3.0, money.Money{Minor: 299, Currency: "USD"}, errors.New("no value")} {
			values := make([]any, len(h.Rule.Aggregates))
			for i := range values {
				values[i] = number
			}
			holds, err := h.Rest.Having(values)
			fmt.Fprintf(&b, "  having %v, %v\n", holds, err)
			actions, err := h.Rest.Actions(values)
			fmt.Fprintf(&b, "  actions %+v, %v\n", actions, err)
		}
	}
	for _, e := range result.Ends {
		fmt.Fprintf(&b, "ends %s: by %q %q\n", e.Rule.Name, e.By, e.NoBy)
	}
	for _, e := range result.Errors {
		fmt.Fprintf(&b, "error %s %v: %s\n", e.Rule.Name, e.Ends, e.Reason())
	}
	return b.String()
}

// TestRestamp: a result that was matched for another time and restamped is the one
// of the right time.
func TestRestamp(t *testing.T) {
	t.Parallel()
	restamped, hits, again := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := rules(t)
		set := rulesOf(text)
		if set == nil {
			t.Skip("no rules")
		}
		fast := match.New(set)
		for range 20 {
			raw := eventOf(t)
			const then, now = int64(1), int64(1.8e18) // before and after what rules compare with
			got, err := fast.Match(raw, then)
			if err != nil {
				continue
			}
			if !got.Restamp(now) {
				again++
				continue
			}
			if want, err := fast.Match(raw, now); told(got, nil) != told(want, err) {
				t.Fatalf("event %s\n%s\ngot  %s\nwant %s", raw, text, told(got, nil), told(want, err))
			}
			restamped, hits = restamped+1, hits+len(got.Hits)
		}
	})
	if restamped == 0 || hits == 0 || again == 0 {
		t.Errorf("%d results restamped, %d hits, %d to be matched again: too little was compared", restamped, hits, again)
	}
}

func eventText(ev *event.Event) string {
	if ev == nil {
		return "none"
	}
	brief := *ev
	brief.Attributes = nil // which a matcher may leave out
	return fmt.Sprintf("%+v", brief)
}

// rulesOf loads generated rules, nil when they do not compile: a condition may
// combine types that do not go together.
func rulesOf(text string) *rule.Set {
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
	if err != nil {
		return nil
	}
	return set
}

// TestDifferential holds the matcher to the plain one, over generated rules and
// events.
func TestDifferential(t *testing.T) {
	t.Parallel()
	hold(t, rules)
}

// reached counts the events that were compared: those that a rule hit, those that were an
// error of one, and those that were refused.
type reached struct{ events, hit, errors, refused int }

func (r *reached) add(result match.Result, err error) {
	r.events++
	if err != nil {
		r.refused++
	}
	if len(result.Hits) > 0 {
		r.hit++
	}
	if len(result.Errors) > 0 {
		r.errors++
	}
}

// judge says which shares were reached, and fails where one is less than a tenth.
func (r *reached) judge(t *testing.T) {
	t.Helper()
	t.Logf("%d events compared", r.events)
	for what, n := range map[string]int{"a rule hit": r.hit, "were an error": r.errors, "were refused": r.refused} {
		t.Logf("%d %% %s", 100*n/max(1, r.events), what)
		if n == 0 || n*10 < r.events && !testing.Short() {
			t.Errorf("%d of %d events %s: less than a tenth", n, r.events, what)
		}
	}
}

// hold holds the matcher to the plain one, over files of rules that are drawn, and both to
// what is known of an event that is damaged, or is not.
func hold(t *testing.T, draw func(*rapid.T) string) {
	t.Helper()
	var all reached
	rapid.Check(t, func(t *rapid.T) {
		text := draw(t)
		set := rulesOf(text)
		if set == nil {
			t.Skip("no rules")
		}
		fast, plain := match.New(set), match.Baseline(set)
		for range 20 {
			raw, refused, known := eventOf(t), false, true
			if rapid.IntRange(0, 3).Draw(t, "damaged") == 0 {
				raw, refused = damaged(t, raw)
				known = refused
			}
			got, err := fast.Match(raw, 1)
			want, wantErr := plain.Match(raw, 1)
			if told(got, err) != told(want, wantErr) {
				t.Fatalf("event %q\n%s\ngot  %s\nwant %s", raw, text, told(got, err), told(want, wantErr))
			}
			if known && (err != nil) != refused {
				t.Fatalf("event %q: %v, and it must be refused: %t", raw, err, refused)
			}
			all.add(want, wantErr)
		}
	})
	all.judge(t)
}
