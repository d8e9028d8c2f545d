package rehearse_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// ownRules are rules whose figures depend on what came before a period: a limit, a
// key, a storm, a window that starts anew, and events that wait. The last needs the
// events of a month before.
var ownRules = []string{`
  - rule: limited
    owner: shop
    event: com.example.late
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: 5.00 USD}}]
    limits: {per_customer: {remedies: 1, within: 30d}, budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: shadow`, `
  - rule: keyed
    owner: shop
    event: com.example.late
    once_per: event.customer
    do: [{andon: {pull: "customer/${{ event.customer }}", level: yellow, reason: late}}]
    mode: shadow`, `
  - rule: stormy
    owner: shop
    event: com.example.late
    do: [{andon: {pull: "order/${{ data.order }}", level: yellow, reason: late}}]
    storm: {remedies: 2, within: 20d}
    mode: shadow`, `
  - rule: anew
    owner: shop
    event: com.example.late
    window: {within: 2d, after: anew}
    having: count() >= 4
    do: [{andon: {pull: shop, level: yellow, reason: late}}]
    mode: shadow`, `
  - rule: waits
    owner: shop
    event: com.example.late
    unless: {event: com.example.came, by: data.order, within: 1d}
    once_per: event.customer
    do: [{andon: {pull: "waits/${{ event.customer }}", level: yellow, reason: late}}]
    mode: shadow`, `
  - rule: long
    owner: shop
    event: com.example.late
    window: {within: 30d}
    having: count() >= 40
    do: [{andon: {pull: many, level: yellow, reason: many}}]
    mode: shadow`,
}

func ownSet(t *testing.T, rules ...string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "own.yaml", Text: "rules:" + strings.Join(rules, "\n") + "\n"}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// logged and filed are the same late orders, one every eleven hours.
func logged(count int) rehearse.Past {
	return rehearse.Past{Inputs: func(yield func(input.Input, error) bool) {
		if !yield(input.Input{Kind: input.Genesis, At: firstDay.UnixNano(), Body: []byte(`{}`)}, nil) {
			return
		}
		for n := range count {
			if !yield(everyEleven(n), nil) {
				return
			}
		}
	}}
}

func filed(count int) rehearse.Past {
	var file bytes.Buffer
	for n := range count {
		file.Write(append(everyEleven(n).Body, '\n'))
	}
	return rehearse.Past{File: &file}
}

func everyEleven(n int) input.Input {
	in, at := late(n), firstDay.Add(time.Duration(n)*11*time.Hour)
	in.At = at.UnixNano()
	in.Body = bytes.Replace(in.Body, []byte(firstDay.AddDate(0, 0, n).Format(time.RFC3339)), []byte(at.Format(time.RFC3339)), 1)
	return in
}

// What a rule comes to in a period is its own affair: it is the same beside rules that
// need the events of a month before, in the same set or in the one that it is compared
// with.
func TestFiguresOfARuleAreItsOwn(t *testing.T) {
	t.Parallel()
	all := ownSet(t, ownRules...)
	for name, read := range map[string]func(int) rehearse.Past{"a log": logged, "a file": filed} {
		past := func() rehearse.Past {
			p := read(60)
			p.Since = firstDay.AddDate(0, 0, 15).UnixNano()
			return p
		}
		together := compareSets(t, all, nil, past())
		for i, text := range ownRules {
			own := ownSet(t, text)
			alone, against := compareSets(t, own, nil, past()).Rules[0], compareSets(t, own, all, past())
			if alone.Remedies == 0 || alone.Rule != own.Rules[0].Name {
				t.Errorf("%s: rule %d makes nothing, so nothing is compared: %s", name, i, shown(t, alone))
			}
			if got := inRule(t, together, alone.Rule); !reflect.DeepEqual(got, alone) {
				t.Errorf("%s, beside others: %s\nalone: %s", name, shown(t, got), shown(t, alone))
			}
			if got := against.Rules[0]; !reflect.DeepEqual(got, alone) {
				t.Errorf("%s, compared with others: %s\nalone: %s", name, shown(t, got), shown(t, alone))
			}
			if d := against.Against; len(d.Added)+len(d.Changed) > 0 {
				t.Errorf("%s: %s differs from itself: %s", name, alone.Rule, shown(t, d))
			}
		}
	}
}

// The same is true of what a rule missed: its window starts anew where it would alone.
func TestNearMissesOfARuleAreItsOwn(t *testing.T) {
	t.Parallel()
	past := logged(60)
	past.Since = firstDay.AddDate(0, 0, 15).UnixNano()
	near := func(set *rule.Set) string {
		found, err := rehearse.Near(set, "anew", past, 100)
		if err != nil || len(found.Nearest) == 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		return shown(t, found)
	}
	if together, alone := near(ownSet(t, ownRules...)), near(ownSet(t, ownRules[3])); together != alone {
		t.Errorf("beside others: %s\nalone: %s", together, alone)
	}
}

func shown(t *testing.T, of any) string {
	t.Helper()
	text, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
