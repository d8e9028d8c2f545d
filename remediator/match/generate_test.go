package match_test

import (
	"fmt"
	"strings"
	"sync"

	"pgregory.net/rapid"
)

// Generated rules and events share few fields and constants, so that conditions
// are often true, often false for one reason alone, and often errors.
var (
	anyFields  = []string{"data.a", "data.b", "data.c.d", `data["e f"]`, "event.ext", "data.c", "data.l"}
	textFields = []string{"data.a", "data.a", "data.b", "data.c.d", "event.subject", "event.customer", "event.ext"}
	numFields  = []string{"data.n", "data.n", "data.c.n", "data.a", "event.num"}
	texts      = []string{`""`, `"a"`, `"ab"`, `"abc"`, `"Ab"`, `"b"`, `"ä"`, `"Äb"`, `"a\nb"`, `"77"`, `"order/1"`, `"c-1"`}
	// What folding makes of the texts of events, what folding beyond ASCII would, and what it never does.
	foldedTexts = []string{`""`, `"a"`, `"ab"`, `"AB"`, `"Ab"`, `"ä"`, `"Ä"`, `"Äb"`, `"äb"`, `"ÄB"`, `"äB"`}
	numbers     = []string{"0", "1", "-1", "0.5", "5", "5.5", "77", "9007199254740992", "1e300", "-0.0"}
	operators   = []string{"==", "!=", "<", "<=", ">", ">="}
)

func pick(t *rapid.T, from []string) string { return rapid.SampledFrom(from).Draw(t, "pick") }

// atom draws a condition without && and ||.
func atom(t *rapid.T) string {
	switch rapid.IntRange(0, 20).Draw(t, "atom") {
	case 0, 1, 2:
		return pick(t, textFields) + " == " + pick(t, texts)
	case 3:
		return pick(t, anyFields) + " " + pick(t, operators[:2]) + " " + pick(t, []string{pick(t, texts), pick(t, numbers), "true", "false", "null"})
	case 4:
		return pick(t, anyFields) + " in [" + pick(t, texts) + ", " + pick(t, []string{pick(t, texts), pick(t, numbers), "true", "null"}) + ", " + pick(t, texts) + "]"
	case 5, 6:
		return pick(t, textFields) + pick(t, []string{".startsWith(", ".endsWith(", ".contains("}) + pick(t, texts) + ")"
	case 7:
		return folded(t)
	case 8, 9, 10:
		return pick(t, numFields) + " " + pick(t, operators) + " " + pick(t, numbers)
	case 11:
		return pick(t, numbers) + " " + pick(t, operators) + " " + pick(t, numFields)
	case 12:
		return pick(t, numFields) + " >= " + pick(t, numbers) + " && " + pick(t, numFields) + " < " + pick(t, numbers)
	case 13:
		return "data.?" + pick(t, []string{"a", "c.?d", "c.d", "gone"}) + ".orValue(" + pick(t, texts) + ") " + pick(t, operators[:2]) + " " + pick(t, texts)
	case 14:
		return pick(t, []string{"has(data.a)", "has(data.c.d)", "data.f", "!data.f", "data.?a.hasValue()", "event.flag"})
	case 15:
		return pick(t, texts) + " in data.l"
	case 16:
		return "data.l." + pick(t, []string{"exists", "all"}) + "(x, " + pick(t, []string{"x", "x.d", "x.d", "x.c.d"}) + pick(t, []string{" == " + pick(t, texts), " in [" + pick(t, texts) + ", " + pick(t, texts) + "]"}) + ")"
	case 17:
		return pick(t, []string{`money(data.m) > money("2.00 USD")`, `data.n * 2 > data.n + 1`, `event.time > timestamp("2026-01-01T00:00:00Z")`,
			`size(data.a) > 1`, `data.a + "b" == "ab"`, `data.a == data.b`, `data.n / 0 > 1`})
	case 18:
		return `cidr("` + pick(t, []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "::/0", "2001:db8::/32"}) + `").containsIP(data.ip)`
	case 19:
		return "late > " + pick(t, numbers)
	}
	return "shout == " + pick(t, []string{`"A"`, `"AB"`, `"77"`})
}

// folded draws a question to a text whose letters are made small or large.
func folded(t *rapid.T) string {
	return pick(t, textFields) + pick(t, []string{".lowerAscii()", ".upperAscii()"}) + pick(t, []string{" == " + pick(t, foldedTexts), ".startsWith(" + pick(t, foldedTexts) + ")"})
}

