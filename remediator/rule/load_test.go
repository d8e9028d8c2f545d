package rule_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

var update = flag.Bool("update", false, "write the golden files anew")

// read loads a file of testdata.
func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load compiles one file that must be right.
func load(t testing.TB, text string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
	if err != nil {
		t.Fatalf("load:\n%v\n%s", err, text)
	}
	return set
}

// problems compiles one file and returns what is wrong with it, warnings apart.
func problems(t testing.TB, text string) rule.Problems {
	t.Helper()
	_, all := rule.Check([]rule.File{{Path: "rules.yaml", Text: text}})
	var found rule.Problems
	for _, p := range all {
		if p.Severity == "error" {
			found = append(found, p)
		}
	}
	return found
}

// event is the shortest rule with a given line or more in it.
func withLines(lines string) string {
	text := "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: com.example.x\n"
	for line := range strings.SplitSeq(strings.Trim(lines, "\n"), "\n") {
		text += "    " + line + "\n"
	}
	if !strings.Contains(lines, "do:") {
		text += "    do:\n      - andon: {pull: a/b, level: red, reason: r}\n"
	}
	return text
}

func TestTenMistakes(t *testing.T) {
	t.Parallel()
	_, err := rule.Load([]rule.File{{Path: "ten-mistakes.yaml", Text: read(t, "ten-mistakes.yaml")}})
	var found *rule.Problems
	if !errors.As(err, &found) {
		t.Fatalf("got %v, want problems", err)
	}
	if len(*found) != 10 {
		t.Errorf("got %d problems, want 10", len(*found))
	}
	for _, p := range *found {
		if p.Hint == "" || p.Frame == "" || p.Line == 0 || p.Col == 0 {
			t.Errorf("%s:%d:%d lacks a hint or a frame", p.File, p.Line, p.Col)
		}
	}
	golden := filepath.Join("testdata", "ten-mistakes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "ten-mistakes.golden"); err.Error()+"\n" != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// mistake is a part of a rule and the one problem that it has.
type mistake struct {
	lines string
	at    string // line:col in the whole rule, where the part begins on line 6
	code  string
	says  string // in the message
	hint  string // in the hint
}

func check(t *testing.T, mistakes []mistake) {
	t.Helper()
	for _, m := range mistakes {
		t.Run(m.lines, func(t *testing.T) {
			t.Parallel()
			found := problems(t, withLines(m.lines))
			if len(found) != 1 {
				t.Fatalf("got %d problems, want 1:\n%s", len(found), found.Format())
			}
			p := found[0]
			if at := place(p); at != m.at || p.Code != m.code || !strings.Contains(p.Message, m.says) || !strings.Contains(p.Hint, m.hint) {
				t.Errorf("got %s\nwant %s [%s] with %q and hint %q", p, m.at, m.code, m.says, m.hint)
			}
		})
	}
}

// A comment that ends where its line does hides nothing.
func TestCommentsInExpressions(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{
		"if: data.x > 1 // an hour", "if: |\n  data.x > 1 // an hour\n  && data.y", "if: >-\n  data.x > 1\n  && data.y // or \"z\"",
		`if: "data.x > 1 // an \"hour\""`, "if: 'data.x > 1 // an ''hour'''", "if: >-\n  data.at == \"https://x/\"\n  && data.y",
		"if:\n  data.x > 1\n  && data.y // an hour", "if:\n  data.x > 1\n  && data.y\n  // an hour", "if: \"data.x > 1\n  && data.y // caf\\u00e9 \\x22\"",
		"once_per:\n  - >-\n    data.a +\n    data.b // the leg\n  - data.c +\n    data.d // the leg", "if: >-\n  data.x > 1 // an hour\n\n  && data.y // an hour",
	} {
		if found := problems(t, withLines(lines)); len(found) != 0 {
			t.Errorf("%s\n%s", lines, found.Format())
		}
	}
}

func place(p rule.Problem) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(strings.Split(p.String(), ": error")[0], ":"))
	return strings.TrimPrefix(b.String(), "rules.yaml:")
}

