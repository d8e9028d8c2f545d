package decide

import (
	"bytes"
	"cmp"
	"container/heap"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	progressEvery    = int64(time.Minute)
	snapshotEvery    = int64(time.Hour)
	snapshotOrdinals = 100_000
	snapshotBytes    = 100
	// What an event that waits, and a key of which it is remembered what came, take in a
	// snapshot, or rather more.
	openingBytes, pastBytes = 500, 100
	maxRuleErrors           = 400 // rules that a progress fact names
	// holdExpires is how long a held remedy waits for a person.
	holdExpires = int64(7 * 24 * time.Hour)
)

// What a timer is of.
const (
	timerHold    = iota // a held remedy expires
	timerAnswer         // a call that nobody answered turns red
	timerBox            // a pull lasts longer than its box
	timerBulk           // a bulk expires, with all that it holds
	timerAbsence        // a counterpart did not come
	timerCOE            // what a published COE is about did not happen again
	timerGap            // events of a client that did not come are missing
)

// timer is when something happens unless somebody acts before.
type timer struct {
	deadline int64
	rule     string
	remedy   uuid.UUID // of a hold; or the bulk, or the client of the SDK
	key      string    // the cord, what a COE is about, or what an event and its counterpart have in common
	of       int
}

// timers is a heap ordered by deadline, rule, and what the timer is of.
type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timers) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(t[i].deadline, t[j].deadline), cmp.Compare(t[i].rule, t[j].rule),
		cmp.Compare(t[i].of, t[j].of), bytes.Compare(t[i].remedy[:], t[j].remedy[:]), cmp.Compare(t[i].key, t[j].key)) < 0
}
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

func (f *Fold) setTimer(t timer) {
	if len(f.timers) >= f.manyTimers {
		f.timers = slices.DeleteFunc(f.timers, f.stale)
		heap.Init(&f.timers)
		f.manyTimers = 2*len(f.timers) + 1024
	}
	heap.Push(&f.timers, t)
}

// schedule sets the timer of a held remedy. One that is held under a bulk has none
// of its own.
func (f *Fold) schedule(r *openRemedy) {
	if r.Held == ReasonBulk {
		return
	}
	f.setTimer(timer{deadline: r.Deadline, rule: r.Rule, remedy: r.Remedy, of: timerHold})
}

func (f *Fold) scheduleBulk(b *openBulk) {
	f.setTimer(timer{deadline: b.Bulk.Deadline, rule: b.Bulk.Rule, remedy: b.Bulk.Bulk, of: timerBulk})
}

// stale reports whether what the timer is for was settled before it fired.
func (f *Fold) stale(t timer) bool {
	if t.of == timerHold {
		r := f.state.Open[t.remedy]
		return r == nil || r.Held == "" || r.Deadline != t.deadline
	}
	switch t.of {
	case timerBulk:
		return f.state.Bulks[t.remedy] == nil
	case timerCOE:
		c := f.state.COEs[t.key]
		return c == nil || c.Status != COEPublished || c.HoldUntil != t.deadline
	case timerGap:
		return !f.missing.Waits(t.remedy, t.deadline)
	case timerAbsence:
		o := f.openingOf(t)
		return o == nil || o.Due != t.deadline
	}
	c := f.state.Cords[t.key]
	if t.of == timerAnswer {
		return c.AnswerBy != t.deadline
	}
	return c.Escalated || c.BoxUntil != t.deadline
}

// Due returns when the next timer fires, and false when none is set. When the
// log is idle, a tick at that time lets it fire.
func (f *Fold) Due() (int64, bool) {
	for len(f.timers) > 0 && f.stale(f.timers[0]) {
		heap.Pop(&f.timers)
	}
	due, any := f.progressDue()
	if len(f.timers) > 0 && (!any || f.timers[0].deadline < due) {
		return f.timers[0].deadline, true
	}
	return due, any
}

// progressDue is the end of the minute in which the first unsealed input came.
func (f *Fold) progressDue() (int64, bool) {
	if f.state.Since == 0 {
		return 0, false
	}
	return (f.state.SinceAt/progressEvery + 1) * progressEvery, true
}

