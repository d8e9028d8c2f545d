package views_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/views"
)

// TestPayoutsFoot holds that pages and totals of any filter are those of the payouts
// one by one, and foot: pages add up to the totals.
func TestPayoutsFoot(t *testing.T) { engines(t, testPayoutsFoot) }

func testPayoutsFoot(t *testing.T) {
	s := newStory(t)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for n := range 120 {
		s.paid(fmt.Sprint(n), pick("late", "lost"), pick("4711", "4712", ""), pick("c-1", "c-2", "c-3"), pick("USD", "EUR"), int64(100+n))
		s.passes = time.Duration(random.IntN(3)) * time.Hour
	}
	for n := range 120 {
		if status := pick(decide.Succeeded, decide.Pending, decide.Failed, ""); status != "" {
			s.outcome(fmt.Sprint(n), "refund", status, int64(random.IntN(90)))
		}
		if random.IntN(2) == 0 {
			s.end(fmt.Sprint(n), decide.Done)
		}
	}
	all := s.all(views.PayoutFilter{})
	if len(all) != 120 {
		t.Fatalf("%d refunds, want 120", len(all))
	}
	first, last := all[119].At, all[0].At
	found := 0
	for n := range 150 {
		f := views.PayoutFilter{Kind: pick("refund", "refund", "credit"), Rule: pick("", "late"), Account: pick("", "", "4711"), Status: pick("", "", decide.Succeeded, views.StatusWaiting),
			Customer: pick("", "", "c-2"), Payment: pick("", "", "", "pay-7"), Limit: 1 + random.IntN(40)}
		if n%3 > 0 {
			f.Since = first.Add(time.Duration(random.Int64N(int64(last.Sub(first)))))
		}
		if n%5 > 0 {
			f.Until = first.Add(time.Duration(random.Int64N(int64(last.Sub(first)) + 1)))
		}
		if n%20 == 0 {
			f.Remedy = all[random.IntN(len(all))].Remedy
		}
		if n%7 == 0 { // whole days
			f.Since, f.Until = f.Since.Truncate(24*time.Hour), f.Until.Truncate(24*time.Hour)
		}
		found += s.foots(f, all)
	}
	if found < 100 {
		t.Errorf("only %d payouts were found by all filters", found)
	}
}

// foots checks what a filter finds against what it should, and returns how many.
func (s *story) foots(f views.PayoutFilter, refunds []views.Payout) int {
	s.t.Helper()
	var want []uint64
	sums := map[[2]string][2]int64{}
	if f.Kind == "refund" {
		for _, p := range refunds {
			if (f.Rule == "" || f.Rule == p.Rule) && (f.Account == "" || f.Account == p.Account) && (f.Status == "" || f.Status == p.Status) &&
				(f.Customer == "" || f.Customer == p.Customer) && (f.Payment == "" || f.Payment == p.Payment) && (f.Remedy == uuid.Nil || f.Remedy == p.Remedy) &&
				(f.Since.IsZero() || !p.At.Before(f.Since)) && (f.Until.IsZero() || p.At.Before(f.Until)) {
				want = append(want, p.Number)
				sum := sums[[2]string{p.Amount.Currency, p.Status}]
				sums[[2]string{p.Amount.Currency, p.Status}] = [2]int64{sum[0] + 1, sum[1] + p.Amount.Minor}
			}
		}
	}
	var got []uint64
	for _, p := range s.all(f) {
		got = append(got, p.Number)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%+v finds %v, want %v", f, got, want)
	}
	_, totals, err := s.db.Payouts(s.t.Context(), f)
	if err != nil {
		s.t.Fatal(err)
	}
	summed := map[[2]string][2]int64{}
	for _, sum := range totals {
		summed[[2]string{sum.Currency, sum.Status}] = [2]int64{int64(sum.Steps), sum.Minor}
	}
	if !reflect.DeepEqual(summed, sums) {
		s.t.Errorf("%+v sums up to %v, want %v", f, summed, sums)
	}
	return len(got)
}

// all reads all pages.
func (s *story) all(f views.PayoutFilter) []views.Payout {
	s.t.Helper()
	var all []views.Payout
	for {
		page, _, err := s.db.Payouts(s.t.Context(), f)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		f.After = page[len(page)-1].Number
	}
}

// paid tells of a remedy that refunds.
func (s *story) paid(name, rule, account, customer, currency string, minor int64) {
	s.t.Helper()
	amount := money.Money{Minor: minor, Currency: currency}
	s.tell(decide.KindRemedy, decide.Fact{Remedy: id(name), Rule: rule}, decide.RemedyFact{
		Remedy: id(name), Rule: rule, Mode: "live", Decision: decide.Act, Customer: customer, Account: account, Source: "/shop", Event: name, EventAt: "2026-01-01T00:00:00Z",
		Steps: []decide.Step{{Action: id(name + "/refund"), Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pay-" + name, Amount: &amount}}})
}

// TestFiredRules counts the newest decision on each remedy, by rule and mode.
func TestFiredRules(t *testing.T) { engines(t, testFiredRules) }

func testFiredRules(t *testing.T) {
	s := newStory(t)
	s.decided("a", "late", "live", decide.Suppress)
	s.decided("a", "late", "live", decide.Hold)
	s.decided("b", "late", "live", decide.Act)
	s.passes = 48 * time.Hour
	s.decided("c", "late", "live", decide.Suppress)
	s.decided("c", "lost", "shadow", decide.Act)
	s.end("a", decide.Denied)
	day := s.at.At
	got, err := s.db.FiredRules(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(seconds, days int) time.Time { return time.Unix(int64(seconds+days*24*3600), 0).UTC() }
	want := []views.Fired{{Rule: "late", Mode: "live", Acted: 1, Held: 1, Suppressed: 1, LastFired: at(5, 2)}, {Rule: "lost", Mode: "shadow", Acted: 1, LastFired: at(6, 4)}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, err = s.db.FiredRules(t.Context(), time.Unix(0, day).Add(-48*time.Hour)); err != nil || len(got) != 1 || got[0].Rule != "lost" {
		t.Errorf("since two days %+v, %v; want lost alone", got, err)
	}
}
