package decide

import (
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/missing"
)

// GapFact says that events which a client of the SDK accepted and numbered did not
// come, or what became of them.
type GapFact struct {
	// Status is missing when they were passed over for ten minutes; closed when all
	// of them came after all or were refused; forgotten when those that are left are
	// waited for no more. What was said to be missing may be closed in several parts.
	Status  string    `json:"status"`
	Client  uuid.UUID `json:"client"`
	Service string    `json:"service,omitempty"` // the source of its events
	First   uint64    `json:"first"`             // number
	Last    uint64    `json:"last"`
	// Events are those missing or forgotten, or those that came after all.
	Events  uint64 `json:"events"`
	Refused uint64 `json:"refused,omitempty"` // closed: events that were refused one by one, and will not come
	Since   string `json:"since"`             // log time at which they were passed over
}

// moment is the input in progress.
func (f *Fold) moment() missing.Moment {
	return missing.Moment{At: f.at, Ordinal: f.state.Position.Ordinal}
}

// arrived takes note of an event whose client numbers its events. A rehearsal has a
// part of a log only, so it does not know what is missing.
func (f *Fold) arrived(in input.Input, source []byte) error {
	if f.cfg.Rehearsal {
		return nil
	}
	s, ok := input.SequenceOf(in.ID)
	if !ok {
		return nil
	}
	return f.addGaps(f.at, f.missing.Came(s, source, f.moment()))
}

// foldSkipped takes note of events that were refused and will not come.
func (f *Fold) foldSkipped(in input.Input) error {
	s, err := input.DecodeSkipped(in.Body)
	if err != nil || f.cfg.Rehearsal {
		return err
	}
	return f.addGaps(f.at, f.missing.Skipped(s, f.moment()))
}

// timeHole sets the timer at which a hole becomes a gap.
func (f *Fold) timeHole(client uuid.UUID, deadline int64) {
	f.setTimer(timer{deadline: deadline, remedy: client, of: timerGap})
}

// addGaps seals what is missing and what came after all.
func (f *Fold) addGaps(at int64, changes []missing.Change) error {
	for i, c := range changes {
		switch c.What {
		case missing.Opened:
			f.timeHole(c.Client, c.Deadline)
		case missing.Missing, missing.Closed, missing.Forgotten:
			if err := f.addAt(at, KindGap, Fact{}, GapFact{Status: c.What, Client: c.Client, Service: c.Service,
				First: c.Range.First, Last: c.Range.Last, Events: c.Events, Refused: c.Skipped, Since: stamp(c.Since)}); err != nil {
				return err
			}
		}
		// The last change of a client in a row says how it stands after all of them.
		if c.Gap && (i+1 == len(changes) || changes[i+1].Client != c.Client || !changes[i+1].Gap) {
			f.out.Gaps = append(f.out.Gaps, f.missing.Gap(c.Client))
		}
	}
	return nil
}
