package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/folder"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// ErrNotGood says that a backup is not restored because of what was found.
var ErrNotGood = errors.New("restore backup: it is not what was made, or its ledger does not verify")

// Restore makes a new data folder of a backup that is good, with all money paused: a
// person lets it go on once they have looked at what happened since the backup was
// made. Unfinished actions are looked up at their providers before they are tried
// again, as all attempts are. When the backup is not good, the error is ErrNotGood
// and what was found is returned.
func Restore(ctx context.Context, dir, dataDir string, options ledger.Options) (*Checked, error) {
	return restore(ctx, dir, dataDir, options, func(c *Checked) error { return appendInputs(ctx, dataDir, pause(c)) })
}

// restore checks a backup, makes a data folder of it and finishes that.
func restore(ctx context.Context, dir, dataDir string, options ledger.Options, finish func(*Checked) error) (*Checked, error) {
	c, err := Check(ctx, dir, options)
	if err != nil {
		return nil, err
	}
	if !c.Good() {
		return c, ErrNotGood
	}
	if c.Database {
		return c, errOfDatabase
	}
	if err := newFolder(dataDir); err != nil {
		return c, fmt.Errorf("restore backup: %w", err)
	}
	lock, err := folder.Acquire(dataDir)
	if err != nil {
		return c, err
	}
	for _, f := range c.Files {
		if err := copyFile(filepath.Join(dir, f.Name), filepath.Join(dataDir, f.Name)); err != nil {
			return c, errors.Join(fmt.Errorf("restore backup: %w", err), lock.Release())
		}
	}
	return c, errors.Join(finish(c), lock.Release())
}

// command is an input that a restore appends.
type command struct {
	kind input.Kind
	name string
	of   *Checked // the backup
	body any
}

// id names the command: a restore that is made again appends the same.
func (c command) id() string {
	return fmt.Sprintf("%s/%d/%s", c.name, c.of.Record, c.of.MadeAt.Format("20060102T150405Z"))
}

// pause is a person's command to pause all money. The decider folds it before
// anything is carried out, and seals it.
func pause(c *Checked) command {
	return command{kind: input.Command, name: "restore", of: c, body: decide.CommandBody{
		Command: decide.CommandPause, By: decide.Restorer, Roles: []string{decide.RoleOperator}, Target: decide.TargetMoney,
		Reason: fmt.Sprintf("restored from the backup of %s, made at %d entries", c.MadeAt.Format("2006-01-02 15:04:05Z"), c.Entries),
	}}
}

// encode makes one record of commands.
func encode(commands ...command) ([]byte, error) {
	inputs := make([]input.Input, len(commands))
	for i, c := range commands {
		body, err := json.Marshal(c.body)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", c.name, err)
		}
		inputs[i] = input.Input{ID: c.id(), Kind: c.kind, At: input.StampPrevious, Body: body}
	}
	blob, err := input.EncodeRecord(inputs)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return blob, nil
}

// appendInputs appends commands to the log of a folder, in one record.
func appendInputs(ctx context.Context, dataDir string, commands ...command) error {
	blob, err := encode(commands...)
	if err != nil {
		return err
	}
	lg, err := logdb.Open(ctx, filepath.Join(dataDir, logFile), logdb.Options{})
	if err != nil {
		return err
	}
	_, err = lg.Append(ctx, blob)
	return errors.Join(err, lg.Close())
}
