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
	fmt.Fprintf(&b, "id %q, source %q, event %s\n", result.ID, result.Source, eventText(result.Event))
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

func eventText(ev *event.Event) string {
	if ev == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *ev)
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
	judged, hits, failures := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := rules(t)
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
