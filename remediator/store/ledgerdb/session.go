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
	err := scanSession(&s, d.db.Read.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM session WHERE digest = ?`, digest).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return &s, nil
}

// Sessions implements access.Sessions.
func (d *DB) Sessions(ctx context.Context, at int64) ([]access.Session, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT digest, `+sessionColumns+` FROM session WHERE expires > ? ORDER BY created, digest`, at)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	var all []access.Session
	for rows.Next() {
		var s access.Session
		if err := scanSession(&s, rows.Scan, &s.Digest); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// sessionColumns are what scanSession reads.
const sessionColumns = `name, roles, token, method, created, seen, expires`

// scanSession reads a session from a row, after what stands before its columns.
func scanSession(s *access.Session, scan func(...any) error, before ...any) error {
	var roles string
	err := scan(append(before, &s.Name, &roles, &s.Token, &s.Method, &s.Created, &s.Seen, &s.Expires)...)
	if roles != "" {
		s.Roles = strings.Split(roles, ",")
	}
	return err
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
