package rehearse_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

func runTests(t *testing.T, files []rule.File) (*rule.Set, *rehearse.Tests) {
	t.Helper()
	rules, beside := rehearse.Split(files)
	set, err := rule.Load(rules)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := rehearse.Test(t.Context(), set, beside, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set, tests
}

func TestTheFlightsRulesPassTheirTests(t *testing.T) {
	t.Parallel()
	files := readFiles(t, flights+"rules")
	set, tests := runTests(t, files)
	rules, _ := rehearse.Split(files)
	if _, problems := rule.Check(rules); len(problems) > 0 {
		t.Errorf("Check:\n%s", problems.Format())
	}
	if !tests.Passed() || len(tests.Tests) != 11 {
		t.Errorf("%d tests:\n%s", len(tests.Tests), tests.Problems.Format())
	}
	for _, c := range tests.Conditions {
		if c.Holds == 0 || c.Fails == 0 {
			t.Errorf("no test shows both sides of %+v", c)
		}
	}
	if problems := rehearse.Demand(set, tests); len(problems) > 0 {
		t.Errorf("Demand:\n%s", problems.Format())
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, got:\n%s", name, got)
	}
}

// suiteOf returns the shop's rules with one file of tests.
func suiteOf(t *testing.T, name string) []rule.File {
	t.Helper()
	var files []rule.File
	for _, path := range []string{"shop.yaml", "contact.json", "contact.golden.json", name} {
		text, err := os.ReadFile("testdata/" + path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rule.File{Path: "shop/" + path, Text: string(text)})
	}
	return files
}

func TestTestsThatPass(t *testing.T) {
	t.Parallel()
	set, tests := runTests(t, suiteOf(t, "passing_test.yaml"))
	if !tests.Passed() || len(tests.Tests) != 8 {
		t.Errorf("%d tests:\n%s", len(tests.Tests), tests.Problems.Format())
	}
	want := []rehearse.Coverage{
		{Rule: "refund-broken", Condition: `data.reason == "broken"`, Holds: 4, Fails: 1},
		{Rule: "refund-broken", Condition: "data.units >= 2", Holds: 4, Fails: 1},
		{Rule: "stop-product", Condition: `data.reason == "broken"`, Holds: 1, Fails: 1},
		{Rule: "stop-product", Condition: "distinct(event.customer) >= 2", Holds: 1, Fails: 1},
		{Rule: "stop-product", Condition: "sum(data.units) < 100", Holds: 1, Fails: 1},
		{Rule: "thank", Holds: 1},
	}
	if !slices.Equal(tests.Conditions, want) {
		t.Errorf("conditions:\n got %+v\nwant %+v", tests.Conditions, want)
	}
	if problems := rehearse.Demand(set, tests); len(problems) > 0 {
		t.Errorf("Demand:\n%s", problems.Format())
	}
}

func TestTestsThatFailSayWhy(t *testing.T) {
	t.Parallel()
	set, tests := runTests(t, suiteOf(t, "failing_test.yaml"))
	if tests.Passed() || len(tests.Tests) == 0 {
		t.Errorf("Passed = %v with %d tests", tests.Passed(), len(tests.Tests))
	}
	for _, one := range tests.Tests {
		if one.Passed {
			t.Errorf("line %d: %q passed", one.Line, one.Name)
		}
	}
	for _, c := range tests.Conditions {
		if c.Holds+c.Fails > 0 {
			t.Errorf("tests that failed show %+v", c)
		}
	}
	demanded := rehearse.Demand(set, tests)
	golden(t, "failing.golden", tests.Problems.Format()+"\n")
	var beside strings.Builder
	for _, one := range tests.Tests {
		if len(one.Expected)+len(one.Got) > 0 {
			beside.WriteString(one.Name + "\n\n" + rehearse.SideBySide(one.Expected, one.Got) + "\n")
		}
	}
	golden(t, "beside.golden", beside.String())
	golden(t, "demanded.golden", demanded.Format()+"\n")
}

func TestMistakesInTestsAreAllNamed(t *testing.T) {
	t.Parallel()
	_, tests := runTests(t, suiteOf(t, "mistakes_test.yaml"))
	for _, one := range tests.Tests {
		if one.Passed {
			t.Errorf("line %d: %q passed in a file with mistakes", one.Line, one.Name)
		}
	}
	golden(t, "mistakes.golden", tests.Problems.Format()+"\n")
	_, tests = runTests(t, suiteOf(t, "uncased_test.yaml"))
	golden(t, "uncased.golden", tests.Problems.Format()+"\n")
}

// TestMistakesBesideTests holds that all mistakes of a file are named at once, those of its
// events too, and that a test without any runs beside them.
func TestMistakesBesideTests(t *testing.T) {
	t.Parallel()
	_, tests := runTests(t, suiteOf(t, "beside_test.yaml"))
	var passed []string
	for _, one := range tests.Tests {
		if one.Passed {
			passed = append(passed, one.Name)
		}
	}
	if want := []string{"good", "one case of two / data.units: 2"}; !slices.Equal(passed, want) {
		t.Errorf("passed are %q, want %q", passed, want)
	}
	golden(t, "mistakes-beside.golden", tests.Problems.Format()+"\n")
}

func TestTablesOfTests(t *testing.T) {
	t.Parallel()
	files := suiteOf(t, "cases_test.yaml")
	_, tests := runTests(t, files)
	var names []string
	for _, one := range tests.Tests {
		names = append(names, one.Name)
		if one.Golden != nil {
			golden(t, "contact.golden.json", one.Golden.Text)
		}
	}
	want := []string{"what becomes of a contact / data.units: 2", "what becomes of a contact / data.units: 1", "what becomes of a contact / above the limit",
		"what becomes of a contact / data: reason: late, tags: [a, b]", "the last event is the one that a case changes / customer: c-2, data.order: 78, data.payment: pi_2",
		"the last event is the one that a case changes / too late", "what comes again is another event of the same order", "every order is paid back",
		"a repeat comes at its own time", "the whole decision"}
	if !tests.Passed() || !slices.Equal(names, want) {
		t.Errorf("passed is %v, tests %q\n%s", tests.Passed(), names, tests.Problems.Format())
	}
	rules, beside := rehearse.Split(files)
	set, err := rule.Load(rules)
	if err != nil {
		t.Fatal(err)
	}
	some, err := rehearse.Test(t.Context(), set, beside, func(name string) bool { return strings.Contains(name, "too late") })
	if err != nil || len(some.Tests) != 1 || !some.Passed() {
		t.Errorf("of all tests %+v were run (%v)", some.Tests, err)
	}
	none, err := rehearse.Test(t.Context(), set, beside, func(string) bool { return false })
	if err != nil || none.Passed() {
		t.Errorf("no test was run, and passed is %v (%v)", none.Passed(), err)
	}
}

// A condition with != or ! is an error where its field is absent. Who wrote it
// is told, once, as soon as a test shows such an event.
func TestNegatedAbsentFieldsAreWarnedOf(t *testing.T) {
	t.Parallel()
	shop := suiteOf(t, "passing_test.yaml")[0]
	rules := func(condition string) rule.File {
		text := strings.Replace(shop.Text, `data.reason == "broken" && data.units >= 2`, condition, 1)
		return rule.File{Path: "shop/shop.yaml", Text: text}
	}
	tests := rule.File{Path: "shop/a_test.yaml", Text: `tests:
  - name: neither field
    send:
      - event: {type: com.example.contact.closed, customer: c, data: {order: 1, sku: s}}
      - event: {type: com.example.contact.closed, customer: c, data: {order: 2, sku: s}}
    expect: []
`}
	for condition, want := range map[string]int{
		`data.reason != "late" && !data.vip && data.units > 2`: 2,
		`data.?reason.orValue("") != "" && !has(data.sku)`:     0,
		`data.units > 2`: 0,
		`has(data.a) && has(data.b) && data.a != data.b`:                                                      0,
		`has(data.a) && has(data.b) && data.a != data.c`:                                                      1,
		`data.items.exists(i, i.broken) && data.items.exists_one(i, i.broken) && data.items.all(i, i.broken)`: 0,
		`(data.n == 1 || !data.items.exists(i, i.broken)) && data.items.exists(i, !i.whole)`:                  2,
	} {
		_, got := runTests(t, []rule.File{rules(condition), tests})
		if len(got.Problems) != want || !got.Passed() {
			t.Errorf("%s: passed is %v, want %d warnings:\n%s", condition, got.Passed(), want, got.Problems.Format())
		}
	}
}

// TestGuardsAndWhatTheyGuard holds that has(field) before a condition that reads the field is
// what keeps the rule from firing without it, by itself and whatever else the field is for.
func TestGuardsAndWhatTheyGuard(t *testing.T) {
	t.Parallel()
	const rules, tests = `
rules:
  - rule: a
    owner: o
    why: w
    event: com.example.a
    let: {doubled: data.x * 2}
    if: %s
    do: [{andon: {pull: a/b, level: red, reason: r}}]
`, `
tests:
  - name: t
    send: [{event: {type: com.example.a, data: %s}}]
    not: [{rule: a, because: "%s"}]
`
	for _, c := range []struct {
		condition, data, because string
		passes                   bool
	}{
		{"has(data.x) && data.x > 5", "{y: 1}", "has(data.x)", true},
		{"has(data.x) && data.x != \"a\"", "{y: 1}", "has(data.x)", true},
		{"has(data.x) && data.x.n > 5 && doubled > 3", "{y: 1}", "has(data.x)", true},
		{"has(data.x) && data.x > data.y", "{y: 1}", "has(data.x)", true},
		{"|-\n      has(data.x) // (since May)\n      && data.x != \"a\"", "{y: 1}", "has(data.x)", true},
		{"|-\n      // it is there\n      has(data.x)\n      && data.x != \"a\"", "{y: 1}", "has(data.x)", true},
		{"has(data.x) && data.x > data.y", "{z: 1}", "has(data.x)", false}, // y is absent too
		{"has(data.x) && data.y > 5", "{z: 1}", "has(data.x)", false},
		{"has(data.x) && data.y > 5", "{y: 1}", "has(data.x)", false},
		{"has(data.x) && data.xs > 5", "{y: 1}", "has(data.x)", false},
		{"data.x > 5 && has(data.x)", "{y: 1}", "data.x > 5", false},
	} {
		set, err := rule.Load([]rule.File{{Path: "a.yaml", Text: fmt.Sprintf(rules, c.condition)}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "a_test.yaml", Text: fmt.Sprintf(tests, c.data, c.because)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Passed() != c.passes || c.passes && len(got.Problems) > 0 {
			t.Errorf("%s of %s: passed %v, want %v:\n%s", c.condition, c.data, got.Passed(), c.passes, got.Problems.Format())
		}
	}
}

func TestNoTestsDoNotPass(t *testing.T) {
	t.Parallel()
	rules := suiteOf(t, "passing_test.yaml")[:1]
	if _, tests := runTests(t, rules); tests.Passed() {
		t.Error("no tests passed")
	}
	for _, text := range []string{"", "tests: []\n", "tests:\n", "- a list\n", "tests: text\n", "\xff", "# only a comment\n"} {
		_, tests := runTests(t, append(rules, rule.File{Path: "shop/empty_test.yaml", Text: text}))
		if tests.Passed() || !tests.Problems.Failed() {
			t.Errorf("%q: Passed = %v, problems %v", text, tests.Passed(), tests.Problems)
		}
	}
}

// TestTimesThatCannotBeRead holds that such a one is one mistake: it is before nothing.
func TestTimesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	rules := suiteOf(t, "passing_test.yaml")[:1]
	const text = "tests:\n  - name: a\n    send:\n      - {at: +3h, event: {type: x.y}}\n      - {at: +3x, event: {type: x.y}}\n" +
		"      - {at: +2h, event: {type: x.y}}\n      - {at: +4h, event: {type: x.y}}\n    expect: []\n"
	_, tests := runTests(t, append(rules, rule.File{Path: "shop/times_test.yaml", Text: text}))
	var got []string
	for _, p := range tests.Problems {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.Message))
	}
	want := []string{`5:14 "+3x" is no time since the test began`, `6:14 "+2h" is before the time of the event above it`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEventFilesAreReadAsTheServiceDoes refuses files whose event it would refuse, and says
// where in them.
func TestEventFilesAreReadAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - {rule: a, owner: o, why: w, event: x.y, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n"
	const test = "tests:\n  - {name: n, send: [{file: e.json}], expect: [a]}\n"
	for text, want := range map[string]string{
		`{"type": "x.y", "data": {"n": 9007199254740993, "m": 1.50}}`: "",
		"{\"type\": \"x.z\",\n \"type\": \"x.y\"}":                    `e.json: the name "type" is written twice`,
		"{\"type\": \"x.y\",}":                                        "e.json:1:",
		`{"type": "x.y"} {}`:                                          "e.json:1:",
		`[{"type": "x.y"}]`:                                           "e.json: it is no object",
		`null`:                                                        "e.json: it is no object",
		" \n":                                                         "e.json: it is empty",
		"":                                                            "e.json: it is empty",
	} {
		_, tests := runTests(t, []rule.File{{Path: "r.yaml", Text: rules}, {Path: "r_test.yaml", Text: test}, {Path: "e.json", Text: text}})
		said := ""
		for _, p := range tests.Problems {
			said += p.Message
		}
		if want == "" && !tests.Passed() || want != "" && !strings.Contains(said, "read the event of "+want) {
			t.Errorf("%s: got %q", text, said)
		}
	}
}

// The order of what is expected says nothing: one that says less leaves to the next the
// only remedy that is like it.
func TestOrderOfWhatIsExpectedSaysNothing(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: a
    owner: o
    event: x.y
    once_per: data.order
    do: [{credit: {customer: c, amount: "${{ data.paid }}"}}]
    limits: {budget: {amount: 100.00 USD, within: 1d}}
    account: "1"
`
	const one, two = "{rule: a, actions: [{credit: {amount: 1.00 USD}}]}", "{rule: a, actions: [{credit: {amount: 2.00 USD}}]}"
	for expect, passes := range map[string]bool{"a, " + one: true, "a, " + two: true, one + ", a": true, two + ", " + one: true, one + ", " + one: false} {
		test := "tests:\n  - name: n\n    send:\n"
		for n := 1; n <= 2; n++ {
			test += fmt.Sprintf("      - event: {type: x.y, data: {order: %d, paid: %d.00 USD}}\n", n, n)
		}
		_, tests := runTests(t, []rule.File{{Path: "r.yaml", Text: rules}, {Path: "r_test.yaml", Text: test + "    expect: [" + expect + "]\n"}})
		if tests.Passed() != passes {
			t.Errorf("expect %s passes: %v, want %v\n%s", expect, tests.Passed(), passes, tests.Problems.Format())
		}
	}
}

// TestTimeOfATestGoesForward refuses an event that arrives before the one above it.
func TestTimeOfATestGoesForward(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - {rule: a, owner: o, why: w, event: x.y, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n"
	for second, want := range map[string]string{"+2h": "", "+3h": "", "+1h": `2:58: "+1h" is before the time of the event above it`} {
		test := "tests:\n  - {name: n, send: [{at: +2h, event: {type: x.y}}, {at: " + second + ", event: {type: x.y}}], expect: [a, a]}\n"
		_, tests := runTests(t, []rule.File{{Path: "r.yaml", Text: rules}, {Path: "r_test.yaml", Text: test}})
		said := ""
		for _, p := range tests.Problems {
			said += fmt.Sprintf("%d:%d: %s", p.Line, p.Col, p.Message)
		}
		if said != want {
			t.Errorf("%s: got %q, want %q", second, said, want)
		}
	}
}

// TestSetNamesAPathOnce refuses what would otherwise be dropped.
func TestSetNamesAPathOnce(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - {rule: a, owner: o, why: w, event: x.y, if: data.late > 60, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n"
	const test = "tests:\n  - name: n\n    send: [{event: {type: x.y, data: {late: 1}}}]\n    cases:\n      - {set: {data.late: 3, data.late: 61}, expect: [a]}\n"
	_, tests := runTests(t, []rule.File{{Path: "r.yaml", Text: rules}, {Path: "r_test.yaml", Text: test}})
	if got := tests.Problems.Format(); len(tests.Problems) != 1 || !strings.HasPrefix(got, "r_test.yaml:5:30: error: set has data.late twice; the first is on line 5 [duplicate-key]") {
		t.Errorf("got\n%s", got)
	}
}

// TestMoneyIsShownToBePaid demands of live money a remedy that is acted on, or held for
// a limit or an approval: one held for another reason shows nothing of what it pays.
func TestMoneyIsShownToBePaid(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: a
    owner: o
    why: w
    event: x.y
    once_per: data.order
    do: [{credit: {customer: "${{ event.customer }}", amount: "${{ money(data.paid) }}"}}]
    limits: {%s}
    account: "1"
    mode: live
`
	const budget = "budget: {amount: 100.00 USD, within: 1d}"
	for _, c := range []struct{ limits, event, expect, held string }{
		{budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "expect: [a]", ""},
		{budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "golden: a.golden.json", ""},
		{budget, "customer: c, data: {order: 1, paid: 101.00 USD}", "expect: [{rule: a, decision: hold}]", ""},
		{"per_remedy: 1.00 USD, " + budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "expect: [{rule: a, decision: hold}]", ""},
		{"per_customer: {amount: 1.00 USD, within: 1d}, " + budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "expect: [{rule: a, decision: hold}]", ""},
		{"approve_above: 1.00 USD, " + budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "expect: [{rule: a, decision: hold}]", ""},
		{budget, "customer: c, data: {order: 1}", "expect: [{rule: a, decision: hold}]", "hold (error)"},
		{budget, "data: {order: 1, paid: 5.00 USD}", "expect: [{rule: a, decision: hold}]", "hold (no customer)"},
		{budget, "customer: c, data: {order: 1, paid: 5.00 EUR}", "expect: [{rule: a, decision: hold}]", "hold (currency)"},
		{"over: suppress, per_remedy: 1.00 USD, " + budget, "customer: c, data: {order: 1, paid: 5.00 USD}", "expect: [{rule: a, decision: suppress}]", "suppress (per_remedy)"},
	} {
		test := "tests:\n  - {name: n, send: [{event: {type: x.y, " + c.event + "}}], " + c.expect + "}\n"
		files := []rule.File{{Path: "r.yaml", Text: fmt.Sprintf(rules, c.limits)}, {Path: "r_test.yaml", Text: test}}
		_, tests := runTests(t, files)
		for _, one := range tests.Tests {
			if one.Golden != nil {
				_, tests = runTests(t, append(files, rule.File{Path: one.Golden.Path, Text: one.Golden.Text}))
			}
		}
		set, err := rule.Load(files[:1])
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if c.held != "" {
			want = "the rule a is live and moves money, but no remedy of it that the tests expect is paid, or held for a limit or an approval; the first is: " + c.held
		}
		said := ""
		for _, p := range rehearse.Demand(set, tests) {
			said += p.Message
		}
		if !tests.Passed() || said != want {
			t.Errorf("%s; %s; %s: got %q, want %q\n%s", c.limits, c.event, c.expect, said, want, tests.Problems.Format())
		}
	}
}
