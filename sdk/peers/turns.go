package main

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// subject is one thing that is measured.
type subject struct {
	name  string
	does  string // what a call does, and what somebody else does later
	calls int    // in one turn, so that turns take about the same time
	call  func()
	end   func() error // gives everything back, and says what went wrong; nil: nothing to do

	turns  []time.Duration // how long each took; in order once all are over
	allocs float64         // of one call, with what goes on in the background meanwhile
}

// each is what one call costs in the fastest turn, in nanoseconds.
func (s *subject) each() float64 { return float64(s.turns[0]) / float64(s.calls) }

// usual is what one call costs in the turn in the middle.
func (s *subject) usual() float64 { return float64(s.turns[len(s.turns)/2]) / float64(s.calls) }

// takeTurns measures subjects in turns, and ends them.
func takeTurns(rounds int, subjects []*subject) error {
	for _, s := range subjects {
		s.call() // what is done once is done now
	}
	for range rounds {
		for _, s := range subjects {
			began := time.Now()
			for range s.calls {
				s.call()
			}
			s.turns = append(s.turns, time.Since(began))
		}
	}
	for _, s := range subjects {
		slices.Sort(s.turns)
		s.allocs = testing.AllocsPerRun(s.calls, s.call)
	}
	return end(subjects)
}

func end(subjects []*subject) (err error) {
	for _, s := range subjects {
		if s.end != nil {
			err = errors.Join(err, s.end())
		}
	}
	return err
}

// open makes subjects one by one, and ends those that were made when one cannot be.
func open(makers ...func() (*subject, error)) ([]*subject, error) {
	var subjects []*subject
	for _, maker := range makers {
		s, err := maker()
		if err != nil {
			return nil, errors.Join(err, end(subjects))
		}
		subjects = append(subjects, s)
	}
	return subjects, nil
}
