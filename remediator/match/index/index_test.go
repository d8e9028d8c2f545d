package index_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/match/index"
)

// sorted is what a table found, as a set.
func sorted(rules []uint32) []uint32 {
	slices.Sort(rules)
	return slices.Compact(rules)
}

// few draws texts that are often alike, in part and as a whole.
func few(t *rapid.T, name string) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("abä\x00")), 0, 20, -1).Draw(t, name)
}

func entries(t *rapid.T) []index.Entry {
	all := make([]index.Entry, rapid.IntRange(0, 60).Draw(t, "entries"))
	for i := range all {
		all[i] = index.Entry{Key: few(t, "key"), Rule: rapid.Uint32Range(0, 30).Draw(t, "rule")}
	}
	return all
}

// TestTexts holds the tables of texts to a search through all entries.
func TestTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries(t)
		value := few(t, "value")
		texts, prefixes, suffixes := index.NewTexts(all), index.NewPrefixes(all), index.NewSuffixes(all)
		text, prefix, suffix := texts.Sieve(all, nil), prefixes.Sieve(all, nil), suffixes.Sieve(all, nil)
		for name, c := range map[string]struct {
			find    func([]uint32, []byte) []uint32
			through func([]byte, uint64) bool
			holds   func(value, key string) bool
		}{
			"equal":  {texts.Append, text.Text, func(v, k string) bool { return v == k }},
			"prefix": {prefixes.Append, prefix.Prefix, strings.HasPrefix},
			"suffix": {suffixes.Append, suffix.Suffix, strings.HasSuffix},
		} {
			var want []uint32
			for _, e := range all {
				if c.holds(value, e.Key) {
					want = append(want, e.Rule)
				}
			}
			// What is in the slice before stays there.
			got := c.find([]uint32{99}, []byte(value))
			if got[0] != 99 || !slices.Equal(sorted(got[1:]), sorted(want)) {
				t.Fatalf("%s of %q in %v: got %v, want %v", name, value, all, got, want)
			}
			if len(want) > 0 && !c.through([]byte(value), 0) {
				t.Fatalf("%s of %q in %v: the sieve says that there is none", name, value, all)
			}
		}
	})
}

// TestPairs holds that the sieves of pairs let through what has a rule that asks for
// both values, and keep back most of what has one for each alone.
func TestPairs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries(t)
		ranges, seconds, ands := make([]index.Range, len(all)), make([][]string, len(all)), make([][]uint64, len(all))
		for i, e := range all {
			ranges[i] = index.Range{Low: near(t, "low"), High: near(t, "high"), Rule: e.Rule}
			for range rapid.IntRange(1, 3).Draw(t, "seconds") {
				text := few(t, "second")
				seconds[i], ands[i] = append(seconds[i], text), append(ands[i], index.And([]byte(text)))
			}
		}
		first, number, second := few(t, "value"), near(t, "number"), few(t, "second value")
		ranges = slices.DeleteFunc(ranges, func(x index.Range) bool { return math.IsNaN(x.Low) || math.IsNaN(x.High) })
		if math.IsNaN(number) || len(ranges) < len(all) {
			return
		}
		and := index.And([]byte(second))
		text, prefix := index.NewTexts(all).Sieve(all, ands), index.NewPrefixes(all).Sieve(all, ands)
		suffix, within := index.NewSuffixes(all).Sieve(all, ands), index.NewRanges(ranges).Sieve(ranges, ands)
		for i, e := range all {
			if !slices.Contains(seconds[i], second) {
				continue
			}
			for name, lost := range map[string]bool{
				"equal":  first == e.Key && !text.Text([]byte(first), and),
				"prefix": strings.HasPrefix(first, e.Key) && !prefix.Prefix([]byte(first), and),
				"suffix": strings.HasSuffix(first, e.Key) && !suffix.Suffix([]byte(first), and),
				"range":  ranges[i].Low <= number && number <= ranges[i].High && !within.Number(number, and),
			} {
				if lost {
					t.Fatalf("%s: the sieve keeps %q or %v with %q back, which rule %d of %v, %v, %v asks for", name, first, number, second, e.Rule, all, ranges, seconds)
				}
			}
		}
	})
	const n = 1000
	var keys []index.Entry
	var ranges []index.Range
	var ands [][]uint64
	for i := range n {
		keys = append(keys, index.Entry{Key: fmt.Sprintf("order/%05d", i), Rule: uint32(i)})
		ranges = append(ranges, index.Range{Low: float64(i), High: float64(i + 1), Rule: uint32(i)})
		ands = append(ands, []uint64{index.And(fmt.Appendf(nil, "region-%d", i%8))})
	}
	text, within := index.NewTexts(keys).Sieve(keys, ands), index.NewRanges(ranges).Sieve(ranges, ands)
	through := map[string]int{}
	for i := range n {
		other := index.And(fmt.Appendf(nil, "region-%d", (i+4)%8))
		if text.Text([]byte(keys[i].Key), other) {
			through["text"]++
		}
		if within.Number(float64(i)+0.5, other) {
			through["range"]++
		}
	}
	if through["text"] > n/10 || through["range"] > n/2 {
		t.Errorf("%v of %d pairs of which each value alone has a rule went through", through, n)
	}
}

