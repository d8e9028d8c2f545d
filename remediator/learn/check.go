package learn

import (
	"context"
	"errors"

	"github.com/makegood/makegood/remediator/coe"
)

// ErrBusy says that something else of the COEs is read from the ledger at this moment.
var ErrBusy = errors.New("the ledger is being read for another COE: try again in a while")

// begin waits for the turn to read much of the ledger, as long as ctx lasts. end gives it
// to the next.
func (s *Shelf) begin(ctx context.Context) (end func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Check asks every query of a text again and says what keeps it from being published.
// size is that of the ledger at which it was checked. It waits for its turn.
func (s *Shelf) Check(ctx context.Context, text string) (findings []coe.Finding, size uint64, err error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer end()
	return s.check(ctx, text)
}

// CheckNow is Check for who does not wait: it returns ErrBusy when it is another one's
// turn.
func (s *Shelf) CheckNow(ctx context.Context, text string) (findings []coe.Finding, size uint64, err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return s.check(ctx, text)
	default:
		return nil, 0, ErrBusy
	}
}

func (s *Shelf) check(ctx context.Context, text string) (findings []coe.Finding, size uint64, err error) {
	if size, err = s.size(ctx); err != nil || size == 0 {
		return nil, 0, err
	}
	d := coe.Read(text)
	book, err := s.book(ctx, d.Scope().Within(size))
	if err != nil {
		return nil, 0, err
	}
	known, err := s.known(ctx, d, size)
	if err != nil {
		return nil, 0, err
	}
	known.Now = s.cfg.Now()
	findings, err = coe.Check(ctx, d, book, known)
	return findings, size, err
}
