package rule

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Clause is one way in which a rule concerns an event.
type Clause struct {
	Rule *Rule
	*Filter
	// Ends says that the event is the counterpart in the rule's unless, and ends
	// what an event before it opened. A rule may concern one event in both ways.
	Ends bool
}

// index fills byType: for each type and prefix that a rule names, what concerns
// its events, that of wider prefixes included.
func (s *Set) index() {
	named := make(map[string][]Clause)
	add := func(r *Rule, filters []Filter, ends bool) {
		for i := range filters {
			name := filters[i].Event
			named[name] = append(named[name], Clause{Rule: r, Filter: &filters[i], Ends: ends})
		}
	}
	for _, r := range s.Rules {
		add(r, r.Filters, false)
		if r.Unless != nil {
			add(r, r.Unless.Filters, true)
		}
	}
	s.byType = make(map[string][]Clause, len(named))
	for name, clauses := range named {
		whole := slices.Clone(clauses)
		for _, prefix := range prefixes(strings.TrimSuffix(name, ".*")) {
			if prefix != name {
				whole = append(whole, named[prefix]...)
			}
		}
		// Of the filters of one rule the nearest comes first, and it alone counts:
		// it has the conditions of the wider ones in it.
		slices.SortStableFunc(whole, func(a, b Clause) int {
			return cmp.Or(cmp.Compare(a.Rule.Name, b.Rule.Name), compareBool(a.Ends, b.Ends))
		})
		s.byType[name] = slices.CompactFunc(whole, func(a, b Clause) bool { return a.Rule == b.Rule && a.Ends == b.Ends })
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// ByType gives every type and prefix that a rule names, with its clauses as Clauses
// returns them, in no particular order.
func (s *Set) ByType() iter.Seq2[string, []Clause] { return maps.All(s.byType) }

// Clauses returns what concerns events of a type, in order of the rules' names.
// The caller must not change it.
func (s *Set) Clauses(eventType string) []Clause {
	if clauses, ok := s.byType[eventType]; ok && !strings.HasSuffix(eventType, ".*") {
		return clauses
	}
	for _, prefix := range prefixes(eventType) {
		if clauses, ok := s.byType[prefix]; ok {
			return clauses
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
