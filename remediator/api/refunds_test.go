package api_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/money"
)

// TestRefundsFoot holds that the pages of refunds add up to the totals that each of
// them has, that a cursor stands when more is refunded, and that the table is the same.
func TestRefundsFoot(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const hostile = "=1+2"
	for n, amount := range []string{"1.00 USD", "2.50 EUR", "3.00 USD", "20.00 USD", "4.00 JPY"} {
		h.emit("parcel.late", hostile, fmt.Sprintf(`{"order":"%d","payment":"pi_%d","amount":%q}`, n, n, strings.Replace(amount, "4.00 JPY", "400 JPY", 1)))
	}
	read := func(query string) api.Refunds {
		t.Helper()
		var page api.Refunds
		h.ask("admin", "GET", "/v1/refunds?"+query, "").into(t, &page)
		return page
	}
	of := "customer=" + url.QueryEscape(hostile)
	h.until("refunded", func() bool { return len(read(of).Refunds) == 5 && len(read(of+"&status=succeeded").Refunds) == 2 })
	whole := read(of)
	totals, sums := map[string]int64{}, map[string]int64{}
	for _, total := range whole.Totals {
		totals[total.Amount.Currency] = total.Amount.Minor
		steps := 0
		for _, s := range total.Statuses {
			steps += s.Steps
			total.Amount.Minor -= s.Amount.Minor
		}
		if steps != total.Steps || total.Amount.Minor != 0 {
			t.Errorf("%+v does not foot", total)
		}
	}
	var first, paged []string
	for query, n := of+"&limit=2", 0; query != ""; n++ {
		page := read(query)
		if !reflect.DeepEqual(page.Totals, whole.Totals) && n == 0 {
			t.Errorf("the totals of a page are %+v, want %+v", page.Totals, whole.Totals)
		}
		for _, p := range page.Refunds {
			sums[p.Amount.Currency] += p.Amount.Minor
			paged = append(paged, p.Action.String())
		}
		if query = ""; page.Next != "" {
			query = of + "&limit=2&after=" + page.Next
		}
		if n == 0 { // a newer one moves no page
			h.emit("parcel.late", hostile, `{"order":"new","payment":"pi_new","amount":"9.00 USD"}`)
			h.until("refunded too", func() bool { return len(read(of).Refunds) == 6 })
		}
	}
	for _, p := range whole.Refunds {
		first = append(first, p.Action.String())
	}
	if !slices.Equal(first, paged) || len(first) != 5 {
		t.Errorf("the pages have %v, want %v", paged, first)
	}
	if want := map[string]int64{"USD": 2400, "EUR": 250, "JPY": 400}; !reflect.DeepEqual(totals, want) || !reflect.DeepEqual(sums, want) {
		t.Errorf("totals %v and sums of the pages %v, want %v", totals, sums, want)
	}
	for _, r := range []reply{h.ask("admin", "GET", "/v1/refunds.csv?"+of, ""), h.ask("admin", "GET", "/v1/refunds?"+of, "", "Accept", "text/csv")} {
		rows, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
		if err != nil || len(rows) != 7 {
			t.Fatalf("%d rows, %v in %s", len(rows), err, r.body)
		}
		for _, row := range rows[1:] {
			if row[6] != "'"+hostile {
				t.Errorf("the customer is %s, which a spreadsheet runs", row[6])
			}
			if _, err := money.Parse(row[9] + " " + row[10]); err != nil {
				t.Errorf("the amount is %s %s: %v", row[9], row[10], err)
			}
		}
	}
}

// TestRefundsRefuse holds that what is no filter is not taken for none.
func TestRefundsRefuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for query, says := range map[string]string{"kind=cash": "kind", "remedy=7": "remedy", "since=yesterday": "since", "until=9999-01-01": "until", "after=x": "after", "after=0": "after", "limit=0": "limit", "limit=1001": "limit"} {
		if r := h.ask("admin", "GET", "/v1/refunds?"+query, ""); r.status != 400 || !strings.Contains(r.reason(), says) {
			t.Errorf("%s: %d %s, want 400 that names %s", query, r.status, r.body, says)
		}
	}
}
