package expression_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// form is a way to write an operator or a function: {n} stands for an
// expression of the kind n. name is what is counted.
type form struct {
	name string
	kind byte
	text string
}

// Kinds of expressions: b boolean, n number, w whole number, u unsigned, s text,
// m money, t timestamp, d duration, l list, o object, a anything, p address,
// c network, q optional, y bytes, g aggregate of numbers; k is a constant text,
// z a constant number, r a pattern.
var forms = []form{
	{"&&", 'b', "({b} && {b})"}, {"||", 'b', "({b} || {b})"}, {"!", 'b', "!({b})"}, {"?:", 'n', "({b} ? {n} : {n})"}, {"?:", 's', "({b} ? {s} : {s})"},
	{"?:", 'm', "({b} ? {m} : {m})"}, {"?:", 'b', "({b} ? {b} : {b})"},
	{"==", 'b', "{a} == {a}"}, {"==", 'b', "{s} == {k}"}, {"==", 'b', "{n} == {z}"}, {"==", 'b', "{a} == null"}, {"==", 'b', "{a} == {l}"},
	{"==", 'b', "{m} == {m}"}, {"==", 'b', "{t} == {t}"}, {"==", 'b', "{d} == {d}"}, {"==", 'b', "{b} == true"}, {"==", 'b', "{k} == {s}"},
	{"!=", 'b', "{a} != {a}"}, {"!=", 'b', "{s} != {k}"}, {"!=", 'b', "{n} != {z}"}, {"!=", 'b', "{m} != {m}"}, {"!=", 'b', "{a} != null"},
	{"<", 'b', "{n} < {z}"}, {"<", 'b', "{z} < {n}"}, {"<", 'b', "{n} < {n}"}, {"<", 'b', "{s} < {s}"}, {"<", 'b', "{m} < {m}"}, {"<", 'b', "{t} < {t}"}, {"<", 'b', "{d} < {d}"},
	{"<=", 'b', "{n} <= {z}"}, {"<=", 'b', "{z} <= {n}"}, {"<=", 'b', "{n} <= {n}"}, {"<=", 'b', "{s} <= {k}"}, {"<=", 'b', "{m} <= {m}"},
	{">", 'b', "{n} > {z}"}, {">", 'b', "{n} > {n}"}, {">", 'b', "{m} > {m}"}, {">", 'b', "{t} > {t}"}, {">", 'b', "{s} > {s}"},
	{">=", 'b', "{n} >= {z}"}, {">=", 'b', "{n} >= {n}"}, {">=", 'b', "{d} >= {d}"}, {">=", 'b', "{s} >= {k}"}, {">=", 'b', "{b} >= {b}"},
	{"in", 'b', "{s} in [{k}, {k}]"}, {"in", 'b', "{n} in [{z}, {z}, {z}]"}, {"in", 'b', "{a} in [{k}, {z}, null, true]"}, {"in", 'b', "{a} in {l}"}, {"in", 'b', "{k} in {o}"},
	{"in", 'b', "{s} in [{k}, 'b', 'c', 'd', 'e', 'f', 'g', 'h', {k}]"}, {"in", 'b', "{n} in [0, 1, 2, 3, 4, 5, 6.5, 7, {z}]"}, {"in", 'b', "{m} in [{m}, {m}]"},
	{"+", 'n', "({n} + {n})"}, {"+", 's', "({s} + {s})"}, {"+", 'm', "({m} + {m})"}, {"+", 't', "({t} + {d})"}, {"+", 'd', "({d} + {d})"}, {"+", 'l', "({l} + {l})"},
	{"-", 'n', "({n} - {n})"}, {"-", 'm', "({m} - {m})"}, {"-", 'd', "({t} - {t})"}, {"-", 't', "({t} - {d})"}, {"-", 'd', "({d} - {d})"}, {"-", 'n', "(-{n})"},
	{"*", 'n', "({n} * {n})"}, {"/", 'n', "({n} / {n})"}, {"/", 'n', "({n} / {z})"}, {"%", 'w', "({w} % {w})"},
	{"[]", 'a', "{l}[{w}]"}, {"[]", 'n', "{l}[0]"}, {"[]", 'a', "{o}[{k}]"}, {"[]", 'a', "data[{s}]"}, {"[]", 'n', "[{n}, {z}][0]"}, {"[]", 'n', "{'x': {n}}['x']"}, {"[]", 'n', "data['n']"}, {".", 'a', "{o}.x"}, {".", 'a', "data.deep.a.b"}, {".?", 'q', "{o}.?x"}, {".?", 'a', "{o}.?x.value()"},
	{"[?]", 'q', "{l}[?{w}]"}, {"[?]", 'q', "data[?{s}]"}, {".?", 'q', "data.?deep.?a.?b"}, {".?", 'q', "data.deep.?a.b"}, {".?", 'q', "data.?n"}, {".?", 'q', "data.?s"}, {".?", 'q', "data.?gone"}, {".?", 'q', "event.?ext"},
	{"has", 'b', "has(data.n)"}, {"has", 'b', "has(data.gone)"}, {"has", 'b', "has(data.deep.a)"}, {"has", 'b', "has(data.deep.a.b)"}, {"has", 'b', "has(event.ext)"}, {"has", 'b', "has({o}.x)"}, {"has", 'b', "has(data.gone.x)"},
	{"[ ]", 'l', "[{n}, {n}]"}, {"{ }", 'o', "{'x': {n}, 'y': {a}}"}, {"{ }", 'n', "{'x': {n}, 'y': {z}}.x"}, {"[ ]", 'l', "[{s}, {s}]"},
	{"startsWith", 'b', "{s}.startsWith({k})"}, {"startsWith", 'b', "{s}.startsWith({s})"}, {"endsWith", 'b', "{s}.endsWith({k})"}, {"endsWith", 'b', "{s}.endsWith({s})"},
	{"contains", 'b', "{s}.contains({k})"}, {"contains", 'b', "{s}.contains({s})"}, {"matches", 'b', "{s}.matches({r})"}, {"matches", 'b', "matches({s}, {r})"},
	{"size", 'w', "size({s})"}, {"size", 'w', "{s}.size()"}, {"size", 'w', "size({l})"}, {"size", 'w', "size({o})"},
	{"lowerAscii", 's', "{s}.lowerAscii()"}, {"lowerAscii", 'b', "{s}.lowerAscii() == {k}"}, {"upperAscii", 's', "{s}.upperAscii()"}, {"upperAscii", 'b', "{s}.upperAscii() == {k}"},
	{"trim", 's', "{s}.trim()"}, {"replace", 's', "{s}.replace({k}, {k})"}, {"substring", 's', "{s}.substring({w})"}, {"split", 'l', "{s}.split({k})"}, {"split", 'l', "{s}.split('')"}, {"join", 's', "[{s}, {s}].join({k})"},
	{"charAt", 's', "{s}.charAt({w})"}, {"indexOf", 'w', "{s}.indexOf({k})"}, {"lastIndexOf", 'w', "{s}.lastIndexOf({k})"}, {"reverse", 's', "{s}.reverse()"},
	{"format", 's', "'%s/%d'.format([{s}, {w}])"}, {"strings.quote", 's', "strings.quote({s})"},
	{"orValue", 'n', "{q}.orValue({n})"}, {"orValue", 's', "data.?s.orValue({k})"}, {"orValue", 'n', "data.?n.orValue({z})"}, {"orValue", 'n', "data.?gone.orValue({n})"}, {"orValue", 's', "event.?ext.orValue({k})"},
	{"or", 'q', "{q}.or({q})"}, {"hasValue", 'b', "{q}.hasValue()"}, {"value", 'a', "{q}.value()"}, {"optional.of", 'q', "optional.of({a})"}, {"optional.ofNonZeroValue", 'q', "optional.ofNonZeroValue({n})"},
	{"optional.none", 'q', "optional.none()"}, {"optional.none", 'n', "optional.none().orValue({n})"}, {"first", 'q', "{l}.first()"}, {"last", 'q', "{l}.last()"}, {"optional.unwrap", 'l', "optional.unwrap([{q}, {q}])"}, {"unwrapOpt", 'l', "[{q}].unwrapOpt()"}, {"unwrapOpt", 'l', "[{q}, {q}, {q}].unwrapOpt()"},
	{"optMap", 'q', "{q}.optMap(v, v == {a})"}, {"optFlatMap", 'q', "{q}.optFlatMap(v, optional.of(v))"},
	{"money", 'm', "money({s})"}, {"money", 'm', "money({o})"}, {"money", 'm', "money(data.paid)"}, {"money", 'm', "money(data.owed)"}, {"money", 'b', "money(data.paid) < money('1.00 USD')"}, {"money", 'b', "money(data.owed) > money('4.00 USD')"}, {"pct", 'm', "pct({m}, {n})"}, {"pct", 'm', "pct(data.paid, {z})"},
	{"least", 'm', "least({m}, {m})"}, {"least", 'n', "least({n}, {n})"}, {"greatest", 'm', "greatest({m}, {m})"}, {"greatest", 'n', "greatest({n}, {n})"},
	{"duration", 'd', "duration({s})"}, {"duration", 'd', "duration(data.took)"}, {"timestamp", 't', "timestamp({s})"}, {"timestamp", 't', "timestamp(data.at)"}, {"timestamp", 't', "timestamp({t})"}, {"timestamp", 't', "timestamp({w})"},
	{"double", 'n', "double({n})"}, {"double", 'n', "double({s})"}, {"int", 'w', "int({n})"}, {"uint", 'u', "uint({n})"}, {"string", 's', "string({n})"}, {"string", 's', "string({m})"}, {"string", 's', "string({b})"},
	{"bool", 'b', "bool({s})"}, {"bool", 'b', "bool({b})"}, {"bytes", 'y', "bytes({s})"}, {"dyn", 'a', "dyn({a})"}, {"type", 'b', "type({a}) == type({a})"}, {"type", 'b', "type({n}) == type({z})"},
	{"math.abs", 'n', "math.abs({n})"}, {"math.ceil", 'n', "math.ceil({n})"}, {"math.floor", 'n', "math.floor({n})"}, {"math.round", 'n', "math.round({n})"}, {"math.trunc", 'n', "math.trunc({n})"}, {"math.sign", 'n', "math.sign({n})"},
	{"math.sqrt", 'n', "math.sqrt({n})"}, {"math.isNaN", 'b', "math.isNaN({n})"}, {"math.isNaN", 'b', "math.isNaN(data.zero / data.zero)"}, {"math.isInf", 'b', "math.isInf({n} / {n})"}, {"math.isInf", 'b', "math.isInf({n} / data.zero)"}, {"math.isFinite", 'b', "math.isFinite({n})"}, {"math.isFinite", 'b', "math.isFinite({n} / data.zero)"},
	{"math.greatest", 'n', "math.greatest({n}, {n})"}, {"math.least", 'n', "math.least({n}, {n})"}, {"math.bitAnd", 'w', "math.bitAnd({w}, {w})"}, {"math.bitOr", 'w', "math.bitOr({w}, {w})"}, {"math.bitXor", 'w', "math.bitXor({w}, {w})"},
	{"math.bitNot", 'w', "math.bitNot({w})"}, {"math.bitNot", 'w', "math.bitNot(int({n}))"}, {"math.bitShiftLeft", 'w', "math.bitShiftLeft({w}, {w})"}, {"math.bitShiftRight", 'w', "math.bitShiftRight({w}, {w})"},
	{"getFullYear", 'w', "{t}.getFullYear()"}, {"getMonth", 'w', "{t}.getMonth()"}, {"getDate", 'w', "{t}.getDate()"}, {"getDayOfMonth", 'w', "{t}.getDayOfMonth()"}, {"getDayOfWeek", 'w', "{t}.getDayOfWeek()"},
	{"getDayOfYear", 'w', "{t}.getDayOfYear()"}, {"getHours", 'w', "{t}.getHours()"}, {"getMinutes", 'w', "{d}.getMinutes()"}, {"getSeconds", 'w', "{d}.getSeconds()"}, {"getMilliseconds", 'w', "{t}.getMilliseconds()"},
	{"cidr", 'c', "cidr({s})"}, {"cidr", 'c', "cidr(data.net)"}, {"cidr", 'b', "cidr(data.net).isMask()"}, {"cidr", 'b', "cidr(data.net).containsIP(data.ip)"}, {"ip", 'p', "ip(data.ip)"},
	{"isIP", 'b', "isIP(data.ip)"}, {"isCIDR", 'b', "isCIDR(data.net)"}, {"ip.isCanonical", 'b', "ip.isCanonical(data.ip)"}, {"isLoopback", 'b', "ip(data.ip).isLoopback()"}, {"ip", 'p', "ip({s})"}, {"ip", 'p', "{c}.ip()"}, {"isIP", 'b', "isIP({s})"}, {"isCIDR", 'b', "isCIDR({s})"}, {"ip.isCanonical", 'b', "ip.isCanonical({s})"}, {"ip.isCanonical", 'b', "ip.isCanonical(data.near)"},
	{"containsIP", 'b', "cidr('10.0.0.0/8').containsIP({s})"}, {"containsIP", 'b', "cidr('2001:db8::/32').containsIP(data.ip)"}, {"containsIP", 'b', "{c}.containsIP({p})"}, {"containsCIDR", 'b', "{c}.containsCIDR({c})"},
	{"family", 'w', "{p}.family()"}, {"isGlobalUnicast", 'b', "{p}.isGlobalUnicast()"}, {"isLinkLocalMulticast", 'b', "{p}.isLinkLocalMulticast()"}, {"isLinkLocalUnicast", 'b', "{p}.isLinkLocalUnicast()"},
	{"isLoopback", 'b', "{p}.isLoopback()"}, {"isUnspecified", 'b', "{p}.isUnspecified()"}, {"isMask", 'b', "{c}.isMask()"}, {"isUnspecified", 'b', "ip(data.near).isUnspecified()"},
	{"isGlobalUnicast", 'b', "ip(data.near).isGlobalUnicast()"}, {"isLinkLocalMulticast", 'b', "ip(data.near).isLinkLocalMulticast()"}, {"isLinkLocalUnicast", 'b', "ip(data.near).isLinkLocalUnicast()"},
	{"masked", 'c', "{c}.masked()"}, {"prefixLength", 'w', "{c}.prefixLength()"},
	{"all", 'b', "{l}.all(x, x == {a})"}, {"all", 'b', "data.l.all(x, x > 0)"}, {"exists", 'b', "{l}.exists(x, x == {a})"}, {"exists", 'b', "data.items.exists(x, x.n > {z})"}, {"exists_one", 'b', "{l}.exists_one(x, x == {z})"}, {"exists_one", 'b', "data.l.exists_one(x, x == 3)"},
	{"map", 'l', "{l}.map(x, {a})"}, {"filter", 'l', "{l}.filter(x, x != {a})"},
	{"avg", 'g', "avg(data.n)"}, {"count", 'g', "count({b})"}, {"distinct", 'g', "distinct(data.s)"}, {"max", 'g', "max(data.n, {b})"}, {"min", 'g', "min(data.h)"}, {"share", 'g', "share({b})"}, {"sum", 'g', "sum(data.n)"},
}

