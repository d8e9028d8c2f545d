package people_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/people"
)

// brakes is what was stopped; nothing was decided.
type brakes []string

func (b *brakes) Answer(context.Context, string) (*decide.Answer, error) { return nil, nil }

func (b *brakes) Brake(_ context.Context, target, _, _ string, _ time.Time) error {
	*b = append(*b, target)
	return nil
}

// TestStopOutlivesItsRequest holds that money is stopped though whoever asked for it
// hung up while the log was taking it.
func TestStopOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	var stopped brakes
	taken := 0
	desk := people.NewDesk(people.Config{
		Append: func(ctx context.Context, inputs []input.Input) error {
			hangUp()
			taken += len(inputs)
			return ctx.Err() // as the log does, which has it all the same
		},
		Store: &stopped, Stamp: func() int64 { return input.StampRecord }, Now: time.Now, Braked: func() {},
	})
	_, err := desk.Give(ctx, access.Principal{Name: "oli", Roles: []string{decide.RoleOperator}}, "command/oli/k",
		decide.CommandBody{Command: decide.CommandPause, Target: decide.TargetMoney})
	if !errors.Is(err, context.Canceled) || taken != 1 || len(stopped) != 1 || stopped[0] != decide.TargetMoney {
		t.Errorf("taken are %d commands, stopped is %q, %v", taken, stopped, err)
	}
}
