package document_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestTextsThatGoOn holds that a line is a collection or a tag only where YAML begins a value
// on it: what goes on with a text above it is that text, whatever it looks like.
func TestTextsThatGoOn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"k: data.kind in\n  [\"a\", \"b\", data.c[0]]\n",
		"k: data.kind in\n\n\n  [min(1, 2), 3]\n",
		"k:\n  data.kind in\n  [min(1, 2), 3]\n",
		"k: The terms\n  [see (a, b)]\n",
		"k: \"The terms\n  [f(b, c)]\"\n",
		"k: 'it''s\n\n  {a: f(b, c)}\n  !d'\n",
		"- k: >-\n    x\n    [f(b, c)]\n  l: 1\n",
		"k:\n- >-\n  [f(b, c)]\n",
		"k: |\n  a\n  \tb\n",
		"k: a\n  \tb\n",
		"k: !!str 4711\n",
	} {
		// Beside a line that YAML cannot read it is judged by what the lines look like.
		for _, beside := range []string{"", "if: a ? b : c\n", "x: {y: ${{ z }}}\n"} {
			if beside != "" && strings.HasPrefix(text, "- ") {
				continue
			}
			want := 0
			if beside != "" {
				want = 1
			}
			source := document.NewSource("a.yaml", text+beside)
			if source.Parse() == nil || len(source.Problems) != want {
				t.Errorf("%q: got\n%s", text+beside, source.Problems.Format())
			}
		}
	}
}

// TestDiffers compares what people wrote with what is to be written for them: it may say
// something else only where YAML took a value for what nobody means.
func TestDiffers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		written, rewritten string
		line               int // on which they differ, 0 for nowhere
	}{
		{"a: 1\nb: [x, y]\n", "a: 1\n\nb:\n  - x\n  - 'y'\n", 0},
		{"a: 1\nb: x\n", "a: 1\nb: y\n", 2},
		{"a: 1\nb: [x]\n", "a: 1\nb: [x, y]\n", 2},
		{"a: !x.y\n", "a: '!x.y'\n", 0},
		{"a: {n: f(b, c), m: d}\n", "a: {n: 'f(b, c)', m: d}\n", 0},
		{"a: {n: f(b, c), m: d}\n", "a: {n: 'f(b, c)', m: e}\n", 1},
		{"a: {n: f(b, c), m: d}\n", "a: {n: 'f(b, c)'}\n", 1},
		{"a: [f(b, c), d]\n", "a: ['f(b, c)', d]\n", 0},
		{"a: [(b, d]\n", "a: ['(b, d']\n", 1},
		{"a: ['(b', 'c)']\n", "a: ['(b, c)']\n", 1},
	} {
		before, after := document.NewSource("a.yaml", c.written), document.NewSource("a.yaml", c.rewritten)
		root := after.Parse()
		before.Parse()
		got := 0
		if n := document.Differs(before.Written(), root); n != nil {
			got = n.Line
		}
		if got != c.line {
			t.Errorf("%q as %q: got line %d, want %d", c.written, c.rewritten, got, c.line)
		}
	}
}
