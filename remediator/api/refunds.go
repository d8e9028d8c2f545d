package api

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// Refunds is the answer of GET /v1/refunds: what moves money, the newest first, and
// what all that is asked for comes to, on whichever page it is.
type Refunds struct {
	Refunds []views.Payout      `json:"refunds"`
	Totals  []views.PayoutTotal `json:"totals"` // by currency
	Next    string              `json:"next,omitempty"`
}

func (h handler) refunds(w http.ResponseWriter, r *http.Request) {
	f, err := views.ReadPayoutFilter(r.URL.Query())
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "parameter", err.Error())
		return
	}
	if wantsCSV(r) {
		h.refundsCSV(w, r, f)
		return
	}
	list, sums, err := h.Ledger.Payouts(r.Context(), f)
	answer := Refunds{Refunds: list, Totals: views.PayoutTotals(sums)}
	if len(list) == f.Limit {
		answer.Next = strconv.FormatUint(list[len(list)-1].Number, 10)
	}
	h.answer(w, r, answer, err)
}

// wantsCSV reports whether a request asks for a table and not for JSON.
func wantsCSV(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, ".csv") || strings.HasPrefix(r.Header.Get("Accept"), "text/csv")
}

// tableWithin is how long a page of a table may take to be read. All of it may take as
// long as it is long; who stops reading is not waited for.
const tableWithin = time.Minute

// refundsCSV writes all that is asked for, page by page, up to now: a refund that is
// decided meanwhile is not in it. What goes wrong when it has begun cuts it off.
func (h handler) refundsCSV(w http.ResponseWriter, r *http.Request, f views.PayoutFilter) {
	f.Limit, f.WithoutSums = views.MaxPage, true
	list, _, err := h.Ledger.Payouts(r.Context(), f)
	if err != nil {
		h.answer(w, r, nil, err)
		return
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="refunds.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	table := csv.NewWriter(w)
	_ = table.Write([]string{"at", "remedy", "action", "kind", "rule", "account", "customer", "connector", "payment", "amount", "currency", "status", "code", "ref", "accepted_at", "arrived_at"})
	for len(list) > 0 && err == nil {
		_ = control.SetWriteDeadline(time.Now().Add(tableWithin)) // where there is none, nothing ends the request
		for _, p := range list {
			_ = table.Write(row(p)) // the writer keeps its error
		}
		if table.Flush(); table.Error() != nil {
			return // nobody reads it any more
		}
		f.After = list[len(list)-1].Number
		list, _, err = h.Ledger.Payouts(r.Context(), f)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // a table that is cut off must not look whole
	}
	table.Flush()
}

func row(p views.Payout) []string {
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	cells := []string{p.At.Format(time.RFC3339), p.Remedy.String(), p.Action.String(), p.Kind, p.Rule, p.Account, p.Customer, p.Connector, p.Payment,
		p.Amount.Amount(), p.Amount.Currency, p.Status, p.Code, p.Ref, at(p.AcceptedAt), at(p.ArrivedAt)}
	for i, cell := range cells {
		cells[i] = ledger.SafeCell(cell)
	}
	return cells
}
