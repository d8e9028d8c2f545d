package logdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/internal/sqlite"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// filledAtOnce is how many records are copied at once: each may have some MiB.
const filledAtOnce = 16

// Fill writes another log as it is now into a new file, with the same sequences and
// times. Records may be appended to it meanwhile.
func Fill(ctx context.Context, path string, from log.Log) (err error) {
	head, err := from.Head(ctx)
	if err != nil {
		return fmt.Errorf("copy log: %w", err)
	}
	db, err := sqlite.Open(ctx, path, kind)
	if err != nil {
		return fmt.Errorf("copy log: %w", err)
	}
	cache := statement.NewCache(db.Write)
	defer func() { err = errors.Join(err, cache.Close(), db.Close()) }()
	tx, err := cache.Begin(ctx)
	if err != nil {
		return fmt.Errorf("copy log: %w", err)
	}
	defer tx.Rollback()
	for after := uint64(0); after < head; {
		found, err := from.Read(ctx, after, filledAtOnce)
		if err != nil {
			return fmt.Errorf("copy log: %w", err)
		}
		if len(found) == 0 || after > 0 && found[0].Seq != after+1 {
			return fmt.Errorf("copy log: the records behind %d were removed meanwhile; begin again", after)
		}
		const columns = 3
		var values []any
		for _, r := range found {
			values = append(values, int64(r.Seq), r.At, r.Blob)
		}
		if err := tx.Insert(`INSERT INTO record (seq, at, blob)`, "", columns, values); err != nil {
			return fmt.Errorf("copy log: %w", err)
		}
		after = found[len(found)-1].Seq
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("copy log: %w", err)
	}
	return nil
}
