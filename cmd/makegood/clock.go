package main

import (
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/api"
)

type clockCommands struct {
	Confirm confirmClockCommand `cmd:"" help:"Have the log go on by the clock as it is, after it was set ahead and nothing was taken any more."`
}

type confirmClockCommand struct{ service }

// Run confirms the clock.
func (c *confirmClockCommand) Run(p *program) error {
	var answer api.ClockConfirmed
	if err := c.post(p.ctx, "/v1/clock/confirm", nil, &answer); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "the log goes on by the clock: it is %s\n", answer.Clock.Format(time.RFC3339))
	return nil
}
