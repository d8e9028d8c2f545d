package rehearse_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
)

const nothingRules = `
  - rule: misspelt
    owner: shop
    event: com.example.late
    if: data.late_minutes > 7
    do: [{andon: {pull: a/b, level: red, reason: r}}]
    mode: shadow
  - rule: unkeyed
    owner: shop
    event: com.example.late
    once_per: [data.order, data.parcel]
    do: [{andon: {pull: a/b, level: red, reason: r}}]
    mode: shadow
  - rule: windowed
    owner: shop
    event: com.example.late
    window: {by: data.order, within: 1d}
    having: sum(data.late) > data.most
    do: [{andon: {pull: a/b, level: red, reason: r}}]
    mode: shadow`

// hours are events of a file that happened so many hours after the first day began.
func hours(of ...int) string {
	var lines strings.Builder
	for i, hour := range of {
		fmt.Fprintf(&lines, `{"specversion":"1.0","id":"e-%d","source":"/shop","type":"com.example.late","time":%q,"data":{"order":1,"late":9}}`+"\n",
			i, firstDay.Add(time.Duration(hour)*time.Hour).Format(time.RFC3339))
	}
	return lines.String()
}

// A rule that finds nothing because of a slip looks like one for which nothing happened,
// unless it is said.
func TestBacktestSaysWhatCameToNothing(t *testing.T) {
	t.Parallel()
	report, err := rehearse.Backtest(ownSet(t, nothingRules), strings.NewReader(hours(0, 1, 2, 9, 3)))
	if err != nil {
		t.Fatal(err)
	}
	misspelt, unkeyed, windowed := report.Rules[0], report.Rules[1], report.Rules[2]
	if !maps.Equal(misspelt.Errors, map[string]int{"if": 5}) || misspelt.NoKey+misspelt.Late != 0 {
		t.Errorf("got %s", shown(t, misspelt))
	}
	if unkeyed.NoKey != 5 || unkeyed.Errors != nil || unkeyed.Late != 0 {
		t.Errorf("got %s", shown(t, unkeyed))
	}
	if !maps.Equal(windowed.Errors, map[string]int{"having": 4}) || windowed.Late != 1 {
		t.Errorf("got %s", shown(t, windowed))
	}
	for _, line := range []string{
		"misspelt: 5 events on which if was an error\n", "unkeyed: 5 events without a once_per key\n",
		"windowed: 4 events on which having was an error\nwindowed: 1 events that came later than the lateness\n",
		"1 events happened more than the lateness before one above them, first on line 5 behind line 4, which is of 2026-11-",
	} {
		wantInTable(t, report, line)
	}
	if d := report.Disorder; d == nil || d.Events != 1 || d.Line != 5 || d.Behind != 4 {
		t.Errorf("the file is said to be %+v", d)
	}
}

// A period in which a file has nothing is likely a slip, as of a year: when its events are is
// said.
func TestBacktestOfAPeriodWithoutEvents(t *testing.T) {
	t.Parallel()
	set := ownSet(t, nothingRules)
	at := func(hour int) int64 { return firstDay.Add(time.Duration(hour) * time.Hour).UnixNano() }
	for name, c := range map[string]struct {
		since, until int64
		says         string
	}{
		"everything": {0, 0, ""}, "some": {at(1), at(2), ""},
		"after":   {at(10_000), 0, "no event of the file is of the period: they begin at 2026-11-01T12:00:00Z, and end at 2026-11-01T21:00:00Z\n"},
		"before":  {at(-10), at(-5), "no event of the file is of the period: they begin at 2026-11-01T12:00:00Z\n"},
		"between": {at(4), at(8), "no event of the file is of the period: they begin at 2026-11-01T12:00:00Z\n"},
	} {
		report := compareSets(t, set, nil, rehearse.Past{File: strings.NewReader(hours(0, 1, 9)), Since: c.since, Until: c.until})
		if (report.Outside != nil) != (c.says != "") {
			t.Errorf("%s: outside is %+v", name, report.Outside)
		}
		wantInTable(t, report, c.says)
	}
}

