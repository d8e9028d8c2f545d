package expression

import (
	"time"

	"github.com/makegood/makegood/remediator/event"
)

// Frame is what the closures of one rule see of one event. It is reused from
// event to event and serves one goroutine at a time.
type Frame struct {
	view       *event.View
	at         int64
	dated      bool // at was asked for
	lets       []Bound
	known      []letValue // of the lets, in their order
	round      uint64     // of the rule: what was known in another one is not known
	aggregates Slots

	// Of the program that runs.
	slots   []int32
	maxText int
}

// letValue is a let that was evaluated, by closures or by CEL.
type letValue struct {
	round    uint64 // in which the operand became known
	operand  operand
	celRound uint64
	cel      any
}

// Event turns the frame to an event that was read. at is the input's time in
// nanoseconds, used where the event has no time of its own.
func (f *Frame) Event(view *event.View, at int64) {
	f.view, f.at, f.dated, f.lets = view, at, false, nil
}

// Dated reports whether anything that was evaluated for the event asked for the
// input's time.
func (f *Frame) Dated() bool { return f.dated }

// Enter turns the frame to a rule: its lets, bound in their order. Lets that it
// is turned to already keep what is known of them; those of another rule, or
// event, are forgotten.
func (f *Frame) Enter(lets []Bound) {
	if len(lets) > 0 && len(f.lets) > 0 && &lets[0] == &f.lets[0] {
		return
	}
	f.lets, f.aggregates = lets, nil
	if cap(f.known) < len(lets) {
		f.known = make([]letValue, len(lets))
	}
	f.known = f.known[:len(lets)]
	f.round++
}

// Aggregate gives the frame the values of the rule's aggregates.
func (f *Frame) Aggregate(values Slots) { f.aggregates = values }

// Truth evaluates a condition. What it says of an error is only which kind it
// is; Error has the text.
func (b Bound) Truth(f *Frame) Truth {
	if b.program.truth != nil {
		f.slots, f.maxText = b.slots, b.program.maxText
		if t := b.program.truth(f); t != unsure {
			return t
		}
	}
	value, err := b.slow(f)
	switch holds, ok := value.(bool); {
	case IsAbsent(err):
		return AbsentError
	case err != nil || !ok:
		return OtherError
	default:
		return truthOf(holds)
	}
}

// Eval evaluates the program as Program.Eval does.
func (b Bound) Eval(f *Frame) (any, error) {
	if b.program.operand != nil {
		f.slots, f.maxText = b.slots, b.program.maxText
		if v := b.program.operand(f); v.kind < kindNested {
			return v.value(), nil
		}
	}
	return b.slow(f)
}

// Text evaluates the program to a text, which lies in the event or in the program and
// is good until the frame is turned to another event. It returns false where Eval may
// have something else to say.
func (b Bound) Text(f *Frame) ([]byte, bool) {
	if b.program.operand == nil {
		return nil, false
	}
	f.slots, f.maxText = b.slots, b.program.maxText
	v := b.program.operand(f)
	return v.text, v.kind == kindText
}

// slow has CEL evaluate the program over the places of the plan.
func (b Bound) slow(f *Frame) (any, error) {
	return b.program.Eval(&activation{frame: f, bound: b})
}

// let returns the value of a let, evaluated when it is first needed.
func (f *Frame) let(i int) operand {
	known := &f.known[i]
	if known.round == f.round {
		return known.operand
	}
	b := f.lets[i]
	value := unsaid
	if b.program.operand != nil {
		slots, maxText := f.slots, f.maxText
		f.slots, f.maxText = b.slots, b.program.maxText
		value = b.program.operand(f)
		f.slots, f.maxText = slots, maxText
	}
	known.round, known.operand = f.round, value
	return value
}

// field returns the value of a place that an expression names.
func (f *Frame) field(i int, of []read) operand {
	slot := int(f.slots[i])
	switch f.view.Kind(slot) {
	case event.Null:
		return operand{}
	case event.False:
		return boolOperand(false)
	case event.True:
		return boolOperand(true)
	case event.Number:
		n, ok := f.view.Number(slot)
		if !ok {
			return failed
		}
		return numberOperand(n)
	case event.Text:
		return f.text(f.view.Text(slot))
	case event.Object, event.Array:
		return operand{kind: kindNested}
	}
	fault, _ := f.missing(i, of)
	return operand{kind: fault}
}

// text makes an operand of a text. Long ones are left to CEL, whose limit on
// the cost of an evaluation they might pass.
func (f *Frame) text(text []byte) operand {
	if len(text) > f.maxText {
		return unsaid
	}
	return operand{kind: kindText, text: text}
}

// missing says what the selection of an absent field makes: it is absent where
// an object lacks it, and also below null, a boolean, a text or a number; below
// a list or a number that is out of range the selection is another error. depth
// is of the field at which the selection ended, 1 being just below data.
func (f *Frame) missing(i int, of []read) (fault kind, depth int) {
	for up := of[i].parent; up >= 0; up = of[up].parent {
		slot := int(f.slots[up])
		switch f.view.Kind(slot) {
		case event.Absent:
			continue
		case event.Array:
			return kindFailed, len(of[up].path)
		case event.Number:
			if _, ok := f.view.Number(slot); !ok {
				return kindFailed, len(of[up].path)
			}
		}
		return kindAbsent, len(of[up].path)
	}
	return kindAbsent, 1
}

// time returns the event's time, or the log's when the event has none or the
// log's is asked for.
func (f *Frame) time(recorded bool) operand {
	if own := f.view.Time(); own != 0 && !recorded {
		return timeOperand(time.Unix(0, own))
	}
	f.dated = true
	return timeOperand(time.Unix(0, f.at))
}
