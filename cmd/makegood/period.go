package main

import (
	"time"

	"github.com/makegood/makegood/remediator/history"
)

// moment reads a time that a flag gives: RFC 3339, a day in UTC, or how long before
// an end, like 30d. Without an end there is nothing to count back from.
func moment(flag, text string, end time.Time) (time.Time, error) {
	at, err := history.Moment(flag, text, end)
	if err != nil {
		return at, usageError(err.Error())
	}
	return at, nil
}

// reached refuses a bound beyond the end of a log. Of a file none is known.
func reached(flag string, at, end time.Time) error {
	if end.IsZero() {
		return nil
	}
	if err := history.Reached(flag, at, end); err != nil {
		return usageError(err.Error())
	}
	return nil
}
