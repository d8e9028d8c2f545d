package decide

import "github.com/makegood/makegood/remediator/rule"

// Met is an event whose counterpart came in time, so that its rule did not fire.
type Met struct {
	Rule                    string
	Source, Event, Customer string
	At                      int64 // the event's time
	Deadline                int64 // up to which the counterpart came in time
	Came                    int64 // the counterpart's time
}

// met tells who rehearses that a counterpart came. An event whose once_per key was taken
// would have made nothing without it either.
func (f *Fold) met(r *rule.Rule, o *opening, came int64) {
	if f.cfg.Met == nil || f.KeyTaken(r, o.Key) {
		return
	}
	f.cfg.Met(Met{Rule: r.Name, Source: o.Source, Event: o.Event, Customer: o.Customer, At: o.At, Deadline: o.Deadline, Came: came})
}

// KeyTaken reports whether a rehearsal has taken a once_per key of a rule. An empty one
// never is.
func (f *Fold) KeyTaken(r *rule.Rule, key string) bool {
	return key != "" && f.taken(f.remedyID(r, key), true)
}