// TestParts holds that every rule is found whose part is in the text, and that a
// text that repeats itself does not find them without end.
func TestParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries(t)
		value := few(t, "value")
		got := index.NewParts(all).Append(nil, []byte(value))
		for _, e := range all {
			if strings.Contains(value, e.Key) && !slices.Contains(got, e.Rule) {
				t.Fatalf("%q in %q: rule %d is not among %v", e.Key, value, e.Rule, got)
			}
		}
		if len(got) > 2*len(all) {
			t.Fatalf("%d rules found of %d", len(got), len(all))
		}
	})
	distinct := index.NewParts([]index.Entry{{Key: "prefixed-one", Rule: 1}, {Key: "prefixed-two", Rule: 2}, {Key: "x", Rule: 3}})
	if got := distinct.Append(nil, []byte("a prefixed-two")); !slices.Equal(sorted(got), []uint32{2, 3}) {
		t.Errorf("got %v, want only those whose rare bytes are there", got)
	}
}

// near draws numbers that are often equal or neighbours.
func near(t *rapid.T, name string) float64 {
	n := float64(rapid.IntRange(-4, 4).Draw(t, name))
	switch rapid.IntRange(0, 7).Draw(t, name+" moved") {
	case 0:
		return index.Above(n)
	case 1:
		return index.Below(n)
	case 2:
		return -n
	case 3:
		return n * 1e300 * 1e8 // ±Inf, or 0
	}
	return n
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "entries")
		var numbers []index.Number
		var ranges []index.Range
		for range n {
			rule := rapid.Uint32Range(0, 1000).Draw(t, "rule")
			x := index.Range{Low: near(t, "low"), High: near(t, "high"), Rule: rule}
			if math.IsNaN(x.Low) || math.IsNaN(x.High) {
				continue
			}
			ranges, numbers = append(ranges, x), append(numbers, index.Number{Value: x.Low, Rule: rule})
		}
		value := near(t, "value")
		if math.IsNaN(value) {
			return
		}
		var equal, within []uint32
		for i, x := range ranges {
			if numbers[i].Value == value {
				equal = append(equal, x.Rule)
			}
			if x.Low <= value && value <= x.High {
				within = append(within, x.Rule)
			}
		}
		if got := index.NewNumbers(numbers).Append(nil, value); !slices.Equal(sorted(got), sorted(equal)) {
			t.Fatalf("%v in %v: got %v, want %v", value, numbers, got, equal)
		}
		table := index.NewRanges(ranges)
		if got := table.Append(nil, value); !slices.Equal(sorted(got), sorted(within)) {
			t.Fatalf("%v in %v: got %v, want %v", value, ranges, got, within)
		}
		if sieve := table.Sieve(ranges, nil); len(within) > 0 && !sieve.Number(value, 0) {
			t.Fatalf("%v in %v: the sieve says that there is none", value, ranges)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, n := range []float64{0, 1, -1, 0.1, 1e300, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64} {
		r := index.NewRanges([]index.Range{
			{Low: index.Above(n), High: math.Inf(1), Rule: 0},
			{Low: n, High: math.Inf(1), Rule: 1},
			{Low: math.Inf(-1), High: index.Below(n), Rule: 2},
			{Low: math.Inf(-1), High: n, Rule: 3},
			{Low: math.Inf(-1), High: math.Inf(1), Rule: 4},
		})
		if got := sorted(r.Append(nil, n)); !slices.Equal(got, []uint32{1, 3, 4}) {
			t.Errorf("%v: got %v", n, got)
		}
	}
}

