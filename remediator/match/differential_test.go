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

// hold holds the matcher to the plain one, over files of rules that are drawn.
func hold(t *testing.T, draw func(*rapid.T) string) {
	t.Helper()
	judged, hits, failures := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := draw(t)
		set := rulesOf(text)
		if set == nil {
			t.Skip("no rules")
		}
		fast, plain := match.New(set), match.Baseline(set)
		for range 20 {
			raw := eventOf(t)
			got, err := fast.Match(raw, 1)
			want, wantErr := plain.Match(raw, 1)
			if told(got, err) != told(want, wantErr) {
				t.Fatalf("event %s\n%s\ngot  %s\nwant %s", raw, text, told(got, err), told(want, wantErr))
			}
			judged, hits, failures = judged+1, hits+len(want.Hits), failures+len(want.Errors)
		}
	})
	t.Logf("%d events judged, %d hits, %d errors", judged, hits, failures)
	if judged == 0 || hits == 0 || failures == 0 {
		t.Errorf("%d events judged, %d hits, %d errors: too little was compared", judged, hits, failures)
	}
}
