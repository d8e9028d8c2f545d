package decide

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// table is a map of the state that may have millions of entries. Its bytes are those of
// any map there; but each entry is written behind the one before it, where the library
// writes all of them first and then moves them into their order.
type table[K ~string, V any] map[K]V

// MarshalCBOR implements cbor.Marshaler.
func (m table[K, V]) MarshalCBOR() ([]byte, error) {
	if m == nil {
		return cbor.Marshal(nil)
	}
	mode, err := entryMode()
	if err != nil {
		return nil, err
	}
	// Deterministic encoding sorts by the bytes of keys (RFC 8949, 4.2.1), which begin with the length.
	keys := slices.SortedFunc(maps.Keys(m), func(a, b K) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(string(a), string(b)))
	})
	var b bytes.Buffer
	b.Write(mapHead(uint64(len(m))))
	for _, k := range keys {
		if err := mode.MarshalToBuffer(k, &b); err != nil {
			return nil, err
		}
		if err := mode.MarshalToBuffer(m[k], &b); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// entryMode is how entries of states are encoded: as states are.
var entryMode = sync.OnceValues(cbor.CoreDetEncOptions().UserBufferEncMode)

// mapHead begins a map of so many entries: major type 5 and the shortest form of their
// number (RFC 8949, 3.1).
func mapHead(entries uint64) []byte {
	const major = 5 << 5
	switch {
	case entries < 24:
		return []byte{major | byte(entries)}
	case entries < 1<<8:
		return []byte{major | 24, byte(entries)}
	case entries < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(entries))
	case entries < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(entries))
	}
	return binary.BigEndian.AppendUint64([]byte{major | 27}, entries)
}
