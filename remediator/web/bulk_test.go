package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// propose proposes another text of the house's rules, and returns its digest.
func (h *house) propose(name, text string) string {
	h.t.Helper()
	var in api.Rules
	h.bearer("admin").get("/v1/rules").into(h.t, &in)
	var answer decide.Answer
	h.bearer(name).post("/v1/rules/activate", fmt.Sprintf(`{"files":[{"path":"house.yaml","text":%q}],"parent":%q}`, text, in.Digest)).into(h.t, &answer)
	if answer.Status != "proposed" {
		h.t.Fatalf("the rules are %+v, want them proposed", answer)
	}
	return answer.Digest
}

// inForce is the digest of the rules in force.
func (h *house) inForce() string {
	h.t.Helper()
	var in api.Rules
	h.bearer("admin").get("/v1/rules").into(h.t, &in)
	return in.Digest
}

// TestProposalForms holds what people say to proposed rules by forms: who proposed them
// cannot approve them, an agent is offered nothing, one is turned down, and one is put
// in force by a form that is sent twice.
func TestProposalForms(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"boss": "author approver", "pat": "approver", "ann": "agent"})
	const action = "/approvals/rules"
	for n, verdict := range []string{"deny", "approve"} {
		digest := h.propose("boss", strings.Replace(houseRules, "10.00 USD", fmt.Sprint(11+n, ".00 USD"), 1))
		own := h.bearer("boss").shown("/approvals")
		checkPage(t, "/approvals", own)
		for _, text := range []string{"<bdi>boss</bdi> proposed it", fmt.Sprint("approve_above: ", 11+n, ".00 USD"), "approve_above: 10.00 USD", "You cannot approve it: who proposed rules may not"} {
			if !strings.Contains(own.body, text) {
				t.Errorf("the page does not say %q:\n%s", text, own.body)
			}
		}
		if p := h.bearer("ann").shown("/approvals"); strings.Contains(p.body, action) {
			t.Error("an agent is offered to answer")
		}
		form := url.Values{"key": {uuid.NewString()}, "digest": {digest}, "answer": {"approve"}}
		for name, want := range map[string]int{"boss": http.StatusForbidden, "ann": http.StatusForbidden} {
			if p := h.bearer(name).send(action, form); p.status != want {
				t.Errorf("an approval by %s is answered %d %s, want %d", name, p.status, p.body, want)
			}
		}
		answer := with(h.bearer("pat").shown("/approvals").form(t, action, map[string]string{"digest": digest}), "answer", verdict)
		for range 2 {
			if p := h.bearer("pat").send(action, answer); p.status != http.StatusSeeOther || p.header.Get("Location") != "/approvals?done="+verdict {
				t.Errorf("%s is answered %d %s", verdict, p.status, p.body)
			}
		}
		if in := h.inForce(); (in == digest) != (verdict == "approve") {
			t.Errorf("after %s, %s is in force, and %s was proposed", verdict, in, digest)
		}
		if p := h.bearer("pat").shown("/approvals"); strings.Contains(p.body, digest) {
			t.Errorf("after %s it still waits", verdict)
		}
	}
	for _, digest := range []string{"", "none"} {
		if p := h.bearer("pat").send(action, url.Values{"key": {uuid.NewString()}, "digest": {digest}, "answer": {"approve"}}); p.status < http.StatusBadRequest || p.status >= http.StatusInternalServerError {
			t.Errorf("an answer to the digest %q is answered %d", digest, p.status)
		}
	}
}

