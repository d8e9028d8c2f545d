package ledgerdb

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed" // the schema
	"fmt"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/store/views"
)

var (
	//go:embed telling.sqlite.sql
	tellingSchema string
	//go:embed telling.postgres.sql
	tellingOnServer string
)

// addressKey derives the key under which addresses are remembered. It lives where
// the ledger's key does, so that the table alone gives no address away, not even
// to somebody who tries them all.
func addressKey(ledgerKey string) []byte {
	mac := hmac.New(sha256.New, []byte(ledgerKey))
	mac.Write([]byte("makegood bounced addresses v1"))
	return mac.Sum(nil)
}

// hashAddress hashes an address. Its case does not matter: where it does to a
// mail server, nobody has two that differ in nothing else.
func (d *DB) hashAddress(address string) []byte {
	mac := hmac.New(sha256.New, d.addresses)
	mac.Write([]byte(strings.ToLower(address)))
	return mac.Sum(nil)
}

// Bounced reports whether mail to the address came back before.
func (d *DB) Bounced(ctx context.Context, address string) (bool, error) {
	var n int
	if err := d.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM bounced WHERE address = ?`, d.hashAddress(address)).Scan(&n); err != nil {
		return false, fmt.Errorf("look up address: %w", err)
	}
	return n > 0, nil
}

// RememberBounce remembers that mail to the address came back.
func (d *DB) RememberBounce(ctx context.Context, address, code string, at time.Time) error {
	return d.exec(ctx, "remember address", nil, `INSERT INTO bounced (address, at, code) VALUES (?, ?, ?) ON CONFLICT (address) DO NOTHING`,
		d.hashAddress(address), at.UnixNano(), code)
}

// Disabled returns why a receiver of webhooks is told nothing, "" when it is told.
func (d *DB) Disabled(ctx context.Context, endpoint string) (string, error) {
	all, err := d.DisabledEndpoints(ctx)
	return all[endpoint], err
}

// DisabledEndpoints returns the receivers that are told nothing, with the reason.
func (d *DB) DisabledEndpoints(ctx context.Context) (map[string]string, error) {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT name, why FROM disabled_endpoint`)
	if err != nil {
		return nil, fmt.Errorf("read disabled endpoints: %w", err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, why string
		if err := rows.Scan(&name, &why); err != nil {
			return nil, fmt.Errorf("read disabled endpoints: %w", err)
		}
		found[name] = why
	}
	return found, rows.Err()
}

// Disable stops telling a receiver of webhooks, until Enable.
func (d *DB) Disable(ctx context.Context, endpoint, why string, at time.Time) error {
	return d.exec(ctx, "disable endpoint", nil, `INSERT INTO disabled_endpoint (name, at, why) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		endpoint, at.UnixNano(), why)
}

// Enable tells a receiver of webhooks again. One that is enabled stays so.
func (d *DB) Enable(ctx context.Context, endpoint string) error {
	return d.exec(ctx, "enable endpoint", nil, `DELETE FROM disabled_endpoint WHERE name = ?`, endpoint)
}

// Deliveries lists webhooks with what they came to.
func (d *DB) Deliveries(ctx context.Context, f views.DeliveryFilter) ([]views.Delivery, error) {
	return views.Deliveries(ctx, d.db.Read, f)
}

// exec runs one statement in a transaction of its own, which excludes others under
// some names.
func (d *DB) exec(ctx context.Context, what string, names []string, query string, args ...any) error {
	err := func() error {
		tx, err := d.statements.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for _, name := range names {
			if err := d.db.exclude(tx, name); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(query, args...); err != nil {
			return err
		}
		return tx.Commit()
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
