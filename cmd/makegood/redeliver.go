package main

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

type redeliverCommand struct {
	service
	ID     string `arg:"" name:"action-or-remedy" help:"Id of the delivery's action, or of the remedy, for all that it told."`
	Reason string `help:"Why; it is kept, encrypted, beside the command."`
}

// Run has receivers told again.
func (c *redeliverCommand) Run(p *program) error {
	id, err := uuid.Parse(c.ID)
	if err != nil {
		return usageError(fmt.Sprintf("%q is no id: take one from makegood webhooks list", c.ID))
	}
	remedy, actions, err := c.find(p, id)
	if err != nil {
		return err
	}
	orders := []order{}
	for _, action := range actions {
		orders = append(orders, order{
			of: action.String(), path: "/v1/remedies/" + remedy.String() + "/" + decide.CommandRetry,
			body: map[string]string{"action": action.String(), "reason": c.Reason},
		})
	}
	return c.tellEach(p, orders, func(of string, a decide.Answer) string { return triedAgain(of, remedy.String(), a) })
}

// find returns a remedy and what it told by webhook: all, or the one action that is named.
func (c *redeliverCommand) find(p *program, id uuid.UUID) (remedy uuid.UUID, actions []uuid.UUID, err error) {
	var list api.Deliveries
	if err := c.live(p.ctx, "/v1/webhooks?"+url.Values{"limit": {"1000"}}.Encode(), &list); err != nil {
		return remedy, nil, err
	}
	for _, d := range list.Deliveries {
		if d.Action == id {
			return d.Remedy, []uuid.UUID{id}, nil
		}
	}
	var found api.Remedy
	var refused refusal
	err = c.live(p.ctx, "/v1/remedies/"+id.String(), &found)
	if errors.As(err, &refused) {
		return remedy, nil, errors.New("neither one of the last 1000 deliveries nor a remedy has this id; name the remedy of an older delivery")
	}
	for _, a := range found.Actions {
		if a.Kind == rule.Webhook {
			actions = append(actions, a.Action)
		}
	}
	if err == nil && len(actions) == 0 {
		err = errors.New("this remedy told nobody by webhook")
	}
	return id, actions, err
}
