package web_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
)

// trial is a second rule of the same file, in shadow.
const trial = `  - rule: trial
    owner: shop
    why: To see what it would cost.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    account: "1"
    mode: shadow
`

// TestRulesPage holds that a rule's page has its own text alone, what it paid, and
// live beside shadow.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.Rules = []rule.File{{Path: "house.yaml", Text: houseRules + trial}} })
	h.late("1", "c-1", "2.99 USD")
	h.late("2", "c-2", "20.00 USD")
	admin := h.bearer("admin")
	var rules api.Rules
	admin.get("/v1/rules").into(t, &rules)
	if len(rules.Rules) != 2 || rules.Rules[0].Author != rules.Author || rules.Author == "" {
		t.Errorf("the API says %+v", rules.Rules)
	}
	all := admin.shown("/rules")
	for _, text := range []string{`href="/rules/late"`, `href="/rules/trial"`, rules.Digest[:12], "not live"} {
		if !strings.Contains(all.body, text) {
			t.Errorf("the page of rules does not show %s", text)
		}
	}
	late, shadow := admin.shown("/rules/late"), admin.shown("/rules/trial")
	for _, text := range []string{"It came late.", "approve_above: 10.00 USD", "2.99 USD", "<dt>Paid today</dt>"} {
		if !strings.Contains(late.body, text) {
			t.Errorf("the page of the rule does not show %s", text)
		}
	}
	if strings.Contains(late.body, "rule: trial") || !strings.Contains(shadow.body, "rule: trial") || strings.Contains(shadow.body, "rule: late") {
		t.Error("a page has another rule's text")
	}
	if cells := strings.Join(late.cells(t, "td"), "|"); !strings.HasPrefix(cells, "1|1|0|") || !strings.HasSuffix(cells, "|0|0|0|never") {
		t.Errorf("the rule did %s", cells)
	}
	if cells := strings.Join(shadow.cells(t, "td"), "|"); !strings.HasPrefix(cells, "0|0|0|never|1|1|0|") {
		t.Errorf("the rule in shadow would have done %s", cells)
	}
	if p := admin.get("/rules/none"); p.status != http.StatusNotFound {
		t.Errorf("a rule that there is not is answered %d", p.status)
	}
}

// TestTestsOfARule holds that a rule's page shows the tests beside it as they come to
// against the rules in force, whatever was written into them, and the API the same.
func TestTestsOfARule(t *testing.T) {
	t.Parallel()
	const event = `{event: {type: parcel.late, customer: c-1, data: {order: "1", payment: pi, amount: 1.00 USD}}}`
	tests := func(name string) rule.File {
		return rule.File{Path: "house_test.yaml", Text: "tests:\n" +
			"  - name: pays\n    send: [" + event + "]\n    expect: [{rule: late}]\n" +
			"  - name: " + strconv.Quote(name) + "\n    send: [" + event + "]\n    expect: []\n"}
	}
	var mu sync.Mutex
	file, unreadable := tests("pays nothing"), error(nil)
	h := newHouse(t, func(c *remediator.Config) {
		c.RuleTests = func() ([]rule.File, error) {
			mu.Lock()
			defer mu.Unlock()
			return []rule.File{file}, unreadable
		}
	})
	admin := h.bearer("admin")
	p := admin.shown("/rules/late")
	if cells := strings.Join(p.cells(t, "td"), "|"); !strings.Contains(cells, "house_test.yaml, line 2|passed|") || !strings.Contains(cells, "|failed") {
		t.Errorf("the page shows %s", cells)
	}
	var state api.RuleState
	admin.get("/v1/rules/late").into(t, &state)
	if state.Tests == nil || len(state.Tests.Tests) != 2 || !state.Tests.Tests[0].Passed || state.Tests.Tests[1].Passed || len(state.Tests.Conditions) != 1 {
		t.Errorf("the API says %+v", state.Tests)
	}
	mu.Lock()
	file = tests("<b>\u202e" + strings.Repeat("x", 10_000))
	mu.Unlock()
	if p = admin.shown("/rules/late"); !strings.Contains(p.body, "&lt;b&gt;") || strings.ContainsRune(p.body, '\u202e') || len(p.body) > 50_000 {
		t.Errorf("a long and hostile name makes a page of %d bytes: %s", len(p.body), p.body)
	}
	mu.Lock()
	unreadable = errors.New("open rules: gone")
	mu.Unlock()
	if p = admin.shown("/rules/late"); !strings.Contains(p.body, "They cannot be read: <bdi>open rules: gone") {
		t.Errorf("without its folder the page is %s", p.body)
	}
}

