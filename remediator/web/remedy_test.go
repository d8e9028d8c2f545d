package web_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// remedyOf returns the newest remedy of a customer, as the API has it.
func (h *house) remedyOf(customer string) views.Remedy {
	h.t.Helper()
	var list api.Remedies
	h.bearer("admin").get("/v1/remedies?customer="+url.QueryEscape(customer)).into(h.t, &list)
	if len(list.Remedies) == 0 {
		h.t.Fatalf("there is no remedy of %s", customer)
	}
	return list.Remedies[0]
}

// TestRemedyIsTheAPI holds that the page of a remedy shows the whole chain: the event,
// the rule, limits with what was left, the attempts, and each entry of the ledger that
// the API tells of, which it proves when asked.
func TestRemedyIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	var want api.Remedy
	h.bearer("admin").get("/v1/remedies/"+h.remedyOf("c-1").Remedy.String()).into(t, &want)
	path := "/remedies/" + want.Remedy.Remedy.String()
	p := h.bearer("admin").get(path)
	checkPage(t, path, p)
	checkHeaders(t, path, p)
	words := strings.Join(p.cells(t, "main"), " ")
	for _, text := range []string{
		"2.99 USD", "It was made good.", `"payment":"pi_1"`, "rule: late", "It came late.", "1000000.00 USD", "pi_1", want.Actions[0].Action.String(), want.Actions[0].Ref,
		fmt.Sprintf("%d sealed entries", len(want.Facts)), "succeeded",
	} {
		if !strings.Contains(words, text) {
			t.Errorf("the page does not show %s in %s", text, words)
		}
	}
	cells := p.cells(t, "th")
	for _, fact := range want.Facts {
		if !has(cells, fmt.Sprint(fact.Sequence)) {
			t.Errorf("entry %d is not shown", fact.Sequence)
		}
	}
	h.until("proven", func() bool {
		p = h.bearer("admin").get(path + "?verify=now")
		return strings.Contains(p.body, fmt.Sprintf("%d entries are in the tree", len(want.Facts)))
	})
	checkPage(t, path+"?verify=now", p)
	for _, gone := range []string{"/remedies/7", "/remedies/00000000-0000-0000-0000-000000000001"} {
		if p := h.bearer("admin").get(gone); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", gone, p.status)
		}
	}
	if p := h.bearer("admin").get(path + "/why"); p.status != http.StatusOK || !strings.Contains(p.body, "parcel.late") && !strings.Contains(p.body, "refund 2.99 USD of pi_1") {
		t.Errorf("why: %d %s", p.status, p.body)
	} else {
		checkPage(t, path+"/why", p)
	}
}

// TestRemedyAnswered holds that who may answer a held remedy does so in its page, that
// a refusal says why, and that a form sent twice answers once.
func TestRemedyAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "ben": "approver", "aud": "auditor"})
	h.late("1", "c-1", "20.00 USD")
	h.late("2", "c-2", "30.00 USD")
	held := h.remedyOf("c-1")
	path := "/remedies/" + held.Remedy.String()
	for _, name := range []string{"ann", "aud"} {
		if p := h.bearer(name).get(path); strings.Contains(p.body, "/approve") || !strings.Contains(p.body, "It waits for a person") {
			t.Errorf("%s sees %s", name, p.body)
		}
	}
	ben := h.signedIn("ben")
	form := ben.get(path).form(t, path+"/approve", nil)
	form.Set("reason", "they were patient")
	for range 2 {
		if p := ben.send(path+"/approve", form); p.status != http.StatusSeeOther || p.header.Get("Location") != path+"?done=approve" {
			t.Fatalf("the answer is answered %d %s", p.status, p.body)
		}
	}
	h.idle()
	if got := h.remedyOf("c-1").Status; got != decide.Done {
		t.Errorf("the remedy is %s", got)
	}
	p := ben.get(path)
	if !has(p.cells(t, "td"), "approve", "1 of 1") || !strings.Contains(p.body, "they were patient") {
		t.Errorf("the approval is not shown: %s", p.body)
	}
	other := "/remedies/" + h.remedyOf("c-2").Remedy.String()
	if p := ben.send(other+"/deny", url.Values{"key": {"deny-it"}, "reason": {"it is no parcel"}}); p.status != http.StatusSeeOther {
		t.Errorf("denying is answered %d %s", p.status, p.body)
	}
	for _, c := range []struct {
		who, command string
		status       int
	}{{"ann", "approve", http.StatusForbidden}, {"ben", "approve", http.StatusConflict}, {"ben", "reverse", http.StatusConflict}, {"ben", "vanish", http.StatusNotFound}} {
		if p := h.signedIn(c.who).send(other+"/"+c.command, url.Values{"key": {"k-" + c.who + c.command}}); p.status != c.status {
			t.Errorf("%s says %s: %d %s, want %d", c.who, c.command, p.status, p.body, c.status)
		}
	}
}

