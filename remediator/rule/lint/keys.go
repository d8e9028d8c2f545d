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

// Covered reports whether each event for which a rule may act is one for which some rules
// that pay, and surely take the same keys in its scope, act already.
func (k *Keys) Covered(by []*rule.Rule, r *rule.Rule) bool {
	return !slices.ContainsFunc(r.Filters, func(f rule.Filter) bool {
		return !slices.ContainsFunc(by, func(other *rule.Rule) bool {
			return other.Pays() && actsForAll(other, r) && other.Scope == r.Scope && k.equal(other, r) && k.waitsLike(other, r) && k.passes(f, r, other)
		})
	})
}

// passes reports whether what passes a filter of a rule passes one of another.
func (k *Keys) passes(f rule.Filter, r, other *rule.Rule) bool {
	reader, readerOfOther := readerOf(k.logic, r), readerOf(k.logic, other)
	return slices.ContainsFunc(other.Filters, func(wider rule.Filter) bool {
		switch {
		case !within(f.Event, wider.Event):
			return false
		case wider.If == nil:
			return true
		}
		return f.If != nil && (reader.Expand(f.If.Text) == readerOfOther.Expand(wider.If.Text) ||
			reader.Read(f.If.Text).Implies(readerOfOther.Read(wider.If.Text)))
	})
}

// waitsLike reports whether a rule acts for each event for which another one with its
// window and counterpart, where it has any, would.
func (k *Keys) waitsLike(r, other *rule.Rule) bool {
	reader, readerOfOther := readerOf(k.logic, r), readerOf(k.logic, other)
	if r.Unless != nil && r.UnlessText(reader.Expand) != other.UnlessText(readerOfOther.Expand) {
		return false
	}
	return r.Window == nil || other.Window != nil && r.Window.Digest == other.Window.Digest && reader.Expand(textOf(r.Having)) == readerOfOther.Expand(textOf(other.Having))
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

// paysBefore lists the rules of a set that pay in the scope of one that goes on with it in the
// next: the one of its name, and else, as after a rename, those that have gone.
func paysBefore(set, next *rule.Set, r *rule.Rule) (paying []*rule.Rule) {
	if old := set.Rule(r.Name); old != nil {
		if old.Scope == r.Scope && old.Pays() {
			paying = append(paying, old)
		}
		return paying
	}
	for _, old := range set.Rules {
		if now := next.Rule(old.Name); old.Scope == r.Scope && old.Pays() && (now == nil || now.Scope != r.Scope) {
			paying = append(paying, old)
		}
	}
	return paying
}

// Rekeyed lists the rules of a set that pay, as they did before it, but may do so with
// other keys in the same scope: none of those is taken, whatever was made good.
func (k *Keys) Rekeyed(before, set *rule.Set) []*rule.Rule {
	var rekeyed []*rule.Rule
	for _, r := range set.Rules {
		if paid := paysBefore(before, set, r); r.Pays() && len(paid) > 0 && !slices.ContainsFunc(paid, func(old *rule.Rule) bool { return k.equal(old, r) }) {
			rekeyed = append(rekeyed, r)
		}
	}
	return rekeyed
}
