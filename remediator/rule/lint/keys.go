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
	known map[*rule.Rule]string
}

// NewKeys returns what compares the keys of rules, of one set or of several.
func NewKeys() (*Keys, error) {
	l, err := logic.New()
	if err != nil {
		return nil, err
	}
	return &Keys{l, map[*rule.Rule]string{}}, nil
}

// Same reports whether two rules take the same keys from events that both are about.
func (k *Keys) Same(a, b *rule.Rule) bool {
	return slices.ContainsFunc(a.Events, func(event string) bool {
		return slices.ContainsFunc(b.Events, func(other string) bool { return overlap(event, other) })
	}) && k.alike(a, b)
}

// Share reports whether two rules take the same keys in one scope: what one of them made
// good, the other does not make good again.
func (k *Keys) Share(a, b *rule.Rule) bool { return a.Scope == b.Scope && k.Same(a, b) }

// Covered reports whether each event of a rule is one of some rules that pay, and take the
// same keys in its scope.
func (k *Keys) Covered(by []*rule.Rule, r *rule.Rule) bool {
	return !slices.ContainsFunc(r.Events, func(event string) bool {
		return !slices.ContainsFunc(by, func(other *rule.Rule) bool {
			covers := func(wider string) bool { return within(event, wider) }
			return other.Pays() && other.Scope == r.Scope && slices.ContainsFunc(other.Events, covers) && k.alike(other, r)
		})
	})
}

// alike reports whether two rules take the same key from an event that both are about.
func (k *Keys) alike(a, b *rule.Rule) bool {
	return len(a.OncePer) > 0 && len(a.OncePer) == len(b.OncePer) && k.of(a) == k.of(b)
}

func (k *Keys) of(r *rule.Rule) string {
	key, known := k.known[r]
	if !known {
		key = keyOf(readerOf(k.logic, r), r)
		k.known[r] = key
	}
	return key
}

// keyOf writes the key of a rule in one form. A number and its text are one key, so what
// makes one of the other is left out.
func keyOf(reader *logic.Reader, r *rule.Rule) string {
	return r.OncePerText(func(expression string) string {
		text := reader.Expand(expression)
		if inner, ok := strings.CutPrefix(text, "string("); ok && strings.HasSuffix(inner, ")") && reader.Expand(inner[:len(inner)-1]) == inner[:len(inner)-1] {
			return inner[:len(inner)-1]
		}
		return text
	})
}

// Rekeyed lists the rules of a set that pay, as they did before it, but with other keys
// in the same scope: none of the new keys is taken, whatever was made good.
func (k *Keys) Rekeyed(before, set *rule.Set) []*rule.Rule {
	var rekeyed []*rule.Rule
	for _, r := range set.Rules {
		old := before.Rule(r.Name)
		if old != nil && old.Pays() && r.Pays() && old.Scope == r.Scope && !k.alike(old, r) {
			rekeyed = append(rekeyed, r)
		}
	}
	return rekeyed
}
