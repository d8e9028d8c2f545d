package window

import (
	"math"
	"math/bits"
	"slices"
)

// A sketch counts distinct values by HyperLogLog with 4096 registers, and slides:
// beside the rank of each register it keeps the granule that it was last seen in,
// and a lower rank only while it was seen later than every higher one. Leaving
// out the cells of old granules gives exactly the registers that a sketch of the
// rest would have.
type sketch []cell

// cell is a rank of a register in a granule: the register in the upper 12 bits,
// then 14 bits of the granule, counted from the base of the window, then 6 of the
// rank. In order, the ranks of a register fall while its granules rise.
type cell uint32

const (
	registerBits = 12
	registers    = 1 << registerBits
	spanBits     = 14
	rankBits     = 6
	cellBytes    = 4
	maxRank      = 64 - registerBits + 1
	// maxSpan is how many granules before the newest a sketch reaches back. It
	// matters only where late entries are allowed for hundreds of windows.
	maxSpan = 1<<spanBits - 1
)

// StandardError is the relative standard error of what a sketch counts,
// 1.04/√4096.
const StandardError = 1.04 / 64

// Errors is how many standard errors Least and Most are away from the estimate:
// about one answer in a thousand lies beyond.
const Errors = 3

func cellOf(hash uint64, granule int) cell {
	rank := min(bits.LeadingZeros64(hash<<registerBits)+1, maxRank)
	return cell(hash>>(64-registerBits))<<(spanBits+rankBits) | cell(granule)<<rankBits | cell(rank)
}

func (c cell) register() int { return int(c >> (spanBits + rankBits)) }
func (c cell) granule() int  { return int(c >> rankBits & maxSpan) }
func (c cell) rank() int     { return int(c & (1<<rankBits - 1)) }

// see adds a value that was seen in a granule.
func (s sketch) see(seen cell) sketch {
	first := seen.register() << (spanBits + rankBits)
	from, _ := slices.BinarySearch(s, cell(first))
	at := from // of the first cell that seen comes before
	for ; at < len(s) && s[at].register() == seen.register() && s[at].granule() < seen.granule(); at++ {
	}
	rest := at
	if rest < len(s) && s[rest].register() == seen.register() {
		if s[rest].rank() >= seen.rank() {
			return s
		}
		if s[rest].granule() == seen.granule() {
			rest++
		}
	}
	for at > from && s[at-1].rank() <= seen.rank() {
		at--
	}
	return slices.Replace(s, at, rest, seen)
}

// shift moves the base of a sketch by some granules. What would lie before it or
// too far behind is dropped.
func (s sketch) shift(by int) sketch {
	kept := s[:0]
	for _, c := range s {
		if g := c.granule() - by; g >= 0 && g <= maxSpan {
			kept = append(kept, c-cell(by)<<rankBits)
		}
	}
	return kept
}

// ordered reports whether the ranks of each register fall while its granules rise.
func (s sketch) ordered() bool {
	for i, c := range s {
		if c.rank() == 0 || c.rank() > maxRank {
			return false
		}
		if i > 0 && (c <= s[i-1] || c.register() == s[i-1].register() && c.rank() >= s[i-1].rank()) {
			return false
		}
	}
	return true
}

// count counts the values seen in the granules from the first to the last.
func (s sketch) count(first, last int, side Side) int {
	var ranks [64 - registerBits + 2]int
	seen, previous := 0, -1
	for _, c := range s {
		if c.register() == previous || c.granule() < first {
			continue
		}
		previous = c.register()
		if c.granule() <= last {
			ranks[c.rank()]++
			seen++
		}
	}
	ranks[0] = registers - seen
	estimate := estimate(&ranks)
	switch side {
	case Least:
		// Each register that is not empty has seen a value of its own.
		return max(int(math.Floor(estimate*(1-Errors*StandardError))), seen)
	case Most:
		return int(math.Ceil(estimate * (1 + Errors*StandardError)))
	}
	return max(int(math.Round(estimate)), seen)
}

// estimate is Ertl's improved raw estimate of HyperLogLog (New cardinality
// estimation algorithms for HyperLogLog sketches, 2017, algorithm 6): of all
// sizes without bias, with no table and no switch from one formula to another.
// ranks says how many registers have each rank. The highest rank stands for
// itself here: it takes 2^52 values to make it likely.
//
// Each product is rounded by its conversion, for a processor that multiplies and
// adds in one step would find another last bit, and another decision.
func estimate(ranks *[64 - registerBits + 2]int) float64 {
	if ranks[0] == registers {
		return 0
	}
	var sum float64
	for rank := len(ranks) - 1; rank > 0; rank-- {
		sum = (sum + float64(ranks[rank])) / 2
	}
	x := float64(ranks[0]) / registers
	sigma := x
	for y := 1.0; ; y *= 2 {
		x = float64(x * x)
		next := sigma + float64(x*y)
		if next == sigma {
			break
		}
		sigma = next
	}
	return registers * registers / (2 * math.Ln2) / (sum + float64(registers*sigma))
}
