package match_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

// Every number is a double, whatever holds it: a list or an object of whole numbers that a
// let names, or that is written out among values of other types, too. Both matchers err
// alike where one holds whole numbers, so each answer is written here.
func TestWholeNumbersThatAreHeld(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - rule: r\n    owner: o\n    why: w\n    event: com.example.x\n    let: {%s}\n    if: >-\n      %s\n" +
		"    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	const data = `{"n":100,"half":0.5,"tier":"gold","yes":true,"l":["abc"]}`
	for _, c := range [][2]string{
		{`p: '[7, 2]'`, `p[0] / p[1] == 3.5`},
		{`p: '[10, 25]'`, `p[1] / p[0] * p[0] == 25`},
		{`p: '[10, 20, 30]'`, `data.n - p[0] == 90`},
		{`p: '[[7, 2]]'`, `p[0][0] / p[0][1] == 3.5 && p[0].exists(x, x * data.half == 1)`},
		{`a: '7', b: '2'`, `a / b == 3.5`},
		{`points: '{"gold": 10, "silver": 5}'`, `points[data.tier] * data.n == 1000`},
		{`points: '{"gold": 10, "silver": 5}'`, `points.gold / 4 == 2.5 && points.map(k, k) == ["gold", "silver"]`},
		{`points: '{"gold": {"part": 1, "of": 2}}'`, `points[data.tier].part / points[data.tier].of == 0.5`},
		{`named: '{7: 1}'`, `named[7] + data.half == 1.5`},
		{`sizes: 'data.l.map(x, size(x))'`, `sizes[0] + data.half == 3.5 && sizes[0] / 2 == 1.5`},
		{`some: '[?data.?gone, 3]'`, `some[0] / 2 == 1.5`},
		{`some: 'optional.of([1, 2])'`, `some.orValue([0])[0] / 2 == 0.5`},
		{`z: '1'`, `data.?l.optMap(v, size(v)).orValue(0) / 2 == 0.5 && data.?gone.optMap(v, size(v)).orValue(3) / 2 == 1.5`},
		{`z: '1'`, `optional.of(1).orValue(2) / 2 == 0.5 && optional.of(1).or(data.l.first()).orValue(1.0) / 2 == 0.5`},
		{`z: '1'`, `data.?n.optMap(v, v * 2).orValue(1) == 200 && data.?n.optMap(v, 2).orValue(1) * data.half == 1`},
		{`z: '1'`, `[1, "a"][0] + data.half == 1.5`},
		{`z: '1'`, `[size(data.l), "a"][0] / 2 == 0.5`},
		{`z: '1'`, `{"a": 1, "b": "x"}.a + data.half == 1.5`},
		{`z: '1'`, `{"gold": {"p": 10, "name": "g"}}[data.tier].p * data.half == 5`},
		{`z: '1'`, `[[1], ["a"]][0][0] + data.half == 1.5`},
		{`z: '1'`, `(data.yes ? [1, 2] : data.l)[1] * data.half == 1`},
		{`z: '1'`, `data.?gone.orValue({"p": {"q": 1}}).p.q * data.half == 0.5`},
		{`z: '1'`, `data.?gone.orValue([7, 2].map(q, q))[0] / data.?gone.orValue([7, 2].map(q, q))[1] == 3.5`},
		{`z: '1'`, `data.?gone.orValue([7, 2].filter(q, q > 0))[0] * data.half == 3.5`},
		{`z: '1'`, `(data.yes ? [7, 2].map(q, q) : data.l)[0] / (data.yes ? [7, 2].map(q, q) : data.l)[1] == 3.5`},
		{`z: '1'`, `[[7, 2].map(q, q), ["a"]][0][0] / [[7, 2].map(q, q), ["a"]][0][1] == 3.5`},
		{`z: '1'`, `dyn([size(data.l)].map(q, q))[0] + data.half == 1.5`},
		{`k: 'data.yes ? [7, 2].map(q, q) : data.l'`, `k[0] / k[1] == 3.5`},
		{`k: 'data.?gone.orValue([7, 2].map(q, q))'`, `k[0] / k[1] == 3.5`},
		{`k: '[[7, 2].map(q, q), "t"]'`, `k[0][0] / k[0][1] == 3.5`},
		{`z: '1'`, `data.l.map(i, {"text": i, "size": size(i)}).exists(p, p.size * data.half == 1.5)`},
	} {
		set := load(t, fmt.Sprintf(rules, c[0], c[1]))
		raw := []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"com.example.x","data":` + data + `}`)
		for name, m := range map[string]interface {
			Match(raw []byte, at int64) (match.Result, error)
		}{"matcher": match.New(set), "baseline": match.Baseline(set)} {
			got, err := m.Match(raw, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Hits) != 1 {
				t.Errorf("%s: %s with %s: no hit, errors %v", name, c[1], c[0], got.Errors)
			}
		}
	}
}
