package decide

// sweep drops windows, counterparts and usages that no longer count, and a list
// that was never ended, so that the state does not grow with every key that was
// ever seen. What does not count changes no decision, so a rehearsal, of which
// nobody seals the state, looks at the usages when there are twice as many only.
// What is missing of a client, and was waited for in vain for long, is sealed.
func (f *Fold) sweep() error {
	if l := f.state.Listed; l != nil && l.At+listMemory < f.at {
		f.state.Listed = nil
	}
	f.sweepWindows()
	for name, w := range f.state.Waiting {
		for key, p := range w.Past {
			if p.prune(f.at, f.state.Lateness) {
				delete(w.Past, key)
			}
		}
		if len(w.Open) == 0 && len(w.Past) == 0 && w.Blind < f.at-2*f.state.Lateness {
			delete(f.state.Waiting, name)
		}
	}
	f.sweepUsages()
	f.sweepCOEs()
	return f.addGaps(f.at, f.missing.Sweep(f.at))
}

// sweepUsages drops the usages that count nothing any more.
func (f *Fold) sweepUsages() {
	if f.cfg.Rehearsal && len(f.state.Usage) < f.manyUsages {
		return
	}
	for name, u := range f.state.Usage {
		empty := u.Remedies.Prune(f.at, u.Within)
		u.Amounts.prune(f.at, u.Within)
		if empty && len(u.Amounts) == 0 {
			delete(f.state.Usage, name)
		}
	}
	f.manyUsages = 2*len(f.state.Usage) + 1024
}
