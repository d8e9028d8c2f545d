package ledger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// bulkDay is a day on which two orders are made good afterwards.
func bulkDay(t *testing.T, public string) *desk {
	d := newDesk(t, public)
	d.bad(1)
	apply := &decide.Apply{Rule: "sorry", Since: "2001-01-01T00:00:00Z", Until: "2001-01-31T00:00:00Z", Digest: d.fold.Rules().Rule("sorry").Digest, Part: 1, Parts: 1}
	for n := range 2 {
		apply.Remedies = append(apply.Remedies, decide.MadeGood{Key: fmt.Sprint("old-", n), Customer: "c", Source: "/s", Event: fmt.Sprint("e-", n), EventAt: "2001-01-02T00:00:00Z",
			Body: []byte(`{}`), Steps: []decide.Step{{Name: "refund", Kind: "refund", Connector: "stripe", Payment: fmt.Sprint("p-", n), Amount: &money.Money{Minor: 500, Currency: "USD"}}}})
	}
	held := d.says(decide.CommandBody{Command: decide.CommandApply, By: "bob", Apply: apply})
	for _, by := range []string{"cem", "dee"} {
		d.says(decide.CommandBody{Command: decide.CommandApprove, By: by, Bulk: held.Bulk})
	}
	for len(d.jobs) > 0 {
		d.settles(decide.Succeeded, 0)
	}
	d.at = d.at.AddDate(0, 0, 1)
	d.says(decide.CommandBody{Command: decide.CommandPause, By: "bob", Target: decide.TargetMoney, Reason: "to have the day counted"})
	return d
}

// The counts of events add up though people had remedies made, and what a bulk says
// is held against its remedies.
func TestVerifyOfABulk(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	without := func(kind, has string) func(d *desk) {
		return func(d *desk) { i, _ := d.fact(kind, has); d.items = slices.Delete(d.items, i, i+1) }
	}
	for name, c := range map[string]struct {
		change func(d *desk)
		want   string
	}{
		"nothing":                     {func(*desk) {}, ""},
		"fewer remedies":              {replaceIn(decide.KindBulk, `"remedies":2`, `"remedies":2`, `"remedies":1`), "its remedies are 2"},
		"less money":                  {replaceIn(decide.KindBulk, `"minor":1000`, `"minor":1000`, `"minor":999`), "or their money is other"},
		"asked for by an approver":    {replaceIn(decide.KindBulk, `"remedies":2`, `"by":"bob"`, `"by":"cem"`), "approved by who asked for it"},
		"approved twice by one":       {replaceIn(decide.KindBulk, `"by":"dee"`, `"by":"dee"`, `"by":"cem"`), "twice by one person"},
		"approved by one in capitals": {replaceIn(decide.KindBulk, `"by":"dee"`, `"by":"dee"`, `"by":"Cem"`), "twice by one person"},
		"approved by one":             {without(decide.KindBulk, `"by":"cem"`), "but its bulk"},
		"shown anew, then by one": {func(d *desk) {
			i, f := d.fact(decide.KindBulk, `"by":"cem"`)
			again := *f
			again.Body = bytes.Replace(f.Body, []byte(`"by":"cem","answer":"approve"`), []byte(`"answer":"above"`), 1)
			d.items = slices.Insert(d.items, i+1, decide.Item{Fact: &again})
		}, "but its bulk"},
		"not asked for": {without(decide.KindBulk, `"remedies":2`), "which nobody asked for"},
		"not held":      {replaceIn(decide.KindRemedy, `"bulk"`, `"decision":"hold"`, `"decision":"act"`), "but it is not held"},
		"not of the bulk": {func(d *desk) {
			_, f := d.fact(decide.KindRemedy, `"reason":"bulk"`)
			var body decide.RemedyFact
			if err := json.Unmarshal(f.Body, &body); err != nil {
				t.Fatal(err)
			}
			body.Bulk = uuid.Nil
			f.Body, _ = json.Marshal(body)
		}, "its remedies are 1"},
	} {
		d := bulkDay(t, public)
		c.change(d)
		report := verify(t, d.seal(t), ledger.Options{Key: public})
		if got := text(t, report); report.Verified != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, got)
		}
	}
}
