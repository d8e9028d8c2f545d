package match

import (
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
)

// lateEvent is an event whose data is decoded when it is first needed, for all
// the rules that it concerns.
type lateEvent struct {
	event  event.Event
	at     int64
	values *rule.Values
}

// late evaluates a rule for an event as the plain matcher does, when something is
// asked that the matcher did not have to evaluate. Few hits get that far.
type late struct {
	rule       *rule.Rule
	event      *lateEvent
	evaluation *rule.Evaluation
}

func (l *late) evaluate() *rule.Evaluation {
	if l.event.values == nil {
		l.event.values = rule.NewValues(&l.event.event, l.event.at)
	}
	if l.evaluation == nil {
		l.evaluation = l.rule.Evaluate(l.event.values)
	}
	return l.evaluation
}

// Meets says why a condition was an error.
func (l *late) Meets(f *rule.Filter) (bool, error) { return l.evaluate().Meets(f) }

// Having implements Rest.
func (l *late) Having(aggregates []any) (bool, error) { return l.evaluate().Having(aggregates) }

// Actions implements Rest.
func (l *late) Actions(aggregates []any) ([]rule.Action, error) {
	return l.evaluate().Actions(aggregates)
}
