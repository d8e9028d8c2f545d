package document_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestBracketsThatDoNotEnd names the bracket that is not closed, once, and reads what stands
// behind it.
func TestBracketsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: {b: {c: 1}\nz: 1\n":                          "1:4 the { is not closed; write } at the end of line 1",
		"a: [{b: c} # more\nz: 1\n":                      "1:4 the [ is not closed; write ] at the end of line 1",
		"ä: x\na: [b: [c, {d: e\nz: 1\n":                 "2:4 the [ is not closed; write }]] at the end of line 2",
		"a:\n  - {b: c, d: {e: f}\n  - {b: c}\nz: 1\n":   "2:5 the { is not closed; write } at the end of line 2",
		"a: {\n  b: [1, 2,\n    3\n\n  ],\n  c: d\nz: 1": "1:4 the { is not closed; write } at the end of line 6",
		"z: 1\na: [":          "2:4 the [ is not closed; write ] at the end of line 2",
		"a: [b, \"c]\nz: 1\n": "1:8 the quote is not closed; close it where the text ends",
		"a: [b, \"c\nz: 1\n":  "1:8 the quote is not closed; close it where the text ends | 1:4 the [ is not closed; write ] at the end of line 1",
		"l: {a: \"data.x[0]\", b: data.y[0}\nz: 1\n":            "1:30 the [ is not closed; write it like this:\nl: {a: \"data.x[0]\", b: \"data.y[0]\"}",
		"l: {a: data.x[0}\nz: 1\n":                              "1:14 the [ is not closed; write it like this:\nl: {a: \"data.x[0]\"}",
		"l: [f(a, {b: c]\nz: 1\n":                               "1:10 the { is not closed; write } before the ] in column 15",
		"l: {a: data.x == \"a]\", b: data.y\nz: 1\n":            "1:4 the { is not closed; write it like this:\nl: {a: 'data.x == \"a]\"', b: data.y}",
		"l: {a: \"x, b: data.y}\nz: 1\n":                        "1:8 the quote is not closed; close it where the text ends",
		"r:\n  l: {a: data.x,\n  b: data.y\n  m: 2\nz: 1\n":     "2:6 the { is not closed; write } at the end of line 3",
		"r:\n  l: {a: data.x,\n      b: data.y\n  m: 2\nz: 1\n": "2:6 the { is not closed; write } at the end of line 3",
		"r:\n  - l: [data.x,\n    data.y\n    m: 2\nz: 1\n":     "2:8 the [ is not closed; write ] at the end of line 3",
		"a: [b]]\nz: 1\n":                                       "1:7 there is nothing that this ] closes; remove it, or open what it closes",
		"a: {b: it's, c: d\nz: 1\n":                             "1:4 the { is not closed; write } at the end of line 1",
		"a: |-\n  [b\nz: {c\n":                                  "3:4 the { is not closed; write } at the end of line 3",
		"a: {\nb: c,\nd: \"e # }\"\n}\nz: 1\n":                  "",
		"a: [\n  b, # ]\n  c\n]\nz: 1\n":                        "",
	} {
		source := document.NewSource("a.yaml", text)
		root, got := source.Parse(), ""
		for i, p := range source.Problems {
			if i > 0 {
				got += " | "
			}
			got += fmt.Sprintf("%d:%d %s; %s", p.Line, p.Col, p.Message, p.Hint)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if document.Value(root, "z") == nil {
			t.Errorf("%q: what stands behind is not read", text)
		}
	}
}

// TestEscapesThatYAMLDoesNotKnow shows the line with the backslash doubled: with quotes inside
// of quotes it would be another text.
func TestEscapesThatYAMLDoesNotKnow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a: "x\d+"`:                         `1:6 \d | a: "x\\d+"`,
		`  - a: "ä \"\d\s\n\\d\" \q" # why`: `1:13 \d | - a: "ä \"\\d\\s\n\\d\" \\q" # why`,
		`a: "x\n\u00e9\\"`:                  "",
	} {
		source := document.NewSource("a.yaml", text+"\n")
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d %.2s | %s", p.Line, p.Col, p.Message, p.Hint[len("write it like this:\n"):])
		}
		if got != want || root == nil {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
