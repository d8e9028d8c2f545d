package main

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// TestTableObeysNobody checks that a text of an emitter can neither command the
// terminal nor break the lines of a table.
func TestTableObeysNobody(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	err := printTable(&b, nil, [][]string{{"a\x1b[31m\n\tb\u202ec", "Zürich – 日本"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), `a\x1b[31m\n\tb\u202ec  Zürich – 日本`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBoxOfReleasedCord checks that a cord that was released after its box was over
// does not speak of a time that is no more.
func TestBoxOfReleasedCord(t *testing.T) {
	t.Parallel()
	var c api.Cord
	c.Escalated, c.BoxUntil = true, int64(5e9)
	if got, want := box(c), "over since 1970-01-01T00:00:05Z"; got != want {
		t.Errorf("a pull that lasts longer: %q, want %q", got, want)
	}
	c.BoxUntil = 0
	if got := box(c); got != "" {
		t.Errorf("a released cord: %q, want nothing", got)
	}
}
