package main

import (
	"strings"
	"testing"
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