// fireTimers fires, before an input, every timer due at or before its time, in
// order of deadline. Facts are stamped with the deadline.
func (f *Fold) fireTimers() error {
	for {
		due, any := f.Due()
		if !any || due > f.at {
			return nil
		}
		if progress, ok := f.progressDue(); ok && progress == due {
			if err := f.progress(due); err != nil {
				return err
			}
			continue
		}
		if err := f.fire(heap.Pop(&f.timers).(timer)); err != nil {
			return err
		}
	}
}

func (f *Fold) fire(t timer) error {
	switch t.of {
	case timerAnswer:
		return f.unanswered(f.state.Cords[t.key], t.deadline)
	case timerBox:
		return f.escalate(f.state.Cords[t.key], t.deadline)
	case timerBulk:
		return f.endBulk(f.state.Bulks[t.remedy], Expired, "", t.deadline)
	case timerAbsence:
		return f.absent(t)
	case timerCOE:
		return f.proven(f.state.COEs[t.key], t.deadline)
	case timerGap:
		return f.addGaps(t.deadline, f.missing.Due(t.remedy, t.deadline))
	}
	return f.giveUp(f.state.Open[t.remedy], Expired, t.deadline)
}

// progress seals how far the log was folded before the input in progress.
func (f *Fold) progress(at int64) error {
	s := f.state
	defer func() {
		s.progressed()
		f.events.lost = 0
	}()
	if f.cfg.Observe != nil {
		return nil
	}
	body := ProgressFact{Through: s.Position.Ordinal - 1, Digest: hex.EncodeToString(s.Position.Digest[:]), Inputs: s.Since, Counts: s.Counts, EventsForgotten: f.events.lost}
	for i, name := range slices.Sorted(maps.Keys(s.RuleErrors)) {
		if i <= maxRuleErrors {
			body.RuleErrors = append(body.RuleErrors, RuleErrors{Rule: name})
		}
		last := &body.RuleErrors[len(body.RuleErrors)-1]
		if i >= maxRuleErrors {
			last.Rule = ""
		}
		last.Errors += s.RuleErrors[name]
	}
	for i, name := range slices.Sorted(maps.Keys(s.Lost)) {
		if i <= maxRuleErrors {
			body.WindowsLost = append(body.WindowsLost, WindowsLost{Rule: name})
		}
		last := &body.WindowsLost[len(body.WindowsLost)-1]
		if i >= maxRuleErrors {
			last.Rule = ""
		}
		last.Windows += s.Lost[name].Windows
		last.Parts += s.Lost[name].Parts
	}
	return f.addAt(at, KindProgress, Fact{}, body)
}

// progressed begins to count anew.
func (s *state) progressed() {
	s.Since, s.SinceAt, s.Counts = 0, 0, Counts{}
	clear(s.RuleErrors)
	clear(s.Lost)
}

// manyInputs reports whether so many inputs came since the last snapshot that a
// restart would take long to fold them. It is asked once in snapshotOrdinals, and
// looks at what the windows hold and what waits: a snapshot of many takes its time too,
// and is made once in as many inputs as it has bytes divided by snapshotBytes.
func (f *Fold) manyInputs(inputs uint64) bool {
	if inputs == 0 || inputs%snapshotOrdinals != 0 {
		return false
	}
	bytes := 0
	for _, t := range f.windows {
		bytes += t.Bytes()
	}
	for _, w := range f.state.Waiting {
		bytes += openingBytes*len(w.Open) + pastBytes*len(w.Past)
	}
	return inputs >= uint64(bytes/snapshotBytes)
}

// snapshotIfDue seals the state once an hour of log time, or sooner when many
// inputs came. A rehearsal is never taken up again, so it only sweeps.
func (f *Fold) snapshotIfDue() error {
	s := f.state
	if f.at < s.SnapshotAt+snapshotEvery && !f.manyInputs(s.Position.Ordinal-s.SnapshotOrdinal) {
		return nil
	}
	if err := f.sweep(); err != nil {
		return err
	}
	s.SnapshotAt, s.SnapshotOrdinal = f.at, s.Position.Ordinal
	if f.cfg.Rehearsal {
		return nil
	}
	encoded, digest, err := f.State()
	if err != nil {
		return err
	}
	f.out.Snapshot = &Snapshot{Position: s.Position, State: encoded, Digest: digest}
	return f.add(KindSnapshot, Fact{}, SnapshotFact{Through: s.Position.Ordinal, Digest: digest, Bytes: len(encoded)})
}
