package browser

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// written is what people write into the draft of a COE.
var written = strings.NewReplacer(
	"To write: last of all, what happened, to whom, why it mattered and what is done about it.", "A leg broke. Nobody was hurt.",
	"To write: what it meant for these customers, for those who got nothing, and for the business.", "Nobody could buy the table.",
	"To write: at least two, of different dimensions (discovery, decisions, organisation, working conditions, communication, technology, warning signs, "+
		"knowledge), none of which ends at a person:", "Two came together:",
	"**technology**: …", "**technology**: the glue is not tested before it is bought.",
	"**warning signs**: …", "**warning signs**: a loose leg has no reason of its own; accepted because the next release has one.",
	"To write: what surprised us, and what we know now.", "Glue ages.",
	"To write: what kept it from being worse.", "The agent pulled the cord.",
	"| … | prevent | | | | | |", "| Test a leg of each delivery | prevent | oli | 2099-12-24 | high | a delivery without a test is refused | 1 |",
	"| … | detect | | | | | |", "| Count loose legs | detect | ann | 2099-12-24 | low | the graph is in the review | 1 |",
	"| … | mitigate | | | | | |", "| Send glue to who has a table | mitigate | ann | 2099-12-24 | low | everybody has it | 1 |",
	"To write: who else has these factors; or: None, confirmed by NAME.", "None, confirmed by oli.",
)

// TestRedCordBecomesCOE takes a red cord to what is learnt from it: a draft opens by
// itself, is checked, written and handed in by one person, and published by another.
func TestRedCordBecomesCOE(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	const table = "product/TABLE-7"
	c.post("ann", "/v1/andon/pull", map[string]any{"cord": table, "level": "red", "reason": "A leg is loose"}, nil)
	oli := c.enter(browser, "oli", window{})
	oli.look("/andon")
	oli.click("button:text-is('I have come')")
	oli.done(decide.CommandAcknowledge)
	oli.click("summary:text-is('Release')")
	oli.fill("textarea[name=cause]", "The glue is old")
	oli.fill("textarea[name=fix]", "New glue")
	oli.click("button:text-is('Release')")
	oli.done(decide.CommandRelease)
	ann := c.enter(browser, "ann", window{})
	ann.look("/coes")
	ann.click("tbody a:has-text('" + table + "')")
	ann.wait("h1:has-text('COE about cord " + table + "')")
	has(t, ann.text("main"), "Nobody wrote a text yet", "An error keeps it from being published", "ann pulled "+table+" to red")
	ann.click("text=Write >> nth=0")
	ann.wait("textarea[name=text]")
	var draft string
	ann.evaluate(`document.querySelector("textarea[name=text]").value`, &draft)
	ann.click("text=Check without saving")
	ann.wait("#findings ~ ol >> text=this is not written yet >> nth=0")
	ann.fill("textarea[name=text]", written.Replace(draft))
	ann.fill("input[name=reason]", "the first text")
	ann.click("text=Check without saving")
	ann.wait("text=Nothing was found.")
	ann.click("text=Save as the next revision")
	ann.done(decide.CommandRevise)
	ann.click("text=Have another person review it")
	ann.done(decide.CommandSubmit)
	if n := len(ann.texts("button:text-is('I have read it: publish')")); n != 0 {
		t.Error("who wrote it is offered to publish it")
	}
	path := c.about(table)
	pat := c.enter(browser, "pat", window{})
	pat.look(path)
	pat.fill("input[name=weeks]", "2")
	pat.click("text=I have read it: publish")
	pat.done(decide.CommandPublish)
	if published := c.coe(path); published.Status != decide.COEPublished || published.Revision != 1 || published.HoldUntil.IsZero() {
		t.Errorf("the API says %+v", published.COE)
	}
	has(t, pat.text("main"), "published", "It must not happen again until", "Glue ages.")
	for _, each := range []*tab{oli, ann, pat} {
		each.calm()
	}
}

// about is the path of the one COE about a cord.
func (c *town) about(cord string) string {
	c.t.Helper()
	var list api.COEs
	if c.get("admin", "/v1/coes?about="+cord, &list); len(list.COEs) != 1 {
		c.t.Fatalf("%d COEs are about %s", len(list.COEs), cord)
	}
	return "/coes/" + list.COEs[0].COE.String()
}
