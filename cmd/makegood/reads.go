package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

type statusCommand struct {
	service
}

// Run says how far a service is and what it did.
func (c *statusCommand) Run(p *program) error {
	return show(p, c.service, "/v1/status", nil, func(s api.Status) error {
		ready := "ready"
		switch {
		case s.Why == readFromStore && c.named():
			ready = "not asked: read from the database"
		case s.Why == readFromStore:
			ready = "not asked: read from the files of " + c.DataDir
		case !s.Ready:
			ready = "not ready: " + s.Why
		}
		t := s.Totals
		rows := [][]string{
			{"service", ready},
			{"log", s.LogID},
			{"log time", s.LogTime.Format(time.RFC3339)},
			{"inputs decided", fmt.Sprint(s.Ordinal)},
			{"actions unsettled", fmt.Sprint(s.Unsettled)},
			{"events counted", fmt.Sprintf("%d received: %d remedies, %d no match, %d judged, %d duplicates, %d late, %d no key, %d errors; counted once a minute",
				t.Counted.Received, t.Counted.Remedies, t.Counted.NoMatch, t.Counted.Judged, t.Counted.Duplicates, t.Counted.Late, t.Counted.NoKey, t.Counted.Errors)},
			{"refunded", sums(amounts(t.Refunded))},
			{"arrived", sums(amounts(t.Arrived))},
			{"credited", sums(amounts(t.Credited))},
			{"cords pulled", fmt.Sprint(t.Cords)},
		}
		for _, status := range sortedKeys(t.Statuses) {
			rows = append(rows, []string{"remedies " + status, fmt.Sprint(t.Statuses[status])})
		}
		if s.Self != nil {
			rows = append(rows, []string{"log kept in", s.Self.Log}, []string{"lateness", (time.Duration(s.Self.LatenessS) * time.Second).String()})
		}
		rows = append(rows, heardRows(s.Adoption)...)
		rows = append(rows, lostRows(t.WindowsLost)...)
		rows = append(rows, nodeRows(s)...)
		return printTable(p.stdout, nil, append(rows, gapRows(s.Gaps)...))
	})
}

// heardRows say who is heard, and what nobody listens to.
func heardRows(a adoption.Short) [][]string {
	rows := [][]string{
		{"services heard", fmt.Sprintf("%d, %d of them silent for 30 days", a.Services, a.SilentServices)},
		{"types of events", fmt.Sprintf("%d, %d of them that no rule is about", a.Types, a.Uncovered)},
		{"rules silent", fmt.Sprintf("%d for 30 days", a.SilentRules)},
	}
	if len(a.Agents) > 0 {
		rows = append(rows, []string{"sent by", strings.Join(a.Agents, ", ")})
	}
	return append(rows, []string{"gates asked by", fmt.Sprintf("%d programs, %d of them stale", a.Gates, a.StaleGates)})
}

// nodeRows say which nodes are on a database.
func nodeRows(s api.Status) [][]string {
	rows := [][]string{}
	for _, n := range s.Nodes {
		role := api.Follower
		if n.Leader {
			role = api.Leader
		}
		text := fmt.Sprintf("%s: %s, makegood %s, deciding version %d, %d inputs behind", n.Name, role, n.Version, n.Decide, max(s.Ordinal, n.Ordinal)-n.Ordinal)
		if n.Holds > 0 {
			text += fmt.Sprintf(", holds %d actions", n.Holds)
		}
		if n.Silent {
			text += ", silent since " + n.Seen.Format(time.RFC3339)
		}
		if n.Rules != "" && n.Rules != s.Rules {
			text += "; its rule files are not the rules in force"
		}
		rows = append(rows, []string{"node", text})
	}
	return rows
}

// lostRows say what the windows of rules forgot before its time.
func lostRows(lost []decide.WindowsLost) [][]string {
	rows := [][]string{}
	for _, l := range lost {
		of := "rule " + l.Rule
		if l.Rule == "" {
			of = "other rules"
		}
		rows = append(rows, []string{"windows forgotten", fmt.Sprintf("of %d keys, and %d parts of others, of %s: there were too many", l.Windows, l.Parts, of)})
	}
	return rows
}

// gapsShown is how many clients with gaps a person is shown; programs get all.
const gapsShown = 20

// gapRows say which clients of the SDK accepted events that did not come.
func gapRows(gaps []views.Gap) [][]string {
	rows := [][]string{}
	for i, g := range gaps {
		if i == gapsShown {
			return append(rows, []string{"events missing", fmt.Sprintf("of %d more clients: see --output json", len(gaps)-i)})
		}
		rows = append(rows, []string{"events missing", fmt.Sprintf("%d of %s, client %s, since %s", g.Missing, g.Service, g.Client, g.Since.Format(time.RFC3339))})
	}
	return rows
}

