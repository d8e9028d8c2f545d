package rehearse

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// Pairs are as many as any choice has: held against trying every choice.
func TestPairsAreAsManyAsCanBe(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		expectations, remedies := source.IntN(6), source.IntN(6)
		fit := make([]uint, expectations) // by expectation, a bit for each remedy
		for e := range fit {
			fit[e] = uint(source.IntN(1 << remedies))
		}
		pairs, taken := 0, uint(0)
		for e, m := range pair(expectations, remedies, func(e, m int) bool { return fit[e]>>m&1 == 1 }) {
			if m == unpaired {
				continue
			}
			if fit[e]>>m&1 == 0 || taken>>m&1 == 1 {
				t.Fatalf("%b: expectation %d has remedy %d, which does not fit or is another's", fit, e, m)
			}
			pairs, taken = pairs+1, taken|1<<m
		}
		if want := mostPairs(fit, 0); pairs != want {
			t.Fatalf("%b: %d pairs, want %d", fit, pairs, want)
		}
	}
}

// mostPairs tries every choice.
func mostPairs(fit []uint, taken uint) int {
	if len(fit) == 0 {
		return 0
	}
	most := mostPairs(fit[1:], taken)
	for free := fit[0] &^ taken; free != 0; free &= free - 1 {
		most = max(most, 1+mostPairs(fit[1:], taken|1<<bits.TrailingZeros(free)))
	}
	return most
}

// Many that fit all are paired without asking one another.
func TestPairsOfManyAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	const many = 1000
	asked := 0
	for e, m := range pair(many, many, func(_, _ int) bool { asked++; return true }) {
		if m != e {
			t.Fatalf("expectation %d has remedy %d", e, m)
		}
	}
	if asked > many {
		t.Errorf("%d questions for %d pairs", asked, many)
	}
}
