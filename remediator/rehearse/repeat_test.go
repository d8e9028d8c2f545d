package rehearse_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// ticketSet has a rule for which every event waits, each for a counterpart of its own.
func ticketSet(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "tickets.yaml", Text: `rules:
  - rule: stop-unanswered
    owner: o
    why: w
    event: com.example.ticket.opened
    if: data.urgent
    unless: {event: com.example.ticket.closed, by: event.id, within: 10d}
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// ticketTest sends so many tickets of which none is answered in time.
func ticketTest(count int, demand string) []rule.File {
	text := fmt.Sprintf(`tests:
  - name: none is answered
    send: [{event: {type: com.example.ticket.opened, customer: c, data: {urgent: true}}, repeat: %d, every: 1s}]
    %s
`, count, demand)
	return []rule.File{{Path: "tickets_test.yaml", Text: text}}
}

// What an event of a test costs does not depend on how many wait: a line of a test may
// send ten thousand. The memory that is asked for stands for the work, as it does in
// TestNearMissesCostTheSameEach. No test runs beside this one.
func TestRepeatedEventsThatWaitCostTheSameEach(t *testing.T) {
	set := ticketSet(t)
	asked := func(count int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tests, err := rehearse.Test(t.Context(), set, ticketTest(count, "expect: []"), nil)
		runtime.ReadMemStats(&after)
		if err != nil || !tests.Passed() {
			t.Fatalf("%+v, %v", tests, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	few, more, many := asked(250), asked(500), asked(1000)
	if many-more > 3*(more-few) {
		t.Errorf("250 ask for %d bytes, 500 for %d, 1,000 for %d", few, more, many)
	}
}

// TestWhatWaitsInTheEndIsSaid holds that a test that fails tells of an event that still
// waits, wherever in the test it came.
func TestWhatWaitsInTheEndIsSaid(t *testing.T) {
	t.Parallel()
	for demand, want := range map[string]string{
		"expect: [stop-unanswered]":                            "an event waits for its counterpart until 2026-01-11T00:00:00Z",
		"not: [{rule: stop-unanswered, because: data.urgent}]": "an event waits for its counterpart until 2026-01-11T00:00:00Z",
	} {
		tests, err := rehearse.Test(t.Context(), ticketSet(t), ticketTest(2, demand), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tests.Problems.Format(); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %s", demand, got, want)
		}
	}
}
