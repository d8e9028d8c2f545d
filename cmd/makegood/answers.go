package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/views"
)

type holdsCommand struct {
	service
}

// Run counts what waits for a person.
func (c *holdsCommand) Run(p *program) error {
	return showAll(p, c.service, "/v1/holds", url.Values{"limit": {"1000"}}, addHolds, func(answer api.Holds) error {
		rows := [][]string{}
		for _, h := range answer.Holds {
			rows = append(rows, []string{h.Rule, heldFor(h), fmt.Sprint(h.Remedies), moneyOf(h.Money), h.Oldest.Format(time.RFC3339)})
		}
		return printTable(p.stdout, []string{"RULE", "HELD FOR", "REMEDIES", "MONEY", "OLDEST"}, rows)
	})
}

// heldFor is why something is held; of a bulk, its id and who has said what.
func heldFor(h views.Hold) string {
	if h.Bulk == nil {
		return h.Reason
	}
	return fmt.Sprintf("bulk %s, asked for by %s, %d of %d approvals", h.Bulk.Bulk, h.Bulk.By, len(h.Bulk.Approvals), h.Bulk.Need)
}

// moneyOf writes sums of several currencies.
func moneyOf(sums []money.Money) string {
	texts := []string{}
	for _, m := range sums {
		texts = append(texts, m.String())
	}
	return strings.Join(texts, ", ")
}

// held says which held remedies are answered: one, or all that are held for one
// reason.
type held struct {
	service
	Remedy  string `arg:"" optional:"" help:"Id of the remedy."`
	Bulk    string `placeholder:"ID" help:"Instead of a remedy: a bulk as a whole, as remedies holds shows it."`
	All     bool   `help:"All that --rule and --held-for say, each by a command of its own."`
	Rule    string `help:"With --all: those of this rule."`
	HeldFor string `placeholder:"REASON" help:"With --all: those that are held for this reason, as remedies holds shows it. With one remedy to approve: what you saw it held for."`
	Yes     bool   `help:"With --all or --bulk: do not ask."`
	Reason  string `help:"Why; it is kept, encrypted, beside the answer."`
}

type approveCommand struct {
	held
}

// Run approves.
func (c *approveCommand) Run(p *program) error {
	return c.answer(p, decide.CommandApprove, func(of string, a decide.Answer) string {
		switch a.Status {
		case views.StatusHeld:
			return "your approval of " + of + " counts; it waits for one of another person too"
		case "":
			return of + " is approved"
		}
		return of + " is approved: " + a.Status
	})
}

type denyCommand struct {
	held
}

// Run denies.
func (c *denyCommand) Run(p *program) error {
	return c.answer(p, decide.CommandDeny, func(of string, _ decide.Answer) string { return of + " is denied" })
}

// answer gives the same answer to one remedy, or to all that are held for one
// reason.
func (c *held) answer(p *program, command string, said func(of string, a decide.Answer) string) error {
	body := map[string]any{"reason": c.Reason}
	if c.Bulk != "" {
		return c.answerBulk(p, command, body)
	}
	approves := command == decide.CommandApprove
	if approves && c.HeldFor != "" {
		body["held_for"] = c.HeldFor
	}
	if !c.All {
		if c.Remedy == "" || c.Rule != "" || c.HeldFor != "" && !approves || c.Yes {
			return usageError("name one remedy, or say --all with --rule and --held-for; makegood remedies holds shows these")
		}
		path, err := remedyPath(c.Remedy, command)
		if err != nil {
			return err
		}
		return c.tell(p, path, body, func(a decide.Answer) string { return said(c.Remedy, a) })
	}
	if c.Remedy != "" || c.Rule == "" || c.HeldFor == "" {
		return usageError("--all needs --rule and --held-for, and no id: it answers what is held for one reason")
	}
	ids, sums, err := c.find(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "%d remedies of %s are held for %s: %s\n", len(ids), plain(c.Rule), plain(c.HeldFor), sums)
	if len(ids) == 0 {
		return c.tellEach(p, nil, said)
	}
	if agreed, err := agreed(p, c.Yes, command+" all of them?"); err != nil || !agreed {
		return err
	}
	orders := []order{}
	for _, id := range ids {
		orders = append(orders, order{of: id.String(), path: "/v1/remedies/" + id.String() + "/" + command, body: body})
	}
	return c.tellEach(p, orders, said)
}

