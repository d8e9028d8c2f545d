package lint_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

var update = flag.Bool("update", false, "write the golden file anew")

func check(t testing.TB, text string) rule.Problems {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := lint.Check(set)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDoubtfulRulesAreNamed(t *testing.T) {
	t.Parallel()
	problems := check(t, read(t, "doubtful.yaml"))
	got := problems.Format() + "\n"
	if *update {
		if err := os.WriteFile("testdata/doubtful.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "doubtful.golden"); got != want {
		t.Errorf("got\n%s", got)
	}
	if problems.Failed() {
		t.Error("a warning is an error")
	}
}

func TestRulesThatAreFineAreLeftAlone(t *testing.T) {
	t.Parallel()
	if problems := check(t, read(t, "fine.yaml")); len(problems) > 0 {
		t.Errorf("got\n%s", problems.Format())
	}
}

// TestOneKeyForAll warns of a key that is the same for everybody.
func TestOneKeyForAll(t *testing.T) {
	t.Parallel()
	const text = "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: x\n    let: {fixed: '\"order\"', joined: fixed + string(data.n), named: fixed}\n" +
		"    do: [{andon: {pull: a/b, level: red, reason: r}}]\n    once_per: "
	for key, warned := range map[string]bool{
		`'"data.order"'`: true, "5": true, "named": true, "['\"a\"', fixed]": true, "{key: '\"a\"', scope: b}": true,
		"data.order": false, "joined": false, "['\"a\"', data.order]": false, "event.customer": false, "event.type": true, "[event.type, data.n]": false, `'data["or" + "der"]'`: false,
	} {
		problems := check(t, text+key+"\n")
		if got := len(problems) == 1 && problems[0].Code == "one-key" && problems[0].Line == 8 && problems[0].Col >= 15; got != warned || !warned && len(problems) > 0 {
			t.Errorf("once_per: %s: warned %v, want %v: %s", key, got, warned, problems.Format())
		}
	}
}

// TestNeverPays warns of amounts that are written out and above a limit of their rule.
func TestNeverPays(t *testing.T) {
	t.Parallel()
	const text = "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: x\n    once_per: data.order\n    do: [%s]\n    limits: {%s}\n"
	credit := func(amount string) string {
		return `credit: {customer: "${{ event.customer }}", amount: "` + amount + `"}`
	}
	five, budget := "{"+credit("5.00 USD")+"}", "budget: {amount: 100.00 USD, within: 1d}"
	for _, c := range []struct{ do, limits, want string }{
		{five, "per_remedy: 3.00 USD, " + budget, "every remedy is held: the rule pays 5.00 USD, and per_remedy is 3.00 USD"},
		{five, "per_remedy: 5.00 USD, " + budget, ""},
		{five, "budget: {amount: 4.00 USD, within: 1d}", "every remedy is held: the rule pays 5.00 USD, and budget is 4.00 USD"},
		{five, "over: suppress, budget: {amount: 4.00 USD, within: 1d}", "every remedy is dropped: the rule pays 5.00 USD, and budget is 4.00 USD"},
		{five, "per_customer: {amount: 4.99 USD, within: 1d}, " + budget, "every remedy is held: the rule pays 5.00 USD, and per_customer is 4.99 USD"},
		{five, "per_customer: {remedies: 1, within: 1d}, " + budget, ""},
		{"{" + credit("5.00 EUR") + "}", budget, "every remedy is held: the rule pays 5.00 EUR, and budget names no amount in EUR"},
		{"{" + credit("5.00 EUR") + "}", "budget: {amount: [100.00 USD, 10.00 EUR], within: 1d}", ""},
		{five + ", {name: more, " + credit("5.00 USD") + "}", "per_remedy: 9.00 USD, " + budget, "every remedy is held: the rule pays 10.00 USD, and per_remedy is 9.00 USD"},
		{"{" + credit("${{ data.paid }}") + "}", "per_remedy: 0.01 USD, " + budget, ""},
	} {
		var got []string
		for _, p := range check(t, fmt.Sprintf(text, c.do, c.limits)) {
			if p.Code != "never-pays" || p.Line != 8 {
				t.Errorf("got %s", p)
			}
			got = append(got, p.Message)
		}
		if got := strings.Join(got, "\n"); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.do, c.limits, got, c.want)
		}
	}
}

