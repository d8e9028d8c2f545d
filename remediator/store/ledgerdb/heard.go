package ledgerdb

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/store/views"
)

var (
	//go:embed heard.sqlite.sql
	heardSchema string
	//go:embed heard.postgres.sql
	heardOnServer string
)

// NoteHeard adds to what was heard. Events are added up; of agents and listeners the
// newest word counts. Rows come in the order of their names, so that nodes that note
// the same never wait for each other in a circle.
func (d *DB) NoteHeard(ctx context.Context, h views.Hearing) error {
	var heard, agents, listeners []any
	for _, r := range h.Heard {
		heard = append(heard, r.Source, r.Type, int64(r.Events), r.First.UnixNano(), r.Last.UnixNano())
	}
	for _, r := range h.Agents {
		agents = append(agents, r.Source, r.Agent, r.Last.UnixNano())
	}
	for _, r := range h.Listeners {
		listeners = append(listeners, r.Source, r.Agent, r.Node, int64(r.Streams), r.Last.UnixNano())
	}
	tx, err := d.statements.Begin(ctx)
	if err != nil {
		return fmt.Errorf("note what was heard: %w", err)
	}
	defer tx.Rollback()
	const heardColumns, agentColumns, listenerColumns = 5, 3, 5
	err = tx.Insert(`INSERT INTO heard (source, type, events, first_at, last_at)`, `ON CONFLICT (source, type) DO UPDATE SET
		events = heard.events + excluded.events, last_at = CASE WHEN heard.last_at > excluded.last_at THEN heard.last_at ELSE excluded.last_at END`, heardColumns, heard)
	if err == nil {
		err = tx.Insert(`INSERT INTO heard_agent (source, agent, last_at)`, `ON CONFLICT (source, agent) DO UPDATE SET
			last_at = CASE WHEN heard_agent.last_at > excluded.last_at THEN heard_agent.last_at ELSE excluded.last_at END`, agentColumns, agents)
	}
	if err == nil {
		err = tx.Insert(`INSERT INTO listener (source, agent, node, streams, last_at)`, `ON CONFLICT (source, agent, node) DO UPDATE SET
			streams = excluded.streams, last_at = excluded.last_at`, listenerColumns, listeners)
	}
	for _, table := range []string{"heard", "heard_agent", "listener"} {
		if err == nil {
			_, err = tx.Exec(`DELETE FROM `+table+` WHERE last_at < (SELECT last_at FROM `+table+` ORDER BY last_at DESC LIMIT 1 OFFSET ?)`, int64(views.MaxHeard-1))
		}
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("note what was heard: %w", err)
	}
	return nil
}

// Hearing returns what was heard of whom, by their names.
func (d *DB) Hearing(ctx context.Context) (views.Hearing, error) {
	h := views.Hearing{Heard: []views.Heard{}, Agents: []views.Agent{}, Listeners: []views.Listener{}}
	var first, last int64
	err := eachRow(ctx, d.db.Read, `SELECT source, type, events, first_at, last_at FROM heard ORDER BY source, type`, func(rows *sql.Rows) error {
		var r views.Heard
		err := rows.Scan(&r.Source, &r.Type, &r.Events, &first, &last)
		r.First, r.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
		h.Heard = append(h.Heard, r)
		return err
	})
	if err == nil {
		err = eachRow(ctx, d.db.Read, `SELECT source, agent, last_at FROM heard_agent ORDER BY source, agent`, func(rows *sql.Rows) error {
			var r views.Agent
			err := rows.Scan(&r.Source, &r.Agent, &last)
			r.Last = time.Unix(0, last).UTC()
			h.Agents = append(h.Agents, r)
			return err
		})
	}
	if err == nil {
		err = eachRow(ctx, d.db.Read, `SELECT source, agent, node, streams, last_at FROM listener ORDER BY source, agent, node`, func(rows *sql.Rows) error {
			var r views.Listener
			err := rows.Scan(&r.Source, &r.Agent, &r.Node, &r.Streams, &last)
			r.Last = time.Unix(0, last).UTC()
			h.Listeners = append(h.Listeners, r)
			return err
		})
	}
	if err != nil {
		return h, fmt.Errorf("read what was heard: %w", err)
	}
	return h, nil
}

// eachRow calls take for each row of a query.
func eachRow(ctx context.Context, from queries, query string, take func(*sql.Rows) error) error {
	rows, err := from.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
