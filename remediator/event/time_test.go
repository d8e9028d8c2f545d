package event

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rfc3339Form is stricter than the time package, which takes any offset.
var rfc3339Form = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// TestTimesAgree holds our reading of times against the time package.
func TestTimesAgree(t *testing.T) {
	t.Parallel()
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0000|0[0-9]{3}|1[0-9]{3}|20[0-9]{2}|2[0-9]00|9999)-(0[0-9]|1[0-3])-(0[0-9]|[12][0-9]|3[0-2])T([01][0-9]|2[0-4]):[0-6][0-9]:([0-5][0-9]|60)(\.[0-9]{0,11})?(Z|[+-]([01][0-9]|2[0-4]):[0-6][0-9])`).Draw(t, "time")
		if rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
			damaged := []byte(text)
			damaged[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("0-:.,TtZz+ \xff")).Draw(t, "byte")
			text = string(damaged)
		}
		seconds, nanoseconds, ok := rfc3339([]byte(text))
		var want time.Time
		if err := want.UnmarshalText([]byte(text)); ok != (err == nil && rfc3339Form.MatchString(text)) {
			t.Fatalf("%q: read %v, the time package says %v", text, ok, err)
		}
		if !ok {
			return
		}
		good++
		if seconds != want.Unix() || nanoseconds != int64(want.Nanosecond()) {
			t.Fatalf("%q: %d s %d ns, want %d s %d ns", text, seconds, nanoseconds, want.Unix(), want.Nanosecond())
		}
	})
	if good == 0 {
		t.Error("no good time was drawn")
	}
}

// TestEveryMonth goes through the calendar, which repeats after 400 years.
func TestEveryMonth(t *testing.T) {
	t.Parallel()
	for month := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); month.Year() < 2500; month = month.AddDate(0, 1, 0) {
		last := month.AddDate(0, 1, -1)
		for _, day := range []time.Time{month, last} {
			if seconds, _, ok := rfc3339(day.AppendFormat(nil, time.RFC3339)); !ok || seconds != day.Unix() {
				t.Fatalf("%s: %d, %v; want %d", day, seconds, ok, day.Unix())
			}
		}
		if days := daysIn(int64(last.Year()), int64(last.Month())); days != int64(last.Day()) {
			t.Fatalf("%s is not day %d", last, days)
		}
	}
}
