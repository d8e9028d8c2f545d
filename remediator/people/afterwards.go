package people

import (
	"context"
	"fmt"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// listDigest is how much of a list's digest names its parts.
const listDigest = 16

// Apply appends what a rule is to make good afterwards, under an id like every
// command, and waits for its answer. find says in parts what that is; it is not asked
// when the command was answered before. The last part has the id of the command, the
// others one of the list and their number: after a failure between two of them the
// same command appends the rest, and a list that has changed begins anew.
func (d *Desk) Apply(ctx context.Context, p access.Principal, id string, c decide.CommandBody, find func() ([]decide.Apply, error)) (*decide.Answer, error) {
	request, err := digest(asked(p, c))
	if err != nil {
		return nil, err
	}
	if answer, err := d.answerTo(ctx, id, request); answer != nil || err != nil {
		return answer, err
	}
	parts, err := find()
	if err != nil {
		return nil, err
	}
	var inputs []input.Input
	for i, command := range Commands(p, c, parts) {
		command.Request = request
		name := id
		if i < len(parts)-1 {
			name = fmt.Sprintf("%s/%.*s/%d", id, listDigest, parts[i].List, i+1)
		}
		in, err := d.input(name, input.Command, command)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	if err := d.append(ctx, inputs...); err != nil {
		return nil, err
	}
	return d.wait(ctx, id, request)
}

// Commands are the commands of the parts of a list, in the name of who gives them.
func Commands(p access.Principal, c decide.CommandBody, parts []decide.Apply) []decide.CommandBody {
	var commands []decide.CommandBody
	for i := range parts {
		c := asked(p, c)
		c.Roles, c.Apply = p.Roles, &parts[i]
		commands = append(commands, c)
	}
	return commands
}

// asked is a command as a person says it: roles may change, and the ledger grow,
// before a repeat.
func asked(p access.Principal, c decide.CommandBody) decide.CommandBody {
	c.By, c.Roles, c.Of, c.Request = p.Name, nil, nil, ""
	return c
}
