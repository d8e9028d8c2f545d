package ledgerdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// live is the mode of a remedy that acts.
const live = "live"

// isLive reports whether a remedy's fact decides something that acts.
func isLive(body []byte) bool {
	var f struct {
		Mode     string `json:"mode"`
		Decision string `json:"decision"`
	}
	return json.Unmarshal(body, &f) == nil && f.Mode == live && f.Decision != decide.Suppress
}

// queryRow scans the only row of a query, inside a transaction or outside.
type queryRow func(query string, args []any, into ...any) error

// reads returns a queryRow on the connections that read.
func (d *DB) reads(ctx context.Context) queryRow {
	return func(query string, args []any, into ...any) error {
		return d.db.Read.QueryRowContext(ctx, query, args...).Scan(into...)
	}
}

// readSealed reads an entry that something is about to be done for, and holds it
// against its leaf and its tile: whoever changes a row of the ledger makes nothing
// happen.
func readSealed(query queryRow, seq int64) (ledger.Entry, error) {
	e, leaf, err := readEntry(query, seq)
	if err != nil {
		return e, err
	}
	var hashes []byte
	at := seq % ledger.TileWidth * int64(len(leaf))
	err = query(`SELECT hashes FROM tile WHERE level = 0 AND idx = ?`, []any{seq / ledger.TileWidth}, &hashes)
	if err != nil {
		return e, fmt.Errorf("read tile of entry %d: %w", seq, err)
	}
	hash := ledger.LeafHash(e.Encode())
	if !bytes.Equal(leaf, hash[:]) || int64(len(hashes)) < at+int64(len(hash)) || !bytes.Equal(hashes[at:at+int64(len(hash))], hash[:]) {
		return e, fmt.Errorf("entry %d is not what was sealed; find out with: makegood audit verify", seq)
	}
	return e, nil
}

// readEntry reads an entry and its leaf column.
func readEntry(query queryRow, seq int64) (e ledger.Entry, leaf []byte, err error) {
	e, leaf, err = scanEntry(func(into ...any) error {
		return query(`SELECT `+entryColumns+` FROM ledger WHERE seq = ?`, []any{seq}, into...)
	})
	if err != nil {
		return e, nil, fmt.Errorf("read entry %d: %w", seq, err)
	}
	e.Seq = uint64(seq)
	return e, leaf, nil
}

// entryColumns are the columns of an entry, but for its sequence, and its leaf.
const entryColumns = `kind, at, ordinal, version, remedy, action, rule, body, leaf`

// scanEntry makes an entry of entryColumns.
func scanEntry(scan func(into ...any) error) (e ledger.Entry, leaf []byte, err error) {
	var remedy, action string
	var body []byte
	if err := scan(&e.Kind, &e.At, &e.Ordinal, &e.Version, &remedy, &action, &e.Rule, &body, &leaf); err != nil {
		return e, nil, err
	}
	e.Body = body
	var errRemedy, errAction error
	e.Remedy, errRemedy = statement.ParseID(remedy)
	e.Action, errAction = statement.ParseID(action)
	return e, leaf, errors.Join(errRemedy, errAction)
}

