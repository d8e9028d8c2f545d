package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/serving"
)

type sandboxCommand struct {
	Listen   string `default:"127.0.0.1:8090" help:"Address to listen on."`
	State    string `type:"path" help:"File that keeps the payments and refunds. Without it they are in memory."`
	Amount   int64  `default:"100000000" help:"What was captured on a payment that nobody registered, in minor units. A payment's id begins with pi_ or ch_."`
	Currency string `default:"usd" help:"Currency of such a payment."`
	Hook     string `name:"webhook" placeholder:"URL" help:"Address that is told of refunds, as Stripe tells: of a service, its /v1/providers/stripe/webhook."`
	Secret   string `name:"webhook-secret-file" type:"path" help:"File with the secret that signs what is told."`
}

// Run runs the provider until it is told to stop.
func (c *sandboxCommand) Run(p *program) error {
	if c.Amount < 1 {
		return usageError(fmt.Sprintf("--amount is %d: a payment has at least 1", c.Amount))
	}
	if _, err := money.Parse("1 " + strings.ToUpper(c.Currency)); err != nil {
		return usageError(fmt.Sprintf("--currency: %v", err))
	}
	provider, err := sandbox.Open(sandbox.Config{File: c.State, Amount: c.Amount, Currency: c.Currency})
	if err != nil {
		return err
	}
	if err := c.tell(provider); err != nil {
		return errors.Join(err, provider.Close())
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), provider.Close())
	}
	fmt.Fprintf(p.stderr, "sandbox provider on http://%s; what it refunded: GET /sandbox/summary\n", listener.Addr())
	return errors.Join(serving.Serve(p.ctx, listener, provider, provider.Run), provider.Close())
}

// tell has somebody told of refunds.
func (c *sandboxCommand) tell(provider *sandbox.Sandbox) error {
	switch {
	case c.Hook == "" && c.Secret == "":
		return nil
	case c.Hook == "" || c.Secret == "":
		return usageError("--webhook and --webhook-secret-file go together")
	}
	secret, err := os.ReadFile(c.Secret)
	if err != nil {
		return fmt.Errorf("read webhook secret: %w", err)
	}
	return provider.SetHook(sandbox.Hook{URL: c.Hook, Secret: strings.TrimSpace(string(secret))})
}
