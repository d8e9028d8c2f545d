package main

import (
	"net/url"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

type customersCommands struct {
	Erase  eraseCommand  `cmd:"" help:"Destroy the key of what was kept of a customer; the ledger still verifies."`
	Hold   holdCommand   `cmd:"" help:"Keep what is kept of a customer from being erased: a legal hold."`
	Unhold unholdCommand `cmd:"" help:"Lift a legal hold."`
	List   heldCommand   `cmd:"" help:"List the customers on legal hold."`
}

type heldCommand struct {
	service
	Held bool `required:"" help:"Those on legal hold, the oldest first."`
}

// Run lists customers.
func (c *heldCommand) Run(p *program) error {
	add := func(whole, page *api.HeldCustomers) string {
		whole.Customers = slices.Insert(page.Customers, 0, whole.Customers...)
		return page.Next
	}
	return showAll(p, c.service, "/v1/customers/held", url.Values{"limit": {"1000"}}, add, func(answer api.HeldCustomers) error {
		rows := [][]string{}
		for _, h := range answer.Customers {
			rows = append(rows, []string{h.Customer, h.By, h.Since.Format(time.RFC3339)})
		}
		return printTable(p.stdout, []string{"CUSTOMER", "HELD BY", "SINCE"}, rows)
	})
}

// customer is whose data a command is about.
type customer struct {
	service
	Customer string `arg:"" help:"Id of the customer, as events have it."`
}

// order tells the service what to do with it.
func (c customer) order(p *program, command, reason, done string) error {
	path := "/v1/customers/" + url.PathEscape(c.Customer) + "/" + command
	return c.tell(p, path, map[string]string{"reason": reason}, func(decide.Answer) string { return c.Customer + done })
}

type eraseCommand struct {
	customer
	Reason string `help:"Why, without the customer's name: it stays readable."`
}

// Run erases.
func (c *eraseCommand) Run(p *program) error {
	return c.order(p, decide.CommandErase, c.Reason, ": what was sealed about them can no longer be read; the log keeps their events until they are old enough")
}

type holdCommand struct {
	customer
	Reason string `required:"" help:"Why, without the customer's name: it stays readable."`
}

// Run holds.
func (c *holdCommand) Run(p *program) error {
	return c.order(p, decide.CommandHold, c.Reason, ": nothing about them is erased until the hold is lifted")
}

type unholdCommand struct {
	customer
	Reason string `required:"" help:"Why, without the customer's name: it stays readable."`
}

// Run lifts a hold.
func (c *unholdCommand) Run(p *program) error {
	return c.order(p, decide.CommandUnhold, c.Reason, ": the hold is lifted")
}
