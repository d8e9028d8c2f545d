package match_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

// Cases at the edges of what the index and the closures take: each shows a fault that drawn
// events seldom meet.
func TestEdges(t *testing.T) {
	t.Parallel()
	const one = "  - {rule: r%d, owner: o, why: w, event: com.example.x, if: '%s', do: [{andon: {pull: a/b, level: red, reason: r}}]}\n"
	for _, c := range []struct{ conditions, data []string }{
		{[]string{`data.?n.orValue(5) > 1 && data.?n.orValue(5) < 10`}, []string{`{}`, `{"n":0}`}},
		{[]string{`data.?n.orValue(5) > 5`, `data.?n.orValue(5) >= 5`, `data.?n.orValue(5) < 5`}, []string{`{}`}},
		{[]string{`data.?c.?d.orValue("a") == "a"`, `data.?c.?d.orValue("b") == "a"`}, []string{`{"c":9007199254740993}`, `{"c":[]}`, `{"c":null}`}},
		{[]string{`"a" in data.l`, `"b" in data.l`}, []string{`{"l":["\u0061"]}`, `{"l":["x\"","b"]}`, `{"l":[9007199254740993,"a"]}`}},
		{[]string{`data.n > -1.65e308 && data.n < 1.65e308`}, []string{`{"n":0}`, `{"n":1e308}`, `{"n":-1.7e308}`}},
		{[]string{`data.n >= -1.7e308 && data.n < -1.6e308`, `data.n > 1.6e308 && data.n <= 1.7e308`}, []string{`{"n":0}`, `{"n":-1.7e308}`, `{"n":1.7e308}`, `{"n":1.61e308}`}},
		{[]string{`data.n / 0 <= 1`, `data.n / data.m >= 1`}, []string{`{"n":0,"m":0}`}},
		{[]string{`data.a.contains("aaaa")`, `data.a.contains("aaab")`, `data.a.contains("baaa")`}, []string{`{"a":"aaaaaaaaaaaa"}`, `{"a":"aaaaaaaaaaaab"}`, `{"a":"baaaaaaaa"}`}},
		{[]string{`data.a == "a" && data.b in ["x", 1]`, `data.a == "b" && data.b in ["y", 2]`, `data.a == "a" && data.b == 3`, `data.a == "b" && data.b in ["x", "z"]`},
			[]string{`{"a":"a","b":"x"}`, `{"a":"a","b":3}`, `{"a":"b","b":2}`, `{"a":"b","b":"z"}`}},
		{[]string{`data.a == "\U0001F600"`}, []string{`{"a":"\ud83d\ude00"}`, `{"a":"x\ud83d\ude00"}`}},
	} {
		text := "rules:\n"
		for i, condition := range c.conditions {
			text += fmt.Sprintf(one, i, condition)
		}
		sameAnswers(t, text, c.data)
	}
	// Two rules write one condition of lets of their own.
	sameAnswers(t, `rules:
  - {rule: a, owner: o, why: w, event: com.example.x, let: {late: data.n - 1}, if: 'late > data.m', do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: b, owner: o, why: w, event: com.example.x, let: {late: data.n - 5}, if: 'late > data.m', do: [{andon: {pull: a/b, level: red, reason: r}}]}
`, []string{`{"n":3,"m":0}`, `{"n":9,"m":0}`})
}

// sameAnswers holds that both matchers say the same of events with some data.
func sameAnswers(t *testing.T, rules string, data []string) {
	t.Helper()
	set := load(t, rules)
	m, plain := match.New(set), match.Baseline(set)
	for _, d := range data {
		raw := []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"com.example.x","data":` + d + `}`)
		got, err := m.Match(raw, 1)
		want, wantErr := plain.Match(raw, 1)
		if told(got, err) != told(want, wantErr) {
			t.Errorf("%s\nof %s: got\n%s\nwant\n%s", rules, d, told(got, err), told(want, wantErr))
		}
	}
}
