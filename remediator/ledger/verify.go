package ledger

import (
	"context"
	"fmt"
	"math"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Options of Verify. What they name must come from elsewhere than the ledger:
// only then do they show that the whole ledger was not replaced.
type Options struct {
	// Key is the public key that must have signed. Defaults to the one that the
	// genesis fact names.
	Key string
	// Checkpoints are older checkpoints of this ledger, as signed notes. The
	// ledger must be a continuation of each.
	Checkpoints [][]byte
	// Progress is called now and then with how many entries were read. Defaults
	// to not being told.
	Progress func(done, size uint64)
}

// Verify re-hashes a stored ledger and reports whatever is not as it was
// sealed, by name: the entry, the tile, the row. An error means that the ledger
// could not be read or an option not understood; what is wrong with the ledger
// is in the report.
//
// Three witnesses say what an entry was: its leaf column, the tiles above it,
// and the signed root. The entries and the tiles are each grown into a tree; the
// one whose root was signed is believed, and the other is named where it
// differs. It holds a few hundred bytes for each remedy and a few for each tile.
//
// All is read once. Only a ledger that went on under a new origin is read twice: whose
// key must have signed is known when its entries were read.
func Verify(ctx context.Context, src Source, opts Options) (Report, error) {
	if opts.Key != "" {
		if _, err := note.NewVerifier(strings.TrimSpace(opts.Key)); err != nil {
			return Report{}, fmt.Errorf("read pinned key %q: %w", opts.Key, err)
		}
	}
	v, err := read(ctx, src, opts, nil)
	if err == nil && len(v.met) > 0 {
		v, err = read(ctx, src, opts, v.met)
	}
	if err != nil {
		return Report{}, err
	}
	v.judge()
	v.compareRoots()
	v.checkApplied()
	v.content.checkReconciled() // of the last entries
	v.report.Periods = v.content.days
	v.report.Entries = v.content.kinds
	if through := v.content.period.through; v.report.Ordinal > through {
		v.report.Uncounted = v.report.Ordinal - through
	}
	v.report.conclude(append(v.findings, v.content.findings...), v.unlisted+v.content.unlisted)
	return v.report, nil
}

// read reads all of a ledger whose origins are known to begin with these rows.
func read(ctx context.Context, src Source, opts Options, origins []Row) (*verifier, error) {
	v := &verifier{
		src: src, opts: opts, origins: origins, content: newContentCheck(),
		report: Report{Pinned: opts.Key != "" || len(opts.Checkpoints) > 0, Entries: map[string]uint64{}},
	}
	if err := v.readHeads(ctx); err != nil {
		return nil, err
	}
	return v, v.scan(ctx)
}

// verifier is a verification under way.
type verifier struct {
	src     Source
	opts    Options
	origins []Row // that are known to begin a new origin
	met     []Row // those that the scan came across
	heads   heads
	content *contentCheck

	entries *tree       // grown from the entries
	stored  *tree       // grown from the stored tiles of level 0
	tiles   *tiles      // stored tiles above level 0, and what level 0 comes to
	diffs   []diff      // entries that differ from their tile; who is wrong is judged at the end
	roots   []knownRoot // in order of size
	noted   int         // how many of roots are at most as large as entries

	report   Report
	findings []Finding
	unlisted int
}

// maxKept bounds the findings and differences that are held in memory.
const maxKept = 10_000

func (v *verifier) find(f Finding) {
	if len(v.findings) >= maxKept {
		v.unlisted++
		return
	}
	v.findings = append(v.findings, f)
}

func (v *verifier) findEntry(seq int64, format string, args ...any) {
	v.find(Finding{Place: PlaceEntry, Sequence: &seq, Problem: fmt.Sprintf(format, args...)})
}

func (v *verifier) findTile(level, index int64, format string, args ...any) {
	v.find(Finding{Place: PlaceTile, Level: &level, Index: &index, Problem: fmt.Sprintf(format, args...)})
}

func (v *verifier) findAt(place, format string, args ...any) {
	v.find(Finding{Place: place, Problem: fmt.Sprintf(format, args...)})
}

// knownRoot is the root that somebody vouches for at a size.
type knownRoot struct {
	size  uint64
	root  [32]byte
	place string
	name  string
	got   *[32]byte // of the entries; nil when entries before it are missing
}

// compareRoots compares the roots at the sizes of checkpoints that were given,
// and of the ledger's own, with those of the entries.
func (v *verifier) compareRoots() {
	agreed := uint64(0)
	for _, k := range v.roots {
		switch {
		case k.size > v.report.Size:
			v.findAt(k.place, "%s was made of %d entries, the ledger has %d: its end was cut off", k.name, k.size, v.report.Size)
		case k.got == nil:
			// Entries before it are missing and named.
		case *k.got == k.root:
			agreed = k.size
			if k.place == PlaceGiven {
				v.report.Covered = k.size
			}
		case k.place != PlaceCheckpoint:
			v.findAt(k.place, "the ledger is not a continuation of %s: it was changed between entries %d and %d", k.name, agreed, k.size-1)
			return
		case len(v.findings) == 0:
			v.findAt(k.place, "the entries and their tiles agree with each other but not with the signed root: "+
				"they were rewritten together between entries %d and %d", agreed, k.size-1)
		}
	}
}

// signedSize converts a column that must not be negative.
func signedSize(n int64) uint64 {
	if n < 0 {
		return math.MaxUint64
	}
	return uint64(n)
}
