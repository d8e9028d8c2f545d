package document_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestStrayEnds holds that what stands behind the end of a { } or [ ] is named and cut: the
// value stays the mapping or the list that it is.
func TestStrayEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		shown  string
		col    int
		broken bool
	}{
		`k: {a: {b: 1, c: 2}},`:         {`k: {a: {b: 1, c: 2}}`, 21, false},
		`k: {a: b} , # why`:             {`k: {a: b} # why`, 11, false},
		`k: [a, b].`:                    {`k: [a, b]`, 10, false},
		`k: {a: b}?`:                    {`k: {a: b}`, 10, false},
		`- {a: b},`:                     {`- {a: b}`, 9, false},
		`- k: {ä: "f, {g}"};`:           {`- k: {ä: "f, {g}"}`, 19, false},
		`k: {a: ${{ data.a }}, b: c},`:  {`k: {a: "${{ data.a }}", b: c}`, 28, false},
		`k: {a: b} 1e3`:                 {`k: {a: b}`, 11, true},
		`k: [1, 2][0] == data.n`:        {"k: >-\n  [1, 2][0] == data.n", 4, false},
		`k: {"a": 1}.a`:                 {"k: >-\n  {\"a\": 1}.a", 4, false},
		`k: [data.a, data.b].exists(x,`: {"k: >-\n  [data.a, data.b].exists(x,", 4, false},
	} {
		source := document.NewSource("a.yaml", text+"\n")
		if source.Parse() == nil {
			t.Errorf("%s: nothing is read: %s", text, source.Problems.Format())
			continue
		}
		p := source.Problems
		if len(p) != 1 || p[0].Hint != "write it like this:\n"+want.shown || p[0].Col != want.col || source.Broken != want.broken {
			t.Errorf("%s: broken %v, got\n%s", text, source.Broken, p.Format())
		}
	}
}

// TestStrayCommas names a comma of a { } or [ ] over several lines that parts nothing, where it
// stands, and reads on as without it.
func TestStrayCommas(t *testing.T) {
	t.Parallel()
	const behind, nothing = `"," stands behind the } that ends the value; remove it`, "there is nothing before this comma; remove it"
	for text, want := range map[string]string{
		"k: {\n  a: b,\n  c: d\n},\nz: 1\n":                                     "4:2 " + behind,
		"k: {\n  a: b,\n  c: d\n}, # why\nz: 1\n":                               "4:2 " + behind,
		"- k: {a: b,\n    ä: \"}\"} ,\n  z: 1\n":                                "2:13 " + behind,
		"k: [{a: b},\n  {a: c}],\nz: 1\n":                                       "2:10 \",\" stands behind the ] that ends the value; remove it",
		"k: {\n  a: b,\n  c: \"d\",\n  ,\n}\nz: 1\n":                            "4:3 " + nothing,
		"k: {\n  a: b,\n  c: \"d\",,\n}\nz: 1\n":                                "3:10 " + nothing,
		"k: {,\n  a: b\n}\nz: 1\n":                                              "1:5 " + nothing,
		"k: {\n  a: b, # why\n  # ,\n  , c: [d, , e]\n},\nz: 1\n":               "4:3 " + nothing + " | 4:12 " + nothing + " | 5:2 " + behind,
		"k: {\n  a: \"b,,\",\n  c: 'd, ,'\n}\nz: 1\n":                           "",
		"k: |\n  {a,\n  }, ,\nz: 1\n":                                           "",
		"k: [{c: \"d\n    , , # e\n  f\"},, {a: b}]\nz: [{a: b},,\n  {c: d}]\n": "3:7 " + nothing + " | 4:12 " + nothing,
		"k: [{a: b},,\n  {c: \"d\\\n    , , e\"}\n  ]\nz: 1\n":                  "1:12 " + nothing,
		"k: [{a: b},,\n  {c: \"d\n    , , e\"}\n  ]\nz: 1\n":                    "1:12 " + nothing,
	} {
		source := document.NewSource("a.yaml", text)
		root, got := source.Parse(), ""
		for i, p := range source.Problems {
			if i > 0 {
				got += " | "
			}
			got += fmt.Sprintf("%d:%d %s; %s", p.Line, p.Col, p.Message, p.Hint)
		}
		if got != want || root == nil || source.Broken {
			t.Errorf("%q: broken %v, got %q, want %q", text, source.Broken, got, want)
		}
	}
}
