package match

import (
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// shared are rules that have one condition in common, of a kind that no index
// answers. It is evaluated once for all of them.
type shared struct {
	condition expression.Bound
	rules     []uint32
}

// find appends the rules, unless the condition is false and they are, too.
func (g *shared) find(s *scratch, dst []uint32) []uint32 {
	if g.condition.Truth(&s.frame) == expression.False {
		return dst
	}
	return append(dst, g.rules...)
}

// share puts each rule under the condition that most of the others have as well.
// It returns those that have none in common with another one as the rest.
func (p *planter) share(rules []uint32) (all []shared, rest []uint32) {
	having := map[string]int{}
	for _, c := range rules {
		for _, x := range p.clauses[c].Conditions {
			if x.Access() == nil {
				having[x.Text]++
			}
		}
	}
	at := map[string]int{} // in all, by the text of the condition
	for _, c := range rules {
		x := mostShared(p.clauses[c].Conditions, having)
		if x == nil {
			rest = append(rest, c)
			continue
		}
		i, there := at[x.Text]
		if !there {
			condition, alone := x.Bind(p.plan)
			if !alone {
				rest = append(rest, c)
				continue
			}
			i = len(all)
			at[x.Text], all = i, append(all, shared{condition: condition})
		}
		all[i].rules = append(all[i].rules, c)
	}
	return all, rest
}

// mostShared returns the condition that most rules have, nil when each of them is
// of one rule alone.
func mostShared(conditions []*rule.Expr, having map[string]int) *rule.Expr {
	var best *rule.Expr
	most := 1
	for _, x := range conditions {
		if n := having[x.Text]; n > most && x.Access() == nil {
			best, most = x, n
		}
	}
	return best
}
