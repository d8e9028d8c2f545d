package rehearse

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// rehearsal is a fold of its own with nothing remembered.
type rehearsal struct {
	fold  *decide.Fold
	found []found // since the last call of apply, where they are kept
}

// found is a fact with its body: the struct that is named behind its kind.
type found struct {
	decide.Fact
	body any
}

// keep has the rehearsal keep what it finds.
func (r *rehearsal) keep(f decide.Fact, body any) {
	if remedy, ok := body.(*decide.RemedyFact); ok {
		body = remedy.Clone()
	}
	r.found = append(r.found, found{f, body})
}

// begin puts the rules of a set in force, where an event may enter a window so late.
func (r *rehearsal) begin(set *rule.Set, lateness time.Duration, cfg decide.Config) error {
	cfg.Rehearsal = true
	bare := *set // nobody reads the texts of the rules in a rehearsal
	bare.Files = nil
	cfg.Load = func([]rule.File) (*rule.Set, error) { return &bare, nil }
	r.fold = decide.New(cfg)
	genesis, err := json.Marshal(decide.GenesisBody{LogID: "rehearsal", HashKey: make([]byte, 16), LatenessS: int64(lateness / time.Second), Version: decide.Version})
	if err != nil {
		return fmt.Errorf("encode genesis: %w", err)
	}
	activate, err := json.Marshal(decide.ActivateBody{Author: "rehearsal"})
	if err != nil {
		return fmt.Errorf("encode activation: %w", err)
	}
	_, err = r.apply([]input.Input{{Kind: input.Genesis, Body: genesis}, {Kind: input.Activate, Body: activate}})
	return err
}

// apply folds inputs and returns what was found, good until the next call.
func (r *rehearsal) apply(inputs []input.Input) ([]found, error) {
	r.found = r.found[:0]
	if _, err := r.fold.Apply(inputs); err != nil {
		return nil, err
	}
	return r.found, nil
}

// applyJudged is apply for events that were matched already, of which nothing is kept.
func (r *rehearsal) applyJudged(events []input.Input, judged []decide.Judged) error {
	_, err := r.fold.ApplyJudged(events, judged)
	return err
}

// eventInput makes the input of an event whose own time is the clock.
func eventInput(raw []byte, at int64) input.Input {
	if at == 0 {
		at = input.StampPrevious
	}
	return input.Input{Kind: input.Event, At: at, Body: raw}
}
