package decide

// BoundWindows lowers the bounds of the windows of a rule.
func (f *Fold) BoundWindows(keys, bytes int) { f.maxWindows, f.maxWindowBytes = keys, bytes }

// BoundEvents lowers the bound of the events that are remembered.
func (f *Fold) BoundEvents(room int) { f.events.room = room }

// BoundWaiting lowers the bounds of what a rule with unless knows.
func (f *Fold) BoundWaiting(openings, pasts int) { f.maxOpenings, f.maxPasts = openings, pasts }
