package expression_test

import (
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/rule/expression"
)

func TestComparison(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{
		`data.a > 1`:                                  {"data.a", ">", "1"},
		`data.stall_s / data.watch_s >= 0.10`:         {"data.stall_s / data.watch_s", ">=", "0.10"},
		`(data.a <= (data.b))`:                        {"data.a", "<=", "(data.b)"},
		`data.a == "x < y"`:                           {"data.a", "==", `"x < y"`},
		`data.a != 'it''s'`:                           {"data.a", "!=", `'it''s'`},
		`data["a<b"] < 2`:                             {`data["a<b"]`, "<", "2"},
		`data.list.exists(x, x > 1)`:                  {},
		`data.a > 1 ? true : false`:                   {},
		`data.a > 1 || data.b > 2`:                    {},
		`data.?a.orValue(1) > 3`:                      {"data.?a.orValue(1)", ">", "3"},
		`!data.a`:                                     {},
		`!(data.a < 1)`:                               {"data.a", ">=", "1"},
		`!((data.a >= 1))`:                            {"data.a", "<", "1"},
		`!(!(data.a == "x"))`:                         {"data.a", "==", `"x"`},
		`!(data.a)`:                                   {},
		`!(data.a > 1 && data.b > 2)`:                 {},
		`!(data.a) == (data.b)`:                       {"!(data.a)", "==", "(data.b)"},
		`!data.a == data.b`:                           {"!data.a", "==", "data.b"},
		`!!data.a < data.b`:                           {"!!data.a", "<", "data.b"},
		`!!(data.a < 1)`:                              {"data.a", "<", "1"},
		`! !! (data.a < 1)`:                           {"data.a", ">=", "1"},
		`!!(data.a) == (data.b)`:                      {"!!(data.a)", "==", "(data.b)"},
		`data.a == data.b in [true]`:                  {},
		`data.a in [1] == true`:                       {"data.a in [1]", "==", "true"},
		`data.inner == data.a.within`:                 {"data.inner", "==", "data.a.within"},
		`data.a in [1, 2]`:                            {},
		`count() >= 2`:                                {"count()", ">=", "2"},
		`> 2`:                                         {},
		`data.a < data.b == true`:                     {},
		`data.list.exists(x, x > 1 || x < 0) == true`: {"data.list.exists(x, x > 1 || x < 0)", "==", "true"},
		``: {},
	} {
		left, operator, right, ok := expression.Comparison(text)
		if ok != (want[1] != "") || ok && [3]string{left, operator, right} != want {
			t.Errorf("%s: %q %q %q %v, want %q", text, left, operator, right, ok, want)
		}
	}
}

func TestAlternatives(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"a":                        {"a"},
		"a && b":                   {"a && b"},
		"a || b && c":              {"a", "b && c"},
		"(a || (b || c))":          {"a", "b", "c"},
		"(a || b) && c":            {"(a || b) && c"},
		"a || b ? c : d":           {"a || b ? c : d"},
		"x == '|| (' || y":         {"x == '|| ('", "y"},
		"l.exists(x, x || y) || z": {"l.exists(x, x || y)", "z"},
		"a // b || c\n|| d":        {"a // b || c", "d"},
		"!(a || b)":                {"!(a || b)"},
	} {
		if got := expression.Alternatives(text); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