// leaves are the expressions at which a tree ends.
var leaves = map[byte][]string{
	'b': {"data.yes", "data.no", "true", "false", "data.yes", "has(data.n)", "data.n > 1", "flag"},
	'n': {"data.n", "data.n", "data.h", "data.big", "data.zero", "3", "0.5", "-1", "data.deep.a.b", "data.s", "event.rate", "event.sampledrate", "ratio"},
	'w': {"size(data.s)", "0", "1", "2", "-1", "int(data.n)", "3"},
	'u': {"uint(data.n)", "1u"},
	's': {"data.s", "data.s", "data.k", "data.esc", "data.at", "data.paid", "data.ip", "data.net", "data.took", "event.type", "event.customer", "event.subject", "event.ext", "data.deep.a.s", "name", "data.n"},
	'k': {"'a'", "'b'", "'ab'", "''", "'AB'", "'é\\n'", "'x'", "'77'"},
	'z': {"0", "1", "3", "0.5", "-2", "9007199254740992", "2.5"},
	'r': {"'^a'", "'b$'", "'[0-9]+'", "'.*'", "'(?i)AB'"},
	'm': {"money(data.paid)", "money(data.owed)", "money('3.00 USD')", "money('1.00 EUR')", "due"},
	't': {"timestamp(data.at)", "event.time", "timestamp('2026-03-01T08:00:00Z')", "event.recordedtime", "timestamp(data.s)"},
	'd': {"duration('1h')", "duration(data.took)", "late", "duration('7d')"},
	'l': {"data.l", "data.l", "[1, 2.5]", "['a', 'b']", "data.items", "data.n", "[]"},
	'o': {"data.deep", "data.deep.a", "data.owed", "{'x': 1}", "data.n", "data.l", "data.one"},
	'a': {"data.n", "data.s", "data.yes", "data.none", "data.l", "data.deep", "data.gone", "null", "1", "'a'", "data.big", "data.k", "event.customer", "late", "data.deep.a.b"},
	'p': {"ip(data.ip)", "ip('10.1.2.3')"},
	'c': {"cidr('10.0.0.0/8')", "cidr(data.net)"},
	'q': {"data.?n", "data.?s", "data.?gone", "data.?deep.?a", "optional.of(1)", "data.?big", "optional.of(data.gone)"},
	'y': {"bytes(data.s)"},
	'g': {"count()"},
}

