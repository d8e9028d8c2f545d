package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
)

type auditCommands struct {
	Verify        verifyCommand        `cmd:"" help:"Re-hash the whole ledger and name whatever was changed."`
	Prove         proveCommand         `cmd:"" help:"Write a receipt of a remedy, which anybody checks with the public key alone."`
	Reproduce     reproduceCommand     `cmd:"" help:"Fold the log again, and compare what comes of it with the ledger, byte for byte."`
	VerifyReceipt verifyReceiptCommand `cmd:"" help:"Check a receipt, offline, and name what is wrong with it."`
	VerifyBundle  verifyBundleCommand  `cmd:"" help:"Check a bundle of a COE, offline, and name what is wrong with it."`
	Export        exportCommand        `cmd:"" help:"Write the ledger for a spreadsheet or another verifier."`
}

type verifyCommand struct {
	DataDir string `env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the ledger."`
	database
	URL string `help:"Instead of reading the ledger here: address of a running service, which verifies it and says what it found."`
	credentials
	pins
	Output string `enum:"table,json" default:"table" help:"table or json."`
}

// Run verifies. It exits with 1 when something was found.
func (c *verifyCommand) Run(p *program) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	bar := newProgress(p.stderr, "verifying", 0)
	if c.URL != "" {
		return c.byService(p, options, bar)
	}
	options.Progress = func(done, size uint64) {
		bar.total = int(size)
		bar.set(int(done))
	}
	source, release, err := openSource(p, storage{c.DataDir, c.database})
	if err != nil {
		return err
	}
	defer release()
	report, err := ledger.Verify(p.ctx, source, options)
	bar.done()
	if err != nil {
		return err
	}
	return c.print(p, &report)
}

// print prints what was found.
func (c *verifyCommand) print(p *program, report *ledger.Report) (err error) {
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

// verifyPoll is how often a service is asked how far it is.
const verifyPoll = 200 * time.Millisecond

// byService has a running service verify its ledger, against what was kept here. What it
// finds is its word: who does not trust it reads the ledger itself.
func (c *verifyCommand) byService(p *program, options ledger.Options, bar *progress) error {
	asked := service{URL: c.URL, credentials: c.credentials}
	body := map[string]string{"key": options.Key, "checkpoints": string(bytes.Join(options.Checkpoints, nil))}
	var v integrity.Verification
	if err := asked.post(p.ctx, "/v1/integrity/verify", body, &v); err != nil {
		return err
	}
	for v.Running {
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(verifyPoll):
		}
		var state integrity.State
		if err := asked.live(p.ctx, "/v1/integrity", &state); err != nil {
			return err
		}
		v = state.Verification
		bar.total = int(v.Size)
		bar.set(int(v.Done))
	}
	bar.done()
	switch {
	case v.Error != "":
		return errors.New(v.Error)
	case v.Report == nil:
		return errors.New("the service has begun anew and forgotten what it verified: ask again")
	}
	return c.print(p, v.Report)
}

const (
	// maxKey bounds a file with a public key, which has less than 1 KiB.
	maxKey = 64 << 10
	// maxCheckpoints bounds a file of checkpoints: a month of one every ten seconds.
	maxCheckpoints = 128 << 20
)

// readCheckpoints reads the checkpoints of a file, one or many.
func readCheckpoints(name string) ([][]byte, error) {
	text, err := readKept(name, maxCheckpoints)
	if err != nil {
		return nil, err
	}
	notes, err := ledger.SplitNotes(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return notes, nil
}

// readKept reads what was kept elsewhere. An empty file is an error: nothing
// would be pinned, and the answer would not say so.
func readKept(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > most:
		return nil, fmt.Errorf("%s is larger than %d bytes: it is no key and no file of checkpoints", name, most)
	case strings.TrimSpace(string(text)) == "":
		return nil, fmt.Errorf("%s is empty", name)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s is not text", name)
	}
	return text, nil
}

// openSource opens the ledger of a storage to read only, also beside the service that
// writes it.
func openSource(p *program, at storage) (ledger.Source, func(), error) {
	if err := at.check(); err != nil {
		return nil, nil, err
	}
	db, err := at.openLedger(p.ctx)
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
	DataDir string `env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the ledger."`
	database
	Format string `enum:"csv,jsonl,totals" default:"csv" help:"csv: a row for each entry. jsonl: entries as sealed, with leaves. totals: by month, account and currency."`
	File   string `type:"path" help:"File to write. Defaults to standard output."`
}

// Run exports.
func (c *exportCommand) Run(p *program) (err error) {
	source, release, err := openSource(p, storage{c.DataDir, c.database})
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
