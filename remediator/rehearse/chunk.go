package rehearse

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// chunkEvents is how many events of a log are matched, and then folded, at once: few
// enough for a core to have them all near it. Of a file there are as many as a block has.
const chunkEvents = 256

// chunk is some events of a past with what rule sets say of each.
type chunk struct {
	events []input.Input
	lines  []int             // of the events, when they are of a file
	block  []byte            // of the file, in which they lie
	judged [][]decide.Judged // by rule set, each with one for each event
	err    error             // ended the reading; there are no events then
}

// reset makes room for events.
func (c *chunk) reset() {
	c.events, c.lines, c.err = slices.Grow(c.events[:0], chunkEvents), c.lines[:0], nil
}

// match asks each of the matchers about each event. Events of a file are matched
// for no time: which it is, is known when those before were read.
func (c *chunk) match(matchers []match.Matcher) {
	if c.judged == nil {
		c.judged = make([][]decide.Judged, len(matchers))
	}
	for i, m := range matchers {
		all := slices.Grow(c.judged[i][:0], len(c.events))[:len(c.events)]
		for n := range c.events {
			in, j := &c.events[n], &all[n]
			if j.Err = c.tooLarge(in.Body); j.Err == nil {
				j.Result, j.Err = m.Match(in.Body, in.At)
			}
		}
		c.judged[i] = all
	}
}

// tooLarge refuses an event of a file that no door would let in.
func (c *chunk) tooLarge(raw []byte) error {
	if len(c.lines) == 0 || len(raw) <= event.MaxBytes {
		return nil
	}
	_, err := event.Check(raw, event.MaxBytes)
	return err
}

// warm leaves of what was said of an event before the period only what is about rules
// that need it: what a rule comes to does not depend on how far back another looks.
func (c *chunk) warm(past Past) {
	for i := range c.events {
		at := c.events[i].At
		if at >= past.Since {
			return // they come in order
		}
		cold := func(r *rule.Rule) bool { return at < past.Since-int64(past.warmingOf(r)) }
		for _, judged := range c.judged {
			said := &judged[i].Result
			said.Hits = slices.DeleteFunc(said.Hits, func(h match.Hit) bool { return cold(h.Rule) })
			said.Ends = slices.DeleteFunc(said.Ends, func(e match.End) bool { return cold(e.Rule) })
			said.Errors = slices.DeleteFunc(said.Errors, func(e match.Error) bool { return cold(e.Rule) })
		}
	}
}

// keep moves an event, and what was said of it, to a place before it.
func (c *chunk) keep(at, from int) {
	if at == from {
		return
	}
	c.events[at] = c.events[from]
	for _, judged := range c.judged {
		judged[at] = judged[from]
	}
}

// cut leaves the first events.
func (c *chunk) cut(count int) {
	c.events = c.events[:count]
	for i := range c.judged {
		c.judged[i] = c.judged[i][:count]
	}
}

// reading is how far a past has been read.
type reading struct {
	past     Past
	matchers []match.Matcher
	warming  time.Duration

	at         int64 // log time
	first      int64 // log time at which a log or a file begins, whether that is needed or not
	whole      bool  // a log has all that it ever had
	events     int   // read
	rejected   int
	rejections []Rejection
	over       bool // the period is

	latest   int       // the line of the event whose time the clock shows
	disorder *Disorder // nil while the events of a file come in the order of time
}

// chunks yields what is to be folded, matched by every matcher. After an error
// nothing follows.
func (r *reading) chunks(workers int) iter.Seq2[*chunk, error] {
	read, file := r.read, r.past.File != nil
	if file {
		read = r.readFile
	}
	return func(yield func(*chunk, error) bool) {
		for c := range ahead(workers, read, func(c *chunk) { c.match(r.matchers) }) {
			if c.err == nil && file {
				r.admit(c)
			}
			c.warm(r.past)
			if !yield(c, c.err) || r.over {
				return
			}
		}
	}
}

// cold reports whether the past lost events of its period, or of the time before it in
// which windows warm up. Of a file it is not known what was before it, which matters to
// windows alone.
func (r *reading) cold() bool {
	return !r.whole && r.first > r.past.Since-int64(r.warming) && (r.past.File == nil || r.warming > 0)
}

