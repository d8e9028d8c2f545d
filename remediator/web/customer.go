package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
	"github.com/makegood/makegood/remediator/visible"
)

// customerPage is one customer as support sees them: what was decided, in plain words.
type customerPage struct {
	Customer string // empty while nobody is chosen
	Money    []customerMoney
	Waiting  int  // remedies that wait for a person
	Many     bool // there are more of them than are counted
	List     []customerRemedy
	Next     string // address of older ones; empty when there are none
	Newest   bool
	May      bool // ask for a refund
}

// customerMoney is what a customer was given of one kind: what providers have taken on.
type customerMoney struct {
	Kind   string
	Totals []views.PayoutTotal
}

// customerRemedy is a remedy in plain words.
type customerRemedy struct {
	views.Remedy
	Story string
	Why   string   // of the rule, when it is in force
	Paid  []string // what became of each step
}

// remediesPerPage are few: each is read with its steps.
const remediesPerPage = 25

func loadCustomer(c *Console, r *http.Request) (any, error) {
	q := r.URL.Query()
	p := access.From(r.Context())
	page := customerPage{Customer: q.Get("customer"), Newest: q.Get("after") == "", May: decide.MayGive(p.Roles, decide.CommandRequest) == ""}
	before, err := cursor(q, "after")
	if err != nil || page.Customer == "" {
		return page, err
	}
	// What hides or turns around other text does not stand in a field of a form.
	page.May = page.May && page.Customer == visible.Text(page.Customer) && len(page.Customer) <= people.MaxName
	f := views.Filter{Customer: page.Customer, Before: before, Limit: remediesPerPage, WithActions: true}
	list, err := c.cfg.Ledger.Remedies(r.Context(), f)
	if err != nil {
		return nil, err
	}
	for _, found := range list {
		page.List = append(page.List, c.tell(found))
	}
	if len(list) == f.Limit {
		page.Next = asking("/customers", url.Values{"customer": {page.Customer}, "after": {strconv.FormatUint(list[len(list)-1].Sequence, 10)}})
	}
	return page, page.sum(c, r)
}

// tell says in plain words what a remedy is.
func (c *Console) tell(found views.Remedy) customerRemedy {
	told := customerRemedy{Remedy: found, Story: story(found)}
	if set := c.cfg.InForce().Set; set != nil && set.Rule(found.Rule) != nil {
		told.Why = set.Rule(found.Rule).Why
	}
	for _, a := range found.Actions {
		told.Paid = append(told.Paid, paid(a))
	}
	return told
}

// sum adds up what the customer was given, and counts what waits.
func (p *customerPage) sum(c *Console, r *http.Request) error {
	for _, kind := range views.PayoutKinds() {
		_, sums, err := c.cfg.Ledger.Payouts(r.Context(), views.PayoutFilter{Kind: kind, Customer: p.Customer, OnlySums: true})
		if err != nil {
			return err
		}
		var given []views.PayoutSum
		for _, s := range sums {
			if s.Status == decide.Succeeded || s.Status == decide.Pending {
				given = append(given, s)
			}
		}
		if totals := views.PayoutTotals(given); len(totals) > 0 {
			p.Money = append(p.Money, customerMoney{map[string]string{"refund": "refunded", "credit": "given as credit", "reverse": "taken back"}[kind], totals})
		}
	}
	held, err := c.cfg.Ledger.Remedies(r.Context(), views.Filter{Customer: p.Customer, Status: views.StatusHeld, Limit: views.PageOf})
	p.Waiting, p.Many = len(held), len(held) == views.PageOf
	return err
}

// paid says what became of a step, for whoever speaks with the customer.
func paid(a views.Action) string {
	what := a.Name
	switch {
	case a.Amount == nil:
	case a.Kind == rule.Refund:
		what = a.Amount.String() + " back on payment " + visible.Text(a.Payment)
	case a.Kind == rule.Credit:
		what = a.Amount.String() + " as credit"
	default:
		what = a.Amount.String() + " taken back"
	}
	because := ""
	if a.Code != "" {
		because = " (" + visible.Text(a.Code) + ")"
	}
	switch {
	case a.Status == decide.Succeeded && a.Arrived != nil && a.Amount != nil:
		return what + ": arrived on " + moment(*a.Arrived)
	case a.Status == decide.Succeeded:
		return what + ": done"
	case a.Status == decide.Pending && a.Accepted != nil:
		return what + ": the provider accepted it on " + moment(*a.Accepted) + ", it has not arrived yet"
	case a.Status == decide.Failed:
		return what + ": failed" + because
	case a.Status == decide.Retrying, a.Status == decide.Unknown:
		return what + ": being tried again" + because
	case a.Status == views.StatusSkipped:
		return what + ": not done"
	}
	return what + ": waiting" + because
}

// requestRefund asks for a refund in the name of who sends the form.
func requestRefund(c *Console, r *http.Request) (to string, err error) {
	asked := people.Request{Payment: r.PostFormValue("payment"), Customer: r.PostFormValue("customer"), Reason: r.PostFormValue("reason"), Reference: r.PostFormValue("reference")}
	if amount := r.PostFormValue("amount"); amount != "" {
		asked.Amount = amount
	}
	body, err := asked.Command()
	if err != nil {
		return "", &Failure{http.StatusBadRequest, "The request cannot be read", "Go back and correct it: " + err.Error() + "."}
	}
	answer, err := c.give(r, body)
	if err != nil {
		return "", err
	}
	return after("/remedies/"+answer.Remedy.String(), body.Command), nil
}
