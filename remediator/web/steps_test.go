package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox/mailbox"
)

// TestRemedyShowsRequests holds that the page of a remedy shows what each attempt asked
// for, as the ledger has it, and the message that was sent only to who may see it.
func TestRemedyShowsRequests(t *testing.T) {
	t.Parallel()
	var box *mailbox.Mailbox
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(houseRules, "    limits:", "      - notify: {template: plain, to: ada@example.com}\n    limits:", 1)}}
		box = writesLetters(t, c, "Subject: It came late\n\nDear {{.Customer.ID}}, {{.Refunded}} are on their way.\n")
	})
	h.hire(map[string]string{"ann": "agent", "aud": "auditor"})
	h.late("1", "c-1", "2.99 USD")
	var want api.Remedy
	h.bearer("admin").get("/v1/remedies/"+h.remedyOf("c-1").Remedy.String()).into(t, &want)
	path := "/remedies/" + want.Remedy.Remedy.String()
	var decided decide.RemedyFact
	for _, fact := range want.Facts {
		if fact.Kind == decide.KindRemedy {
			paper{200, nil, string(fact.Body)}.into(t, &decided)
		}
	}
	if len(decided.Steps) != 2 || len(box.Letters()) != 1 {
		t.Fatalf("%d steps are decided, and %d mails written", len(decided.Steps), len(box.Letters()))
	}
	const told, letter = "What was sent is for authors", "2.99 USD are on their way"
	for name, sees := range map[string]bool{"aud": true, "ann": false} {
		p := h.bearer(name).get(path)
		checkPage(t, path, p)
		asked := strings.Join(p.cells(t, "pre"), " ")
		for _, step := range decided.Steps {
			for _, text := range []string{fmt.Sprintf(`"action": %q`, step.Action), fmt.Sprintf(`"connector": %q`, step.Connector)} {
				if !strings.Contains(asked, text) {
					t.Errorf("%s is not shown that it is asked for %s in %s", name, text, asked)
				}
			}
		}
		if !strings.Contains(asked, fmt.Sprintf(`"payment": %q`, decided.Steps[0].Payment)) {
			t.Errorf("%s is not shown of which payment: %s", name, asked)
		}
		if strings.Contains(asked, letter) != sees || strings.Contains(p.body, letter) != sees || strings.Contains(p.body, told) == sees || strings.Contains(p.body, "What attempt 1 sent") != sees {
			t.Errorf("%s is shown %s", name, asked)
		}
	}
	h.bearer("admin").post("/v1/customers/c-1/erase", `{"reason":"they asked"}`).into(t, &decide.Answer{})
	h.idle()
	if p := h.bearer("aud").get(path); strings.Contains(p.body, letter) || !strings.Contains(p.body, `&#34;payment&#34;`) {
		t.Errorf("after it was erased the page shows %s", p.body)
	}
}
