package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// form finds the form of a page that posts to a path and whose hidden fields have
// these values, and returns its hidden fields.
func (p paper) form(t testing.TB, action string, wanted map[string]string) url.Values {
	t.Helper()
	var fields url.Values
	for _, e := range p.nodes(t) {
		switch {
		case e.name == "form" && fits(fields, wanted):
			return fields
		case e.name == "form":
			fields = nil
			if e.attributes["action"] == action {
				fields = url.Values{}
			}
		case e.name == "input" && e.attributes["type"] == "hidden" && fields != nil:
			fields.Set(e.attributes["name"], e.attributes["value"])
		}
	}
	if fits(fields, wanted) {
		return fields
	}
	t.Fatalf("the page has no form that posts %v to %s", wanted, action)
	return nil
}

func fits(fields url.Values, wanted map[string]string) bool {
	for name, value := range wanted {
		if fields.Get(name) != value {
			return false
		}
	}
	return fields != nil
}

// with adds fields that somebody fills in.
func with(fields url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

// level is how the API says that a path stands.
func (h *house) level(path string) string {
	h.t.Helper()
	var cords api.Cords
	h.bearer("admin").get("/v1/andon?cord="+url.QueryEscape(path)).into(h.t, &cords)
	return cords.Cords[0].Standing.Level + " " + cords.Cords[0].Standing.How
}

// TestBoard holds that an agent stops a product by a form and no more than that, that
// the same form sent twice is one pull, and that another person releases it.
func TestBoard(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "bob": "agent", "olga": "operator"})
	ann, bob := h.bearer("ann"), h.bearer("bob")

	if p := ann.get("/andon?cord=catalog"); strings.Contains(p.body, `value="red"`) || !strings.Contains(p.body, "You may call for help there") {
		t.Error("an agent is offered to stop a whole catalogue")
	}
	refused := with(ann.get("/andon?cord=catalog").form(t, "/andon/pull", map[string]string{"level": "yellow"}), "level", "red", "why", "x")
	if p := ann.send("/andon/pull", refused); p.status != http.StatusForbidden || !strings.Contains(p.body, "only an operator may pull it red") {
		t.Errorf("an agent who stops a catalogue all the same is answered %d %s", p.status, p.body)
	}

	pull := with(ann.get("/andon?cord=product/7").form(t, "/andon/pull", map[string]string{"level": "red"}), "why", "It may hurt somebody")
	for range 2 {
		if p := ann.send("/andon/pull", pull); p.status != http.StatusSeeOther || p.header.Get("Location") != "/andon?done=pull" {
			t.Fatalf("a pull is answered %d %s", p.status, p.body)
		}
	}
	if got := h.level("product/7/blue"); got != "red inherited" {
		t.Errorf("what lies below is %s", got)
	}
	for _, text := range []string{"It may hurt somebody", "1 report", "red</span> direct", "You cannot release it: who pulled a red cord", "The cord is pulled."} {
		if p := ann.get("/andon?done=pull"); !strings.Contains(p.body, text) {
			t.Errorf("the board does not say %q:\n%s", text, p.body)
		}
	}
	if p := bob.get("/andon?cord=product/7/blue"); !strings.Contains(p.body, "inherited from <bdi>product/7</bdi>") {
		t.Error("the board does not say whence a stop comes")
	}
	if p := ann.send("/andon/release", with(pull, "key", "k1", "cause", "c", "fix", "f")); p.status != http.StatusForbidden || !strings.Contains(p.body, "another person must look") {
		t.Errorf("who pulled releases: %d", p.status)
	}
	here := map[string]string{"cord": "product/7"}
	if p := bob.send("/andon/acknowledge", bob.get("/andon").form(t, "/andon/acknowledge", here)); p.status != http.StatusSeeOther {
		t.Errorf("who has come is answered %d %s", p.status, p.body)
	}
	release := bob.get("/andon").form(t, "/andon/release", here)
	if p := bob.send("/andon/release", release); p.status != http.StatusConflict || !strings.Contains(p.body, "the cause and the fix") {
		t.Errorf("a release without a cause is answered %d", p.status)
	}
	release = with(bob.get("/andon").form(t, "/andon/release", here), "cause", "a bolt", "fix", "another bolt")
	if p := bob.send("/andon/release", release); p.status != http.StatusSeeOther || h.level("product/7") != "open " {
		t.Errorf("a release is answered %d %s, and it is %s", p.status, p.body, h.level("product/7"))
	}
}