// History returns the entries of a remedy in the order in which they were sealed.
func (d *DB) History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT seq, `+entryColumns+` FROM ledger WHERE remedy = ? AND remedy <> '' ORDER BY seq`, remedy.String())
	if err != nil {
		return nil, fmt.Errorf("read history of remedy %s: %w", remedy, err)
	}
	defer rows.Close()
	entries := []ledger.Entry{}
	for rows.Next() {
		var seq uint64
		e, _, err := scanEntry(func(into ...any) error { return rows.Scan(append([]any{&seq}, into...)...) })
		if err != nil {
			return nil, fmt.Errorf("read history of remedy %s: %w", remedy, err)
		}
		e.Seq = seq
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read history of remedy %s: %w", remedy, err)
	}
	return entries, nil
}

// Decisions returns what was decided and answered about remedies: of each the entries
// of its decisions, approvals and refusals, in the order in which they were sealed.
func (d *DB) Decisions(ctx context.Context, remedies []uuid.UUID) (map[uuid.UUID][]ledger.Entry, error) {
	found := map[uuid.UUID][]ledger.Entry{}
	for in, args := range statement.Lists(remedies) {
		rows, err := d.db.Read.QueryContext(ctx, `SELECT seq, kind, at, ordinal, version, remedy, rule, body FROM ledger
			WHERE remedy IN `+in+` AND remedy <> '' AND kind IN ('`+decide.KindRemedy+`', '`+decide.KindApproval+`', '`+decide.KindRefusal+`') ORDER BY seq`, args...)
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var e ledger.Entry
			var body []byte
			if err := rows.Scan(&e.Seq, &e.Kind, &e.At, &e.Ordinal, &e.Version, &e.Remedy, &e.Rule, &body); err != nil {
				return nil, fmt.Errorf("read decisions: %w", err)
			}
			e.Body = body
			found[e.Remedy] = append(found[e.Remedy], e)
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
	}
	return found, nil
}

// Evidence opens the evidence of a remedy. What is under a key that was destroyed
// is left out and counted as erased.
func (d *DB) Evidence(ctx context.Context, remedy uuid.UUID) (contents []ledger.Content, erased int, err error) {
	entries, err := d.History(ctx, remedy)
	if err != nil {
		return nil, 0, err
	}
	keys, err := d.keysFor(ctx, entries)
	if err != nil {
		return nil, 0, err
	}
	var parts []decide.Fact
	for _, e := range entries {
		if e.Kind != decide.KindEvidence {
			continue
		}
		var body ledger.EvidenceBody
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return nil, 0, fmt.Errorf("read evidence of remedy %s: %w", remedy, err)
		}
		if parts = append(parts, e.Fact); body.Part < body.Parts {
			continue
		}
		if key, kept := keys[body.Key]; kept {
			kind, plain, err := ledger.OpenEvidence(key, parts)
			if err != nil {
				return nil, 0, err
			}
			contents = append(contents, ledger.Content{Kind: kind, At: time.Unix(0, e.At).UTC(), Sequence: e.Seq, Plain: plain})
		} else {
			erased++
		}
		parts = nil
	}
	return contents, erased, nil
}

// Erased returns the sequences of those of a remedy's entries that are evidence whose
// key was destroyed.
func (d *DB) Erased(ctx context.Context, entries []ledger.Entry) (map[uint64]bool, error) {
	keys, err := d.keysFor(ctx, entries)
	if err != nil {
		return nil, err
	}
	erased := map[uint64]bool{}
	for _, e := range entries {
		var body ledger.EvidenceBody
		if e.Kind != decide.KindEvidence {
			continue
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return nil, fmt.Errorf("read entry %d: %w", e.Seq, err)
		}
		if _, kept := keys[body.Key]; !kept {
			erased[e.Seq] = true
		}
	}
	return erased, nil
}

// keysFor returns the keys under which the evidence of a remedy may be, by their
// ids: that of its customer, and that of evidence about nobody.
func (d *DB) keysFor(ctx context.Context, entries []ledger.Entry) (map[string][32]byte, error) {
	items := []decide.Item{{Evidence: &decide.Evidence{}}}
	for _, e := range entries {
		var f decide.RemedyFact
		if e.Kind == decide.KindRemedy && json.Unmarshal(e.Body, &f) == nil {
			items = append(items, decide.Item{Evidence: &decide.Evidence{Customer: f.Customer}})
		}
	}
	found, err := d.customerKeys(ctx, items)
	if err != nil {
		return nil, err
	}
	keys := map[string][32]byte{}
	for _, key := range found.stored {
		keys[ledger.KeyID(key)] = key
	}
	return keys, nil
}

// Key returns the public key of the checkpoints, as the ledger's first entry names it.
func (d *DB) Key(ctx context.Context) (string, error) {
	first, _, err := readEntry(d.reads(ctx), 0)
	if err != nil {
		return "", err
	}
	var genesis decide.GenesisFact
	if err := json.Unmarshal(first.Body, &genesis); err != nil {
		return "", fmt.Errorf("read the ledger's key: %w", err)
	}
	return genesis.LedgerKey, nil
}
