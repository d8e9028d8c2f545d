package rehearse

import (
	"encoding/json"
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// latenessS is how late an event may enter a window, in seconds; the same as a
// service uses unless it is told otherwise.
const latenessS = 3600

// rehearsal is a fold of its own with nothing remembered.
type rehearsal struct {
	fold   *decide.Fold
	memory *decide.RAM
	found  []found
}

// found is a fact with its body: the struct that is named behind its kind.
type found struct {
	decide.Fact
	body any
}

// begin returns a rehearsal with the rules of files in force. newMatcher may be nil.
func begin(files []rule.File, matchers int, newMatcher func(*rule.Set) match.Matcher) (*rehearsal, error) {
	r := &rehearsal{}
	err := r.begin(files, decide.Config{
		Matchers: matchers, NewMatcher: newMatcher,
		Observe: func(f decide.Fact, body any) { r.found = append(r.found, found{f, body}) },
	})
	return r, err
}

// beginSealing is like begin, and the facts are encoded, with the evidence beside
// them, as for a ledger.
func beginSealing(files []rule.File, matchers int, newMatcher func(*rule.Set) match.Matcher) (*rehearsal, error) {
	r := &rehearsal{}
	return r, r.begin(files, decide.Config{Matchers: matchers, NewMatcher: newMatcher})
}

func (r *rehearsal) begin(files []rule.File, cfg decide.Config) error {
	r.memory = decide.NewMemory()
	cfg.Memory, cfg.Rehearsal = r.memory, true
	r.fold = decide.New(cfg)
	genesis, err := json.Marshal(decide.GenesisBody{LogID: "rehearsal", HashKey: make([]byte, 16), LatenessS: latenessS, Version: decide.Version})
	if err != nil {
		return fmt.Errorf("encode genesis: %w", err)
	}
	activate, err := json.Marshal(decide.ActivateBody{Files: files, Author: "rehearsal"})
	if err != nil {
		return fmt.Errorf("encode activation: %w", err)
	}
	_, err = r.apply([]input.Input{{Kind: input.Genesis, Body: genesis}, {Kind: input.Activate, Body: activate}})
	return err
}

// apply folds inputs, remembers what they took and returns what was found, good
// until the next call.
func (r *rehearsal) apply(inputs []input.Input) ([]found, error) {
	r.found = r.found[:0]
	out, err := r.fold.Apply(inputs)
	if err != nil {
		return nil, err
	}
	r.memory.Commit(out)
	return r.found, nil
}

// eventInput makes the input of an event whose own time is the clock.
func eventInput(raw []byte, time int64) input.Input {
	if time == 0 {
		time = input.StampPrevious
	}
	return input.Input{Kind: input.Event, At: time, Body: raw}
}
