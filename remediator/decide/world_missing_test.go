package decide_test

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
)

// emitter is a client of the SDK that numbers its events.
type emitter struct {
	id   uuid.UUID
	next uint64
	over []uint64 // numbers that were passed over, and may come or be refused later
}

// emitterID is the id of a client that began on the second day of the world.
func emitterID(n int) uuid.UUID {
	began := uint64(start/1e6) + 86_400_000
	return uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012x", began>>16, began&0xffff, n))
}

// emitter picks a client.
func (w *world) emitter() *emitter {
	if len(w.emitters) < 3 {
		w.emitters = append(w.emitters, &emitter{id: emitterID(len(w.emitters)), next: 1})
		return w.emitters[len(w.emitters)-1]
	}
	return w.emitters[w.random.IntN(len(w.emitters))]
}

// number is the number of the client's next event that comes, or is refused.
func (w *world) number() (client uuid.UUID, number uint64) {
	e := w.emitter()
	switch n := w.random.IntN(10); {
	case n < 3 && len(e.over) > 0:
		i := w.random.IntN(len(e.over))
		number = e.over[i]
		e.over = append(e.over[:i], e.over[i+1:]...)
		return e.id, number
	case n < 5:
		for range 1 + w.random.IntN(3) {
			e.over = append(e.over, e.next)
			e.next++
		}
	}
	e.next++
	return e.id, e.next - 1
}

// eventID is the id of the input of the next event: a client may number it.
func (w *world) eventID(id string) string {
	if w.random.IntN(2) == 0 {
		return id
	}
	client, number := w.number()
	return fmt.Sprintf("event/%s.%d", client, number)
}

// skipped says that an event was refused at the door.
func (w *world) skipped() input.Input {
	client, number := w.number()
	return input.SkippedInputs(client, []uint64{number}, w.now)[0]
}
