package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/match"
)

// Sealed is what is read of the ledger's store to reproduce it. Implementations are
// safe for concurrent use.
type Sealed interface {
	Ledger
	// Source returns the ledger as it lies in its tables, until release is called.
	Source(ctx context.Context) (src ledger.Source, release func(), err error)
	// CustomerKeys returns the evidence keys of customers that have one.
	CustomerKeys(ctx context.Context, customers []string) (map[string][32]byte, error)
}

// Reproduction is what folding the log again came to, beside what is sealed. It
// says nothing of what it did not compare.
type Reproduction struct {
	// Reproduced says that what was compared is the same, byte for byte, and that
	// something was: of a remedy all that is about it.
	Reproduced bool `json:"reproduced"`
	// Genesis says that the folding began with the log. Otherwise it began with a
	// stored state, whose digest is sealed in the entry Began: the keys and payments
	// before it are then what the ledger's tables say.
	Genesis bool    `json:"genesis"`
	Began   *uint64 `json:"began,omitempty"`
	// Since and Through are the first and the last input that were folded.
	Since   uint64 `json:"since"`
	Through uint64 `json:"through"`
	// Facts and Evidence count the entries that were compared.
	Facts    uint64 `json:"facts"`
	Evidence uint64 `json:"evidence"`
	// Erased counts entries of evidence whose key was destroyed, by a sealed
	// erasure: of these only the place and the size were compared. Lost counts
	// those whose key is missing without one.
	Erased uint64 `json:"erased"`
	Lost   uint64 `json:"lost"`
	// Older counts entries before those compared: the log no longer has the inputs
	// that they were made from, or, of one remedy, they are about others.
	Older uint64 `json:"older"`
	// Remedy is the one that was asked about, Entries how many of the entries
	// compared are about it, Missed how many are older.
	Remedy  uuid.UUID `json:"remedy,omitzero"`
	Entries uint64    `json:"entries,omitempty"`
	Missed  uint64    `json:"missed,omitempty"`
	// Difference is where they first differ, Entry the sequence of that entry. No
	// entry after it was compared.
	Difference *ledger.Difference `json:"difference,omitempty"`
	Entry      uint64             `json:"entry,omitempty"`
}

// Reproduce folds the log again and compares what comes of it with the ledger: all
// of it, or, of one remedy, from the newest stored state before it to its last entry.
// It begins with the log while that has its beginning, else with the oldest stored
// state from which the log goes on. It takes the ledger as it is now, beside the
// service that writes it. An error means that it could not be done.
func Reproduce(ctx context.Context, lg Log, sealed Sealed, remedy uuid.UUID, progress func(done, all uint64)) (*Reproduction, error) {
	src, release, err := sealed.Source(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	applied, err := src.Applied(ctx)
	if err != nil {
		return nil, err
	}
	if len(applied) != 1 || applied[0].Fault != "" || applied[0].Ordinal < 1 {
		return nil, errors.New("reproduce: the ledger does not say how far the log was folded; find out with: makegood audit verify")
	}
	c := &comparison{ctx: ctx, src: src, sealed: sealed, report: &Reproduction{Remedy: remedy, Through: uint64(applied[0].Ordinal)}}
	first := uint64(0)
	if remedy != uuid.Nil {
		if first, err = c.findRemedy(sealed); err != nil {
			return nil, err
		}
	}
	snapshot, err := begin(ctx, lg, sealed, first)
	if err != nil {
		return nil, err
	}
	// A remedy is reproduced whole or not at all.
	if snapshot != nil && (snapshot.Position.Ordinal >= c.report.Through || first > 0 && first <= snapshot.Position.Ordinal) {
		return nil, AskError(fmt.Sprintf("older than retention: the oldest state from which the log goes on is of input %d", snapshot.Position.Ordinal))
	}
	if err := c.begin(snapshot); err != nil {
		return nil, err
	}
	config := decide.Config{Memory: c.memory(snapshot, sealed), NewMatcher: match.New}
	fold, err := refold(ctx, lg, config, snapshot, c.report.Through, func(out *decide.Output) error {
		if progress != nil && len(out.Items) > 0 {
			progress(c.next, uint64(applied[0].Size))
		}
		return c.take(out)
	})
	if err != nil && !errors.Is(err, errDiffers) {
		return nil, err
	}
	if err == nil && remedy == uuid.Nil {
		if err := c.end(fold, applied[0]); err != nil {
			return nil, err
		}
	}
	return c.report.conclude(c.lost), nil
}

// errDiffers ends the folding.
var errDiffers = errors.New("the ledger differs")

// begin returns the state to begin with, nil for the log's beginning. For a remedy
// first decided in an input it is the newest state before that, otherwise the oldest
// from which the log goes on.
func begin(ctx context.Context, lg Log, sealed Ledger, first uint64) (*decide.Snapshot, error) {
	records, err := lg.Read(ctx, 0, 1)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	if len(records) == 0 {
		return nil, AskError("the log is empty: there is nothing to reproduce the ledger from")
	}
	inputs, err := input.DecodeRecord(records[0].Blob, records[0].At)
	if err != nil {
		return nil, fmt.Errorf("decode record %d: %w", records[0].Seq, err)
	}
	whole := len(inputs) > 0 && inputs[0].Kind == input.Genesis
	positions, err := sealed.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	// Reading goes on behind the last record before a state.
	positions = slices.DeleteFunc(positions, func(p decide.Position) bool { return p.Record+1 < records[0].Seq })
	if first > 0 {
		for _, p := range slices.Backward(positions) {
			if p.Ordinal < first {
				return sealed.SnapshotBefore(ctx, p.Ordinal)
			}
		}
	}
	switch {
	case whole:
		return nil, nil
	case len(positions) == 0:
		return nil, AskError(fmt.Sprintf("older than retention: the log begins at record %d, and no state is stored from which it goes on", records[0].Seq))
	}
	return sealed.SnapshotBefore(ctx, positions[0].Ordinal)
}

// conclude says what it came to. Lost are customers whose key is missing, with how
// many entries are under it, and no erasure is sealed.
func (r *Reproduction) conclude(lost map[string]uint64) *Reproduction {
	for _, n := range lost {
		r.Lost += n
		r.Erased -= n
	}
	r.Reproduced = r.Facts > 0 && r.Missed == 0 && r.Difference == nil
	return r
}