// TestKindsThatNeverMeet warns of a condition that no event can pass for the kinds of what it
// compares, and says what to write: of a time that is compared with a text, a number in quotes
// is not what is wrong.
func TestKindsThatNeverMeet(t *testing.T) {
	t.Parallel()
	const text = "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: x\n    let: {due: data.due}\n    %s: %s\n    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	for _, c := range []struct{ key, value, hint string }{
		{"if", `event.time > "2026"`, `write timestamp("2026-01-01T00:00:00Z")`},
		{"if", `data.n > 3 && event.time - due > duration("1h")`, `write timestamp(data.due)`},
		{"if", `event.customer == 42`, `write "42"`},
		{"having", "count(data.paid > money('3.00 USD')) > 3\n    window: {by: data.k, within: 1d}", `write money(data.paid)`},
		{"unless", `{event: y, if: 'data.paid > money("3.00 USD")', by: data.k, within: 1d}`, `write money(data.paid)`},
		{"if", `data.due > 3 && data.due < 2`, "mend the condition, or remove the rule"},
	} {
		problems := check(t, fmt.Sprintf(text, c.key, c.value))
		if len(problems) != 1 || problems[0].Code != "never" || problems[0].Line != 7 || problems[0].Hint != c.hint {
			t.Errorf("%s: %s: got\n%s", c.key, c.value, problems.Format())
		}
	}
	if problems := check(t, fmt.Sprintf(text, "if", `event.time > timestamp(due) && data.paid == [1] && event.other > 3`)); len(problems) > 0 {
		t.Errorf("got\n%s", problems.Format())
	}
}

// TestAbsentPays warns of a counterpart's condition that has no value where a field is
// absent, of rules that move money.
func TestAbsentPays(t *testing.T) {
	t.Parallel()
	const text = "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: x\n    let: {notice: data.notice_h, known: data.?notice_h.orValue(24)}\n" +
		"    once_per: data.visit\n    limits: {budget: {amount: 9.00 USD, within: 1d}}\n    do: [{%s}]\n    unless:\n      event: %s\n      if: %s\n      by: data.visit\n      within: 1d\n"
	const pays, stops = `credit: {customer: "${{ event.customer }}", amount: 1.00 USD}`, "andon: {pull: a/b, level: red, reason: r}"
	for _, c := range []struct{ do, event, condition, want string }{
		{pays, "y", `data.notice_h >= 24 || data.by == "customer"`, `data.notice_h >= 24 || data.by == "customer" (no such key: notice_h)`},
		{pays, "y", `data.?by.orValue("") == "customer" || data.notice_h >= 24`, `data.?by.orValue("") == "customer" || data.notice_h >= 24 (no such key: notice_h)`},
		{pays, "y", `data.?by.orValue("") == "customer" && data.notice_h >= 24`, "data.notice_h >= 24 (no such key: notice_h)"},
		{pays, "y.*", "data.done", "data.done (no such key: done)"},
		{pays, "y", "notice >= 24", "notice >= 24 (no such key: notice_h)"},
		{pays, "y", "timestamp(data.at) < event.time", "timestamp(data.at) < event.time (no such key: at)"},
		{pays, "[y, {type: z, if: data.kind == 'b'}]", "data.?done.orValue(true)", "data.kind == 'b' (no such key: kind)"},
		{pays, "y", "data.visit.done", "data.visit.done (no such key: visit)"},
		{stops, "y", "data.done", ""},
		{pays, "y", "data.?done.orValue(true)", ""},
		{pays, "y", "known >= 24", ""},
		{pays, "y", "has(data.notice_h) && data.notice_h >= 24", ""},
		{pays, "y", "'!has(data.notice_h) || data.notice_h >= 24'", ""},
		{pays, "y", "has(data.a) && has(data.b) && data.a == data.b", ""},
		{pays, "y", "has(data.a) && has(data.b) && data.a == data.c", "data.a == data.c (no such key: a)"},
		{pays, "y", `event.customer == "c"`, ""},
		{pays, "[y, z]", "'true'", ""},
	} {
		var got []string
		for _, p := range check(t, fmt.Sprintf(text, c.do, c.event, c.condition)) {
			if p.Code != "absent-pays" || p.Line != 11 {
				t.Errorf("got %s", p)
			}
			_, condition, _ := strings.Cut(p.Message, ": ")
			got = append(got, condition)
		}
		if got := strings.Join(got, "\n"); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.event, c.condition, got, c.want)
		}
	}
}

