package decide

import (
	"maps"

	"github.com/makegood/makegood/remediator/rule"
)

// doubts are windows of a rule: each up to what time of events.
type doubts struct {
	Keys map[uint64]int64 `cbor:"1,keyasint,omitempty"`
	All  int64            `cbor:"2,keyasint,omitempty"` // of every key, when there were more than maxDoubts
}

// maxDoubts bounds the windows of a rule that are doubted one by one.
const maxDoubts = 1 << 16

// mayBeRepeat reports whether an event may have come before, since events of when it would
// have come are forgotten. One of a time to come counts as of now, and so as of another time
// each time that it comes; the last time may be after its own, when it is no more to come.
// What the window still counts of it came within the window's length.
func (f *Fold) mayBeRepeat(c *candidate, key uint64) bool {
	came, within := c.eventAt, int64(c.hit.Rule.Window.Within)
	isAhead := c.event.Time > c.eventAt
	if isAhead || c.eventAt <= f.state.Ahead[windowsName(c.hit.Rule)].of(key) {
		came -= within
	}
	if isAhead { // what it is counted as of now has left the window after its length, however far ahead it is
		noteDoubt(f.state.Ahead, c.hit.Rule, key, min(c.event.Time, c.eventAt+within))
	}
	return f.events.through != 0 && came <= f.events.through+maxSkew
}

// noteDoubt notes a time of events of which the window of a key is doubted.
func noteDoubt(of map[string]*doubts, r *rule.Rule, key uint64, at int64) {
	name := windowsName(r)
	d := of[name]
	if d == nil {
		d = &doubts{}
		of[name] = d
	}
	d.add(key, at)
}

func (d *doubts) add(key uint64, at int64) {
	if d.Keys == nil { // an encoding leaves out what is empty
		d.Keys = map[uint64]int64{}
	}
	if _, known := d.Keys[key]; !known && len(d.Keys) >= maxDoubts {
		for _, through := range d.Keys {
			d.All = max(d.All, through)
		}
		clear(d.Keys)
	}
	d.Keys[key] = max(d.Keys[key], at)
}

// of returns up to what time of events the window of a key may count one twice.
func (d *doubts) of(key uint64) int64 {
	if d == nil {
		return 0
	}
	return max(d.All, d.Keys[key])
}

// prune drops what is doubted up to a time, and reports whether nothing is left.
func (d *doubts) prune(over int64) (empty bool) {
	maps.DeleteFunc(d.Keys, func(_ uint64, through int64) bool { return through <= over })
	if d.All <= over {
		d.All = 0
	}
	return len(d.Keys) == 0 && d.All == 0
}
