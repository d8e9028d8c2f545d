package match_test

import (
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

const err = "error"

// equalities are conditions of the event and the lets below, and what each comes to.
var equalities = map[string]string{
	`data.?credit.orValue(money("1.00 USD")) != data.paid`:                              err,
	`data.paid != data.?credit.orValue(money("1.00 USD"))`:                              err,
	`data.paid == data.?credit.orValue(money("1.00 USD"))`:                              err,
	`data.?credit.orValue(money("1.00 USD")) != data.?debit.orValue(money("1.00 EUR"))`: err,
	`data.?credit.orValue(money("1.00 USD")) == data.?debit.orValue(money("1.00 USD"))`: "true",
	`(data.f ? money(data.m) : data.m) != data.paid`:                                    err,
	`data.paid == (data.f ? money(data.m) : data.m)`:                                    err,
	`c != data.paid`:                                                err,
	`data.n > 0 && c != data.paid`:                                  err,
	`c != data.paid && data.k.exists(x, x == "y")`:                  err,
	`c == money("1.00 USD") && c != money("2.00 USD") && c != null`: "true",
	`p.gold != data.paid`:                                           err,
	`data.paid == p.gold`:                                           err,
	`p.gold == p.euro`:                                              err,
	`p[data.tier] == money(data.paid)`:                              "true",
	`p[data.tier] != money(data.paid)`:                              "false",
	`[p.gold] == [p.euro]`:                                          err,
	`{"a": p.gold} == {"a": p.euro}`:                                err,
	`{"a": p.gold} == {"b": p.euro}`:                                "false",
	`[p.gold, 1] != [p.euro, 2]`:                                    "true", // one pair that differs decides
	`[1, p.gold] == [1, p.euro]`:                                    err,
	`p == {"gold": data.paid, "euro": data.paid}`:                   err,
	`p == p`:                         "true",
	`c in ["1.00 USD"]`:              err,
	`!(p.gold in ["5.00 USD", "x"])`: err,
	`c in [1, 2]`:                    err,
	`data.n in [1, 2] && !(data.n in [3, 2.5]) && data.tier in ["gold", "x"] && !("x" in ["y"])`: "true",
	`data.big in [1, 2]`:                  err,
	`p.gold in [data.paid]`:               err,
	`p.gold in [p.euro, p.gold]`:          "true",
	`dyn(money("5.00 USD")) != data.paid`: err,
	`data.l == [1]`:                       err,
	`data.l != data.k`:                    err,
	`data.l == data.k`:                    err,
	`data.l == [1, 2]`:                    "false",
	`data.both == [1, 3]`:                 "false",
	`data.c == {"a": 1}`:                  err,
	`data.c == data.d`:                    err,
	`data.l in [[1]]`:                     err,
	`1 in data.l`:                         err,
	`!(1 in data.l)`:                      err,
	`2 in data.both`:                      "true",
	`"a" in data.l`:                       err,
	`"x" in data.s && !("y" in data.s)`:   "true",
	`null in data.s`:                      "false",
	`data.s == ["x"] && data.s != ["y"] && {"a": data.s} == {"a": ["x"]}`: "true",
	`data == data`: err,
}

// Money is compared with money of its currency alone, whatever holds it, and a number that
// nobody can hold is an error wherever it stands. Each answer is written here, since both
// matchers may err alike.
func TestEqualityOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n  - rule: r\n    owner: o\n    why: w\n    event: com.example.x\n" +
		"    let: {p: '{\"gold\": money(\"5.00 USD\"), \"euro\": money(\"5.00 EUR\")}', c: 'data.?credit.orValue(money(\"1.00 USD\"))'}\n" +
		"    if: >-\n      %s\n    do: [{andon: {pull: a/b, level: red, reason: r}}]\n"
	const raw = `{"specversion":"1.0","id":"1","source":"/s","type":"com.example.x","data":{"paid":"5.00 USD","m":"5.00 USD","f":true,"tier":"gold","n":1,
		"l":[9007199254740993],"k":[9007199254740995],"both":[9007199254740993,2],"c":{"a":9007199254740993},"d":{"a":1e999},"big":9007199254740993,"s":["x"]}}`
	for condition, want := range equalities {
		set := load(t, fmt.Sprintf(rules, condition))
		for name, m := range map[string]interface {
			Match(raw []byte, at int64) (match.Result, error)
		}{"matcher": match.New(set), "baseline": match.Baseline(set)} {
			result, failed := m.Match([]byte(raw), 1)
			if failed != nil {
				t.Fatal(failed)
			}
			got := "false"
			switch {
			case len(result.Errors) > 0:
				got = err
			case len(result.Hits) > 0:
				got = "true"
			}
			if got != want {
				t.Errorf("%s: %s is %s, want %s", name, condition, got, want)
			}
		}
	}
}
