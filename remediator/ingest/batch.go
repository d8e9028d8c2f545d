package ingest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
)

const (
	// maxName bounds the name of a request in bytes.
	maxName = 128
	// usualBytes is a little less than most events have.
	usualBytes = 256
)

// batch is what the events of one request came to.
type batch struct {
	cfg      Config
	sequence input.Sequence // of the first event; the zero one when the request does not say it
	prefix   string         // of the inputs' ids
	ids      strings.Builder
	expected int // events, guessed
	seen     int // events, good and bad
	inputs   []input.Input
	rejected []rejection
	heard    []Heard
}

// Heard is how many events of a type a request had from a source.
type Heard struct {
	Source, Type string
	Events       uint64
}

// maxKinds bounds what is told of one request: who sends more kinds of events than that
// at once is told of by the first.
const maxKinds = 32

// hear counts a good event.
func (b *batch) hear(head event.Head) {
	if b.cfg.Heard == nil {
		return
	}
	for i := range b.heard {
		if h := &b.heard[i]; h.Type == string(head.Type) && h.Source == string(head.Source) {
			h.Events++
			return
		}
	}
	if len(b.heard) < maxKinds {
		b.heard = append(b.heard, Heard{string(head.Source), string(head.Type), 1})
	}
}

// batchHeader names a request and may say the sequence of its first event.
const batchHeader = "Makegood-Batch"

func newBatch(cfg Config, header http.Header, name string) *batch {
	b := &batch{cfg: cfg}
	numbered := false
	if header.Get(batchHeader) != "" { // others may have a point in their keys too, and mean something else
		b.sequence, numbered = input.ParseSequence(name)
	}
	b.prefix = input.EventPrefix(name, numbered)
	return b
}

// number is what the event of an index has in its id: its number among those of
// its client, or the index itself.
func (b *batch) number(index int) uint64 { return b.sequence.Number + uint64(index) }

// batchName returns the name of a request, which its emitter gave it or which
// is random.
func batchName(header http.Header) (string, *refused) {
	name := header.Get(batchHeader)
	if name == "" {
		name = header.Get("Idempotency-Key")
		// The header is a structured field: a text in quotes.
		if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
			name = name[1 : len(name)-1]
		}
	}
	if name == "" {
		return uuid.NewString(), nil
	}
	if len(name) > maxName {
		return "", refusal(http.StatusBadRequest, ProblemBatchName, fmt.Sprintf(
			"the request's name has %d bytes: send at most %d in Makegood-Batch or Idempotency-Key", len(name), maxName))
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return "", refusal(http.StatusBadRequest, ProblemBatchName,
				"the request's name in Makegood-Batch or Idempotency-Key has characters other than visible ASCII: send a UUID, for example")
		}
	}
	return name, nil
}

// add takes the next event of the request: refused says why it is bad, nil that
// it is good.
func (b *batch) add(raw []byte, head event.Head, refused *event.Error) {
	index := b.seen
	b.seen++
	if refused != nil {
		b.rejected = append(b.rejected, reject(index, refused))
		return
	}
	b.hear(head)
	if head.Spaced {
		raw = event.Compact(raw[:0], raw)
	}
	at := input.StampRecord
	if b.cfg.EventClock {
		if at = head.Time; at == 0 {
			at = input.StampPrevious
		}
	}
	if b.inputs == nil {
		b.inputs = make([]input.Input, 0, min(b.expected, b.cfg.MaxEvents))
		b.ids.Grow(cap(b.inputs) * (len(b.prefix) + 4))
	}
	b.inputs = append(b.inputs, input.Input{ID: b.id(index), Kind: input.Event, At: at, Body: raw})
}

// id returns the id of an input. All ids of a request share their memory.
func (b *batch) id(index int) string {
	start := b.ids.Len()
	b.ids.WriteString(b.prefix)
	var digits [20]byte
	b.ids.Write(strconv.AppendUint(digits[:0], b.number(index), 10))
	return b.ids.String()[start:]
}

// stored returns what goes into the log: the good events, and after them which
// numbers of the client will not come, because their events were rejected.
func (b *batch) stored() []input.Input {
	if b.sequence.Number == 0 || len(b.rejected) == 0 {
		return b.inputs
	}
	at := input.StampRecord
	if b.cfg.EventClock {
		at = input.StampPrevious
	}
	var numbers []uint64
	for _, r := range b.rejected {
		if n := b.number(r.Index); n <= input.MaxNumber {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return b.inputs
	}
	return append(b.inputs, input.SkippedInputs(b.sequence.Client, numbers, at)...)
}

// structured takes a body that is one event.
func (b *batch) structured(_ http.Header, body []byte) *refused {
	return b.one(body)
}

func (b *batch) one(raw []byte) *refused {
	head, err := event.Check(raw, b.cfg.MaxEventBytes)
	b.add(raw, head, asEventError(err))
	return nil
}

// batched takes a body that is an array of events.
func (b *batch) batched(_ http.Header, body []byte) *refused {
	b.expected = len(body)/usualBytes + 1
	tooMany := false
	err := event.Batch(body, b.cfg.MaxEventBytes, func(raw []byte, head event.Head, refused *event.Error) bool {
		if b.seen == b.cfg.MaxEvents {
			tooMany = true
			return false
		}
		b.add(raw, head, refused)
		return true
	})
	switch {
	case tooMany:
		return refusal(http.StatusRequestEntityTooLarge, ProblemTooLarge, fmt.Sprintf(
			"the request has more than %d events: send it in parts", b.cfg.MaxEvents))
	case err != nil:
		broken := asEventError(err)
		return malformed(reject(broken.Index, broken))
	}
	return nil
}

// problem answers a request of which at least one event was rejected.
func (b *batch) problem() *refused {
	accepted := len(b.inputs)
	p := refusal(http.StatusBadRequest, ProblemRejected, fmt.Sprintf(
		"%d of %d events were rejected and %d accepted; correct the rejected ones, the others need not be sent again",
		len(b.rejected), b.seen, accepted))
	p.Accepted, p.Rejected = &accepted, b.rejected
	return p
}
