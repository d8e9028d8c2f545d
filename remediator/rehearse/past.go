package rehearse

import (
	"io"
	"iter"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Past is what rules are rehearsed over: a period of a log, or events of a file.
type Past struct {
	// Inputs come in the order of the log. Of them only events count: what people
	// said, what became of actions, and which rules were in force then is left out.
	Inputs iter.Seq2[input.Input, error]
	// File, instead of Inputs, has events as JSON Lines, plain or gzipped; their own time
	// is the clock. What is no event is left out and counted, empty lines are not.
	File io.Reader
	// Since and Until bound the period in log time, in nanoseconds since the Unix
	// epoch; 0 is no bound. What lies at Until is no longer of it.
	Since, Until int64
	// End is the first moment to which a log has not come, 0 of a file: what is due before
	// it fires, though no event comes after it. Until is not beyond it.
	End int64
	// Lateness is how late an event may enter a window, as the log has it. Defaults to
	// decide.Lateness, as files have it.
	Lateness *time.Duration
}

// lateness returns how late an event may enter a window.
func (p Past) lateness() time.Duration {
	if p.Lateness == nil {
		return decide.Lateness
	}
	return *p.Lateness
}

// warming is how long before a period its events are needed: as long as the longest
// window of the rules and as late as an event may come to it, or as long as an event
// waits, as late as it is judged, and as much earlier as its counterpart may be. Its own
// time says where an event lies, and it may come sooner than that by a clock ahead. A
// rule that needs less is told of less: see warm.
func (p Past) warming(sets ...*rule.Set) time.Duration {
	longest := time.Duration(0)
	for _, set := range sets {
		for _, r := range set.Rules {
			longest = max(longest, p.warmingOf(r))
		}
	}
	return longest
}

// warmingOf is warming for one rule; nil needs nothing.
func (p Past) warmingOf(r *rule.Rule) time.Duration {
	switch {
	case r == nil:
		return 0
	case r.Unless != nil && r.Unless.Until != nil:
		return rule.MaxWait + 2*p.lateness() + decide.Skew
	case r.Unless != nil:
		return r.Unless.Within + 2*p.lateness() + decide.Skew
	case r.Window != nil:
		return r.Window.Within + p.lateness() + decide.Skew
	}
	return 0
}

// read yields the events of a log in the period, and in the time before it in which
// windows warm up, each with its log time. first is set to the log time of the first input
// of the log, whether it is needed or not; whole says whether nothing of the log is gone:
// it still has its genesis.
func (p Past) read(warming time.Duration, first *int64, whole *bool) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		at := int64(0)
		for in, err := range p.Inputs {
			if err != nil {
				yield(in, err)
				return
			}
			if at = max(at, in.At); *first == 0 {
				*first = at
			}
			switch {
			case in.Kind == input.Genesis:
				*whole = true
				continue
			case in.Kind != input.Event:
				continue
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
