package ledgerdb

import (
	"fmt"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
)

func TestToday(t *testing.T) { engines(t, testToday) }

// testToday tells refunds second after second from the begin of 1970, and looks at
// what is said of periods of it.
func testToday(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.commit(w.refund(name))
	}
	w.commit(w.outcome("a", decide.Succeeded, true))
	w.commit(w.outcome("b", decide.Pending, false))
	w.commit(w.outcome("c", decide.Failed, true))
	w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindEnd, decide.Fact{Remedy: id("c"), Rule: "late"}, decide.EndFact{Status: decide.Failed})}})
	later := w.outcome("d", decide.Succeeded, true)
	later.Items[0].Fact.At = int64(2 * time.Hour)
	w.commit(later)
	w.commit(&decide.Output{Cords: []cord.State{{Cord: "a/1", Level: cord.Yellow}, {Cord: "b/2", Level: cord.Red}, {Cord: "c/3", Level: cord.Open}}})
	for _, c := range []struct {
		since, until time.Duration
		want         string
	}{
		{0, 3 * time.Hour, "00:00 5.98 USD 2, 02:00 2.99 USD 1; late failed 1; b/2 a/1"},
		{time.Hour, 3 * time.Hour, "02:00 2.99 USD 1; ; b/2 a/1"},
		{30 * time.Minute, time.Hour, "00:00 5.98 USD 2; late failed 1; b/2 a/1"}, // the hour is whole
		{3 * time.Hour, 4 * time.Hour, "; ; b/2 a/1"},
	} {
		today, err := w.db.Today(t.Context(), time.Unix(0, int64(c.since)), time.Unix(0, int64(c.until)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, m := range today.Money {
			got += fmt.Sprintf("%s%s %s %d", []string{"", ", "}[min(i, 1)], m.Hour.Format("15:04"), m.Money, m.Actions)
		}
		got += "; "
		for _, f := range today.Failures {
			got += fmt.Sprintf("%s %s %d", f.Rule, f.Status, f.Remedies)
		}
		got += ";"
		for _, p := range today.Pulls {
			got += " " + p.Cord
		}
		if got != c.want || today.Unsettled != 1 {
			t.Errorf("from %s to %s: got %q with %d unsettled, want %q with 1", c.since, c.until, got, today.Unsettled, c.want)
		}
	}
}
