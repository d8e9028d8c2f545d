package missing

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/input"
)

const minute = int64(60e9)

// start is after the moment at which the clients of these tests began.
const start = int64(2_000_000_000e9)

// clientOf returns the id of a client: of one that began a day after the book, or
// a day before it.
func clientOf(n int, known bool) uuid.UUID {
	began := uint64(start/1e6) + 86_400_000
	if !known {
		began -= 2 * 86_400_000
	}
	return uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012x", began>>16, began&0xffff, n))
}

// naive is a book that keeps every number by itself, and is told everything.
type naive struct {
	next   map[uuid.UUID]uint64
	since  map[input.Sequence]int64 // of what is missing: when it was passed over
	gap    map[input.Sequence]bool  // missing for so long that it was told
	late   map[input.Sequence]bool  // came after it was told
	denied map[input.Sequence]bool  // skipped after it was told
	told   map[input.Sequence]bool  // by changes: missing
	closed map[input.Sequence]bool  // by changes: closed
}

func newNaive() *naive {
	return &naive{map[uuid.UUID]uint64{}, map[input.Sequence]int64{}, map[input.Sequence]bool{}, map[input.Sequence]bool{},
		map[input.Sequence]bool{}, map[input.Sequence]bool{}, map[input.Sequence]bool{}}
}

func (m *naive) take(s input.Sequence, skipped bool, at int64) {
	next := max(m.next[s.Client], 1)
	for n := next; n < s.Number; n++ {
		m.since[input.Sequence{Client: s.Client, Number: n}] = at
	}
	if m.gap[s] {
		delete(m.gap, s)
		if skipped {
			m.denied[s] = true
		} else {
			m.late[s] = true
		}
	}
	delete(m.since, s)
	m.next[s.Client] = max(next, s.Number+1)
}

// age makes gaps of what a client misses for long enough. The book is told of each
// client by itself.
func (m *naive) age(client uuid.UUID, at int64) {
	for s, since := range m.since {
		if s.Client == client && since+GapAfter <= at {
			m.gap[s] = true
		}
	}
}

// listen follows what the book tells and holds it to the truth.
func (m *naive) listen(t *rapid.T, changes []Change) {
	for _, c := range changes {
		var came, skipped uint64
		for n := c.Range.First; n <= c.Range.Last && (c.What == Missing || c.What == Closed); n++ {
			s := input.Sequence{Client: c.Client, Number: n}
			if c.What == Missing {
				if m.told[s] || !m.gap[s] || m.since[s] != c.Since {
					t.Fatalf("%v was told twice, or is not missing since then: %+v", s, c)
				}
				m.told[s] = true
				came++
				continue
			}
			if m.closed[s] || !m.told[s] || m.late[s] == m.denied[s] {
				t.Fatalf("%v was closed twice, or is still missing: %+v", s, c)
			}
			m.closed[s] = true
			if m.late[s] {
				came++
			} else {
				skipped++
			}
		}
		if (c.What == Missing || c.What == Closed) && (came != c.Events || skipped != c.Skipped) {
			t.Fatalf("of it %d came and %d were skipped: %+v", came, skipped, c)
		}
		if c.What == Forgotten {
			t.Fatalf("something was forgotten: %+v", c)
		}
	}
}

// compare holds the book's holes to the truth.
func (m *naive) compare(t *rapid.T, b *Book) {
	got := map[input.Sequence]int64{}
	for id, c := range b.clients {
		gap := Gap{Client: id, Service: c.Service}
		for _, h := range c.Holes {
			for n := h.First; n <= h.Last; n++ {
				s := input.Sequence{Client: id, Number: n}
				got[s] = h.Since
				if m.gap[s] != h.Gap {
					t.Fatalf("%v is a gap: %v, want %v", s, h.Gap, m.gap[s])
				}
				if h.Gap {
					if gap.Missing++; gap.Missing == 1 || h.Since < gap.Since {
						gap.Since = h.Since
					}
				}
			}
		}
		if b.Gap(id) != gap {
			t.Fatalf("the gap is %+v, want %+v", b.Gap(id), gap)
		}
	}
	if !maps.Equal(got, m.since) {
		t.Fatalf("missing are %v, want %v", got, m.since)
	}
	for s := range m.told {
		if !m.gap[s] && !m.late[s] && !m.denied[s] {
			t.Fatalf("%v was told and nothing became of it", s)
		}
	}
}

// reload saves the book as a snapshot does and loads it.
func reload(t *rapid.T, b *Book) *Book {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	text, err := mode.Marshal(b.Save())
	if err != nil {
		t.Fatal(err)
	}
	var saved Saved
	if err := cbor.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(saved)
	if err != nil {
		t.Fatal(err)
	}
	loaded.maxClients, loaded.maxHoles = b.maxClients, b.maxHoles
	return loaded
}

// step is one thing that a book is told.
type step struct {
	now     Moment
	client  uuid.UUID
	numbers input.Range
	skipped bool
	due     bool // now is the deadline of a hole
}