// TestOneWaitsForAnother holds that of two rules with unless the wider one covers the other
// only where each makes good once what waits for one counterpart: of two such events it waits
// for the first alone, and the other rule for the second, which may be of somebody else.
func TestOneWaitsForAnother(t *testing.T) {
	t.Parallel()
	const one = "  - rule: %s\n    owner: o\n    why: w\n    event: x\n    if: data.n > %d\n    unless: {event: y, %swithin: 1d}\n%s    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	for _, c := range []struct {
		by, key string
		over    int // what the second rule's field lies above; it is 3 of the first
		want    string
	}{
		{"by: data.k, ", "    once_per: data.k\n", 5, "shadowed"},
		{"by: data.k, ", "    once_per: data.order\n", 5, ""},
		{"by: data.k, ", "    once_per: [data.k, data.order]\n", 5, ""},
		{"by: data.k, ", "", 5, ""},
		{"", "    once_per: data.k\n", 5, ""},
		{"by: data.k, ", "    once_per: data.order\n", 3, "duplicate-of"},
		{"", "", 3, "duplicate-of"},
	} {
		got := ""
		for _, p := range check(t, "rules:\n"+fmt.Sprintf(one, "a", 3, c.by, c.key)+fmt.Sprintf(one, "b", c.over, c.by, c.key)) {
			got += p.Code
		}
		if got != c.want {
			t.Errorf("%q %q, over %d: got %s; want %s", c.by, c.key, c.over, got, c.want)
		}
	}
}

// TestHavingByLets holds that what lets stand for is compared where having uses them.
func TestHavingByLets(t *testing.T) {
	t.Parallel()
	const one = "  - rule: %s\n    owner: o\n    why: w\n    event: x\n    let: {enough: '%s'}\n    window: {within: 1h}\n    having: count() >= enough\n    once_per: {key: data.k, scope: s}\n    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	for second, want := range map[string]string{"5.0": "duplicate-of", "2.0": ""} {
		got := ""
		for _, p := range check(t, "rules:\n"+fmt.Sprintf(one, "a", "5.0")+fmt.Sprintf(one, "b", second)) {
			got += p.Code
		}
		if got != want {
			t.Errorf("5.0 and %s: got %q, want %q", second, got, want)
		}
	}
}

