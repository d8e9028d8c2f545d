package views

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// COE is a correction of an error as it stands.
type COE struct {
	COE      uuid.UUID `json:"coe"`
	Status   string    `json:"status"`
	Cord     string    `json:"cord,omitempty"` // what it is about: a cord or a rule
	Rule     string    `json:"rule,omitempty"`
	Cause    string    `json:"cause"` // of its opening: red, coe_above, step or person
	Opened   time.Time `json:"opened"`
	OpenedBy string    `json:"opened_by,omitempty"` // the person, if one did
	Sequence uint64    `json:"sequence"`            // of the fact that opened it
	Changed  time.Time `json:"changed"`
	Times    int       `json:"times"` // that it happened, with the first
	// Since and Until are the period that a person named; both are zero of one that
	// opened by itself.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`

	Revision    int       `json:"revision"` // 0 while nobody wrote a text
	Digest      string    `json:"digest,omitempty"`
	Authors     []string  `json:"authors,omitempty"`
	Published   time.Time `json:"published,omitzero"`
	PublishedBy string    `json:"published_by,omitempty"`
	TreeSize    uint64    `json:"tree_size,omitempty"` // at which it was checked
	HoldUntil   time.Time `json:"hold_until,omitzero"` // it is effective then, unless it happens again
	ClosedBy    string    `json:"closed_by,omitempty"`
}

// COEFilter chooses COEs; what is empty chooses all.
type COEFilter struct {
	Status string
	About  string // a cord or a rule
	Before uint64 // the sequence of an opening; 0 begins with the newest
	Limit  int
}

// applyCOE takes a fact about a COE.
func applyCOE(tx *statement.Tx, e ledger.Entry) error {
	var f decide.COEFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if e.Action != uuid.Nil { // the step of a remedy, which is done by it
		if _, err := tx.Exec(`UPDATE action SET status = ?, attempts = 1, accepted_at = ?, arrived_at = ? WHERE action = ?`,
			decide.Succeeded, e.At, e.At, e.Action.String()); err != nil {
			return err
		}
	}
	var c COE
	if f.Change == decide.COEOpened {
		c = COE{COE: f.COE, Cord: f.Cord, Rule: f.Rule, Cause: f.Cause, Opened: time.Unix(0, e.At).UTC(), OpenedBy: f.By, Sequence: e.Seq,
			Since: timeOf(f.Since), Until: timeOf(f.Until)}
	} else {
		var text []byte
		if err := tx.QueryRow(`SELECT state FROM coe WHERE coe = ?`, []any{f.COE.String()}, &text); err != nil {
			return err
		}
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
	}
	c.take(f, time.Unix(0, e.At).UTC())
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO coe (coe, seq, status, about, revision, changed_at, state) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (coe) DO UPDATE SET status = excluded.status, revision = excluded.revision, changed_at = excluded.changed_at, state = excluded.state`,
		c.COE.String(), int64(c.Sequence), c.Status, c.Cord+c.Rule, int64(c.Revision), e.At, text)
	return err
}

// timeOf reads a time of a fact, which is one or empty.
func timeOf(text string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, text)
	return at
}

// take moves a COE on by what happened to it.
func (c *COE) take(f decide.COEFact, at time.Time) {
	c.Status, c.Changed = f.Status, at
	switch f.Change {
	case decide.COEOpened, decide.COEAdded, decide.COEReopened:
		c.Times++
	case decide.COERevised:
		c.Revision, c.Digest = f.Revision, f.Digest
		for _, author := range c.Authors {
			if author == f.By {
				return
			}
		}
		c.Authors = append(c.Authors, f.By)
	case decide.COEPublished:
		c.Published, c.PublishedBy, c.TreeSize, c.HoldUntil = at, f.By, f.TreeSize, timeOf(f.HoldUntil)
	case decide.COEClosed:
		c.ClosedBy = f.By
	}
}

// applyCOETexts stores what people wrote.
func applyCOETexts(tx *statement.Tx, texts []decide.COEText) error {
	const columns = 6
	var values []any
	for _, t := range texts {
		values = append(values, t.COE.String(), int64(t.Revision), t.Digest, t.By, t.At, t.Text)
	}
	return tx.Insert(`INSERT INTO coe_revision (coe, revision, digest, author, at, text)`, "", columns, values)
}

// COEs lists COEs, the one opened last first.
func COEs(ctx context.Context, db *sql.DB, f COEFilter) ([]COE, error) {
	n := narrowing{where: "seq >= 0"}
	n.text("status", f.Status)
	n.text("about", f.About)
	if f.Before > 0 {
		n.where += " AND seq < ?"
		n.args = append(n.args, int64(f.Before))
	}
	result, err := db.QueryContext(ctx, `SELECT state FROM coe WHERE `+n.where+` ORDER BY seq DESC LIMIT ?`, append(n.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read COEs: %w", err)
	}
	defer result.Close()
	found := []COE{}
	for result.Next() {
		var text []byte
		var c COE
		if err := result.Scan(&text); err != nil {
			return nil, fmt.Errorf("read COE: %w", err)
		}
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read COE: %w", err)
		}
		found = append(found, c)
	}
	return found, result.Err()
}

// COEByID returns a COE, nil when there is none.
func COEByID(ctx context.Context, db *sql.DB, id uuid.UUID) (*COE, error) {
	var text []byte
	err := db.QueryRowContext(ctx, `SELECT state FROM coe WHERE coe = ?`, id.String()).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read COE: %w", err)
	}
	var c COE
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("read COE: %w", err)
	}
	return &c, nil
}

// COETexts returns the revisions of a COE, the first first; without their texts
// unless one is asked for by its number.
func COETexts(ctx context.Context, db *sql.DB, id uuid.UUID, revision int) ([]decide.COEText, error) {
	query, args := `SELECT revision, digest, author, at, '' FROM coe_revision WHERE coe = ? ORDER BY revision`, []any{id.String()}
	if revision > 0 {
		query, args = `SELECT revision, digest, author, at, text FROM coe_revision WHERE coe = ? AND revision = ?`, append(args, int64(revision))
	}
	result, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	defer result.Close()
	found := []decide.COEText{}
	for result.Next() {
		t := decide.COEText{COE: id}
		if err := result.Scan(&t.Revision, &t.Digest, &t.By, &t.At, &t.Text); err != nil {
			return nil, fmt.Errorf("read revision: %w", err)
		}
		found = append(found, t)
	}
	return found, result.Err()
}
