package expression_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// vars are the values of an evaluation.
type vars map[string]any

func (v vars) ResolveName(name string) (any, bool) {
	if expression.IsAggregates(name) {
		name = expression.Aggregates
	}
	value, ok := v[name]
	return value, ok
}

func (vars) Parent() cel.Activation { return nil }

const sample = `{"n": 3, "h": 0.5, "zero": 0, "big": 9007199254740993, "text": "77", "no": null, "yes": true,
	"paid": "10.01 USD", "eur": "2.00 EUR", "yen": "7 JPY", "owed": {"amount": "4.99", "currency": "USD"},
	"list": [1, 2, 3], "at": "2026-03-01T09:00:00Z", "promised": "2026-03-01T08:00:00Z", "deep": {"a": {"b": 1}}}`

func scope(t testing.TB, lets ...expression.Variable) *expression.Scope {
	t.Helper()
	engine, err := expression.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.Scope(lets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sampleVars(t testing.TB) vars {
	t.Helper()
	data, err := event.DecodeData([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	return vars{
		"data": data,
		"event": map[string]any{"customer": "", "subject": "", "type": "com.example.closed", "sampledrate": 2.0,
			"time": time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)},
		"late": time.Hour, "whole": 4.0,
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	s := scope(t, expression.Variable{Name: "late", Type: expression.Duration}, expression.Variable{Name: "whole", Type: expression.Number})
	v := sampleVars(t)
	usd := func(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }
	for text, want := range map[string]any{
		// Numbers: data is doubles, and whole numbers beside them follow.
		"data.n * 2": 6.0, "2 * data.n": 6.0, "data.n / 2": 1.5, "200 / 1000 > 0.1": true, "7 / 2": 3.5,
		"data.n + 1 == 4": true, "data.n in [1, 2, 3]": true, "data.n * 2 in [6]": true, "1.5 == 3 / 2": true,
		"size(data.list) / 2 * data.n": 4.5, "data.?x.orValue(0) + 1": 1.0, "data.?x.orValue(1) / 2": 0.5,
		"(data.yes ? 1 : data.n) / 2": 0.5, "(data.yes ? 1 : 2.5) * 2": 2.0, "data.list.map(x, x * 2)[0]": 2.0,
		"data.list.exists(x, x + 1 == 4)": true, "3 in data.list": true, "data.n in data.list": true, "'n' in data": true, "'x' in data.deep": false, "[1, data.n][0] / 2": 0.5, "{'a': 1, 'b': data.n}['a'] / 2": 0.5,
		"data.?x.orValue([1])[0] + data.h": 1.5, "(data.yes ? [1] : data.list)[0] + data.h": 1.5, "([4] + data.list)[0] * data.h": 2.0,
		"data.?x.orValue({'a': 1}).a * data.h": 0.5, "dyn([2])[0] * data.h": 1.0, "data.?x.orValue([[1]])[0][0] * data.h": 0.5,
		"int(data.n) % 2": 1.0, "math.greatest(data.n, 5) / 2": 2.5, "data.n / data.zero > 100.0": true, "-data.n": -3.0,
		"data.n > 2 && data.n < 4": true, "2 < data.n": true, "data.n == 3": true, "data.n != 3": false, "whole == 4": true,
		"whole / 8": 0.5, "least(data.n, 2)": 2.0, "greatest(1, 2.5)": 2.5, "math.ceil(data.h) == 1": true,
		"dyn(1) / data.n < 0.34": true, "event.sampledrate > 1": true,
		// Tiers are conditionals.
		"pct(data.paid, late >= duration('60m') ? 100 : late >= duration('30m') ? 50 : 25)": usd(1001),
		// Optional fields and errors that || and && absorb.
		"data.?x.orValue('d')": "d", "data.?deep.?a.?b.orValue(0)": 1.0, "has(data.x)": false, "has(data.n)": true,
		"data.x > 1 || data.n == 3": true, "data.x > 1 && false": false, "data.?n.hasValue()": true,
		// Money.
		"money(data.paid)": usd(1001), "money(data.owed)": usd(499), "money('2.99 USD') + money(data.owed)": usd(798),
		"money(data.paid) - money(data.owed)": usd(502), "money(data.paid) > money(data.owed)": true, "money('1.00 USD') == money('1.00 USD')": true,
		"money(data.paid) in [money('2.00 USD'), data.eur, money('10.01 USD')]": true,
		"data.no == money('1.00 USD')":                                          false, "money('1.00 USD') != data.no": true, "data.no in [money('1.00 USD')]": false, "money('1.00 USD') in [data.no]": false,
		"pct(data.paid, 25)": usd(250), "pct(data.owed, 50)": usd(250), "pct(money('0.10 USD'), 25)": usd(3), "pct(data.yen, 50)": money.Money{Minor: 4, Currency: "JPY"},
		"least(money(data.paid), money(data.owed))": usd(499), "greatest(money(data.paid), money(data.owed))": usd(1001),
		"string(money(data.paid))": "10.01 USD",
		// Numbers of which a double holds all digits, or that are no ids.
		"data.n < 1e300": true, "data.n < 1.7976931348623157e308": true, "data.n < 1.98847000000000000e30": true, "1e23 > 9007199254740994.0": true, "100000000000000000000.0 == 1e20": true, "9007199254740993.5 > 1.0": true,
		"9007199254740993e-999999999 == 0.0": true,
		// Time.
		"timestamp(data.at) - timestamp(data.promised) >= duration('15m')": true, "duration('7d') == duration('168h')": true,
		"duration('1h30m') > duration('-90s')": true, "event.time > timestamp(data.at)": true, "late == duration('60m')": true,
		"event.time.getHours()": 10.0,
		// Texts.
		"event.customer == ''": true, "event.type.endsWith('closed')": true, "data.text == '77'": true, "data.text.size()": 2.0,
		"double(data.text) + 1": 78.0, "'a,b'.split(',')[1]": "b", "data.text.matches('^7+$')": true, `data["n"] == 3`: true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, issues := s.Compile(text, nil)
			if issues != nil {
				t.Fatalf("issues %+v", issues)
			}
			got, err := p.Eval(v)
			if err != nil || got != want {
				t.Errorf("got %v (%T), %v; want %v (%T)", got, got, err, want, want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := scope(t)
	v := sampleVars(t)
	for text, says := range map[string]string{
		"data.x":                              "no such key",
		"data.?x":                             "no such key",
		"data.deep.x.y":                       "no such key",
		"data.text > 3":                       "no such overload",
		"data.text + 1":                       "no such overload",
		"data.big > 1":                        "beyond ±2^53",
		"data.big == data.big":                "beyond ±2^53",
		"money(data.paid) > data.paid":        "compare money with a text",
		"data.paid < money(data.paid)":        "compare money with a text",
		"data.paid == money(data.paid)":       "compare money with a text",
		"data.paid != money(data.paid)":       "compare money with a text",
		"money(data.paid) == data.paid":       "compare money with a text",
		"money(data.paid) in [data.paid]":     "compare money with a text",
		"data.paid in [money('1.00 USD')]":    "compare money with a text",
		"data.n in [1, money('1.00 USD')]":    "compare money with a number",
		"money(data.paid) + data.paid":        "add money with a text",
		"money(data.paid) > money(data.eur)":  "EUR",
		"money(data.paid) == money(data.eur)": "EUR",
		"money(data.paid) + money(data.eur)":  "EUR",
		"least(money(data.paid), data.n)":     "money with a number",
		"least(data.paid, data.n)":            "two amounts of money, or two numbers",
		"money(data.n)":                       "no such overload",
		"money(data.list)":                    "no such overload",
		"money(data.text)":                    "77",
		"pct(data.paid, data.text)":           "no such overload",
		"pct('10.00' + '1 USD', data.n)":      "10.001",
		"duration(data.text)":                 "no unit",
		"timestamp(data.text)":                "",
		"data.list[7]":                        "index",
		"data.no > 1":                         "no such overload",
		"data.yes ? data.x : 1":               "no such key",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, issues := s.Compile(text, nil)
			if issues != nil {
				t.Fatalf("issues %+v", issues)
			}
			got, err := p.Eval(v)
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, %v; want an error with %q", got, err, says)
			}
			if absent := says == "no such key"; expression.IsAbsent(err) != absent {
				t.Errorf("IsAbsent(%v) is %v", err, !absent)
			}
		})
	}
}

// TestOptionalsAreNotCompared refuses what would be one answer for every event: an
// optional is never equal to a value.
func TestOptionalsAreNotCompared(t *testing.T) {
	t.Parallel()
	s := scope(t, expression.Variable{Name: "maybe", Type: expression.Optional})
	for text, operator := range map[string]string{
		"data.?x == 'a'": "==", "data.?x != 'a'": "!=", "'a' == data.?x": "==", "data.?x == 1": "==", "data.?x == data.y": "==",
		"data.?x == null": "==", "data.?x in ['a']": "in", "'a' in [data.?x]": "in", "data.?x in data.list": "in",
		"data.?x == money('1.00 USD')": "==", "data.?paid != money('5.00 USD')": "!=", "money('5.00 USD') in [data.?paid]": "in",
		"data.list.exists(e, e == data.?x)": "==", "maybe == 'a'": "==", "optional.of(1) == 1": "==",
		"[data.?x] == ['a']": "==", "[[data.?x]] != [['a']]": "!=", "{'a': data.?x} == {'a': 1}": "==", "[data.?x] in [['a']]": "in",
		"'a' in [data.?x, 'b']": "in", "['a', 'b'] == [data.?x, 'b']": "==", "data.list == [data.?x, 'b']": "==",
	} {
		_, issues := s.Compile(text, nil)
		if len(issues) != 1 || !strings.HasPrefix(issues[0].Message, operator+" does not take (") || !strings.Contains(issues[0].Hint, "data.?x.orValue(0)") {
			t.Errorf("%s: got %+v", text, issues)
		}
	}
	for _, text := range []string{"data.?x == data.?n", "data.?x != optional.none()", "optional.of(1) == optional.of(1)", "data.?x.orValue('a') == 'a'", "data.?x in [optional.none()]",
		"[data.?x] == [data.?n]", "[?data.?x] == ['a']", "'a' in [?data.?x, 'b']", "[data.?x, 'b'].size() == 2"} {
		if _, issues := s.Compile(text, nil); issues != nil {
			t.Errorf("%s: %+v", text, issues)
		}
	}
}

// TestBytesAreRefused holds for all bytes what matters for the key of a map:
// there they made the engine panic.
func TestBytesAreRefused(t *testing.T) {
	t.Parallel()
	s := scope(t)
	for _, text := range []string{"{b'x': 1}", "{'a': {b'x': data.n}}.a == data.deep", "data.text == b'77'"} {
		p, issues := s.Compile(text, nil)
		if p != nil || len(issues) != 1 || !strings.Contains(issues[0].Message, "bytes") {
			t.Errorf("%s: issues %+v", text, issues)
		}
	}
	p, issues := s.Compile("{bytes(data.text): 1}.size() > 0", nil)
	if issues != nil {
		t.Fatal(issues)
	}
	if got, err := p.Eval(sampleVars(t)); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}

// TestMoneyInside holds that amounts inside of lists and objects are not
// compared, rather than found equal to anything.
func TestMoneyInside(t *testing.T) {
	t.Parallel()
	s := scope(t)
	for _, text := range []string{
		"[money(data.paid)] == [data.paid]", "data.list != [money(data.paid)]", "{'a': money(data.paid)} == data.owed",
		"[[money(data.paid)]] == data.list", "data.list.map(x, money(x)) == data.list",
	} {
		p, issues := s.Compile(text, nil)
		if p != nil || len(issues) != 1 || !strings.Contains(issues[0].Hint, "one by one") {
			t.Errorf("%s: issues %+v", text, issues)
		}
	}
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	s := scope(t)
	v := sampleVars(t)
	calls := &expression.Calls{}
	var programs []*expression.Program
	texts := []string{
		`count() >= 3 && count() * 50 >= data.n`, `distinct(event.customer, event.type.endsWith("closed")) == 3`,
		`sum(data.paid) > money("1.00 USD")`, `avg(data.n) / 2 > 1`, `share(data.n > 2) > 0.2 || count( ) == 9`,
		`sum(money(data.paid)) > money("1.00 USD")`, `data.yes ? count() : 0`, `min(data.n) + max(data.n)`,
	}
	for _, text := range texts {
		p, issues := s.Compile(text, calls)
		if issues != nil {
			t.Fatalf("%s: %+v", text, issues)
		}
		programs = append(programs, p)
	}
	var names []string
	slots := expression.Slots{}
	values := map[string]any{"count": 3.0, "distinct": 3.0, "sum": money.Money{Minor: 500, Currency: "USD"}, "avg": 3.0, "share": 0.1, "min": 1.0, "max": 2.0}
	for _, call := range calls.List {
		names = append(names, fmt.Sprintf("%s(%s|%s)", call.Func, call.ArgText, call.IfText))
		slots = append(slots, values[call.Func])
	}
	want := []string{"count(|)", `distinct(event.customer|event.type.endsWith("closed"))`, "sum(data.paid|)", "avg(data.n|)",
		"share(|data.n > 2)", "sum(money(data.paid)|)", "min(data.n|)", "max(data.n|)"}
	if !slices.Equal(names, want) {
		t.Fatalf("got %q\nwant %q", names, want)
	}
	v[expression.Aggregates] = slots
	results := []any{true, true, true, true, false, true, 3.0, 3.0}
	for i, p := range programs {
		if got, err := p.Eval(v); err != nil || got != results[i] {
			t.Errorf("%s: got %v, %v; want %v", texts[i], got, err, results[i])
		}
	}
	slots[0] = errors.New("nothing to count")
	if got, err := programs[0].Eval(v); err == nil {
		t.Errorf("an aggregate that is an error gave %v", got)
	}
}

// TestOrderOfFields holds that what is made of an object's fields has their
// order, though a Go map has none.
func TestOrderOfFields(t *testing.T) {
	t.Parallel()
	s := scope(t)
	v := vars{"data": map[string]any{"c": 1.0, "a": 2.0, "e": "x", "b": map[string]any{"y": nil, "x": true}, "d": nil}}
	for text, want := range map[string]string{
		"data.map(k, k).join()": "abcde", "data.filter(k, k != 'a')[0]": "b", "{'z': 1, 'x': 2, 'y': 3}.map(k, k).join('-')": "x-y-z", "'%s'.format([data])": "{a: 2, b: {x: true, y: null}, c: 1, d: null, e: x}",
		"data.b.map(k, k)[0]": "x", "{2: 'b', 1: 'a'}.map(k, k + 1)[0] == 2 ? 'yes' : 'no'": "yes",
	} {
		p, issues := s.Compile(text, nil)
		if issues != nil {
			t.Fatalf("%s: %+v", text, issues)
		}
		for range 20 {
			if got, err := p.Eval(v); err != nil || got != want {
				t.Fatalf("%s: got %v, %v; want %v", text, got, err, want)
			}
		}
	}
	p, issues := s.Compile("['', data.b].join()", nil)
	if issues != nil {
		t.Fatal(issues)
	}
	for range 20 {
		if _, err := p.Eval(v); err == nil || err.Error() != "join: invalid input: {x: true, y: null}" {
			t.Fatalf("got %v", err)
		}
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	const many = 2000
	s := scope(t)
	list, other, object, nested := make([]any, many), make([]any, many), map[string]any{}, make([]any, many/2)
	for i := range list {
		list[i], other[i], object[fmt.Sprint(i)] = float64(i), float64(i+many), float64(i)
	}
	for i := range nested {
		nested[i] = []any{float64(i), []any{float64(i)}}
	}
	texts := make([]any, many)
	for i := range texts {
		texts[i] = fmt.Sprint(i)
	}
	data := vars{"data": map[string]any{"long": strings.Repeat("x", 30_000), "texts": texts, "list": list, "other": other, "object": object, "same": maps.Clone(object), "nested": nested}}
	for _, text := range []string{
		"data.list.all(x, data.list.all(y, x + y >= 0))",
		"data.list.exists(x, x in data.other)",
		"data.list.all(x, !(x in data.other))",
		"data.list.all(x, x in data.other.map(y, y - 2000))",
		"data.list.all(x, data.list in [data.other, data.list])",
		"data.list.all(x, data.list == data.list)",
		"data.list.exists(x, data.list != data.list)",
		"data.list.all(x, data.object == data.same)",
		"data.list.all(x, data.nested == data.nested)",
		"data.list.all(x, data.nested in [data.nested])",
		"data.list.all(x, {'of': data.list} == {'of': data.list})",
	} {
		p, issues := s.Compile(text, nil)
		if issues != nil {
			t.Fatal(issues)
		}
		if got, err := p.Eval(data); err == nil || !strings.Contains(err.Error(), "cost") {
			t.Errorf("%s: got %v, %v; want the cost limit", text, got, err)
		}
	}
	for _, text := range []string{"data.list == data.list", "data.object == data.same", "data.nested == data.nested", "!(9999 in data.list)", "!(data.long in data.texts)", "data.list in [data.list]", "'7' in data.object"} {
		p, issues := s.Compile(text, nil)
		if issues != nil {
			t.Fatal(issues)
		}
		if got, err := p.Eval(data); err != nil || got != true {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"a":                        {"a"},
		"a && b":                   {"a", "b"},
		"a && (b && c) && d":       {"a", "b", "c", "d"},
		"(a && b)":                 {"a", "b"},
		"(a) && (b)":               {"a", "b"},
		"a || b && c":              {"a || b && c"},
		"a && (b || c)":            {"a", "b || c"},
		"a ? b && c : d":           {"a ? b && c : d"},
		"a.?b.orValue(1) > 0 && c": {"a.?b.orValue(1) > 0", "c"},
		"x == '&& (' && y":         {"x == '&& ('", "y"},
		`x == "\" && " && y`:       {`x == "\" && "`, "y"},
		`x == r"\" && y`:           {`x == r"\"`, "y"},
		"a && b // c && d":         {"a", "b // c && d"},
		"a // isn't (it\n&& b":     {"a // isn't (it", "b"},
		"(a // :)\n&& b)":          {"a // :)", "b"},
		"a / b && c == '//' && d":  {"a / b", "c == '//'", "d"},
		"l.exists(x, x && y) && z": {"l.exists(x, x && y)", "z"},
		"// both\n(a && b)":        {"a", "b"},
		"(a && b) // both":         {"a", "b"},
		"(a && b) // (both)":       {"a", "b"},
		"(a) // x\n|| (b)":         {"(a) // x\n|| (b)"},
		"m[?'a'] == b && c":        {"m[?'a'] == b", "c"},
	} {
		if got := expression.Conditions(text); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestPathsAndLets(t *testing.T) {
	t.Parallel()
	s := scope(t, expression.Variable{Name: "late", Type: expression.Duration})
	p, issues := s.Compile(`data.a.b > 1 && data.?c.?d.orValue(1) == 1 && data["e"].f && event.type == "x" && late > duration("1s") && data.l.all(x, x.y > data.a.b)`, nil)
	if issues != nil {
		t.Fatal(issues)
	}
	var paths []string
	for _, path := range p.Paths {
		paths = append(paths, path.String())
	}
	slices.Sort(paths)
	if want := []string{"data.a.b", "data.c.d", "data.e.f", "data.l", "event.type"}; !slices.Equal(paths, want) {
		t.Errorf("got %q, want %q", paths, want)
	}
	if !slices.Equal(p.Lets, []string{"late"}) {
		t.Errorf("got lets %q", p.Lets)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "10m": 10 * time.Minute, "6h": 6 * time.Hour, "7d": 7 * day,
		"1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, "-2d": -2 * day, "36525d": 36525 * day} {
		if got, err := expression.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "7", "d", "7 d", "1.5h", "7days", "1y", "+7d", "36526d", "99999999999999999999d", "36525d36525d"} {
		if got, err := expression.ParseDuration(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

// TestWholeNumbersNeverMatter writes the whole numbers of an expression as
// doubles: the answer stays.
func TestWholeNumbersNeverMatter(t *testing.T) {
	t.Parallel()
	s := scope(t)
	v := sampleVars(t)
	rapid.Check(t, func(t *rapid.T) {
		whole, double := arithmetic(t, 4)
		p, issues := s.Compile(whole, nil)
		q, same := s.Compile(double, nil)
		if issues != nil || same != nil {
			t.Fatalf("%s: %+v; %s: %+v", whole, issues, double, same)
		}
		a, errA := p.Eval(v)
		b, errB := q.Eval(v)
		if (errA == nil) != (errB == nil) || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%s is %v, %v; %s is %v, %v", whole, a, errA, double, b, errB)
		}
	})
}

func arithmetic(t *rapid.T, depth int) (whole, double string) {
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		n := rapid.IntRange(0, 9).Draw(t, "n")
		leaf := rapid.SampledFrom([]string{"", "data.n", "data.h", "data.?x.orValue(%s)", "(data.yes ? %s : data.n)"}).Draw(t, "what")
		switch {
		case leaf == "":
			return fmt.Sprint(n), fmt.Sprintf("%d.0", n)
		case strings.Contains(leaf, "%s"):
			return fmt.Sprintf(leaf, fmt.Sprint(n)), fmt.Sprintf(leaf, fmt.Sprintf("%d.0", n))
		}
		return leaf, leaf
	}
	operator := rapid.SampledFrom([]string{" + ", " - ", " * ", " / "}).Draw(t, "operator")
	a, x := arithmetic(t, depth-1)
	b, y := arithmetic(t, depth-1)
	return "(" + a + operator + b + ")", "(" + x + operator + y + ")"
}
