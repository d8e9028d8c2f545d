package coe

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// Life reads the facts about a COE, from the entry that opened it on.
func Life(ctx context.Context, src ledger.Source, id uuid.UUID, opened uint64) ([]ledger.Entry, error) {
	var life []ledger.Entry
	for after := int64(opened) - 1; ; {
		rows, err := src.Entries(ctx, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read facts: %w", err)
		}
		for i := range rows {
			after = rows[i].Seq
			if rows[i].Kind != decide.KindCOE {
				continue
			}
			e, err := rows[i].Entry()
			if err != nil {
				return nil, fmt.Errorf("read facts: %w", err)
			}
			var f decide.COEFact
			if err := json.Unmarshal(e.Body, &f); err != nil {
				return nil, fmt.Errorf("read entry %d: %w", e.Seq, err)
			}
			if f.COE == id {
				life = append(life, e)
			}
		}
		if len(rows) < pageSize {
			return life, nil
		}
	}
}
