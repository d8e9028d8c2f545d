package rule

import (
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
)

var limitKeys = []string{"per_remedy", "per_customer", "budget", "approve_above", "coe_above", "over"}

func (b *builder) limits() {
	n := b.m.Get("limits")
	if n == nil {
		return
	}
	m := b.Mapping(n, "limits", limitKeys...)
	if m == nil {
		return
	}
	if b.limited != nil {
		m.Inherit(b.limited, limitKeys...)
	}
	l := &b.r.Limits
	if n := m.Get("per_remedy"); n != nil {
		l.PerRemedy = b.amounts(n, "per_remedy")
	}
	if n := m.Get("per_customer"); n != nil {
		l.PerCustomer = b.perCustomer(n)
	}
	if n := m.Get("budget"); n != nil {
		l.Budget = b.budget(n)
	}
	if n := m.Get("approve_above"); n != nil {
		l.ApproveAbove = b.amounts(n, "approve_above")
	}
	if n := m.Get("coe_above"); n != nil {
		l.COEAbove = b.amounts(n, "coe_above")
		if l.Budget == nil && !b.Broken {
			b.Errorf(document.At(n), "missing", "add budget: {amount: 500.00 USD, within: 1d}; coe_above counts what that counts", "coe_above has no budget to look at")
		}
	}
	if n := m.Get("over"); n != nil {
		l.Suppress = b.choice(n, "over", "hold", "suppress") == "suppress"
	}
}

func (b *builder) perCustomer(n *yaml.Node) *Limit {
	m := b.Mapping(n, "per_customer", "remedies", "amount", "within")
	if m == nil {
		return nil
	}
	limit := &Limit{Within: b.within(m)}
	if !m.Has("remedies") && !m.Has("amount") && !b.Broken {
		b.Errorf(document.At(n), "missing", "write remedies: 3 or amount: 20.00 USD, or both", "per_customer limits nothing")
	}
	if n := m.Get("remedies"); n != nil {
		limit.Remedies = b.whole(n, "remedies")
	}
	if n := m.Get("amount"); n != nil {
		limit.Amount = b.amounts(n, "amount")
	}
	return limit
}

func (b *builder) budget(n *yaml.Node) *Limit {
	m := b.Mapping(n, "budget", "amount", "within")
	if m == nil {
		return nil
	}
	limit := &Limit{Within: b.within(m)}
	if n := m.Need("amount", "say how much: amount: 500.00 USD"); n != nil {
		limit.Amount = b.amounts(n, "amount")
	}
	return limit
}

func (b *builder) storm() {
	n := b.m.Get("storm")
	if n == nil {
		return
	}
	m := b.Mapping(n, "storm", "remedies", "within")
	if m == nil {
		return
	}
	rate := &Rate{Within: b.within(m)}
	if n := m.Need("remedies", "say how many are too many: remedies: 200"); n != nil {
		rate.Remedies = b.whole(n, "remedies")
	}
	b.r.Storm = rate
}

// optional reads a duration that need not be given; without it the answer is 0.
func (b *builder) optional(m *document.Mapping, key string) time.Duration {
	if n := m.Get(key); n != nil {
		return b.duration(n, key)
	}
	return 0
}