func TestMistakesOfExpressions(t *testing.T) {
	t.Parallel()
	check(t, []mistake{
		{"if: dta.x > 3", "6:9", "expression", `"dta"`, "did you mean data?"},
		{"if: delay_min > 3", "6:9", "expression", `"delay_min"`, "data.delay_min"},
		{"if: data.x >", "6:17", "expression", "ends too early", "missing"},
		{"if: data.x = 3", "6:16", "expression", "unexpected =", "=="},
		{"if: data.x == 1 and data.y == 2", "6:21", "expression", "unexpected and", "&&"},
		{"if: >-\n  data.a > 1 &&\n  dat.b > 2", "8:7", "expression", `"dat"`, "data"},
		{"if: \"data.a == \\\"x\\\" && dat.b\"", "6:29", "expression", `"dat"`, "data"},
		{"if: size(data.x)", "6:9", "type", "whole number", "compare it"},
		{"if: data.x == 3 && 'a' > 2", "6:28", "expression", "does not take", "texts and numbers"},
		{"if: count() > 3", "6:9", "expression", "count() cannot be used here", "having"},
		{"if: data.id == 9007199254740993", "6:20", "expression", "±2^53", "texts"},
		{"if: data.id == 9007199254740993.0", "6:20", "expression", "9007199254740993.0 is beyond ±2^53", "texts"},
		{"if: data.id in [1.0, -9007199254740993.00]", "6:26", "expression", "-9007199254740993.00 is beyond ±2^53", "texts"},
		{"window: {within: 1h}\nhaving: max(timestamp(data.at)) > timestamp('2026-01-01T00:00:00Z')", "7:13", "expression", "max() does not take a timestamp", "max(int(timestamp(data.at)))"},
		{"window: {within: 1h}\nhaving: avg(event.time - timestamp(data.at)) > duration('1h')", "7:13", "expression", "avg() does not take a duration", "avg((event.time - timestamp(data.at)).getSeconds())"},
		{"if: data.id == 9007199254740993e0", "6:20", "expression", "9007199254740993e0 is beyond ±2^53", "texts"},
		{"if: data.id == -9.007199254740993E+15", "6:20", "expression", "-9.007199254740993E+15 is beyond ±2^53", "texts"},
		{"if: data.n % 2 == 0", "6:16", "expression", "whole numbers only", "int("},
		{"if: event.time - timestamp(data.at) > duration('3 days')", "6:52", "expression", "unit", ""},
		{"if: money(data.paid) > '5.00 USD'", "6:26", "expression", "(money, text)", "money("},
		{"if: money('5 US') < money(data.paid)", "6:15", "expression", "unknown currency", ""},
		{"if: data.a.matches('[')", "6:24", "expression", "missing closing ]", ""},
		{"if: ${{ data.x }}", "6:9", "template", "an expression already", "write data.x"},
		{"if: event.time.getHours('Europe/Berlin') > 3", "6:28", "expression", "getHours", ""},
		{"if: event.data.x > 3", "6:9", "attribute", "not an attribute", "write data.x"},
		{"if: data.y && has(event.data.x.z)", "6:23", "attribute", "not an attribute", "write data.x.z"},
		{"if: event.data == 3", "6:9", "attribute", "not an attribute", "write data"},
		{"if: event.data['a-b'].c == 3", "6:9", "attribute", "not an attribute", "write data.`a-b`.c"},
		{"once_per: event.data.order", "6:15", "attribute", "not an attribute", "write data.order"},
		{"do: [{andon: {pull: \"a/${{ event.data.x }}\", level: red, reason: r}}]", "6:32", "attribute", "not an attribute", "write data.x"},
		{"let: {a: b + 1, b: a}", "6:14", "cycle", "by way of b", ""},
		{"let: {data: event.id}", "6:11", "name", "meaning", ""},
		{"let: {a-b: event.id}", "6:11", "name", "a-b", ""},
		{"let: {n: count()}", "6:14", "expression", "cannot be used here", ""},
	})
}

// TestAttributesThatCannotBe warns of names that events are refused for: their fields are in
// the data.
func TestAttributesThatCannotBe(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"event.late_min > 3":      "6:9: warning: no event has an attribute late_min: their names are small letters and digits, at most 20 write data.late_min",
		"event['Order'] == 'x'":   "6:9: warning: no event has an attribute Order: their names are small letters and digits, at most 20 write data.Order",
		"event.custmer == 'x'":    "6:15: warning: event.custmer is no attribute that events are known to have did you mean event.customer?",
		"event.Customer == 'x'":   "6:15: warning: event.Customer is no attribute that events are known to have did you mean event.customer?",
		"event.latemin > 3":       "",
		"event.traceparent != ''": "",
	} {
		_, found := rule.Check([]rule.File{{Path: "rules.yaml", Text: withLines("if: " + condition)}})
		got := ""
		for _, p := range found {
			got += fmt.Sprintf("%d:%d: %s: %s %s", p.Line, p.Col, p.Severity, p.Message, p.Hint)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", condition, got, want)
		}
	}
}