// read makes chunks of the events of a log.
func (r *reading) read(fresh func() *chunk, yield func(*chunk) bool) {
	c := fresh()
	c.reset()
	for in, err := range r.past.read(r.warming, &r.first, &r.whole) {
		if err != nil {
			yield(&chunk{err: err})
			return
		}
		if c.events = append(c.events, in); len(c.events) < chunkEvents {
			continue
		}
		if !yield(c) {
			return
		}
		c = fresh()
		c.reset()
	}
	yield(c)
}

// readFile makes chunks of the events of a file, each of a block of it.
func (r *reading) readFile(fresh func() *chunk, yield func(*chunk) bool) {
	in, err := newLineReader(r.past.File)
	for err == nil {
		c := fresh()
		c.reset()
		c.block = slices.Grow(c.block[:0], blockBytes)[:blockBytes]
		err = in.fill(c.block, func(raw []byte, number int) {
			c.events = append(c.events, input.Input{Kind: input.Event, Body: raw})
			c.lines = append(c.lines, number)
		})
		if (err == nil || errors.Is(err, io.EOF)) && !yield(c) {
			return
		}
	}
	if !errors.Is(err, io.EOF) {
		yield(&chunk{err: err})
	}
}

// errUndated refuses an event of which nothing says when it happened.
var errUndated = errors.New("it has no time, and no event before it has one that it could take: give it one")

// errBefore1970 refuses an event that happened before the clock begins: to no rule would it
// be of its time.
var errBefore1970 = errors.New("it happened before 1970, from which times are counted: mend its time")

// admit gives the events of a file, whose own time is the clock, their log times. It
// takes out what is no event, and what is not needed for the period.
func (r *reading) admit(c *chunk) {
	kept := 0
	for i := range c.events {
		r.events++
		own, err := c.judged[0][i].Result.Time, c.judged[0][i].Err
		switch {
		case err != nil || r.at > 0 || own > 0: // there is a clock, or it begins
		case own == 0:
			err = errUndated
		default:
			err = errBefore1970
		}
		if err != nil {
			r.reject(c.lines[i], err)
			continue
		}
		r.clock(own, c.lines[i])
		if r.events-r.rejected == 1 {
			r.first = r.at
		}
		if r.over = r.past.Until != 0 && r.at >= r.past.Until; r.over {
			break
		}
		if r.past.Since != 0 && r.at < r.past.Since-int64(r.warming) {
			continue
		}
		c.keep(kept, i)
		c.events[kept].At = r.at
		r.stamp(c, kept)
		kept++
	}
	c.cut(kept)
}

// clock goes on to the time of an event, if that is later, and counts it if it is earlier
// by more than the lateness; 0 is an event without a time.
func (r *reading) clock(at int64, line int) {
	switch {
	case at >= r.at:
		r.at, r.latest = at, line
	case at == 0 || at >= r.at-int64(r.past.lateness()):
	case r.disorder == nil:
		r.disorder = &Disorder{Events: 1, Line: line, Behind: r.latest, At: stampOr(r.at)}
	default:
		r.disorder.Events++
	}
}

// order refuses a file of which hardly anything came in time, as one that is sorted
// the other way round: what rules would do with it says nothing about what they will do.
func (r *reading) order() error {
	d := r.disorder
	if d == nil || 10*d.Events <= 9*(r.events-r.rejected) {
		return nil
	}
	return fmt.Errorf("read events in the order of time: of %d, %d happened more than %v before one above them, first on line %d behind line %d, which is of %s: "+
		"sort them (jq -c -s 'sort_by(.time)[]'), or mend that time", r.events-r.rejected, d.Events, r.past.lateness(), d.Line, d.Behind, d.At)
}

// stamp makes what was said of an event what it is at log time.
func (r *reading) stamp(c *chunk, at int) {
	for i, m := range r.matchers {
		if j := &c.judged[i][at]; !j.Result.Restamp(r.at) {
			j.Result, j.Err = m.Match(c.events[at].Body, r.at)
		}
	}
}

func (r *reading) reject(line int, err error) {
	if r.rejected++; len(r.rejections) < maxRejections {
		r.rejections = append(r.rejections, Rejection{Event: r.events, Line: line, Reason: err.Error()})
	}
}