// TestOneCoversAnother holds which of two rules with the same steps is said to do the same as
// the other, or to pay beside it.
func TestOneCoversAnother(t *testing.T) {
	t.Parallel()
	const one = "  - rule: %s\n    owner: o\n    why: w\n    event: x\n    mode: %s\n    if: data.n > %d\n    once_per: %s\n    do: [%s]\n    limits: {budget: {amount: 9.00 USD, within: 1d}}\n    account: \"1\"\n"
	const pays, stops = `{credit: {customer: "${{ event.customer }}", amount: 1.00 USD}}`, "{andon: {pull: a/b, level: red, reason: r}}"
	for _, c := range []struct {
		modes, keys [2]string
		over        int // what the second rule's field lies above; it is 3 of the first
		do, want    string
		hint        string
	}{
		{[2]string{"live", "live"}, [2]string{"data.k", "data.k"}, 3, stops, "duplicate-of", "remove one of them"},
		{[2]string{"live", "live"}, [2]string{"data.k", "data.k"}, 5, stops, "shadowed", "remove it, or narrow a so that they exclude each other"},
		{[2]string{"canary 5%", "live"}, [2]string{"data.k", "data.k"}, 5, stops, "", ""},
		{[2]string{"live", "canary 5%"}, [2]string{"data.k", "data.k"}, 5, stops, "shadowed", "remove it, or narrow a so that they exclude each other"},
		{[2]string{"canary 5%", "canary 5%"}, [2]string{"data.k", "data.k"}, 5, stops, "", ""}, // of other customers
		{[2]string{"canary 5%", "canary 5%"}, [2]string{"{key: data.k, scope: s}", "{key: data.k, scope: s}"}, 5, stops, "shadowed", "remove it, or narrow a so that they exclude each other"},
		{[2]string{"canary 5%", "canary 6%"}, [2]string{"{key: data.k, scope: s}", "{key: data.k, scope: s}"}, 5, stops, "", ""},
		{[2]string{"live", "shadow"}, [2]string{"data.k", "data.k"}, 5, stops, "", ""},
		{[2]string{"live", "live"}, [2]string{"data.k", "[data.k, data.l]"}, 3, stops, "", ""},
		{[2]string{"live", "live"}, [2]string{"data.k", "[data.k, data.l]"}, 3, pays, "pays-twice", "make their conditions exclude each other"},
		{[2]string{"live", "live"}, [2]string{"[data.k, data.l]", "[data.l, data.k]"}, 5, pays, "pays-twice",
			"make their conditions exclude each other, or give them one scope: once_per: {key: [data.k, data.l], scope: a}"},
		{[2]string{"canary 5%", "live"}, [2]string{"'data[\"the-key\"]'", "'data[\"the-key\"]'"}, 5, pays, "pays-twice",
			`make their conditions exclude each other, or give them one scope: once_per: {key: ['data["the-key"]'], scope: a}`},
	} {
		text := "rules:\n" + fmt.Sprintf(one, "a", c.modes[0], 3, c.keys[0], c.do) + fmt.Sprintf(one, "b", c.modes[1], c.over, c.keys[1], c.do)
		got, hint := "", ""
		for _, p := range check(t, text) {
			got, hint = got+p.Code, hint+p.Hint
		}
		if got != c.want || hint != c.hint {
			t.Errorf("%s %s, over %d: got %s, %s; want %s", c.modes, c.keys, c.over, got, hint, c.want)
		}
	}
}

// TestOnePayment holds what is said of two rules that refund one payment: of one key in one
// scope the first of them pays; else the payment, whatever the keys, is refunded once.
func TestOnePayment(t *testing.T) {
	t.Parallel()
	const one = "  - rule: %s\n    owner: o\n    why: w\n    event: x\n    if: data.n > %d\n    once_per: %s\n    do: [{refund: {payment: \"${{ data.payment }}\", amount: %s}}]\n    limits: {budget: {amount: 9.00 USD, within: 1d}}\n"
	const held = "the rules a and b may refund data.payment for the same event: the one that comes later is held, for it is refunded already"
	const first = "the rules a and b may refund data.payment for the same event: they take one key, so the one whose name comes first does, whatever the other would pay"
	for _, c := range []struct{ key, amount, want string }{
		{"{key: data.k, scope: a}", "2.00 USD", first},
		{"data.k", "2.00 USD", held},
		{"{key: data.l, scope: a}", "2.00 USD", held},
		{"data.l", "2.00 USD", held},
		{"data.l", "1.00 USD", held},
	} {
		var got []string
		for _, p := range check(t, "rules:\n"+fmt.Sprintf(one, "a", 3, "data.k", "1.00 USD")+fmt.Sprintf(one, "b", 5, c.key, c.amount)) {
			if p.Code != "pays-twice" {
				t.Errorf("got %s", p)
			}
			got = append(got, p.Message)
		}
		if got := strings.Join(got, "\n"); got != c.want {
			t.Errorf("once_per: %s, %s: got %q, want %q", c.key, c.amount, got, c.want)
		}
	}
}