// TestSieves holds that sieves keep back most of what tables have no rule for, and
// that a table of very many keys has them all.
func TestSieves(t *testing.T) {
	t.Parallel()
	const n = 10_000
	keys, ranges := make([]index.Entry, n), make([]index.Range, n)
	for i := range n {
		keys[i] = index.Entry{Key: fmt.Sprintf("order/%05d", i), Rule: uint32(i)}
		ranges[i] = index.Range{Low: float64(100 * i), High: float64(100*i + 10), Rule: uint32(i)}
	}
	texts, prefixes, suffixes, within := index.NewTexts(keys), index.NewPrefixes(keys), index.NewSuffixes(keys), index.NewRanges(ranges)
	text, prefix, suffix, number := texts.Sieve(nil, nil), prefixes.Sieve(nil, nil), suffixes.Sieve(nil, nil), within.Sieve(ranges, nil)
	through := map[string]int{}
	count := func(sieve string, is bool) {
		if is {
			through[sieve]++
		}
	}
	for i := range n {
		for name, found := range map[string][]uint32{"text": texts.Append(nil, []byte(keys[i].Key)), "range": within.Append(nil, ranges[i].High)} {
			if !slices.Equal(found, []uint32{uint32(i)}) {
				t.Fatalf("%s %d: got %v", name, i, found)
			}
		}
		other := fmt.Appendf(nil, "other/%05d", i)
		count("text", text.Text(other, 0))
		count("prefix", prefix.Prefix(other, 0))
		count("suffix", suffix.Suffix(other, 0))
		count("range", number.Number(float64(100*i+60), 0))
	}
	above := []index.Range{{Low: 180, High: math.Inf(1), Rule: 1}}
	late := index.NewRanges(above).Sieve(above, nil)
	if late.Number(179, 0) || !late.Number(180, 0) || !late.Number(1e300, 0) {
		t.Error("the sieve of one limit does not tell its sides apart")
	}
	halves := []index.Range{{Low: -math.MaxFloat64, High: 0, Rule: 1}, {Low: 0, High: math.MaxFloat64, Rule: 2}}
	wide := index.NewRanges(halves).Sieve(halves, nil)
	for _, n := range []float64{-math.MaxFloat64, 0, 1, math.MaxFloat64} {
		if !wide.Number(n, 0) {
			t.Errorf("the sieve of limits that are very far apart keeps %v back", n)
		}
	}
	for name, got := range through {
		if got > n/10 {
			t.Errorf("%s: %d of %d values went through", name, got, n)
		}
	}
}

