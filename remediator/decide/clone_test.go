package decide

import (
	"reflect"
	"testing"

	"github.com/makegood/makegood/remediator/money"
)

// TestCloneSharesNothing: a copy of a decision stays what it was when the memory of
// the decision is used again.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	decision := func() *RemedyFact {
		return &RemedyFact{
			Rule: "late", Aggregates: []Aggregate{{Func: "count", Value: "3"}},
			Checks: []Check{{Check: ReasonBudget, Limit: &money.Money{Minor: 5, Currency: "USD"}, Used: &money.Money{Minor: 2, Currency: "USD"}, Count: new(1)}, {Check: ReasonStorm}},
			Steps:  []Step{{Name: "refund", Amount: &money.Money{Minor: 5, Currency: "USD"}}, {Name: "pull"}},
		}
	}
	made := decision()
	kept := made.Clone()
	made.Aggregates[0].Value = "4"
	*made.Checks[0].Limit, *made.Checks[0].Used, *made.Checks[0].Count, *made.Steps[0].Amount = money.Money{}, money.Money{}, 9, money.Money{}
	made.Checks[1], made.Steps[1] = Check{}, Step{}
	if want := decision(); !reflect.DeepEqual(kept, want) {
		t.Errorf("the copy became %+v, want %+v", kept, want)
	}
}