type remediesCommands struct {
	List    listRemediesCommand `cmd:"" help:"List remedies, newest first."`
	Show    showRemedyCommand   `cmd:"" help:"Show one remedy with every fact about it."`
	Holds   holdsCommand        `cmd:"" help:"Count what waits for a person, by rule and reason."`
	Approve approveCommand      `cmd:"" help:"Let a held remedy be carried out, or all that are held for one reason."`
	Deny    denyCommand         `cmd:"" help:"End a held remedy, or all that are held for one reason."`
	Retry   retryCommand        `cmd:"" help:"Have what went wrong with a remedy tried again."`
	Reverse reverseCommand      `cmd:"" help:"Ask that credit be taken back, or a pending refund cancelled; another person approves it."`
}

type listRemediesCommand struct {
	service
	Rule     string `help:"Only of this rule."`
	Status   string `help:"Only with this status: acting, held, done, failed, denied, expired, reversed, failed-after-arrival, suppressed, shadow."`
	Customer string `help:"Only of this customer."`
	Bulk     string `placeholder:"ID" help:"Only of this bulk."`
	Limit    int    `default:"50" help:"At most this many, up to 1000."`
	Before   string `help:"Go on where a page ended: its \"next\"."`
}

// Run lists remedies.
func (c *listRemediesCommand) Run(p *program) error {
	query := narrowed(c.Limit, map[string]string{"rule": c.Rule, "status": c.Status, "customer": c.Customer, "bulk": c.Bulk, "before": c.Before})
	if err := haveStatus("remedy", c.Status, views.RemedyStatuses()); err != nil {
		return err
	}
	return show(p, c.service, "/v1/remedies", query, func(page api.Remedies) error {
		rows := [][]string{}
		for _, r := range page.Remedies {
			rows = append(rows, []string{r.At.Format(time.RFC3339), r.Remedy.String(), r.Rule, r.Status, r.Reason, r.Customer, r.Subject})
		}
		if err := printTable(p.stdout, []string{"AT", "REMEDY", "RULE", "STATUS", "REASON", "CUSTOMER", "SUBJECT"}, rows); err != nil {
			return err
		}
		if page.Next != "" {
			fmt.Fprintf(p.stderr, "more: --before %s\n", page.Next)
		}
		return nil
	})
}

// haveStatus refuses a status that none of a kind can have: it would find none.
func haveStatus(kind, status string, all []string) error {
	if status == "" || slices.Contains(all, status) {
		return nil
	}
	return usageError(fmt.Sprintf("no %s has the status %q: ask for one of %s", kind, status, strings.Join(all, ", ")))
}

// narrowed asks for at most so many, of those that have what is given.
func narrowed(limit int, by map[string]string) url.Values {
	query := url.Values{"limit": {fmt.Sprint(limit)}}
	for name, value := range by {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

type showRemedyCommand struct {
	service
	Remedy string `arg:"" help:"Id of the remedy."`
}

// Run shows a remedy.
func (c *showRemedyCommand) Run(p *program) error {
	return show(p, c.service, "/v1/remedies/"+url.PathEscape(c.Remedy), nil, func(r api.Remedy) error {
		fmt.Fprintf(p.stdout, "%s  %s  %s %s\n", r.Remedy.Remedy, r.Rule, r.Status, r.Reason)
		fmt.Fprintf(p.stdout, "event %s of %s, customer %s, %s\n\n", plain(r.Event), plain(r.Source), plain(r.Customer), plain(r.Subject))
		rows := [][]string{}
		for _, a := range r.Actions {
			rows = append(rows, []string{a.Name, a.Status, amountOf(a), a.Payment + a.Cord + a.Template + a.Endpoint, a.Ref, fmt.Sprint(a.Attempts), a.Code,
				timeOf(a.Accepted), timeOf(a.Arrived)})
		}
		if err := printTable(p.stdout, []string{"STEP", "STATUS", "AMOUNT", "OF", "REFERENCE", "ATTEMPTS", "CODE", "ACCEPTED", "ARRIVED"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout)
		rows = rows[:0]
		for _, f := range r.Facts {
			body := string(f.Body)
			if f.Erased {
				body = "erased: its key was destroyed"
			}
			rows = append(rows, []string{fmt.Sprint(f.Sequence), f.At.Format(time.RFC3339), f.Kind, body})
		}
		return printTable(p.stdout, []string{"ENTRY", "AT", "FACT", "BODY"}, rows)
	})
}

// timeOf writes a time, if there is one.
func timeOf(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339)
}

func amountOf(a views.Action) string {
	if a.Amount == nil {
		return ""
	}
	return a.Amount.String()
}