// tests make a boolean of an expression of a kind.
var tests = map[byte][]string{
	'b': {"%s", "%s || false", "%s && data.yes"},
	'n': {"%s > {z}", "%s == {n}", "{z} >= %s", "%s != {z}", "%s in [{z}, {z}]"}, 'w': {"%s > 1", "%s == {w}", "%s <= {z}"}, 'u': {"%s > 1u", "%s == {n}"},
	's': {"%s == {s}", "%s != {k}", "%s.contains({k})", "%s < {k}"}, 'm': {"%s > {m}", "%s == {m}", "%s <= money('5.00 USD')"},
	't': {"%s > {t}", "%s <= {t}"}, 'd': {"%s > {d}", "%s <= {d}", "%s == {d}"}, 'l': {"%s == {l}", "size(%s) > 1", "{a} in %s"}, 'o': {"%s == {o}", "size(%s) > 1", "'x' in %s"},
	'a': {"%s == {a}", "%s == null", "%s != {k}"}, 'p': {"%s == {p}", "%s.family() == 4"}, 'c': {"%s == {c}", "%s.prefixLength() > 8"},
	'q': {"%s.hasValue()", "%s.orValue(1) == 1", "%s == {q}", "%s.orValue({s}) == {s}"}, 'y': {"%s == bytes('a')", "size(%s) > 1"}, 'g': {"%s > {z}", "%s / 2 <= {n}"},
}