// answerBulk gives an answer to a bulk, which is shown first: either answer is for good.
// No more is approved than was shown.
func (c *held) answerBulk(p *program, command string, body map[string]any) error {
	if _, err := uuid.Parse(c.Bulk); err != nil || c.All || c.Remedy != "" || c.Rule != "" || c.HeldFor != "" {
		return usageError("--bulk takes the id of a bulk, and nothing besides: it is answered as a whole")
	}
	var b decide.Bulk
	if err := c.live(p.ctx, "/v1/bulks/"+c.Bulk, &b); err != nil {
		return err
	}
	if b.Status != decide.BulkHeld {
		return fmt.Errorf("%s bulk %s: it waits for no answer, it is %s", command, c.Bulk, ended(&b))
	}
	if err := printBulk(p.stderr, &b); err != nil {
		return err
	}
	if agreed, err := agreed(p, c.Yes, command+" all of them?"); err != nil || !agreed {
		return err
	}
	if command == decide.CommandApprove {
		body["revision"] = b.Revision
	}
	return c.tell(p, "/v1/bulks/"+c.Bulk+"/"+command, body, func(a decide.Answer) string {
		if a.Bulk == nil {
			return a.Status
		}
		switch a.Status {
		case decide.BulkHeld:
			return fmt.Sprintf("your approval counts, %d of %d; it waits for another person too", len(a.Bulk.Approvals), a.Bulk.Need)
		case decide.Denied:
			return fmt.Sprintf("denied: %d remedies, %s", a.Bulk.Remedies, moneyOf(a.Bulk.Money))
		}
		return fmt.Sprintf("approved: %d remedies, %s", a.Bulk.Remedies, moneyOf(a.Bulk.Money))
	})
}

// ended says how a bulk ended that waits no longer. It keeps who approved it, and not who denied it.
func ended(b *decide.Bulk) string {
	if b.Status != decide.BulkApproved {
		return b.Status
	}
	return b.Status + " by " + plain(strings.Join(b.Approvals, ", "))
}

// remedyPath is where a command about a remedy goes.
func remedyPath(remedy, command string) (string, error) {
	if _, err := uuid.Parse(remedy); err != nil {
		return "", usageError(fmt.Sprintf("%q is no remedy id", remedy))
	}
	return "/v1/remedies/" + remedy + "/" + command, nil
}

// find lists the remedies that are meant, oldest first, and how much money they
// hold back. Both are read at one time, or nobody knows to what they say yes.
func (c *held) find(p *program) ([]uuid.UUID, string, error) {
	var ids []uuid.UUID
	query := url.Values{"status": {views.StatusHeld}, "rule": {c.Rule}, "limit": {"1000"}}
	for more := true; more; {
		var page api.Remedies
		if err := c.live(p.ctx, "/v1/remedies?"+query.Encode(), &page); err != nil {
			return nil, "", err
		}
		for _, r := range page.Remedies {
			if r.Reason == c.HeldFor {
				ids = append([]uuid.UUID{r.Remedy}, ids...)
			}
		}
		query.Set("before", page.Next)
		more = page.Next != ""
	}
	holds, err := c.allHolds(p)
	if err != nil {
		return nil, "", err
	}
	counted, sums := 0, "no money"
	for _, h := range holds.Holds {
		if h.Rule == c.Rule && h.Reason == c.HeldFor {
			counted = h.Remedies
			if len(h.Money) > 0 {
				sums = moneyOf(h.Money)
			}
		}
	}
	if counted != len(ids) {
		return nil, "", errors.New("what is held changed while it was read: try again")
	}
	return ids, sums, nil
}

// addHolds adds a page to what waits.
func addHolds(whole, page *api.Holds) (next string) {
	whole.Holds = slices.Insert(page.Holds, 0, whole.Holds...)
	return page.Next
}

// allHolds counts all that waits, at a running service.
func (c *held) allHolds(p *program) (whole api.Holds, err error) {
	query := url.Values{"limit": {"1000"}}
	for more := true; more; {
		var page api.Holds
		if err := c.live(p.ctx, "/v1/holds?"+query.Encode(), &page); err != nil {
			return whole, err
		}
		next := addHolds(&whole, &page)
		query.Set("after", next)
		more = next != ""
	}
	return whole, nil
}

