package match_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

// A field whose name has a dot is another one than a field of a field, and one rule may ask
// for both.
func TestNamesWithDots(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - rule: r\n    owner: o\n    why: w\n    event: com.example.x\n    if: >-\n      %s\n" +
		"    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	const raw = `{"specversion":"1.0","id":"1","source":"/s","type":"com.example.x","data":{"n":1,"a.b":2,"a":{"b":1,"b.c":5},"c.d":{"e":3},"c":{"d":{"e":4}},"x//y":7}}`
	for condition, hits := range map[string]int{
		`data["a.b"] == 2 && data.a.b == 1`:                1,
		`data.a.b == 1 && data["a.b"] == 2`:                1,
		`data.a.b == 2 && data["a.b"] == 2`:                0,
		"data.`a.b` == 2 && data.a.b == 1 && data.n == 1":  1,
		`data["c.d"].e == 3 && data.c.d.e == 4`:            1,
		`data.c.d.e > 3 && data["c.d"].e < 4`:              1,
		`data.a["b.c"] == 5 && data.a.b == 1`:              1,
		`data["a.b"] < 2 || data.a.b < 2`:                  1,
		`data["a.b"] in [2, 3] && data.a.b in [1, 9]`:      1,
		`data.?a.b.orValue(0) + data["a.b"] == 3`:          1,
		"data.`x//y` == 1 || data.n == 2\n        && true": 0,
		"data.`x//y` == 7 || data.n == 2 && data.n == 3":   1,
	} {
		set := load(t, fmt.Sprintf(rules, condition))
		for name, m := range map[string]interface {
			Match(raw []byte, at int64) (match.Result, error)
		}{"matcher": match.New(set), "baseline": match.Baseline(set)} {
			got, err := m.Match([]byte(raw), 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Hits) != hits || len(got.Errors) > 0 {
				t.Errorf("%s: %s: %d hits, want %d, errors %v", name, condition, len(got.Hits), hits, got.Errors)
			}
		}
	}
}
