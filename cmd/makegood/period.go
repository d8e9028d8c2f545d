package main

import (
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// moment reads a time that a flag gives: RFC 3339, a day in UTC, or how long before
// an end, like 30d. Without an end there is nothing to count back from.
func moment(flag, text string, end time.Time) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	back, err := expression.ParseDuration(text)
	switch {
	case err != nil:
		return time.Time{}, usageError(fmt.Sprintf("%s %q is no time: write 2026-11-01, 2026-11-01T12:00:00Z, or 30d for as long before the end", flag, text))
	case end.IsZero():
		return time.Time{}, usageError(fmt.Sprintf("%s %s counts back from the end, which is not known of a file: write a time like 2026-11-01", flag, text))
	}
	return end.Add(-back).UTC(), nil
}