// unansweredRule stops a shop that does not answer.
const unansweredRule = `  - rule: unanswered
    owner: shop
    event: parcel.asked
    unless: {event: parcel.answered, by: event.customer, within: 2d}
    do: [{andon: {pull: shop/answers, level: yellow, reason: Nobody answered}}]
`

// TestNearMisses holds that an author sees which events a rule did not fire for by one
// condition alone, how near they came, and an agent does not.
func TestNearMisses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(houseRules, "    once_per", "    if: data.paid > 3 || data.?kind.orValue(\"\") in [\"x\"]\n    once_per", 1) + unansweredRule}}
	})
	h.hire(map[string]string{"ann": "agent", "ada": "author"})
	for id, kind := range []string{"parcel.asked", "parcel.answered"} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"a-%d","source":"/shop","type":%q,"customer":"c-1"}`, id, kind)
		if p := h.bearer("emitter").post("/v1/events", event, "Content-Type", "application/cloudevents+json"); p.status != http.StatusAccepted {
			t.Fatalf("the event is answered %d %s", p.status, p.body)
		}
	}
	for id, paid := range map[string]string{"far": "1", "close": "3", "enough": "4", "typed": `"3"`} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":"parcel.late","customer":"c-1","data":{"order":%[1]q,"payment":"pi","amount":"1.00 USD","paid":%s}}`, id, paid)
		if p := h.bearer("emitter").post("/v1/events", event, "Content-Type", "application/cloudevents+json"); p.status != http.StatusAccepted {
			t.Fatalf("the event is answered %d %s", p.status, p.body)
		}
	}
	h.idle()
	if p := h.bearer("ann").get("/rules/late/near"); p.status != http.StatusForbidden {
		t.Errorf("an agent is answered %d", p.status)
	}
	ada := h.bearer("ada")
	p := ada.shown("/rules/late/near?since=1d")
	cells := strings.Join(p.cells(t, "td"), "|")
	if !strings.HasPrefix(cells, "2|") || !strings.Contains(p.body, "It judged 4 events.") || strings.Index(p.body, "close") > strings.Index(p.body, "far") || strings.Contains(p.body, "enough") {
		t.Errorf("it shows %s", cells)
	}
	if !strings.Contains(p.body, "Of the last, <bdi>typed</bdi> of <bdi>/shop</bdi>: <bdi>data.paid &gt; 3: &gt; does not take (text, number)") || strings.Count(p.body, "typed") != 1 {
		t.Errorf("of what has no value it shows %s", p.body)
	}
	for _, want := range []string{"data.paid = 1, needs > 3, missed by 2 (67 %)", `or data.?kind.orValue("") in ["x"]: `, "data.kind is absent"} {
		if !strings.Contains(cells, want) {
			t.Errorf("%q is not in %s", want, cells)
		}
	}
	p = ada.shown("/rules/unanswered/near?since=1d")
	if cells := strings.Join(p.cells(t, "td"), "|"); !strings.HasPrefix(cells, "1|") || !strings.Contains(cells, "time until parcel.answered = ") || !strings.Contains(cells, "48h0m0s") || !strings.Contains(p.body, "a-0") {
		t.Errorf("of an answer in time it shows %s", cells)
	}
	for at, want := range map[string]int{"/rules/none/near": http.StatusNotFound, "/rules/late/near?since=soon": http.StatusBadRequest} {
		if p := ada.get(at); p.status != want {
			t.Errorf("%s is answered %d, want %d", at, p.status, want)
		}
	}
	if p := ada.shown("/rules/late"); !strings.Contains(p.body, `href="/rules/late/near"`) {
		t.Error("the rule's page does not lead there")
	}
}

