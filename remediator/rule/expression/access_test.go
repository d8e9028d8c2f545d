package expression_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// describe writes what a question asks.
func describe(a *expression.Access) string {
	if a == nil {
		return ""
	}
	kinds := []string{"equal", "prefix", "suffix", "fold", "range", "network", "part", "element"}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", kinds[a.Kind], strings.Join(a.Path, "."))
	if len(a.Element) > 0 {
		fmt.Fprintf(&b, " %v", a.Element)
	}
	for _, text := range a.Texts {
		fmt.Fprintf(&b, " %q", text)
	}
	for _, n := range a.Numbers {
		fmt.Fprintf(&b, " %v", n)
	}
	for is, name := range map[*bool]string{&a.Null: "null", &a.True: "true", &a.False: "false"} {
		if *is {
			b.WriteString(" " + name)
		}
	}
	if a.Kind == expression.AccessRange {
		fmt.Fprintf(&b, " %s%v,%v%s", map[bool]string{true: "(", false: "["}[a.LowOpen], a.Low, a.High, map[bool]string{true: ")", false: "]"}[a.HighOpen])
	}
	if a.Kind == expression.AccessNetwork {
		fmt.Fprintf(&b, " %v", a.Network)
	}
	return b.String() + map[expression.Truth]string{expression.True: ", absent true", expression.False: ", absent false", expression.OtherError: ", absent an error"}[a.WhenAbsent]
}

