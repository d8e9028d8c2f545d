// Package backup copies a data folder, or a database, while its service runs, checks
// such a copy, and makes a data folder or a database of it again.
//
// A backup is a folder that is laid out as a data folder, so that an auditor's
// commands read it as it is, with a manifest that names each file and its digest, how
// far the log and the ledger were, and the checkpoint. The ledger is copied before
// the log: what the log has beyond it is folded again, and a log that is behind would
// be of no use. The manifest is written last, so that a backup without one did not
// end.
//
// A backup of a database is such a folder too: its tables are copied into files, and
// back. The ledger's key and tokens are on the nodes and not in it.
//
// A backup holds the keys of the ledger and of customers: who has it can sign and
// read everything. Keep it as the folder itself is kept, and no longer than the log
// keeps events, because it brings erased keys back.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// Names of files in a data folder.
const (
	logFile       = "log.db"
	ledgerFile    = "ledger.db"
	keyFile       = "ledger.key"
	publicKeyFile = "ledger.pub"
	// ManifestFile is in a backup and not in a data folder.
	ManifestFile = "backup.json"
)

// format is the first thing that a manifest says.
const format = "makegood-backup/v1"

// Manifest says what a backup holds.
type Manifest struct {
	Format     string    `json:"format"` // makegood-backup/v1
	MadeAt     time.Time `json:"made_at"`
	Database   bool      `json:"database,omitempty"` // it is of a database: without the ledger's key
	LogID      string    `json:"log_id"`
	Record     uint64    `json:"record"`     // the last one of the log
	Ordinal    uint64    `json:"ordinal"`    // of the last input that the ledger has folded
	Entries    uint64    `json:"entries"`    // of the ledger
	Checkpoint string    `json:"checkpoint"` // of the ledger, as a signed note
	Files      []File    `json:"files"`
}

// File is a file of a backup.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Make copies a data folder into a new folder, beside its service if one runs.
func Make(ctx context.Context, dataDir, dir string, now time.Time) (*Manifest, error) {
	if err := newFolder(dir); err != nil {
		return nil, fmt.Errorf("make backup: %w", err)
	}
	if err := ledgerdb.Copy(ctx, filepath.Join(dataDir, ledgerFile), filepath.Join(dir, ledgerFile)); err != nil {
		return nil, err
	}
	if err := logdb.Copy(ctx, filepath.Join(dataDir, logFile), filepath.Join(dir, logFile)); err != nil {
		return nil, err
	}
	names := []string{ledgerFile, logFile}
	small, err := smallFiles(dataDir)
	if err != nil {
		return nil, fmt.Errorf("make backup: %w", err)
	}
	for _, name := range small {
		if err := copyFile(filepath.Join(dataDir, name), filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("make backup: %w", err)
		}
		names = append(names, name)
	}
	m := &Manifest{Format: format, MadeAt: now.UTC().Truncate(time.Second)}
	return m, m.conclude(ctx, dir, names)
}

// conclude reads what the files of a backup are and writes the manifest.
func (m *Manifest) conclude(ctx context.Context, dir string, names []string) error {
	if err := m.readHeads(ctx, dir); err != nil {
		return err
	}
	for _, name := range names {
		f, err := digest(dir, name)
		if err != nil {
			return fmt.Errorf("make backup: %w", err)
		}
		m.Files = append(m.Files, f)
	}
	return m.write(dir)
}

// newFolder makes a folder, or takes an empty one.
func newFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: name a new folder", dir)
	}
	return err
}

// smallFiles lists the keys and tokens of a data folder.
func smallFiles(dir string) ([]string, error) {
	names := []string{keyFile, publicKeyFile}
	tokens, err := filepath.Glob(filepath.Join(dir, "*.token"))
	for _, path := range tokens {
		names = append(names, filepath.Base(path))
	}
	return names, err
}

// copyFile copies a file that only its owner may read, durably.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// digest reads a file of a backup.
func digest(dir, name string) (File, error) {
	in, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	return File{Name: name, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// readHeads reads how far the log and the ledger of a folder are.
func (m *Manifest) readHeads(ctx context.Context, dir string) error {
	db, err := ledgerdb.OpenReadOnly(ctx, filepath.Join(dir, ledgerFile))
	if err != nil {
		return err
	}
	defer db.Close()
	at, err := db.Position(ctx)
	if err != nil {
		return err
	}
	checkpoint, err := db.Checkpoint(ctx)
	if err != nil {
		return err
	}
	lg, err := logdb.OpenReadOnly(ctx, filepath.Join(dir, logFile))
	if err != nil {
		return err
	}
	defer lg.Close()
	head, err := lg.Head(ctx)
	if err != nil {
		return err
	}
	if checkpoint == nil || at.Record > head {
		return fmt.Errorf("read backup: the ledger is at record %d of a log of %d", at.Record, head)
	}
	size, err := sizeOf(checkpoint)
	m.LogID, m.Record, m.Ordinal, m.Entries, m.Checkpoint = at.LogID, head, at.Ordinal, size, string(checkpoint)
	return err
}

// write writes the manifest, whole or not at all.
func (m *Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	path := filepath.Join(dir, ManifestFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
