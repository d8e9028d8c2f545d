package remediator

import (
	"context"
	"fmt"
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

// refuseRenames refuses a rule set in which a live rule that paid has another
// name, or another scope, and no scope of the old one: it would pay every key
// once more. It makes no difference that one of the two is in shadow now, for
// the way from one live name to the next often leads through shadow.
func (s *Service) refuseRenames(ctx context.Context, old, next *rule.Set) error {
	if old == nil {
		return nil
	}
	scopes := map[string]bool{}
	for _, r := range next.Rules {
		scopes[r.Scope] = true
	}
	for _, gone := range old.Rules {
		if scopes[gone.Scope] || !gone.MovesMoney() {
			continue
		}
		for _, r := range next.Rules {
			stayed := old.Rule(r.Name) != nil && r.Name != gone.Name
			if stayed || !r.MovesMoney() || !sameKeys(gone, r) {
				continue
			}
			taken, err := s.ledger.ScopeTaken(ctx, gone.Scope)
			if err != nil {
				return err
			}
			if taken && r.Name == gone.Name {
				return fmt.Errorf("%s:%d: rule %q had the scope %q, and would pay again what it paid there: write once_per: {key: …, scope: %s}",
					r.File, r.Line, r.Name, gone.Scope, gone.Scope)
			}
			if taken {
				return fmt.Errorf("%s:%d: rule %q looks like %q under another name, and would pay again what that paid: write once_per: {key: …, scope: %s}",
					r.File, r.Line, r.Name, gone.Name, gone.Scope)
			}
		}
	}
	return nil
}

// sameKeys reports whether two rules take the same keys from the same events.
func sameKeys(a, b *rule.Rule) bool {
	return slices.Equal(slices.Sorted(slices.Values(a.Events)), slices.Sorted(slices.Values(b.Events))) &&
		slices.EqualFunc(a.OncePer, b.OncePer, func(x, y *rule.Expr) bool { return x.Text == y.Text })
}
