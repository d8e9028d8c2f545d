package decide

// BoundWindows lowers the bounds of the windows of a rule.
func (f *Fold) BoundWindows(keys, bytes int) { f.maxWindows, f.maxWindowBytes = keys, bytes }
