package decide

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/window"
)

const (
	// maxWindows bounds the keys of one rule: at two entries each they take half a
	// gigabyte of memory.
	maxWindows = 1 << 24
	// maxWindowBytes bounds what the windows of one rule hold, for keys of many
	// entries.
	maxWindowBytes = 1 << 30
)

// windowsOf returns the windows of a rule, made when they are new.
func (f *Fold) windowsOf(r *rule.Rule) *window.Table {
	name := windowsName(r)
	t := f.windows[name]
	if t == nil {
		columns := make([]window.Column, len(r.Aggregates))
		for i, a := range r.Aggregates {
			columns[i] = window.Column{Func: a.Func, All: a.Func == "count" && a.If == nil}
		}
		t = window.NewTable(int64(r.Window.Within), columns)
		f.windows[name] = t
	}
	return t
}

// windowsName names windows by the digest of what decides their contents and by
// their rule: an edit of the window starts anew, an edit of the rest goes on.
func windowsName(r *rule.Rule) string {
	return r.Window.Digest[:min(len(r.Window.Digest), 16)] + ":" + r.Name
}

// feed adds what the event of a candidate contributes to the window of its key.
// When the windows of a rule come to a bound, those fed least recently among the
// keys around the new one go, and are counted, as parts are that a single window has too
// many of.
func (f *Fold) feed(t *window.Table, key uint64, c *candidate) {
	r := c.hit.Rule
	lost := f.state.Lost[r.Name]
	if t.Bytes() >= f.maxWindowBytes || t.Len() >= f.maxWindows && !t.Has(key) {
		windows, through := t.Evict(key)
		lost.Windows += uint64(windows)
		f.forgot(r, through)
	}
	if f.mayBeRepeat(c, key) {
		noteDoubt(f.state.Repeated, r, key, c.eventAt)
	}
	before := t.Lost()
	t.Add(key, f.entry(c), f.at-f.state.Lateness-int64(r.Window.Within))
	if parts := t.Lost() - before; parts > 0 {
		lost.Parts += parts
		f.forgot(r, t.LostThrough())
	}
	if lost != f.state.Lost[r.Name] {
		f.state.Lost[r.Name] = lost
	}
}

// forgot notes that windows of a rule lack events of a time and before.
func (f *Fold) forgot(r *rule.Rule, through int64) {
	name := windowsName(r)
	f.state.Forgotten[name] = max(f.state.Forgotten[name], through)
}

// changeWindows begins the windows that are new with the rules in force from now on, in
// place of those before: they are empty, also where the rule had them not long ago, for what
// was known of repeats may be gone since; and they lack the events that came until now.
func (f *Fold) changeWindows(before map[string]*rule.Rule) {
	if f.state.Silent {
		return // none came
	}
	for name, r := range f.rules {
		if r.Window == nil {
			continue
		}
		if old := before[name]; old == nil || old.Window == nil || old.Window.Digest != r.Window.Digest {
			delete(f.windows, windowsName(r))
			delete(f.state.Repeated, windowsName(r))
			delete(f.state.Ahead, windowsName(r))
			f.forgot(r, f.at+maxSkew)
		}
	}
}

// sure reports whether having, which holds for the aggregates at the least, holds
// whatever lies at the edges of the window or went from it before its time. What went, or
// may be counted twice, must not change an amount either, or who gets it.
func (f *Fold) sure(c *candidate, w *window.Table, key uint64) bool {
	r := c.hit.Rule
	after := c.eventAt - int64(r.Window.Within)
	forgotten, repeated := f.state.Forgotten[windowsName(r)] > after, f.state.Repeated[windowsName(r)].of(key) > after
	if !forgotten && !repeated && !w.Coarse(key) {
		return true
	}
	least, most := c.aggregates, aggregated(r, w.Sums(key, c.eventAt, window.Most))
	for i := range least {
		if forgotten {
			least[i], most[i] = unbounded(r.Aggregates[i].Func, least[i], most[i])
		}
		if repeated {
			least[i], most[i] = once(r.Aggregates[i].Func, least[i], most[i])
		}
	}
	differs := func(i int) bool { return least[i] != most[i] }
	if (forgotten || repeated) && slices.ContainsFunc(r.MoneyCalls, differs) {
		return false
	}
	// What is sealed and told is neither bound, but what is in between.
	c.aggregates = aggregated(r, w.Sums(key, c.eventAt, window.Near))
	return c.certain(least, most)
}

// unbounded are the bounds of an aggregate of a window that others may have gone
// from: whatever these were, they are what it could be.
func unbounded(function string, least, most any) (any, any) {
	low, high := any(math.Inf(-1)), any(math.Inf(1))
	switch v := least.(type) {
	case error:
		return least, most
	case money.Money:
		low, high = money.Money{Minor: math.MinInt64, Currency: v.Currency}, money.Money{Minor: math.MaxInt64, Currency: v.Currency}
	}
	switch function {
	case "count", "distinct", "max":
		return least, high
	case "min":
		return low, least
	case "share":
		return 0.0, 1.0
	}
	return low, high
}

