package ledgerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// namesAtOnce bounds the parameters of one query. Fewer ids are filled up by
// repeating the last, so that there are few different queries.
var namesAtOnce = []int{1, 16, 256}

// inChunks calls query with the texts of an IN list and its parameters until all
// values were asked for.
func inChunks[T any](values []T, query func(list string, chunk []any) error) error {
	for len(values) > 0 {
		size := namesAtOnce[0]
		for _, n := range namesAtOnce {
			if n <= len(values) {
				size = n
			}
		}
		if size < len(values) && size < namesAtOnce[len(namesAtOnce)-1] {
			size *= 16 // one query filled up instead of several short ones
		}
		chunk := make([]any, size)
		for i := range chunk {
			chunk[i] = values[min(i, len(values)-1)]
		}
		if err := query("("+strings.TrimSuffix(strings.Repeat("?,", size), ",")+")", chunk); err != nil {
			return err
		}
		values = values[min(size, len(values)):]
	}
	return nil
}

// Taken implements decide.Memory.
func (d *DB) Taken(ids []uuid.UUID, shadow bool, before uint64) (map[uuid.UUID]bool, error) {
	table := "once_key"
	if shadow {
		table = "shadow_key"
	}
	bytes := make([][]byte, len(ids))
	for i := range ids {
		bytes[i] = ids[i][:]
	}
	taken := map[uuid.UUID]bool{}
	err := inChunks(bytes, func(list string, chunk []any) error {
		rows, err := d.db.Read.QueryContext(context.Background(),
			`SELECT id FROM `+table+` WHERE ordinal < ? AND id IN `+list, append([]any{int64(before)}, chunk...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id []byte
			if err := rows.Scan(&id); err != nil {
				return err
			}
			taken[uuid.UUID(id)] = true
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("look keys up: %w", err)
	}
	return taken, nil
}

// Refunded implements decide.Memory.
func (d *DB) Refunded(payments []string, before uint64) (map[string][]money.Money, error) {
	refunded := map[string][]money.Money{}
	err := inChunks(payments, func(list string, chunk []any) error {
		rows, err := d.db.Read.QueryContext(context.Background(), `SELECT payment, currency, SUM(minor) FROM payment
			WHERE ordinal < ? AND payment IN `+list+` GROUP BY payment, currency HAVING SUM(minor) <> 0 ORDER BY payment, currency`,
			append([]any{int64(before)}, chunk...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		chunked := map[string][]money.Money{}
		for rows.Next() {
			var payment string
			var m money.Money
			if err := rows.Scan(&payment, &m.Currency, &m.Minor); err != nil {
				return err
			}
			chunked[payment] = append(chunked[payment], m)
		}
		maps.Copy(refunded, chunked) // who is asked for in two chunks has one answer
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("sum payments up: %w", err)
	}
	return refunded, nil
}

// Refund implements decide.Memory.
func (d *DB) Refund(name string, before uint64) (*decide.Refund, error) {
	var state []byte
	err := d.db.Read.QueryRowContext(context.Background(), `SELECT state FROM refund WHERE name = ? AND ordinal < ? ORDER BY ordinal DESC LIMIT 1`,
		name, int64(min(before, math.MaxInt64))).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var r decide.Refund
	if err == nil {
		err = json.Unmarshal(state, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("read refund %s: %w", name, err)
	}
	return &r, nil
}

// customerKeys are the evidence keys that some items need. They implement
// ledger.Keys.
type customerKeys struct {
	stored, fresh map[string][32]byte
	erased        map[string]bool
	make          func(customer string) [32]byte
}

// Erase forgets the key of a customer, also one that was made a moment ago.
func (k *customerKeys) Erase(customer string) {
	delete(k.stored, customer)
	delete(k.fresh, customer)
	k.erased[customer] = true
}

// Of returns the key of a customer and makes it when there is none.
func (k *customerKeys) Of(customer string) ([32]byte, error) {
	if key, ok := k.stored[customer]; ok {
		return key, nil
	}
	key, ok := k.fresh[customer]
	if !ok {
		key = k.make(customer)
		k.fresh[customer] = key
	}
	return key, nil
}

// follow takes over what the commit before has made and erased: the tables may not
// say it yet. nil: there is none.
func (k *customerKeys) follow(before *customerKeys) {
	if before == nil {
		return
	}
	for customer := range before.erased {
		delete(k.stored, customer)
	}
	maps.Copy(k.stored, before.fresh)
}

// customerKeys reads the keys of the customers named in evidence.
func (d *DB) customerKeys(ctx context.Context, items []decide.Item) (*customerKeys, error) {
	keys := &customerKeys{stored: map[string][32]byte{}, fresh: map[string][32]byte{}, erased: map[string]bool{}, make: d.newKey}
	asked := map[string]bool{}
	var customers []string
	for _, item := range items {
		if item.Evidence != nil && !asked[item.Evidence.Customer] {
			asked[item.Evidence.Customer] = true
			customers = append(customers, item.Evidence.Customer)
		}
	}
	err := inChunks(customers, func(list string, chunk []any) error {
		rows, err := d.db.Read.QueryContext(ctx, `SELECT customer, key FROM customer_key WHERE customer IN `+list, chunk...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var customer string
			var key []byte
			if err := rows.Scan(&customer, &key); err != nil {
				return err
			}
			if len(key) != 32 {
				return fmt.Errorf("the key of a customer has %d bytes, want 32", len(key))
			}
			keys.stored[customer] = [32]byte(key)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read evidence keys: %w", err)
	}
	return keys, nil
}

// CustomerKeys returns the evidence keys of customers that have one.
func (d *DB) CustomerKeys(ctx context.Context, customers []string) (map[string][32]byte, error) {
	items := make([]decide.Item, len(customers))
	for i, customer := range customers {
		items[i].Evidence = &decide.Evidence{Customer: customer}
	}
	keys, err := d.customerKeys(ctx, items)
	if err != nil {
		return nil, err
	}
	return keys.stored, nil
}

// ScopeTaken reports whether a live remedy took any key of a scope. It reads the
// table from its beginning, so it is for rare questions.
func (d *DB) ScopeTaken(ctx context.Context, scope string) (bool, error) {
	var n int
	err := d.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM once_key WHERE scope = ? LIMIT 1) AS found`, scope).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look up scope: %w", err)
	}
	return n > 0, nil
}
