package logic_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/rule/expression"
	"github.com/makegood/makegood/remediator/rule/logic"
)

func reader(t testing.TB, lets map[string]string) *logic.Reader {
	t.Helper()
	l, err := logic.New()
	if err != nil {
		t.Fatal(err)
	}
	return l.Reader(lets)
}

func TestNever(t *testing.T) {
	t.Parallel()
	r := reader(t, map[string]string{"late": "data.late_min", "very": "late > 60"})
	for condition, want := range map[string]bool{
		`data.x > 5 && data.x < 3`:                               true,
		`data.x > 5 && data.x < 6`:                               false,
		`data.x >= 5 && data.x <= 5`:                             false,
		`data.x >= 5 && 5 > data.x`:                              true,
		`data.x == "a" && data.x == "b"`:                         true,
		`data.x == "a" && data.x != "b"`:                         false,
		`data.x in ["a", "b"] && data.x in ["b", "c"]`:           false,
		`data.x in ["a", "b"] && !(data.x in ["b", "a"])`:        true,
		`data.x == "a" && data.x > 3`:                            true,
		`data.x == 3 && data.x == 3.0`:                           false,
		`data.vip && !data.vip`:                                  true,
		`data.vip && data.vip == false`:                          true,
		`!(data.x > 3 || data.x <= 3)`:                           true,
		`(data.x > 3 || data.y > 3) && data.x < 3 && data.y < 3`: true,
		`(data.x > 3 || data.y > 3) && data.x < 3`:               false,
		`1 > 2`:      true,
		`"a" == "a"`: false,
		`false`:      true,
		`data.x.startsWith("A-") && data.x == "B-1"`:                                                                           true,
		`data.x.startsWith("A-") && data.x.startsWith("A-1")`:                                                                  false,
		`data.x.startsWith("A-") && data.x.startsWith("B-")`:                                                                   true,
		`data.x.endsWith("a") && !data.x.endsWith("a")`:                                                                        true,
		`data.x.startsWith("A") && data.x > 3`:                                                                                 true,
		`money(data.paid) > money("5.00 USD") && money(data.paid) < money("4.00 USD")`:                                         true,
		`money(data.paid) > money("5.00 USD") && money(data.paid) < money("4.00 EUR")`:                                         true,
		`duration(data.d) > duration("1h") && duration(data.d) < duration("59m")`:                                              true,
		`timestamp(data.at) > timestamp("2026-01-01T00:00:00Z") && timestamp(data.at) < timestamp("9999-12-31T00:00:00Z")`:     false,
		`timestamp(data.at) > timestamp("9999-12-31T00:00:00Z") && timestamp(data.at) < timestamp("2026-01-01T00:00:00Z")`:     true,
		`timestamp(data.at) > timestamp("2026-01-01T00:00:00.5Z") && timestamp(data.at) < timestamp("2026-01-01T00:00:00.6Z")`: false,
		`timestamp(data.at) > timestamp("2026-01-01T00:00:00.6Z") && timestamp(data.at) < timestamp("2026-01-01T00:00:00.5Z")`: true,
		`late > 90 && late < 80`:                                      true,
		`very && late < 60`:                                           true,
		`very && data.late_min < 90`:                                  false,
		`share(data.bad) >= 20`:                                       true,
		`share(data.bad) > 0.2`:                                       false,
		`share(data.bad) * 100 > 50`:                                  false,
		"data.`a-b` > 3 && data.`a-b` < 2":                            true,
		`share(data.a) + share(data.b) > 1`:                           false,
		`share(data.kind == ")") > 1`:                                 true,
		`count(data.x == "(") - count(data.y == ")") < 0`:             false,
		`count(data.x == "\\\")") < 0`:                                false, // not read
		`count() < 1`:                                                 true,
		`count(data.bad) < 1`:                                         false,
		`size(data.items) < 0`:                                        true,
		`size(data.items) - 5 < 0`:                                    false,
		`data.a / data.b > 3 && !(data.a / data.b > 2)`:               false, // 0/0: nothing is said
		`(data.vip ? data.x > 5 : data.x > 6) && data.x < 3`:          true,
		`data.x > data.y && data.y > data.x`:                          false, // not understood
		`data.items.exists(i, i > 3) && !data.items.exists(i, i > 3)`: true,
		`data.x > `: false, // not an expression
		`data.?x.orValue(0) > 3 && data.?x.orValue(0) < 2`: true,
		`data.x != 1 && data.x >= 1 && data.x <= 1`:        true,
		`!has(data.x) && data.x > 1`:                       true,
		`data.y && !has(data.x.a) && data.x.a != "b"`:      true,
		`has(data.x) == false && data.x`:                   true,
		`has(data.x) && data.x > 1`:                        false,
		`!has(data.x) || data.x > 1`:                       false,
		`!has(data.x) && data.x.y > 1`:                     true, `!has(data.x) && data.x["y"][0] == "a"`: true, `!has(data.x) && data.xy > 1`: false, `!has(data.x.y) && data.x.z > 1`: false,
		`has(data.x) ? data.x > 1 : data.y`:                    false,
		strings.Repeat("(data.a || data.b) && ", 20) + "false": false, // too much
	} {
		if got := r.Read(condition).Never(); got != want {
			t.Errorf("%s: never is %v", condition, got)
		}
	}
}

