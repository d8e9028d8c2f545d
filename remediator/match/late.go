package match

import (
	"fmt"
	"sync"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// rest evaluates what is left of a rule when its condition holds. It is bound when
// it is first needed: of many rules most never are.
type rest struct {
	rule    *rule.Rule
	once    sync.Once
	bound   *rule.Bound
	alone   bool      // having reads nothing of the event, as most that count do
	readers sync.Pool // of *restReader
}

// restReader is what one evaluation of a rest works with.
type restReader struct {
	view       event.View
	frame      expression.Frame
	evaluation rule.Evaluation
	planFor    func([]byte) *event.Plan
}

func (r *rest) bind() {
	var plan *event.Plan
	plan, r.bound = r.rule.Rest()
	r.alone = !r.rule.HavingReads()
	planFor := func([]byte) *event.Plan { return plan }
	r.readers.New = func() any { return &restReader{planFor: planFor} }
}

// lateEvent is an event that concerns rules.
type lateEvent struct {
	event event.Event
	raw   []byte
	at    int64
}

// late evaluates a rule for an event once more, when something is asked that the
// matcher did not have to evaluate. Few hits get that far.
type late struct {
	rest  *rest
	event *lateEvent

	evaluated bool // the actions were, with the condition
	actions   []rule.Action
	err       error
}

// Meets says why a condition was an error.
func (l *late) Meets(f *rule.Filter) (bool, error) {
	ev, err := event.Decode(l.event.raw)
	if err != nil {
		return false, fmt.Errorf("read event again: %w", err)
	}
	return l.rest.rule.Evaluate(rule.NewValues(&ev, l.event.at)).Meets(f)
}

// Having implements Rest.
func (l *late) Having(aggregates []any) (holds bool, err error) {
	err = l.evaluate(func(r *rest) bool { return !r.alone }, func(e *rule.Evaluation) error {
		holds, err = e.Having(aggregates)
		return err
	})
	return holds, err
}

// Actions implements Rest.
func (l *late) Actions(aggregates []any) (actions []rule.Action, err error) {
	if l.evaluated {
		return l.actions, l.err
	}
	err = l.evaluate(func(*rest) bool { return true }, func(e *rule.Evaluation) error {
		actions, err = e.Actions(aggregates)
		return err
	})
	return actions, err
}

// evaluate evaluates what is left of the rule, and reads the event again for what reads it.
func (l *late) evaluate(reads func(*rest) bool, do func(*rule.Evaluation) error) error {
	r := l.rest
	r.once.Do(r.bind)
	reader := r.readers.Get().(*restReader)
	defer r.readers.Put(reader)
	if reads(r) {
		if err := reader.view.Read(l.event.raw, reader.planFor); err != nil {
			return fmt.Errorf("read event again: %w", err)
		}
	}
	reader.frame.Event(&reader.view, l.event.at)
	return do(r.bound.Evaluate(&reader.evaluation, &reader.frame))
}
