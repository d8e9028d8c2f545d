package main

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// applyPatience is how long a rehearsal over the log of a service may take.
const applyPatience = 10 * time.Minute

type applyCommand struct {
	service
	Rule      string `arg:"" help:"Name of a rule in force."`
	Since     string `required:"" help:"From when on: 2026-11-01, 2026-11-01T12:00:00Z, or 30d before the end."`
	Until     string `help:"Until when; what lies there is no longer meant. Defaults to as far as the service has come."`
	Customers string `type:"path" help:"File of the customers that are meant, one on a line. Without it everybody is."`
	Reason    string `required:"" help:"Why; it is kept, encrypted, beside the bulk."`
	DryRun    bool   `help:"Only say what it would do."`
	Yes       bool   `help:"Do not ask."`
}

// Run says what would be made good, asks, and has it held for two others.
func (c *applyCommand) Run(p *program) error {
	c.patience = applyPatience
	body, err := c.body(p)
	if err != nil {
		return err
	}
	path := "/v1/rules/" + url.PathEscape(c.Rule) + "/apply"
	body["dry_run"] = true
	var would decide.Answer
	if err := c.post(p.ctx, path, body, &would); err != nil {
		return err
	}
	switch {
	case would.Bulk == nil:
		return fmt.Errorf("the service answered %s, and no bulk", would.Status)
	case c.DryRun && c.Output == "json":
		return printJSON(p.stdout, would)
	case c.DryRun:
		return printBulk(p.stdout, would.Bulk)
	case c.Output != "json":
		if err := printBulk(p.stdout, would.Bulk); err != nil {
			return err
		}
	}
	if agreed, err := agreed(p, c.Yes, "have it held for two others to approve?"); err != nil || !agreed {
		return err
	}
	delete(body, "dry_run")
	return c.tell(p, path, body, func(a decide.Answer) string {
		if a.Bulk == nil {
			return a.Status
		}
		return fmt.Sprintf("held as bulk %s: %d remedies, %s; two others approve it: makegood remedies approve --bulk %s",
			a.Bulk.Bulk, a.Bulk.Remedies, moneyOf(a.Bulk.Money), a.Bulk.Bulk)
	})
}

// body is the question, with times that stay the same when it is repeated.
func (c *applyCommand) body(p *program) (map[string]any, error) {
	var status api.Status
	if strings.TrimSpace(c.Reason) == "" {
		return nil, usageError("--reason says nothing: whoever approves goes by it")
	}
	if err := c.live(p.ctx, "/v1/status", &status); err != nil {
		return nil, err
	}
	until := status.LogTime.Add(1) // the last event is meant too
	var err error
	if c.Until != "" {
		if until, err = moment("--until", c.Until, until); err != nil {
			return nil, err
		}
	}
	since, err := moment("--since", c.Since, until)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"since": since, "until": until, "reason": c.Reason}
	if c.Customers != "" {
		customers, err := readCustomers(c.Customers)
		if err != nil {
			return nil, err
		}
		body["customers"] = customers
	}
	return body, nil
}

// readCustomers reads a customer from each line, empty lines left out.
func readCustomers(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	defer f.Close()
	var customers []string
	lines := bufio.NewScanner(withoutMark(bufio.NewReader(f)))
	for lines.Scan() {
		if customer := strings.TrimSpace(lines.Text()); customer != "" {
			customers = append(customers, customer)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read customers: %s: %w", name, err)
	}
	if len(customers) == 0 {
		return nil, usageError("--customers: " + name + " names nobody; without the flag everybody is meant")
	}
	return customers, nil
}

// printBulk says what a bulk holds, and what not.
func printBulk(w io.Writer, b *decide.Bulk) error {
	fmt.Fprintf(w, "%s, %s to %s: %d remedies, %s\n", plain(b.Rule), b.Since, b.Until, b.Remedies, moneyOf(b.Money))
	rows := [][]string{}
	for _, c := range b.Above {
		rows = append(rows, []string{"above the limit", c.Reason, fmt.Sprint(c.Remedies), moneyOf(c.Money)})
	}
	for _, c := range b.LeftOut {
		rows = append(rows, []string{"left out", c.Reason, fmt.Sprint(c.Remedies), ""})
	}
	return printTable(w, nil, rows)
}
