package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
)

type sandboxCommand struct {
	Listen   string `default:"127.0.0.1:8090" help:"Address to listen on."`
	State    string `type:"path" help:"File that keeps the payments and refunds. Without it they are in memory."`
	Amount   int64  `default:"100000000" help:"What was captured on a payment that nobody registered, in minor units. A payment's id begins with pi_ or ch_."`
	Currency string `default:"usd" help:"Currency of such a payment."`
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
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), provider.Close())
	}
	fmt.Fprintf(p.stderr, "sandbox provider on http://%s; what it refunded: GET /sandbox/summary\n", listener.Addr())
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
	return errors.Join(serve(p.ctx, listener, provider, wait), provider.Close())
}
