package rule

import (
	"cmp"
	"slices"
	"strings"
)

// index fills byType: for each type and prefix that a rule names, the rules for
// it, those of wider prefixes included.
func (s *Set) index() {
	s.byType = make(map[string][]*Rule)
	for _, r := range s.Rules {
		for _, name := range r.Events {
			if !slices.Contains(s.byType[name], r) {
				s.byType[name] = append(s.byType[name], r)
			}
		}
	}
	whole := make(map[string][]*Rule, len(s.byType))
	for name, rules := range s.byType {
		rules = slices.Clone(rules)
		for _, prefix := range prefixes(strings.TrimSuffix(name, ".*")) {
			if prefix != name {
				rules = append(rules, s.byType[prefix]...)
			}
		}
		slices.SortFunc(rules, func(a, b *Rule) int { return cmp.Compare(a.Name, b.Name) })
		whole[name] = slices.Compact(rules)
	}
	s.byType = whole
}

// ForType returns the rules for a type of event, in order of their names. The
// caller must not change it.
func (s *Set) ForType(eventType string) []*Rule {
	if rules, ok := s.byType[eventType]; ok && !strings.HasSuffix(eventType, ".*") {
		return rules
	}
	for _, prefix := range prefixes(eventType) {
		if rules, ok := s.byType[prefix]; ok {
			return rules
		}
	}
	return nil
}

// prefixes lists the prefixes that cover a type, the longest first: a.b.c is
// covered by a.b.* and a.*.
func prefixes(eventType string) []string {
	var all []string
	for i := len(eventType) - 1; i > 0; i-- {
		if eventType[i] == '.' {
			all = append(all, eventType[:i]+".*")
		}
	}
	return all
}

// Rule returns the rule with a name, nil when there is none.
func (s *Set) Rule(name string) *Rule {
	i, found := slices.BinarySearchFunc(s.Rules, name, func(r *Rule, name string) int { return cmp.Compare(r.Name, name) })
	if !found {
		return nil
	}
	return s.Rules[i]
}
