package decide

import "github.com/fxamacker/cbor/v2"

// BoundWindows lowers the bounds of the windows of a rule.
func (f *Fold) BoundWindows(keys, bytes int) { f.maxWindows, f.maxWindowBytes = keys, bytes }

// BoundEvents lowers the bound of the events that are remembered.
func (f *Fold) BoundEvents(room int) { f.events.room = room }

// BoundWaiting lowers the bounds of what a rule with unless knows.
func (f *Fold) BoundWaiting(openings, pasts int) { f.maxOpenings, f.maxPasts = openings, pasts }

// MaxDoubts bounds the windows of a rule that are doubted one by one.
const MaxDoubts = maxDoubts

// Doubted doubts the windows of so many keys up to a time, and returns up to when another
// one's is doubted.
func Doubted(keys int, at int64) int64 {
	d := &doubts{}
	for key := range keys {
		d.add(uint64(key), at)
	}
	return d.of(uint64(keys))
}

// DoubtedAfterRestore doubts more windows than are remembered, forgets them one by one, and
// takes what is left through an encoding before it doubts another one.
func DoubtedAfterRestore(at int64) (int64, error) {
	d := &doubts{}
	for key := range maxDoubts + 1 {
		d.add(uint64(key), at-int64(key/maxDoubts))
	}
	d.prune(at - 1)
	encoded, err := cbor.Marshal(d)
	if err != nil {
		return 0, err
	}
	var back doubts
	if err := cbor.Unmarshal(encoded, &back); err != nil {
		return 0, err
	}
	back.add(7, at+1)
	return back.of(8), nil
}
