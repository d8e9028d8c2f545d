package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// TestReconciliationsAreChecked seals comparisons that the fold would not make.
func TestReconciliationsAreChecked(t *testing.T) {
	t.Parallel()
	id := decide.DifferenceID("stripe", decide.ClassAmount, "re_1")
	differs := func(n int) []decide.ClassCount {
		return []decide.ClassCount{{Class: decide.ClassMatched, Count: 7}, {Class: decide.ClassAmount, Count: n}}
	}
	found := func(fact decide.ReconciliationFact) decide.ReconciliationFact {
		fact.Connector, fact.By = "stripe", "ann"
		return fact
	}
	of := func(status, by, class string) decide.DifferenceFact {
		return decide.DifferenceFact{Difference: decide.Difference{ID: id, Class: class, Connector: "stripe"}, Status: status, By: by}
	}
	first := found(decide.ReconciliationFact{Counts: differs(1), Opened: 1, Open: 1})
	opened := of(decide.DifferenceOpen, "ann", decide.ClassAmount)
	for name, c := range map[string]struct {
		facts [][]any // of one input each
		want  string
	}{
		"opened and closed":                       {[][]any{{first, opened}, {of(decide.DifferenceClosed, "bob", decide.ClassAmount)}}, ""},
		"found again":                             {[][]any{{first, opened}, {found(decide.ReconciliationFact{Counts: differs(1), Again: 1, Open: 1})}}, ""},
		"counts do not add up":                    {[][]any{{found(decide.ReconciliationFact{Counts: differs(3), Opened: 1, Open: 1}), opened}}, "it counts 3 differences by their class, and 1 by what became of them"},
		"unknown class":                           {[][]any{{found(decide.ReconciliationFact{Counts: []decide.ClassCount{{Class: "odd", Count: 1}}})}}, `1 of class "odd"`},
		"one is not opened":                       {[][]any{{first}}, "it says that 1 differences were opened and 1 are open, there are 0 and 0"},
		"opened by nobody":                        {[][]any{{opened}}, "was opened by no comparison"},
		"opened by another":                       {[][]any{{first, of(decide.DifferenceOpen, "bob", decide.ClassAmount)}}, "was opened by no comparison with stripe by bob"},
		"opened twice":                            {[][]any{{first, opened}, {first, opened}}, "was opened before"},
		"closed by the opener":                    {[][]any{{first, opened}, {of(decide.DifferenceClosed, "ann", decide.ClassAmount)}}, "was opened by ann and closed by ann, one person"},
		"closed by the opener under another name": {[][]any{{first, opened}, {of(decide.DifferenceClosed, "Ann", decide.ClassAmount)}}, "was opened by ann and closed by Ann, one person"},
		"closed, never open":                      {[][]any{{of(decide.DifferenceClosed, "bob", decide.ClassAmount)}}, "and was not open"},
		"closed twice":                            {[][]any{{first, opened}, {of(decide.DifferenceClosed, "bob", decide.ClassAmount)}, {of(decide.DifferenceClosed, "bob", decide.ClassAmount)}}, "and was not open"},
		"closed as another one":                   {[][]any{{first, opened}, {of(decide.DifferenceClosed, "bob", decide.ClassLate)}}, "was amount at stripe, and closed as late at stripe"},
	} {
		signer, public := newSigner(t, 1, ledger.Origin(testLog))
		h := newHistory(t, 1, testLog, public)
		for _, facts := range c.facts {
			h.next(time.Second)
			for _, fact := range facts {
				kind := decide.KindDifference
				if _, ok := fact.(decide.ReconciliationFact); ok {
					kind = decide.KindReconciliation
				}
				h.add(kind, decide.Fact{}, fact)
			}
		}
		m := &memory{tiles: tileMap{}}
		m.commit(t, commit{h.out, h.pos}, signer)
		report, err := ledger.Verify(t.Context(), m, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, f := range report.Findings {
			said += f.Problem + "; "
		}
		if c.want == "" && said != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: found %q, want %q", name, said, c.want)
		}
	}
}
