package remediator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/logpg"
)

// storedLog is a log of this service, which it closes.
type storedLog interface {
	log.Log
	// Forget removes records that are keep old and not behind through, and returns
	// how many went.
	Forget(ctx context.Context, through uint64, keep time.Duration) (records uint64, err error)
	// ConfirmClock accepts the engine's clock as it is, after log.ErrClockJump.
	ConfirmClock()
	Close() error
}

// openStores opens log and ledger, and begins them where there are none: as files
// of the data folder, or in the database.
func (s *Service) openStores(ctx context.Context) error {
	if s.cfg.Database != "" {
		return s.openDatabase(ctx)
	}
	clocks := logdb.Options{Elapsed: s.cfg.Elapsed}
	if clocks.Elapsed != nil {
		clocks.Now = s.cfg.Now
	}
	l, err := logdb.Open(ctx, filepath.Join(s.cfg.DataDir, logFile), clocks)
	if err != nil {
		return err
	}
	s.keep(l, "SQLite")
	path := filepath.Join(s.cfg.DataDir, ledgerFile)
	key, err := s.begin(ctx, func() error {
		// The ledger's file is made after the genesis input is durable.
		switch _, err := os.Stat(path); {
		case err == nil:
			return fmt.Errorf("%s is missing or empty, but %s was made from it: restore the log, or begin a new data folder", logFile, ledgerFile)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.ledger, err = ledgerdb.Open(ctx, path, ledgerdb.Options{Key: key}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	return nil
}

// openDatabase opens the ledger in PostgreSQL, and the log there or on servers of its
// own.
func (s *Service) openDatabase(ctx context.Context) error {
	if s.cfg.Log == "" {
		l, err := logpg.Open(ctx, s.cfg.Database, logpg.Options{})
		if err != nil {
			return err
		}
		s.keep(l, "PostgreSQL")
	}
	var key, logID string
	err := ledgerdb.Alone(ctx, s.cfg.Database, func(held func() error) (err error) { // one node begins the log
		mayBegin := func() error {
			begun, err := ledgerdb.Begun(ctx, s.cfg.Database)
			if begun {
				return errors.New("the log is empty, but there is a ledger that was made from it: restore the log, or name an empty database")
			}
			return errors.Join(err, held())
		}
		if s.cfg.Log == "" {
			key, err = s.begin(ctx, mayBegin)
			return err
		}
		l, err := lognats.Open(ctx, s.cfg.Log, lognats.Options{MayBegin: mayBegin, Logger: s.cfg.Logger})
		if err != nil {
			return err
		}
		s.keep(l, l.String())
		if key, err = s.begin(ctx, mayBegin); err == nil {
			logID, err = identify(ctx, l)
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.ledger, err = ledgerdb.Connect(ctx, s.cfg.Database, ledgerdb.Options{Key: key, Node: s.cfg.Node}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	return s.checkLog(ctx, logID)
}

// identify returns the id of the log that a stream holds. The first record says it,
// and is forgotten one day; so it is noted.
func identify(ctx context.Context, l *lognats.Log) (string, error) {
	id, err := l.ID(ctx)
	if err != nil || id != "" {
		return id, err
	}
	genesis, err := history.Genesis(ctx, l)
	if err != nil {
		return "", err
	}
	if genesis == nil {
		return "", errors.New("the log does not begin with its genesis, and nothing says which log it is: restore it from a backup")
	}
	return genesis.LogID, l.SetID(ctx, genesis.LogID)
}

// checkLog refuses a log that is known to be another than the ledger was made from.
// Whether it lost its end, or says something else, is seen when it is folded.
func (s *Service) checkLog(ctx context.Context, logID string) error {
	if logID == "" {
		return nil
	}
	at, err := s.ledger.Position(ctx)
	if err == nil && at.LogID != "" && at.LogID != logID {
		err = fmt.Errorf("the log is not the one that the ledger was made from: its id is %s, and the ledger has that of %s: name the right stream, or the right database", logID, at.LogID)
	}
	return err
}

// readLateness reads how late events of the log may come, and refuses to be told
// otherwise: what was decided was decided by that.
func (s *Service) readLateness(ctx context.Context) (err error) {
	if s.lateness, err = history.New(s.log, s.ledger).Lateness(ctx); err != nil {
		return err
	}
	if asked := s.cfg.Lateness; asked != nil && *asked != s.lateness {
		return fmt.Errorf("the log began with a lateness of %v, and keeps it: leave out the lateness of %v, or begin a new log", s.lateness, *asked)
	}
	return nil
}

// keep keeps the log, whose engine people know by a name.
func (s *Service) keep(l storedLog, engine string) {
	s.log, s.engine = l, engine
	s.closers = append(s.closers, l.Close)
}

// begin returns the ledger's key, and begins an empty log.
func (s *Service) begin(ctx context.Context, mayBegin func() error) (key string, err error) {
	b := beginning{log: s.log, key: s.cfg.LedgerKeyFile, mayBegin: mayBegin, stamp: s.stamp(), now: s.cfg.Now(), lateness: decide.Lateness}
	if s.cfg.Lateness != nil {
		b.lateness = *s.cfg.Lateness
	}
	if b.key == "" {
		b.key, b.replace = filepath.Join(s.cfg.DataDir, keyFile), true
	}
	return b.begin(ctx)
}