// generator draws expressions.
type generator struct {
	*rand.Rand
	byKind map[byte][]form
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7)), byKind: make(map[byte][]form)}
	for _, f := range forms {
		g.byKind[f.kind] = append(g.byKind[f.kind], f)
	}
	return g
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// expression draws an expression of a kind.
func (g *generator) expression(kind byte, depth int) string {
	if all := g.byKind[kind]; depth > 0 && len(all) > 0 && g.IntN(3) == 0 {
		return g.fill(pick(g, all).text, depth-1)
	}
	return pick(g, leaves[kind])
}

// fill draws what stands for the kinds in a text.
func (g *generator) fill(text string, depth int) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 || len(text) < open+3 {
			break
		}
		if text[open+2] != '}' {
			b.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		b.WriteString(text[:open])
		b.WriteString(g.expression(text[open+1], depth))
		text = text[open+3:]
	}
	return b.String() + text
}

// condition draws a boolean expression in which a form is evaluated.
func (g *generator) condition(f form, depth int) string {
	inner := g.fill(f.text, depth)
	if g.IntN(8) == 0 {
		return g.fill("({b} || ", 0) + fmt.Sprintf(g.fill(pick(g, tests[f.kind]), 1), inner) + ")"
	}
	return fmt.Sprintf(g.fill(pick(g, tests[f.kind]), 1), inner)
}

