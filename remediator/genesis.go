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
	logFile    = "log.db"
	ledgerFile = "ledger.db"
	keyFile    = "ledger.key" // private key of the checkpoints, for the owner only
)

// publicKeyFile is where the public half of a key lies, to be kept elsewhere by
// auditors: ledger.pub beside ledger.key.
func publicKeyFile(key string) string { return strings.TrimSuffix(key, ".key") + ".pub" }

// beginning is where a log begins, or has begun.
type beginning struct {
	log      log.Log
	key      string       // file of the ledger's key
	replace  bool         // a key that is there when the log is empty is of no use
	mayBegin func() error // why an empty log is not to be begun, nil when it is
	stamp    int64
	now      time.Time
	lateness time.Duration // of a log that begins
}

// begin appends the genesis input to an empty log, and makes the ledger's key.
// Of a log that has begun it returns the key.
func (b beginning) begin(ctx context.Context) (key string, err error) {
	head, err := b.log.Head(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log's head: %w", err)
	}
	text, err := os.ReadFile(b.key)
	switch {
	case err == nil && head > 0:
		return strings.TrimSpace(string(text)), nil
	case errors.Is(err, fs.ErrNotExist) && head > 0:
		return "", fmt.Errorf("open ledger key: %s is missing, and without it nothing can be sealed: restore it from a backup, or take it from the node that began the log", b.key)
	case err == nil && !b.replace:
		return "", fmt.Errorf("begin log: the log is empty, and %s is the key of another: name a file that is not there yet", b.key)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("open ledger key: %w", err)
	}
	// Where there is a ledger, the log was lost, and a new key would destroy the old one.
	if err := b.mayBegin(); err != nil {
		return "", fmt.Errorf("begin log: %w", err)
	}
	return b.create(ctx)
}

// create makes a log's id and keys and appends the genesis input. The key is on
// disk before the log names it; a key left by a start that died before is replaced.
func (b beginning) create(ctx context.Context) (string, error) {
	g := decide.GenesisBody{
		LogID: uuid.NewString(), HashKey: make([]byte, 16), Created: b.now.UTC().Format(time.RFC3339),
		Version: decide.Version, LatenessS: int64(b.lateness / time.Second),
	}
	if _, err := rand.Read(g.HashKey); err != nil {
		return "", fmt.Errorf("make hash key: %w", err)
	}
	private, public, err := ledger.NewKey(rand.Reader, ledger.Origin(g.LogID))
	if err != nil {
		return "", fmt.Errorf("make ledger key: %w", err)
	}
	g.LedgerKey = public
	if err := writeFile(b.key, private+"\n", 0o600); err != nil {
		return "", err
	}
	if err := writeFile(publicKeyFile(b.key), public+"\n", 0o644); err != nil {
		return "", err
	}
	body, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("encode genesis: %w", err)
	}
	blob, err := input.EncodeRecord([]input.Input{{ID: "genesis", Kind: input.Genesis, At: b.stamp, Body: body}})
	if err != nil {
		return "", fmt.Errorf("encode genesis: %w", err)
	}
	if _, err := b.log.Append(ctx, blob); err != nil {
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
