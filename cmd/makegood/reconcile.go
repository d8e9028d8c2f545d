package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

type reconcileCommands struct {
	Run   reconcileCommand `cmd:"" default:"withargs" help:"Compare the refunds of a period (the default)."`
	List  listDifferences  `cmd:"" help:"List differences, and what was compared."`
	Close closeDifference  `cmd:"" help:"Close a difference that another person opened."`
}

// comparing is how long a comparison may take.
const comparing = 30 * time.Minute

type reconcileCommand struct {
	service
	From     string `required:"" help:"Beginning of the period: 2026-11-01, 2026-11-01T12:00:00Z, or 1d for as long before its end."`
	To       string `help:"Its end, which is not in it. Defaults to now."`
	Provider string `default:"stripe" help:"The provider."`
	Owner    string `help:"Who looks into the differences. Defaults to the owner of the rule, or to you."`
	Reason   string `help:"Why you compare; it is kept, encrypted, beside the comparison."`
}

// Run compares. It exits with 1 while any difference with the provider is open.
func (c *reconcileCommand) Run(p *program) error {
	to := time.Now().UTC().Truncate(time.Second).Add(time.Second) // providers count whole ones, and this one is meant too
	var err error
	if c.To != "" {
		if to, err = moment("--to", c.To, to); err != nil {
			return err
		}
	}
	from, err := moment("--from", c.From, to)
	if err != nil {
		return err
	}
	c.patience = comparing
	bar := newProgress(p.stderr, "refunds listed", 0)
	stop := c.watch(p, bar)
	var answer decide.Answer
	err = c.post(p.ctx, "/v1/reconciliations", map[string]string{
		"provider": c.Provider, "from": from.Format(time.RFC3339), "to": to.Format(time.RFC3339), "owner": c.Owner, "reason": c.Reason,
	}, &answer)
	stop()
	bar.done()
	if err != nil {
		return c.printIfLater(p, err)
	}
	if answer.Reconciled == nil {
		return errors.New("read answer: it does not say what was found")
	}
	open, err := c.open(p)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(p.stdout, reconciled{answer.Reconciled, open})
	} else {
		err = printReconciled(p, answer.Reconciled, open)
	}
	if err == nil && answer.Reconciled.Open+answer.Reconciled.LeftOut > 0 {
		return errChecked
	}
	return err
}

// reconciled is a comparison for programs.
type reconciled struct {
	*decide.ReconciliationFact
	Differences []views.Difference `json:"differences"` // that are open at this provider
}

// watch shows on a terminal how far the listing is, until it is stopped.
func (c *reconcileCommand) watch(p *program, bar *progress) (stop func()) {
	if bar.out == nil {
		return func() {}
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			var answer api.Reconciliations
			if c.live(p.ctx, "/v1/reconciliations?limit=1", &answer) == nil && answer.Listed != nil {
				bar.set(int(*answer.Listed))
			}
		}
	}()
	return func() {
		close(ended)
		<-watched
	}
}

// open lists what is open at the provider.
func (c *reconcileCommand) open(p *program) ([]views.Difference, error) {
	var answer api.Reconciliations
	err := c.live(p.ctx, "/v1/reconciliations?"+url.Values{"provider": {c.Provider}}.Encode(), &answer)
	return answer.Differences, err
}

func printReconciled(p *program, r *decide.ReconciliationFact, open []views.Difference) error {
	fmt.Fprintf(p.stdout, "%s, %s to %s: %d refunds listed, SHA-256 %.16s…\n\n", plain(r.Connector), r.From, r.To, r.Refunds, r.Listing)
	rows := [][]string{}
	for _, c := range r.Counts {
		rows = append(rows, []string{c.Class, strconv.Itoa(c.Count)})
	}
	if err := printTable(p.stdout, []string{"CLASS", "REFUNDS"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout)
	rows = rows[:0]
	for _, s := range r.Sums {
		rows = append(rows, []string{plain(s.Currency), sums(amounts(map[string]int64{s.Currency: s.Ours})), sums(amounts(map[string]int64{s.Currency: s.Theirs}))})
	}
	if err := printTable(p.stdout, []string{"CURRENCY", "LEDGER", "PROVIDER"}, rows); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\n%d opened, %d open before, %d closed before; %d are open\n", r.Opened, r.Again, r.Closed, r.Open)
	if r.LeftOut > 0 {
		fmt.Fprintf(p.stdout, "%d more were counted and not opened: close some and compare again\n", r.LeftOut)
	}
	if len(open) == 0 {
		return nil
	}
	fmt.Fprintln(p.stdout)
	return printDifferences(p, open)
}

func printDifferences(p *program, differences []views.Difference) error {
	rows := [][]string{}
	for _, d := range differences {
		ours, theirs := "", ""
		if d.Ours != nil {
			ours = d.Ours.String() + " " + d.OurStatus
		}
		if d.Theirs != nil {
			theirs = d.Theirs.String() + " " + d.TheirStatus
		}
		by := d.OpenedBy
		if d.ClosedBy != "" {
			by += ", closed by " + d.ClosedBy
		}
		rows = append(rows, []string{d.ID.String(), d.Class, d.Ref, d.Payment, ours, theirs, d.Owner, by})
	}
	return printTable(p.stdout, []string{"DIFFERENCE", "CLASS", "REFUND", "PAYMENT", "LEDGER", "PROVIDER", "OWNER", "OPENED BY"}, rows)
}

type listDifferences struct {
	service
	Provider string `help:"Only with this provider."`
	Status   string `enum:"open,closed,all" default:"open" help:"open, closed or all."`
	Limit    int    `default:"1000" help:"At most this many, up to 1000."`
}

// Run lists differences.
func (c *listDifferences) Run(p *program) error {
	query := narrowed(c.Limit, map[string]string{"provider": c.Provider, "status": c.Status})
	return show(p, c.service, "/v1/reconciliations", query, func(answer api.Reconciliations) error {
		rows := [][]string{}
		for _, r := range answer.Reconciliations {
			rows = append(rows, []string{r.Time, r.Connector, r.From, r.To, r.By, strconv.Itoa(r.Refunds), strconv.Itoa(r.Opened)})
		}
		if err := printTable(p.stdout, []string{"COMPARED", "PROVIDER", "FROM", "TO", "BY", "REFUNDS", "OPENED"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout)
		return printDifferences(p, answer.Differences)
	})
}

type closeDifference struct {
	service
	Difference string `arg:"" help:"Id of the difference."`
	Reason     string `required:"" help:"What it was; it is kept, encrypted, beside the closing."`
}

// Run closes a difference.
func (c *closeDifference) Run(p *program) error {
	if _, err := uuid.Parse(c.Difference); err != nil {
		return usageError(fmt.Sprintf("%q is no id of a difference: take one from makegood reconcile list", c.Difference))
	}
	return c.tell(p, "/v1/reconciliations/differences/"+c.Difference+"/close", map[string]string{"reason": c.Reason},
		func(decide.Answer) string { return c.Difference + " is closed" })
}
