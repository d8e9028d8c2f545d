package lint

import (
	"slices"
	"sync"

	"github.com/makegood/makegood/remediator/rule"
)

// Memory remembers what Check says of the rules in force: they are judged once. It is
// safe for concurrent use, and its zero value is ready.
type Memory struct {
	mu     sync.Mutex
	digest string
	found  rule.Problems
}

// Of returns the findings about a set.
func (m *Memory) Of(set *rule.Set) (rule.Problems, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.digest == set.Digest {
		return m.found, nil
	}
	found, err := Check(set)
	if err == nil {
		m.digest, m.found = set.Digest, found
	}
	return found, err
}

// end is the line at which the next rule of a rule's file begins; 0: it is the last.
func end(set *rule.Set, rl *rule.Rule) int {
	next := 0
	for _, other := range set.Rules {
		if other.File == rl.File && other.Line > rl.Line && (next == 0 || other.Line < next) {
			next = other.Line
		}
	}
	return next
}

// About returns the findings about a rule of a set.
func About(found rule.Problems, set *rule.Set, rl *rule.Rule) rule.Problems {
	next := end(set, rl)
	return slices.Collect(func(yield func(rule.Problem) bool) {
		for _, p := range found {
			if p.File == rl.File && p.Line >= rl.Line && (next == 0 || p.Line < next) && !yield(p) {
				return
			}
		}
	})
}
