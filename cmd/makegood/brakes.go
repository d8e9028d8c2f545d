package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// targets are what is stopped or goes on.
type targets struct {
	service
	Targets   []string `arg:"" optional:"" name:"target" help:"money, rule:NAME or connector:NAME."`
	AllMoney  bool     `help:"All refunds and credit, of every rule; the same as money."`
	Rule      []string `placeholder:"NAME" help:"This rule; the same as rule:NAME."`
	Connector []string `placeholder:"NAME" help:"Everything that goes through this connector; the same as connector:NAME."`
	Reason    string   `help:"Why; it is kept, encrypted, beside the command."`
}

// orders makes a command of each target.
func (t targets) orders(command string) ([]order, error) {
	all := slices.Clone(t.Targets)
	if t.AllMoney {
		all = append(all, decide.TargetMoney)
	}
	for _, name := range t.Rule {
		all = append(all, decide.TargetRule(name))
	}
	for _, name := range t.Connector {
		all = append(all, decide.TargetConnector(name))
	}
	if len(all) == 0 {
		return nil, usageError("say what: --all-money, --rule NAME or --connector NAME")
	}
	orders := []order{}
	for _, target := range all {
		if err := decide.CheckTarget(target); err != nil {
			return nil, usageError(err.Error())
		}
		orders = append(orders, order{of: target, path: "/v1/" + command, body: map[string]string{"target": target, "reason": t.Reason}})
	}
	return orders, nil
}

type pauseCommand struct {
	targets
}

// Run stops.
func (c *pauseCommand) Run(p *program) error {
	orders, err := c.orders(decide.CommandPause)
	if err != nil {
		return err
	}
	if err := c.tellEach(p, orders, func(of string, _ decide.Answer) string { return of + " is stopped; another person lets it go on" }); err != nil {
		return err
	}
	for _, o := range orders {
		c.doubt(p, o.of)
	}
	return nil
}

// doubt says of what was stopped that nothing goes by its name. It is no reason to
// refuse: a rule that was replaced still has remedies to pay. But who stops money in
// a hurry and misspells a name must not believe that it stands.
func (c *pauseCommand) doubt(p *program, target string) {
	kind, name, _ := strings.Cut(target, ":")
	switch {
	case kind == "connector" && !slices.Contains(rule.Connectors(), name):
		fmt.Fprintf(p.stderr, "makegood: %s: there is no such connector; there are %s\n", plain(target), strings.Join(rule.Connectors(), ", "))
	case kind == "rule" && !strings.HasPrefix(name, "makegood."):
		var answer api.Rules
		if c.live(p.ctx, "/v1/rules", &answer) != nil {
			return // it is stopped, and that was said
		}
		if !slices.ContainsFunc(answer.Rules, func(r api.RuleInForce) bool { return r.Rule == name }) {
			fmt.Fprintf(p.stderr, "makegood: %s: no rule of this name is in force; makegood rules status lists those that are\n", plain(target))
		}
	}
}

type resumeCommand struct {
	targets
}

// Run lets go on.
func (c *resumeCommand) Run(p *program) error {
	orders, err := c.orders(decide.CommandResume)
	if err != nil {
		return err
	}
	return c.tellEach(p, orders, func(of string, _ decide.Answer) string { return of + " goes on" })
}

type brakesCommand struct {
	service
}

// Run lists what is stopped.
func (c *brakesCommand) Run(p *program) error {
	add := func(whole, page *api.Brakes) string {
		whole.Brakes = slices.Insert(page.Brakes, 0, whole.Brakes...)
		return page.Next
	}
	return showAll(p, c.service, "/v1/brakes", url.Values{"limit": {"1000"}}, add, func(answer api.Brakes) error {
		rows := [][]string{}
		for _, b := range answer.Brakes {
			decided := "yes"
			if !b.Confirmed {
				decided = "not yet"
			}
			rows = append(rows, []string{b.Target, b.By, b.At.Format(time.RFC3339), decided})
		}
		if len(rows) == 0 {
			_, err := fmt.Fprintln(p.stdout, "nothing is stopped")
			return err
		}
		return printTable(p.stdout, []string{"STOPPED", "BY", "SINCE", "DECIDED"}, rows)
	})
}
