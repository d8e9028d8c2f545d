package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
)

// passing are the classes and codes of errors that say something about the moment
// and nothing about what was asked.
var passing = map[string]bool{
	"08":      true, // the connection
	"40":      true, // the transaction was given up, as after a deadlock
	"53":      true, // the server has not enough of something
	"57":      true, // somebody intervened, or the server stops or starts
	"25P03":   true, // an open transaction was idle for too long
	"25006":   true, // the server only reads: another one is the primary now
	notLocked: true, // a lock was not to be had in time
}

const notLocked = "55P03"

// Locked reports whether an error says that a lock was not to be had within the time
// that the transaction waits for one. The server has given the transaction up.
func Locked(err error) bool {
	var refused *pq.Error
	return errors.As(err, &refused) && refused.Code == notLocked
}

// Unwritten reports whether an error says that the server answers and does not write:
// its disk is full, or it was told to be read-only.
func Unwritten(err error) bool {
	var refused *pq.Error
	return errors.As(err, &refused) && (refused.Code == "53100" || refused.Code == "25006")
}

// Passing reports whether an error may be gone when the same is tried again later:
// the server cannot be reached, stops, or took too long. What the server did
// may have happened or not.
func Passing(err error) bool {
	var refused *pq.Error
	if errors.As(err, &refused) {
		return passing[string(refused.Code)] || passing[string(refused.Code.Class())]
	}
	var network net.Error
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return errors.As(err, &network)
}
