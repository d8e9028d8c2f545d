package remediator

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// setBack is what shows that the ledger was further once than it is: a database that
// was restored without its log, or a copy of it that went on and lacked the last commits.
type setBack struct {
	id  string // that no other has; empty when nothing shows it
	why string
}

// stopWhenSetBack has all money stopped before anything is claimed from a ledger that
// was set back. What it lost is decided again from the log, but what was carried out
// meanwhile, and what is in its tables alone, a person has to look at.
func (d *decider) stopWhenSetBack(ctx context.Context, committed decide.Position) error {
	found, err := d.findSetBack(ctx, committed)
	if err != nil {
		return fmt.Errorf("look whether the ledger was set back: %w", err)
	}
	if found.id == "" {
		return nil
	}
	body, err := json.Marshal(decide.CommandBody{
		Command: decide.CommandPause, By: decide.Restorer, Roles: []string{decide.RoleOperator}, Target: decide.TargetMoney, Reason: found.why,
	})
	if err == nil {
		err = d.append(ctx, []input.Input{{ID: found.id, Kind: input.Command, At: d.stamp(), Body: body}})
	}
	if err == nil {
		err = d.store.Brake(ctx, decide.TargetMoney, found.id, decide.Restorer, time.Unix(0, committed.At))
	}
	if err != nil {
		return fmt.Errorf("stop money, as %s: %w", found.why, err)
	}
	d.logger.Warn("stop money", "reason", found.why)
	return nil
}

// findSetBack compares the ledger with what this node saw of it, and with the log behind
// it. An action is carried out after its claim is committed, and what came of it is
// appended after that: where the log has that and the ledger, asked later, has not the
// claim, it has lost it.
func (d *decider) findSetBack(ctx context.Context, committed decide.Position) (found setBack, err error) {
	lost := map[uuid.UUID]bool{}
	for after := committed.Record; ; {
		inputs, last, err := d.read(ctx, after, math.MaxInt64)
		if err != nil {
			return found, err
		}
		if len(inputs) == 0 {
			break
		}
		after = last
		attempts := attemptsIn(inputs)
		actions, err := d.store.LostClaims(ctx, attempts)
		if err != nil {
			return found, err
		}
		for _, action := range actions {
			lost[action] = true
			found.id = fmt.Sprintf("%s/%s/%d", decide.Restorer, action, attempts[action])
		}
	}
	switch {
	case len(lost) > 0:
		found.why = fmt.Sprintf("the ledger was set back to input %d: the log says what came of %d actions that it does not know to be claimed", committed.Ordinal, len(lost))
	case committed.Ordinal < d.at.Ordinal:
		found.id = fmt.Sprintf("%s/%d/%d", decide.Restorer, committed.Ordinal, d.at.Ordinal)
		found.why = fmt.Sprintf("the ledger was set back from input %d to input %d", d.at.Ordinal, committed.Ordinal)
	}
	return found, nil
}

// attemptsIn returns the number of the newest attempt of each action whose outcome is
// among inputs. What cannot be read is for the fold to say.
func attemptsIn(inputs []input.Input) map[uuid.UUID]int {
	attempts := map[uuid.UUID]int{}
	for _, in := range inputs {
		var o decide.OutcomeBody
		if in.Kind == input.Outcome && json.Unmarshal(in.Body, &o) == nil {
			attempts[o.Action] = max(attempts[o.Action], o.Attempt)
		}
	}
	return attempts
}
