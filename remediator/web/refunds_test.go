package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// cells returns the texts of a page's elements of one name, each without needless spaces.
func (p paper) cells(t testing.TB, name string) []string {
	t.Helper()
	var all []string
	for _, e := range p.nodes(t) {
		if e.name == name {
			all = append(all, strings.Join(strings.Fields(e.text), " "))
		}
	}
	return all
}

// TestRefundsIsTheAPI holds that the page of refunds shows the totals and the rows of
// GET /v1/refunds, whatever is asked for, and leads to the same as a table.
func TestRefundsIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	h.late("2", "c-2", "20.00 USD")
	h.late("3", "c-1", "1.50 EUR")
	for query, rows := range map[string]int{"": 3, "?customer=c-1": 2, "?status=held": 0, "?payment=pi_2": 1, "?rule=late&account=1": 3, "?since=2020-01-01&until=2020-01-02": 0,
		"?kind=credit": 0, "?customer=nobody": 0} {
		var want api.Refunds
		h.bearer("admin").get("/v1/refunds"+query).into(t, &want)
		if len(want.Refunds) != rows {
			t.Fatalf("%s: the API lists %d, want %d", query, len(want.Refunds), rows)
		}
		p := h.bearer("admin").get("/refunds" + query)
		checkPage(t, query, p)
		cells := p.cells(t, "td")
		for _, total := range want.Totals {
			for _, s := range total.Statuses {
				if !has(cells, total.Amount.Currency, statusWord(s.Status), fmt.Sprint(s.Steps), s.Amount.String()) {
					t.Errorf("%s: %+v is not in %q", query, s, cells)
				}
			}
			if !has(cells, fmt.Sprint(total.Steps), total.Amount.String()) {
				t.Errorf("%s: the total %+v is not in %q", query, total, cells)
			}
		}
		links := 0
		for _, e := range p.nodes(t) {
			if e.name == "a" && strings.HasPrefix(e.attributes["href"], "/remedies/") {
				links++
			}
			if e.name == "a" && strings.HasPrefix(e.attributes["href"], "/v1/refunds.csv") {
				table := h.bearer("admin").get(e.attributes["href"])
				if lines := strings.Count(table.body, "\n"); table.status != http.StatusOK || lines != rows+1 {
					t.Errorf("%s: the table has %d lines, want %d: %d", query, lines, rows+1, table.status)
				}
			}
		}
		if links != rows {
			t.Errorf("%s: the page lists %d, the API %d", query, links, rows)
		}
	}
}

// statusWord is how a status stands in a cell: with its shape.
func statusWord(status string) string {
	shapes := map[string]string{"succeeded": "●", "waiting": "◐", "pending": "◐", "held": "▲", "failed": "■"}
	return shapes[status] + " " + status
}

// has reports whether texts stand side by side in a list.
func has(list []string, texts ...string) bool {
	for i := range list {
		if i+len(texts) <= len(list) && slices.Equal(list[i:i+len(texts)], texts) {
			return true
		}
	}
	return false
}

// TestRefundsByPages holds that a page has a hundred rows at the most, that older ones
// follow without a gap, and that the totals are those of all pages.
func TestRefundsByPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	const refunds, perPage = 103, 100
	for i := range refunds {
		h.emit(fmt.Sprint(i), "c-1", "0.01 USD")
	}
	h.idle()
	seen := map[string]bool{}
	path := "/refunds?customer=c-1&limit=1000"
	for pages := 1; path != ""; pages++ {
		p := h.bearer("admin").get(path)
		if p.status != http.StatusOK || pages > 2 || len(p.body) > 150<<10 || !strings.Contains(p.body, "1.03 USD") {
			t.Fatalf("page %d: %d, %d bytes", pages, p.status, len(p.body))
		}
		rows := 0
		path = ""
		for _, e := range p.nodes(t) {
			switch href := e.attributes["href"]; {
			case e.name == "a" && strings.HasPrefix(href, "/remedies/"):
				seen[href], rows = true, rows+1
			case e.attributes["rel"] == "next":
				path = href
			}
		}
		if rows > perPage {
			t.Errorf("page %d has %d rows", pages, rows)
		}
	}
	if len(seen) != refunds {
		t.Errorf("the pages list %d refunds, want %d", len(seen), refunds)
	}
}

// TestRefundsAsked holds that a question which cannot be read is answered with what is
// wrong with it.
func TestRefundsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for query, want := range map[string]string{"since=yesterday": "2026-01-31", "remedy=7": "no remedy id", "after=x": "cursor", "kind=gift": "none of", "since=" + url.QueryEscape("<b>"): "no time"} {
		if p := h.bearer("admin").get("/refunds?" + query); p.status != http.StatusBadRequest || !strings.Contains(p.body, want) || strings.Contains(p.body, "<b>") {
			t.Errorf("%s: %d %s", query, p.status, p.body)
		}
	}
}
