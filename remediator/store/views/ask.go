package views

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// AskError says what is wrong with a question, for whoever asks.
type AskError string

// Error implements error.
func (e AskError) Error() string { return string(e) }

const (
	// PageOf is how many of a list one answer has, unless somebody asks for another
	// number of them.
	PageOf = 100
	// MaxPage is how many it has at the most.
	MaxPage = 1000
)

// PayoutKinds are the kinds of payout that can be asked for.
func PayoutKinds() []string { return []string{"refund", "credit", "reverse"} }

// RemedyStatuses are the statuses that a remedy can have.
func RemedyStatuses() []string {
	return []string{StatusActing, StatusHeld, decide.Done, decide.Failed, decide.Denied, decide.Expired, decide.Reversed, decide.FailedAfterArrival, StatusSuppressed, StatusShadow}
}

// DeliveryStatuses are those of a delivery to a receiver of webhooks.
func DeliveryStatuses() []string {
	return []string{StatusWaiting, decide.Succeeded, decide.Retrying, decide.Unknown, decide.Failed, StatusSkipped}
}

// ActionStatuses are those of an action, in the order in which they come about.
func ActionStatuses() []string {
	return []string{StatusWaiting, decide.Blocked, decide.Retrying, decide.Unknown, decide.Pending, decide.Succeeded, decide.Failed, StatusSkipped}
}

// OneOf says what is wrong with a parameter that may have one of some values, or none, as
// an AskError.
func OneOf(q url.Values, name string, values []string) error {
	for _, text := range q[name] {
		if text != "" && !slices.Contains(values, text) {
			return AskError(fmt.Sprintf("%s %.80q is none of %s", name, text, strings.Join(values, ", ")))
		}
	}
	return nil
}

// ReadPayoutFilter reads the question for payouts from the parameters of a request:
// limit, after, kind, rule, account, status, customer, payment, remedy, since and
// until. What is wrong with it is an AskError.
func ReadPayoutFilter(q url.Values) (PayoutFilter, error) {
	f := PayoutFilter{Kind: q.Get("kind"), Rule: q.Get("rule"), Account: q.Get("account"), Status: q.Get("status"),
		Customer: q.Get("customer"), Payment: q.Get("payment")}
	err := cmp.Or(OneOf(q, "kind", PayoutKinds()), OneOf(q, "status", ActionStatuses()))
	if err != nil {
		return f, err
	}
	if text := q.Get("remedy"); text != "" {
		if f.Remedy, err = uuid.Parse(text); err != nil {
			return f, AskError(fmt.Sprintf("remedy: %.80q is no remedy id", text))
		}
	}
	if f.Limit, err = readLimit(q.Get("limit")); err != nil {
		return f, err
	}
	if f.Since, err = readTime("since", q.Get("since")); err != nil {
		return f, err
	}
	if f.Until, err = readTime("until", q.Get("until")); err != nil {
		return f, err
	}
	f.After, err = readCursor(q.Get("after"))
	return f, err
}

func readLimit(text string) (int, error) {
	if text == "" {
		return PageOf, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxPage {
		return 0, AskError(fmt.Sprintf("limit %.80q is no number from 1 to %d", text, MaxPage))
	}
	return n, nil
}

// readTime reads a time in RFC 3339 or a day of UTC. It is zero for no text.
func readTime(name, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		at, err = time.Parse(time.DateOnly, text)
	}
	if year := at.Year(); err != nil || year < 1970 || year > 2200 { // what log time can be
		return at, AskError(fmt.Sprintf("%s %.80q is no time: write 2026-01-31T00:00:00Z or 2026-01-31", name, text))
	}
	return at, nil
}

func readCursor(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil || n == 0 {
		return 0, AskError(fmt.Sprintf("after %.80q is no cursor: take it from \"next\" of the page before", text))
	}
	return n, nil
}

// PayoutTotal is what payouts come to in one currency: by status, which add up to the
// whole.
type PayoutTotal struct {
	Steps    int         `json:"steps"`
	Amount   money.Money `json:"amount"`
	Statuses []StatusSum `json:"statuses"`
}

// StatusSum is what payouts with one status come to.
type StatusSum struct {
	Status string      `json:"status"`
	Steps  int         `json:"steps"`
	Amount money.Money `json:"amount"`
}

// PayoutTotals adds sums, which come by currency, up to one total for each.
func PayoutTotals(sums []PayoutSum) []PayoutTotal {
	all := []PayoutTotal{}
	for _, s := range sums {
		if len(all) == 0 || all[len(all)-1].Amount.Currency != s.Currency {
			all = append(all, PayoutTotal{Amount: money.Money{Currency: s.Currency}})
		}
		t := &all[len(all)-1]
		t.Steps, t.Amount.Minor = t.Steps+s.Steps, t.Amount.Minor+s.Minor
		t.Statuses = append(t.Statuses, StatusSum{s.Status, s.Steps, money.Money{Minor: s.Minor, Currency: s.Currency}})
	}
	return all
}