// TestBulkForms holds what people say by forms to what is made good afterwards: neither
// who asked for it nor one person twice approves it, and one person ends it.
func TestBulkForms(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"oli": "operator approver", "pat": "approver", "pia": "approver", "ann": "agent"})
	const action = "/approvals/bulk"
	for n, verdict := range []string{"approve", "deny"} {
		bulk := h.afterwards("oli", fmt.Sprint("parcel.lost-", n))
		form := url.Values{"key": {uuid.NewString()}, "bulk": {bulk}, "answer": {"approve"}, "revision": {"1"}}
		for name, want := range map[string]int{"oli": http.StatusForbidden, "ann": http.StatusForbidden} {
			if p := h.bearer(name).send(action, form); p.status != want {
				t.Errorf("an approval by %s is answered %d %s, want %d", name, p.status, p.body, want)
			}
		}
		own := h.bearer("oli").shown("/approvals")
		checkPage(t, "/approvals", own)
		if !strings.Contains(own.body, "You cannot approve it: who asked for a bulk") || !strings.Contains(own.body, "6.00 USD") || !strings.Contains(own.body, "2 remedies") {
			t.Errorf("who asked is shown %s", own.body)
		}
		again := map[string]int{"pat": http.StatusForbidden, "pia": http.StatusConflict} // nothing waits after the second
		for _, name := range []string{"pat", "pia"} {
			answer := with(h.bearer(name).shown("/approvals").form(t, action, map[string]string{"bulk": bulk}), "answer", verdict, "reason", "it is so")
			for revision, want := range map[string]string{"2": "it is at revision 1 now, and you have seen revision 2", "": "The form is not complete"} {
				wrong := with(maps.Clone(answer), "key", uuid.NewString(), "answer", "approve", "revision", revision)
				if p := h.bearer(name).send(action, wrong); !strings.Contains(p.body, want) {
					t.Errorf("an approval of revision %q is answered %d %s", revision, p.status, p.body)
				}
			}
			if p := h.bearer(name).send(action, answer); p.status != http.StatusSeeOther || p.header.Get("Location") != "/approvals?done="+verdict {
				t.Fatalf("%s by %s is answered %d %s", verdict, name, p.status, p.body)
			}
			if verdict == "deny" {
				break
			}
			if p := h.bearer(name).send(action, with(answer, "key", "again")); p.status != again[name] {
				t.Errorf("%s twice by %s is answered %d", verdict, name, p.status)
			}
		}
		h.idle()
		var b decide.Bulk
		h.bearer("admin").get("/v1/bulks/"+bulk).into(t, &b)
		if want := map[string]string{"approve": decide.BulkApproved, "deny": decide.Denied}[verdict]; b.Status != want {
			t.Errorf("after %s it is %s, want %s", verdict, b.Status, want)
		}
	}
	if p := h.bearer("pat").send(action, url.Values{"key": {uuid.NewString()}, "bulk": {"none"}, "answer": {"approve"}}); p.status != http.StatusNotFound {
		t.Errorf("an answer to no bulk is answered %d", p.status)
	}
	if got := h.statuses(); got != "map[denied:2 done:2]" {
		t.Errorf("at the end there are %s", got)
	}
}

// afterwards has two events of a type happen, a rule about it come into force, and both
// made good in somebody's name. It returns the bulk.
func (h *house) afterwards(name, kind string) string {
	h.t.Helper()
	for n := range 2 {
		id := fmt.Sprint(kind, n)
		event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":%q,"customer":"c-1","data":{"order":%[1]q,"payment":"pi_%[3]s","amount":"3.00 USD"}}`,
			id, kind, id[strings.LastIndexByte(id, '-')+1:])
		if p := h.bearer("emitter").post("/v1/events", event, "Content-Type", "application/cloudevents+json"); p.status != http.StatusAccepted {
			h.t.Fatalf("the event is answered %d %s", p.status, p.body)
		}
	}
	h.idle()
	rule := strings.NewReplacer("rule: late", "rule: "+strings.ReplaceAll(kind, ".", "-"), "parcel.late", kind).Replace(houseRules)
	digest := h.propose("admin", rule)
	h.bearer("pat").send("/approvals/rules", url.Values{"key": {uuid.NewString()}, "digest": {digest}, "answer": {"approve"}})
	var log api.Status
	h.bearer("admin").get("/v1/status").into(h.t, &log)
	var answer decide.Answer
	h.bearer(name).post("/v1/rules/"+strings.ReplaceAll(kind, ".", "-")+"/apply", fmt.Sprintf(`{"since":%q,"until":%q,"reason":"it came late"}`,
		log.LogTime.Add(-time.Hour).Format(time.RFC3339Nano), log.LogTime.Format(time.RFC3339Nano))).into(h.t, &answer)
	if answer.Bulk == nil || answer.Bulk.Remedies != 2 {
		h.t.Fatalf("what is to be made good is %+v", answer)
	}
	return answer.Bulk.Bulk.String()
}
