package rehearse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// TestTimesOfAFile: the events of a file are matched before their log time is known.
// Rules that ask for it are told what it comes to, with events that have no time of
// their own, come late or are none in between, and in a period as well.
func TestTimesOfAFile(t *testing.T) {
	t.Parallel()
	set, err := rule.Load([]rule.File{{Path: "times.yaml", Text: `rules:
  - rule: taken
    owner: shop
    why: The log took it after eight.
    event: com.example.a
    if: event.recordedtime >= timestamp("2026-03-01T08:00:00Z")
    do: [{andon: {pull: "taken/${{ event.id }}", level: yellow, reason: x}}]
    mode: live
  - rule: happened
    owner: shop
    why: It happened after eight, or nobody knows when.
    event: com.example.a
    if: event.time >= timestamp("2026-03-01T08:00:00Z")
    do: [{andon: {pull: "happened/${{ event.id }}", level: yellow, reason: x}}]
    mode: live
`}})
	if err != nil {
		t.Fatal(err)
	}
	f := fileOfTimes()
	for _, c := range []struct {
		past rehearse.Past
		want map[string]int
	}{{rehearse.Past{}, f.wanted}, {rehearse.Past{Since: f.since.UnixNano()}, f.wantedPart}} {
		c.past.File = strings.NewReader(strings.Join(f.lines, "\n"))
		report, err := rehearse.Compare(set, set, c.past)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"taken", "happened"} {
			if got := inRule(t, report, name).Remedies; got != c.want[name] || got == 0 {
				t.Errorf("since %d: rule %s makes %d remedies, want %d", c.past.Since, name, got, c.want[name])
			}
		}
		var lost []int
		for _, r := range report.Rejections {
			lost = append(lost, r.Line)
		}
		if !slices.Equal(lost, f.rejected) || report.Rejected != len(f.rejected) {
			t.Errorf("lines %v are rejected, want %v", lost, f.rejected)
		}
		if d := report.Against; len(d.Added)+len(d.Removed)+len(d.Changed) > 0 {
			t.Errorf("a set differs from itself: %+v", d)
		}
	}
	if f.wanted["taken"] == f.wanted["happened"] {
		t.Error("the times of the log and of events do not differ: nothing was shown")
	}
}

// timesFile is a file of events and what the two rules make of it.
type timesFile struct {
	lines              []string
	rejected           []int // lines that are no events
	since              time.Time
	wanted, wantedPart map[string]int // remedies, and those since a time, by rule
}

// fileOfTimes has events around eight, several chunks of them.
func fileOfTimes() *timesFile {
	eight := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	const n = 3000 // several chunks
	f := timesFile{since: eight.Add(-10 * time.Minute), wanted: map[string]int{}, wantedPart: map[string]int{}}
	log := time.Time{}
	for i := range n {
		own := eight.Add(time.Duration(i-n/2) * time.Second)
		attributes := fmt.Sprintf(`"id":"e-%d","type":"com.example.a"`, i)
		switch {
		case i%7 == 3:
			own = time.Time{}
		case i%5 == 2:
			own = own.Add(-10 * time.Minute)
		case i%1000 == 1:
			attributes = `"id":"none"`
		}
		if !own.IsZero() {
			attributes += fmt.Sprintf(`,"time":%q`, own.Format(time.RFC3339))
		}
		f.lines = append(f.lines, `{"specversion":"1.0","source":"/s",`+attributes+`}`)
		if strings.Contains(attributes, `"none"`) {
			f.rejected = append(f.rejected, i+1)
			continue
		}
		if own.After(log) {
			log = own
		} else if own.IsZero() {
			own = log
		}
		for name, fires := range map[string]bool{"taken": !log.Before(eight), "happened": !own.Before(eight)} {
			if fires {
				f.wanted[name]++
			}
			if fires && !log.Before(f.since) {
				f.wantedPart[name]++
			}
		}
	}
	f.lines = append(f.lines, strings.Repeat("x", event.MaxBytes+1))
	f.rejected = append(f.rejected, len(f.lines))
	return &f
}
