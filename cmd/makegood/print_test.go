package main

import (
	"strings"
	"testing"
	"unicode/utf8"

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

// TestProgressFitsTheTerminal checks that no line is as wide as the terminal, which
// would wrap it, and that a plain one is ASCII.
func TestProgressFitsTheTerminal(t *testing.T) {
	t.Parallel()
	const n, total = 337082834, 350059147
	for width := range 200 {
		for _, p := range []progress{{what: "backtest, bytes", total: total}, {what: "backtest, records"}} {
			if got := p.line(n, width); utf8.RuneCountInString(got) >= max(width, 1) {
				t.Errorf("%d columns: %q", width, got)
			}
		}
	}
	for _, c := range []struct {
		width int
		plain bool
		want  string
	}{
		{80, false, "backtest, bytes ████████████████████████████░░  96%  337082834 of 350059147"},
		{80, true, "backtest, bytes ############################..  96%  337082834 of 350059147"},
		{60, true, "backtest, bytes #############.  96%  337082834 of 350059147"},
		{40, true, "backtest, bytes #################.  96%"},
		{21, true, "backtest, bytes 96%"},
	} {
		p := progress{what: "backtest, bytes", total: total, plain: c.plain}
		if got := p.line(n, c.width); got != c.want {
			t.Errorf("%d columns: got %q, want %q", c.width, got, c.want)
		}
	}
}
