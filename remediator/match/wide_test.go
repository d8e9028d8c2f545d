package match_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// wide are shapes of conditions that are rarer in rules than those of atom: whole
// objects, elements by number, names that the event decides, optional values in
// ranges, lists within lists, long lists of constants. F stands for a field, T for
// a text, N for a number, O for an operator.
var wide = []string{
	`data.l[0] == T`, `data.l[1].d == T`, `data.?l[?0].orValue(T) == T`, `data.l[?1].hasValue()`, `data["a"] == T`, `data[data.b] == T`, `data.c[data.a] == T`,
	`data == {"a": T}`, `size(data) O N`, `"a" in data`, `T in data.c`, `data.a in data`, `size(event) > 6`, `"ext" in event`, `has(event.ext)`, `event["ext"] == T`,
	`data.c == {"d": T}`, `data.l == [T, T]`, `data.c.d == data.a`, `data.l == data.l`, `data.l != null`, `F == F`, `F != F`,
	`event.type == "com.example.x"`, `event.type.startsWith("com.example")`, `event.type in ["com.example.x", "com.other"]`, `event.id == T`, `event.source.endsWith("s")`, `event.source == "/s"`,
	`event.?ext.orValue(T) == T`, `event.?ext.orValue(T) in [T, T]`, `data.?n.orValue(N) O N`, `data.?a.orValue(T).startsWith(T)`, `data.?a == optional.of(T)`, `data.?c.?n.orValue(N) O N`, `data.?n.orValue(data.c.n) O N`,
	`data.a < T`, `data.a >= T && data.a <= T`, `data.f == true`, `data.f != data.f`, `data.f && data.f`, `data.f ? F == T : N O data.n`, `(data.f || data.n O N) == true`,
	`data.n in [N, N, N]`, `data.n in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5.5, 77]`, `data.a in [T, "b", "c", "d", "e", "f", "g", "h", "i", "j", T, "ab"]`, `F in [N, T, null, true]`, `data.a in ["a"]`, `data.a in []`, `!(data.a in [T, T])`, `null in [F, N]`, `[F] == [T]`,
	`data.n > N && data.n < N && data.n != N`, `data.n == N || data.n == N`, `data.a == T || data.b == T || data.c.d == T`, `data.a == T || data.n O N`, `data.n >= N || data.n < N`, `-data.n O N`, `data.n + 0 == N`, `data.n * 1.0 O N`, `double(data.a) O N`, `int(data.n) O 5`, `int(data.n) % 2 == 1`,
	`data.l.exists(x, x.startsWith(T))`, `data.l.exists(x, x == data.a)`, `data.l.exists(x, x.n O N)`, `data.l.exists(x, x == T || x == N)`, `data.l.exists(x, x.d == T && x.n == N)`, `data.l.all(x, x != T)`, `data.l.exists_one(x, x == T)`, `data.l.filter(x, x == T).size() > 0`, `data.l.map(x, x.d).exists(y, y == T)`,
	`data.l.exists(x, data.l.exists(y, x == y))`, `data.l.exists(x, x.?d.orValue(T) == T)`, `data.l.exists(x, has(x.d))`, `data.c.exists(k, k == T)`, `data.c.all(k, data.c[k] == T)`, `data.l.exists(x, x in [T, T, N])`, `!data.l.exists(x, x == T)`, `size(data.l) O N`, `T in data.l && N in data.l`, `data.a in data.l`, `data.n in data.l`,
	`data.a.matches("^a")`, `data.a.matches("b$")`, `data.a.matches("^(a|ab)$")`, `data.a.contains(T)`, `data.a.contains(data.b)`, `data.a.trim() == T`, `data.a.size() O N`, `size(data.b) == 2`, `data.a.lowerAscii() in [T, T]`, `data.a.lowerAscii().endsWith(T)`, `data.a.lowerAscii().contains(T)`, `data.a.upperAscii().lowerAscii() == T`, `data.a.lowerAscii() == data.b.lowerAscii()`, `data.a.replace("a", "b") == T`, `(data.a + data.b).startsWith(T)`, `T.startsWith(data.a)`, `T.contains(data.a)`, `T + data.a == T`,
	`event.time > timestamp("2025-06-01T00:00:00Z") && event.time < timestamp("2027-01-01T00:00:00Z")`, `event.time.getFullYear() == 2026`, `event.recordedtime < event.time`, `timestamp(data.b) > event.time`, `duration("1h") > duration("30m")`,
	`money(data.m) == money("2.99 USD")`, `money(data.m) != money("2.99 USD")`, `data.m == "2.99 USD"`, `data.m.amount == "3.00"`, `money(data.m) in [money("2.99 USD"), money("3.00 USD")]`, `pct(data.m, 50) < money("1.50 USD")`, `least(data.n, N) O N`, `greatest(data.a, N) == N`,
	`cidr("10.0.0.0/8").containsIP(data.ip) && data.n O N`, `cidr("10.0.0.0/8").containsIP(data.ip) || cidr("::/0").containsIP(data.ip)`, `!cidr("10.1.0.0/16").containsIP(data.ip)`, `cidr("0.0.0.0/0").containsIP(data.ip)`, `cidr(data.b).containsIP(data.ip)`, `isIP(data.ip)`, `data.ip.startsWith("10.")`,
	`true`, `false`, `1 > 0`, `data.n / 0 > 1 || data.a == T`, `data.gone || data.a == T`, `!(data.gone == T)`, `data.gone != T`, `has(data.c) && has(data.c.d) && data.c.d == T`, `!has(data.a) || data.a == T`, `has(data.gone) ? data.gone == T : data.a == T`, `dyn(data.a) == T`, `type(data.a) == string`, `data.a == null`, `data.n != null && data.n O N`, `late O N && shout == T`, `late + late O N`, `shout.startsWith(T)`, `shout in [T, T]`, `string(data.n) == T`, `bool(data.f)`, `data.n == 9007199254740993.0`, `data.n < 1e308`, `data.n == 5 && data.n == 5.0`, `data.a == "\u00e4"`, `data[""] == T`, `data.c["e f"] == T`, `math.abs(data.n) O N`, `math.floor(data.n) == N`,
}

