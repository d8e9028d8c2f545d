package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/api"
)

// maxPing is longer than the service waits for a receiver.
const maxPing = 30 * time.Second

type webhooksCommands struct {
	List   listWebhooksCommand  `cmd:"" help:"List the receivers of webhooks, and what became of each delivery."`
	Enable enableWebhookCommand `cmd:"" help:"Tell a receiver again that asked for no more."`
	Test   testWebhookCommand   `cmd:"" help:"Send a receiver a signed message that means nothing."`
}

type listWebhooksCommand struct {
	from
	Endpoint string `help:"Only to this receiver."`
	Status   string `help:"Only with this status: waiting, succeeded, retrying, unknown, failed, skipped."`
	Limit    int    `default:"50" help:"At most this many deliveries, up to 1000."`
}

// Run lists deliveries.
func (c *listWebhooksCommand) Run(p *program) error {
	query := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	for name, value := range map[string]string{"endpoint": c.Endpoint, "status": c.Status} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var answer api.Deliveries
	if err := c.get(p.ctx, "/v1/webhooks", query, &answer); err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(p.stdout, answer)
	}
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
	return printTable(p.stdout, []string{"AT", "ACTION", "ENDPOINT", "STATUS", "ATTEMPTS", "CODE", "RULE", "REMEDY"}, rows)
}

type enableWebhookCommand struct {
	toService
	Endpoint string `arg:"" help:"Name of the receiver."`
}

// Run enables an endpoint.
func (c *enableWebhookCommand) Run(p *program) error {
	var answer api.Endpoint
	if err := c.post(p.ctx, "/v1/webhooks/"+url.PathEscape(c.Endpoint)+"/enable", &answer); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s is told again\n", answer.Name)
	return nil
}

type testWebhookCommand struct {
	toService
	Endpoint string `arg:"" help:"Name of the receiver."`
}

// Run pings an endpoint. An answer that is no 2xx is a failed check.
func (c *testWebhookCommand) Run(p *program) error {
	var answer api.Pinged
	if err := c.post(p.ctx, "/v1/webhooks/"+url.PathEscape(c.Endpoint)+"/test", &answer); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s answered %d %s\n", c.Endpoint, answer.Status, http.StatusText(answer.Status))
	if answer.Status < 200 || answer.Status > 299 {
		return errChecked
	}
	return nil
}

// toService is where a command goes: only a running service carries one out.
type toService struct {
	URL   string `required:"" env:"MAKEGOOD_URL" help:"Address of the service."`
	Token string `env:"MAKEGOOD_ADMIN_TOKEN" help:"Administrator's token, when the service asks for one."`
}

// post posts to a path of the API and reads the answer into a value.
func (s toService) post(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.URL, "/")+path, nil)
	if err != nil {
		return fmt.Errorf("ask service: %w", err)
	}
	if s.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.Token)
	}
	client := http.Client{Timeout: maxPing}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask service: %w", errors.Unwrap(err))
	}
	defer answer.Body.Close()
	return readAnswer(answer, true, into)
}
