package match

import (
	"sync"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
)

// New returns the matcher of a rule set. It passes the bytes of each event once,
// and decodes those that a rule may concern.
func New(set *rule.Set) Matcher {
	m := &matcher{set: set}
	m.scratch.New = func() any { return &scratch{} }
	return m
}

type matcher struct {
	set     *rule.Set
	scratch sync.Pool // of *scratch
}

// scratch is what one call of Match works with.
type scratch struct{ view event.View }

// Match implements Matcher.
func (m *matcher) Match(raw []byte, at int64) (Result, error) {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	if err := s.view.Read(raw, nil); err != nil {
		return Result{}, err
	}
	if len(m.set.Clauses(string(s.view.Type()))) == 0 {
		return Result{ID: s.view.ID(), Source: s.view.Source()}, nil
	}
	ev := s.view.Event()
	result := Judge(m.set, &ev, at)
	result.ID, result.Source = s.view.ID(), s.view.Source()
	return result, nil
}
