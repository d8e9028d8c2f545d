package spool

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// A mark says that a run of sequence numbers was answered for. It takes 16 bytes:
// the first number, how many, and the checksum of both and of the segment's
// number, all little-endian.
const markSize = 16

// span is a run of sequence numbers, from up to and without to.
type span struct{ from, to uint64 }

func appendMark(dst []byte, segment uint64, s span) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, s.from)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.to-s.from))
	return binary.LittleEndian.AppendUint32(dst, markSum(dst[start:], segment))
}

func markSum(text []byte, segment uint64) uint32 {
	var name [8]byte
	binary.LittleEndian.PutUint64(name[:], segment)
	return crc32.Update(crc32.Checksum(text, castagnoli), castagnoli, name[:])
}

// decodeMarks reads the marks of a segment. One that is damaged or cut off is as
// none: its events are sent again, and the service drops them.
func decodeMarks(text []byte, segment uint64) (done spans) {
	for ; len(text) >= markSize; text = text[markSize:] {
		from, count := binary.LittleEndian.Uint64(text), uint64(binary.LittleEndian.Uint32(text[8:]))
		if binary.LittleEndian.Uint32(text[12:]) == markSum(text[:12], segment) && count > 0 && from+count > from {
			done.add(span{from, from + count})
		}
	}
	return done
}

// spans are runs that neither touch nor overlap, in order.
type spans []span

// add adds a run and returns how many numbers of it were not there.
func (all *spans) add(s span) (added int) {
	i, _ := slices.BinarySearchFunc(*all, s.from, func(have span, from uint64) int {
		if have.to < from {
			return -1
		}
		return 1
	})
	j, whole, there := i, s, uint64(0)
	for ; j < len(*all) && (*all)[j].from <= s.to; j++ {
		have := (*all)[j]
		there += min(have.to, s.to) - max(have.from, s.from)
		whole = span{min(whole.from, have.from), max(whole.to, have.to)}
	}
	*all = slices.Replace(*all, i, j, whole)
	return int(s.to - s.from - there)
}

// next returns the first run at or behind a number, up to a limit, that is not
// there.
func (all spans) next(s span) (missing span) {
	for _, have := range all {
		switch {
		case have.to <= s.from:
		case have.from <= s.from:
			s.from = min(have.to, s.to)
		default:
			return span{s.from, min(have.from, s.to)}
		}
	}
	return s
}

// missing is how many numbers of a run are not there.
func (all spans) missing(s span) (n int) {
	for s.from < s.to {
		part := all.next(s)
		n += int(part.to - part.from)
		s.from = part.to
	}
	return n
}
