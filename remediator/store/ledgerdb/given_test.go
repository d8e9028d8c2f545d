package ledgerdb

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// Books that were restored say what is left, answer what was spent before and spend
// nothing new, until money is resumed. Money that somebody else stopped changes nothing.
func TestRestoredBooksSpendNothing(t *testing.T) { engines(t, testRestoredBooksSpendNothing) }

func testRestoredBooksSpendNothing(t *testing.T) {
	w := newWorld(t)
	for _, customer := range []string{"c", "d"} {
		if err := w.db.Grant(t.Context(), grant(customer, customer, usd(500), time.Time{})); err != nil {
			t.Fatal(err)
		}
	}
	redeem := func(key string, minor int64, want error) {
		t.Helper()
		if _, err := w.db.Redeem(t.Context(), credit.Redemption{Key: key, Customer: "c", Amount: usd(minor), At: noon}); !errors.Is(err, want) {
			t.Errorf("redeem %s: %v, want %v", key, err, want)
		}
	}
	brake := func(id, by string) {
		t.Helper()
		if err := w.db.Brake(t.Context(), decide.TargetMoney, id, by, noon); err != nil {
			t.Fatal(err)
		}
	}
	brake("ann's", "ann")
	redeem("before", 500, nil)
	brake("restored", decide.Restorer)
	redeem("before", 500, nil)
	redeem("after", 1, credit.ErrStopped)
	left, err := w.db.Unspent(t.Context())
	if err != nil || !slices.Equal(left, []credit.Unspent{{Amount: usd(500), Customers: 1}}) {
		t.Errorf("left are %v, %v", left, err)
	}
}

// Credit whose outcome is in the log and that is not in the books, because these were
// restored from before it, is put into them once, also when all of it comes in one
// commit; and so it is with credit that was taken back.
func TestGivenCreditIsInTheBooks(t *testing.T) { engines(t, testGivenCreditIsInTheBooks) }

func testGivenCreditIsInTheBooks(t *testing.T) {
	const expires = 10 * 24 * time.Hour
	w := newWorld(t)
	amount := usd(500)
	step := func(remedy string, s decide.Step) *decide.Output { // its decision and its outcome
		to := w.next()
		s.Action, s.Connector, s.Amount = id(remedy+"/do"), rule.Credit, &amount
		fact := decide.RemedyFact{Remedy: id(remedy), Rule: "late", Scope: "late", Key: remedy, Mode: live, Decision: decide.Act, Source: "/test", Event: remedy, Steps: []decide.Step{s}}
		return &decide.Output{
			Items: []decide.Item{
				w.fact(decide.KindRemedy, decide.Fact{Remedy: fact.Remedy, Rule: "late"}, fact),
				w.fact(decide.KindAction, decide.Fact{Remedy: fact.Remedy, Action: s.Action, Rule: "late"}, decide.ActionFact{Name: s.Name, Attempt: 1, Status: decide.Succeeded}),
			},
			Outbox:  []decide.Job{{Action: s.Action, Remedy: fact.Remedy, Connector: rule.Credit, Kind: s.Kind, Name: s.Name, Ordinal: to.Ordinal, At: to.At}},
			Settled: []uuid.UUID{s.Action},
		}
	}
	grants := decide.Step{Name: "credit", Kind: rule.Credit, Customer: "c", ExpiresS: int64(expires / time.Second)}

	w.commit(step("a", grants))
	at := time.Unix(0, w.at.At)
	balances(t, w.db, "c", at, amount)
	balances(t, w.db, "c", at.Add(expires-1), amount)
	balances(t, w.db, "c", at.Add(expires)) // from when it was given

	known := credit.Grant{Action: id("b/do"), Remedy: id("b"), Customer: "c", Amount: amount, At: noon}
	if err := w.db.Grant(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	w.commit(step("b", grants)) // the books have it, and keep it as it is
	balances(t, w.db, "c", at, usd(1000))
	balances(t, w.db, "c", at.Add(expires), amount)

	w.commit(step("back", decide.Step{Name: "reverse-credit", Kind: decide.KindOfReverse, Of: id("a/do")}))
	balances(t, w.db, "c", at, amount)
}
