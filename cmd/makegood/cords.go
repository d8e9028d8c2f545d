package main

import (
	"fmt"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// touched is the cord that a person touches.
type touched struct {
	service
	Cord string `arg:"" name:"path" help:"Path of the cord, such as product/TABLE-7."`
}

// touch gives a command about the cord. Times are checked here, so that one that
// is misspelt is known before anything is stopped.
func (c touched) touch(p *program, command string, body, times map[string]string, said func(decide.Answer) string) error {
	if err := cord.CheckPath(c.Cord); err != nil {
		return usageError(err.Error())
	}
	for _, name := range sortedKeys(times) {
		if times[name] == "" {
			continue
		}
		if d, err := expression.ParseDuration(times[name]); err != nil || d <= 0 {
			return usageError(fmt.Sprintf("%q is no time: write 15m, 4h or 14d", times[name]))
		}
		body[name] = times[name]
	}
	body["cord"] = c.Cord
	return c.tell(p, "/v1/andon/"+command, body, func(a decide.Answer) string { return c.Cord + " " + said(a) })
}

type pullCommand struct {
	touched
	Level        string `enum:"yellow,red" default:"yellow" help:"yellow calls for help and stops nothing; red closes the gates at the path and below it."`
	Reason       string `required:"" help:"What is wrong, for those who come."`
	AnswerWithin string `placeholder:"TIME" help:"A yellow cord that nobody acknowledges turns red after this time, such as 15m."`
	Box          string `placeholder:"TIME" help:"How long it may last before it is escalated; its end opens nothing."`
	Watch        string `placeholder:"TIME" help:"How long after its release a recurrence pulls it again, such as 14d."`
	Quiet        string `placeholder:"TIME" help:"How long nothing of the kind must have come before it may be released."`
}

// Run pulls a cord.
func (c *pullCommand) Run(p *program) error {
	return c.touch(p, decide.CommandPull, map[string]string{"level": c.Level, "reason": c.Reason},
		map[string]string{"answer_within": c.AnswerWithin, "box": c.Box, "watch": c.Watch, "quiet": c.Quiet}, c.pulled)
}

// pulled says how the cord stands: one that was red already stays so, and a call
// is more evidence.
func (c *pullCommand) pulled(a decide.Answer) string {
	if a.Status == c.Level {
		return "is pulled " + c.Level
	}
	return "is pulled; it was " + a.Status + " before, and stays so under the terms that it has"
}

// always says the same, whatever the answer.
func always(said string) func(decide.Answer) string {
	return func(decide.Answer) string { return said }
}

type ackCommand struct {
	touched
}

// Run acknowledges a call.
func (c *ackCommand) Run(p *program) error {
	return c.touch(p, decide.CommandAcknowledge, map[string]string{}, nil, always("is acknowledged; its clock stands"))
}

type releaseCommand struct {
	touched
	Cause string `required:"" help:"What it came from."`
	Fix   string `required:"" help:"What was done about it."`
}

// Run releases a cord.
func (c *releaseCommand) Run(p *program) error {
	return c.touch(p, decide.CommandRelease, map[string]string{"cause": c.Cause, "fix": c.Fix}, nil, always("is released"))
}
