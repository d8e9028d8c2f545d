package rehearse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// sent is an event of a log that arrives after the log's first day began, with a time
// of its own when that is another.
type sent struct {
	after, own time.Duration
	kind, data string
}

// nearOf lists the near misses of a rule over events, whose ids count from 0.
func nearOf(t *testing.T, set *rule.Set, name string, since time.Duration, events ...sent) *rehearse.NearMisses {
	t.Helper()
	past := rehearse.Past{Since: firstDay.Add(since).UnixNano(), Inputs: func(yield func(input.Input, error) bool) {
		for n, s := range events {
			own := s.after
			if s.own != 0 {
				own = s.own
			}
			in := input.Input{Kind: input.Event, At: firstDay.Add(s.after).UnixNano(),
				Body: fmt.Appendf(nil, `{"specversion":"1.0","id":"e-%d","source":"/test","type":"com.example.order.%s","customer":"c","time":%q,"data":{%s}}`,
					n, s.kind, firstDay.Add(own).Format(time.RFC3339), s.data)}
			if !yield(in, nil) {
				return
			}
		}
	}}
	n, err := rehearse.Near(set, name, past, 10)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// missesOf writes what matters of near misses, in their order.
func missesOf(n *rehearse.NearMisses) string {
	var lines []string
	for _, m := range n.Nearest {
		distance := "none"
		if m.Distance != nil {
			distance = fmt.Sprintf("%.4f", *m.Distance)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %v %s %s", m.Event, m.Part, m.Compared, m.Left, m.Needs, distance))
	}
	return strings.Join(lines, "\n")
}

// A rule that waits for what does not come was near to firing when that came just in
// time: the condition that it fails is its unless.
func TestNearMissesOfAbsence(t *testing.T) {
	t.Parallel()
	const express = `"express":true,"total":12,"order":`
	events := []sent{
		{0, 0, "shipped", express + `1`},
		{0, 0, "shipped", express + `2`},
		{0, 0, "shipped", express + `3`},
		{0, 0, "shipped", `"express":true,"total":9,"order":4`}, // whether it would have come in time does not matter
		{0, 0, "shipped", express + `5`},
		{time.Hour, 0, "delivered", `"whole":true,"order":1`},
		{time.Hour, 0, "delivered", `"whole":false,"order":2`}, // it is no counterpart
		{2 * time.Hour, 0, "shipped", express + `2`},           // one waits already
		{47 * time.Hour, 0, "delivered", `"whole":true,"order":4`},
		{47*time.Hour + 59*time.Minute, 0, "delivered", `"whole":true,"order":2`},
		{48*time.Hour + 30*time.Minute, 48 * time.Hour, "delivered", `"whole":true,"order":3`}, // its own time decides
		{48*time.Hour + 31*time.Minute, 0, "delivered", `"whole":true,"order":5`},              // too late: the rule fires
		{60 * time.Hour, 0, "shipped", express + `5`},                                          // for which it paid
		{61 * time.Hour, 0, "delivered", `"whole":true,"order":5`},
	}
	n := nearOf(t, parcelSet(t), "credit-missed-delivery", 0, events...)
	want := "e-2 unless time until com.example.order.delivered 48h0m0s > \"48h0m0s\" 0.0000\n" +
		"e-1 unless time until com.example.order.delivered 47h59m0s > \"48h0m0s\" 0.0003\n" +
		"e-0 unless time until com.example.order.delivered 1h0m0s > \"48h0m0s\" 0.9792"
	if got := missesOf(n); got != want {
		t.Errorf("near misses are\n%s\nwant\n%s", got, want)
	}
	if n.Judged != 7 || n.Missed[rehearse.ConditionUnless] != 3 || len(n.Missed) != 1 {
		t.Errorf("judged %d, missed %v", n.Judged, n.Missed)
	}
	stamp := func(after time.Duration) string { return firstDay.Add(after).Format(time.RFC3339) }
	if m := n.Nearest[0]; m.At != stamp(48*time.Hour+30*time.Minute) || m.Customer != "c" || m.Source != "/test" ||
		m.Seen["event.time"] != stamp(0) || m.Seen["unless event.time"] != stamp(48*time.Hour) {
		t.Errorf("the nearest is %+v", m)
	}
	var text strings.Builder
	if err := n.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 missed by this alone: unless\n", `time until com.example.order.delivered = "47h59m0s", needs > "48h0m0s"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
	// A period has what was settled in it, also of what began to wait before.
	if late := nearOf(t, parcelSet(t), "credit-missed-delivery", 47*time.Hour, events...); late.Missed[rehearse.ConditionUnless] != 2 {
		t.Errorf("of the last hours: %v, want two", late.Missed)
	}
}

const beats = `rules:
  - rule: beat
    owner: shop
    event: com.example.order.beat
    unless: {event: com.example.order.beat, by: data.till, within: 10m}
    do: [{andon: {pull: "till/${{ data.till }}", level: red, reason: silent}}]
  - rule: promised
    owner: shop
    event: com.example.order.promised
    unless: {event: [com.example.order.kept, com.example.order.freed], by: data.order, until: timestamp(data.until)}
    do: [{andon: {pull: "order/${{ data.order }}", level: red, reason: late}}]
`

func beatSet(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "beats.yaml", Text: beats}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A heartbeat ends what the one before it began, so the longest silence is the nearest.
func TestNearMissesOfHeartbeats(t *testing.T) {
	t.Parallel()
	const till = `"till":"t"`
	n := nearOf(t, beatSet(t), "beat", 0,
		sent{0, 0, "beat", till}, sent{time.Minute, 0, "beat", till}, sent{10 * time.Minute, 0, "beat", till}, sent{20 * time.Minute, 0, "beat", till})
	want := "e-2 unless time until com.example.order.beat 10m0s > \"10m0s\" 0.0000\n" +
		"e-1 unless time until com.example.order.beat 9m0s > \"10m0s\" 0.1000\n" +
		"e-0 unless time until com.example.order.beat 1m0s > \"10m0s\" 0.9000"
	if got := missesOf(n); got != want {
		t.Errorf("near misses are\n%s\nwant\n%s", got, want)
	}
}

// The counterpart may arrive before the event that it is one of, and a deadline may have
// passed before that; then there was no time to be near the end of.
func TestNearMissesOfPromises(t *testing.T) {
	t.Parallel()
	set := beatSet(t)
	data := func(order string) string {
		return fmt.Sprintf(`"order":%s,"until":%q`, order, firstDay.Add(2*time.Hour).Format(time.RFC3339))
	}
	n := nearOf(t, set, "promised", 0,
		sent{80 * time.Minute, 0, "kept", data("1")},
		sent{90 * time.Minute, 60 * time.Minute, "promised", data("1")},
		sent{110 * time.Minute, 0, "freed", data("2")},
		sent{150 * time.Minute, 130 * time.Minute, "promised", data("2")})
	want := "e-1 unless time until com.example.order.kept or com.example.order.freed 20m0s > \"1h0m0s\" 0.6667\n" +
		"e-3 unless time until com.example.order.kept or com.example.order.freed -20m0s > \"-10m0s\" none"
	if got := missesOf(n); got != want {
		t.Errorf("near misses are\n%s\nwant\n%s", got, want)
	}
}
