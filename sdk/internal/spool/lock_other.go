//go:build !windows && !darwin && !dragonfly && !freebsd && !illumos && !linux && !netbsd && !openbsd

package spool

import (
	"errors"
	"io/fs"
	"os"
)

// lockFile takes the lock of a folder by creating a file. It stays behind when the
// process is killed, and must then be removed by hand.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrLocked
	}
	return file, err
}

func unlockFile(file *os.File) error {
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// syncFolder makes what was created in a folder survive a power loss, where the
// system has a way to ask for it.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	_ = folder.Sync() // not every system knows how
	return folder.Close()
}
