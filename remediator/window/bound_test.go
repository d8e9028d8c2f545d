package window_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/window"
)

// TestExactLiesBetweenLeastAndMost holds the promise that money is never moved by
// what an edge rounds: whatever of its entries lie inside, every aggregate is
// between its two bounds, or there are none and nothing fires.
func TestExactLiesBetweenLeastAndMost(t *testing.T) {
	t.Parallel()
	edges := 0
	rapid.Check(t, func(t *rapid.T) {
		within := rapid.SampledFrom([]int64{64, 100, hour, 6*hour + 7}).Draw(t, "within")
		function := rapid.SampledFrom([]string{"count", "share", "sum", "avg", "min", "max"}).Draw(t, "function")
		currency := rapid.SampledFrom([]string{"", "USD"}).Draw(t, "currency")
		lowest := rapid.SampledFrom([]int64{0, -50, -1000}).Draw(t, "lowest")
		lateness := within / 2
		w, exact := newSingle(within, function), []window.Entry{}
		now := int64(1) << 40
		for range rapid.IntRange(60, 200).Draw(t, "entries") {
			now += rapid.Int64Range(0, within/32+1).Draw(t, "step")
			v := window.Value{Counted: function == "count" || rapid.Bool().Draw(t, "counted"), Total: function == "share"}
			if v.Counted {
				v.Minor, v.Currency = rapid.Int64Range(lowest, 50).Draw(t, "value"), currency
				v.Num = float64(v.Minor)
			}
			e := window.Entry{At: now - rapid.Int64Range(0, lateness).Draw(t, "late"), Values: []window.Value{v}}
			w.add(e, now-lateness-within)
			exact = append(exact, e)
			least, isNumber := ordinal(w.of(e.At, window.Least))
			most, too := ordinal(w.of(e.At, window.Most))
			if !isNumber || !too {
				continue
			}
			if least != most {
				edges++
			}
			want, any := naively(exact, function, e.At-within, e.At)
			if !any || want < min(least, most) || want > max(least, most) {
				t.Fatalf("%s is %v (%t), between %v and %v", function, want, any, least, most)
			}
		}
	})
	if edges == 0 {
		t.Error("nothing was rounded")
	}
}

// ordinal is a value as a number that compares as it does.
func ordinal(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case money.Money:
		return float64(v.Minor), true
	}
	return 0, false
}

// naively is an aggregate over the entries in (after, until].
func naively(entries []window.Entry, function string, after, until int64) (float64, bool) {
	sum, least, most, n, counted, currency := 0.0, 0.0, 0.0, 0, 0, ""
	for _, e := range entries {
		v := e.Values[0]
		if e.At <= after || e.At > until {
			continue
		}
		if n++; !v.Counted {
			continue
		}
		x := float64(v.Minor)
		if counted == 0 {
			least, most = x, x
		}
		counted++
		sum, least, most, currency = sum+x, min(least, x), max(most, x), v.Currency
	}
	switch function {
	case "count":
		return float64(counted), true
	case "share":
		return float64(counted) / float64(n), n > 0
	case "sum":
		return sum, true
	case "min":
		return least, counted > 0
	case "max":
		return most, counted > 0
	}
	if counted == 0 {
		return 0, false
	}
	avg := window.Sum{N: counted, Num: sum, Minor: int64(sum), Currency: currency}
	return ordinal(avg.Of("avg"))
}
