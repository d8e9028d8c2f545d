package decide

import (
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/makegood/makegood/remediator/rule"
)

const (
	// maxOpenings bounds the events of one rule that wait for a counterpart. Over it
	// a further one does not wait, so nothing will be paid for it; it is counted as
	// an error of the rule.
	maxOpenings = 1 << 20
	// maxPasts bounds the keys of one rule of which it is remembered what came. Over
	// it a counterpart is forgotten at once, and events that it may have been the
	// counterpart of do not wait.
	maxPasts = 1 << 22
	// maxCame bounds the counterparts, and what waited, that are remembered of one
	// key. The oldest go first; events that need one of them do not wait.
	maxCame = 64
)

// key is the keyed hash of what an event and its counterpart have in common.
type key = cbor.ByteString

// waiting is what a rule with unless knows of events and counterparts.
type waiting struct {
	Digest string               `cbor:"1,keyasint"` // of the rule's unless
	Open   table[key, *opening] `cbor:"2,keyasint"` // events that wait
	Past   table[key, *past]    `cbor:"3,keyasint"` // what came, and when nothing waited
	// Blind is the time of the newest counterpart that was forgotten for want of
	// room. What it may have been the counterpart of does not wait.
	Blind int64 `cbor:"4,keyasint"`

	room int // for keys in Past
}

// opening is an event that waits for its counterpart, with all that its remedy
// needs: ids, and the steps as they were expanded, for the event is not kept.
type opening struct {
	At       int64  `cbor:"1,keyasint"` // the event's time
	Deadline int64  `cbor:"2,keyasint"` // up to which the counterpart comes in time
	Due      int64  `cbor:"3,keyasint"` // log time at which the rule fires
	Ordinal  uint64 `cbor:"4,keyasint"` // of the event's input

	Source   string `cbor:"5,keyasint"`
	Event    string `cbor:"6,keyasint"` // its id
	Subject  string `cbor:"7,keyasint"`
	Customer string `cbor:"8,keyasint"`

	Key     string        `cbor:"9,keyasint"`  // of once_per
	Actions []rule.Action `cbor:"10,keyasint"` // nil when they could not be computed
	Digest  string        `cbor:"11,keyasint"` // of the rule's text
	Promise string        `cbor:"12,keyasint"` // digest of the part of it that Key and Actions come from
}

// past is what is remembered of one key.
type past struct {
	Came []int64 `cbor:"1,keyasint,omitempty"` // times of counterparts, ascending
	// Both are the times of counterparts that are events of the rule as well, like a
	// heartbeat: they end what was open before them and nothing else.
	Both  []int64 `cbor:"2,keyasint,omitempty"`
	Ended []span  `cbor:"3,keyasint,omitempty"` // what waited, in the order in which it ended
	// The newest of each that were dropped over maxCame.
	LostCame  int64 `cbor:"4,keyasint,omitempty"`
	LostBoth  int64 `cbor:"5,keyasint,omitempty"`
	LostEnded int64 `cbor:"6,keyasint,omitempty"`
}

// span is the time in which an event waited. One in between that arrives later
// would not have waited either.
type span struct {
	From     int64 `cbor:"1,keyasint"`
	To       int64 `cbor:"2,keyasint"`           // when it ended, exclusive
	Deadline int64 `cbor:"3,keyasint,omitempty"` // of the event; 0 when the rule fired
}

func newWaiting(digest string) *waiting {
	return &waiting{Digest: digest, Open: table[key, *opening]{}, Past: table[key, *past]{}}
}

// past returns what is remembered of a key, made when it is new. When there is no
// room it returns nil and remembers that something at a time is forgotten.
func (w *waiting) past(name key, at int64) *past {
	p := w.Past[name]
	if p == nil {
		if len(w.Past) >= w.room {
			w.Blind = max(w.Blind, at)
			return nil
		}
		p = &past{}
		w.Past[name] = p
	}
	return p
}

