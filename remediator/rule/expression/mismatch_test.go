package expression_test

import (
	"testing"

	"cel.dev/cel-go/cel"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// TestMismatch holds that an operation which does not take what an event has is named with
// the types of both sides, and is the one that the error comes from.
func TestMismatch(t *testing.T) {
	t.Parallel()
	engine, err := expression.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	scope, err := engine.Scope()
	if err != nil {
		t.Fatal(err)
	}
	vars, err := cel.NewActivation(map[string]any{"event": map[string]any{}, "data": map[string]any{
		"text": "a", "n": 4.0, "list": []any{"b", "c"}, "o": map[string]any{}, "nul": nil, "yes": true}})
	if err != nil {
		t.Fatal(err)
	}
	const mixed = "; texts and numbers are never mixed: write double(…) around the text, or string(…) around the number"
	for text, want := range map[string]string{
		"data.text > 3":                              "> does not take (text, number)" + mixed,
		"math.greatest(data.n, data.text) > 1.0":     "math.greatest(data.n, data.text): math.greatest does not take (number, text)",
		"math.least(data.text, data.n) > 1.0":        "math.least(data.text, data.n): math.least does not take (text, number)",
		"3 < data.text":                              "< does not take (number, text)" + mixed,
		"1 + data.text > 2.5":                        "1 + data.text: + does not take (number, text)" + mixed,
		"data.yes && data.list > data.o":             "data.list > data.o: > does not take (list, map)",
		"(data.nul > 1 || data.yes) && data.o < 3":   "data.o < 3: < does not take (map, number)",
		"data.text.contains(data.n)":                 `contains does not take (text, number); write data.text.contains("part")`,
		"data.list.exists(x, x > 3)":                 "x > 3: > does not take (text, number)" + mixed,
		"data.text ? data.n > 3 : data.n > 4":        "? : does not take (text)",
		"data.yes ? data.text > 3 : data.yes":        "data.text > 3: > does not take (text, number)" + mixed,
		"data.n > 9 ? data.yes : data.list > data.o": "data.list > data.o: > does not take (list, map)",
		"data.n in data.text":                        "in does not take (number, text)",
		"!data.n":                                    "! does not take (number)",
		"size(data.n) > 3":                           "size(data.n): size does not take (number)",
		`cidr("10.0.0.0/8").containsIP(data.n)`:      `containsIP does not take (net.CIDR, number); write cidr("10.0.0.0/8").containsIP(data.ip)`,
		"timestamp(data.n) > timestamp(data.text)":   `timestamp(data.n): timestamp does not take (number); write timestamp("2026-03-01T08:00:00Z") or timestamp(data.at)`,
		"data.absent > 3 || data.n > 9":              "",
		"data.n > 3":                                 "",
		"data.yes || data.text > 3":                  "",
		"data.list[data.text] > 3":                   "",
		"data.text > 3 ? data.unheard : data.absent": "data.text > 3: > does not take (text, number)" + mixed,
	} {
		program, issues := scope.Compile(text, nil)
		if issues != nil {
			t.Fatalf("%s: %v", text, issues)
		}
		_, err := program.Eval(vars)
		if expression.IsMismatch(err) != (want != "") {
			t.Errorf("%s: got %v", text, err)
		}
		if got, found := scope.Mismatch(text, nil, vars); got != want || found != (want != "") {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