// once are the bounds of an aggregate of a window that may count events twice. It is the
// same to distinct, min and max.
func once(function string, least, most any) (any, any) {
	switch function {
	case "count":
		return 0.0, most
	case "share", "sum", "avg":
		return unbounded(function, least, most)
	}
	return least, most
}

// leavesOut reports whether an aggregate of having has no value only because the window
// leaves the event itself out, with what lies around it: what it has without is no error.
func (f *Fold) leavesOut(c *candidate) bool {
	adds := f.entry(c).Values
	for i, value := range c.aggregates[:c.hit.Rule.HavingCalls] {
		if value == window.ErrEmpty && (adds[i].Counted || adds[i].Total) {
			return true
		}
	}
	return false
}

// certain reports whether having holds for each mix of what the aggregates are at
// the least and at the most, as two may move apart: of at most rule.MaxHavingCalls. It must
// be of a form that says something of what lies between.
func (c *candidate) certain(least, most []any) bool {
	var rounded []int
	for i := range c.hit.Rule.HavingCalls {
		if least[i] != most[i] {
			rounded = append(rounded, i)
		}
	}
	under := func(i int) bool { return least[i] != most[i] && (!isPositive(least[i]) || !isPositive(most[i])) }
	if len(rounded) > 0 && (!c.hit.Rule.HavingBetween || slices.ContainsFunc(c.hit.Rule.HavingDivisors, under)) {
		return false
	}
	for mix := range 1 << len(rounded) {
		values := slices.Clone(least)
		for bit, i := range rounded {
			if mix>>bit&1 == 1 {
				values[i] = most[i]
			}
		}
		// What is an error at a bound, as int() of what nothing bounds, may be none between.
		if holds, err := c.hit.Rest.Having(values); !holds || err != nil {
			return false
		}
	}
	return true
}

func isPositive(aggregate any) bool {
	switch n := aggregate.(type) {
	case float64:
		return n > 0
	case money.Money:
		return n.Minor > 0
	}
	return false
}

// aggregated gives the aggregates of a rule their values.
func aggregated(r *rule.Rule, sums []window.Sum) []any {
	values := make([]any, len(sums))
	for i, s := range sums {
		values[i] = s.Of(r.Aggregates[i].Func)
	}
	return values
}

// entry turns the arguments of the aggregates into what the window keeps of them.
func (f *Fold) entry(c *candidate) window.Entry {
	e := window.Entry{At: c.eventAt, Values: make([]window.Value, len(c.hit.Args))}
	for i, arg := range c.hit.Args {
		v := window.Value{Counted: arg.Counted && arg.Pass}
		switch c.hit.Rule.Aggregates[i].Func {
		case "count":
			v.Counted = arg.Pass
		case "share":
			v.Counted, v.Total = arg.Pass, true
		case "distinct":
			v.Hash = f.hash.short(arg.Text)
		default:
			v.Num, v.Minor, v.Currency = arg.Num, arg.Money.Minor, arg.Money.Currency
		}
		if !v.Counted {
			v = window.Value{Total: v.Total}
		}
		e.Values[i] = v
	}
	return e
}

// sweepWindows drops windows that no longer count, and those of rules that are no
// longer in force as they were.
func (f *Fold) sweepWindows() {
	inForce := map[string]*rule.Rule{}
	for _, r := range f.rules {
		if r.Window != nil {
			inForce[windowsName(r)] = r
		}
	}
	over := func(name string) (through int64) { // until when nothing counts any more
		if r := inForce[name]; r != nil {
			return f.at - f.state.Lateness - int64(r.Window.Within)
		}
		return math.MaxInt64
	}
	maps.DeleteFunc(f.state.Forgotten, func(name string, through int64) bool { return through <= over(name) })
	for _, doubted := range []map[string]*doubts{f.state.Repeated, f.state.Ahead} {
		maps.DeleteFunc(doubted, func(name string, d *doubts) bool { return d.prune(over(name)) })
	}
	for name, t := range f.windows {
		r := inForce[name]
		if r == nil {
			delete(f.windows, name)
			continue
		}
		if t.Prune(f.at - f.state.Lateness - int64(r.Window.Within)); t.Len() == 0 {
			delete(f.windows, name)
		}
	}
}

// encodeWindows encodes the windows of each rule.
func (f *Fold) encodeWindows() map[string][]byte {
	encoded := map[string][]byte{}
	for name, t := range f.windows {
		encoded[name] = t.AppendTo(nil)
	}
	return encoded
}

// loadWindows is the reverse of encodeWindows.
func loadWindows(encoded map[string][]byte) (map[string]*window.Table, error) {
	windows := map[string]*window.Table{}
	for _, name := range slices.Sorted(maps.Keys(encoded)) {
		t, err := window.Load(encoded[name])
		if err != nil {
			return nil, fmt.Errorf("of %s: %w", name, err)
		}
		windows[name] = t
	}
	return windows, nil
}
