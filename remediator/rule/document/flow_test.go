package document_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestKeysOfCollections holds that a key inside of { } is read as YAML reads it: JSON is
// YAML, and nothing in it needs other quotes.
func TestKeysOfCollections(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`k: {"a": data.x, 'b': data.y}`,
		`k: [{"andon": {"pull": "a/b", "level": "red"}}]`,
		`{"k": [{"a": "b", "c": 1}], "d": {}}`,
		`k: {"a \"b\": c": 1, 'it''s: x': 2}`,
		`k: {"a":1, "b" : 2}`,
		`k: {größe: 3, 2xl: 4, a/b: 5}`,
		`- k: {"a": [1, 2]} # "b": c`,
		`k: [{event: {type: x.y, data: {dc:title: Hello}}}]`,
		`k: {dc:title: Hello, a b: 1, -5: a, -: b, http://x: c, x#y: d}`,
		`k: {it's: 1, f(x): 2, a: it's, b: smile :-), c: (, d: 5"}`,
		`k: [a b: c, (d, e: f]`,
		`k: {? a: b, c}`,
		`k: {: a}`,
	} {
		source := document.NewSource("a.yaml", text+"\n")
		if source.Parse() == nil || len(source.Problems) > 0 {
			t.Errorf("%s: got\n%s", text, source.Problems.Format())
		}
		// Beside a line that YAML cannot read it is judged by what it looks like.
		source = document.NewSource("a.yaml", "if: a ? b : c\n"+text+"\n")
		source.Parse()
		for _, p := range source.Problems {
			if p.Line == 2 && text[0] == 'k' {
				t.Errorf("%s: got\n%s", text, p)
			}
		}
	}
}

// TestTornValues holds that a value which YAML would tear apart is shown in quotes, behind
// whatever key.
func TestTornValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`k: {a: x ? y : z}`:        `k: {a: "x ? y : z"}`,
		`k: {"a": x ? y : z}`:      `k: {"a": "x ? y : z"}`,
		`k: {'a': f(x, y), b: 1`:   `k: {'a': "f(x, y)", b: 1}`,
		`k: {'a': f(x, y), b: 1}`:  `k: {'a': "f(x, y)", b: 1}`,
		`k: {a: late: very}`:       `k: {a: "late: very"}`,
		`k: {größe: f(x, y)}`:      `k: {größe: "f(x, y)"}`,
		`k: {dc:a: f(x, y)}`:       `k: {dc:a: "f(x, y)"}`,
		`k: {a b: f(x, y), -5: c}`: `k: {a b: "f(x, y)", -5: c}`,
		`k: {a.l[0]: 1, b: c}`:     `k: {"a.l[0]": 1, b: c}`,
		`k: [a.x ? a.y : a.z]`:     `k: ["a.x ? a.y : a.z"]`,
		// No comma, or one within the quotes.
		`k: [{a: {b: "${{ data.b }}," c: "${{ data.c }}"}}]`: `k: [{a: {b: "${{ data.b }}", c: "${{ data.c }}"}}]`,
		`k: {a: 'b,'  'c': d}`:                               `k: {a: 'b',  'c': d}`,
		`k: {a: "b" c: d}`:                                   `k: {a: "b", c: d}`,
		`k: {a: [1, 2] b: f(x, y), c: ","}`:                  `k: {a: [1, 2], b: "f(x, y)", c: ","}`,
		`k: [{a: 1} {b: 2}, "c" d]`:                          `k: [{a: 1}, {b: 2}, "c", d]`,
		`k: {<<: *l, a: f(x, y)}`:                            `k: {<<: *l, a: "f(x, y)"}`,
		`k: {a: {b: "x"|"}, c: f(x, y)}`:                     "",
		`k: [{a: {b: f(x, y)}"|"}]`:                          "",
		`k: ["b" in data.c]`:                                 "",
		`k: {a: "b" == data.c ? "d": "e", f: 3}`:             "",
		`k: ["b" index, "c" in]`:                             `k: ["b", index, "c", in]`,
		`k: {a: "b" c.d-e: f}`:                               `k: {a: "b", c.d-e: f}`,
		`k: {a: "b" c}`:                                      "",
	} {
		source := document.NewSource("a.yaml", text+"\n")
		source.Parse()
		got := ""
		for _, p := range source.Problems {
			if shown, ok := strings.CutPrefix(p.Hint, "write it like this:\n"); ok {
				got = shown
			}
		}
		if got != want || want != "" && len(source.Problems) != 1 && !strings.Contains(text, "*l") {
			t.Errorf("%s: got\n%s", text, source.Problems.Format())
		}
	}
}
