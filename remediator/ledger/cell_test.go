package ledger_test

import (
	"testing"

	"github.com/makegood/makegood/remediator/ledger"
)

// TestSafeCell holds that no text becomes a formula, or cells beside its own where a
// semicolon ends one, and that what is harmless stays.
func TestSafeCell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		"c-1":                   "c-1",
		"a+b=c; d":              "a+b=c; d",
		"Käse 日本":               "Käse 日本",
		"=HYPERLINK(1)":         "'=HYPERLINK(1)",
		"-2+3":                  "'-2+3",
		"@SUM(1)":               "'@SUM(1)",
		"\t=1":                  "\u2409=1",
		"\r\n=1":                "\u240d\u240a=1",
		" =1":                   "' =1",
		`"=1`:                   `'"=1`,
		"\uff1d1":               "'\uff1d1",
		"x;=1":                  "x;'=1",
		`x; "=cmd|' /C calc'!A`: `x;' "=cmd|' /C calc'!A`,
		"x\n=1":                 "x\u240a=1",
		"\u202e=1\x1b[31m":      "\ufffd=1\u241b[31m",
	} {
		if got := ledger.SafeCell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