func TestMistakesFromOtherLanguages(t *testing.T) {
	t.Parallel()
	check(t, []mistake{
		{"if: >-\n  data.x > 1 // an hour\n  && data.y", "7:18", "expression", "hides what stands below", "write |"},
		{"if: data.x > 1 // an hour\n    && data.y", "6:20", "expression", "hides what stands below", "write |"},
		{"if: \"data.x > 1 // an hour\n  && data.y\"", "6:21", "expression", "hides what stands below", "write |"},
		{"if: >-\n  data.x > 1 // an hour\n\n  && data.y // one\n  && data.z", "9:17", "expression", "hides what stands below", "write |"},
		{"if: >-\n  data.x > 1 // an hour\n  && data.y\nlet: {a: '\"// an hour && data.y\"'}", "7:18", "expression", "hides what stands below", "write |"},
		{"if: >-\n  data.x > 1 // an hour\n  && data.y\n\n  || data.z // an hour && data.y", "7:18", "expression", "hides what stands below", "write |"},
		{"if: >-\n  data.x > 1 // an hour\n  && data.y\n\n  || data.z == '// an hour && data.y'", "7:18", "expression", "hides what stands below", "write |"},
		{"if: \"data.x > 1 // caf\\u00e9\n  && data.y\"", "6:21", "expression", "hides what stands below", "write |"},
		{"if: data.x === 3", "6:18", "expression", "unexpected =", "=="},
		{"if: data.x => 3", "6:16", "expression", "unexpected =>", ">="},
		{"if: not data.x", "6:13", "expression", "unexpected not", "!"},
		{"if: data.a <> 3", "6:17", "expression", "unexpected <>", "!="},
		{"if: data.a == 1 or data.b", "6:21", "expression", "unexpected or", "||"},
		{"if: data.x > 5.00 USD", "6:23", "expression", "unexpected USD", `money("5.00 USD")`},
		{"if: data.late > 5m", "6:22", "expression", "unexpected m", `duration("5m")`},
		{"if: data.x in (1, 2)", "6:21", "expression", "unexpected ,", "[1, 2]"},
		{"if: money(data.paid) > pct(data.paid 10)", "6:42", "expression", "unexpected 10", "an operator or a comma"},
		{"if: data.null", "6:14", "expression", "unexpected null", `["null"]`},
		{"if: 'data.x == \"abc'", "6:20", "expression", "unexpected \"abc", "close the text"},
		{"if: data.x.all(i, i.y", "6:26", "expression", ") is missing", "close"},
		{"if: '${{ data.x }} > 3'", "6:10", "expression", "unexpected $", "without ${{ }}"},
		{"if: len(data.x) > 1", "6:9", "expression", "no function", "size(x)"},
		{"if: data.items.any(i, i > 1)", "6:20", "expression", "no function", "list.exists"},
		{"if: data.name.startswith('x')", "6:19", "expression", "no function", "startsWith"},
		{"if: fortnight(data.x)", "6:9", "expression", "no function", "functions: avg"},
		{"if: contains(data.x, 'y')", "6:17", "expression", "contains does not take", "data.text.contains"},
		{"if: event.time > now()", "6:22", "expression", "no function", "event.time"},
		{"if: data.x == None", "6:19", "expression", "None", "null"},
		{"if: data.?x > 3", "6:17", "expression", "(optional, whole number)", "orValue"},
		{`if: data.x.matches("\d+")`, "6:24", "expression", `unexpected "\d`, `written \\`},
		{"if: data.x ≥ 3", "6:16", "expression", "unexpected ≥", ">="},
		{"if: data.x == “a”", "6:19", "expression", "unexpected “", "straight quotes"},
		{"if: data.x > 3", "6:15", "expression", "unexpected U+00A0", "cannot be seen"},
		{"if: data.x in 'abc'", "6:16", "expression", "in does not take (any, text)", "contains"},
		{"if: data.late-min > 3", "6:19", "expression", `"min"`, "data.`late-min`"},
		{"if: data.x > 99999999999999999999", "6:18", "expression", "the number 99999999999999999999 is too large", "ids are texts"},
		{"storm: {remedies: 3, within: 99999999999d}", "6:34", "duration", "longer than a hundred years", "30s, 10m"},
		{"if: money(3) > money('1.00 USD')", "6:14", "expression", "money does not take", "3.00 USD"},
	})
}