// A text made lower or upper has no letters of the other case.
func TestNeverOfOneCase(t *testing.T) {
	t.Parallel()
	r := reader(t, nil)
	for condition, want := range map[string]bool{
		`data.x.lowerAscii() == "AB"`:                     true,
		`"AB" == data.x.lowerAscii()`:                     true,
		`data.x.upperAscii() == "ab"`:                     true,
		`data.x.lowerAscii() == "ab"`:                     false,
		`data.x.lowerAscii() == "é1-"`:                    false,
		`data.x.upperAscii() == "ÀB"`:                     false,
		`data.x.lowerAscii() in ["AB", "ab"]`:             false,
		`data.x.lowerAscii() in ["AB", "Cd"]`:             true,
		`data.x.lowerAscii().startsWith("Ab")`:            true,
		`data.x.lowerAscii().endsWith("ab")`:              false,
		`!data.x.lowerAscii().startsWith("AB")`:           false,
		`data.x.lowerAscii() != "AB"`:                     false,
		`data.x + data.y.lowerAscii() == "AB"`:            false,
		`(data.x + data.y).lowerAscii() == "AB"`:          true,
		`(data.v ? data.x : data.y.lowerAscii()) == "AB"`: false,
		`data.?x.orValue("A b").lowerAscii() == "AB"`:     true,
		`data.x.upperAscii().lowerAscii() == "AB"`:        true,
		`data.x.lowerAscii().trim() == "AB"`:              false, // not understood
	} {
		if got := r.Read(condition).Never(); got != want {
			t.Errorf("%s: never is %v", condition, got)
		}
	}
}

func TestExcludes(t *testing.T) {
	t.Parallel()
	r := reader(t, nil)
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`data.x == "a"`, `data.x == "b"`, true},
		{`data.x == "a"`, `data.y == "b"`, false},
		{`data.x in ["a", "b"]`, `data.x in ["b", "c"]`, false},
		{`data.x in ["a", "b"] && data.y`, `data.z && data.x in ["c", "d"]`, true},
		{`data.x == "a" || data.y == 1.0`, `data.x == "b"`, false},
		{`data.x == "a" || data.y == 1.0`, `data.x == "b" && data.y == 2.0`, true},
		{`data.x == "a"`, `data.x.startsWith("b")`, true},
		{`data.x > 5`, `data.x < 3`, true},
		{`data.x > 5`, `data.x < 9`, false},
		{"true", "false", true},
		{"!has(data.x)", "data.x > 5", true},
		{"!has(data.x)", "data.y && data.x != 5", true},
		{"!has(data.x)", "has(data.x)", true},
		{"!has(data.x)", "data.x.y == 'a'", true},
		{"data.y && data.x.y != 'a'", "!has(data.x) || !data.y", true},
		{"!has(data.x)", "data.xy == 'a'", false},
		{"!has(data.x)", "data.?x.y.orValue('a') == 'a'", false},
		{"!has(data.x)", "data.y > 5", false},
		{strings.Repeat("(data.a || data.b) && ", 20) + `data.x == "a"`, `data.x == "b"`, false}, // too much
	} {
		a, b := r.Read(c.a), r.Read(c.b)
		if got, back := a.Excludes(b), b.Excludes(a); got != c.want || back != c.want {
			t.Errorf("%s excludes %s is %v, and %v from the other side", c.a, c.b, got, back)
		}
	}
}

func TestImplies(t *testing.T) {
	t.Parallel()
	r := reader(t, nil)
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"data.x > 5", "data.x > 3", true},
		{"data.x > 3", "data.x > 5", false},
		{"data.x >= 5", "data.x > 5", false},
		{"data.x > 5", "data.x >= 5", true},
		{"data.x > 5 && data.y", "data.x > 5", true},
		{"data.x > 5", "data.x > 5 && data.y", false},
		{`data.x == "a"`, `data.x in ["a", "b"]`, true},
		{`data.x in ["a", "b"]`, `data.x != "c"`, true},
		{"data.x > 5", "data.x != 3", true},
		{`data.x == "A-1"`, `data.x.startsWith("A-")`, true},
		{`data.x.startsWith("A-1")`, `data.x.startsWith("A-")`, true},
		{"data.x > 5", "data.x > 3 || data.y > 3", true},
		{"data.x > 5", "data.y > 3 || data.y <= 3", false}, // without y it is an error
		{"data.a == data.b", "data.a == data.b", true},
		{"data.x > 5 && data.x < 3", "data.y", true},
		{`money(data.p) > money("5.00 USD")`, `money(data.p) != money("1.00 EUR")`, false},
		{"true", "true", true},
		{"data.x > 1", "true", true},
		{"true", "data.x > 1", false},
	} {
		if got := r.Read(c.a).Implies(r.Read(c.b)); got != c.want {
			t.Errorf("%s implies %s is %v", c.a, c.b, got)
		}
	}
}

