package web

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// TestWhoApprovedSoFar reads who approved a remedy as the fold counts them: who let it act
// before it was held again, or did not know of a limit, has not.
func TestWhoApprovedSoFar(t *testing.T) {
	t.Parallel()
	entry := func(kind string, body any) ledger.Entry {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		e := ledger.Entry{}
		e.Kind, e.Body = kind, text
		return e
	}
	held := entry(decide.KindRemedy, decide.RemedyFact{RequestedBy: "ann", Approvals: 1})
	approved := func(by string, have, need int) ledger.Entry {
		return entry(decide.KindApproval, decide.ApprovalFact{Answer: "approve", By: by, Have: have, Need: need})
	}
	for name, c := range map[string]struct {
		entries []ledger.Entry
		by      []string
		need    int
	}{
		"nobody":                        {[]ledger.Entry{held}, nil, 1},
		"one of two, by edited limits":  {[]ledger.Entry{held, approved("bob", 1, 2)}, []string{"bob"}, 2},
		"refused, for it goes above":    {[]ledger.Entry{held, approved("bob", 1, 2), entry(decide.KindRefusal, decide.RefusalFact{Held: "budget"})}, nil, 2},
		"refused for something else":    {[]ledger.Entry{held, approved("bob", 1, 2), entry(decide.KindRefusal, decide.RefusalFact{})}, []string{"bob"}, 2},
		"let act, and held again since": {[]ledger.Entry{held, approved("bob", 1, 1)}, nil, 1},
	} {
		got, err := readAsked(c.entries)
		if err != nil || got.Requester != "ann" || got.Need != c.need || !slices.Equal(got.Approvals, c.by) {
			t.Errorf("%s: got %+v (%v), want %v of %d", name, got, err, c.by, c.need)
		}
	}
}