// TestBoardBeginsWithAsked holds that the cord that is asked for stands first on the
// board, with how it can be released, and that the others stay there.
func TestBoardBeginsWithAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"olga": "operator"})
	cords := []string{"product/1", "product/2", "product/3"}
	for _, cord := range cords {
		h.bearer("admin").post("/v1/andon/pull", `{"cord":"`+cord+`","level":"red","reason":"it breaks"}`)
	}
	for i, asked := range cords {
		p := h.bearer("olga").get("/andon?cord=" + asked)
		_, list, _ := strings.Cut(p.body, `<ul class="board">`)
		list, _, _ = strings.Cut(list, "</section>")
		var shown []string
		for _, cell := range strings.Split(list, "<h3><bdi>")[1:] {
			cord, _, _ := strings.Cut(cell, "</bdi>")
			shown = append(shown, cord)
		}
		want := append([]string{asked}, slices.Delete(slices.Clone(cords), i, i+1)...)
		if !slices.Equal(shown, want) {
			t.Errorf("with %s asked for the board has %q, want %q", asked, shown, want)
		}
		p.form(t, "/andon/release", map[string]string{"cord": asked})
	}
}

// TestMoneyStops holds that one person stops money by a form, and another one alone
// lets it flow again.
func TestMoneyStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "olga": "operator", "paul": "approver"})
	olga, paul := h.bearer("olga"), h.bearer("paul")
	if p := h.bearer("ann").get("/andon"); strings.Contains(p.body, `action="/andon/pause"`) {
		t.Error("an agent is offered to stop money")
	}
	stop := with(olga.get("/andon").form(t, "/andon/pause", nil), "target", "money", "reason", "storm")
	if p := olga.send("/andon/pause", stop); p.status != http.StatusSeeOther {
		t.Fatalf("a pause is answered %d %s", p.status, p.body)
	}
	if p := olga.get("/andon"); !strings.Contains(p.body, "you stopped it, so another person must") || strings.Contains(p.body, `action="/andon/resume"`) {
		t.Error("who stopped money is offered to let it flow again")
	}
	if p := olga.send("/andon/resume", url.Values{"key": {"k"}, "target": {"money"}}); p.status != http.StatusForbidden {
		t.Errorf("who stopped money lets it flow: %d", p.status)
	}
	if p := h.bearer("ann").send("/andon/resume", url.Values{"key": {"k"}, "target": {"money"}}); p.status != http.StatusForbidden {
		t.Errorf("an agent lets money flow: %d", p.status)
	}
	if p := paul.send("/andon/resume", paul.get("/andon").form(t, "/andon/resume", nil)); p.status != http.StatusSeeOther {
		t.Errorf("a resume is answered %d %s", p.status, p.body)
	}
	if p := paul.get("/andon"); !strings.Contains(p.body, "All money flows.") {
		t.Error("money does not flow again")
	}
}

// TestBoardIsTheAPI holds that the API says of each pulled cord what the board does: what
// its release needs, and why who looks may not release it.
func TestBoardIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "bob": "agent"})
	h.bearer("ann").post("/v1/andon/pull", `{"cord":"product/7","level":"red","reason":"it breaks","quiet":"1h"}`)
	h.bearer("bob").post("/v1/andon/acknowledge", `{"cord":"product/7"}`)
	h.bearer("ann").post("/v1/andon/pull", `{"cord":"product/8","level":"yellow","reason":"look","quiet":"2h"}`)
	for who, refused := range map[string]bool{"ann": true, "bob": false} {
		var list api.Cords
		h.bearer(who).get("/v1/andon").into(t, &list)
		board, shown := h.bearer(who).get("/andon"), 0
		for _, c := range list.Cords {
			if c.Release == nil || (c.Release.Refused != "") != (refused && c.Cord == "product/7") || c.Release.Refused != "" && !strings.Contains(board.body, c.Release.Refused) {
				t.Fatalf("%s is told of %s that its release is %+v", who, c.Cord, c.Release)
			}
			if ack := c.Release.Criteria[0]; ack.Met != (c.Cord == "product/7") {
				t.Errorf("of %s: %+v", c.Cord, ack)
			}
			for _, criterion := range c.Release.Criteria {
				shown++
				if !strings.Contains(board.body, criterion.Text) || strings.Contains(criterion.Text, "quiet") == criterion.From.IsZero() {
					t.Errorf("the board of %s does not say %q, from %s", who, criterion.Text, criterion.From)
				}
			}
		}
		if shown != 7 { // four of a red cord, three of a yellow one
			t.Errorf("%d criteria are told", shown)
		}
	}
}
