// Package folder holds the lock on a data folder, so that two processes never
// write the same log and ledger. The lock is the operating system's: it ends
// with the process, however that ends.
package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrInUse says that another process holds the folder.
var ErrInUse = errors.New("data folder is in use")

// writable says what to do about a folder that cannot be written.
const writable = "give this user the right to write there, and mount its disk to be written"

// lockName is the file that is locked. It stays when the lock is released.
const lockName = "lock"

// Lock is the lock on a folder.
type Lock struct{ file *os.File }

// Acquire locks the folder, and makes it when there is none. When another
// process holds it, the error wraps ErrInUse and names that process.
func Acquire(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data folder: %w; %s", err, writable)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of data folder: %w; %s", err, writable)
	}
	if err := lock(file); err != nil {
		holder := readHolder(file)
		file.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%w: %s is held by process %s; stop it, or name another folder", ErrInUse, dir, holder)
		}
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if err := writeHolder(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("write lock of data folder: %w", err)
	}
	return &Lock{file}, nil
}

// Release gives the folder free.
func (l *Lock) Release() error {
	// Closing alone does not do: a child that this process is just starting has the
	// file open too, for a moment.
	if err := errors.Join(unlock(l.file), l.file.Close()); err != nil {
		return fmt.Errorf("release data folder: %w", err)
	}
	return nil
}

// errHeld says that another open file holds the lock.
var errHeld = errors.New("held")

func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readHolder returns the process id that the holder wrote.
func readHolder(file *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}
