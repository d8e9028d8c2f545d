package document_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestCommentsWithinTexts holds that a comment in a text over several lines is named, since
// YAML complains of the line below it, and that the text is read without it.
func TestCommentsWithinTexts(t *testing.T) {
	t.Parallel()
	const said = " a comment ends the text above it, and more of the text stands below"
	for _, c := range []struct{ text, want, value string }{
		{"r:\n  k: a > 1\n    # why\n    && b\n  z: 1\n", "3:5" + said, "a > 1\n&& b"},
		{"r:\n  k: a > 1\n  # why\n      # and why\n    && b\n  z: 1\n", "3:3" + said, "a > 1\n\n&& b"},
		{"r:\n  k: a > 1 # why\n    && b\n  z: 1\n", "2:12" + said, "a > 1 && b"},
		{"r:\n  k: é == \"#\" # why\n    && b\n  z: 1\n", "2:15" + said, `é == "#" && b`},
		{"r:\n- k:\n    a\n    b # why\n    c\n  z: 1\n", "4:7" + said, "a b c"},
		{"r:\n  k: a # why\n    ? b\n    : c\n  z: 1\n", "2:8" + said + `2:6 YAML does not read this value as a text: it contains ": "`, "a ? b : c"},
		{"r:\n  k: a # why\n    # and why\n  z: 1\n", "", "a"},
		{"r:\n  k: >-\n    a # no comment\n    # nor this\n    b\n  z: 1\n", "", "a # no comment # nor this b"},
	} {
		source := document.NewSource("a.yaml", c.text)
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.Message)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
		inner := document.Value(root, "r")
		if items := document.Items(inner); len(items) > 0 {
			inner = items[0]
		}
		if value := document.Value(inner, "k"); value == nil || value.Value != c.value || document.Value(inner, "z") == nil {
			t.Errorf("%q: got %+v, want %q", c.text, value, c.value)
		}
	}
}
