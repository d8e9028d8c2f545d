package remediator

import (
	"context"
	"fmt"
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

// refuseRenames refuses a rule set in which a live rule that paid has another
// name and no scope of the old one: it would pay every key once more.
func (s *Service) refuseRenames(ctx context.Context, old, next *rule.Set) error {
	if old == nil {
		return nil
	}
	scopes := map[string]bool{}
	for _, r := range next.Rules {
		scopes[r.Scope] = true
	}
	for _, gone := range old.Rules {
		if scopes[gone.Scope] || !paysLive(gone) {
			continue
		}
		for _, r := range next.Rules {
			if old.Rule(r.Name) != nil || !paysLive(r) || !sameKeys(gone, r) {
				continue
			}
			taken, err := s.ledger.ScopeTaken(ctx, gone.Scope)
			if err != nil {
				return err
			}
			if taken {
				return fmt.Errorf("%s:%d: rule %q looks like %q under another name, and would pay again what that paid: write once_per: {key: …, scope: %s}",
					r.File, r.Line, r.Name, gone.Name, gone.Scope)
			}
		}
	}
	return nil
}

func paysLive(r *rule.Rule) bool { return r.MovesMoney() && r.Mode != rule.Shadow }

// sameKeys reports whether two rules take the same keys from the same events.
func sameKeys(a, b *rule.Rule) bool {
	return slices.Equal(a.Events, b.Events) &&
		slices.EqualFunc(a.OncePer, b.OncePer, func(x, y *rule.Expr) bool { return x.Text == y.Text })
}
