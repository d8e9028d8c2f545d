package ledgerdb

import (
	"context"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/store/views"
)

const (
	// nodeKept is how long a node that was not heard of stays in the list.
	nodeKept = time.Hour
	// nodeSilent is for how long a node is believed to be there without a word.
	nodeSilent = 15 * time.Second
)

// Holder is what the lease calls this handle: a name that no other has.
func (d *DB) Holder() string { return d.holder }

// SeeNode notes that this node is there. On files there is only one, and nothing
// is noted.
func (d *DB) SeeNode(ctx context.Context, n views.Node) error {
	if d.db.keep == nil {
		return nil
	}
	_, err := d.db.Write.ExecContext(ctx, `INSERT INTO node (id, name, version, decide, rules, ordinal, seen) VALUES (?, ?, ?, ?, ?, ?, `+serverClock+`)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, decide = excluded.decide, rules = excluded.rules, ordinal = excluded.ordinal, seen = excluded.seen`,
		d.holder, n.Name, n.Version, n.Decide, n.Rules, int64(n.Ordinal))
	if err == nil {
		_, err = d.db.Write.ExecContext(ctx, `DELETE FROM node WHERE seen < `+serverClock+` - ?`, int64(nodeKept))
	}
	if err != nil {
		return fmt.Errorf("note node: %w", err)
	}
	return nil
}

// LeaveNode takes this node off the list.
func (d *DB) LeaveNode(ctx context.Context) error {
	if d.db.keep == nil {
		return nil
	}
	if _, err := d.db.Write.ExecContext(ctx, `DELETE FROM node WHERE id = ?`, d.holder); err != nil {
		return fmt.Errorf("take node off the list: %w", err)
	}
	return nil
}

// Nodes lists the nodes that were there within the last hour, by name. Of files
// it is empty.
func (d *DB) Nodes(ctx context.Context) ([]views.Node, error) {
	if d.db.listen == nil {
		return nil, nil
	}
	rows, err := d.db.Read.QueryContext(ctx, `SELECT n.name, n.version, n.decide, n.rules, n.ordinal, n.seen, n.seen < `+serverClock+` - ?,
		EXISTS (SELECT 1 FROM lease WHERE holder = n.id AND expires > `+serverClock+`),
		(SELECT COUNT(*) FROM outbox AS o WHERE o.holder = n.id AND o.state = '`+stateDue+`' AND o.lease_until > `+serverClock+`) FROM node AS n ORDER BY n.name, n.id`, int64(nodeSilent))
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	defer rows.Close()
	nodes := []views.Node{}
	for rows.Next() {
		var n views.Node
		var seen int64
		if err := rows.Scan(&n.Name, &n.Version, &n.Decide, &n.Rules, &n.Ordinal, &seen, &n.Silent, &n.Leader, &n.Holds); err != nil {
			return nil, fmt.Errorf("read node: %w", err)
		}
		n.Seen = time.Unix(0, seen).UTC()
		nodes = append(nodes, n)
	}
	return nodes, rows.Err()
}
