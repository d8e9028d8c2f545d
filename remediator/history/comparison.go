package history

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// comparison holds what folding gives against the entries of a ledger, in order.
type comparison struct {
	ctx    context.Context
	src    ledger.Source
	sealed Sealed
	report *Reproduction
	next   uint64 // sequence of the entry to compare next
	rows   []ledger.Row
	ram    *decide.RAM
	lost   map[string]uint64 // entries under a missing key, by customer, no erasure so far
}

// entriesAtOnce bounds the entries in memory: 16 MiB of bodies at most.
const entriesAtOnce = 256

// findRemedy looks for the entries about the remedy. It sets the last input to
// fold and returns the first that is about it.
func (c *comparison) findRemedy(l Ledger) (first uint64, err error) {
	entries, err := l.History(c.ctx, c.report.Remedy)
	if err != nil {
		return 0, err
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Ordinal > c.report.Through })
	if len(entries) == 0 {
		return 0, AskError("nothing is sealed about a remedy with this id")
	}
	c.report.Through = entries[len(entries)-1].Ordinal
	c.report.Missed = uint64(len(entries)) // until they are compared
	return entries[0].Ordinal, nil
}

// begin goes to the first entry that comes after a state: the one that seals it is
// the last before.
func (c *comparison) begin(snapshot *decide.Snapshot) error {
	c.ram, c.lost = decide.NewMemory(), map[string]uint64{}
	c.report.Genesis, c.report.Since = snapshot == nil, 1
	if snapshot == nil {
		return nil
	}
	c.report.Since = snapshot.Position.Ordinal + 1
	for after := int64(-1); ; {
		rows, err := c.src.Entries(c.ctx, after, entriesAtOnce)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.Seq
			var fact decide.SnapshotFact
			if row.Kind == decide.KindSnapshot && json.Unmarshal(row.Body, &fact) == nil && fact.Through == snapshot.Position.Ordinal && fact.Digest == snapshot.Digest {
				seal := uint64(row.Seq)
				c.next, c.report.Began, c.report.Older = seal+1, &seal, seal+1
				return nil
			}
		}
		if len(rows) < entriesAtOnce {
			return fmt.Errorf("reproduce: no entry seals the state of input %d", snapshot.Position.Ordinal)
		}
	}
}

// row returns the next entry of the ledger, nil when there is none.
func (c *comparison) row() (*ledger.Row, error) {
	if len(c.rows) == 0 {
		var err error
		if c.rows, err = c.src.Entries(c.ctx, int64(c.next)-1, entriesAtOnce); err != nil || len(c.rows) == 0 {
			return nil, err
		}
	}
	row := &c.rows[0]
	c.rows = c.rows[1:]
	return row, nil
}

// take compares what inputs came to. errDiffers says that it is something else.
func (c *comparison) take(out *decide.Output) error {
	keys, err := c.keys(out.Items)
	if err != nil {
		return err
	}
	for _, item := range out.Items {
		if item.Fact != nil {
			if err := c.compare(*item.Fact); err != nil {
				return err
			}
			c.report.Facts++
			if err := c.noteErasure(*item.Fact); err != nil {
				return err
			}
			continue
		}
		if err := c.takeEvidence(*item.Evidence, keys); err != nil {
			return err
		}
	}
	c.ram.Commit(out)
	return nil
}

// noteErasure says why the key of evidence so far is missing.
func (c *comparison) noteErasure(f decide.Fact) error {
	if f.Kind != decide.KindErasure {
		return nil
	}
	var body decide.ErasureFact
	if err := json.Unmarshal(f.Body, &body); err != nil {
		return fmt.Errorf("read erasure: %w", err)
	}
	delete(c.lost, body.Customer)
	return nil
}

// keys reads the keys of the customers that evidence is about.
func (c *comparison) keys(items []decide.Item) (map[string][32]byte, error) {
	customers := map[string]bool{}
	for _, item := range items {
		if item.Evidence != nil {
			customers[item.Evidence.Customer] = true
		}
	}
	if len(customers) == 0 {
		return nil, nil
	}
	return c.sealed.CustomerKeys(c.ctx, slices.Collect(maps.Keys(customers)))
}

// compare compares a fact with the next entry.
func (c *comparison) compare(f decide.Fact) error {
	row, err := c.row()
	if err != nil {
		return err
	}
	folded := ledger.Entry{Seq: c.next, Fact: f}
	if row == nil {
		return c.differs(&ledger.Difference{Field: "entry", Sealed: "nothing", Other: string(folded.Encode())})
	}
	sealed, err := row.Entry()
	if err != nil {
		return c.differs(&ledger.Difference{Field: "entry", Sealed: err.Error(), Other: string(folded.Encode())})
	}
	if d := ledger.Differ(sealed, folded); d != nil {
		return c.differs(d)
	}
	c.passed(f.Remedy)
	return nil
}

func (c *comparison) differs(d *ledger.Difference) error {
	c.report.Difference, c.report.Entry = d, c.next
	return errDiffers
}

