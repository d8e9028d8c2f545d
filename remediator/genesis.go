package remediator

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
)

// Files of a data folder.
const (
	logFile       = "log.db"
	ledgerFile    = "ledger.db"
	keyFile       = "ledger.key" // private key of the checkpoints, for the owner only
	publicKeyFile = "ledger.pub" // its public half, to be kept elsewhere by auditors
)

// lateness is how late an event may enter a window.
const lateness = time.Hour

// begin appends the genesis input to an empty log, and makes the ledger's key.
// Of a log that has begun it returns the key.
func begin(ctx context.Context, dir string, l log.Log, stamp int64, now time.Time) (key string, err error) {
	head, err := l.Head(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log's head: %w", err)
	}
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil && head > 0:
		return strings.TrimSpace(string(text)), nil
	case errors.Is(err, fs.ErrNotExist) && head > 0:
		return "", fmt.Errorf("open ledger key: %s is missing, and without it nothing can be sealed: restore it from a backup", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("open ledger key: %w", err)
	}
	// The ledger's file is made after the genesis input is durable. Where it is
	// there without it, the log was lost, and a new key would destroy the old one.
	switch _, err := os.Stat(filepath.Join(dir, ledgerFile)); {
	case err == nil:
		return "", fmt.Errorf("begin log: %s is missing or empty, but %s was made from it: restore the log, or begin a new data folder", logFile, ledgerFile)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("begin log: %w", err)
	}
	return create(ctx, dir, l, stamp, now)
}

// create makes a log's id and keys and appends the genesis input. The key is on
// disk before the log names it; a key left by a start that died before is replaced.
func create(ctx context.Context, dir string, l log.Log, stamp int64, now time.Time) (string, error) {
	g := decide.GenesisBody{
		LogID: uuid.NewString(), HashKey: make([]byte, 16), Created: now.UTC().Format(time.RFC3339),
		Version: decide.Version, LatenessS: int64(lateness / time.Second),
	}
	if _, err := rand.Read(g.HashKey); err != nil {
		return "", fmt.Errorf("make hash key: %w", err)
	}
	private, public, err := ledger.NewKey(rand.Reader, ledger.Origin(g.LogID))
	if err != nil {
		return "", fmt.Errorf("make ledger key: %w", err)
	}
	g.LedgerKey = public
	if err := writeFile(filepath.Join(dir, keyFile), private+"\n", 0o600); err != nil {
		return "", err
	}
	if err := writeFile(filepath.Join(dir, publicKeyFile), public+"\n", 0o644); err != nil {
		return "", err
	}
	body, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("encode genesis: %w", err)
	}
	blob, err := input.EncodeRecord([]input.Input{{ID: "genesis", Kind: input.Genesis, At: stamp, Body: body}})
	if err != nil {
		return "", fmt.Errorf("encode genesis: %w", err)
	}
	if _, err := l.Append(ctx, blob); err != nil {
		return "", fmt.Errorf("append genesis: %w", err)
	}
	return private, nil
}

// writeFile writes a file whole or not at all, and durably.
func writeFile(path, text string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// syncFolder makes a new name in a folder survive a loss of power. Windows has no
// such call, and needs none.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
