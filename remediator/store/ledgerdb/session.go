package ledgerdb

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"strings"

	"github.com/makegood/makegood/remediator/access"
)

var (
	//go:embed session.sqlite.sql
	sessionSchema string
	//go:embed session.postgres.sql
	sessionOnServer string
)

var _ access.Sessions = (*DB)(nil)

// Session implements access.Sessions.
func (d *DB) Session(ctx context.Context, digest string) (*access.Session, error) {
	s := access.Session{Digest: digest}
	var roles string
	err := d.db.Read.QueryRowContext(ctx, `SELECT name, roles, token, method, created, seen, expires FROM session WHERE digest = ?`, digest).
		Scan(&s.Name, &roles, &s.Token, &s.Method, &s.Created, &s.Seen, &s.Expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if roles != "" {
		s.Roles = strings.Split(roles, ",")
	}
	return &s, nil
}

// BeginSession implements access.Sessions.
func (d *DB) BeginSession(ctx context.Context, s access.Session) error {
	if err := d.exec(ctx, "forget old sessions", nil, `DELETE FROM session WHERE expires <= ?`, s.Created); err != nil {
		return err
	}
	return d.exec(ctx, "keep session", nil, `INSERT INTO session (digest, name, roles, token, method, created, seen, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Digest, s.Name, strings.Join(s.Roles, ","), s.Token, s.Method, s.Created, s.Seen, s.Expires)
}

// SeeSession implements access.Sessions.
func (d *DB) SeeSession(ctx context.Context, digest string, at int64) error {
	return d.exec(ctx, "note session", nil, `UPDATE session SET seen = ? WHERE digest = ? AND seen < ?`, at, digest, at)
}

// EndSession implements access.Sessions.
func (d *DB) EndSession(ctx context.Context, digest string) error {
	return d.exec(ctx, "end session", nil, `DELETE FROM session WHERE digest = ?`, digest)
}