// TestRemedyHidesEvents holds that only those see what an event says who may, and that
// nobody does when it was erased.
func TestRemedyHidesEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "aud": "auditor"})
	h.late("secret-order", "c-1", "2.99 USD")
	path := "/remedies/" + h.remedyOf("c-1").Remedy.String()
	var evidence api.Evidence
	h.bearer("aud").get("/v1"+path+"/evidence").into(t, &evidence)
	if p := h.bearer("aud").get(path); len(evidence.Contents) != 1 || !has(p.cells(t, "pre"), strings.Join(strings.Fields(evidence.Contents[0].Text), " ")) {
		t.Errorf("the page shows another event than the API: %+v", evidence)
	}
	const said = "&#34;order&#34;:&#34;secret-order&#34;"
	if p := h.bearer("aud").get(path); !strings.Contains(p.body, said) {
		t.Errorf("the auditor does not see the event: %s", p.body)
	}
	if p := h.bearer("ann").get(path); strings.Contains(p.body, said) || p.status != http.StatusOK {
		t.Errorf("the agent sees the event: %d %s", p.status, p.body)
	}
	if p := h.bearer("ann").get(path + "/why"); p.status != http.StatusForbidden {
		t.Errorf("the agent is told why: %d", p.status)
	}
	h.bearer("admin").post("/v1/customers/c-1/erase", `{"reason":"they asked"}`).into(t, &decide.Answer{})
	h.idle()
	for _, name := range []string{"aud", "admin"} {
		if p := h.bearer(name).get(path); strings.Contains(p.body, said) || !strings.Contains(p.body, "Erased:") || !has(p.cells(t, "td"), "erased") {
			t.Errorf("%s is not told that it was erased: %s", name, p.body)
		}
	}
	if p := h.bearer("aud").get(path + "/why"); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "erased") {
		t.Errorf("why: %d %s", p.status, p.body)
	}
}

// TestRemedyOfAnEditedRule holds that a remedy shows the text by which it was decided,
// with the values that its conditions read, when the rule says something else now.
func TestRemedyOfAnEditedRule(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(houseRules, "    once_per", "    if: data.order != \"none\"\n    once_per", 1)}}
	})
	h.late("1", "c-1", "2.99 USD")
	path := "/remedies/" + h.remedyOf("c-1").Remedy.String()
	conditions := func(p paper) bool {
		return has(p.cells(t, "th"), `data.order != "none"`) && strings.Contains(p.body, "data.order</bdi></code> = <bdi>&#34;1&#34;") && strings.Contains(p.body, "It came late.")
	}
	if p := h.bearer("admin").get(path); !conditions(p) || strings.Contains(p.body, "edited") {
		t.Errorf("before it is edited the page shows %s", p.body)
	}
	h.stop()
	h.config.Rules[0].Text = strings.Replace(h.config.Rules[0].Text, "It came late.", "It came too late.", 1)
	h.config.Rules[0].Text = strings.Replace(h.config.Rules[0].Text, `"none"`, `"nothing"`, 1)
	h.start()
	h.late("2", "c-2", "2.99 USD")
	if p := h.bearer("admin").get("/remedies/" + h.remedyOf("c-2").Remedy.String()); !strings.Contains(p.body, "It came too late.") {
		t.Fatalf("the edited rule is not in force: %s", p.body)
	}
	p := h.bearer("admin").get(path)
	checkPage(t, path, p)
	if !conditions(p) || !strings.Contains(p.body, "as the ledger has it") {
		t.Errorf("after it is edited the page shows %s", p.body)
	}
}

// TestRemedyOfAChangedLedger holds that "verify now" finds an entry that was changed
// after it was sealed.
func TestRemedyOfAChangedLedger(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	remedy := h.remedyOf("c-1").Remedy.String()
	path := "/remedies/" + remedy + "?verify=now"
	h.until("proven", func() bool { return strings.Contains(h.bearer("admin").get(path).body, "entries are in the tree") })
	h.stop()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(h.config.DataDir, "ledger.db")))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := db.ExecContext(t.Context(), `UPDATE ledger SET body = CAST(replace(CAST(body AS TEXT), '"minor":299', '"minor":199') AS BLOB) WHERE remedy = ? AND kind = 'action'`, remedy)
	if err == nil {
		var n int64
		if n, err = changed.RowsAffected(); n == 0 {
			t.Error("nothing was changed")
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	h.start()
	p := h.bearer("admin").get(path)
	checkPage(t, path, p)
	if !strings.Contains(p.body, "The check failed") || strings.Contains(p.body, "entries are in the tree") {
		t.Errorf("the page says %s", strings.Join(p.cells(t, "main"), " "))
	}
}
