package rehearse

import (
	"iter"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Past is what rules are rehearsed over: a period of a log, or events of a file.
type Past struct {
	// Inputs come in the order of the log. Of them only events count: what people
	// said, what became of actions, and which rules were in force then is left out.
	Inputs iter.Seq2[input.Input, error]
	// Since and Until bound the period in log time, in nanoseconds since the Unix
	// epoch; 0 is no bound. What lies at Until is no longer of it.
	Since, Until int64
}

// Warming is how long before a period its events are needed: as long as the
// longest window of the rules, or as an event waits for its counterpart, and as late
// as an event may come to it.
func Warming(sets ...*rule.Set) time.Duration {
	longest := time.Duration(0)
	for _, set := range sets {
		for _, r := range set.Rules {
			if r.Window != nil {
				longest = max(longest, r.Window.Within+latenessS*time.Second)
			}
			if r.Unless != nil && r.Unless.Until != nil {
				longest = max(longest, rule.MaxWait)
			} else if r.Unless != nil {
				longest = max(longest, r.Unless.Within+latenessS*time.Second)
			}
		}
	}
	return longest
}

// events yields the events of the period, and of the time before it in which windows
// warm up, each with its log time. first is set to the log time of the first event
// of the log, whether it is needed or not.
func (p Past) events(warming time.Duration, first *int64) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		at := int64(0)
		for in, err := range p.Inputs {
			if err != nil {
				yield(in, err)
				return
			}
			at = max(at, in.At)
			switch {
			case in.Kind != input.Event:
				continue
			case *first == 0:
				*first = at
			}
			if p.Until != 0 && at >= p.Until {
				return
			}
			if p.Since != 0 && at < p.Since-int64(warming) {
				continue
			}
			if in.At = at; !yield(in, nil) {
				return
			}
		}
	}
}

// has reports whether a log time lies in the period.
func (p Past) has(at int64) bool {
	return at >= p.Since && (p.Until == 0 || at < p.Until)
}

// Rejected counts what is no event.
type Rejected struct {
	Count int
	First []Rejection // at most maxRejections
}

// EventInputs makes inputs of events whose own time is the clock. What is no event
// is left out and told to rejected. line is the line of the file on which the event
// stands.
func EventInputs(events iter.Seq2[[]byte, error], line *int, rejected *Rejected) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		n := 0
		for raw, err := range events {
			if err != nil {
				yield(input.Input{}, err)
				return
			}
			n++
			head, err := event.Check(raw, event.MaxBytes)
			if err != nil {
				if rejected.Count++; len(rejected.First) < maxRejections {
					rejected.First = append(rejected.First, Rejection{Event: n, Line: *line, Reason: err.Error()})
				}
				continue
			}
			if !yield(eventInput(raw, head.Time), nil) {
				return
			}
		}
	}
}
