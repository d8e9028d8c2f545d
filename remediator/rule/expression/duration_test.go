package expression_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// TestWriteDuration checks that durations are written as they are read.
func TestWriteDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Hour: "1h", 24 * time.Hour: "1d", 36 * time.Hour: "1d12h", 90 * time.Minute: "1h30m",
		56250 * time.Millisecond: "56s250ms", -time.Minute: "-1m", time.Millisecond + 1: "1ms",
	} {
		if got := expression.WriteDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(-3_000_000_000_000, 3_000_000_000_000).Draw(t, "ms")) * time.Millisecond
		if back, err := expression.ParseDuration(expression.WriteDuration(d)); err != nil || back != d {
			t.Fatalf("%v is written %s and read %v: %v", d, expression.WriteDuration(d), back, err)
		}
	})
}