func TestAccess(t *testing.T) {
	t.Parallel()
	s := scope(t, expression.Variable{Name: "late", Type: expression.Number})
	for text, want := range map[string]string{
		"data.s == 'a'": `equal data.s "a"`, "'a' == data.s": `equal data.s "a"`, "data.deep.a == 3": "equal data.deep.a 3", "data.n == -1.5": "equal data.n -1.5",
		"data.n == null": "equal data.n null", "data.yes == true": "equal data.yes true", "data['s'] == 'a'": `equal data.s "a"`, "event.type == 'x'": `equal event.type "x"`,
		"data.s in ['a', 'b', 3, null]": `equal data.s "a" "b" 3 null`, "data.s == 'a' || data.s == 'b' || data.s in ['c']": `equal data.s "a" "b" "c"`,
		"data.?s.orValue('') == 'a'": `equal data.s "a", absent false`, "data.?s.orValue('a') == 'a'": `equal data.s "a", absent true`, "data.?a.?b.orValue(1) > 0": "range data.a.b (0,+Inf], absent true",
		"data.?a.b.orValue(1) > 0": "range data.a.b (0,+Inf], absent true", "data.?n.orValue('x') > 0": "range data.n (0,+Inf], absent an error",
		"data.n > 3": "range data.n (3,+Inf]", "3 > data.n": "range data.n [-Inf,3)", "data.n <= 3": "range data.n [-Inf,3]", "data.n >= 0.5": "range data.n [0.5,+Inf]",
		"data.s.startsWith('a')": `prefix data.s "a"`, "data.s.endsWith('a')": `suffix data.s "a"`, "data.s.contains('a')": `part data.s "a"`, "data.?s.orValue('ab').startsWith('a')": `prefix data.s "a", absent true`,
		"data.s.lowerAscii() == 'ab1'": `fold data.s "ab1"`, "data.s.upperAscii() == 'AB1'": `fold data.s "ab1"`, "cidr('10.0.0.0/8').containsIP(data.ip)": "network data.ip 10.0.0.0/8",
		"'a' in data.l": `element data.l "a"`, "data.l.exists(x, x == 'a')": `element data.l "a"`, "data.l.exists(x, x.b.c in ['a', 'b'])": `element data.l [b c] "a" "b"`,
		"'a' in data.?l.orValue('10.0.0.1')": `element data.l "a", absent an error`, "data.l.exists(x, 'a' == x.b)": `element data.l [b] "a"`, "data.l.all(x, x == 'a')": "", "data.l.exists_one(x, x == 'a')": "", "data.l.exists(x, x == data.s)": "",
		"data.l.exists(x, x == 'a' || x == 'b')": "", "data.l.exists(x, data.s == 'a')": "", "1 in data.l": "", "data.l.filter(x, x == 'a') == []": "",
		// Not a question to one field, or one whose answer an index does not know.
		"data.s != 'a'": "", "!(data.s == 'a')": "", "data.s == 'a' || data.n == 1": "", "data.s == data.n": "", "data.n + 1 > 3": "", "data.s > 'a'": "", "data.s in []": "",
		"data.s in [data.n]": "", "data.s.lowerAscii() == 'Ab'": "", "data.s.lowerAscii() == 'é'": "", "data.x.?y.orValue(1) == 1": "", "data.yes": "", "has(data.s)": "", "has(data.s) == true": "",
		"late > 3": "", "event.time == event.time": "", "data.s.startsWith(data.n)": "",
		"data == null": "", "data.l[0] == 1": "", "data.n > 1 || data.n == 0": "", "data.?s.orValue(data.k) == 'a'": "", "timestamp(data.at) > timestamp('2026-01-01T00:00:00Z')": "",
	} {
		p, issues := s.Compile(text, nil)
		if issues != nil {
			t.Errorf("%s: %+v", text, issues)
		} else if got := describe(p.Access()); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// questions are the forms of conditions that are questions to a field F.
var questions = []string{"F == {k}", "F == {z}", "F == null", "F == true", "F == false", "F in [{k}, {z}, {k}]", "F in [null, true, {z}]", "F == {k} || F == {z} || F == null", "F < {z}", "F <= {z}",
	"F > {z}", "F >= {z}", "F.startsWith({k})", "F.endsWith({k})", "F.contains({k})", "F.lowerAscii() == {k}", "F.upperAscii() == {k}", "cidr('10.0.0.0/8').containsIP(F)", "cidr('2001::/16').containsIP(F)"}

// TestAccessSaysWhatTheConditionSays answers questions by their description
// alone, on decoded data.
func TestAccessSaysWhatTheConditionSays(t *testing.T) {
	t.Parallel()
	rounds := 2000
	if testing.Short() {
		rounds = 400
	}
	s := newSetting(t)
	g := newGenerator(2)
	seen := make(map[expression.AccessKind]map[expression.Truth]int)
	for range rounds {
		field := pick(g, []string{"data.n", "data.s", "data.k", "data.ip", "data.yes", "data.none", "data.deep.a.b", "data.deep.a", "data.gone", "data.big", "event.ext", "event.customer",
			"data.?n.orValue({z})", "data.?s.orValue({k})", "data.?deep.?a.?b.orValue({z})", "data.?gone.orValue({k})", "data.?deep.a.b.orValue({z})", "event.?ext.orValue({k})"})
		text := g.fill(strings.ReplaceAll(pick(g, questions), "F", field), 0)
		p, issues := s.scope.Compile(text, nil)
		if issues != nil || p.Access() == nil {
			continue
		}
		a := p.Access()
		both := newSides(t, s, p)
		for range 5 {
			raw := g.event()
			v := both.read(t, raw, nil)
			got := p.Bind(both.plan).Truth(&both.frame)
			if want := answer(a, v); got != want {
				t.Fatalf("%s\nof %s: got %v, the question says %v", text, raw, got, want)
			}
			if seen[a.Kind] == nil {
				seen[a.Kind] = make(map[expression.Truth]int)
			}
			seen[a.Kind][got]++
		}
	}
	for kind := expression.AccessEqual; kind <= expression.AccessPart; kind++ {
		for _, truth := range []expression.Truth{expression.True, expression.False, expression.AbsentError, expression.OtherError} {
			if seen[kind][truth] == 0 {
				t.Errorf("no question of kind %d was %v", kind, truth)
			}
		}
	}
}

// answer follows the table at Access.
func answer(a *expression.Access, v vars) expression.Truth {
	value := v[a.Path[0]]
	for _, name := range a.Path[1:] {
		object, ok := value.(map[string]any)
		if !ok {
			if plain(value) {
				return a.WhenAbsent
			}
			return expression.OtherError
		}
		if value, ok = object[name]; !ok {
			return a.WhenAbsent
		}
	}
	truth := func(holds bool) expression.Truth {
		if holds {
			return expression.True
		}
		return expression.False
	}
	text, isText := value.(string)
	switch {
	case a.Kind == expression.AccessEqual:
		return answerEqual(a, value, truth)
	case a.Kind == expression.AccessRange:
		n, ok := value.(float64)
		if !ok {
			return expression.OtherError
		}
		return truth((n > a.Low || n == a.Low && !a.LowOpen) && (n < a.High || n == a.High && !a.HighOpen))
	case !isText:
		return expression.OtherError
	case a.Kind == expression.AccessPrefix:
		return truth(strings.HasPrefix(text, a.Texts[0]))
	case a.Kind == expression.AccessSuffix:
		return truth(strings.HasSuffix(text, a.Texts[0]))
	case a.Kind == expression.AccessPart:
		return truth(strings.Contains(text, a.Texts[0]))
	case a.Kind == expression.AccessFold:
		fold := strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, text)
		return truth(fold == a.Texts[0])
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" || address.Is4In6() {
		return expression.OtherError
	}
	return truth(a.Network.Contains(address))
}

func answerEqual(a *expression.Access, value any, truth func(bool) expression.Truth) expression.Truth {
	switch v := value.(type) {
	case nil:
		return truth(a.Null)
	case bool:
		return truth(v && a.True || !v && a.False)
	case string:
		return truth(slices.Contains(a.Texts, v))
	case float64:
		return truth(slices.Contains(a.Numbers, v))
	case map[string]any, []any:
		return expression.False
	}
	return expression.OtherError
}

// plain reports whether a value has no fields, so that one of them is absent.
func plain(value any) bool {
	switch value.(type) {
	case nil, bool, string, float64:
		return true
	}
	return false
}

func TestAddressReadsAsCELDoes(t *testing.T) {
	t.Parallel()
	p, issues := scope(t).Compile("ip(data.ip)", nil)
	if issues != nil {
		t.Fatal(issues)
	}
	for _, text := range []string{"1.2.3.4", "255.255.255.255", "0.0.0.0", "01.2.3.4", "1.2.3.04", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "", ".", "1..2.3", "a.b.c.d", "1.2.3.4/8", "+1.2.3.4",
		"::", "::1", "2001:db8::1", "2001:DB8::1", "::ffff:1.2.3.4", "::1.2.3.4", "fe80::1%eth0", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", strings.Repeat("1", 60)} {
		_, err := p.Eval(vars{"data": map[string]any{"ip": text}, "event": map[string]any{}})
		_, got := expression.Address([]byte(text))
		// The value itself is none that Eval hands out; the error says which it is.
		if want := err == nil || !strings.Contains(err.Error(), "address") && !strings.Contains(err.Error(), "Address"); got != want {
			t.Errorf("%q: got %v; CEL says %v", text, got, err)
		}
	}
}
