package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/logpg"
)

// readLog is a log that was opened to read.
type readLog interface {
	log.Log
	Close() error
}

// past is the history that a storage holds, opened to read only.
type past struct {
	*history.History
	log    readLog
	ledger *ledgerdb.DB
}

// openHistory opens the history of a storage, beside its service if one runs.
func openHistory(ctx context.Context, at storage) (*past, error) {
	lg, err := at.openLog(ctx)
	if err != nil {
		return nil, err
	}
	db, err := at.openLedger(ctx)
	if err != nil {
		return nil, errors.Join(err, lg.Close())
	}
	return &past{history.New(lg, db), lg, db}, nil
}

// openLog opens the log of a storage to read only.
func (p storage) openLog(ctx context.Context) (readLog, error) {
	if !p.named() {
		return logdb.OpenReadOnly(ctx, filepath.Join(p.dir, "log.db"))
	}
	dsn, err := p.dsn()
	if err != nil {
		return nil, err
	}
	servers, err := p.servers()
	if err != nil {
		return nil, err
	}
	if servers != "" {
		return lognats.OpenReadOnly(ctx, servers)
	}
	return logpg.OpenReadOnly(ctx, dsn)
}

// Close closes it.
func (p *past) Close() error { return errors.Join(p.ledger.Close(), p.log.Close()) }
