package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// TestSeenGoesOneWay holds that a verifier finds what cannot have been seen of a
// refund, though it was sealed.
func TestSeenGoesOneWay(t *testing.T) {
	t.Parallel()
	seen := func(status string, late bool) decide.SeenFact {
		return decide.SeenFact{Status: status, Late: late, Amount: money.Money{Minor: 100, Currency: "USD"}}
	}
	for name, c := range map[string]struct {
		outcome string
		seen    []decide.SeenFact
		end     string
		want    string // of the finding; empty for none
	}{
		"arrives":                 {decide.Pending, []decide.SeenFact{seen(decide.Succeeded, false)}, "", ""},
		"comes back":              {decide.Succeeded, []decide.SeenFact{seen(decide.Failed, true)}, decide.FailedAfterArrival, ""},
		"never arrives":           {decide.Pending, []decide.SeenFact{seen(decide.Failed, false)}, decide.Failed, ""},
		"arrives twice":           {decide.Succeeded, []decide.SeenFact{seen(decide.Succeeded, false)}, "", "was seen to be succeeded after it was succeeded"},
		"arrives after it failed": {decide.Pending, []decide.SeenFact{seen(decide.Failed, false), seen(decide.Succeeded, false)}, decide.Failed, "after it was failed"},
		"nobody took it on":       {decide.Failed, []decide.SeenFact{seen(decide.Succeeded, false)}, "", "nobody had taken it on"},
		"not late":                {decide.Succeeded, []decide.SeenFact{seen(decide.Failed, false)}, decide.FailedAfterArrival, "its body says late: false"},
		"foreign with an action":  {decide.Succeeded, []decide.SeenFact{{Status: decide.Failed, Foreign: true}}, "", "its body says foreign: true"},
		"end without a view":      {decide.Succeeded, nil, decide.FailedAfterArrival, "no refund of it was seen to"},
		"ends again":              {decide.Succeeded, nil, decide.Failed, "ended before"},
	} {
		signer, public := newSigner(t, 1, ledger.Origin(testLog))
		h := newHistory(t, 1, testLog, public)
		h.next(time.Second)
		h.counts.Received++
		h.counts.Remedies++
		id := decide.RemedyID("late", name)
		refs := decide.Fact{Rule: "late", Remedy: id}
		step := decide.Step{Action: decide.ActionID(id, "r"), Name: "r", Kind: "refund", Connector: "stripe", Amount: &money.Money{Minor: 100, Currency: "USD"}}
		h.add(decide.KindRemedy, refs, decide.RemedyFact{Remedy: id, Rule: "late", Account: "ops", Mode: "live", Decision: decide.Act, Steps: []decide.Step{step}})
		refs.Action = step.Action
		h.next(time.Second)
		h.add(decide.KindAction, refs, decide.ActionFact{Name: "r", Status: c.outcome})
		about := decide.Fact{Rule: "late", Remedy: id}
		h.add(decide.KindEnd, about, decide.EndFact{Status: decide.Done})
		for _, s := range c.seen {
			h.next(time.Second)
			h.add(decide.KindSeen, refs, s)
		}
		if c.end != "" {
			h.add(decide.KindEnd, about, decide.EndFact{Status: c.end})
		}
		m := &memory{tiles: tileMap{}}
		m.commit(t, commit{h.out, h.pos}, signer)
		report, err := ledger.Verify(t.Context(), m, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, f := range report.Findings {
			found += f.Problem + "; "
		}
		if c.want == "" && found != "" || !strings.Contains(found, c.want) {
			t.Errorf("%s: found %q, want %q", name, found, c.want)
		}
	}
}
