package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

const (
	magic      = "MGSPOOL1"
	headSize   = 16
	fixedSize  = 16 + 8 + 4 // of a payload: client, first sequence number, count
	maxPayload = 1 << 20    // four buffers of a client: whatever says more was not written by one
)

// marker begins a record. Its first and last byte are in no UTF-8 text, and so in
// no event.
var marker = [4]byte{0xff, 'M', 'G', 0xfe}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged says that there is no whole record at an offset.
var errDamaged = errors.New("no whole record")

// record is a run of events of one client. What it holds belongs to the payload
// that it was decoded from.
type record struct {
	client [16]byte
	first  uint64 // sequence number of the first event; the others follow on
	events [][]byte
}

// appendRecord encodes a record.
func appendRecord(dst []byte, r record) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headSize)...)
	dst = append(dst, r.client[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, r.first)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.events)))
	for _, e := range r.events {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e)))
	}
	for _, e := range r.events {
		dst = append(dst, e...)
	}
	head, payload := dst[start:start+headSize], dst[start+headSize:]
	copy(head, marker[:])
	binary.LittleEndian.PutUint32(head[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[8:], crc32.Checksum(payload, castagnoli))
	binary.LittleEndian.PutUint32(head[12:], crc32.Checksum(head[:12], castagnoli))
	return dst
}

// decode reads a payload whose checksum was right.
func (r *record) decode(payload []byte) error {
	if len(payload) < fixedSize {
		return errDamaged
	}
	copy(r.client[:], payload)
	r.first = binary.LittleEndian.Uint64(payload[16:])
	count := uint64(binary.LittleEndian.Uint32(payload[24:]))
	lengths := payload[fixedSize:]
	if count == 0 || count > uint64(len(lengths))/4 || r.first > math.MaxUint64-count {
		return errDamaged
	}
	events := lengths[4*count:]
	r.events = r.events[:0]
	for i := range count {
		n := uint64(binary.LittleEndian.Uint32(lengths[4*i:]))
		if n == 0 || n > uint64(len(events)) {
			return errDamaged
		}
		r.events = append(r.events, events[:n:n])
		events = events[n:]
	}
	if len(events) > 0 {
		return errDamaged
	}
	return nil
}

// head reads the head of a record.
func head(text []byte) (length int64, sum uint32, ok bool) {
	if [4]byte(text[:4]) != marker || binary.LittleEndian.Uint32(text[12:]) != crc32.Checksum(text[:12], castagnoli) {
		return 0, 0, false
	}
	length = int64(binary.LittleEndian.Uint32(text[4:]))
	return length, binary.LittleEndian.Uint32(text[8:]), length >= fixedSize && length <= maxPayload
}

// reader reads the records of a segment whose first size bytes are written. The
// record is valid until the next read.
type reader struct {
	file    io.ReaderAt
	size    int64
	record  record
	payload []byte
}

// read reads the record at an offset and returns the next one's. Without a whole
// record there the error is errDamaged and next is where it may go on.
func (r *reader) read(at int64) (next int64, err error) {
	var text [headSize]byte
	if r.size-at < headSize {
		return r.size, errDamaged
	}
	if err := r.fill(text[:], at); err != nil {
		return 0, err
	}
	length, sum, ok := head(text[:])
	at += headSize
	switch {
	case !ok:
		return at - headSize + 1, errDamaged
	case length > r.size-at:
		return r.size, errDamaged
	}
	if int64(cap(r.payload)) < length {
		r.payload = make([]byte, length)
	}
	r.payload = r.payload[:length]
	if err := r.fill(r.payload, at); err != nil {
		return 0, err
	}
	if crc32.Checksum(r.payload, castagnoli) != sum || r.record.decode(r.payload) != nil {
		return at + length, errDamaged
	}
	return at + length, nil
}

// fill reads all of a part of the file. A file that has become shorter is damaged
// from there on.
func (r *reader) fill(text []byte, at int64) error {
	n, err := r.file.ReadAt(text, at)
	switch {
	case n == len(text):
		return nil
	case errors.Is(err, io.EOF):
		return errDamaged
	}
	return fmt.Errorf("read segment: %w", err)
}

// find reads the first whole record at or behind an offset. It returns where that
// begins and ends; skipped bytes between at and start are damaged. Behind the
// last one it returns io.EOF, and start is the size.
func (r *reader) find(at int64) (start, next int64, err error) {
	for at < r.size {
		next, err := r.read(at)
		switch {
		case err == nil:
			return at, next, nil
		case !errors.Is(err, errDamaged):
			return at, at, err
		case next == 0 || next >= r.size:
			return r.size, r.size, io.EOF
		}
		if at, err = r.seek(next); err != nil {
			return at, at, err
		}
	}
	return r.size, r.size, io.EOF
}

// seek looks for the next head at or behind an offset.
func (r *reader) seek(at int64) (int64, error) {
	var text [4 << 10]byte
	for r.size-at >= headSize {
		part := text[:min(int64(len(text)), r.size-at)]
		if err := r.fill(part, at); errors.Is(err, errDamaged) {
			return r.size, nil
		} else if err != nil {
			return at, err
		}
		for i := range len(part) - headSize + 1 {
			if _, _, ok := head(part[i:]); ok {
				return at + int64(i), nil
			}
		}
		at += int64(len(part) - headSize + 1)
	}
	return r.size, nil
}
