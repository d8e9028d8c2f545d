package main

import (
	"fmt"
	"math/rand/v2"
)

const mostRules = 10_000

// ruleSets makes the sets of rules. Their shapes take turns, so that a set of
// any size has all of them. Most values occur in few events or none, as with
// rules about single orders; regions and plans occur in every eighth or fifth.
func ruleSets(source *rand.Rand) []ruleSet {
	ladder := []int{10, 100, 1_000, 10_000}
	ends := []int{100, 1_000, 10_000}
	return []ruleSet{
		{"A", "type, exact, prefix", rules(source, "a", exactType, exactAndPrefix), ladder},
		{"B", "type, exact, prefix, range", rules(source, "b", exactType, withRange), ladder},
		{"wildcard", "types with *, prefix, suffix, contains", rules(source, "w", wildType, wildcards), ends},
		{"array", "in, has, exists over lists", rules(source, "l", exactType, arrays), ends},
		{"negation", "!=, !", rules(source, "n", exactType, negations), ends},
	}
}

func rules(source *rand.Rand, prefix string, typeOf func(*rand.Rand) string, shape func(*rand.Rand, int) []Condition) []Rule {
	all := make([]Rule, mostRules)
	for i := range all {
		all[i] = Rule{Name: fmt.Sprintf("%s-%05d", prefix, i), Type: typeOf(source), Conditions: shape(source, i)}
	}
	return all
}

func exactType(source *rand.Rand) string { return eventType(pick(source, areas), pick(source, kinds)) }

func wildType(source *rand.Rand) string { return eventType(pick(source, areas), "*") }

func exactAndPrefix(source *rand.Rand, i int) []Condition {
	switch i % 4 {
	case 0:
		return []Condition{rentalIs(source)}
	case 1:
		return []Condition{rentalIs(source), regionIs(source)}
	case 2:
		return []Condition{planIs(source), subjectBegins(source, 4)}
	}
	return []Condition{{"data.device", Equal, randomDevice(source)}, {"data.title", Prefix, pick(source, adjectives) + " "}}
}

func withRange(source *rand.Rand, i int) []Condition {
	stalls := Condition{"data.stall_s", AtLeast, source.IntN(400)}
	from := source.IntN(9_000_000)
	switch i % 4 {
	case 0:
		return []Condition{rentalIs(source), stalls}
	case 1:
		return []Condition{planIs(source), subjectBegins(source, 4), stalls}
	case 2:
		return []Condition{regionIs(source), {"data.latency_us", Range, []int{from, from + 1_000}}}
	}
	return []Condition{regionIs(source), {"data.device", Prefix, randomDevice(source)[:10]}, {"data.latency_us", Range, []int{from, from + 100_000}}}
}

func wildcards(source *rand.Rand, i int) []Condition {
	needle := Condition{"data.title", Contains, randomText(source, letters, 5)}
	switch i % 4 {
	case 0:
		return []Condition{subjectBegins(source, 5)}
	case 1:
		return []Condition{{"data.device", Suffix, randomText(source, hexadecimal, 5)}}
	case 2:
		return []Condition{{"data.region", Prefix, pick(source, []string{"eu-", "us-"})}, needle}
	}
	return []Condition{needle}
}

func arrays(source *rand.Rand, i int) []Condition {
	switch i % 4 {
	case 0:
		rentals := make([]string, 8)
		for j := range rentals {
			rentals[j] = "r-" + randomText(source, "0123456789", 6)
		}
		return []Condition{{"data.rental", In, rentals}}
	case 1:
		return []Condition{{"data.tags", Has, randomTag(source)}, {"data.reason", In, []string{pick(source, reasons), pick(source, reasons), pick(source, reasons)}}}
	case 2:
		return []Condition{{"data.items.sku", Any, randomSKU(source)}}
	}
	return []Condition{{"data.plan", In, []string{pick(source, plans), pick(source, plans)}}, subjectBegins(source, 4)}
}

// negations has few rules of negations alone: each of them holds for all the
// events of its type that are out of the ordinary.
func negations(source *rand.Rand, i int) []Condition {
	plan, region := Condition{"data.plan", NotEqual, pick(source, plans)}, Condition{"data.region", NotEqual, pick(source, regions)}
	switch i % 16 {
	case 3:
		return []Condition{{"data.status", NotEqual, "ok"}}
	case 0, 4, 8, 12:
		return []Condition{rentalIs(source), plan}
	case 1, 5, 9, 13:
		return []Condition{subjectBegins(source, 4), {"data.trial", Not, nil}}
	case 2, 6, 10, 14:
		return []Condition{plan, region, {"data.device", Equal, randomDevice(source)}}
	}
	return []Condition{{"data.region", NotPrefix, "eu-"}, plan, rentalIs(source)}
}

func rentalIs(source *rand.Rand) Condition {
	return Condition{"data.rental", Equal, "r-" + randomText(source, "0123456789", 6)}
}

func regionIs(source *rand.Rand) Condition {
	return Condition{"data.region", Equal, pick(source, regions)}
}

func planIs(source *rand.Rand) Condition { return Condition{"data.plan", Equal, pick(source, plans)} }

func subjectBegins(source *rand.Rand, digits int) Condition {
	return Condition{"event.subject", Prefix, "order/" + randomText(source, "0123456789", digits)}
}