func address(t *rapid.T, name string) netip.Addr {
	bytes := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 10, 0x80, 0xFF}), 4, 4).Draw(t, name)
	four := netip.AddrFrom4([4]byte(bytes))
	switch rapid.IntRange(0, 3).Draw(t, name+" kind") {
	case 0:
		return netip.AddrFrom16(four.As16()) // an IPv4 address written as IPv6
	case 1:
		six := [16]byte{0: 0x20, 1: 1, 15: bytes[3]}
		copy(six[4:], bytes)
		return netip.AddrFrom16(six)
	case 2:
		if name == "value" {
			return netip.AddrFrom16([16]byte{0: 0xFE, 1: 0x80}).WithZone("eth0")
		}
	}
	return four
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		networks := []index.Network{{Rule: 7}} // an invalid prefix
		for range rapid.IntRange(0, 40).Draw(t, "networks") {
			a := address(t, "network")
			length := rapid.IntRange(0, a.BitLen()).Draw(t, "length")
			networks = append(networks, index.Network{Prefix: netip.PrefixFrom(a, length), Rule: rapid.Uint32Range(10, 30).Draw(t, "rule")})
		}
		value := address(t, "value")
		var want []uint32
		for _, n := range networks {
			if n.Prefix.Contains(value) {
				want = append(want, n.Rule)
			}
		}
		if got := index.NewNetworks(networks).Append(nil, value); !slices.Equal(sorted(got), sorted(want)) {
			t.Fatalf("%v in %v: got %v, want %v", value, networks, got, want)
		}
	})
}

// tables are tables of n rules, each with a value of which it finds one rule.
func tables(n int) map[string]func(dst []uint32) []uint32 {
	keys, affixes, needles := make([]index.Entry, n), make([]index.Entry, n), make([]index.Entry, n)
	numbers, ranges, networks := make([]index.Number, n), make([]index.Range, n), make([]index.Network, n)
	for i := range n {
		rule := uint32(i)
		keys[i] = index.Entry{Key: fmt.Sprintf("rental-%d", i), Rule: rule}
		needles[i] = index.Entry{Key: fmt.Sprintf("<%04d>", i), Rule: rule}
		affixes[i] = index.Entry{Key: strings.Repeat("x", 1+i%40) + fmt.Sprintf("%05d", i), Rule: rule}
		numbers[i] = index.Number{Value: float64(i) / 4, Rule: rule}
		ranges[i] = index.Range{Low: float64(i), High: index.Below(float64(i + 1)), Rule: rule}
		networks[i] = index.Network{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24), Rule: rule}
	}
	texts, prefixes, suffixes := index.NewTexts(keys), index.NewPrefixes(affixes), index.NewSuffixes(affixes)
	parts, around := index.NewParts(needles), []byte("has "+needles[n/2].Key+" in it")
	equal, within, inside := index.NewNumbers(numbers), index.NewRanges(ranges), index.NewNetworks(networks)
	text, affix := []byte(fmt.Sprintf("rental-%d", n/2)), []byte(affixes[n/2].Key)
	long := append(slices.Clone(affix), "and more"...)

	return map[string]func(dst []uint32) []uint32{
		"equal text":   func(dst []uint32) []uint32 { return texts.Append(dst, text) },
		"prefix":       func(dst []uint32) []uint32 { return prefixes.Append(dst, long) },
		"suffix":       func(dst []uint32) []uint32 { return suffixes.Append(dst, affix) },
		"part":         func(dst []uint32) []uint32 { return parts.Append(dst, around) },
		"equal number": func(dst []uint32) []uint32 { return equal.Append(dst, float64(n/2)/4) },
		"range":        func(dst []uint32) []uint32 { return within.Append(dst, float64(n/2)+0.5) },
		"network": func(dst []uint32) []uint32 {
			return inside.Append(dst, netip.AddrFrom4([4]byte{10, byte(n / 2 >> 8), byte(n / 2), 9}))
		},
	}
}

func TestNothingAllocated(t *testing.T) {
	dst := make([]uint32, 0, 64)
	for name, find := range tables(1000) {
		if got := find(dst); len(got) != 1 || got[0] != 500 {
			t.Errorf("%s: got %v, want the one rule 500", name, got)
		}
		if n := testing.AllocsPerRun(100, func() { find(dst) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkAppend finds one rule of many: the time hardly grows with their number.
func BenchmarkAppend(b *testing.B) {
	dst := make([]uint32, 0, 64)
	for _, n := range []int{100, 10_000} {
		for name, find := range tables(n) {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), n), func(b *testing.B) {
				for b.Loop() {
					find(dst)
				}
			})
		}
	}
}
