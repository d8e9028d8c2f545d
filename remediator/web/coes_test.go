package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
)

// openCOE opens a COE about the rule of the house by its form, in somebody's name, and
// returns the path of its page.
func (h *house) openCOE(name, title string) string {
	h.t.Helper()
	p := h.bearer(name).send("/coes", url.Values{"key": {uuid.NewString()}, "kind": {"rule"}, "about": {"late"}, "title": {title}})
	path, ok := strings.CutSuffix(p.header.Get("Location"), "?done=coe-draft")
	if p.status != http.StatusSeeOther || !ok || !strings.HasPrefix(path, "/coes/") {
		h.t.Fatalf("opening is answered %d %s", p.status, p.body)
	}
	return path
}

// coe is a COE as the API tells of it.
func (h *house) coe(path string) (c api.COE) {
	h.t.Helper()
	h.bearer("admin").get("/v1"+path).into(h.t, &c)
	return c
}

// TestCOEsByForms takes a COE from its opening to its publication by forms alone: a
// text that is not ready is saved and not published, who wrote it may not publish it,
// and another person may, once it is checked.
func TestCOEsByForms(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "author", "bob": "approver", "eve": "agent", "mia": "auditor"})
	h.late("1", "c-1", "2.99 USD")
	path := h.openCOE("ann", "Parcels came late")
	p := h.bearer("mia").get(path)
	checkPage(t, path, p)
	for _, text := range []string{"draft", "Parcels came late", "<svg", `href="/facts/`, "/bundle", "holds"} {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	draft := h.coe(path)
	if draft.Revision != 1 || draft.Document.By != "ann" {
		t.Fatalf("the API says %+v", draft.COE)
	}
	written := publishable(draft.Document.Text)
	fields := url.Values{"key": {uuid.NewString()}, "revision": {"1"}, "text": {strings.ReplaceAll(written, "\n", "\r\n")}, "reason": {"written"}}
	if p = h.bearer("ann").send(path+"/text", fields); p.status != http.StatusSeeOther {
		t.Fatalf("saving is answered %d %s", p.status, p.body)
	}
	if got := h.coe(path); got.Revision != 2 || got.Document.Text != written {
		t.Errorf("revision %d is %q, want what was written", got.Revision, got.Document.Text)
	}
	step := func(who, step string, want int, fields url.Values) paper {
		t.Helper()
		fields.Set("key", uuid.NewString())
		p := h.bearer(who).send(path+"/"+step, fields)
		if p.status != want {
			t.Errorf("%s by %s is answered %d %s, want %d", step, who, p.status, p.body, want)
		}
		return p
	}
	step("ann", "review", http.StatusConflict, url.Values{"revision": {"1"}})
	step("ann", "review", http.StatusSeeOther, url.Values{"revision": {"2"}})
	if p = step("bob", "publish", http.StatusUnprocessableEntity, url.Values{"revision": {"2"}, "weeks": {"4"}}); !strings.Contains(p.body, "not ready") {
		t.Errorf("publishing says %s", p.body)
	}
	step("eve", "publish", http.StatusForbidden, url.Values{"revision": {"2"}})
	step("bob", "publish", http.StatusBadRequest, url.Values{"revision": {"2"}, "weeks": {"many"}})
	if got := h.coe(path); got.Status != "review" {
		t.Errorf("its status is %s", got.Status)
	}
	if changes := h.bearer("mia").get(path + "/changes"); !strings.Contains(changes.body, "<ins>&#43;A shelf fell.</ins>") {
		t.Errorf("the changes are %s", changes.body)
	}
	list := h.bearer("mia").get("/coes?status=review")
	if !strings.Contains(list.body, path) || strings.Contains(h.bearer("mia").get("/coes?status=draft").body, path) {
		t.Errorf("the list by status is %s", list.body)
	}
}

// publishable writes some words in the place of those that a draft left to people.
func publishable(draft string) string {
	return strings.Replace(draft, "## Lessons\n", "## Lessons\n\nA shelf fell.\n", 1)
}

// TestCOEIsKept holds that no word is lost: a text that somebody else overtook is shown
// again with why it was not saved, and checking saves nothing.
func TestCOEIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	path := h.openCOE("admin", "Late")
	fields := url.Values{"key": {uuid.NewString()}, "revision": {"0"}, "text": {"# My words </textarea><b>"}}
	p := h.bearer("admin").send(path+"/text", fields)
	if p.status != http.StatusConflict || !strings.Contains(p.body, "# My words &lt;/textarea&gt;") || !strings.Contains(p.body, "revision 1 now") {
		t.Errorf("it is answered %d %s", p.status, p.body)
	}
	p = h.bearer("admin").send(path+"/check", fields)
	checkPage(t, "the check", p)
	if p.status != http.StatusOK || !strings.Contains(p.body, "There is no section") && !strings.Contains(p.body, "there is no section") || !strings.Contains(p.body, "# My words") {
		t.Errorf("the check is answered %d %s", p.status, p.body)
	}
	if got := h.coe(path); got.Revision != 1 {
		t.Errorf("checking or a refusal saved revision %d", got.Revision)
	}
}

