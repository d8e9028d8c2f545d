package missing

import (
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
)

// came tells a book of one event.
func came(b *Book, client uuid.UUID, number uint64, at int64, ordinal uint64) []Change {
	return b.Came(input.Sequence{Client: client, Number: number}, []byte("shop"), Moment{At: at, Ordinal: ordinal})
}

// TestFirstHeardLate hears clients first with their fifth event. What came before is
// missing only when they began after the knowledge did.
func TestFirstHeardLate(t *testing.T) {
	t.Parallel()
	b := New(start)
	if changes := came(b, clientOf(1, true), 5, start, 1); len(changes) != 1 || changes[0].Range != (input.Range{First: 1, Last: 4}) {
		t.Errorf("a client that began afterwards: %+v", changes)
	}
	b = New(began(clientOf(4, true)))
	if changes := came(b, clientOf(4, true), 5, start, 2); len(changes) > 0 {
		t.Errorf("a client that began in the same millisecond: %+v", changes)
	}
	b = New(start)
	for _, id := range []uuid.UUID{clientOf(2, false), uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), {}} {
		if changes := came(b, id, 5, start, 2); len(changes) > 0 {
			t.Errorf("client %s may have been there before: %+v", id, changes)
		}
	}
	if changes := came(b, clientOf(2, false), 7, start, 3); len(changes) != 1 || changes[0].Range != (input.Range{First: 6, Last: 6}) {
		t.Errorf("what is passed over afterwards: %+v", changes)
	}
}

// TestWhoIsForgotten: the client heard least recently goes when there are too many,
// and one that is silent for a month. If it comes back, nobody says that what it told
// before never came.
func TestWhoIsForgotten(t *testing.T) {
	t.Parallel()
	b := New(start)
	b.maxClients = 2
	day := 1440 * minute
	later := start + 3*day // after the clients of this test began
	came(b, clientOf(1, true), 1, later, 1)
	came(b, clientOf(1, true), 3, later, 2)
	came(b, clientOf(2, true), 1, later, 3)
	came(b, clientOf(1, true), 4, later, 4)
	if changes := came(b, clientOf(3, true), 1, later, 5); len(changes) > 0 || b.clients[clientOf(2, true)] != nil {
		t.Errorf("who was heard least recently is still there, or %+v", changes)
	}
	if changes := came(b, clientOf(2, true), 9, later, 6); len(changes) != 1 || changes[0].What != Forgotten || changes[0].Events != 1 {
		t.Errorf("of a client that came back: %+v, want only what the forgotten one had missing", changes)
	}
	if changes := b.Sweep(later + memory); len(changes) > 0 || b.Len() != 2 {
		t.Errorf("a month later: %+v, %d clients", changes, b.Len())
	}
	came(b, clientOf(2, true), 12, later+1, 7)
	b.Due(clientOf(2, true), later+1+GapAfter)
	came(b, clientOf(2, true), 13, later+day, 8)
	changes := b.Sweep(later + memory + 2)
	want := Change{What: Forgotten, Client: clientOf(2, true), Service: "shop", Range: input.Range{First: 10, Last: 11}, Since: later + 1, Events: 2, Gap: true}
	if b.Len() != 1 || len(changes) != 1 || changes[0] != want {
		t.Errorf("a month and a moment later: %+v, %d clients", changes, b.Len())
	}
}

// TestAHoleIsWaitedForAMonth, and not a moment less.
func TestAHoleIsWaitedForAMonth(t *testing.T) {
	t.Parallel()
	b := New(start)
	came(b, clientOf(1, true), 3, start, 1)
	came(b, clientOf(1, true), 4, start+memory, 2)
	if changes := b.Sweep(start + memory); len(changes) > 0 {
		t.Errorf("after a month: %+v", changes)
	}
	want := Change{What: Forgotten, Client: clientOf(1, true), Service: "shop", Range: input.Range{First: 1, Last: 2}, Since: start, Events: 2}
	if changes := b.Sweep(start + memory + 1); len(changes) != 1 || changes[0] != want {
		t.Errorf("a moment later: %+v", changes)
	}
}

// TestTheServiceIsTheFirstHeard, whatever source a client's later events have.
func TestTheServiceIsTheFirstHeard(t *testing.T) {
	t.Parallel()
	b, client := New(start), clientOf(1, true)
	b.Skipped(input.SkippedBody{Client: client, Ranges: []input.Range{{First: 1, Last: 1}}}, Moment{At: start, Ordinal: 1})
	for i, source := range []string{"shop", "other"} {
		b.Came(input.Sequence{Client: client, Number: uint64(2 + i)}, []byte(source), Moment{At: start, Ordinal: uint64(2 + i)})
		if got := b.Gap(client).Service; got != "shop" {
			t.Errorf("after %s the service is %q", source, got)
		}
	}
}

// TestServicesHaveBoundedNames cuts a long name where a letter ends.
func TestServicesHaveBoundedNames(t *testing.T) {
	t.Parallel()
	b := New(start)
	name := make([]byte, 0, 600)
	for range 300 {
		name = append(name, "é"...)
	}
	b.Came(input.Sequence{Client: clientOf(1, true), Number: 1}, name, Moment{At: start, Ordinal: 1})
	if got := b.Gap(clientOf(1, true)).Service; got != string(name[:254]) {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestLoadRefusesWhatNobodySaved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*Client{
		"nothing":        nil,
		"hole at 0":      {Next: 9, Holes: []Hole{{First: 0, Last: 1}}},
		"hole backwards": {Next: 9, Holes: []Hole{{First: 3, Last: 2}}},
		"hole above":     {Next: 9, Holes: []Hole{{First: 8, Last: 9}}},
		"holes overlap":  {Next: 9, Holes: []Hole{{First: 2, Last: 4}, {First: 4, Last: 5}}},
	} {
		if b, err := Load(Saved{Clients: map[uuid.UUID]*Client{clientOf(1, true): c}}); err == nil {
			t.Errorf("%s: loaded %+v", name, b)
		}
	}
}
