package people

import (
	"context"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// Stamped appends a command with what a person cannot say themselves, such as what a
// provider lists, and waits for its answer. Stamp adds that; it is not asked when the
// command was answered before.
func (d *Desk) Stamped(ctx context.Context, p access.Principal, id string, c decide.CommandBody, stamp func(*decide.CommandBody) error) (*decide.Answer, error) {
	c = asked(p, c)
	request, err := digest(c)
	if err != nil {
		return nil, err
	}
	if answer, err := d.answerTo(ctx, id, request); answer != nil || err != nil {
		return answer, err
	}
	if err := stamp(&c); err != nil {
		return nil, err
	}
	c.Roles, c.Request = p.Roles, request
	return d.submit(ctx, id, request, input.Command, c, func() error { return nil })
}
