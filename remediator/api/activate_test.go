package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// TestActivate holds the way of rules through the API: what is wrong is told with
// its place, what pays needs another person, and what was refused changes nothing.
func TestActivate(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	old := h.rules()
	if old.Digest == "" || old.Author != "file" || len(old.Rules) != 2 || old.Rules[0].Rule == "" || old.Files[0].Text != houseRules || old.Proposal != nil {
		t.Fatalf("in force are %+v", old)
	}
	unchanged := func(what string) {
		t.Helper()
		if now := h.rules(); now.Digest != old.Digest || now.Author != old.Author || now.Proposal != nil {
			t.Errorf("after %s there are %s by %s and %+v in force", what, now.Digest, now.Author, now.Proposal)
		}
	}
	bad := strings.NewReplacer("event: parcel.broken", "event: parcel.broken\n    onceper: data.order", "5.00 USD}\n    limits", "5.001 USD}\n    limits").Replace(houseRules)
	refused := h.post("wes", "/v1/rules/activate", h.activation(bad))
	var told struct {
		Detail   string
		Problems []struct {
			File         string
			Line, Column int
		}
	}
	if err := json.Unmarshal([]byte(refused.body), &told); err != nil || refused.status != http.StatusUnprocessableEntity || len(told.Problems) < 2 ||
		!strings.Contains(told.Detail, "house.yaml:16:") || told.Problems[0].File != "house.yaml" || told.Problems[0].Line == 0 {
		t.Errorf("bad rules: %d %s %v", refused.status, refused.body, err)
	}
	unchanged("bad rules")
	h.emit("parcel.late", "c-1", `{"order":"1","payment":"pi_1","amount":"1.00 USD"}`)
	h.until("paid", func() bool { return h.state().Totals.Statuses["done"] == 1 })
	renamed := strings.Replace(houseRules, "rule: late", "rule: tardy", 1)
	if r := h.post("wes", "/v1/rules/activate", h.activation(renamed)); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.reason(), `"tardy" looks like "late"`) {
		t.Errorf("a rule under another name: %d %s", r.status, r.body)
	}
	unchanged("a rename")
	edited := strings.Replace(houseRules, "10.00 USD", "20.00 USD", 1)
	stale := strings.Replace(h.activation(edited), old.Digest, "0123456789abcdef", 1)
	h.hears(h.post("wes", "/v1/rules/activate", stale), "activate", saying{"wes", "they replace the rules 0123456789ab, but "})
	h.hears(h.post("wes", "/v1/rules/activate", fmt.Sprintf(`{"files":[{"path":"house.yaml","text":%q}]}`, edited)), "activate", saying{"wes", "they replace the rules (none)"})
	unchanged("an outdated parent")
	if r := h.post("wes", "/v1/rules/activate", `{"files":[]}`); r.status != http.StatusUnprocessableEntity {
		t.Errorf("no rules at all: %d %s", r.status, r.body)
	}
	unchanged("no rules")
	proposed := h.post("wes", "/v1/rules/activate", h.activation(edited)).answer(t)
	if p := h.rules().Proposal; p == nil || p.Digest != proposed.Digest || p.By != "wes" || fmt.Sprint(p.Rules) != "[late]" || h.rules().Digest != old.Digest {
		t.Fatalf("it waits for somebody: %+v", p)
	}
	h.held("2", "15.00 USD") // the old rules judge meanwhile
	approve := fmt.Sprintf(`{"digest":%q}`, proposed.Digest)
	h.post("pat", "/v1/rules/approve", approve).answer(t)
	if now := h.rules(); now.Digest != proposed.Digest || now.Author != "wes" || now.Proposal != nil {
		t.Errorf("in force are %+v", now)
	}
	h.emit("parcel.late", "c-3", `{"order":"3","payment":"pi_3","amount":"15.00 USD"}`)
	h.until("paid by the new rules", func() bool { return len(h.remedies("customer=c-3&status=done")) == 1 })
	// What pays nothing needs nobody else.
	shadow := edited + strings.ReplaceAll(strings.Replace(houseRules[strings.Index(houseRules, "  - rule: broken"):], "broken", "lost", 2), "mode: live", "mode: shadow")
	if a := h.post("wyn", "/v1/rules/activate", h.activation(shadow)).answer(t); a.Status == "proposed" || h.rules().Digest != a.Digest {
		t.Errorf("rules in shadow are %+v", a)
	}
	var authors []string
	for _, f := range facts[decide.RulesFact](h, decide.KindRules) {
		authors = append(authors, f.Author)
	}
	if fmt.Sprint(authors) != "[file wes wyn]" {
		t.Errorf("sealed are rules by %v", authors)
	}
	h.verify()
}

