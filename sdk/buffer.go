package makegood

import (
	"time"

	"github.com/makegood/makegood/sdk/internal/spool"
)

// bufferSize holds about 600 events of common size; with maxEvent it wastes at
// most a quarter of its end.
const bufferSize = 256 << 10

// buffer holds events as they go over the wire: an opening bracket and every
// event followed by a comma. Any run of its events becomes a JSON array in place
// by writing brackets over the separators on both sides.
type buffer struct {
	bytes     []byte
	starts    []int     // where each event begins
	began     time.Time // when the oldest event came
	first     uint64    // sequence number of the oldest event; the others follow it
	open      int       // events that nobody has answered for
	abandoned bool      // nobody counts its events any more
	saving    bool      // the spooler is writing it: senders wait
	group     *group    // who waits until it is on disk; nil when nobody does

	client string      // whose events these are, if not this client's
	stored bool        // the events are on disk, and this is a copy of
	batch  spool.Batch // this part of it
}

func newBuffer() *buffer {
	return &buffer{bytes: make([]byte, 0, bufferSize), starts: make([]int, 0, 1024)}
}

func (b *buffer) reset(first uint64) {
	*b = buffer{bytes: append(b.bytes[:0], '['), starts: b.starts[:0], first: first}
}

func (b *buffer) fits(size int) bool { return len(b.bytes)+size+1 <= cap(b.bytes) }

func (b *buffer) add(event []byte, now time.Time) {
	if len(b.starts) == 0 {
		b.began = now
	}
	b.starts = append(b.starts, len(b.bytes))
	b.bytes = append(append(b.bytes, event...), ',')
	b.open++
}

func (b *buffer) len() int { return len(b.starts) }

// event returns one event without its separators.
func (b *buffer) event(i int) []byte {
	end := len(b.bytes)
	if i+1 < len(b.starts) {
		end = b.starts[i+1]
	}
	return b.bytes[b.starts[i] : end-1]
}

// array returns the events from i up to j as a JSON array. It is valid until
// array is called for a neighbouring run, because the two share a separator.
func (b *buffer) array(i, j int) []byte {
	end := len(b.bytes)
	if j < len(b.starts) {
		end = b.starts[j]
	}
	text := b.bytes[b.starts[i]-1 : end]
	text[0], text[len(text)-1] = '[', ']'
	return text
}
