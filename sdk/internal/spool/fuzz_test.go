package spool

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzSegment reads any bytes as a segment. What comes out is what writing it
// again makes of it, in order, and counting finds as many events as reading.
func FuzzSegment(f *testing.F) {
	for seed := range uint64(4) {
		w := write(rand.New(rand.NewPCG(seed, 9)), int(seed)*3)
		f.Add(w.text, []byte{})
		if len(w.records) > 0 {
			f.Add(w.text[:len(w.text)-3], appendMark(nil, 7, w.records[0].events))
		}
	}
	f.Fuzz(func(t *testing.T, text, marks []byte) {
		g := segment{number: 7, size: int64(len(text)), done: decodeMarks(marks, 7)}
		r := &reader{file: bytes.NewReader(text), size: g.size}
		damage, err := g.count(r)
		if err != nil || damage.Bytes < 0 || damage.At+damage.Bytes > g.size {
			t.Fatalf("%v, %v", damage, err)
		}
		last := uint64(0)
		for c := g.cursor; ; {
			if _, err := c.step(r); err != nil {
				break
			}
			again := appendRecord(nil, r.record)
			if end := c.at; !bytes.Equal(text[end-int64(len(again)):end], again) || r.record.first < last {
				t.Fatalf("a record that ends at %d is not what was written", end)
			}
			last = c.end
		}
		want, got := g.unread, 0
		for {
			b, _ := g.take(r, 1<<10, func(e []byte) {
				if len(e) == 0 {
					t.Fatal("an empty event")
				}
				got++
			})
			if b.Count == 0 {
				break
			}
			if g.done.missing(span{b.First, b.First + uint64(b.Count)}) != b.Count {
				t.Fatal("what was answered for came again")
			}
		}
		if got != want || g.unread != 0 || want+g.answered != g.events {
			t.Fatalf("%d came, %d counted, %d left", got, want, g.unread)
		}
	})
}

// FuzzPayload reads any bytes as a payload with a right checksum.
func FuzzPayload(f *testing.F) {
	for seed := range uint64(3) {
		w := write(rand.New(rand.NewPCG(seed, 10)), 1)
		f.Add(w.text[len(magic)+headSize:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var r record
		if r.decode(payload) != nil {
			return
		}
		if again := appendRecord(nil, r); !bytes.Equal(again[headSize:], payload) {
			t.Fatalf("%x is written again as %x", payload, again[headSize:])
		}
	})
}

// FuzzSpans adds runs to a set and compares it with one that keeps every number.
func FuzzSpans(f *testing.F) {
	f.Add([]byte{1, 3, 5, 2, 0, 9, 4, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		var all spans
		naive := map[uint64]bool{}
		for ; len(text) >= 2; text = text[2:] {
			s := span{uint64(text[0]), uint64(text[0]) + uint64(text[1]%16) + 1}
			fresh := 0
			for n := s.from; n < s.to; n++ {
				if !naive[n] {
					fresh++
				}
			}
			if missing := all.missing(s); missing != fresh {
				t.Fatalf("%v misses %d of %v, want %d", all, missing, s, fresh)
			}
			if added := all.add(s); added != fresh {
				t.Fatalf("%d added of %v, want %d", added, s, fresh)
			}
			for n := s.from; n < s.to; n++ {
				naive[n] = true
			}
			for i := 1; i < len(all); i++ {
				if all[i-1].to >= all[i].from {
					t.Fatalf("%v touch", all)
				}
			}
		}
	})
}
