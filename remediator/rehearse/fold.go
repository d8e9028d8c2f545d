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
}

// begin returns a rehearsal with the rules of files in force. newMatcher may be nil.
func begin(files []rule.File, matchers int, newMatcher func(*rule.Set) match.Matcher) (*rehearsal, error) {
	memory := decide.NewMemory()
	r := &rehearsal{memory: memory, fold: decide.New(decide.Config{
		Memory: memory, Matchers: matchers, NewMatcher: newMatcher, Rehearsal: true,
	})}
	genesis, err := json.Marshal(decide.GenesisBody{LogID: "rehearsal", HashKey: make([]byte, 16), LatenessS: latenessS, Version: decide.Version})
	if err != nil {
		return nil, fmt.Errorf("encode genesis: %w", err)
	}
	activate, err := json.Marshal(decide.ActivateBody{Files: files, Author: "rehearsal"})
	if err != nil {
		return nil, fmt.Errorf("encode activation: %w", err)
	}
	_, err = r.apply([]input.Input{{Kind: input.Genesis, Body: genesis}, {Kind: input.Activate, Body: activate}})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// apply folds inputs and remembers what they took.
func (r *rehearsal) apply(inputs []input.Input) ([]decide.Fact, error) {
	out, err := r.fold.Apply(inputs)
	if err != nil {
		return nil, err
	}
	r.memory.Commit(out)
	var facts []decide.Fact
	for _, item := range out.Items {
		if item.Fact != nil {
			facts = append(facts, *item.Fact)
		}
	}
	return facts, nil
}

// eventInput makes the input of an event whose own time is the clock.
func eventInput(raw []byte, time int64) input.Input {
	if time == 0 {
		time = input.StampPrevious
	}
	return input.Input{Kind: input.Event, At: time, Body: raw}
}
