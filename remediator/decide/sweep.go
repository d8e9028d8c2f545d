package decide

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/window"
)

// evictOldest drops a sixteenth of the windows of a rule, those whose newest entry is
// oldest, by key where they are equal. It returns how many.
func evictOldest(keys map[string]*window.Window) uint64 {
	names := slices.SortedFunc(maps.Keys(keys), func(a, b string) int {
		return cmp.Or(cmp.Compare(keys[a].Newest(), keys[b].Newest()), strings.Compare(a, b))
	})
	n := max(len(names)/16, 1)
	for _, name := range names[:n] {
		delete(keys, name)
	}
	return uint64(n)
}

// sweep drops windows, counterparts and usages that no longer count, and a list
// that was never ended, so that the state does
// not grow with every key that was ever seen.
func (f *Fold) sweep() {
	if l := f.state.Listed; l != nil && l.At+listMemory < f.at {
		f.state.Listed = nil
	}
	for name, keys := range f.state.Windows {
		r := f.rules[name]
		for key, w := range keys {
			if r == nil || r.Window == nil || !strings.HasPrefix(key, r.Window.Digest[:min(16, len(r.Window.Digest))]+":") {
				delete(keys, key)
				continue
			}
			w.Prune(f.at-f.state.Lateness-int64(r.Window.Within), int64(r.Window.Within))
			if w.Empty() {
				delete(keys, key)
			}
		}
		if len(keys) == 0 {
			delete(f.state.Windows, name)
		}
	}
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
	for name, u := range f.state.Usage {
		empty := u.Remedies.Prune(f.at, u.Within)
		for currency, m := range u.Amounts {
			if m.Prune(f.at, u.Within) {
				delete(u.Amounts, currency)
			}
		}
		if empty && len(u.Amounts) == 0 {
			delete(f.state.Usage, name)
		}
	}
}
