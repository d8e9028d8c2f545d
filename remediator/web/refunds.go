package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/store/views"
)

// refunds is the list of what moves money, and what all that is asked for comes to.
type refunds struct {
	Asked    views.PayoutFilter
	Kinds    []string
	Statuses []string
	List     []views.Payout
	Totals   []views.PayoutTotal // of all pages
	Query    url.Values          // what the list is narrowed down to, without the page
	Newest   bool                // the list begins with the newest
	Next     string              // where older ones begin; empty when there are none
}

// refundFields are the fields of the form above the list, and no other parameter.
func refundFields() []string {
	return []string{"kind", "customer", "payment", "remedy", "rule", "account", "status", "since", "until"}
}

func loadRefunds(c *Console, r *http.Request) (any, error) {
	asked := r.URL.Query()
	f, err := views.ReadPayoutFilter(asked)
	if err != nil {
		return nil, unclear(err)
	}
	page := refunds{Asked: f, Kinds: views.PayoutKinds(), Statuses: views.ActionStatuses(), Query: url.Values{}, Newest: f.After == 0}
	for _, name := range refundFields() {
		if value := asked.Get(name); value != "" {
			page.Query.Set(name, value)
		}
	}
	list, sums, err := c.cfg.Ledger.Payouts(r.Context(), f)
	if err != nil {
		return nil, err
	}
	page.List, page.Totals = list, views.PayoutTotals(sums)
	if len(list) == f.Limit {
		page.Next = strconv.FormatUint(list[len(list)-1].Number, 10)
	}
	return page, nil
}

// unclear makes a Failure of what is wrong with a question.
func unclear(err error) error {
	var wrong views.AskError
	if errors.As(err, &wrong) {
		return &Failure{http.StatusBadRequest, "The question cannot be read", "Correct it and ask again: " + wrong.Error() + "."}
	}
	return err
}

// cursor reads where a list goes on; 0 is its begin.
func cursor(asked url.Values, name string) (uint64, error) {
	text := asked.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return 0, unclear(views.AskError(fmt.Sprintf("%s %.80q is no sequence: take it from the link to older ones", name, text)))
	}
	return n, nil
}

// Here is the address of the newest of the list.
func (p refunds) Here() string { return asking("/refunds", p.Query) }

// Table is the address of the list as a table, all pages of it.
func (p refunds) Table() string { return asking("/v1/refunds.csv", p.Query) }

// Older is the address of the page after this one.
func (p refunds) Older() string {
	query := url.Values{"after": {p.Next}}
	for name, values := range p.Query {
		query[name] = values
	}
	return asking("/refunds", query)
}

// Only is the address of the list with one field more.
func (p refunds) Only(name, value string) string {
	query := url.Values{}
	for name, values := range p.Query {
		query[name] = values
	}
	query.Set(name, value)
	return asking("/refunds", query)
}

// Day writes a time of the question as the form has it.
func (p refunds) Day(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.UTC().Truncate(24 * time.Hour)):
		return t.UTC().Format(time.DateOnly)
	}
	return stamp(t)
}

// Remedy writes the remedy of the question as the form has it.
func (p refunds) Remedy() string {
	if p.Asked.Remedy == uuid.Nil {
		return ""
	}
	return p.Asked.Remedy.String()
}

// asking puts a question behind a path.
func asking(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