// TestActivateOvertaken holds that a proposal is worth nothing once other rules
// are in force, and that a new one takes the place of the old.
func TestActivateOvertaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	propose := func(who, limit string) string {
		return h.post(who, "/v1/rules/activate", h.activation(strings.Replace(houseRules, "10.00 USD", limit, 1))).answer(t).Digest
	}
	first, second := propose("wes", "20.00 USD"), propose("wyn", "30.00 USD")
	h.hears(h.post("pat", "/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, first)), "activate", saying{"pat", "no rule set with this digest waits"})
	if _, err := h.service.Reload(t.Context(), ruleFiles(strings.Replace(houseRules, "It came late", "It is late", 1))); err != nil {
		t.Fatal(err)
	}
	h.until("reloaded", func() bool { return strings.Contains(h.rules().Files[0].Text, "It is late") })
	now := h.rules().Digest
	h.hears(h.post("pat", "/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, second)), "activate", saying{"pat", "other rules were put in force since"})
	if r := h.rules(); r.Digest != now || r.Proposal != nil {
		t.Errorf("in force are %s, and %+v waits", r.Digest, r.Proposal)
	}
}

// TestActivateTooLarge holds that rules that the log cannot take are refused, and
// not promised for later.
func TestActivateTooLarge(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	large := houseRules + strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 600)
	if r := h.post("wes", "/v1/rules/activate", h.activation(large)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("large rules: %d %s", r.status, r.body)
	}
	if r := h.post("wes", "/v1/rules/activate", fmt.Sprintf(`{"parent":%q}`, strings.Repeat("x", 9<<20))); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d %s", r.status, r.body)
	}
}

// TestHolds holds what is told of what waits, and of what is stopped.
func TestHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	var none api.Holds
	if h.ask("odo", "GET", "/v1/holds", "").into(t, &none); none.Holds == nil || len(none.Holds) != 0 {
		t.Errorf("nothing is held: %+v", none)
	}
	first := h.held("1", "50.00 USD")
	h.held("2", "25.00 USD")
	h.held("3", "30.00 EUR")
	h.requested("ann", "pi_9")
	h.post("oli", "/v1/pause", `{"target":"money"}`).answer(t)
	h.emit("parcel.broken", "c-4", `{"order":"4"}`)
	h.until("held", func() bool { return len(h.remedies("rule=broken&status=held")) == 1 })
	told := func() string {
		var holds api.Holds
		h.ask("odo", "GET", "/v1/holds", "").into(t, &holds)
		var lines []string
		for _, hold := range holds.Holds {
			lines = append(lines, fmt.Sprintf("%s %s %d %v", hold.Rule, hold.Reason, hold.Remedies, hold.Money))
			if hold.Oldest.IsZero() {
				t.Errorf("%s is held since when?", hold.Rule)
			}
		}
		return strings.Join(lines, "; ")
	}
	if got, want := told(), "late approve_above 2 [75.00 USD]; late currency 1 [30.00 EUR]; makegood.refund-request approve_above 1 [5.00 USD]; broken paused 1 [5.00 USD]"; got != want {
		t.Errorf("held are\n%s, want\n%s", got, want)
	}
	h.post("pat", "/v1/remedies/"+first+"/deny", "").answer(t)
	if got := told(); !strings.HasPrefix(got, "late approve_above 1 [25.00 USD]; ") {
		t.Errorf("after one was denied, held are %s", got)
	}
	var brakes api.Brakes
	h.ask("odo", "GET", "/v1/brakes", "").into(t, &brakes)
	if len(brakes.Brakes) != 1 || brakes.Brakes[0].Target != "money" || brakes.Brakes[0].By != "oli" || !brakes.Brakes[0].Confirmed || brakes.Brakes[0].At.IsZero() {
		t.Errorf("stopped is %+v", brakes)
	}
}

// TestProposalAfterTheOldRulePaid approves a renamed rule that was proposed before the rule
// of the old name had paid anything.
func TestProposalAfterTheOldRulePaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	proposed := h.post("wes", "/v1/rules/activate", h.activation(strings.Replace(houseRules, "rule: late", "rule: tardy", 1)))
	h.emit("parcel.late", "c-1", `{"order":"1","payment":"pi_1","amount":"1.00 USD"}`)
	h.until("paid", func() bool { return h.state().Totals.Statuses["done"] == 1 })
	approved := h.post("pat", "/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, proposed.answer(t).Digest))
	if !strings.Contains(approved.body, `would pay again what was paid in the scope \"late\"`) {
		t.Errorf("the approval is answered %d %s", approved.status, approved.body)
	}
}
