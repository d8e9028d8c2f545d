package sqlite

import (
	"errors"
	"fmt"
	"slices"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Trouble is an error of SQLite that says something about a file, and not about what
// was asked of it.
type Trouble struct {
	Path string
	Disk bool // it is the disk that does not do its work: it goes on when the disk does
	fix  string
	err  error
}

// Error says what is wrong with the file, what to do, and what was being done.
func (t *Trouble) Error() string { return fmt.Sprintf("%v: %s %s", t.err, t.Path, t.fix) }

// Unwrap returns the error that was met.
func (t *Trouble) Unwrap() error { return t.err }

// fixes says what a file with trouble is, and what a person does about it.
var fixes = map[int]string{
	sqlite3.SQLITE_FULL:     "cannot grow, because the disk is full: make room on it",
	sqlite3.SQLITE_READONLY: "cannot be written: give this user the right to write it and its folder, and mount its disk to be written",
	sqlite3.SQLITE_CANTOPEN: "cannot be opened: give this user the right to read and write it and its folder",
	sqlite3.SQLITE_IOERR:    "cannot be read or written: look at the disk, which may have become read-only, and at its limits",
	sqlite3.SQLITE_CORRUPT:  damaged,
	sqlite3.SQLITE_NOTADB:   damaged,
}

// ofDisk are those of the codes that say nothing about what is in the file.
var ofDisk = []int{sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}

const damaged = "is damaged: keep it aside, look at the disk, and go on from a backup with: makegood restore"

// Explain returns an error with the file that it is about and what to do, when it is
// SQLite's about a file. An error that was explained stays as it is.
func Explain(path string, err error) error {
	var told *Trouble
	var refused *sqlite.Error
	if errors.As(err, &told) || !errors.As(err, &refused) {
		return err
	}
	code := refused.Code() & 0xff
	if fix, ok := fixes[code]; ok {
		return &Trouble{Path: path, Disk: slices.Contains(ofDisk, code), fix: fix, err: err}
	}
	return err
}
