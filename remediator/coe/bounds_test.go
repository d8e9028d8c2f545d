package coe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

const aDay = "&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=18"

// TestBounds holds that a text asks for no more than is answered, that it is said what
// is too much, and that no finding that blocks is lost among many.
func TestBounds(t *testing.T) {
	t.Parallel()
	f := story(t)
	query, graph := "[0](query:remedies?rule=none"+aDay+")\n", "![g, 2026](graph:events?step=1h"+aDay+")\n"
	for text, want := range map[string]string{
		strings.Repeat(query, 200): "",
		strings.Repeat(query, 203): "200:2: error: 3 queries stand behind this one: a text has at most 200",
		strings.Repeat(graph, 20):  "",
		strings.Repeat(graph, 21):  "20:3: error: 1 graphs stand behind this one: a text has at most 20",
	} {
		d := coe.Read(text)
		b, err := coe.ReadBook(t.Context(), f, d.Scope())
		if err != nil {
			t.Fatal(err)
		}
		found := checked(t, d, b, 18)
		var all strings.Builder
		for _, finding := range found {
			all.WriteString(finding.String() + "\n")
		}
		if bounded := strings.Contains(all.String(), "stand behind"); !strings.Contains(all.String(), want) || bounded != (want != "") {
			t.Errorf("%d bytes of %.40q: want %q, found:\n%s", len(text), text, want, all.String())
		}
		page, err := coe.HTML(d, b)
		if n := strings.Count(page, "<svg"); err != nil || n > 20 {
			t.Errorf("%d graphs are drawn, %v", n, err)
		}
	}
	d := coe.Read(strings.Repeat("pay\u202epal\n", 300) + "\nTo write: all of it.")
	b, err := coe.ReadBook(t.Context(), f, d.Scope())
	if err != nil {
		t.Fatal(err)
	}
	found := checked(t, d, b, 18)
	if last := found[len(found)-1]; !coe.Blocked(found) || len(found) != 101 || !strings.Contains(last.Problem, "findings more") {
		t.Errorf("%d are found, the last is %s", len(found), last)
	}
}

// TestCheckEnds holds that a check ends with what it was asked for.
func TestCheckEnds(t *testing.T) {
	t.Parallel()
	f := story(t)
	d := coe.Read("[0](query:remedies?rule=none" + aDay + ")")
	b, err := coe.ReadBook(t.Context(), f, d.Scope())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := coe.Check(ctx, d, b, coe.Known{Size: 18}); !errors.Is(err, context.Canceled) {
		t.Errorf("the check says %v", err)
	}
	if _, err := coe.AskAgain(ctx, d, b, 18); !errors.Is(err, context.Canceled) {
		t.Errorf("asking again says %v", err)
	}
}

// TestPoints holds that the bars of a graph are what its query gives of their parts of
// the period.
func TestPoints(t *testing.T) {
	t.Parallel()
	f := story(t)
	for _, text := range []string{"events?", "remedies?rule=late&", "remedies?", "share?rule=late&", "money?rule=late&currency=USD&", "pulls?cord=product/T&"} {
		q, err := coe.ParseQuery(text+"since=2026-11-01T00:00:00Z&until=2026-11-01T02:05:00Z&step=14m&size=18", true)
		if err != nil {
			t.Fatal(err)
		}
		var scope coe.Scope
		scope.Add(q)
		b, err := coe.ReadBook(t.Context(), f, scope)
		if err != nil {
			t.Fatal(err)
		}
		points, counted := b.Points(q), 0
		for _, p := range points {
			part := q
			part.Since, part.Until, part.Step = p.At, p.At.Add(q.Step), 0
			if part.Until.After(q.Until) {
				part.Until = q.Until
			}
			if value, _ := b.Value(part); coe.AmountText(q, p.Amount) != value {
				t.Errorf("%s: the bar at %s is %d, its query gives %s", text, p.At.Format(time.TimeOnly), p.Amount, value)
			}
			if p.Amount != 0 {
				counted++
			}
		}
		if len(points) != 9 || counted == 0 {
			t.Errorf("%s: %d bars, %d of them are not empty", text, len(points), counted)
		}
	}
}

// TestDraftOfManyRules holds that the draft of a cord that many rules pulled is a text
// that can be checked.
func TestDraftOfManyRules(t *testing.T) {
	t.Parallel()
	f := &facts{t: t}
	for i := range 60 {
		name, n := fmt.Sprintf("rule-%02d", i), uuid.UUID{0: 1, 15: byte(i)}
		r := decide.RemedyFact{Remedy: n, Rule: name, Mode: "live", Decision: decide.Act}
		for j, currency := range []string{"AUD", "CAD", "CHF", "DKK", "EUR", "GBP", "USD"} {
			r.Steps = append(r.Steps, decide.Step{Action: uuid.UUID{0: 2, 14: byte(j), 15: byte(i)}, Amount: &money.Money{Minor: 500, Currency: currency}})
		}
		f.add(1, decide.KindRemedy, decide.Fact{Remedy: n, Rule: name}, r)
		f.add(1, decide.KindPull, decide.Fact{Rule: name}, map[string]any{"cord": "product/T", "level": "red", "opened": i == 0})
	}
	ask := coe.Ask{Cord: "product/T", Since: begin, Until: begin.Add(time.Hour), Size: uint64(len(f.rows))}
	b, err := coe.ReadBook(t.Context(), f, ask.Scope())
	if err != nil {
		t.Fatal(err)
	}
	text := coe.Draft(b, ask)
	d := coe.Read(text)
	if d.MoreNumbers > 0 || d.MoreGraphs > 0 || len(d.Numbers) < 100 || len(d.Graphs) != 20 || !strings.Contains(text, "`40` more rules") {
		t.Errorf("%d numbers and %d more, %d graphs and %d more", len(d.Numbers), d.MoreNumbers, len(d.Graphs), d.MoreGraphs)
	}
}
