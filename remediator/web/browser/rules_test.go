package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// lostRules pay for what never came. They are not in force when a town begins.
const lostRules = `rules:
  - rule: lost
    owner: shop/delivery
    why: It never came.
    event: parcel.lost
    if: data.days > 7
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    limits: {budget: {amount: 1000000.00 USD, within: 1d}}
    account: "4001"
    mode: live
`

// TestBulkApproval has a rule that comes late put in force by another person than who
// wrote it, and then what it makes good afterwards approved by two: neither who asked
// for it nor one of them alone.
func TestBulkApproval(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	pat := c.enter(browser, "pat", window{})
	asked := c.asksForLost(func(string) {
		pat.look("/approvals")
		pat.click("summary:has-text('lost.yaml')")
		has(t, pat.text("main"), "wes proposed it", "rule: lost")
		pat.click("button:text-is('Put it in force')")
		pat.done(decide.CommandApprove)
	})
	bulk := "/v1/bulks/" + asked.Bulk.String()
	oli := c.enter(browser, "oli", window{})
	oli.look("/approvals")
	has(t, oli.text("main"), "7.50 USD in 3 remedies", "You cannot answer", "oli asked for it")
	pat.look("/approvals")
	pat.click("section.pick button[value=approve]")
	pat.done(decide.CommandApprove)
	has(t, pat.text("main"), "Approvals: 1 of 2, by pat", "You cannot approve it: the same person approved it before")
	if status := c.bulk(bulk).Status; status == decide.BulkApproved {
		t.Error("one person is enough")
	}
	pia := c.enter(browser, "pia", window{})
	pia.look("/approvals")
	pia.press("j")
	pia.evaluate("document.activeElement.blur()", nil)
	pia.press("a") // of nothing that has the focus
	if status := c.bulk(bulk).Status; status == decide.BulkApproved {
		t.Error("a key approves what has not the focus")
	}
	pia.press("j") // back to where it was
	pia.press("a")
	pia.done(decide.CommandApprove)
	pia.wait("text=Nothing waits for a person.")
	c.idle()
	var paid api.Refunds
	c.get("admin", "/v1/refunds?rule=lost", &paid)
	if status := c.bulk(bulk).Status; status != decide.BulkApproved || len(paid.Totals) != 1 || paid.Totals[0].Amount.String() != "7.50 USD" {
		t.Errorf("the bulk is %s, and paid are %+v", status, paid.Totals)
	}
	for _, each := range []*tab{pat, oli, pia} {
		each.calm()
	}
}

// propose proposes rules with a file more, or another text of one, in somebody's name.
func (c *town) propose(name string, more rule.File) (digest string) {
	c.t.Helper()
	var answer decide.Answer
	files := append(slices.DeleteFunc(c.files(), func(f rule.File) bool { return f.Path == more.Path }), more)
	c.post(name, "/v1/rules/activate", map[string]any{"files": files, "parent": c.rules().Digest}, &answer)
	if answer.Status != "proposed" {
		c.t.Fatalf("the rules are %+v, want them proposed", answer)
	}
	return answer.Digest
}

// rules are those in force, as the API says.
func (c *town) rules() (r api.Rules) {
	c.t.Helper()
	c.get("admin", "/v1/rules", &r)
	return r
}

// bulk is what is made good afterwards, as the API says.
func (c *town) bulk(path string) (b decide.Bulk) {
	c.t.Helper()
	c.get("admin", path, &b)
	return b
}

// TestWhyNot has who writes rules ask why an event makes no remedy, change it, and see
// that it would.
func TestWhyNot(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	b := c.enter(browser, "wes", window{})
	b.look("/rules")
	b.click("text=Why not?")
	decided := map[string]bool{}
	for _, hours := range []int{2, 3} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/parcels","type":"parcel.late","customer":"c-1",
			"data":{"order":"1","payment":"pi_1","amount":"5.00 USD","hours":%d}}`, hours)
		b.fill("textarea[name=event]", event)
		b.click("button:text-is('Explain')")
		b.wait(fmt.Sprintf("main :text('data.hours = %d')", hours))
		wanted := c.explains(event)
		has(t, b.text("main"), wanted...)
		decided[wanted[0]] = true
	}
	if len(decided) != 2 {
		t.Errorf("the API says %v of both events", decided)
	}
	var list api.Remedies
	if c.get("admin", "/v1/remedies", &list); len(list.Remedies) != 0 {
		t.Errorf("asking made %+v", list.Remedies)
	}
	b.calm()
}

// explains is what the page must show that says what the rules in force make of an event,
// as the API does: first of the rule late.
func (c *town) explains(event string) []string {
	c.t.Helper()
	var answer rehearse.Explanation
	c.post("admin", "/v1/rules/explain", json.RawMessage(event), &answer)
	var first, others []string
	for _, r := range answer.Rules {
		about := &others
		if r.Rule == "late" {
			about = &first
		}
		if r.Decision == "" {
			*about = append(*about, "no remedy "+r.Rule)
		} else {
			*about = append(*about, "makes a remedy "+r.Rule, "It would decide: "+r.Decision)
		}
		for _, condition := range r.Conditions {
			*about = append(*about, fmt.Sprintf("%s %s", condition.Condition, condition.Result))
			for path, value := range condition.Seen {
				*about = append(*about, fmt.Sprintf("%s = %v", path, value))
			}
		}
	}
	if len(first) < 3 {
		c.t.Fatalf("the API says %+v", answer)
	}
	return append(first, others...)
}