// A file is no log.
func TestBacktestOfAFileThatBeginsInThePeriod(t *testing.T) {
	t.Parallel()
	report := compareSets(t, ownSet(t, nothingRules), nil, rehearse.Past{File: strings.NewReader(hours(0, 1, 2)), Since: firstDay.UnixNano() - 1})
	wantInTable(t, report, "the file begins at 2026-11-01T12:00:00Z: what was before did not count, neither in the period nor in windows that reach further back\n")
}

// What came too late for a rule is no near miss, and said as a backtest says it.
func TestNearMissesCountWhatCameLate(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(hours(0, 1, 2, 9, 3, 4)), "\n")
	past := rehearse.Past{Inputs: func(yield func(input.Input, error) bool) {
		for i, line := range lines {
			if !yield(input.Input{Kind: input.Event, At: firstDay.Add(time.Duration([]int{0, 1, 2, 9, 9, 9}[i]) * time.Hour).UnixNano(), Body: []byte(line)}, nil) {
				return
			}
		}
	}}
	for since, want := range map[int64]int{0: 2, firstDay.Add(10 * time.Hour).UnixNano(): 0} {
		past.Since = since
		near, err := rehearse.Near(ownSet(t, nothingRules), "windowed", past, 9)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := near.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if near.Late != want || strings.Contains(text.String(), "\n2 events that came later than the lateness\n") != (want > 0) {
			t.Errorf("%d of %d came late, it says\n%s", near.Late, want, text.String())
		}
	}
}

// A file that is sorted the other way round, or in which one clock is far ahead, is
// refused: nearly all of it came too late.
func TestBacktestOfAFileThatIsNotInOrder(t *testing.T) {
	t.Parallel()
	set := ownSet(t, nothingRules)
	var forth []int
	for hour := range 40 {
		forth = append(forth, 2*hour)
	}
	back := slices.Clone(forth)
	slices.Reverse(back)
	for name, c := range map[string]struct {
		of   []int
		says string
	}{
		"in order":             {forth, ""},
		"newest first":         {back, "of 40, 39 happened more than 1h0m0s before one above them, first on line 2 behind line 1"},
		"a clock that is fast": {append([]int{0, 9999}, forth...), "of 42, 40 happened more than 1h0m0s before one above them, first on line 3 behind line 2, which is of 2027-"},
	} {
		report, err := rehearse.Backtest(set, strings.NewReader(hours(c.of...)))
		switch {
		case c.says == "" && (err != nil || report.Disorder != nil):
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "sort them")):
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// Times are counted from 1970, and so is the clock of a rehearsal. An event of a broken
// clock with which a file begins is left out and named; behind others it is late.
func TestTimesBefore1970(t *testing.T) {
	t.Parallel()
	line := func(id, at string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"/shop","type":"com.example.late","time":"` + at + `","data":{"order":1,"late":9}}`
	}
	file := strings.Join([]string{line("a", "1960-12-31T00:00:00Z"), line("b", "1969-12-31T00:00:00Z"), line("c", "2026-11-01T00:00:00Z"), line("d", "1969-12-31T00:00:00Z")}, "\n")
	report, err := rehearse.Backtest(ownSet(t, nothingRules), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	const why = "it happened before 1970, from which times are counted: mend its time"
	want := []rehearse.Rejection{{Event: 1, Line: 1, Reason: why}, {Event: 2, Line: 2, Reason: why}}
	if !slices.Equal(report.Rejections, want) || report.Events != 4 {
		t.Errorf("of %d events are rejected %+v, want %+v", report.Events, report.Rejections, want)
	}
	if d := report.Disorder; d == nil || d.Events != 1 || d.Line != 4 || d.Behind != 3 {
		t.Errorf("the file is said to be %+v", d)
	}
}
