package window

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
)

// The record of a window in granules: its key, formCoarse, the granules, and what
// each column of distinct values has seen. Numbers are varints, but for the times
// of newest entries, which lie in their granule and take as many bytes as its
// length needs.

var errRecord = errors.New("a record of a window is damaged")

// offsetBytes is how many bytes a time within a granule takes.
func offsetBytes(width int64) int { return (bits.Len64(uint64(width-1)) + 7) / 8 }

// append writes the window behind the key of a record.
func (w *coarse) append(b []byte) []byte {
	b = append(b, formCoarse)
	b = binary.AppendUvarint(b, uint64(len(w.granules)))
	var previous int64
	for i, g := range w.granules {
		if i == 0 {
			b = binary.AppendVarint(b, g.number)
		} else {
			b = binary.AppendUvarint(b, uint64(g.number-previous))
		}
		previous = g.number
		b = appendOffset(b, g.newest-g.number*w.width, w.offset)
		for j, s := range w.sumsOf(i) {
			b = appendSum(b, &w.layout.columns[j], &s)
		}
	}
	for i := range w.distinct {
		if w.layout.columns[i].Func == "distinct" {
			b = w.appendDistinct(b, &w.distinct[i])
		}
	}
	return b
}

func appendOffset(b []byte, offset int64, bytes int) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(offset))[:len(b)+bytes]
}

func appendSum(b []byte, c *column, s *Sum) []byte {
	num, minor := s.Num, s.Minor
	switch c.Func {
	case "distinct":
		return b
	case "count":
		return binary.AppendUvarint(b, uint64(s.N))
	case "share":
		return binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.N)), uint64(s.Total))
	case "min":
		num, minor = s.Min, s.MinMinor
	case "max":
		num, minor = s.Max, s.MaxMinor
	}
	kind := kindOf(s.Currency)
	switch {
	case s.N == 0:
		return binary.AppendUvarint(b, kindNone)
	case s.Of(c.Func) == ErrMixed:
		return binary.AppendUvarint(b, kindMixed)
	}
	b = appendAmount(binary.AppendUvarint(b, uint64(kind)), kind, num, minor)
	if c.addsUp() {
		if b = binary.AppendUvarint(b, uint64(s.N)); s.N > 1 {
			b = appendAmount(b, kind, s.Min, s.MinMinor)
			b = appendAmount(b, kind, s.Max, s.MaxMinor)
		}
	}
	return b
}

// addsUp reports whether the column adds values up. How many a granule has, and
// the lowest and highest of them, bound what a part of it comes to.
func (c *column) addsUp() bool { return c.Func == "sum" || c.Func == "avg" }

func appendAmount(b []byte, kind uint16, num float64, minor int64) []byte {
	if kind == kindNumber {
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(num))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(minor))
}

func (w *coarse) appendDistinct(b []byte, d *distinct) []byte {
	if d.sketched {
		b = binary.AppendUvarint(b, uint64(len(d.sketch))<<1|1)
		start := len(b)
		b = slices.Grow(b, cellBytes*len(d.sketch))[:start+cellBytes*len(d.sketch)]
		for i, c := range d.sketch {
			binary.LittleEndian.PutUint32(b[start+cellBytes*i:], uint32(c))
		}
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(d.lasts))<<1)
	for _, l := range d.lasts {
		b = binary.LittleEndian.AppendUint64(b, l.hash)
		b = binary.AppendVarint(b, l.at-w.base()*w.width)
	}
	return b
}

// read takes a window out of its record, without the key.
func (w *coarse) read(b []byte) error {
	w.clear()
	r := reader{rest: b[formBytes:]}
	n := r.uvarint()
	if n == 0 || n > maxGranules {
		return errRecord
	}
	var number int64
	for range n {
		if len(w.granules) == 0 {
			number = r.varint()
		} else {
			number += int64(r.uvarint())
		}
		w.granules = append(w.granules, granule{number: number, newest: number*w.width + r.offset(w.offset)})
		for i := range w.layout.columns {
			w.sums = append(w.sums, r.sum(&w.layout.columns[i]))
		}
	}
	for i := range w.distinct {
		if w.layout.columns[i].Func == "distinct" {
			w.readDistinct(&r, &w.distinct[i])
		}
	}
	if r.broken || len(r.rest) > 0 {
		return errRecord
	}
	return nil
}

func (w *coarse) readDistinct(r *reader, d *distinct) {
	n := r.uvarint()
	d.sketched = n&1 == 1
	n >>= 1
	if n > uint64(len(r.rest))/cellBytes {
		r.broken = true
		return
	}
	if d.sketched {
		d.sketch = slices.Grow(d.sketch, int(n))[:n]
		written := r.bytes(cellBytes * int(n))
		for i := range d.sketch {
			d.sketch[i] = cell(binary.LittleEndian.Uint32(written[cellBytes*i:]))
		}
		return
	}
	start := w.base() * w.width
	for range n {
		d.lasts = append(d.lasts, last{hash: r.uint64(), at: start + r.varint()})
	}
}

// reader reads a record. Beyond its end everything is zero, and it is broken.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.broken = true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

func (r *reader) uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // none, or one that is written longer than it needs
		r.broken = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) offset(bytes int) (offset int64) {
	written := r.bytes(bytes)
	if bytes >= 4 { // four from the front and four from the end
		front, end := binary.LittleEndian.Uint32(written), binary.LittleEndian.Uint32(written[bytes-4:])
		return int64(front) | int64(end)<<(8*(bytes-4))
	}
	for i, octet := range written {
		offset |= int64(octet) << (8 * i)
	}
	return offset
}

// skipSum reads over what sum reads.
func (r *reader) skipSum(c *column) {
	switch c.Func {
	case "distinct":
	case "count":
		r.uvarint()
	default:
		r.sum(c)
	}
}

func (r *reader) sum(c *column) Sum {
	switch c.Func {
	case "distinct":
		return Sum{}
	case "count":
		return Sum{N: int(r.uvarint())}
	case "share":
		n := r.uvarint()
		return Sum{N: int(n), Total: int(r.uvarint())}
	}
	kind := r.uvarint()
	switch {
	case kind == kindNone:
		return Sum{}
	case kind == kindMixed:
		return Sum{N: 1, Mixed: true}
	case kind > lastOfMoney:
		r.broken = true
		return Sum{}
	}
	s := Sum{N: 1}
	if kind != kindNumber {
		s.Currency = currencyOf(uint16(kind))
	}
	s.Num, s.Minor = r.amount(kind)
	s.Min, s.Max, s.MinMinor, s.MaxMinor = s.Num, s.Num, s.Minor, s.Minor
	if c.addsUp() {
		if s.N = int(r.uvarint()); s.N > 1 {
			s.Min, s.MinMinor = r.amount(kind)
			s.Max, s.MaxMinor = r.amount(kind)
		}
	}
	return s
}

func (r *reader) amount(kind uint64) (num float64, minor int64) {
	if kind == kindNumber {
		return math.Float64frombits(r.uint64()), 0
	}
	return 0, int64(r.uint64())
}
