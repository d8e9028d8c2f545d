package remediator

import (
	"context"
	"fmt"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// maxPastSets bounds the rule sets of the past that are read to find out under which
// name a rule paid: the last ones that had rules which are in force no more. Reading a
// file of a hundred rules takes some 50 ms, and whoever activates rules waits for it.
const maxPastSets = 20

// refuseRenames refuses a rule set in which a live rule that paid has another name, or
// another scope, and no scope of the old one: it would pay every key once more. It makes
// no difference that the way from one name to the other led through shadow, or through
// a time without either. Where the old one has paid nothing as far as is committed, it
// returns both, since it may until the set is in force: whoever puts that in force asks again.
func (s *Service) refuseRenames(ctx context.Context, old, next *rule.Set) ([]decide.Renamed, error) {
	if old == nil {
		old = &rule.Set{}
	}
	keys, err := lint.NewKeys()
	if err != nil {
		return nil, err
	}
	n := renaming{keys: keys, ledger: s.ledger, old: old, next: next}
	for _, r := range next.Rules {
		if !r.MovesMoney() {
			continue
		}
		if err := n.refuse(ctx, r); err != nil {
			return nil, err
		}
	}
	return n.found, nil
}

// tellOtherKeys logs which rules of a set take other keys than they did. It is not
// refused, because a promise may become another one.
func (s *Service) tellOtherKeys(ctx context.Context, old, next *rule.Set) error {
	if old == nil {
		return nil
	}
	keys, err := lint.NewKeys()
	if err != nil {
		return err
	}
	for _, r := range keys.Rekeyed(old, next) {
		taken, err := s.ledger.ScopeTaken(ctx, r.Scope)
		if err != nil {
			return err
		}
		if taken {
			s.cfg.Logger.WarnContext(ctx, "once_per of a rule makes other keys than before: none of them is taken, and what comes again is paid again", "rule", r.Name)
		}
	}
	return nil
}

// renaming looks for the rules of which those of a set are new names.
type renaming struct {
	keys      *lint.Keys
	ledger    *ledgerdb.DB
	old, next *rule.Set
	past      []*rule.Rule // nil: not read yet
	found     []decide.Renamed
}

// refuse says why a rule would pay once more what another one paid.
func (n *renaming) refuse(ctx context.Context, r *rule.Rule) error {
	if r.Pays() && n.keys.Covered(n.old.Rules, r) {
		return nil // it does so already
	}
	for _, gone := range n.old.Rules {
		if !gone.MovesMoney() || gone.Scope == r.Scope || !n.keys.Same(gone, r) || !n.goes(gone, r) {
			continue
		}
		switch taken, err := n.ledger.ScopeTaken(ctx, gone.Scope); {
		case err != nil:
			return err
		case taken && r.Name == gone.Name:
			return fmt.Errorf("%s:%d: rule %q had the scope %q, and would pay again what it paid there: write once_per: {key: …, scope: %s}",
				r.File, r.Line, r.Name, gone.Scope, gone.Scope)
		case taken:
			return fmt.Errorf("%s:%d: rule %q looks like %q under another name, and would pay again what that paid: write once_per: {key: …, scope: %s}, or, if it makes good something else, take %[4]q out before, and write scope: %[6]s",
				r.File, r.Line, r.Name, gone.Name, gone.Scope, r.Name)
		}
		n.found = append(n.found, decide.Renamed{Rule: r.Name, Scope: gone.Scope})
	}
	if !r.Pays() || r.Scoped {
		return nil
	}
	return n.refusePast(ctx, r)
}

// pays reports whether a rule of a set pays, and takes keys that another rule takes.
func (n *renaming) pays(set *rule.Set, other *rule.Rule) bool {
	for _, r := range set.Rules {
		if r.Pays() && n.keys.Share(r, other) {
			return true
		}
	}
	return false
}

// goes reports whether a rule goes now, so that another one may be what becomes of it:
// nothing has its scope any more, or nothing pays in it for what it was about. For a rule
// in shadow, which may become live later, only the first counts, and only when it is new:
// beside the rule that pays it is there to be compared.
func (n *renaming) goes(gone, r *rule.Rule) bool {
	stays := false
	for _, other := range n.next.Rules {
		stays = stays || other.Scope == gone.Scope
	}
	if !r.Pays() {
		return !stays && (r.Name == gone.Name || n.old.Rule(r.Name) == nil)
	}
	return !stays || gone.Pays() && !n.pays(n.next, gone)
}

// refusePast says of which rule of the past one is a new name. Who writes its scope says
// that its keys are its own.
func (n *renaming) refusePast(ctx context.Context, r *rule.Rule) error {
	if err := n.readPast(ctx); err != nil {
		return err
	}
	for _, gone := range n.past {
		if gone.Scope == r.Scope || !n.keys.Same(gone, r) {
			continue
		}
		own, err := n.ledger.ScopeTaken(ctx, r.Scope)
		if err != nil || own {
			return err // it paid before, and goes on under its own name
		}
		switch taken, err := n.ledger.ScopeTaken(ctx, gone.Scope); {
		case err != nil:
			return err
		case taken:
			return fmt.Errorf("%s:%d: rule %q looks like %q, which was in force before, and would pay again what that paid: write once_per: {key: …, scope: %s}, or scope: %s if it makes good something else",
				r.File, r.Line, r.Name, gone.Name, gone.Scope, r.Scope)
		}
		n.found = append(n.found, decide.Renamed{Rule: r.Name, Scope: gone.Scope})
	}
	return nil
}

// readPast reads the rules that were live once and that nothing goes on with: no rule takes
// the same keys in the same scope.
func (n *renaming) readPast(ctx context.Context) error {
	if n.past != nil {
		return nil
	}
	past, err := n.ledger.PastRules(ctx)
	if err != nil {
		return err
	}
	n.past = []*rule.Rule{}
	sets, read := map[string][]rule.File{}, map[rule.File]*rule.Set{}
	for _, p := range past {
		files, known := sets[p.Set]
		if !known && len(sets) < maxPastSets {
			if files, err = n.ledger.RuleFiles(ctx, p.Set); err != nil {
				return err
			}
			sets[p.Set] = files
		}
		if gone := ruleOf(files, p.Rule, read); gone != nil && gone.MovesMoney() && !n.pays(n.next, gone) {
			n.past = append(n.past, gone)
		}
	}
	return nil
}

// ruleOf returns a rule of some files, nil when none of those that can be read has it. It
// reads no file that does not name the rule, since reading thousands of rules takes
// seconds, and none twice.
func ruleOf(files []rule.File, name string, read map[rule.File]*rule.Set) *rule.Rule {
	for _, file := range files {
		if !strings.Contains(file.Text, name) {
			continue
		}
		set, known := read[file]
		if !known {
			set, _ = rule.Load([]rule.File{file}) // nil when a later program reads no more what was sealed
			read[file] = set
		}
		if set == nil {
			continue
		}
		if r := set.Rule(name); r != nil {
			return r
		}
	}
	return nil
}