// TestTextOrder finds numbers in quotes, and leaves alone what lies between two texts of one
// length, as postcodes and years do: these are ordered as they should be.
func TestTextOrder(t *testing.T) {
	t.Parallel()
	r := reader(t, nil)
	for condition, want := range map[string]string{
		`data.late > "60"`:                                        "60",
		`data.late > "60" && data.late < "120"`:                   "60",
		`data.late > "60" && data.other < "90"`:                   "60",
		`data.zip >= "1000" && data.zip < "2000"`:                 "",
		`data.zip >= "10000" && data.zip < "20000"`:               "",
		`data.zip >= "1000" && data.zip < "2000" || data.n > "5"`: "5",
		`data.day >= "20260101"`:                                  "",
		`data.late > 60`:                                          "",
	} {
		if _, got := r.Read(condition).TextOrder(); got != want {
			t.Errorf("%s: got %q, want %q", condition, got, want)
		}
	}
}

// TestComparingTakesNoMemory holds what comparing each rule with all others depends on.
// It is not parallel, since allocations are counted.
func TestComparingTakesNoMemory(t *testing.T) {
	r := reader(t, nil)
	wide := r.Read(`data.late > 60 && data.plan == "gold" && data.paid < 100 && data.sku.startsWith("A") && count() > 3`).Ready()
	for _, condition := range []string{
		`data.late > 90 && data.plan == "gold" && data.paid < 50 && data.sku.startsWith("A-") && count() > 5`,
		`data.late < 50 && data.plan in ["gold", "silver"] && data.paid < 50 && data.vip`,
		`data.late > 60 && data.plan == "silver"`,
		`data.late > 90 || data.late < 30 && data.plan != "tin"`,
	} {
		claim := r.Read(condition).Ready()
		for name, compare := range map[string]func(a, b logic.Claim) bool{"excludes": logic.Claim.Excludes, "implies": logic.Claim.Implies} {
			if got := testing.AllocsPerRun(10, func() { compare(wide, claim); compare(claim, wide) }); got != 0 {
				t.Errorf("%s, %s: %v allocations", name, condition, got)
			}
		}
	}
}

// conditions draws conditions over few fields and few constants, so that many of
// them contradict each other.
func conditions() *rapid.Generator[string] {
	place := rapid.SampledFrom([]string{"data.x", "data.y", "data.?z.orValue(1)", "size(data.x)", "data.x / data.y", "data.x.lowerAscii()", "data.y.upperAscii()",
		"event.time", "event.customer", "event.time - data.x", "data.x - data.y", "data.y + duration(\"1h\")", "timestamp(data.x)", "data.?x.orValue(money(\"1.00 USD\"))"})
	atom := rapid.Custom(func(t *rapid.T) string {
		constant := rapid.SampledFrom([]string{"0", "1", "2", "1.5", `"a"`, `"ab"`, `"b"`, `"B"`, "true", "null",
			`timestamp("2026-01-01T00:00:00Z")`, `duration("1h")`, `money("1.00 USD")`, `money("1.00 EUR")`}).Draw(t, "constant")
		p := place.Draw(t, "place")
		switch rapid.IntRange(0, 7).Draw(t, "form") {
		case 0:
			return p + " in [" + constant + ", 2, \"a\"]"
		case 1:
			return rapid.SampledFrom([]string{"", "!"}).Draw(t, "not") + "data.x.startsWith(" + rapid.SampledFrom([]string{`"a"`, `"ab"`, `"b"`}).Draw(t, "prefix") + ")"
		case 2:
			return rapid.SampledFrom([]string{"data.x", "data.y.upperAscii()"}).Draw(t, "text") + ".endsWith(" + rapid.SampledFrom([]string{`"a"`, `"b"`}).Draw(t, "suffix") + ")"
		case 3:
			return p + " == data.y"
		case 4:
			return constant + rapid.SampledFrom([]string{" < ", " <= ", " == "}).Draw(t, "turned") + p
		case 5:
			return rapid.SampledFrom([]string{"data.v", "has(data.x)", "!has(data.x)", "!has(data.y)", "true", "false"}).Draw(t, "truth")
		}
		return p + " " + rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "order") + " " + constant
	})
	return rapid.Custom(func(t *rapid.T) string {
		text := atom.Draw(t, "first")
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			next := atom.Draw(t, "next")
			switch rapid.IntRange(0, 5).Draw(t, "join") {
			case 0:
				text = "(" + text + ") || " + next
			case 1:
				text = "!(" + text + ")"
			case 2:
				text = "(" + next + ") ? (" + text + ") : (data.v)"
			default:
				text = "(" + text + ") && " + next
			}
		}
		return text
	})
}

