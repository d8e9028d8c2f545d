package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// RestoreUnderNewOrigin restores a backup whose ledger lacks entries that were sealed
// after it was made. The data folder goes on under a new origin with a key of its
// own, so that it is not a second history beside the lost one, and its first fact
// names the last checkpoint that is known: the largest that options hold, or that of
// the backup. Checkpoints of no more entries than the backup has are held against it,
// as Restore does.
func RestoreUnderNewOrigin(ctx context.Context, dir, dataDir string, options ledger.Options) (*Checked, decide.OriginFact, error) {
	var fact decide.OriginFact
	old, kept, err := newest(dir, options)
	if err != nil {
		return nil, fact, err
	}
	options.Checkpoints = kept
	c, err := restore(ctx, dir, dataDir, options, func(c *Checked) (err error) {
		if fact, err = beginOrigin(ctx, dataDir, c, old); err != nil {
			return err
		}
		return appendInputs(ctx, dataDir, command{kind: input.Origin, name: "origin", of: c, body: fact}, pause(c))
	})
	return c, fact, err
}

// RestoreToDatabaseUnderNewOrigin does so with a backup of a database and an empty one.
// key is the file of the key of its nodes. The new key is in it afterwards, for all
// nodes to have, its public half in a file beside it, and the old key in another.
// When it is not known that nothing is signed with the new key, it stays where it is.
func RestoreToDatabaseUnderNewOrigin(ctx context.Context, dir, dsn, key string, options ledger.Options) (*Checked, decide.OriginFact, error) {
	var fact decide.OriginFact
	old, kept, err := newest(dir, options)
	if err != nil {
		return nil, fact, err
	}
	options.Checkpoints = kept
	c, err := checkForDatabase(ctx, dir, options)
	if err != nil {
		return c, fact, err
	}
	next := key + ".next"
	switch _, err := os.Stat(next); {
	case err == nil:
		return c, fact, fmt.Errorf("begin new origin: %s is the new key of a restore that did not end: if a database holds what that restored, it is its only key; name an empty database and put the file elsewhere", next)
	case !errors.Is(err, fs.ErrNotExist):
		return c, fact, fmt.Errorf("begin new origin: %w", err)
	}
	keys, fact, err := succeed(key, c, old)
	if err != nil {
		return c, fact, err
	}
	if err := writeKey(next, keys.Next, private); err != nil { // before anything is signed with it
		return c, fact, err
	}
	filled, err := c.fill(ctx, dir, dsn, &keys, command{kind: input.Origin, name: "origin", of: c, body: fact})
	switch {
	case err != nil && filled:
		return c, fact, fmt.Errorf("%w: the ledger in the database is signed with the new key in %s, if it is there", err, next)
	case err != nil:
		return c, fact, errors.Join(err, os.Remove(next))
	}
	if err := writeKey(key+".old", keys.Own, private); err != nil {
		return c, fact, fmt.Errorf("%w: the new key is in %s, and must be in %s", err, next, key)
	}
	if err := os.Rename(next, key); err != nil {
		return c, fact, fmt.Errorf("put the new key in its place: %w", err)
	}
	return c, fact, writeKey(strings.TrimSuffix(key, ".key")+".pub", fact.LedgerKey, public)
}

// newest parts the checkpoints given: kept are those that the backup of a folder must
// continue, and the one of most entries is returned as signed.
func newest(dir string, options ledger.Options) (old []byte, kept [][]byte, err error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, nil, err
	}
	old, size := []byte(m.Checkpoint), m.Entries
	for _, signed := range options.Checkpoints {
		c, err := ledger.ReadCheckpoint(signed)
		if err != nil {
			return nil, nil, err
		}
		if c.Size <= m.Entries {
			kept = append(kept, signed)
			continue
		}
		if c.Size > size {
			old, size = signed, c.Size
		}
	}
	return old, kept, nil
}

// beginOrigin gives a restored folder the key of a new origin and returns the fact
// that names it. A folder of which this did not end is made anew.
func beginOrigin(ctx context.Context, dataDir string, c *Checked, signed []byte) (decide.OriginFact, error) {
	keys, fact, err := succeed(filepath.Join(dataDir, keyFile), c, signed)
	if err != nil {
		return fact, err
	}
	if err := ledgerdb.Reseal(ctx, filepath.Join(dataDir, ledgerFile), keys); err != nil {
		return fact, err
	}
	return fact, errors.Join(writeKey(filepath.Join(dataDir, keyFile), keys.Next, private),
		writeKey(filepath.Join(dataDir, publicKeyFile), fact.LedgerKey, public))
}

// succeed makes the key of a new origin, which follows that of the key in a file after
// a signed checkpoint, and the fact that names it.
func succeed(key string, c *Checked, signed []byte) (keys ledgerdb.Succession, fact decide.OriginFact, err error) {
	old, err := ledger.Open(signed, c.Ledger.Key)
	if err != nil {
		return keys, fact, fmt.Errorf("begin new origin: %w", err)
	}
	text, err := os.ReadFile(key)
	if err != nil {
		return keys, fact, fmt.Errorf("begin new origin: %w", err)
	}
	keys.Own = strings.TrimSpace(string(text))
	signer, err := note.NewSigner(keys.Own)
	if err != nil {
		return keys, fact, fmt.Errorf("read ledger key: %w", err)
	}
	if own, err := note.NewVerifier(c.Ledger.Key); err != nil || own.KeyHash() != signer.KeyHash() {
		return keys, fact, fmt.Errorf("begin new origin: %s holds the key of %s, and the backup is sealed with %s", key, signer.Name(), c.Ledger.Key)
	}
	keys.Next, fact, err = ledger.NewOrigin(rand.Reader, signer, c.LogID, uuid.NewString(), c.Entries, old)
	return keys, fact, err
}

// Modes of the files of keys.
const (
	private = 0o600
	public  = 0o644
)

// writeKey writes a key into a file, durably.
func writeKey(path, key string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.WriteString(key + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