func TestMistakesOfYAML(t *testing.T) {
	t.Parallel()
	check(t, []mistake{
		{"if: data.a ? data.b : data.c", "6:9", "yaml", `": "`, "if: >-\n      data.a ? data.b : data.c"},
		{"if: '{\"a\": 1}[data.x] == 1' # fine\naccount: 1: 2", "7:14", "yaml", `": "`, ">-"},
		{"if: data.x == \"a #1\"", "6:19", "expression", "unexpected \"a", "write it like this"},
		{"if: !data.x", "6:9", "yaml", "starts with !", "!data.x"},
		{"if: !data.x && data.y", "6:9", "yaml", "starts with !", "!data.x && data.y"},
		{"if: [1, 2].exists(x, x == data.n)", "6:9", "yaml", "starts with [", ">-"},
		{"if: {\"a\": true}[data.x]", "6:9", "yaml", "starts with {", ">-"},
		{"if: \"a\" == data.x", "6:9", "yaml", "starts with \"", ">-"},
		{"if: 'a' == data.x", "6:9", "yaml", "starts with '", ">-"},
		{"account: @home", "6:14", "yaml", "starts with @", ">-"},
		{"account: `home`", "6:14", "yaml", "starts with `", ">-"},
		{"account: %home", "6:14", "yaml", "starts with %", ">-"},
		{"account: *home", "6:14", "yaml", "starts with *", ">-"},
		{"let: {a: data.x ? 1 : 2}", "6:14", "yaml", "quoted", "let: {a: \"data.x ? 1 : 2\"}"},
		{"window: {by: least(data.a, data.b), within: 1d}\nhaving: count() > 1", "6:18", "yaml", "least(data.a, data.b)", `by: "least(data.a, data.b)"`},
		{"do: [{andon: {pull: a/${{ data.x }}, level: red, reason: r}}]", "6:25", "yaml", "${{ data.x }}", `pull: "a/${{ data.x }}"`},
		{"do:\n  - andon: {pull: \"a/b\", level: red, reason: ${{ data.x }", "7:50", "template", "not closed", ""},
		{"do:\n  - andon: {pull: \"a/b\", level: red, reason: \"${{ data.x\"}", "7:51", "template", "not closed", "${{ data.x }}"},
		{"account: \"not closed\nif: data.x > \"1\"", "6:14", "quote", "quote is not closed", "close it"},
		{"if: &a data.x", "6:9", "alias", "anchors", ">-"},
		{"\tif: data.x > 1", "6:5", "tab", "tab", "spaces"},
	})
}

// TestMistakesOfOneExpression: what is wrong with an expression is said at once,
// what a mistyped macro would have declared apart.
func TestMistakesOfOneExpression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`dat.x > 1 && evnt.id == "a" && data.x.startswith("a")`:         {`"dat"`, `"evnt"`, `"startswith"`},
		`data.l.exist(x, x > 1) && x == 2 && dat.y`:                     {`"exist"`, `"dat"`},
		`data.l.exsts(é, 1 > 2) && f(dat.x)`:                            nil, // no expression
		`data.t.matches("[") && dat.x && data.n == 9007199254740993`:    {`missing closing ]`, `±2^53`, `"dat"`},
		`money("5 US") < money(data.paid) && count() > 2 && distinc(1)`: {"unknown currency", "count() cannot", `"distinc"`},
	} {
		found := problems(t, withLines("if: >-\n  "+text))
		if want != nil && len(found) != len(want) {
			t.Errorf("%s: got %d problems\n%s", text, len(found), found.Format())
		}
		for _, part := range want {
			if !strings.Contains(found.Format(), part) {
				t.Errorf("%s: nothing says %s\n%s", text, part, found.Format())
			}
		}
	}
}

// TestRulesBehindManyWarningsAreRead loads them all, and refuses a wrong one among them.
func TestRulesBehindManyWarningsAreRead(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "  - {rule: r-%d, event: x.y, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n", i)
	}
	set, problems := rule.Check([]rule.File{{Path: "r.yaml", Text: text.String()}})
	if set == nil || len(set.Rules) != 300 || !strings.Contains(problems.Format(), "warning: not shown of the file: ") {
		t.Fatalf("got %s", problems.Count())
	}
	text.WriteString("  - {rule: wrong, event: x.y, once_pr: 1, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n")
	if set, problems = rule.Check([]rule.File{{Path: "r.yaml", Text: text.String()}}); set != nil || !strings.Contains(problems.Format(), "once_pr") {
		t.Errorf("got %s", problems.Count())
	}
}

// TestManyWrongRules counts what is wrong behind what is shown, and keeps none of it.
func TestManyWrongRules(t *testing.T) {
	t.Parallel()
	text := "rules:\n"
	for i := range 250 {
		text += fmt.Sprintf("  - {rule: r-%d, owner: o, why: w, event: x.y, once_per: data.o, do: [{credit: {customer: c, amount: \"${{ data.x + }}\"}}]}\n", i)
	}
	part, problems := rule.CheckPart([]rule.File{{Path: "r.yaml", Text: text}})
	if len(part.Set.Rules) != 0 || !strings.Contains(problems.Format(), "error: not shown of the file: 50 more errors [more]") {
		t.Errorf("%d rules, %s", len(part.Set.Rules), problems.Count())
	}
}
