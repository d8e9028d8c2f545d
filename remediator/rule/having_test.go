package rule_test

import "testing"

// A condition of having tells of the aggregates that it calls, and of no other call of the
// same function.
func TestHavingConditionsSee(t *testing.T) {
	t.Parallel()
	e := evaluate(t, "let: {many: data.n * 2}\nwindow: {within: 1d}\n"+
		"having: count(data.n > 1) >= many && (count() >= 4 || count() - count(data.n > 2) > 3) && data.s != \"sum(x)\" && sum(data.n) > 1",
		`{"n": 2, "s": "x"}`)
	got := e.HavingConditions([]any{1.0, 3.0, 2.0, 9.0})
	for i, want := range []map[string]any{
		{"count(data.n > 1)": 1.0, "many": 4.0},
		{"count()": 3.0, "count(data.n > 2)": 2.0},
		{"data.s": "x"},
		{"sum(data.n)": 9.0},
	} {
		if !maps(got[i].Seen, want) {
			t.Errorf("%s saw %v, want %v", got[i].Text, got[i].Seen, want)
		}
	}
}
