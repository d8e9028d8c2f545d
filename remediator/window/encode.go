package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// encoding is the version of a table's encoding, its first byte.
const encoding = 1

// AppendTo appends the encoding of the table: what its windows hold, by key.
// Tables that hold the same have the same encoding, whatever came and went before.
//
// It is the version, the length of the windows, the columns, what was lost and
// the number of keys, then for each key the difference to the one before, the
// length of its record, and the record without its key. Numbers are varints.
func (t *Table) AppendTo(b []byte) []byte {
	b = slices.Grow(b, t.arena.bytes+t.index.used+64)
	b = append(b, encoding)
	b = binary.AppendUvarint(b, uint64(t.within))
	b = binary.AppendUvarint(b, uint64(len(t.layout.columns)))
	for _, c := range t.layout.columns {
		number := byte(2 * slices.Index(functions, c.Func))
		if c.All {
			number++
		}
		b = append(b, number)
	}
	b = binary.AppendUvarint(b, t.lost)
	b = binary.AppendUvarint(b, uint64(t.index.used))
	var previous uint64
	t.index.each(&t.arena, 0, 0, func(h handle) {
		record := t.arena.at(h)
		key := binary.LittleEndian.Uint64(record)
		b = binary.AppendUvarint(b, key-previous)
		b = binary.AppendUvarint(b, uint64(len(record)-keyBytes))
		b = append(b, record[keyBytes:]...)
		previous = key
	})
	return b
}

// Load returns the table that an encoding is of.
func Load(data []byte) (*Table, error) {
	t, err := load(data)
	if err != nil {
		return nil, fmt.Errorf("load windows: %w", err)
	}
	return t, nil
}

func load(data []byte) (*Table, error) {
	r := reader{rest: data}
	if version := r.bytes(1)[0]; version != encoding {
		return nil, fmt.Errorf("their encoding is of version %d, this program knows %d", version, encoding)
	}
	within := int64(r.uvarint())
	count := r.uvarint()
	if r.broken || within <= 0 || count > uint64(len(r.rest)) {
		return nil, errRecord
	}
	columns, err := columnsOf(r.bytes(int(count)))
	if err != nil {
		return nil, err
	}
	t := NewTable(within, columns)
	t.lost = r.uvarint()
	var key uint64
	for left := r.uvarint(); left > 0 && !r.broken; left-- {
		next := key + r.uvarint()
		if t.index.used > 0 && next <= key {
			return nil, errors.New("their keys are out of order")
		}
		key = next
		length := r.uvarint()
		if length > uint64(len(r.rest)) {
			return nil, errRecord
		}
		if err := t.loadRecord(key, r.bytes(int(length))); err != nil {
			return nil, err
		}
	}
	if r.broken || len(r.rest) > 0 {
		return nil, errRecord
	}
	return t, nil
}

// loadRecord puts in a window that is written as this program would write it.
func (t *Table) loadRecord(key uint64, record []byte) error {
	switch {
	case len(record) == 0:
		return errRecord
	case record[0] == formCoarse:
		if err := t.coarse.read(record); err != nil {
			return err
		}
		t.record = t.coarse.append(t.record[:0])
		if !slices.Equal(t.record, record) || !t.coarse.ordered() {
			return errRecord
		}
	case record[0] == 0 || record[0] > MaxExact || len(record) != formBytes+int(record[0])*t.layout.size ||
		!t.layout.ordered(record[formBytes:]):
		return errRecord
	}
	t.record = binary.LittleEndian.AppendUint64(t.record[:0], key)
	t.record = append(t.record, record...)
	t.index.add(key, t.arena.add(t.record))
	return nil
}