// TestWhyNot holds that an author sees why an event makes no remedy, an agent does
// not, that what cannot be read is said, and that hostile texts stay text.
func TestWhyNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: strings.Replace(houseRules, "    once_per", "    if: data.days > 3 && data.?gone.orValue(0) == 0\n    once_per", 1)}}
	})
	h.hire(map[string]string{"ada": "author", "ann": "agent"})
	ada := h.bearer("ada")
	event := func(days string) url.Values {
		return url.Values{"event": {`{"specversion":"1.0","id":"<b>1</b>","source":"/test","type":"parcel.late","data":{"order":"1","payment":"pi_1","amount":"2.99 USD","days":` + days + `}}`}}
	}
	if p := h.bearer("ann").send("/why-not", event("1")); p.status != http.StatusForbidden {
		t.Errorf("an agent is answered %d", p.status)
	}
	for days, wants := range map[string][]string{
		"1":                          {"no remedy", "data.days &gt; 3", "<td>false", "= <bdi>1</bdi>", "<code>data.gone</code> is absent"},
		"5":                          {"makes a remedy", "<td>true"},
		`"<script>x</script>\u202e"`: {"no remedy", "data.days &gt; 3"},
	} {
		p := ada.send("/why-not", event(days))
		checkPage(t, "/why-not", p)
		for _, want := range wants {
			if p.status != http.StatusOK || !strings.Contains(p.body, want) {
				t.Errorf("of %s days the page (%d) does not say %q:\n%s", days, p.status, want, p.body)
			}
		}
		for _, e := range p.nodes(t) {
			if e.name == "b" {
				t.Errorf("of %s days: somebody's text became markup", days)
			}
		}
	}
	large := event(strconv.Quote(strings.Repeat("é", 25_000))) // as much as the field takes
	if p := ada.send("/why-not", large); p.status != http.StatusOK || !strings.Contains(p.body, "no remedy") || len(p.body) > 100_000 {
		t.Errorf("a large event is answered %d, with %d bytes", p.status, len(p.body))
	}
	if p := ada.send("/why-not", url.Values{"event": {"{"}}); p.status != http.StatusOK || !strings.Contains(p.body, "read event") {
		t.Errorf("half an event is answered %d %s", p.status, p.body)
	}
	var list api.Remedies
	if ada.get("/v1/remedies").into(t, &list); len(list.Remedies) != 0 {
		t.Errorf("asking made %+v", list.Remedies)
	}
}

// TestFindingsAreTheAPI holds that the API says of the rules in force what their pages do:
// what lint warns of.
func TestFindingsAreTheAPI(t *testing.T) {
	t.Parallel()
	text := strings.Replace(houseRules, "    once_per: data.order\n", "    if: data.late_min > 60 && data.late_min < 30\n    once_per: data.order\n", 1)
	h := newHouse(t, func(c *remediator.Config) { c.Rules = []rule.File{{Path: "house.yaml", Text: text}} })
	var all api.Rules
	h.bearer("admin").get("/v1/rules").into(t, &all)
	var one api.RuleState
	h.bearer("admin").get("/v1/rules/late").into(t, &one)
	if len(all.Findings) == 0 || len(one.Findings) != len(all.Findings) || one.Findings[0] != all.Findings[0] {
		t.Fatalf("found is %+v, and of the rule %+v", all.Findings, one.Findings)
	}
	page := h.bearer("admin").shown("/rules/late")
	for _, f := range one.Findings {
		if !strings.Contains(page.body, html.EscapeString(f.Message)) {
			t.Errorf("the page does not say %q: %s", f.Message, page.body)
		}
	}
}
