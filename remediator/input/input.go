// Package input defines what enters the log: everything that can change a
// decision, in one totally ordered sequence.
//
// An input is an event, an activated rule set, a command of a person, the
// outcome of an action, what was seen at a provider, a tick of the clock, or word of
// events that will not come.
// Inputs travel in records: one record is one durable append of the log, and how
// inputs were grouped into records never changes what is decided. Facts name
// inputs by their ordinal, which the fold counts; they never name records.
package input

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// Kind says what an input is. The numbers are stored in logs for ever.
type Kind uint8

// The kinds of input.
const (
	Genesis  Kind = 1 // first input of a log: its id, its hash keys, the ledger's public key
	Event    Kind = 2 // a CloudEvent in JSON (structured mode)
	Activate Kind = 3 // a rule set takes effect
	Command  Kind = 4 // a person's command, stamped with who gave it
	Outcome  Kind = 5 // what an attempt of an action came to
	Tick     Kind = 6 // nothing but a time: lets due timers fire while the log is idle
	Version  Kind = 7 // a new decide.Version begins
	Skipped  Kind = 8 // events that a client of the SDK numbered and that will not come
	Seen     Kind = 9 // how a refund stands at its provider

	// Origin has the ledger go on under a new origin, after it lost its end.
	Origin Kind = 10
)

// String returns the kind's name as facts and reports print it.
func (k Kind) String() string {
	names := [...]string{"", "genesis", "event", "activate", "command", "outcome", "tick", "version", "skipped", "seen", "origin"}
	if k == 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return names[k]
}

// Stamps that stand for a time that is not written in the input itself.
const (
	// StampRecord takes the time at which the log engine stored the record.
	StampRecord int64 = 0
	// StampPrevious takes the time of the input before it. It is what inputs
	// other than events carry when events are the clock.
	StampPrevious int64 = math.MinInt64
)

// Input is one entry of the log.
type Input struct {
	ID   string // identifies the input for dropping repeats; empty: never a repeat
	Kind Kind
	At   int64 // nanoseconds since the Unix epoch, or one of the stamps
	Body []byte
}

// Digest extends the running digest of the log's inputs by one input:
// SHA-256(previous ‖ kind ‖ at ‖ len(id) ‖ id ‖ len(body) ‖ body), integers as
// 8 bytes, big endian.
func Digest(previous [32]byte, in Input) [32]byte {
	h := sha256.New()
	var head [32 + 1 + 8 + 8]byte
	copy(head[:], previous[:])
	head[32] = byte(in.Kind)
	binary.BigEndian.PutUint64(head[33:], uint64(in.At))
	binary.BigEndian.PutUint64(head[41:], uint64(len(in.ID)))
	h.Write(head[:])
	h.Write([]byte(in.ID))
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(in.Body)))
	h.Write(n[:])
	h.Write(in.Body)
	return [32]byte(h.Sum(nil))
}
