package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/views"
)

// Errors of a backup that is restored to where it is not from.
var (
	errOfDatabase = errors.New("restore backup: it is of a database and has no key of the ledger: restore it with --database")
	errOfFolder   = errors.New("restore backup: it is of a data folder: restore it with --data-dir")
)

// MakeOfDatabase copies the ledger and the log of a PostgreSQL database into a new
// folder, beside the nodes that share it. The ledger is of one moment, and the log of
// a later one.
func MakeOfDatabase(ctx context.Context, dsn, dir string, now time.Time) (m *Manifest, err error) {
	if err := newFolder(dir); err != nil {
		return nil, fmt.Errorf("make backup: %w", err)
	}
	lg, err := logpg.OpenReadOnly(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("make backup: the database must hold the log, which NATS may keep instead: %w", err)
	}
	if err := ledgerdb.CopyServer(ctx, dsn, filepath.Join(dir, ledgerFile)); err != nil {
		return nil, errors.Join(err, lg.Close())
	}
	if err := errors.Join(logdb.Fill(ctx, filepath.Join(dir, logFile), lg), lg.Close()); err != nil {
		return nil, err
	}
	m = &Manifest{Format: format, MadeAt: now.UTC().Truncate(time.Second), Database: true}
	return m, m.conclude(ctx, dir, []string{ledgerFile, logFile})
}

// RestoreToDatabase puts a backup of a database that is good into an empty one, with
// all money paused, as Restore does for a folder. The ledger comes before the log:
// nodes go on with no ledger whose log is missing, and with the log comes the command to
// pause, which seals the brake that the ledger has already.
func RestoreToDatabase(ctx context.Context, dir, dsn string, options ledger.Options) (c *Checked, err error) {
	if c, err = checkForDatabase(ctx, dir, options); err != nil {
		return c, err
	}
	_, err = c.fill(ctx, dir, dsn, nil)
	return c, err
}

// checkForDatabase checks a backup that is to be put into a database.
func checkForDatabase(ctx context.Context, dir string, options ledger.Options) (c *Checked, err error) {
	if c, err = Check(ctx, dir, options); err != nil {
		return nil, err
	}
	switch {
	case !c.Good():
		return c, ErrNotGood
	case !c.Database:
		return c, errOfFolder
	}
	return c, nil
}

// fill puts a backup that is good into an empty database. first are the commands of its
// log's last record, before the one to pause, and come with the keys of two origins. It
// returns whether the database may hold the ledger now.
func (c *Checked) fill(ctx context.Context, dir, dsn string, keys *ledgerdb.Succession, first ...command) (filled bool, err error) {
	stop := pause(c)
	record, err := encode(append(first, stop)...)
	if err != nil {
		return false, err
	}
	brake := views.Brake{Target: decide.TargetMoney, ID: stop.id(), By: decide.Restorer, At: c.MadeAt}
	if err := ledgerdb.FillServer(ctx, filepath.Join(dir, ledgerFile), dsn, brake, keys); err != nil {
		return errors.Is(err, ledgerdb.ErrUnsure), err
	}
	lg, err := logdb.OpenReadOnly(ctx, filepath.Join(dir, logFile))
	if err != nil {
		return true, err
	}
	return true, errors.Join(logpg.Fill(ctx, dsn, lg, record), lg.Close())
}
