package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

type auditCommands struct {
	Verify verifyCommand `cmd:"" help:"Re-hash the whole ledger and name whatever was changed."`
	Export exportCommand `cmd:"" help:"Write the ledger for a spreadsheet or another verifier."`
}

type verifyCommand struct {
	DataDir    string   `required:"" env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the ledger."`
	Key        string   `type:"path" help:"File with the ledger's public key, kept elsewhere (the folder has it as ledger.pub)."`
	Checkpoint []string `type:"path" help:"File with an older checkpoint, kept elsewhere: the ledger must be a continuation of it."`
	Output     string   `enum:"table,json" default:"table" help:"table or json."`
}

// Run verifies. It exits with 1 when something was found.
func (c *verifyCommand) Run(p *program) error {
	options := ledger.Options{}
	if c.Key != "" {
		key, err := readKept(c.Key)
		if err != nil {
			return fmt.Errorf("read key: %w", err)
		}
		options.Key = strings.TrimSpace(string(key))
	}
	for _, name := range c.Checkpoint {
		note, err := readKept(name)
		if err != nil {
			return fmt.Errorf("read checkpoint: %w", err)
		}
		note = append(bytes.TrimRight(note, "\r\n"), '\n') // editors and shells add lines
		options.Checkpoints = append(options.Checkpoints, note)
	}
	bar := newProgress(p.stderr, "verifying", 0)
	options.Progress = func(done, size uint64) {
		bar.total = int(size)
		bar.set(int(done))
	}
	source, release, err := openSource(p, c.DataDir)
	if err != nil {
		return err
	}
	defer release()
	report, err := ledger.Verify(p.ctx, source, options)
	bar.done()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = report.WriteJSON(p.stdout)
	} else {
		err = report.WriteText(p.stdout)
	}
	if err == nil && !report.Verified {
		return errChecked
	}
	return err
}

// maxKept bounds a file with a key or a checkpoint; both have less than 1 KiB.
const maxKept = 64 << 10

// readKept reads what was kept elsewhere. An empty file is an error: nothing
// would be pinned, and the answer would not say so.
func readKept(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxKept:
		return nil, fmt.Errorf("%s is larger than %d bytes: it is no key and no checkpoint", name, maxKept)
	case strings.TrimSpace(string(text)) == "":
		return nil, fmt.Errorf("%s is empty", name)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s is not text", name)
	}
	return text, nil
}

// openSource opens the ledger of a data folder to read only, also beside the
// service that writes it.
func openSource(p *program, dir string) (ledger.Source, func(), error) {
	db, err := ledgerdb.OpenReadOnly(p.ctx, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, nil, err
	}
	source, release, err := db.Source(p.ctx)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return source, func() {
		release()
		db.Close()
	}, nil
}

type exportCommand struct {
	DataDir string `required:"" env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the ledger."`
	Format  string `enum:"csv,jsonl,totals" default:"csv" help:"csv: a row for each entry. jsonl: entries as sealed, with leaves. totals: by month, account and currency."`
	File    string `type:"path" help:"File to write. Defaults to standard output."`
}

// Run exports.
func (c *exportCommand) Run(p *program) (err error) {
	source, release, err := openSource(p, c.DataDir)
	if err != nil {
		return err
	}
	defer release()
	var out io.Writer = p.stdout
	if c.File != "" {
		f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write export: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	buffered := bufio.NewWriter(out)
	return errors.Join(ledger.Export(p.ctx, source, buffered, ledger.Format(c.Format)), buffered.Flush())
}
