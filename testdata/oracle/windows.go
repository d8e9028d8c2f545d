package main

import (
	"fmt"
	"math/rand/v2"
)

// pull makes the only step: a pull of a cord below a segment.
func pull(below, from string) func(*event) ([]step, bool) {
	return func(e *event) ([]step, bool) {
		name, ok := e.key(from)
		return []step{{kind: "andon", cord: below + "/" + name}}, ok
	}
}

func oneWindow(*event) (string, bool) { return "", true }

// thirdCharge refunds the third and every further charge of one order.
func thirdCharge(r *rand.Rand) *rule {
	rule := base("third-charge", charged)
	rule.within = oneOf(r, lengths...)
	rule.by, rule.key = field("order"), field("charge")
	many := oneOf(r, 2, 3)
	rule.having = func(entries []*event) truth { return is(len(entries) >= many) }
	rule.do = refund("amount", "100")
	rule.yaml = fmt.Sprintf(`
once_per: data.charge
window: {by: data.order, within: %s}
having: count() >= %d
do:
  - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
`, written(rule.within), many)
	limit(r, rule)
	return rule
}

// burst pulls a lane's cord and starts its window anew.
func burst(r *rand.Rand) *rule {
	rule := base("burst", "com.example.flight.*")
	rule.within = oneOf(r, lengths...)
	rule.by = field("lane")
	minutes, many := oneOf(r, 0, 30, 60), oneOf(r, 2, 3, 4)
	rule.cond = lateAtLeast(float64(minutes))
	rule.having = func(entries []*event) truth { return is(len(entries) >= many) }
	rule.do = pull("lane", "lane")
	rule.yaml = fmt.Sprintf(`
if: data.late_min >= %d
window: {by: data.lane, within: %s}
having: count() >= %d
do:
  - andon: {pull: "lane/${{ data.lane }}", level: red, reason: "${{ count() }} late in lane ${{ data.lane }}"}
`, minutes, written(rule.within), many)
	return rule
}

// complaints counts customers, each once; nobody is not a customer.
func complaints(r *rand.Rand) *rule {
	rule := base("complaints", contacted)
	rule.within = oneOf(r, lengths...)
	rule.by = field("sku")
	rule.cond = func(e *event) truth {
		return or(e.equals("reason", "damaged"), e.equals("reason", "defective"))
	}
	many := oneOf(r, 2, 3)
	rule.having = func(entries []*event) truth {
		customers := map[string]bool{}
		for _, e := range entries {
			if e.customer != "" {
				customers[e.customer] = true
			}
		}
		return is(len(customers) >= many)
	}
	rule.do = pull("product", "sku")
	rule.yaml = fmt.Sprintf(`
if: data.reason in ["damaged", "defective"]
window: {by: data.sku, within: %s}
having: distinct(event.customer) >= %d
do:
  - andon: {pull: "product/${{ data.sku }}", level: yellow, reason: "${{ distinct(event.customer) }} customers"}
`, written(rule.within), many)
	return rule
}

// units sums numbers, some of them under a predicate, and goes on after firing.
func units(r *rand.Rand) *rule {
	rule := base("units", contacted)
	rule.within = oneOf(r, lengths...)
	rule.by, rule.key = field("sku"), field("contact")
	call, counts := "sum(data.units)", func(*event) truth { return yes }
	if r.IntN(2) == 0 {
		call, counts = `sum(data.units, data.reason == "damaged")`, func(e *event) truth { return e.equals("reason", "damaged") }
	}
	rule.having = func(entries []*event) truth {
		var sum float64
		for _, e := range entries {
			if n, ok := e.number("units"); ok && counts(e) == yes {
				sum += n
			}
		}
		return is(sum >= 6.5)
	}
	rule.do = func(e *event) ([]step, bool) {
		return []step{{kind: "credit", amount: amount{500, "USD"}}}, true
	}
	rule.yaml = fmt.Sprintf(`
once_per: data.contact
window: {by: data.sku, within: %s}
having: >-
  %s >= 6.5
do: [{credit: {customer: "${{ event.customer }}", amount: 5.00 USD}}]
`, written(rule.within), call)
	limit(r, rule)
	return rule
}

