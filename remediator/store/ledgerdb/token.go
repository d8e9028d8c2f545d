package ledgerdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

func writeTokens(tx *statement.Tx, c *Change) error {
	for _, t := range c.out.Tokens {
		revoked := int64(0)
		if t.Revoked {
			revoked = 1
		}
		var err error
		if t.SHA256 == "" {
			_, err = tx.Exec(`UPDATE token SET revoked = ? WHERE id = ?`, revoked, t.ID.String())
		} else {
			// A secret belongs to the token that had it first, and what is revoked stays so.
			_, err = tx.Exec(`INSERT INTO token (id, name, roles, sha256, expires, revoked) SELECT ?, ?, ?, ?, ?, ?
				WHERE NOT EXISTS (SELECT 1 FROM token WHERE sha256 = ? AND id <> ?)
				ON CONFLICT (id) DO UPDATE SET revoked = 1 WHERE excluded.revoked = 1`,
				t.ID.String(), t.Name, strings.Join(t.Roles, ","), t.SHA256, t.Expires, revoked, t.SHA256, t.ID.String())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tokens lists all tokens, by name.
func (d *DB) Tokens(ctx context.Context) ([]decide.Token, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT id, name, roles, sha256, expires, revoked FROM token ORDER BY name, id`)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	tokens := []decide.Token{}
	for rows.Next() {
		var t decide.Token
		var id, roles string
		if err := rows.Scan(&id, &t.Name, &roles, &t.SHA256, &t.Expires, &t.Revoked); err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		if t.ID, err = uuid.Parse(id); err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		t.Roles = strings.Split(roles, ",")
		tokens = append(tokens, t)
	}
	return tokens, rows.Err()
}
