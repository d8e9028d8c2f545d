package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
)

// heads is what the ledger says of itself as a whole.
type heads struct {
	keys    []string // that may have signed; none when no key is known
	chain   []string // keys of the first origin and of those after it
	logID   string   // of the genesis fact; empty when it cannot be read
	claims  [][32]byte
	applied *Applied // from its columns; nil when it cannot be read
}

// readHeads reads the genesis fact, the checkpoint, the applied position and
// the checkpoints given, and finds out how many entries there should be.
func (v *verifier) readHeads(ctx context.Context) error {
	if err := v.readGenesis(ctx); err != nil {
		return err
	}
	checkpoints, err := v.src.Checkpoints(ctx)
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	applied, err := v.src.Applied(ctx)
	if err != nil {
		return fmt.Errorf("read applied position: %w", err)
	}
	first, err := v.src.Entries(ctx, -1, 1)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	if len(checkpoints) == 0 && len(applied) == 0 && len(first) == 0 {
		// Nothing was committed to it, unless somebody knows better.
		for i := range v.opts.Checkpoints {
			v.findAt(PlaceGiven, "the ledger is empty: it is not a continuation of the checkpoint given (number %d)", i+1)
		}
		return nil
	}
	own := v.readCheckpoint(checkpoints)
	position := v.readApplied(applied)
	v.report.Size = trustedSize(own, position)
	v.knowRoots(own)
	if own.signed && position.signed && own.size != position.size {
		v.findAt(PlaceCheckpoint, "it was made of %d entries, the applied position of %d", own.size, position.size)
	}
	return nil
}

// readGenesis finds the key that the ledger names as its own.
func (v *verifier) readGenesis(ctx context.Context) error {
	rows, err := v.src.Entries(ctx, -1, 1)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	var genesis decide.GenesisFact
	if len(rows) == 1 && rows[0].Seq == 0 && json.Unmarshal(rows[0].Body, &genesis) == nil {
		v.heads.logID = genesis.LogID
	}
	if v.heads.logID != "" {
		v.report.Origin = Origin(v.heads.logID)
	}
	if genesis.LedgerKey != "" {
		v.followOrigins(genesis.LedgerKey)
		v.heads.keys = v.heads.chain[len(v.heads.chain)-1:]
	}
	if pinned := strings.TrimSpace(v.opts.Key); pinned != "" && !slices.Contains(v.heads.chain, pinned) {
		v.heads.keys, v.heads.chain = []string{pinned}, []string{pinned}
		v.findAt(PlaceGiven, "the ledger's first entry names the key %q, not the pinned one", genesis.LedgerKey)
	}
	v.report.Key = strings.Join(v.heads.keys, "")
	return nil
}

// witness is what one row says of the size, and whether it is signed.
type witness struct {
	found, signed bool
	size          uint64
	root          [32]byte
}

// trustedSize is the larger of the sizes that are signed, or, when none is,
// what the rows say.
func trustedSize(own, position witness) uint64 {
	var size uint64
	for _, signed := range []bool{true, false} {
		for _, w := range []witness{own, position} {
			if w.found && w.signed == signed && w.size <= maxSize {
				size = max(size, w.size)
			}
		}
		if size > 0 {
			break
		}
	}
	return size
}

// readCheckpoint checks the checkpoint's row. What it claims without a valid
// signature still helps to tell a changed entry from a changed tile.
func (v *verifier) readCheckpoint(rows []CheckpointRow) witness {
	if len(rows) != 1 {
		v.findAt(PlaceCheckpoint, "there are %d rows, want one", len(rows))
	}
	if len(rows) == 0 {
		return witness{}
	}
	row := rows[0]
	if row.Fault != "" {
		v.findAt(PlaceCheckpoint, "%s", row.Fault)
	}
	w := witness{found: true, size: signedSize(row.Size)}
	if len(row.Root) == hashSize {
		w.root = [32]byte(row.Root)
		v.heads.claims = append(v.heads.claims, w.root)
	}
	claimed, _, _ := bytes.Cut(row.Note, []byte("\n\n"))
	if c, err := parseCheckpoint(string(claimed) + "\n"); err == nil {
		v.heads.claims = append(v.heads.claims, c.Root)
	}
	c, err := Open(row.Note, v.heads.keys...)
	if err != nil {
		v.findAt(PlaceCheckpoint, "%v", err)
		return w
	}
	if err := checkOwn(row.Note, c.text()); err != nil {
		v.findAt(PlaceCheckpoint, "%v", err)
	}
	if w.size != c.Size || !bytes.Equal(row.Root, c.Root[:]) {
		v.findAt(PlaceCheckpoint, "its columns say size %d and root %s, its signed note size %d and root %s",
			row.Size, base64.StdEncoding.EncodeToString(row.Root), c.Size, encodeHash(c.Root[:]))
	}
	if c.Origin != v.report.Origin {
		v.findAt(PlaceCheckpoint, "its origin is %q, that of the entries %q", c.Origin, v.report.Origin)
	}
	return witness{found: true, signed: true, size: c.Size, root: c.Root}
}

