package input

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// MaxRecord bounds a record before it is compressed. It keeps one append short
// and lets a reader refuse a record that would expand without end.
const MaxRecord = 512 << 10

// recordVersion opens every record. Another form of the bytes takes another
// number; the reader of this one stays for ever.
const recordVersion = 1

// recordHead bounds the version and the count in front of the inputs.
const recordHead = 1 + binary.MaxVarintLen32

// lastKind is the highest kind that this form of a record may hold.
const lastKind = Origin

// ErrDamaged says that a record is not as it was written.
var ErrDamaged = errors.New("the log is damaged there: keep it aside, look at the disk, and go on from a backup with: makegood restore")

// ErrTooLarge says that inputs do not fit in one record.
var ErrTooLarge = errors.New("larger than a record")

// Part is some inputs in the form that they have in a record. Parts of several
// requests are put together into one record without encoding them again. The
// zero Part is empty and ready to use. A Part keeps copies, so what it was made
// of may change afterwards.
type Part struct {
	count int
	raw   []byte
}

// Size is what the part adds to a record, in bytes.
func (p *Part) Size() int { return len(p.raw) }

// Count is how many inputs the part holds.
func (p *Part) Count() int { return p.count }

// Add appends an input, or reports false and leaves the part as it was when a
// record could not hold it besides what is there.
func (p *Part) Add(in Input) bool {
	if size(in) > MaxRecord-recordHead-len(p.raw) {
		return false
	}
	p.raw = append(p.raw, byte(in.Kind))
	p.raw = binary.AppendVarint(p.raw, in.At)
	p.raw = binary.AppendUvarint(p.raw, uint64(len(in.ID)))
	p.raw = append(p.raw, in.ID...)
	p.raw = binary.AppendUvarint(p.raw, uint64(len(in.Body)))
	p.raw = append(p.raw, in.Body...)
	p.count++
	return true
}

// size bounds from above what an input adds to a record.
func size(in Input) int {
	return 1 + binary.MaxVarintLen64 + 2*binary.MaxVarintLen32 + len(in.ID) + len(in.Body)
}

// Fits reports whether a record can hold a part of this size besides others
// that add up to used bytes.
func Fits(used, part int) bool { return used+part <= MaxRecord-recordHead }

// Split puts inputs into as few parts as their order allows. An input that is
// larger than a record is an error that wraps ErrTooLarge and names its index.
func Split(inputs []Input) ([]*Part, error) {
	total := 0
	for _, in := range inputs {
		total += size(in)
	}
	var parts []*Part
	part := &Part{raw: make([]byte, 0, min(total, MaxRecord))}
	for i, in := range inputs {
		if part.Add(in) {
			continue
		}
		if part.count > 0 {
			parts = append(parts, part)
			total -= len(part.raw)
			part = &Part{raw: make([]byte, 0, min(total, MaxRecord))}
		}
		if !part.Add(in) {
			return nil, fmt.Errorf("encode input %d of %d bytes: %w (%d bytes)", i, len(in.ID)+len(in.Body), ErrTooLarge, MaxRecord)
		}
	}
	if part.count > 0 {
		parts = append(parts, part)
	}
	return parts, nil
}

// EncodeRecord makes a record of inputs: zstd over a version byte, the number of
// inputs, and for each input its kind, its time as a zigzag varint, and its id
// and body, each behind its length.
func EncodeRecord(inputs []Input) ([]byte, error) {
	parts, err := Split(inputs)
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 {
		return nil, fmt.Errorf("encode %d inputs: %w (%d bytes)", len(inputs), ErrTooLarge, MaxRecord)
	}
	return EncodeParts(parts)
}

// EncodeParts makes one record of parts, in their order.
func EncodeParts(parts []*Part) ([]byte, error) {
	count, bytes := 0, 0
	for _, p := range parts {
		count += p.count
		bytes += len(p.raw)
	}
	if count == 0 {
		return nil, errors.New("encode record: it holds no inputs")
	}
	if !Fits(bytes, 0) {
		return nil, fmt.Errorf("encode %d inputs: %w (%d bytes)", count, ErrTooLarge, MaxRecord)
	}
	raw := make([]byte, 0, recordHead+bytes)
	raw = append(raw, recordVersion)
	raw = binary.AppendUvarint(raw, uint64(count))
	for _, p := range parts {
		raw = append(raw, p.raw...)
	}
	return compress(raw), nil
}

// DecodeRecord returns the inputs of a record. At is the time at which the log
// engine stored it and takes the place of StampRecord; StampPrevious stays for
// the fold. Bodies share one buffer and must not be changed. Bytes that
// EncodeRecord cannot have made are an error, and no more memory is taken than
// the largest record needs.
func DecodeRecord(blob []byte, at int64) ([]Input, error) {
	raw, err := decompress(blob)
	if err != nil {
		return nil, fmt.Errorf("decompress record: %w (%w)", ErrDamaged, err)
	}
	inputs, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	for i := range inputs {
		if inputs[i].At == StampRecord {
			inputs[i].At = at
		}
	}
	return inputs, nil
}

// parse reads the uncompressed form of a record.
func parse(raw []byte) ([]Input, error) {
	if len(raw) == 0 || raw[0] != recordVersion {
		return nil, fmt.Errorf("unknown version %x", raw[:min(1, len(raw))])
	}
	r := reader{rest: raw[1:]}
	count := r.uvarint()
	const least = 4 // a kind, a time and two lengths
	if r.bad || count == 0 || count > uint64(len(r.rest)/least) {
		return nil, fmt.Errorf("%d inputs in %d bytes", count, len(raw))
	}
	inputs := make([]Input, count)
	for i := range inputs {
		kind := r.byte()
		at := r.varint()
		id := r.bytes(r.uvarint())
		body := r.bytes(r.uvarint())
		if r.bad {
			return nil, fmt.Errorf("input %d is cut short or malformed", i)
		}
		if kind == 0 || Kind(kind) > lastKind {
			return nil, fmt.Errorf("input %d is of unknown kind %d", i, kind)
		}
		inputs[i] = Input{ID: string(id), Kind: Kind(kind), At: at, Body: body}
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the last input", len(r.rest))
	}
	return inputs, nil
}

// reader takes values from the front of rest. After the first value that is not
// there, or not written in the shortest way, bad stays true.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// bytes returns the next n bytes, nil when n is 0.
func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// coders bounds how many records are compressed, or expanded, at once; each
// takes tables of some hundred kilobytes. More callers wait for a free one.
const coders = 4

// The coders keep pools of their own inside, made of channels. They are made
// when the program starts so that these belong to no synctest bubble.
var (
	encoder = newEncoder()
	decoder = newDecoder()
)

func newEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(coders), zstd.WithWindowSize(MaxRecord))
	if err != nil {
		panic(err) // the options are constants
	}
	e.EncodeAll(nil, nil) // makes its pool
	return e
}

func newDecoder() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(coders), zstd.WithDecoderMaxMemory(MaxRecord))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}

func compress(raw []byte) []byte {
	return encoder.EncodeAll(raw, make([]byte, 0, len(raw)/3))
}

func decompress(blob []byte) ([]byte, error) {
	raw, err := decoder.DecodeAll(blob, nil)
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxRecord {
		return nil, fmt.Errorf("it expands to more than %d bytes", MaxRecord)
	}
	return raw, nil
}
