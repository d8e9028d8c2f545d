package match

import (
	"slices"
	"strings"
	"sync"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// New returns the matcher of a rule set. It passes the bytes of an event once and
// takes from them only what rules of its type ask about; an index says which of
// these rules one selective part of their condition leaves; their conditions
// alone are evaluated, and nothing is decoded before one holds or is an error.
// An event for which neither happens costs no allocation.
func New(set *rule.Set) Matcher {
	m := &matcher{exact: map[string]*typed{}, below: map[string]*typed{}}
	plans := map[string]*event.Plan{} // by their keys
	for name, clauses := range set.ByType() {
		if prefix, wide := strings.CutSuffix(name, ".*"); wide {
			m.below[prefix] = newTyped(clauses, plans)
		} else {
			m.exact[name] = newTyped(clauses, plans)
			m.exact[name].name = name
		}
	}
	m.scratch.New = func() any {
		s := &scratch{}
		s.planFor = func(eventType []byte) *event.Plan {
			if s.last == nil || string(eventType) != s.last.name {
				if s.last = m.typed(eventType); s.last == nil {
					return nil
				}
			}
			s.typed = s.last
			return s.typed.plan
		}
		return s
	}
	return m
}

type matcher struct {
	exact   map[string]*typed // by type
	below   map[string]*typed // by the types above, for types that no rule names
	scratch sync.Pool         // of *scratch
}

// typed is what concerns the events of one type.
type typed struct {
	name    string // of the type; empty where it concerns those below one
	plan    *event.Plan
	tree    tree          // of the numbers of clauses
	checks  []checks      // of the clauses
	clauses []*rule.Bound // in order of the rules' names
	rests   []*rest       // of the rules of clauses
	steps   []*rule.Bound // what is left of these rules, where it is evaluated at once; else nil
}

func newTyped(clauses []rule.Clause, plans map[string]*event.Plan) *typed {
	t := &typed{plan: planOf(clauses, plans), clauses: make([]*rule.Bound, len(clauses)), rests: make([]*rest, len(clauses)), steps: make([]*rule.Bound, len(clauses))}
	all, predicates := make([]uint32, len(clauses)), make([][]predicate, len(clauses))
	for i, c := range clauses {
		t.clauses[i], t.rests[i] = c.Bind(t.plan), &rest{rule: c.Rule}
		if atOnce(c, clauses) {
			t.steps[i] = c.Rule.BindRest(t.plan)
		}
		all[i], predicates[i] = uint32(i), predicatesOf(c.Conditions, t.plan)
	}
	planter := planter{clauses: clauses, plan: t.plan}
	t.tree = *planter.plant(all, predicates)
	t.checks = planter.checks
	return t
}

// planOf returns the plan of what clauses read: one for all types of which the same is read.
func planOf(clauses []rule.Clause, plans map[string]*event.Plan) *event.Plan {
	var paths [][]string
	for _, c := range clauses {
		paths = c.AppendReads(paths)
		if atOnce(c, clauses) {
			paths = c.Rule.AppendRestReads(paths)
		}
	}
	plan := event.NewPlan(paths)
	key := plan.Key()
	if known := plans[key]; known != nil {
		return known
	}
	plans[key] = plan
	return plan
}

// fewClauses is up to how many clauses of a type have what their steps say looked
// for in every event of it.
const fewClauses = 16

// atOnce reports whether the steps of a rule are evaluated with its condition: where
// no aggregate can be in them, and where looking for what they say in every event
// costs less than reading the few that match a second time.
func atOnce(c rule.Clause, of []rule.Clause) bool {
	return !c.Ends && c.Rule.Window == nil && len(of) <= fewClauses
}

// typed returns what concerns a type of event, nil when no rule does.
func (m *matcher) typed(eventType []byte) *typed {
	if t := m.exact[string(eventType)]; t != nil {
		return t
	}
	for i := len(eventType) - 1; i > 0 && len(m.below) > 0; i-- {
		if eventType[i] == '.' {
			if t := m.below[string(eventType[:i])]; t != nil {
				return t
			}
		}
	}
	return nil
}

// scratch is what one call of Match works with.
type scratch struct {
	view       event.View
	frame      expression.Frame
	evaluation rule.Evaluation
	typed      *typed
	last       *typed // of the event before: events of a type come together
	planFor    func(eventType []byte) *event.Plan
	found      []uint32
	small      []byte
}

// lower returns a text with small letters for ASCII capitals, until it is called again.
func (s *scratch) lower(text []byte) []byte {
	s.small = s.small[:0]
	for _, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		s.small = append(s.small, c)
	}
	return s.small
}

// Match implements Matcher.
func (m *matcher) Match(raw []byte, at int64) (result Result, err error) {
	s := m.scratch.Get().(*scratch)
	s.typed = nil
	err = s.match(&result, raw, at)
	m.scratch.Put(s)
	return result, err
}

// match fills an empty result, which is left empty where there is an error.
func (s *scratch) match(result *Result, raw []byte, at int64) error {
	if err := s.view.Read(raw, s.planFor); err != nil {
		return err
	}
	result.Source, result.ID = s.view.Identity()
	result.Time, result.undated = s.view.Time(), true
	if s.typed != nil {
		s.judge(result, raw, at)
		result.undated = !s.frame.Dated()
	}
	return nil
}

// judge evaluates the conditions of the clauses that the event may concern.
func (s *scratch) judge(result *Result, raw []byte, at int64) {
	s.frame.Event(&s.view, at)
	s.found = s.typed.tree.find(s, s.found[:0])
	if len(s.found) > 1 {
		slices.Sort(s.found)
	}
	var ev *lateEvent
	for i, number := range s.found {
		if i > 0 && number == s.found[i-1] {
			continue
		}
		if s.typed.checks[number].fail(&s.view) {
			continue
		}
		bound := s.typed.clauses[number]
		truth := bound.Meets(&s.frame)
		if truth == expression.False {
			continue
		}
		if ev == nil {
			ev = &lateEvent{event: s.view.Brief(), raw: raw, at: at}
			result.Event, result.late = &ev.event, ev
		}
		s.add(result, bound, truth, s.rest(number, truth, ev))
	}
}

// rest returns what is left of the rule of a clause.
func (s *scratch) rest(number uint32, truth expression.Truth, ev *lateEvent) *late {
	l := &late{rest: s.typed.rests[number], event: ev}
	if steps := s.typed.steps[number]; steps != nil && truth == expression.True {
		l.actions, l.err = steps.Evaluate(&s.evaluation, &s.frame).Actions(nil)
		l.evaluated = true
	}
	return l
}

// add adds what a clause says of the event to the result.
func (s *scratch) add(result *Result, bound *rule.Bound, truth expression.Truth, rest *late) {
	switch {
	case truth != expression.True:
		result.Errors = append(result.Errors, Error{bound.Rule, bound.Ends, rest, bound.Filter})
	case bound.Ends:
		by, noBy := bound.Evaluate(&s.evaluation, &s.frame).By()
		result.Ends = append(result.Ends, End{Rule: bound.Rule, By: by, NoBy: noBy})
	default:
		result.Hits = append(result.Hits, hit(bound.Rule, bound.Evaluate(&s.evaluation, &s.frame), rest))
	}
}
