package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// past is the history that a data folder holds, opened to read only.
type past struct {
	*history.History
	log    *logdb.Log
	ledger *ledgerdb.DB
}

// openHistory opens the history of a data folder, beside its service if one runs.
func openHistory(ctx context.Context, dir string) (*past, error) {
	lg, err := logdb.OpenReadOnly(ctx, filepath.Join(dir, "log.db"))
	if err != nil {
		return nil, err
	}
	db, err := ledgerdb.OpenReadOnly(ctx, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, errors.Join(err, lg.Close())
	}
	return &past{history.New(lg, db), lg, db}, nil
}

// Close closes it.
func (p *past) Close() error { return errors.Join(p.ledger.Close(), p.log.Close()) }
