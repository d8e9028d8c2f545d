package visible_test

import (
	"testing"
	"unicode"

	"github.com/makegood/makegood/remediator/visible"
)

// TestText holds what becomes of characters that cannot be seen.
func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"plain, \u0645\u062b\u0644\u0627": "plain, \u0645\u062b\u0644\u0627",
		"two\n\tlines\r\n":                "two\n\tlines\u240d\n",
		"\x1b[31m\x00\x7f\u0085":          "\u241b[31m\u2400\u2421\ufffd",
		"a\u202eb\u2066c\u200fd\ufeffe":   "a\ufffdb\ufffdc\ufffdd\ufffde",
		"pay\u200cpal pay\u200dpal":       "pay\ufffdpal pay\ufffdpal",
		"\u0645\u06cc\u200c\u062e":        "\u0645\u06cc\u200c\u062e", // Persian
		"\U0001f469\u200d\U0001f527":      "\U0001f469\u200d\U0001f527",
		"\u0645\u200c\u200c":              "\u0645\u200c\ufffd",
		"a\u2028b\u2029c\ue000\u3164":     "a\ufffdb\ufffdc\ufffd\ufffd",
		"not \xff UTF-8":                  "not \ufffd UTF-8",
	} {
		if got := visible.Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := visible.Line("a\r\n\tb"); got != "a\u240d\u240a\u2409b" {
		t.Errorf("one line is %q", got)
	}
}

// TestNothingHides holds that no character is left that cannot be seen, of all of them.
func TestNothingHides(t *testing.T) {
	t.Parallel()
	seen := 0
	for c := rune(0); c <= unicode.MaxRune; c++ {
		for _, left := range visible.Line(string(c)) {
			if seen++; visible.Hides(left) {
				t.Errorf("%U becomes %U", c, left)
			}
		}
	}
	if seen != unicode.MaxRune+1 {
		t.Errorf("%d characters are left of %d", seen, unicode.MaxRune+1)
	}
}

// TestColumns holds how much room texts take where every character has one or two columns.
func TestColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"":                               0,
		"plain":                          5,
		"\u00fcber":                      4,
		"u\u0308ber":                     4, // the dots are a mark of their own
		"\u6f22\u5b57":                   4,
		"\uff21\uff71":                   3, // a full and a half one
		"\ud55c":                         2,
		"\u1112\u1161\u11ab":             2, // the same, taken apart
		"\u2460\u2192\ufffd":             3,
		"\U0001f600":                     2,
		"\U0001f469\u200d\U0001f527":     2, // joined
		"\u2709\ufe0f!":                  2,
		"\u0645\u06cc\u200c\u062e\u06cc": 4,
	} {
		if got := visible.Columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}
