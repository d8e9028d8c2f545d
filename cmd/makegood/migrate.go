package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/logpg"
)

type migrateCommand struct {
	database
}

// Run makes the tables of log and ledger in a database, or brings them to this
// program's version. With servers for the log it makes its stream instead, or checks it.
func (c *migrateCommand) Run(p *program) error {
	dsn, err := c.dsn()
	if err != nil {
		return err
	}
	if dsn == "" {
		return usageError("say which database: --database or --database-file")
	}
	servers, err := c.servers()
	if err != nil {
		return err
	}
	logMigrate := logpg.Migrate
	if servers != "" {
		logMigrate = func(ctx context.Context, dsn string) (from, to int, err error) {
			return lognats.Migrate(ctx, servers, func() error {
				begun, err := ledgerdb.Begun(ctx, dsn)
				if begun {
					return errors.New("there is a ledger that was made from another: restore the stream, or name an empty database")
				}
				return err
			})
		}
	}
	for _, part := range []struct {
		name    string
		migrate func(ctx context.Context, dsn string) (from, to int, err error)
	}{{"ledger", ledgerdb.Migrate}, {"log", logMigrate}} {
		from, to, err := part.migrate(p.ctx, dsn)
		switch {
		case err != nil:
			return err
		case from == to:
			fmt.Fprintf(p.stdout, "%s: version %d already\n", part.name, to)
		case from == 0:
			fmt.Fprintf(p.stdout, "%s: made, version %d\n", part.name, to)
		default:
			fmt.Fprintf(p.stdout, "%s: from version %d to %d\n", part.name, from, to)
		}
	}
	return nil
}
