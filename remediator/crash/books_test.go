package crash

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// books are decisions and money as the workload, the provider and the ledger have
// them. Money is cents.
type books struct {
	decisions struct{ wanted, got int } // remedies
	wanted    int64                     // what the workload must come to
	paid      int64                     // what the provider paid
	sealed    int64                     // what the entries of the ledger say was paid
	shown     int64                     // what the ledger's tables sum up to
}

func (b books) String() string {
	usd := func(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
	return fmt.Sprintf("decisions wanted %d, got %d; wanted %s USD, provider %s, ledger %s, its tables %s",
		b.decisions.wanted, b.decisions.got, usd(b.wanted), usd(b.paid), usd(b.sealed), usd(b.shown))
}

func (b books) plus(more books) books {
	b.decisions.wanted += more.decisions.wanted
	b.decisions.got += more.decisions.got
	b.wanted += more.wanted
	b.paid += more.paid
	b.sealed += more.sealed
	b.shown += more.shown
	return b
}

// balance compares what is sealed of the money with what the workload must come to,
// action by action, and then the sums of all books, to the cent. shown is what the
// ledger's tables say.
func (f *findings) balance(want expected, got []paid, sealed []decide.Fact, shown int64) {
	b := books{shown: shown}
	b.decisions.wanted = len(want.refunds)
	for _, evidence := range want.remedies {
		b.decisions.wanted += evidence
	}
	for _, amount := range want.refunds {
		b.wanted += amount
	}
	for _, refund := range got {
		if refund.isPaid() {
			b.paid += refund.Amount
		}
	}
	entries := map[uuid.UUID]int64{}
	for _, fact := range sealed {
		switch fact.Kind {
		case decide.KindRemedy:
			b.decisions.got++
		case decide.KindAction:
			b.sealed += f.enter(entries, fact)
		}
	}
	for action, amount := range want.refunds {
		if entry, ok := entries[action]; !ok || entry != amount {
			f.add("the ledger says that action %s paid %d, want %d", action, entry, amount)
		}
	}
	if b.paid != b.wanted || b.sealed != b.wanted || b.shown != b.wanted || b.decisions.got != b.decisions.wanted {
		f.add("the books differ: %s", b)
	}
	f.books = f.books.plus(b)
}

// enter notes what an entry says was paid for an action, and returns it.
func (f *findings) enter(entries map[uuid.UUID]int64, fact decide.Fact) int64 {
	var outcome decide.ActionFact
	if err := json.Unmarshal(fact.Body, &outcome); err != nil {
		f.add("read the outcome of action %s: %v", fact.Action, err)
		return 0
	}
	if fact.Rule != refundRule || outcome.Status != decide.Succeeded && outcome.Status != decide.Pending {
		return 0
	}
	if _, again := entries[fact.Action]; again {
		f.doubled++
		f.add("the ledger says twice that action %s was paid", fact.Action)
	}
	if outcome.Amount == nil || outcome.Amount.Currency != "USD" {
		f.add("the ledger says that action %s paid %v, which is no amount in USD", fact.Action, outcome.Amount)
		return 0
	}
	entries[fact.Action] = outcome.Amount.Minor
	return outcome.Amount.Minor
}