// paired draws a question to one value beside one to another, of which every rule asks.
func paired(t *rapid.T) string {
	first := pick(t, []string{
		"data.n >= " + pick(t, numbers), "data.n >= " + pick(t, numbers) + " && data.n < " + pick(t, numbers),
		"data.a == " + pick(t, texts), "data.a.startsWith(" + pick(t, texts) + ")", "data.a.endsWith(" + pick(t, texts) + ")",
	})
	return first + " && " + pick(t, []string{"data.b == " + pick(t, texts), "data.b in [" + pick(t, texts) + ", " + pick(t, texts) + "]"})
}

// condition draws what a rule's if may be.
func condition(t *rapid.T, depth int) string {
	if depth == 0 {
		return atom(t)
	}
	parts := make([]string, rapid.IntRange(1, 3).Draw(t, "parts"))
	for i := range parts {
		parts[i] = atom(t)
		switch rapid.IntRange(0, 9).Draw(t, "part") {
		case 0:
			parts[i] = "(" + condition(t, depth-1) + " || " + condition(t, depth-1) + ")"
		case 1:
			parts[i] = "!(" + condition(t, depth-1) + ")"
		case 2:
			parts[i] = "(" + condition(t, depth-1) + " ? " + condition(t, depth-1) + " : " + condition(t, depth-1) + ")"
		}
	}
	return strings.Join(parts, " && ")
}

// rules draws a file of rules.
func rules(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	n := rapid.IntRange(1, 8).Draw(t, "rules")
	common := atom(t) // that several rules have, perhaps alone
	// Few texts tell folding of ASCII from folding of all letters: some files ask for nothing else.
	// What is asked of two values at once needs rules that all ask for both.
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	for i := range n {
		whole := condition(t, 2)
		switch shared := rapid.IntRange(0, 7).Draw(t, "common"); {
		case kind == 0:
			whole = folded(t)
		case kind == 1:
			whole = paired(t)
		case shared == 0:
			whole = common
		case shared <= 2:
			whole += " && " + common
		}
		b.WriteString(oneRule(t, fmt.Sprintf("rule-%d", n-i), whole))
	}
	return b.String()
}

// unlessWorks says whether the loader takes rules about events that do not come.
var unlessWorks = sync.OnceValue(func() bool {
	return rulesOf("rules: [{rule: r, owner: o, why: w, event: a.b, unless: {event: a.c, by: data.a, within: 1d}, do: [{andon: {pull: a/b, level: red, reason: r}}]}]") != nil
})

func oneRule(t *rapid.T, name, condition string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - rule: %s\n    owner: o\n    why: w\n", name)
	fmt.Fprintf(&b, "    event: %s\n", pick(t, []string{"com.example.x", "com.example.x", "com.example.*", "com.*", "[com.example.y, com.example.x]",
		"[{type: com.example.y, if: data.f}, {type: com.*, if: 'data.n > 1'}, com.example.x]"}))
	b.WriteString("    let: {late: data.n - 1, shout: data.a.upperAscii()}\n")
	if rapid.IntRange(0, 9).Draw(t, "if") > 0 {
		fmt.Fprintf(&b, "    if: >-\n      %s\n", condition)
	}
	forms := 4
	if unlessWorks() {
		forms = 5
	}
	switch rapid.IntRange(1, forms).Draw(t, "form") {
	case 2:
		fmt.Fprintf(&b, "    once_per: %s\n", pick(t, []string{"data.a", "data.n", "data.c.d", "event.customer", "late", "data.?a", "{key: [data.a, data.n], scope: s}", "data.l", "event.time"}))
	case 3:
		fmt.Fprintf(&b, "    window: {by: %s, within: 1d}\n", pick(t, []string{"data.a", "data.c.d", "event.subject", "data.n", "shout"}))
		fmt.Fprintf(&b, "    having: >-\n      %s\n", pick(t, []string{"count() > 1", "count(data.n > 1) > 0 && distinct(data.a) > 1", "sum(data.n, data.f) > late",
			"sum(data.m) > money(\"1.00 USD\")", "min(data.a) > 0", "distinct(data.l) + avg(data.n / 0) > 1", "share(data.a == \"a\") > 0.5"}))
	case 5:
		fmt.Fprintf(&b, "    unless: {event: %s, by: %s, %s}\n", pick(t, []string{"com.example.y", "{type: com.example.x, if: data.f}", "com.*", "[{type: com.example.y, if: 'data.a == \"a\"'}]"}),
			pick(t, []string{"data.a", "data.n", "event.subject"}), pick(t, []string{"within: 1d", "until: 'timestamp(data.b)'", "until: event.time"}))
	}
	fmt.Fprintf(&b, "    do: [{andon: {pull: 'a/${{ data.a }}', level: red, reason: 'r ${{ late }} ${{ shout }}'}}]\n")
	return b.String()
}