// TestAggregatesAreNamedWhereTheyStand marks one that takes no event in the part of the
// rule that calls it.
func TestAggregatesAreNamedWhereTheyStand(t *testing.T) {
	t.Parallel()
	const text = `rules:
  - rule: a
    owner: o
    why: w
    event: x
    if: data.kind == "broken"
    window: {by: data.sku, within: 1d}
    having: %s
    do: [{andon: {pull: a/b, level: red, reason: "${{ count(data.kind == 'late') }} late"}}]
`
	for having, want := range map[string]int{`count() > 3`: 9, `count() > 3 && count(data.kind == "late") < 5`: 8} {
		problems := check(t, fmt.Sprintf(text, having))
		if len(problems) != 1 || problems[0].Code != "never" || problems[0].Line != want {
			t.Errorf("having: %s: want a warning in line %d, got\n%s", having, want, problems.Format())
		}
	}
}

// TestWhatNoIndexFindsAddsUp holds that an event pays for the rules of its type and
// for those of every prefix above it.
func TestWhatNoIndexFindsAddsUp(t *testing.T) {
	t.Parallel()
	eight := "data.a != data.b"
	for _, field := range []string{"c", "d", "e", "f", "g", "h", "i"} {
		eight += " && data.a != data." + field
	}
	tests := map[string]struct {
		events []string // of a rule each
		warned string   // the rules, by their number
	}{
		"one of eight":             {[]string{"com.x"}, ""},
		"two types":                {[]string{"com.x", "com.y"}, ""},
		"two of one type":          {[]string{"com.x", "com.x"}, "0 1"},
		"a prefix above":           {[]string{"com.*", "com.x"}, "0 1"},
		"prefixes above prefixes":  {[]string{"com.*", "com.x.*", "org.x"}, "0 1"},
		"a prefix that is beside":  {[]string{"com.x.*", "com.x", "com.xy"}, ""},
		"only what is below, too":  {[]string{"com.*", "com.x.y", "com.z"}, "0 1 2"},
		"a prefix two levels up":   {[]string{"com.x.y.z", "com.*"}, "0 1"},
		"the prefix of no one":     {[]string{"com.*", "org.x"}, ""},
		"a type and what is above": {[]string{"com.x.y", "com.x.*", "org.*"}, "0 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "rules:\n"
			for i, event := range test.events {
				text += fmt.Sprintf("  - {rule: r-%d, owner: o, why: w, event: %s, if: %s, do: [{andon: {pull: a/b-%d, level: red, reason: r}}]}\n", i, event, eight, i)
			}
			var warned []string
			for _, problem := range check(t, text) {
				if problem.Code != "unindexed" {
					t.Errorf("got %s", problem)
				}
				warned = append(warned, strconv.Itoa(problem.Line-2))
			}
			if got := strings.Join(warned, " "); got != test.warned {
				t.Errorf("warned of %q, want %q", got, test.warned)
			}
		})
	}
}