// fields are what the data of a drawn event may hold. The first values fit the
// expressions, and are drawn most of the time.
var fields = []struct {
	name  string
	fit   []string
	other []string
}{
	{"n", []string{"3", "0.5", "1", "2", "-2", "77"}, []string{"9007199254740992", "9007199254740993", "-9007199254740993", "1e400", "-0", "-0.0", "1e21", `"3"`, "true", "[3]"}},
	{"h", []string{"0.5", "2.5", "100"}, []string{"0", `"0.5"`, "1e-300", "12345678901234567890"}},
	{"zero", []string{"0", "-0.0"}, []string{"null", `""`}},
	{"big", []string{"9007199254740992", "1e15"}, []string{"9007199254740993", "1e999", "-9007199254740992"}},
	{"s", []string{`"a"`, `"ab"`, `"b"`, `"77"`, `"AB"`}, []string{`""`, `"\u00e9\n"`, `"\ud83d\ude00"`, "7", "null", `"\u0000"`, `"aBc\"d"`}},
	{"k", []string{`"a"`, `"ab"`, `"x"`}, []string{`"\u0061b"`, "1", "{}"}},
	{"esc", []string{`"a\tb"`, `"\u0061\u0062"`, `"é\n"`}, []string{"[]"}},
	{"yes", []string{"true", "true", "false"}, []string{`"true"`, "1", "null"}}, {"no", []string{"false"}, []string{"0", "null"}},
	{"none", []string{"null"}, []string{"0"}},
	{"at", []string{`"2026-03-01T09:00:00Z"`, `"2026-03-01T08:00:00.5+02:00"`, `"2025-12-31T23:59:59.999999999Z"`}, []string{`"2026-03-01"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"2026-06-30T23:59:60Z"`, `"0000-01-01T00:00:00Z"`, `"2026-03-01t09:00:00z"`, `"2026-02-30T09:00:00Z"`, `"2026-03-01T24:00:00Z"`, `"2026-03-01T09:00:00,5Z"`, "1"}},
	{"took", []string{`"1h"`, `"90s"`, `"8d"`}, []string{`"36525d"`, `"-1h"`, `"1.5h"`, `"1"`, "60"}},
	{"paid", []string{`"3.00 USD"`, `"10.01 USD"`, `"0.10 USD"`}, []string{`"2.00 EUR"`, `"7 JPY"`, `"92233720368547758.07 USD"`, `"3.001 USD"`, `{"amount":"3.00","currency":"USD"}`, "3"}},
	{"owed", []string{`{"amount":"4.99","currency":"USD"}`, `{"amount":"3.00","currency":"USD","x":1}`}, []string{`"4.99 USD"`, `{"amount":4.99}`, "{}", "[]"}},
	{"ip", []string{`"10.1.2.3"`, `"192.0.2.1"`, `"2001:db8::1"`, `"127.0.0.1"`}, []string{`"::ffff:10.0.0.1"`, `"fe80::1%eth0"`, `"10.1.2.03"`, `"10.1.2"`, `"10.1.2.256"`, `"0.0.0.0"`, `"10.1.2.3.4"`, "10"}},
	{"net", []string{`"10.0.0.0/8"`, `"10.1.0.5/16"`, `"2001:db8::/32"`}, []string{`"10.0.0.0"`, `"::ffff:10.0.0.0/104"`, `"10.0.0.0/33"`}},
	// Addresses of one link, of its groups and of nothing, every third written in a form that is not the usual one.
	{"near", []string{`"fe80::1"`, `"FE80::1"`, `"169.254.1.2"`, `"ff02::1"`, `"FF02:0::1"`, `"224.0.0.1"`, `"::"`, `"0:0::0"`, `"0.0.0.0"`}, []string{`"fe80::1%eth0"`, `"::ffff:0.0.0.0"`, `"::1"`, "0"}},
	{"l", []string{"[1,2,3]", `["a","b"]`, "[]", "[3]", "[0.5,null]"}, []string{"[9007199254740993]", "[[1],{}]", "{}", "1", `[{"x":"a"}]`}},
	{"items", []string{`[{"n":1},{"n":3,"x":"a"}]`, "[]"}, []string{`[{"m":1}]`, `[1]`, `[{"n":"1"},{"n":9}]`}},
	{"one", []string{`{"x":3}`, `{"x":"a","y":null}`}, []string{`{"y":1}`, `{"x":9007199254740993}`, "null"}},
	{"deep", []string{`{"a":{"b":1,"s":"ab"},"x":2}`, `{"a":{"b":0.5}}`}, []string{`{"a":null}`, `{"a":[1]}`, `{"a":9007199254740993}`, `{"a":1}`, "[]", "null", "5", "1e999", `{"a":{"b":{"c":[{"d":1}]}}}`, `"text"`}},
}

