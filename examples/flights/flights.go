// Package flights is an example airline: it knows real flights of two days, and
// tells Makegood of each when it arrives.
//
// It is for the demo, for tests, and for readers who want to see what an
// application does: Emit is all of it. README.md says which of it is made up.
package flights

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/makegood/makegood/sdk"
)

const (
	// Source is the source of the events.
	Source = "/bts/2001"
	// Arrived is their type.
	Arrived = "com.example.flight.arrived"
)

//go:embed flights.jsonl.gz
var file []byte

//go:embed rules
var rules embed.FS

// Rules returns the folder of the rules that go with the flights.
func Rules() fs.FS {
	folder, err := fs.Sub(rules, "rules")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return folder
}

// flight is one arrival, as one customer had it.
type flight struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Subject  string    `json:"subject"`
	Customer string    `json:"customer"`
	Data     struct {
		Booking     string `json:"booking"`
		Payment     string `json:"payment"`
		Fare        string `json:"fare"`
		Origin      string `json:"origin"`
		Destination string `json:"destination"`
		DistanceMi  int    `json:"distance_mi"`
		DelayMin    int    `json:"delay_min"` // negative when it was early
	} `json:"data"`
}

// read returns the flights in the order in which they arrived.
func read() ([]flight, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read flights: %w", err)
	}
	var all []flight
	for lines := json.NewDecoder(unzipped); ; {
		var f flight
		if err := lines.Decode(&f); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read flights: %w", err)
		}
		all = append(all, f)
	}
}

// pace is how many flights are emitted before the airline waits until they have
// arrived. A program that reports what happens while it happens never waits;
// this one has two days to tell at once, and more than a client's memory holds.
const pace = 5000

// Emit tells the client's service of all flights, in order, each with the id
// and the time that it has in the file, and returns when the service has taken
// them. progress, which may be nil, hears how many of all were emitted. For the
// flights to arrive in order the client must have one request in flight.
func Emit(ctx context.Context, client *makegood.Client, progress func(n, total int)) error {
	all, err := read()
	if err != nil {
		return err
	}
	for i, f := range all {
		err := f.emit(ctx, client)
		if n := i + 1; n%pace == 0 || errors.Is(err, makegood.ErrFull) {
			if flushed := client.Flush(ctx); flushed != nil {
				return flushed
			}
		}
		if errors.Is(err, makegood.ErrFull) { // what was emitted before has arrived: there is room now
			err = f.emit(ctx, client)
		}
		if err != nil {
			return fmt.Errorf("emit flight %s: %w", f.ID, err)
		}
		if progress != nil {
			progress(i+1, len(all))
		}
	}
	return client.Flush(ctx)
}

func (f *flight) emit(ctx context.Context, client *makegood.Client) error {
	return client.TryEmit(ctx, Arrived,
		makegood.ID(f.ID), makegood.At(f.Time), makegood.Subject(f.Subject), makegood.Customer(f.Customer),
		makegood.String("booking", f.Data.Booking), makegood.String("payment", f.Data.Payment), makegood.Money("fare", f.Data.Fare),
		makegood.String("origin", f.Data.Origin), makegood.String("destination", f.Data.Destination),
		makegood.Int("distance_mi", f.Data.DistanceMi), makegood.Int("delay_min", f.Data.DelayMin))
}
