package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// maxManifest bounds a manifest in bytes; one has some 2 KiB.
const maxManifest = 1 << 20

// Checked is what a backup was found to be.
type Checked struct {
	Manifest
	// Problems are what is wrong with its files; none when it is what was made.
	Problems []string `json:"problems"`
	// Unspent is what customers have to spend by the books of the backup. What they
	// spent since is not in them.
	Unspent []credit.Unspent `json:"unspent,omitempty"`
	// Ledger is what its verification found. It is not made when a file is wrong.
	Ledger *ledger.Report `json:"ledger,omitempty"`
}

// Good reports whether a data folder may be made of it.
func (c *Checked) Good() bool { return len(c.Problems) == 0 && c.Ledger != nil && c.Ledger.Verified }

// Check reads a backup whole: every file against the manifest, the ledger against
// itself, the manifest's checkpoint and what options name. Options come from
// elsewhere than the backup: only an older checkpoint that was kept there shows that
// the ledger's end was lost since.
func Check(ctx context.Context, dir string, options ledger.Options) (*Checked, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	c := &Checked{Manifest: *m, Problems: []string{}}
	seen := map[string]bool{}
	for _, want := range m.Files {
		seen[want.Name] = true
		got, err := digest(dir, want.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.Problems = append(c.Problems, want.Name+" is missing")
		case err != nil:
			return nil, fmt.Errorf("check backup: %w", err)
		case got != want:
			c.Problems = append(c.Problems, fmt.Sprintf("%s was changed: it has %d bytes and digest %.16s…, the manifest says %d and %.16s…",
				want.Name, got.Bytes, got.SHA256, want.Bytes, want.SHA256))
		}
	}
	wanted := []string{logFile, ledgerFile}
	if !m.Database {
		wanted = append(wanted, keyFile, publicKeyFile)
	}
	for _, name := range wanted {
		if !seen[name] {
			c.Problems = append(c.Problems, "the manifest does not name "+name)
		}
	}
	if len(c.Problems) > 0 {
		return c, nil
	}
	return c, c.verify(ctx, dir, options)
}

// readManifest reads the manifest of a backup. The files that it names lie in the
// backup itself.
func readManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read backup: %s has no manifest: it is no backup, or one that did not end: %w", dir, err)
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("read manifest: it is larger than %d bytes", maxManifest)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if m.Format != format {
		return nil, fmt.Errorf("read manifest: its format is %q, not %q", m.Format, format)
	}
	for _, f := range m.Files {
		if f.Name == "" || f.Name != filepath.Base(f.Name) || f.Name == ManifestFile || strings.HasPrefix(f.Name, ".") {
			return nil, fmt.Errorf("read manifest: %q is no file of a backup", f.Name)
		}
	}
	return &m, nil
}

// verify verifies the ledger, and that the manifest tells its heads.
func (c *Checked) verify(ctx context.Context, dir string, options ledger.Options) error {
	var heads Manifest
	if err := heads.readHeads(ctx, dir); err != nil {
		return err
	}
	if heads.LogID != c.LogID || heads.Record != c.Record || heads.Ordinal != c.Ordinal || heads.Entries != c.Entries || heads.Checkpoint != c.Checkpoint {
		c.Problems = append(c.Problems, "the manifest does not say how far its log and ledger are")
		return nil
	}
	db, err := ledgerdb.OpenReadOnly(ctx, filepath.Join(dir, ledgerFile))
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Unspent, err = db.Unspent(ctx); err != nil {
		return err
	}
	source, release, err := db.Source(ctx)
	if err != nil {
		return err
	}
	defer release()
	report, err := ledger.Verify(ctx, source, options)
	c.Ledger = &report
	return err
}

// sizeOf returns of how many entries a checkpoint was made.
func sizeOf(checkpoint []byte) (uint64, error) {
	c, err := ledger.ReadCheckpoint(checkpoint)
	return c.Size, err
}
