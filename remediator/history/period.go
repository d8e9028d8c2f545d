package history

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Period is a part of the log, as somebody writes it: each bound is a time, a day of
// UTC, or how long before an end, like 30d: Until counts back from where the log has come,
// beyond which it may not be, Since from Until. An empty one is no bound.
type Period struct{ Since, Until string }

// Moment reads one bound. Without an end there is nothing to count back from. What is
// wrong with it is an AskError; name says which bound it is.
func Moment(name, text string, end time.Time) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), bounded(name, at)
		}
	}
	back, err := expression.ParseDuration(text)
	switch {
	case err != nil || back < 0:
		return time.Time{}, AskError(fmt.Sprintf("%s %.80q is no time: write 2026-11-01, 2026-11-01T12:00:00Z, or 30d for as long before the end", name, text))
	case end.IsZero():
		return time.Time{}, AskError(fmt.Sprintf("%s %s counts back from the end, which is not known of a file: write a time like 2026-11-01", name, text))
	}
	return end.Add(-back).UTC(), nil
}

// bounded refuses a time that is not a whole number of nanoseconds, as those of the
// log are. No event may have one either. The moment from which they are counted stands for
// no bound.
func bounded(name string, at time.Time) error {
	if at.Equal(time.Unix(0, 0)) {
		return AskError(name + " is 1970-01-01T00:00:00Z, from which times are counted: write any other time")
	}
	if year := at.UTC().Year(); year < 1678 || year > 2261 {
		return AskError(fmt.Sprintf("%s is in the year %d, which no event has: write a time from 1678 to 2261", name, year))
	}
	return nil
}

// Reached refuses a bound beyond the end of a log: what would be due until then need not
// come true.
func Reached(name string, at, end time.Time) error {
	if at.After(end) {
		return AskError(fmt.Sprintf("%s is beyond the end of the log, which has come to %s: leave it out, or write an earlier time",
			name, end.Add(-1).UTC().Format(time.RFC3339Nano)))
	}
	return nil
}

// past is the log in a period. What is wrong with the period is an AskError.
func (h *History) past(ctx context.Context, p Period) (rehearse.Past, error) {
	lateness, err := h.Lateness(ctx)
	past := rehearse.Past{Inputs: h.Inputs(ctx, nil), Lateness: &lateness}
	if err != nil {
		return past, err
	}
	at, err := h.ledger.Position(ctx)
	if err != nil {
		return past, err
	}
	past.End = at.At + 1
	end := time.Unix(0, past.End)
	if p.Until != "" {
		until, err := Moment("until", p.Until, end)
		if err = cmp.Or(err, Reached("until", until, end)); err != nil {
			return past, err
		}
		end, past.Until = until, until.UnixNano()
	}
	if p.Since != "" {
		since, err := Moment("since", p.Since, end)
		if err != nil {
			return past, err
		}
		past.Since = since.UnixNano()
	}
	if past.Since >= end.UnixNano() {
		return past, AskError("since is not before until, or before the end of the log")
	}
	return past, nil
}

// Near lists for which events of a period a rule of a set did not fire by one condition
// alone, at most so many.
func (h *History) Near(ctx context.Context, set *rule.Set, name string, p Period, most int) (*rehearse.NearMisses, error) {
	if set == nil || set.Rule(name) == nil {
		return nil, noRule(set, name)
	}
	if !h.busy.TryLock() {
		return nil, ErrBusy
	}
	defer h.busy.Unlock()
	past, err := h.past(ctx, p)
	if err != nil {
		return nil, err
	}
	return rehearse.Near(set, name, past, most)
}

// Backtest sums up what rules would have done in a period, and, unless against is nil,
// which remedies only they make or only those of against.
func (h *History) Backtest(ctx context.Context, set, against *rule.Set, p Period) (*rehearse.Report, error) {
	if !h.busy.TryLock() {
		return nil, ErrBusy
	}
	defer h.busy.Unlock()
	past, err := h.past(ctx, p)
	if err != nil {
		return nil, err
	}
	return rehearse.Compare(set, against, past)
}
