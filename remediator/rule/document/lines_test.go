package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestTextsOverSeveralLines holds that a text over several lines which YAML does not read is
// one mistake, shown as the block that it is meant as, and read so.
func TestTextsOverSeveralLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, at, trap, shown, value string }{
		{"r:\n  k: a > 6\n    ? b\n    : 'c'\n  z: 1\n", "2:6", "contains \": \"", "  k: >-\n    a > 6\n    ? b\n    : 'c'", "a > 6 ? b : 'c'"},
		{"r:\n  k: a > 6 ?\n    b :\n      c\n  z: 1\n", "2:6", "contains \": \"", "  k: >-\n    a > 6 ?\n    b :\n    c", "a > 6 ? b : c"},
		{"r:\n  k:\n    [1, 2].exists(x, x == a)\n  z: 1\n", "3:5", "starts with [", "  k: >-\n    [1, 2].exists(x, x == a)", "[1, 2].exists(x, x == a)"},
		{"r:\n  k: # why\n    a > 6\n    ? b\n    : c\n  z: 1\n", "3:5", "contains \": \"", "  k: >- # why\n    a > 6\n    ? b\n    : c", "a > 6 ? b : c"},
		{"r:\n  k: [1, 2].exists(x,\n    x == a)\n  z: 1\n", "2:6", "starts with [", "  k: >-\n    [1, 2].exists(x,\n    x == a)", "[1, 2].exists(x, x == a)"},
		{"r:\n  - k: [1, 2]\n      .exists(x, x == a)\n    z: 1\n", "2:8", "starts with [", "  - k: >-\n      [1, 2]\n      .exists(x, x == a)", "[1, 2] .exists(x, x == a)"},
		{"r:\n  k: \"a\" == b\n    && c\n  z: 1\n", "2:6", "starts with \"", "  k: >-\n    \"a\" == b\n    && c", "\"a\" == b && c"},
	} {
		source := document.NewSource("a.yaml", c.text)
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d %s\n%s", p.Line, p.Col, p.Message, p.Hint)
		}
		inner := document.Value(root, "r")
		if root != nil && len(document.Items(inner)) > 0 {
			inner = document.Items(inner)[0]
		}
		want := c.at + " YAML does not read this value as a text: it " + c.trap + "\nwrite it like this:\n" + c.shown
		if got != want {
			t.Errorf("%q: got %s\nwant %s", c.text, got, want)
		}
		if value := document.Value(inner, "k"); value == nil || value.Value != c.value || document.Value(inner, "z") == nil {
			t.Errorf("%q: got %v", c.text, value)
		}
	}
}

// TestLinesThatAreNoText holds that what stands below a key beside other keys is no text.
func TestLinesThatAreNoText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"r:\n  k:\n    a 5.00: USD: x\n    b: c\n  z: 1\n",
		"r:\n  k: \"a\\\n    b: c\n  z: 1\n",
		"r:\n  k: [a,\n    b ? c : d]\n  z: 1\n",
	} {
		source := document.NewSource("a.yaml", text)
		source.Parse()
		for _, p := range source.Problems {
			if strings.Contains(p.Hint, "k: >-") {
				t.Errorf("%q: got %s", text, p)
			}
		}
	}
}

// TestKeysOnOneLine holds that a key behind a key that has keys below it is shown in { }, and made no
// text.
func TestKeysOnOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"r:\n  limits: per_remedy: 5.00 USD # why\n  z: 1\n": "2:11 a key begins behind another on its line\nwrite it like this:\nlimits: {per_remedy: 5.00 USD} # why",
		"- refund: payment: ${{ a }}\n  z: 1\n":              "1:11 a key begins behind another on its line\nwrite it like this:\n- refund: {payment: \"${{ a }}\"}",
		"r:\n  let: n: a ? b : c\n  z: 1\n":                  "2:8 a key begins behind another on its line\nwrite it like this:\nlet: {n: \"a ? b : c\"}",
		"r:\n  why: late: very\n  z: 1\n":                    "2:8 YAML does not read this value as a text: it contains \": \"\nwrite it like this:\n  why: >-\n    late: very",
	} {
		source := document.NewSource("a.yaml", text)
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d %s\n%s", p.Line, p.Col, p.Message, p.Hint)
		}
		if got != want || root == nil {
			t.Errorf("%q: got %s\nwant %s", text, got, want)
		}
	}
}