// wideAtom draws one of them.
func wideAtom(t *rapid.T) string {
	var b strings.Builder
	shape := pick(t, wide)
	for i := 0; i < len(shape); i++ {
		inWord := i > 0 && (isLetter(shape[i-1]) || shape[i-1] == '"') || i+1 < len(shape) && (isLetter(shape[i+1]) || shape[i+1] == '"')
		switch {
		case inWord:
			b.WriteByte(shape[i])
		case shape[i] == 'F':
			b.WriteString(pick(t, anyFields))
		case shape[i] == 'T':
			b.WriteString(pick(t, texts))
		case shape[i] == 'N':
			b.WriteString(pick(t, numbers))
		case shape[i] == 'O':
			b.WriteString(pick(t, operators))
		default:
			b.WriteByte(shape[i])
		}
	}
	return b.String()
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// wideRules draws a file of rules, now and then of so many that the index has
// groups of every size.
func wideRules(t *rapid.T) string {
	n := rapid.IntRange(1, 6).Draw(t, "rules")
	if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
		n = rapid.IntRange(20, 60).Draw(t, "many rules")
	}
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := 0; i < n; {
		whole := wideAtom(t)
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			next := wideAtom(t)
			if rapid.IntRange(0, 2).Draw(t, "usual") == 0 {
				next = atom(t)
			}
			whole = pick(t, []string{whole + " && (" + next + ")", "(" + whole + ") || " + next, "!(" + whole + ") && " + next, "(" + next + ") && (" + whole + ")"})
		}
		text := oneRule(t, fmt.Sprintf("rule-%d", i), whole)
		if rulesOf("rules:\n"+text) == nil {
			n--
			continue
		}
		b.WriteString(text)
		i++
	}
	return b.String()
}

// TestWideDifferential holds the matcher to the plain one over the rarer shapes.
func TestWideDifferential(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestDifferential draws the usual shapes")
	}
	hold(t, wideRules)
}
