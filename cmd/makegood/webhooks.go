package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/store/views"
)

type webhooksCommands struct {
	List      listWebhooksCommand  `cmd:"" help:"List the receivers of webhooks, and what became of each delivery."`
	Enable    enableWebhookCommand `cmd:"" help:"Tell a receiver again that asked for no more."`
	Test      testWebhookCommand   `cmd:"" help:"Send a receiver a signed message that means nothing."`
	Redeliver redeliverCommand     `cmd:"" help:"Tell receivers once more what a remedy told them."`
}

type listWebhooksCommand struct {
	service
	Endpoint string `help:"Only to this receiver."`
	Status   string `help:"Only with this status: waiting, succeeded, retrying, unknown, failed, skipped."`
	Limit    int    `default:"50" help:"At most this many deliveries, up to 1000."`
	After    string `help:"Go on where a page ended: its \"next\"."`
}

// Run lists deliveries.
func (c *listWebhooksCommand) Run(p *program) error {
	if err := haveStatus("delivery", c.Status, views.DeliveryStatuses()); err != nil {
		return err
	}
	query := narrowed(c.Limit, map[string]string{"endpoint": c.Endpoint, "status": c.Status, "after": c.After})
	return show(p, c.service, "/v1/webhooks", query, func(answer api.Deliveries) error {
		rows := [][]string{}
		for _, e := range answer.Endpoints {
			state := "enabled"
			if e.Disabled != "" {
				state = "disabled: " + e.Disabled
			}
			rows = append(rows, []string{e.Name, state, e.URL})
		}
		if err := printTable(p.stdout, []string{"ENDPOINT", "STATE", "URL"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout)
		rows = rows[:0]
		for _, d := range answer.Deliveries {
			rows = append(rows, []string{d.At.Format(time.RFC3339), d.Action.String(), d.Endpoint, d.Status, fmt.Sprint(d.Attempts), d.Code, d.Rule, d.Remedy.String()})
		}
		if answer.Next != "" {
			fmt.Fprintf(p.stderr, "more: --after %s\n", answer.Next)
		}
		return printTable(p.stdout, []string{"AT", "ACTION", "ENDPOINT", "STATUS", "ATTEMPTS", "CODE", "RULE", "REMEDY"}, rows)
	})
}

type enableWebhookCommand struct {
	service
	Endpoint string `arg:"" help:"Name of the receiver."`
}

// Run enables an endpoint.
func (c *enableWebhookCommand) Run(p *program) error {
	var answer api.Endpoint
	if err := c.post(p.ctx, "/v1/webhooks/"+url.PathEscape(c.Endpoint)+"/enable", nil, &answer); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s is told again\n", answer.Name)
	return nil
}

type testWebhookCommand struct {
	service
	Endpoint string `arg:"" help:"Name of the receiver."`
}

// Run pings an endpoint. An answer that is no 2xx is a failed check.
func (c *testWebhookCommand) Run(p *program) error {
	var answer api.Pinged
	if err := c.post(p.ctx, "/v1/webhooks/"+url.PathEscape(c.Endpoint)+"/test", nil, &answer); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s answered %d %s\n", c.Endpoint, answer.Status, http.StatusText(answer.Status))
	if answer.Status < 200 || answer.Status > 299 {
		return errChecked
	}
	return nil
}