// TestHostileCOE holds that a text's Markdown becomes neither markup nor a script, asks
// for nothing elsewhere, and turns nothing around.
func TestHostileCOE(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	path := h.openCOE("admin", "<script>alert(1)</script>")
	const text = "# <script>alert(1)</script>\n\n# Second\n\n<img src=x onerror=alert(1)> <style>*{}</style>\n\n[a](javascript:alert(1)) ![b](https://elsewhere.example/b.png) " +
		"<javascript:alert(1)> [c](ledger:\"onclick=\\\"x) [12 \"><b>][q] \u202egnorw&#8238; \x1b[31m\n\n" +
		"| a | b |\n|:-:|--:|\n| <b> | x |\n\n## Actions\n\n| Action | Kind | Owner | Due | Priority | Done when | Factor |\n|---|---|---|---|---|---|---|\n" +
		"| <i>do</i> | prevent | \u2066eve | 2020-01-01 | high | x | 1 |\n\n[q]: query:customers?rule=\"><b>&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&size=1\n"
	fields := url.Values{"key": {uuid.NewString()}, "revision": {"1"}, "text": {text}}
	if p := h.bearer("admin").send(path+"/text", fields); p.status != http.StatusSeeOther {
		t.Fatalf("saving is answered %d %s", p.status, p.body)
	}
	for _, at := range []string{path, path + "/changes"} {
		p := h.bearer("admin").get(at)
		if p.status != http.StatusOK {
			t.Fatalf("%s: %d %s", at, p.status, p.body)
		}
		checkHeaders(t, at, p)
		checkPage(t, at, p)
		for _, bad := range []string{"\u202e", "\u2066", "\x1b"} {
			if i := strings.Index(p.body, bad); i >= 0 {
				t.Errorf("%s: %q stands in the page: %s", at, bad, p.body[max(0, i-80):i+len(bad)])
			}
		}
		for _, e := range p.nodes(t) {
			if e.name == "i" || e.name == "b" && at == path || e.name == "img" && !strings.HasPrefix(e.attributes["src"], "/assets/") || strings.HasPrefix(e.attributes["href"], "javascript:") {
				t.Errorf("%s: a text became <%s %v>", at, e.name, e.attributes)
			}
		}
	}
	if p := h.bearer("admin").get(path); !strings.Contains(p.body, "overdue") || !strings.Contains(p.body, "the action was due on 2020-01-01, before it is published") {
		t.Error("an action of 2020 is not overdue, or keeps nothing from being published")
	}
	edit := h.bearer("admin").get(path + "/edit")
	for _, e := range edit.nodes(t) {
		if e.name == "textarea" && e.text != strings.TrimPrefix(text, "\n") && e.text != text {
			t.Errorf("the form has %q, want the text as it is", e.text)
		}
	}
}

// TestNoSuchCOE holds what is answered about what is not there.
func TestNoSuchCOE(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	path := h.openCOE("admin", "Late")
	for _, at := range []string{"/coes/7", "/coes/" + uuid.NewString(), path + "?revision=9", path + "/changes?to=9", "/coes/7/edit", "/coes/7/changes"} {
		if p := h.bearer("admin").get(at); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", at, p.status)
		}
	}
	body, _ := json.Marshal(map[string]string{"cord": "product/7", "level": "red", "reason": "it breaks"})
	h.bearer("admin").post("/v1/andon/pull", string(body))
	var list api.COEs
	h.bearer("admin").get("/v1/coes").into(t, &list)
	p := h.bearer("admin").get("/coes")
	for _, c := range list.COEs {
		if !strings.Contains(p.body, "/coes/"+c.COE.String()) {
			t.Errorf("the page does not list %s", c.COE)
		}
		// One that opened by itself has no revision: its page is a draft.
		if one := h.bearer("admin").get(fmt.Sprint("/coes/", c.COE)); one.status != http.StatusOK {
			t.Errorf("its page is answered %d %s", one.status, one.body)
		}
	}
	if len(list.COEs) != 2 {
		t.Errorf("the API lists %d, want one that a person opened and one of a red cord", len(list.COEs))
	}
}
