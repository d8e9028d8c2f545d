package remediator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/log"
)

// stopWhenSetBack has all money stopped before anything is claimed from a ledger that was
// further once than it is: a database that was restored without its log, or a copy of it
// that went on and lacked the last commits. This node may have seen that itself, or the
// log behind the ledger shows it, each record of which is looked at once. What it lost
// is decided again from the log, but what was carried out meanwhile, and what is in its
// tables alone, a person has to look at.
func (d *decider) stopWhenSetBack(ctx context.Context, committed decide.Position) error {
	back := committed.Ordinal < d.at.Ordinal && d.stopped != d.at
	if back {
		d.looked = 0
	}
	head, err := d.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("look whether the ledger was set back: read log: %w", err)
	}
	lost, err := d.lostClaims(ctx, max(committed.Record, d.looked), head)
	if err != nil {
		return fmt.Errorf("look whether the ledger was set back: %w", err)
	}
	why := ""
	switch {
	case lost > 0:
		why = fmt.Sprintf("the ledger was set back to input %d: the log says what came of %d attempts that it does not know", committed.Ordinal, lost)
	case back:
		why = fmt.Sprintf("the ledger was set back from input %d to input %d", d.at.Ordinal, committed.Ordinal)
	}
	if why != "" {
		// The head is another one whenever it is set back again: who resumed then does not
		// resume now.
		if err := d.stopMoney(ctx, fmt.Sprintf("%s/%d/%d", decide.Restorer, committed.Record, head), why, committed.At); err != nil {
			return fmt.Errorf("stop money, as %s: %w", why, err)
		}
		d.logger.Warn("stop money", "reason", why)
	}
	if d.looked = max(d.looked, head); back {
		d.stopped = d.at
	}
	return nil
}

// stopMoney stops all money in the log and, until that is folded, by the brake that
// is looked at before each attempt.
func (d *decider) stopMoney(ctx context.Context, id, why string, at int64) error {
	body, err := json.Marshal(decide.CommandBody{
		Command: decide.CommandPause, By: decide.Restorer, Roles: []string{decide.RoleOperator}, Target: decide.TargetMoney, Reason: why,
	})
	if err != nil {
		return err
	}
	if err := d.append(ctx, []input.Input{{ID: id, Kind: input.Command, At: d.stamp(), Body: body}}); err != nil {
		return err
	}
	return d.store.Brake(ctx, decide.TargetMoney, id, decide.Restorer, time.Unix(0, at))
}

// lostClaims counts the attempts of which the log says, from one record to another, what
// came of them, and of which the ledger has no claim. An action is carried out after its
// claim is committed, and what came of it is appended after that: a ledger that is asked
// later has had the claim and lost it.
func (d *decider) lostClaims(ctx context.Context, after, head uint64) (lost int, err error) {
	for after < head {
		records, err := d.log.Read(ctx, after, recordsPerCommit)
		if err != nil {
			return 0, fmt.Errorf("read log: %w", err)
		}
		if len(records) == 0 {
			break
		}
		after = records[len(records)-1].Seq
		actions, err := d.store.LostClaims(ctx, attemptsIn(records))
		if err != nil {
			return 0, err
		}
		lost += len(actions)
	}
	return lost, nil
}

// attemptsIn returns the number of the newest attempt of each action whose outcome is
// among records. What cannot be read, perhaps as it is of a newer program, is for the
// fold to say.
func attemptsIn(records []log.Record) map[uuid.UUID]int {
	attempts := map[uuid.UUID]int{}
	for _, r := range records {
		inputs, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			continue
		}
		for _, in := range inputs {
			var o decide.OutcomeBody
			if in.Kind == input.Outcome && json.Unmarshal(in.Body, &o) == nil {
				attempts[o.Action] = max(attempts[o.Action], o.Attempt)
			}
		}
	}
	return attempts
}