func (s step) on(b *Book) []Change {
	switch {
	case s.due:
		return b.Due(s.client, s.now.At)
	case s.skipped:
		return b.Skipped(input.SkippedBody{Client: s.client, Ranges: []input.Range{s.numbers}}, s.now)
	}
	return b.Came(input.Sequence{Client: s.client, Number: s.numbers.First}, []byte("shop"), s.now)
}

// nextDue is the earliest deadline up to a time.
func nextDue(b *Book, at int64) (client uuid.UUID, deadline int64, any bool) {
	b.Deadlines(func(c uuid.UUID, d int64) {
		if d <= at && (!any || d < deadline || d == deadline && c.String() < client.String()) {
			client, deadline, any = c, d, true
		}
	})
	return client, deadline, any
}

// life draws what a book is told, and hands it to each: numbers in order, passed
// over, come back, skipped, while time goes by.
func life(t *rapid.T, b *Book, clients int, each func(step)) {
	now := Moment{At: start}
	next := make([]uint64, clients)
	for range rapid.IntRange(1, 80).Draw(t, "steps") {
		now.Ordinal++
		now.At += rapid.Int64Range(0, 6).Draw(t, "minutes") * minute
		for client, deadline, any := nextDue(b, now.At); any; client, deadline, any = nextDue(b, now.At) {
			each(step{now: Moment{At: deadline, Ordinal: now.Ordinal}, client: client, due: true})
		}
		n := rapid.IntRange(0, clients-1).Draw(t, "client")
		first := max(next[n], 1)
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			first += rapid.Uint64Range(1, 9).Draw(t, "over")
		case 1, 2:
			first = rapid.Uint64Range(1, first).Draw(t, "back")
		}
		last := first + rapid.Uint64Range(0, 6).Draw(t, "more")
		next[n] = max(next[n], last+1)
		if rapid.IntRange(0, 3).Draw(t, "skipped") == 0 {
			each(step{now: now, client: clientOf(n, true), numbers: input.Range{First: first, Last: last}, skipped: true})
			continue
		}
		for number := first; number <= last; number++ {
			each(step{now: now, client: clientOf(n, true), numbers: input.Range{First: number, Last: number}})
			now.Ordinal++
		}
	}
}

// TestTheBookTellsTheTruth compares a book with one that keeps every number, and
// what it tells with what happened, across any saving and loading.
func TestTheBookTellsTheTruth(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	lived := func(t *rapid.T) {
		b, m := New(start), newNaive()
		life(t, b, 3, func(s step) {
			changes := s.on(b)
			m.age(s.client, s.now.At)
			for n := s.numbers.First; n <= s.numbers.Last && !s.due; n++ {
				m.take(input.Sequence{Client: s.client, Number: n}, s.skipped, s.now.At)
			}
			m.listen(t, changes)
			m.compare(t, b)
			for _, c := range changes {
				seen[c.What]++
				if c.Gap != (c.What != Opened) {
					t.Fatalf("does it change what is missing? %+v", c)
				}
				if c.What == Closed && c.Events > 0 && c.Skipped > 0 {
					seen["closed by both"]++
				}
			}
			if again := s.on(b); len(again) > 0 {
				t.Fatalf("told the same twice, it says %+v", again)
			}
			if rapid.IntRange(0, 9).Draw(t, "save") == 0 {
				*b = *reload(t, b)
			}
		})
	}
	const most = 10 // times that are drawn until the rarest was seen
	for n := 0; n < most && seen["closed by both"] == 0; n++ {
		rapid.Check(t, lived)
	}
	for _, what := range []string{Opened, Missing, Shrunk, Closed, "closed by both"} {
		if seen[what] == 0 {
			t.Errorf("nothing was ever %s", what)
		}
	}
}

// TestABoundedBookIsDeterministic has more clients and holes than fit: a book that is
// saved and loaded all the time tells the same as one that is not, and the bounds hold.
func TestABoundedBookIsDeterministic(t *testing.T) {
	t.Parallel()
	forgotten, evicted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		b := New(start)
		b.maxClients, b.maxHoles = 2, 2
		other := reload(t, b)
		life(t, b, 4, func(s step) {
			known := slices.Collect(maps.Keys(b.clients))
			changes := s.on(b)
			other = reload(t, other)
			if got := s.on(other); !reflect.DeepEqual(got, changes) {
				t.Fatalf("one book says %+v, the other %+v", changes, got)
			}
			for _, c := range changes {
				if c.What == Forgotten {
					forgotten++
				}
			}
			for _, id := range known {
				if b.clients[id] == nil {
					evicted++
					if gap := b.Gap(id); gap.Missing != 0 {
						t.Fatalf("of a client that was forgotten %+v is missing", gap)
					}
				}
			}
			if b.Len() > 2 {
				t.Fatalf("%d clients", b.Len())
			}
			for id, c := range b.clients {
				if len(c.Holes) > 2 {
					t.Fatalf("%s has %d holes", id, len(c.Holes))
				}
			}
		})
	})
	if forgotten == 0 || evicted == 0 {
		t.Errorf("%d holes and %d clients were forgotten", forgotten, evicted)
	}
}
