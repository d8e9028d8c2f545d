package main

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// newDense makes windows of more than 64 entries, with entries on the edges of
// granules and of windows. Some events come a little behind others.
func newDense(seed uint64) *scenario {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 0x64656e73)), grid: time.Second}
	within := oneOf(m.Rand, 64*time.Second, 10*time.Minute, 64*time.Minute, 6*time.Hour)
	s := &scenario{rules: []*rule{
		denseCount(within, 62+m.IntN(12)), denseRefund(within, 63+m.IntN(5)),
		denseSum(within, 55+m.IntN(20)), denseDistinct(within, 8+m.IntN(5)),
	}}
	width := within / 64
	at := start.Truncate(width)
	for range 900 {
		m.add(charged, at, map[string]any{
			"order": oneOf[any](m.Rand, m.same(1), m.same(1), m.same(2)), "charge": fmt.Sprintf("ch-%d", m.n),
			"payment": fmt.Sprintf("pi_%d", m.n), "amount": "0.33 USD", "units": oneOf(m.Rand, 1, 1, 1, 2),
		})
		at = m.next(at, within)
	}
	for i := range m.drafts {
		if d := &m.drafts[i]; m.IntN(8) == 0 {
			d.arrives = d.at.Add(time.Duration(m.Int64N(int64(3 * width))))
		}
	}
	sort.SliceStable(m.drafts, func(i, j int) bool { return m.drafts[i].arrives.Before(m.drafts[j].arrives) })
	s.lines = m.write()
	return s
}

// next is the time of the event after one at t: mostly close by, at times on the
// edge of a granule or of the window.
func (m *maker) next(at time.Time, within time.Duration) time.Time {
	width := within / 64
	switch m.IntN(40) {
	case 0, 1, 2:
		return at.Truncate(width).Add(width)
	case 3, 4:
		return at.Truncate(width).Add(width - 1)
	case 5, 6:
		return at.Add(1)
	case 7, 8, 9, 10, 11:
		return at.Add(time.Duration(m.Int64N(int64(width))))
	case 12:
		if m.IntN(4) == 0 {
			return at.Add(within - time.Duration(m.IntN(2)))
		}
	case 13:
		if m.IntN(4) == 0 {
			return at.Add(within/2 + time.Duration(m.Int64N(int64(within/2))))
		}
	case 14:
		if m.IntN(10) == 0 {
			return at.Add(time.Hour + 2*within)
		}
	}
	return at
}

func denseCount(within time.Duration, many int) *rule {
	rule := base("dense-count", charged)
	rule.within, rule.by = within, field("order")
	rule.having = func(entries []*event) truth { return is(len(entries) >= many) }
	rule.do = pull("order", "order")
	rule.yaml = fmt.Sprintf(`
window: {by: data.order, within: %s}
having: count() >= %d
do: [{andon: {pull: "order/${{ data.order }}", level: red, reason: many}}]
`, seconds(within), many)
	return rule
}

func denseRefund(within time.Duration, many int) *rule {
	rule := base("dense-refund", charged)
	rule.within, rule.by, rule.key = within, field("order"), field("charge")
	rule.having = func(entries []*event) truth { return is(len(entries) >= many) }
	rule.do = refund("amount", "50")
	rule.yaml = fmt.Sprintf(`
once_per: data.charge
window: {by: data.order, within: %s}
having: count() >= %d
do: [{refund: {payment: "${{ data.payment }}", amount: "${{ pct(data.amount, 50) }}"}}]
`, seconds(within), many)
	return rule
}

func denseSum(within time.Duration, many int) *rule {
	rule := base("dense-sum", charged)
	rule.within, rule.by = within, oneWindow
	rule.having = func(entries []*event) truth {
		var sum float64
		for _, e := range entries {
			n, _ := e.number("units")
			sum += n
		}
		return is(sum > float64(many))
	}
	rule.do = func(*event) ([]step, bool) { return []step{{kind: "andon", cord: "shop/all"}}, true }
	rule.yaml = fmt.Sprintf(`
window: {within: %s}
having: sum(data.units) > %d
do: [{andon: {pull: shop/all, level: yellow, reason: many units}}]
`, seconds(within), many)
	return rule
}

func denseDistinct(within time.Duration, many int) *rule {
	rule := base("dense-distinct", charged)
	rule.within, rule.by, rule.key = within, field("order"), field("charge")
	rule.having = func(entries []*event) truth {
		customers := map[string]bool{}
		for _, e := range entries {
			if e.customer != "" {
				customers[e.customer] = true
			}
		}
		return is(len(customers) >= many)
	}
	rule.distinct = func(e *event) string { return e.customer }
	rule.do = func(*event) ([]step, bool) {
		return []step{{kind: "credit", amount: amount{1, "USD"}}}, true
	}
	rule.yaml = fmt.Sprintf(`
once_per: data.charge
window: {by: data.order, within: %s}
having: distinct(event.customer) >= %d
do: [{credit: {customer: "${{ event.customer }}", amount: 0.01 USD}}]
`, seconds(within), many)
	return rule
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", d/time.Second) }