// Values as they stand in an event: numbers and texts written in several ways.
var (
	jsonTexts   = []string{`""`, `"a"`, `"ab"`, `"abc"`, `"AB"`, `"Ab"`, `"b"`, `"\u00e4"`, `"ä"`, `"Äb"`, `"a\nb"`, `"77"`, `"\u0061"`, `"order\/1"`, `"2.99 USD"`}
	jsonNumbers = []string{"0", "-0", "1", "1.0", "-1", "5", "50e-1", "5.5", "77", "9007199254740992", "9007199254740993", "1e300", "1e999", "0.5"}
	jsonOthers  = []string{"null", "true", "false", "{}", "[]", `{"d":"a","n":5}`, `["a","ab"]`, `["a",1e999]`, `[{"d":1}]`, `{"amount":"3.00","currency":"USD"}`}
)

func jsonValue(t *rapid.T) string {
	switch rapid.IntRange(0, 5).Draw(t, "value") {
	case 0, 1, 2:
		return pick(t, jsonTexts)
	case 3, 4:
		return pick(t, jsonNumbers)
	}
	return pick(t, jsonOthers)
}

// fields draws some members of an object, in any order.
func fields(t *rapid.T, values map[string]func(*rapid.T) string, names ...string) string {
	var members []string
	for _, name := range rapid.Permutation(names).Draw(t, "order") {
		if rapid.IntRange(0, 4).Draw(t, name) > 0 {
			value := jsonValue
			if usual := values[name]; usual != nil && rapid.IntRange(0, 3).Draw(t, "usual") > 0 {
				value = usual
			}
			members = append(members, fmt.Sprintf("%q:%s", name, value(t)))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// eventOf draws an event. It is valid: damaged makes one that is not.
func eventOf(t *rapid.T) []byte {
	text := func(t *rapid.T) string { return pick(t, jsonTexts) }
	number := func(t *rapid.T) string { return pick(t, jsonNumbers) }
	data := fields(t, map[string]func(*rapid.T) string{
		"a": text, "b": text, "n": number,
		"ip": func(t *rapid.T) string {
			return pick(t, []string{`"10.1.2.3"`, `"10.9.9.9"`, `"2001:db8::1"`, `"::ffff:10.1.2.3"`, `"fe80::1%eth0"`, `"\u00310.1.2.3"`})
		},
		"f": func(t *rapid.T) string { return pick(t, []string{"true", "false"}) },
		"m": func(t *rapid.T) string { return pick(t, []string{`"2.99 USD"`, `{"amount":"3.00","currency":"USD"}`}) },
		"l": func(t *rapid.T) string {
			return pick(t, []string{`["a","ab"]`, `["b"]`, `[]`, `["a",1,null]`, ` [ "ab" , "b" ] `, `["\u0061"]`, `["",{}]`,
				`[{"d":"a"},{"n":[1,{"d":"}"}],"d":"b"}]`, `[{"d" : "ab", "f":true}]`, `[{"n":1}]`, `[{"d":1}]`, `[{"c":{"d":"a"}},{"c":{"d":"b"},"n":-1.5e3}]`})
		},
		"c": func(t *rapid.T) string {
			return fields(t, map[string]func(*rapid.T) string{"d": text, "n": number}, "d", "n")
		},
	}, "a", "b", "c", "n", "f", "m", "l", "e f", "ip")
	switch rapid.IntRange(0, 19).Draw(t, "data") {
	case 0:
		data = jsonValue(t)
	}
	members := []string{`"specversion":"1.0"`, `"id":"1"`, `"source":"/s"`,
		`"type":"` + pick(t, []string{"com.example.x", "com.example.x", "com.example.x", "com.example.y", `com.example.\u0078`, "com.example.z.z", "com.other", "org.none", "com.example.*"}) + `"`}
	for _, attribute := range [][]string{
		{"subject", `"order/1"`, `"ab"`}, {"customer", `"c-1"`, `""`}, {"ext", `"a"`, `"b"`, "5", "true", "null"}, {"num", "5", "1", `"5"`, "true"},
		{"flag", "true", "false"}, {"time", `"2026-01-02T03:04:05Z"`, `"2025-01-02T03:04:05.5+01:00"`},
	} {
		if name := attribute[0]; rapid.Bool().Draw(t, name) {
			members = append(members, fmt.Sprintf("%q:%s", name, pick(t, attribute[1:])))
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "has data") > 0 {
		members = append(members, `"data":`+data)
	}
	return []byte("{" + strings.Join(rapid.Permutation(members).Draw(t, "members"), ",") + "}")
}