// agreed asks on a terminal whether to go on.
func agreed(p *program, yes bool, what string) (bool, error) {
	if yes {
		return true, nil
	}
	terminal, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return false, usageError("nobody can be asked here: look at how many they are, and say --yes")
	}
	return question(p, terminal, what)
}

// question asks, and takes an interrupt for an answer.
func question(p *program, terminal io.Reader, what string) (bool, error) {
	fmt.Fprintf(p.stderr, "%s [y/N] ", what)
	text, err := bufio.NewReader(&interruptible{ctx: p.ctx, in: terminal}).ReadString('\n')
	if err != nil {
		return false, fmt.Errorf("read answer: %w", err)
	}
	if answer := strings.ToLower(strings.TrimSpace(text)); answer != "y" && answer != "yes" {
		fmt.Fprintln(p.stderr, "nothing was done")
		return false, nil
	}
	return true, nil
}

// again says what is tried again or undone.
type again struct {
	service
	Remedy string `arg:"" help:"Id of the remedy."`
	Action string `help:"Only this step of it, by the id of its action."`
}

func (c *again) give(p *program, command, reason string, said func(decide.Answer) string) error {
	path, err := remedyPath(c.Remedy, command)
	if err != nil {
		return err
	}
	body := map[string]string{"reason": reason}
	if c.Action != "" {
		if _, err := uuid.Parse(c.Action); err != nil {
			return usageError(fmt.Sprintf("--action: %q is no id of an action", c.Action))
		}
		body["action"] = c.Action
	}
	return c.tell(p, path, body, said)
}

type retryCommand struct {
	again
	Reason string `help:"Why; it is kept, encrypted, beside the answer."`
}

// Run has a remedy tried again.
func (c *retryCommand) Run(p *program) error {
	return c.give(p, decide.CommandRetry, c.Reason, func(a decide.Answer) string { return triedAgain(c.Remedy, c.Remedy, a) })
}

// triedAgain says how a remedy, or an action of it, is tried again: as it is, or
// as a remedy of its own.
func triedAgain(of, remedy string, a decide.Answer) string {
	if strings.EqualFold(a.Remedy.String(), remedy) {
		return of + " is tried again"
	}
	return fmt.Sprintf("%s is tried again as remedy %s: %s", of, a.Remedy, a.Status)
}

type reverseCommand struct {
	again
	Reason string `required:"" help:"Why; the customer has been told otherwise."`
}

// Run asks for a reversal.
func (c *reverseCommand) Run(p *program) error {
	return c.give(p, decide.CommandReverse, c.Reason, func(a decide.Answer) string {
		return fmt.Sprintf("remedy %s undoes %s: %s", a.Remedy, c.Remedy, waits(a.Status))
	})
}

// waits says of a remedy that somebody asked for how it stands.
func waits(status string) string {
	if status == views.StatusHeld {
		return "held until another person approves it"
	}
	return status
}

type refundsCommands struct {
	Request requestCommand `cmd:"" help:"Ask for a refund; another person approves it, unless a rule lets it pass."`
}

type requestCommand struct {
	service
	Payment   string `required:"" help:"The provider's id of the payment."`
	Amount    string `required:"" help:"How much, with its currency, like \"2.99 USD\"."`
	Customer  string `required:"" help:"Id of the customer."`
	Reason    string `required:"" help:"Why; it is kept, encrypted, beside the request."`
	Reference string `help:"Your own number for it, such as that of a contact."`
}

// Run asks for a refund.
func (c *requestCommand) Run(p *program) error {
	if _, err := money.Parse(c.Amount); err != nil {
		return usageError("--amount: " + err.Error())
	}
	body := map[string]string{"payment": c.Payment, "amount": c.Amount, "customer": c.Customer, "reason": c.Reason, "reference": c.Reference}
	return c.tell(p, "/v1/refunds", body, func(a decide.Answer) string {
		return fmt.Sprintf("remedy %s refunds %s: %s", a.Remedy, c.Amount, waits(a.Status))
	})
}