// passed goes to the next entry.
func (c *comparison) passed(remedy uuid.UUID) {
	c.next++
	if remedy == c.report.Remedy && remedy != uuid.Nil {
		c.report.Entries++
		c.report.Missed--
	}
}

// takeEvidence compares evidence with its entries, one for each part: as a whole
// where the key lives, else what stands around the ciphertext, and its size.
func (c *comparison) takeEvidence(ev decide.Evidence, keys map[string][32]byte) error {
	first, err := c.peek()
	if err != nil {
		return err
	}
	key, have := keys[ev.Customer]
	var body ledger.EvidenceBody
	if first != nil && json.Unmarshal(first.Body, &body) == nil && body.Key != ledger.KeyID(key) {
		have = false // it is under an earlier key of the customer
	}
	version := 0
	if first != nil {
		version = int(first.Version)
	}
	parts, err := ledger.SealEvidence(key, version, ev)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if !have {
			if part, err = c.asSealed(part); err != nil {
				return err
			}
		}
		if err := c.compare(part); err != nil {
			return err
		}
		if have {
			c.report.Evidence++
			continue
		}
		c.report.Erased++
		c.lost[ev.Customer]++
	}
	return nil
}

// peek returns the next entry of the ledger and leaves it there.
func (c *comparison) peek() (*ledger.Row, error) {
	row, err := c.row()
	if row != nil {
		c.rows = slices.Insert(c.rows, 0, *row)
	}
	return row, err
}

// asSealed gives a part of evidence the ciphertext and the key that the ledger has in
// its place, if that has the same size: nobody can say what it was.
func (c *comparison) asSealed(part decide.Fact) (decide.Fact, error) {
	row, err := c.peek()
	if err != nil || row == nil {
		return part, err
	}
	var folded, sealed ledger.EvidenceBody
	if json.Unmarshal(part.Body, &folded) != nil || json.Unmarshal(row.Body, &sealed) != nil || len(folded.Sealed) != len(sealed.Sealed) {
		return part, nil // the comparison says so
	}
	folded.Key, folded.Sealed = sealed.Key, sealed.Sealed
	part.Body, err = json.Marshal(folded)
	return part, err
}

// end compares where the folding ended with where the ledger says that it is.
func (c *comparison) end(fold *decide.Fold, applied ledger.AppliedRow) error {
	row, err := c.row()
	if err != nil {
		return err
	}
	if row != nil {
		_ = c.differs(&ledger.Difference{Field: "entry", Sealed: "entry of kind " + row.Kind, Other: "nothing"})
		return nil
	}
	if at := fold.Position(); hex.EncodeToString(at.Digest[:]) != hex.EncodeToString(applied.Digest) {
		_ = c.differs(&ledger.Difference{Field: "digest of the inputs", Sealed: hex.EncodeToString(applied.Digest), Other: hex.EncodeToString(at.Digest[:])})
	}
	return nil
}

// memory returns what the folding remembers: what it took itself, and, from a state
// on, what the ledger's tables say was taken before.
func (c *comparison) memory(snapshot *decide.Snapshot, older decide.Memory) decide.Memory {
	if snapshot == nil {
		return c.ram
	}
	return recalled{ram: c.ram, older: older, until: snapshot.Position.Ordinal + 1}
}

// recalled is a memory of two: of the ordinals below until the one, of the rest the
// other.
type recalled struct {
	ram   *decide.RAM
	older decide.Memory
	until uint64
}

// Taken implements decide.Memory.
func (r recalled) Taken(ids []uuid.UUID, shadow bool, before uint64) (map[uuid.UUID]bool, error) {
	taken, err := r.older.Taken(ids, shadow, min(before, r.until))
	if err != nil {
		return nil, err
	}
	more, err := r.ram.Taken(ids, shadow, before)
	maps.Copy(taken, more)
	return taken, err
}

// Refund implements decide.Memory.
func (r recalled) Refund(name string, before uint64) (*decide.Refund, error) {
	if known, err := r.ram.Refund(name, before); known != nil || err != nil {
		return known, err
	}
	return r.older.Refund(name, min(before, r.until))
}

// Refunded implements decide.Memory.
func (r recalled) Refunded(payments []string, before uint64) (map[string][]money.Money, error) {
	refunded, err := r.older.Refunded(payments, min(before, r.until))
	if err != nil {
		return nil, err
	}
	more, err := r.ram.Refunded(payments, before)
	for payment, amounts := range more {
		refunded[payment] = added(refunded[payment], amounts)
	}
	return refunded, err
}

// added sums amounts up by currency, sorted, zeros left out.
func added(a, b []money.Money) (net []money.Money) {
	sums := map[string]int64{}
	for _, m := range slices.Concat(a, b) {
		sums[m.Currency] += m.Minor
	}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if sums[currency] != 0 {
			net = append(net, money.Money{Minor: sums[currency], Currency: currency})
		}
	}
	return net
}