// readApplied checks the applied position's row.
func (v *verifier) readApplied(rows []AppliedRow) witness {
	if len(rows) != 1 {
		v.findAt(PlaceApplied, "there are %d rows, want one", len(rows))
	}
	if len(rows) == 0 {
		return witness{}
	}
	row := rows[0]
	w := witness{found: true, size: signedSize(row.Size)}
	switch {
	case row.Fault != "":
		v.findAt(PlaceApplied, "%s", row.Fault)
		return w
	case row.Record < 0 || row.Ordinal < 0 || row.Size < 0 || int64(int(row.Version)) != row.Version || len(row.Digest) != hashSize:
		v.findAt(PlaceApplied, "a column holds what it cannot: record %d, ordinal %d, version %d, size %d, digest of %d bytes",
			row.Record, row.Ordinal, row.Version, row.Size, len(row.Digest))
		return w
	}
	a := Applied{Size: uint64(row.Size), Position: decide.Position{
		LogID: row.LogID, Record: uint64(row.Record), Ordinal: uint64(row.Ordinal), At: row.At,
		Digest: [32]byte(row.Digest), Version: int(row.Version),
	}}
	if err := CheckApplied(a, row.Note, v.heads.keys...); err != nil {
		v.findAt(PlaceApplied, "%v", err)
		return w
	}
	v.heads.applied, w.signed = &a, true
	v.report.Ordinal = a.Ordinal
	return w
}

// knowRoots collects the roots that the entries must come to on their way.
func (v *verifier) knowRoots(own witness) {
	if own.signed {
		v.roots = append(v.roots, knownRoot{size: own.size, root: own.root, place: PlaceCheckpoint, name: "its checkpoint"})
	}
	for i, signed := range v.opts.Checkpoints {
		name := fmt.Sprintf("the checkpoint given (number %d)", i+1)
		c, err := Open(signed, v.heads.chain...)
		if err != nil {
			v.findAt(PlaceGiven, "%s: %v", name, err)
			continue
		}
		switch lost, known := v.lostWith(c); {
		case !known:
			v.findAt(PlaceGiven, "%s is of %q, the ledger is %q", name, c.Origin, v.report.Origin)
			continue
		case lost != "":
			v.findAt(PlaceGiven, "%s %s", name, lost)
			continue
		}
		v.roots = append(v.roots, knownRoot{size: c.Size, root: c.Root, place: PlaceGiven, name: name})
	}
	slices.SortStableFunc(v.roots, func(a, b knownRoot) int { return cmp.Compare(a.size, b.size) })
}

// checkApplied compares the applied position with the last entries.
func (v *verifier) checkApplied() {
	a, c := v.heads.applied, v.content
	if a == nil || c.last.Kind == "" {
		return
	}
	switch {
	case a.LogID != v.heads.logID:
		v.findAt(PlaceApplied, "it is of log %q, the first entry of log %q", a.LogID, v.heads.logID)
	case a.Ordinal < c.last.Ordinal:
		v.findAt(PlaceApplied, "it ends at ordinal %d, the entries at %d", a.Ordinal, c.last.Ordinal)
	case a.At < c.last.At:
		v.findAt(PlaceApplied, "it ends at %s, the entries at %s", stamp(a.At), stamp(c.last.At))
	case a.Version != c.last.Version:
		v.findAt(PlaceApplied, "it is of version %d, the last entry of version %d", a.Version, c.last.Version)
	}
}