// smallEvents are events in which every field has each of many values, or is absent.
func smallEvents(t *testing.T) []cel.Activation {
	t.Helper()
	values := []any{nil, 0.0, 1.0, 1.5, 2.0, 3.0, "a", "ab", "b", "bb", "B", "2026-01-01T00:00:00Z", true, false, "absent"}
	attributes := map[string]any{"time": time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC), "customer": "b"}
	var events []cel.Activation
	for _, x := range values {
		for _, y := range values {
			for _, v := range []any{true, false} {
				data := map[string]any{"v": v, "z": 2.0}
				for name, value := range map[string]any{"x": x, "y": y} {
					if value != "absent" {
						data[name] = value
					}
				}
				vars, err := cel.NewActivation(map[string]any{"data": data, "event": attributes})
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, vars)
			}
		}
	}
	return events
}

// TestWhatIsProvedHolds holds what is proved against the engine itself, over
// events in which every field has each of many values, or is absent.
func TestWhatIsProvedHolds(t *testing.T) {
	t.Parallel()
	engine, err := expression.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	scope, err := engine.Scope()
	if err != nil {
		t.Fatal(err)
	}
	events := smallEvents(t)
	r := reader(t, nil)
	never, implied, excluded, checks := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var texts [2]string
		var programs [2]*expression.Program
		for i := range texts {
			texts[i] = conditions().Draw(t, fmt.Sprint("condition ", i))
		}
		switch rapid.IntRange(0, 5).Draw(t, "related") { // else hardly anything would be proved
		case 0:
			texts[0] = "(" + texts[0] + ") && (" + texts[1] + ")"
		case 1:
			texts[0] = "(" + texts[0] + ") && !(" + texts[0] + ")"
		}
		for i := range texts {
			program, issues := scope.Compile(texts[i], nil)
			if issues != nil {
				t.Skip("not an expression") // two constants of different types
			}
			programs[i] = program
		}
		a, b := r.Read(texts[0]), r.Read(texts[1])
		no, follows := a.Never(), a.Implies(b)
		checks++
		apart := a.Excludes(b)
		if apart && !no {
			excluded++
		} else if a.And(b).Never() && !apart {
			t.Fatalf("%s and %s never hold together, and are said not to exclude each other", texts[0], texts[1])
		}
		if no {
			never++
		} else if follows {
			implied++
		}
		for _, vars := range events {
			if is, err := programs[0].Eval(vars); err != nil || is != true {
				continue
			}
			if no {
				t.Fatalf("%s holds for %v, and is said never to", texts[0], vars)
			}
			also, err := programs[1].Eval(vars)
			if apart && err == nil && also == true {
				t.Fatalf("%s holds for %v, and is said to exclude %s, which does too", texts[0], vars, texts[1])
			}
			if follows && (err != nil || also != true) {
				t.Fatalf("%s holds for %v, and is said to imply %s, which is %v (%v)", texts[0], vars, texts[1], also, err)
			}
		}
	})
	t.Logf("%d pairs, %d never, %d implied, %d excluded", checks, never, implied, excluded)
	if never == 0 || implied == 0 || excluded == 0 {
		t.Error("nothing was proved, so nothing was checked")
	}
}

// What is the same is written the same.
func TestExpandIsOneForm(t *testing.T) {
	t.Parallel()
	r := reader(t, map[string]string{"order": `data["order"]`})
	for written, want := range map[string]string{
		` data.order `:                   `data.order`,
		`data["order"]`:                  `data.order`,
		`data [ 'order' ] // the order`:  `data.order`,
		`order`:                          `data.order`,
		`data["order"]["id"] + order`:    `data.order.id + data.order`,
		`data.order["n-1"]`:              `data.order["n-1"]`,
		`data["in"]`:                     `data["in"]`,
		`data.items[0]["id"]`:            `data.items[0].id`,
		`has(data.order) ? order : "no"`: `has(data.order) ? data.order : "no"`,
	} {
		if got := r.Expand(written); got != want {
			t.Errorf("%s: got %s, want %s", written, got, want)
		}
	}
}
