package decide

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
	d := &doubts{Keys: map[uint64]int64{}}
	for key := range keys {
		d.add(uint64(key), at)
	}
	return d.of(uint64(keys))
}