// event draws the JSON of an event.
func (g *generator) event() string {
	var data []string
	for _, f := range fields {
		switch n := g.IntN(100); {
		case n < 78:
			data = append(data, fmt.Sprintf("%q:%s", f.name, pick(g, f.fit)))
		case n < 91:
			data = append(data, fmt.Sprintf("%q:%s", f.name, pick(g, f.other)))
		case n < 94:
			data = append(data, fmt.Sprintf("%q:null", f.name))
		}
	}
	g.Shuffle(len(data), func(i, j int) { data[i], data[j] = data[j], data[i] })
	whole := `,"data":{` + strings.Join(data, ",") + "}"
	if g.IntN(60) == 0 {
		whole = pick(g, []string{"", `,"data":null`, `,"data":[]`, `,"data":[1]`, `,"data":7`, `,"data":"a"`, `,"data":9007199254740993`, `,"data":true`, `,"data_base64":"eyJuIjozfQ=="`})
	}
	extra := ""
	for _, attribute := range []string{`"customer":"c-1"`, `"subject":"ab"`, `"time":"2026-03-01T08:30:00Z"`, `"ext":"a"`, `"ext":true`, `"rate":3`, `"sampledrate":2`} {
		if g.IntN(2) == 0 && !strings.Contains(extra, attribute[:5]) {
			extra += "," + attribute
		}
	}
	return `{"specversion":"1.0","id":"1","source":"/s","type":"com.example.ab"` + extra + whole + "}"
}
