package missing

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
)

// BenchmarkCame takes note of events: of one client in order, and of 4,000 clients in
// turns, which no real log is as bad as. The digest of the same input, which every
// fold computes, is what it stands beside.
func BenchmarkCame(b *testing.B) {
	in := input.Input{Kind: input.Event, At: start, Body: make([]byte, 552)}
	source := []byte("checkout")
	for _, clients := range []int{1, 4000} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			prefixes := make([]string, clients)
			for n := range prefixes {
				prefixes[n] = input.EventPrefix(clientOf(n, true).String()+".1", true)
			}
			ids := make([]string, 100_000)
			for i := range ids {
				ids[i] = fmt.Sprint(prefixes[i%clients], i/clients+1)
			}
			book, i := New(start), 0
			b.ReportAllocs()
			for b.Loop() {
				if i == len(ids) {
					book, i = New(start), 0
				}
				s, ok := input.SequenceOf(ids[i])
				if changes := book.Came(s, source, Moment{At: start, Ordinal: uint64(i)}); !ok || len(changes) > 0 {
					b.Fatalf("%s: %+v", ids[i], changes)
				}
				i++
			}
		})
	}
	b.Run("digest", func(b *testing.B) {
		in.ID = input.EventPrefix(uuid.Nil.String()+".1", true) + "100"
		var digest [32]byte
		for b.Loop() {
			digest = input.Digest(digest, in)
		}
	})
}