// came takes a counterpart: it ends the event that waits for it, if one does, and
// is remembered for those that arrive later. both says that it is an event of the
// rule as well. It returns the one that it ended, nil when there is none.
func (w *waiting) came(name key, at, now, lateness int64, both bool) *opening {
	if p := w.past(name, at); p != nil {
		p.prune(now, lateness)
		p.add(at, both)
		for i := range p.Ended {
			if e := &p.Ended[i]; at < e.To && counts(e.From, e.Deadline, at, lateness, both) {
				e.To = at // it ended sooner than was known
			}
		}
	}
	o := w.Open[name]
	if o == nil || !counts(o.At, o.Deadline, at, lateness, both) {
		return nil
	}
	delete(w.Open, name)
	w.ended(name, span{o.At, at, o.Deadline})
	return o
}

// counts reports whether a counterpart is one of the event at a time.
func counts(event, deadline, counterpart, lateness int64, both bool) bool {
	if both {
		return counterpart > event && counterpart <= deadline
	}
	return counterpart >= event-lateness && counterpart <= deadline
}

// ended remembers what waited.
func (w *waiting) ended(name key, e span) {
	if e.To <= e.From {
		return
	}
	if p := w.past(name, e.To); p != nil {
		p.Ended = append(p.Ended, e)
		if len(p.Ended) > maxCame {
			p.LostEnded = max(p.LostEnded, p.Ended[0].To)
			p.Ended = slices.Delete(p.Ended, 0, 1)
		}
	}
}

// settled reports whether an event need not wait: its counterpart has come, or it
// belongs to what waited before. came is the time of a counterpart of its own, 0 when
// there is none. unsure says that what settles it may have been forgotten.
func (w *waiting) settled(name key, at, deadline, lateness int64) (settled bool, came int64, unsure bool) {
	unsure = w.Blind != 0 && w.Blind >= at-lateness
	p := w.Past[name]
	if p == nil {
		return false, 0, unsure
	}
	unsure = unsure || p.LostCame != 0 && p.LostCame >= at-lateness || p.LostBoth > at || p.LostEnded > at
	if slices.ContainsFunc(p.Ended, func(e span) bool { return at >= e.From && at < e.To }) {
		return true, 0, unsure
	}
	first, found := p.first(at, deadline, lateness)
	if !found {
		return false, 0, unsure
	}
	w.ended(name, span{at, first, deadline})
	if o := w.Open[name]; o != nil && o.At > at && o.At < first {
		delete(w.Open, name) // it came while this one waited
	}
	return true, first, unsure
}

// first returns the earliest counterpart of an event.
func (p *past) first(at, deadline, lateness int64) (first int64, found bool) {
	for _, both := range []bool{false, true} {
		times := p.Came
		if both {
			times = p.Both
		}
		i := slices.IndexFunc(times, func(t int64) bool { return counts(at, deadline, t, lateness, both) })
		if i >= 0 && (!found || times[i] < first) {
			first, found = times[i], true
		}
	}
	return first, found
}

func (p *past) add(at int64, both bool) {
	times, lost := &p.Came, &p.LostCame
	if both {
		times, lost = &p.Both, &p.LostBoth
	}
	i, known := slices.BinarySearch(*times, at)
	if known {
		return
	}
	*times = slices.Insert(*times, i, at)
	if len(*times) > maxCame {
		*lost = max(*lost, (*times)[0])
		*times = slices.Delete(*times, 0, 1)
	}
}

// prune forgets what no event can need that is not late, when log time is now.
// It reports whether nothing is left.
func (p *past) prune(now, lateness int64) bool {
	oldest := now - 2*lateness
	for _, times := range []*[]int64{&p.Came, &p.Both} {
		n := 0
		for n < len(*times) && (*times)[n] < oldest {
			n++
		}
		*times = slices.Delete(*times, 0, n)
	}
	p.Ended = slices.DeleteFunc(p.Ended, func(e span) bool { return e.To < now-lateness })
	for _, lost := range []*int64{&p.LostCame, &p.LostBoth, &p.LostEnded} {
		if *lost < oldest {
			*lost = 0
		}
	}
	return len(p.Came)+len(p.Both)+len(p.Ended) == 0 && p.LostCame == 0 && p.LostBoth == 0 && p.LostEnded == 0
}
