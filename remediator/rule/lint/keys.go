package lint

import (
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/logic"
)

// Keys compares the once_per keys that rules take, however they are written. It serves one
// goroutine at a time.
type Keys struct {
	logic *logic.Logic
	known map[*rule.Rule]key
}

// key is the once_per of a rule, written so that rules with one key are found.
type key struct {
	exact  string // one text: surely one key
	likely string // two texts: surely two keys. A text of a number may be another key, and so may parts in another order
}

// NewKeys returns what compares the keys of rules, of one set or of several.
func NewKeys() (*Keys, error) {
	l, err := logic.New()
	if err != nil {
		return nil, err
	}
	return &Keys{l, map[*rule.Rule]key{}}, nil
}

// Same reports whether two rules may be for the same keys from events that both are about:
// whether one may be another name of the other.
func (k *Keys) Same(a, b *rule.Rule) bool {
	return len(a.OncePer) > 0 && overlapping(a, b) && k.of(a).likely == k.of(b).likely
}

// overlapping reports whether there may be an event that two rules are about.
func overlapping(a, b *rule.Rule) bool {
	return slices.ContainsFunc(a.Events, func(event string) bool {
		return slices.ContainsFunc(b.Events, func(other string) bool { return overlap(event, other) })
	})
}

// Share reports whether two rules surely take the same keys in one scope: what one of them
// made good, the other does not make good again.
func (k *Keys) Share(a, b *rule.Rule) bool {
	return a.Scope == b.Scope && overlapping(a, b) && k.equal(a, b)
}

// Covered reports whether each event of a rule is one of some rules that pay, and surely
// take the same keys in its scope.
func (k *Keys) Covered(by []*rule.Rule, r *rule.Rule) bool {
	return !slices.ContainsFunc(r.Events, func(event string) bool {
		return !slices.ContainsFunc(by, func(other *rule.Rule) bool {
			covers := func(wider string) bool { return within(event, wider) }
			return other.Pays() && other.Scope == r.Scope && slices.ContainsFunc(other.Events, covers) && k.equal(other, r)
		})
	})
}

// equal reports whether two rules surely take the same key from an event that both are about.
func (k *Keys) equal(a, b *rule.Rule) bool {
	return len(a.OncePer) > 0 && k.of(a).exact == k.of(b).exact
}

func (k *Keys) of(r *rule.Rule) key {
	of, known := k.known[r]
	if !known {
		of = keyOf(readerOf(k.logic, r), r)
		k.known[r] = of
	}
	return of
}

func keyOf(reader *logic.Reader, r *rule.Rule) key {
	var exact, likely []string
	for _, part := range r.OncePer {
		one, like := reader.Key(part.Text)
		exact, likely = append(exact, one), append(likely, like)
	}
	slices.Sort(likely)
	return key{strings.Join(exact, ", "), strings.Join(likely, ", ")}
}

// Rekeyed lists the rules of a set that pay, as they did before it, but may do so with
// other keys in the same scope: none of those is taken, whatever was made good.
func (k *Keys) Rekeyed(before, set *rule.Set) []*rule.Rule {
	var rekeyed []*rule.Rule
	for _, r := range set.Rules {
		old := before.Rule(r.Name)
		if old != nil && old.Pays() && r.Pays() && old.Scope == r.Scope && !k.equal(old, r) {
			rekeyed = append(rekeyed, r)
		}
	}
	return rekeyed
}
