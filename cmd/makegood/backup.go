package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/backup"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

type backupCommands struct {
	Make   makeBackupCommand   `cmd:"" default:"withargs" help:"Copy a data folder, or a database, beside the services that run on it."`
	Verify verifyBackupCommand `cmd:"" help:"Check a backup whole, and its ledger."`
}

type makeBackupCommand struct {
	Dir     string `arg:"" type:"path" help:"New folder for the backup. It holds keys: keep it as the data folder itself."`
	DataDir string `env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the log and the ledger."`
	database
}

// Run makes a backup.
func (c *makeBackupCommand) Run(p *program) error {
	dsn, err := c.archived(c.DataDir)
	if err != nil {
		return err
	}
	var m *backup.Manifest
	if dsn == "" {
		m, err = backup.Make(p.ctx, c.DataDir, c.Dir, time.Now())
	} else {
		m, err = backup.MakeOfDatabase(p.ctx, dsn, c.Dir, time.Now())
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "backed up %d files: a log of %d records, a ledger of %d entries\n%s", len(m.Files), m.Record, m.Entries, m.Checkpoint)
	return nil
}

// archived is the connection string of a database that is backed up or restored whole,
// empty for a data folder.
func (d database) archived(dataDir string) (string, error) {
	if err := (storage{dataDir, d}).check(); err != nil {
		return "", err
	}
	servers, err := d.servers()
	if err == nil && servers != "" {
		err = usageError("NATS keeps this log: back up and restore its stream and the database with their own tools, the database first")
	}
	if err != nil {
		return "", err
	}
	return d.dsn()
}

// pins are what was kept elsewhere, for whoever checks a ledger.
type pins struct {
	Key        string   `type:"path" help:"File with the ledger's public key, kept elsewhere."`
	Checkpoint []string `type:"path" help:"File with checkpoints, kept elsewhere: the ledger must be a continuation of each."`
}

// options reads them.
func (c pins) options() (ledger.Options, error) {
	var options ledger.Options
	if c.Key != "" {
		key, err := readKept(c.Key, maxKey)
		if err != nil {
			return options, fmt.Errorf("read key: %w", err)
		}
		options.Key = strings.TrimSpace(string(key))
	}
	for _, name := range c.Checkpoint {
		notes, err := readCheckpoints(name)
		if err != nil {
			return options, fmt.Errorf("read checkpoint: %w", err)
		}
		options.Checkpoints = append(options.Checkpoints, notes...)
	}
	return options, nil
}

type verifyBackupCommand struct {
	Dir string `arg:"" type:"path" help:"Folder of the backup."`
	pins
	Output string `enum:"table,json" default:"table" help:"table or json."`
}

// Run checks a backup. It exits with 1 when something was found.
func (c *verifyBackupCommand) Run(p *program) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	checked, err := backup.Check(p.ctx, c.Dir, options)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(p.stdout, checked)
	} else {
		err = printBackup(p, checked)
	}
	if err == nil && !checked.Good() {
		return errChecked
	}
	return err
}

// printBackup says what a backup was found to be.
func printBackup(p *program, c *backup.Checked) error {
	fmt.Fprintf(p.stdout, "made at    %s, %d files\nlog        %s, %d records\n", c.MadeAt.Format(time.RFC3339), len(c.Files), plain(c.LogID), c.Record)
	for _, problem := range c.Problems {
		fmt.Fprintf(p.stdout, "FOUND      %s\n", plain(problem))
	}
	if c.Ledger == nil {
		fmt.Fprintf(p.stdout, "NOT VERIFIED, findings: %d; the ledger was not looked at\n", len(c.Problems))
		return nil
	}
	return c.Ledger.WriteText(p.stdout)
}

type restoreCommand struct {
	Dir     string `arg:"" type:"path" help:"Folder of the backup."`
	DataDir string `env:"MAKEGOOD_DATA_DIR" type:"path" help:"New data folder."`
	database
	pins
	LedgerKey string `type:"path" name:"ledger-key-file" help:"With --new-origin and --database: file of the key of the nodes. The new key takes its place, and the old one is kept beside it."`
	NewOrigin bool   `help:"Go on under a new origin and key, because the backup lacks entries that were sealed since. Its first entry names the newest checkpoint given."`
}

// Run makes a data folder, or a database, of a backup.
func (c *restoreCommand) Run(p *program) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	dsn, err := c.archived(c.DataDir)
	if err != nil {
		return err
	}
	var checked *backup.Checked
	var begun decide.OriginFact
	switch {
	case c.NewOrigin && dsn != "" && c.LedgerKey == "":
		return usageError("--new-origin: the key of the nodes endorses the new one, and is not in the database: name its file with --ledger-key-file")
	case c.LedgerKey != "" && !(c.NewOrigin && dsn != ""):
		return usageError("--ledger-key-file: is for --new-origin in a database; leave it out")
	case c.NewOrigin && dsn != "":
		checked, begun, err = backup.RestoreToDatabaseUnderNewOrigin(p.ctx, c.Dir, dsn, c.LedgerKey, options)
	case c.NewOrigin:
		checked, begun, err = backup.RestoreUnderNewOrigin(p.ctx, c.Dir, c.DataDir, options)
	case dsn == "":
		checked, err = backup.Restore(p.ctx, c.Dir, c.DataDir, options)
	default:
		checked, err = backup.RestoreToDatabase(p.ctx, c.Dir, dsn, options)
	}
	if errors.Is(err, backup.ErrNotGood) {
		return errors.Join(printBackup(p, checked), err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "restored to %s: a ledger of %d entries, as of %s\n", storage{c.DataDir, c.database}, checked.Entries, checked.MadeAt.Format(time.RFC3339))
	if c.NewOrigin {
		fmt.Fprintf(p.stdout, "A new origin begins after %d entries; of the old one %d are known to have been sealed.\nIts public key, to be kept elsewhere beside the old one: %s\n",
			begun.Kept, begun.Old.Size, begun.LedgerKey)
		if dsn != "" {
			fmt.Fprintf(p.stdout, "Give all nodes the key in %s; the old one is in %s.old.\n", c.LedgerKey, c.LedgerKey)
		}
	}
	fmt.Fprintln(p.stdout, "All money is paused. Look at what happened since, then: makegood resume --all-money")
	for _, u := range checked.Unspent {
		fmt.Fprintf(p.stdout, "Of the store credit of %d customers, %s, what was spent after the backup is not known, and they could spend it again.\n", u.Customers, u.Amount)
	}
	if len(checked.Unspent) > 0 {
		fmt.Fprintln(p.stdout, "No credit is spent while money is paused. When it is resumed, have the shop send its redemptions since the backup first, with their keys.")
	}
	if !checked.Ledger.Pinned {
		fmt.Fprintln(p.stdout, "Nothing that was kept elsewhere was given: whether the ledger's end was lost is not known.")
	}
	return nil
}
