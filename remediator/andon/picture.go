// Package andon tells programs which cords are pulled, within the second: those
// that ask a gate before they sell, ship or deploy. It is for the SDK's gates and
// for whoever watches the line.
//
// The decider and the API tell the [Hub] that something may have changed; the hub
// reads what is stopped from the store, numbers what is different, and streams it
// to everybody who listens. It decides nothing: what is stopped is in the tables.
package andon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
)

// Store reads what is stopped. Implementations are safe for concurrent use.
type Store interface {
	// Stopped returns the cords that are not open and the stops in force, both as
	// they were at one moment.
	Stopped(ctx context.Context) ([]cord.State, []Stop, error)
	// Cord returns a cord as the fold left it, nil when it was never pulled.
	Cord(ctx context.Context, path string) (*cord.State, error)
}

// Stop is a red cord as it takes effect: at once, also when the fold has not seen
// yet who pulled it and why.
type Stop struct {
	Cord string
	By   string
	At   int64 // nanoseconds since the Unix epoch
}

// Stand returns the cords as they stand, by path: as the fold left them, except
// that those with a stop are red.
func Stand(cords []cord.State, stops []Stop) []cord.State {
	states := make(map[string]cord.State, len(cords))
	for _, s := range cords {
		states[s.Cord] = s
	}
	for _, stop := range stops {
		s := states[stop.Cord]
		switch s.Level {
		case cord.Red: // it is known
			continue
		case cord.Yellow:
			s.RaisedBy = stop.By
		default:
			s = cord.State{Cord: stop.Cord, Pulls: s.Pulls, By: stop.By}
		}
		s.Level, s.Since, s.AnswerBy = cord.Red, stop.At, 0
		states[stop.Cord] = s
	}
	return slices.SortedFunc(maps.Values(states), func(a, b cord.State) int { return cmp.Compare(a.Cord, b.Cord) })
}

// Standing answers for paths from the cords as they stand.
func Standing(cords []cord.State) func(path string) cord.Standing {
	levels := make(map[string]cord.State, len(cords))
	for _, s := range cords {
		levels[s.Cord] = s
	}
	return func(path string) cord.Standing {
		return cord.Stand(path, func(path string) (string, int64) {
			if s, pulled := levels[path]; pulled {
				return s.Level, s.Since
			}
			return cord.Open, 0
		})
	}
}

// Cord is a cord as gates see it.
type Cord struct {
	Cord  string    `json:"cord"`
	Level string    `json:"level"`
	Since time.Time `json:"since"`         // in UTC
	Pull  uuid.UUID `json:"pull,omitzero"` // none while the fold has not seen it
}

func cordOf(s cord.State) Cord {
	return Cord{Cord: s.Cord, Level: s.Level, Since: time.Unix(0, s.Since).UTC(), Pull: s.Pull}
}

func byPath(a, b Cord) int { return cmp.Compare(a.Cord, b.Cord) }

// Snapshot is every cord that is not open, by path.
type Snapshot struct {
	Cords []Cord `json:"cords"`
}

// picture is every cord that is not open, by path.
type picture map[string]Cord

// snapshot lists the cords by path.
func (p picture) snapshot() Snapshot {
	cords := slices.SortedFunc(maps.Values(p), byPath)
	if cords == nil {
		cords = []Cord{} // a list, though an empty one
	}
	return Snapshot{Cords: cords}
}