// TestAllThatNoIndexFindsIsListed lists also what costs too little to warn of.
func TestAllThatNoIndexFindsIsListed(t *testing.T) {
	t.Parallel()
	set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: `
rules:
  - {rule: found, owner: o, why: w, event: com.x, if: data.a > 3, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: cheap, owner: o, why: w, event: [com.x, {type: com.y, if: data.c != data.d}], if: data.a != data.b, do: [{andon: {pull: a/b, level: red, reason: r}}],
     unless: {event: com.z, if: data.e != data.f, within: 1h}}
`}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range lint.AllUnindexed(set) {
		got = append(got, fmt.Sprintf("%s %s of %v by %s", u.Rule, u.Part, u.Events, u.Cost()))
		if u.Reason == "" {
			t.Errorf("%s has no reason", u.Rule)
		}
	}
	if want := []string{"cheap if of [com.x com.y] by up to 2 conditions", "cheap unless of [com.z] by one condition"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestComparing compares only rules that one event may concern, so that those of
// many types are all compared, and says when there are too many of one type.
func TestComparing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		events []string // of a rule each, which do the same
		pairs  int      // that are compared
		want   string   // the warnings, with the number of the rule
	}{
		"types apart":            {[]string{"com.a", "com.b", "com.c", "com.d.e", "com.d"}, 0, ""},
		"one pair behind others": {[]string{"com.a", "com.b", "com.d.e", "com.c.*", "com.c.d.e"}, 1, "shadowed 4"},
		"the wider one behind":   {[]string{"com.c.d.e", "com.a", "com.c.*", "org.*"}, 1, "shadowed 0"},
		"the same type":          {[]string{"com.a", "com.b", "com.a"}, 1, "duplicate-of 2"},
		"two types in common":    {[]string{"[com.a, com.b]", "[com.b, com.a]"}, 1, "duplicate-of 1"},
		"too many":               {[]string{"com.a", "com.a", "com.b", "com.a", "com.a"}, 2, "duplicate-of 1, uncompared 3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "rules:\n"
			for i, event := range test.events {
				text += fmt.Sprintf("  - {rule: r-%d, owner: o, why: w, event: %s, do: [{andon: {pull: a/b, level: red, reason: r}}]}\n", i, event)
			}
			set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text}})
			if err != nil {
				t.Fatal(err)
			}
			problems, err := lint.CheckFew(set, test.pairs)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, problem := range problems {
				got = append(got, fmt.Sprintf("%s %d", problem.Code, problem.Line-2))
			}
			if got := strings.Join(got, ", "); got != test.want {
				t.Errorf("got %q, want %q\n%s", got, test.want, problems.Format())
			}
		})
	}
}

// BenchmarkCheck checks rules of forty types with two conditions each, every one
// of which pays for a payment of its own event.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("rules:\n")
			for i := range n {
				fmt.Fprintf(&text, "  - rule: r-%d\n    owner: o\n    why: w\n    event: com.example.t%d\n    if: data.sku == \"S-%d\" && data.late_min > %d\n    once_per: data.order\n"+
					"    do: [{refund: {payment: \"${{ data.payment }}\", amount: 1.00 USD}}]\n    limits: {budget: {amount: 10.00 USD, within: 1d}}\n", i, i%40, i, i)
			}
			var files []rule.File
			for i, part := range strings.SplitAfter(text.String(), "within: 1d}}\n") {
				if strings.TrimSpace(part) != "" {
					files = append(files, rule.File{Path: fmt.Sprintf("r%d.yaml", i/1000), Text: part})
				}
			}
			set, err := rule.Load(joined(files))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := lint.Check(set); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/rule")
		})
	}
}

// BenchmarkCheckOneType checks rules of one type that do the same, so that each is compared
// with all others, and no two by constants alone.
func BenchmarkCheckOneType(b *testing.B) {
	for _, n := range []int{500, 2000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("rules:\n")
			for i := range n {
				fmt.Fprintf(&text, "  - rule: r-%d\n    owner: o\n    why: w\n    event: com.example.t\n    if: data.late_min > %d && data.late_min < %d && data.paid >= %d && data.plan == \"gold\" && data.a%d\n    once_per: data.order\n"+
					"    do: [{credit: {customer: \"${{ event.customer }}\", amount: 1.00 USD}}]\n    limits: {budget: {amount: 10.00 USD, within: 1d}}\n", i, i, n+i, n-i, i)
			}
			set, err := rule.Load([]rule.File{{Path: "rules.yaml", Text: text.String()}})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := lint.Check(set); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// joined puts the parts of one file together.
func joined(parts []rule.File) []rule.File {
	var files []rule.File
	for _, part := range parts {
		if n := len(files); n == 0 || files[n-1].Path != part.Path {
			part.Text = "rules:\n" + strings.TrimPrefix(part.Text, "rules:\n")
			files = append(files, part)
			continue
		}
		files[len(files)-1].Text += part.Text
	}
	return files
}
