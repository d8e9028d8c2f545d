package rule_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
)

// withEvent is a rule about other events than com.example.x.
func withEvent(events, lines string) string {
	return strings.Replace(withLines(lines), "event: com.example.x", "event: "+events, 1)
}

func TestClauses(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("rules:\n")
	for name, events := range map[string]string{"exact": "a.b.c", "deep": "a.*", "near": "a.b.*", "both": "[a.b.c, a.*]", "other": "a.bc"} {
		text.WriteString(strings.TrimPrefix(strings.Replace(withEvent(events, "if: data.x"), "rule: a", "rule: "+name, 1), "rules:\n"))
	}
	set := load(t, text.String())
	for eventType, want := range map[string][]string{
		"a.b.c": {"both", "deep", "exact", "near"}, "a.b.d": {"both", "deep", "near"}, "a.b.c.d": {"both", "deep", "near"},
		"a.x": {"both", "deep"}, "a.bc": {"both", "deep", "other"}, "a": nil, "b.a.b.c": nil, "a.b": {"both", "deep"}, "a.*": {"both", "deep"}, "": nil,
	} {
		var got []string
		for _, c := range set.Clauses(eventType) {
			got = append(got, c.Rule.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", eventType, got, want)
		}
	}
}

// TestConditionsOfTypes asks which events a list lets through, and what the
// conditions of each type are.
func TestConditionsOfTypes(t *testing.T) {
	t.Parallel()
	const events = `
      - {type: a.b.c, if: data.n > 1 && data.m > 1}
      - type: a.b.*
        if: data.n > 5 // many
      - type: a.*
        if: data.n > 9
      - b.c
      - {type: b.*, if: data.n > 9}
      - {type: c.*, if: data.n == 1}
      - {type: c.d}`
	r := load(t, withEvent(events, "if: data.x && data.y")).Rules[0]
	if want := []string{"a.b.c", "a.b.*", "a.*", "b.c", "b.*", "c.*", "c.d"}; !slices.Equal(r.Events, want) {
		t.Errorf("the events are %q, want %q", r.Events, want)
	}
	for i, want := range []string{
		"((data.n > 1 && data.m > 1\n) || (data.n > 5 // many\n)\n) || (data.n > 9\n); data.x; data.y", // one condition: each of the entries may let it through
		"(data.n > 5 // many\n) || (data.n > 9\n); data.x; data.y",
		"data.n > 9; data.x; data.y", "data.x; data.y", "data.n > 9; data.x; data.y", "data.n == 1; data.x; data.y", "data.x; data.y",
	} {
		if got := strings.Join(texts(r.Filters[i].Conditions), "; "); got != want {
			t.Errorf("%s: got the conditions %q, want %q", r.Filters[i].Event, got, want)
		}
	}
	for _, c := range []struct {
		eventType, data string
		want            bool
	}{
		{"a.b.c", `"n":2,"m":2,"x":true,"y":true`, true}, {"a.b.c", `"n":2,"m":1,"x":true,"y":true`, false},
		{"a.b.c", `"n":6,"m":1,"x":true,"y":true`, true}, // as one of a.b.*
		{"a.b.c", `"n":2,"m":2,"x":true,"y":false`, false},
		{"a.b.d", `"n":6,"x":true,"y":true`, true}, {"a.b.d", `"n":2,"m":2,"x":true,"y":true`, false},
		{"a.x.y", `"n":10,"x":true,"y":true`, true}, {"a.x.y", `"n":6,"x":true,"y":true`, false},
		{"b.c", `"n":0,"x":true,"y":true`, true}, {"b.d", `"n":0,"x":true,"y":true`, false},
		{"c.d", `"x":true,"y":true`, true}, {"c.e", `"n":2,"x":true,"y":true`, false}, {"c.d.e", `"n":1,"x":true,"y":true`, true},
	} {
		set := load(t, withEvent(events, "if: data.x && data.y"))
		ev := &event.Event{ID: "1", Source: "/s", Type: c.eventType, Data: []byte("{" + c.data + "}")}
		clauses := set.Clauses(c.eventType)
		if len(clauses) != 1 {
			t.Fatalf("%s: %d clauses", c.eventType, len(clauses))
		}
		if got, err := clauses[0].Rule.Evaluate(rule.NewValues(ev, 0)).Meets(clauses[0].Filter); err != nil || got != c.want {
			t.Errorf("%s {%s}: got %v, %v; want %v", c.eventType, c.data, got, err, c.want)
		}
	}
}

func TestMistakesOfEvents(t *testing.T) {
	t.Parallel()
	for events, says := range map[string]string{
		"[]":                                   "0 types",
		"com..x":                               "is not a type",
		"[null]":                               "\"null\" is not a type",
		"[{type: null}]":                       "type has no value",
		"[a.b, a.b]":                           "listed twice",
		"[a.b, {type: a.b, if: data.x}]":       "listed twice",
		"[{if: data.x}]":                       "has no type",
		"[{type: a.b, iff: data.x}]":           "no key \"iff\"",
		"[{type: a.b, if: 3}]":                 "if is a",
		"[{type: a.b, if: dta.x}]":             "dta",
		"[[a.b]]":                              "is a list, not a text",
		"[{type: [a.b]}]":                      "is a list, not a text",
		"{type: a.*.b}":                        "is not a type",
		"[{type: a.b, if: count() > 3}]":       "count",
		"[{type: makegood.refund.requested}]":  "makegood.",
		"[{type: a.b, if: \"${{ data.x }}\"}]": "expression already",
	} {
		_, problems := rule.Check([]rule.File{{Path: "rules.yaml", Text: withEvent(events, "if: data.y")}})
		if !problems.Failed() || !strings.Contains(problems.Format(), says) {
			t.Errorf("event: %s: want a problem that says %q, got\n%s", events, says, problems.Format())
		}
	}
}

// The conditions of types decide what a window counts.
func TestWindowDigestHasConditionsOfTypes(t *testing.T) {
	t.Parallel()
	const lines = "window: {within: 7d}\nhaving: count() > 1"
	digests := map[string]string{}
	for _, events := range []string{"[a.b, a.c]", "[{type: a.b, if: data.x}, a.c]", "[a.b, {type: a.c, if: data.x}]", "[{type: a.b, if: data.y}, a.c]"} {
		digest := load(t, withEvent(events, lines)).Rules[0].Window.Digest
		if before, ok := digests[digest]; ok {
			t.Errorf("%s and %s have one digest", before, events)
		}
		digests[digest] = events
	}
	same := load(t, withEvent("[{type: a.c}, a.b]", lines)).Rules[0].Window.Digest
	if digests[same] != "[a.b, a.c]" {
		t.Errorf("the order of types changes the digest")
	}
}
