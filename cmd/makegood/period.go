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