// spending sums money; two currencies in one window are an error.
func spending(r *rand.Rand) *rule {
	rule := base("spending", charged)
	rule.within = oneOf(r, lengths...)
	rule.by = func(e *event) (string, bool) { return e.customer, e.customer != "" }
	rule.key = field("charge")
	rule.having = func(entries []*event) truth {
		currencies := map[string]bool{}
		var sum int64
		for _, e := range entries {
			if m, ok := e.money("amount"); ok {
				currencies[m.currency] = true
				sum += m.minor
			} else if _, ok := e.number("amount"); ok {
				currencies["number"] = true
			}
		}
		if len(currencies) != 1 || !currencies["USD"] {
			return bad
		}
		return is(sum >= 20000)
	}
	rule.do = func(e *event) ([]step, bool) {
		return []step{{kind: "credit", amount: amount{777, "USD"}}}, true
	}
	rule.yaml = fmt.Sprintf(`
once_per: data.charge
window: {by: event.customer, within: %s}
having: sum(data.amount) >= money("200.00 USD")
do: [{credit: {customer: "${{ event.customer }}", amount: 7.77 USD}}]
`, written(rule.within))
	return rule
}

// scores returns the numbers that a window's entries have as score.
func scores(entries []*event) []float64 {
	var found []float64
	for _, e := range entries {
		if n, ok := e.number("score"); ok {
			found = append(found, n)
		}
	}
	return found
}

// lowScores asks for an average of those that have a score at all.
func lowScores(r *rand.Rand) *rule {
	rule := base("low-scores", contacted)
	rule.within = oneOf(r, lengths...)
	rule.by = field("sku")
	rule.having = func(entries []*event) truth {
		many := is(len(entries) >= 3)
		found := scores(entries)
		if len(found) == 0 {
			return and(many, bad)
		}
		var sum float64
		for _, n := range found {
			sum += n
		}
		return and(many, is(sum/float64(len(found)) <= 2.5))
	}
	rule.do = pull("product", "sku")
	rule.yaml = fmt.Sprintf(`
window: {by: data.sku, within: %s}
having: count() >= 3 && avg(data.score) <= 2.5
do: [{andon: {pull: "product/${{ data.sku }}", level: red, reason: low scores}}]
`, written(rule.within))
	return rule
}

// badShare asks which share of all has a low score.
func badShare(r *rand.Rand) *rule {
	rule := base("bad-share", contacted)
	rule.within = oneOf(r, lengths...)
	rule.by = field("team")
	rule.having = func(entries []*event) truth {
		low := 0
		for _, e := range entries {
			if e.compare("score", func(n float64) bool { return n <= 2 }) == yes {
				low++
			}
		}
		return and(is(len(entries) >= 4), is(float64(low)/float64(len(entries)) >= 0.6))
	}
	rule.do = pull("team", "team")
	rule.yaml = fmt.Sprintf(`
window: {by: data.team, within: %s}
having: count() >= 4 && share(data.score <= 2) >= 0.6
do: [{andon: {pull: "team/${{ data.team }}", level: red, reason: bad share}}]
`, written(rule.within))
	return rule
}

// spread compares the highest and the lowest score.
func spread(r *rand.Rand) *rule {
	rule := base("spread", contacted)
	rule.within = oneOf(r, lengths...)
	rule.by = field("sku")
	rule.having = func(entries []*event) truth {
		found := scores(entries)
		if len(found) == 0 {
			return bad
		}
		low, high := found[0], found[0]
		for _, n := range found {
			low, high = min(low, n), max(high, n)
		}
		return is(high-low >= 3)
	}
	rule.do = pull("product", "sku")
	rule.yaml = fmt.Sprintf(`
window: {by: data.sku, within: %s}
having: max(data.score) - min(data.score) >= 3
do: [{andon: {pull: "product/${{ data.sku }}", level: yellow, reason: spread}}]
`, written(rule.within))
	return rule
}

// anyLane has one window for the whole rule.
func anyLane(r *rand.Rand) *rule {
	rule := base("any-lane", arrived)
	rule.within = oneOf(r, lengths[:3]...)
	rule.by = oneWindow
	rule.cond = lateAtLeast(60)
	rule.having = func(entries []*event) truth {
		lanes := map[string]bool{}
		for _, e := range entries {
			if lane, ok := e.key("lane"); ok {
				lanes[lane] = true
			}
		}
		return is(len(lanes) >= 3)
	}
	rule.do = func(*event) ([]step, bool) { return []step{{kind: "andon", cord: "network/all"}}, true }
	rule.yaml = fmt.Sprintf(`
if: data.late_min >= 60
window: {within: %s}
having: distinct(data.lane) >= 3
do: [{andon: {pull: network/all, level: red, reason: three lanes}}]
`, written(rule.within))
	return rule
}
