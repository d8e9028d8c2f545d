package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/problem"
)

// saying is one person's word in a matrix: 200 it is done, otherwise what the
// refusal says.
type saying struct{ who, want string }

const (
	done      = ""
	nobodyApp = "only an approver may answer a held remedy"
	ownAsk    = "who asked for a remedy may not approve it; another person must"
	ownRule   = "who activated the rule may not approve its remedies"
	twice     = "the same person approved it before; another one is needed"
)

// hears checks an answer: that it is done, or that the refusal gives this reason, is of
// its kind and is sealed.
func (h *house) hears(got reply, command string, s saying) {
	h.t.Helper()
	if s.want == done {
		if got.status != http.StatusOK {
			h.t.Errorf("%s by %s: %d %s, want it done", command, s.who, got.status, got.body)
		}
		return
	}
	status, kind := http.StatusConflict, "refused"
	switch {
	case strings.HasPrefix(s.want, "only "):
		status, kind = http.StatusForbidden, "forbidden"
	case strings.HasPrefix(s.want, "who "), s.want == twice:
		status, kind = http.StatusForbidden, "another-person"
	}
	if got.status != status || !strings.Contains(got.body, problem.Prefix+kind+`"`) || !strings.HasPrefix(got.reason(), s.want) {
		h.t.Errorf("%s by %s: %d %s, want %d %s that says %q", command, s.who, got.status, got.body, status, kind, s.want)
		return
	}
	h.sealed(command, s.who, got.reason())
}

// requested has a refund asked for by somebody, which is held.
func (h *house) requested(who, payment string) string {
	h.t.Helper()
	a := h.post(who, "/v1/refunds", fmt.Sprintf(`{"payment":%q,"amount":"5.00 USD","customer":"c-1","reason":"late"}`, payment)).answer(h.t)
	if a.Status != "held" {
		h.t.Fatalf("a request by %s is %+v, want it held", who, a)
	}
	return a.Remedy.String()
}

// TestFourEyesApprove holds who may approve and deny whose remedy.
func TestFourEyesApprove(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"all": "agent author approver auditor operator", "boss": "admin"})
	h.activate("boss", strings.Replace(houseRules, "It came late", "It came too late", 1), "all")
	cases := []struct {
		name string
		id   string
		says []saying
	}{
		{"an agent's request", h.requested("ann", "pi_1"), []saying{
			{"ann", nobodyApp}, {"abe", nobodyApp}, {"oli", nobodyApp}, {"wes", nobodyApp}, {"odo", nobodyApp}, {"pat", done}}},
		{"a request by who has every role", h.requested("all", "pi_2"), []saying{{"all", ownAsk}, {"ann", nobodyApp}, {"amy", done}}},
		{"an approver's request", h.requested("pat", "pi_3"), []saying{{"pat", ownAsk}, {"pia", done}}},
		{"an administrator's request", h.requested("admin", "pi_4"), []saying{{"admin", ownAsk}, {"amy", done}}},
		{"an operator's request", h.requested("oli", "pi_5"), []saying{{"oli", nobodyApp}, {"ola", nobodyApp}, {"admin", done}}},
		{"what the rules hold", h.held("11", "50.00 USD"), []saying{{"boss", ownRule}, {"pat", done}}},
		{"what is ten times above", h.held("12", "500.00 USD"), []saying{
			{"boss", ownRule}, {"pat", done}, {"pat", twice}, {"boss", ownRule}, {"oli", nobodyApp}, {"pia", done}}},
	}
	for _, c := range cases {
		for _, s := range c.says {
			h.hears(h.post(s.who, "/v1/remedies/"+c.id+"/approve", ""), "approve", s)
		}
		h.becomes(c.id, "done")
	}
	own := h.requested("pat", "pi_20")
	for _, s := range []saying{{"ann", nobodyApp}, {"oli", nobodyApp}, {"pat", done}, {"pia", "no open remedy has this id"}} {
		h.hears(h.post(s.who, "/v1/remedies/"+own+"/deny", `{"reason":"no"}`), "deny", s)
	}
	h.becomes(own, "denied")
	if got := h.provider.Summary(); got.Refunds != len(cases) || got.Totals["USD"] != 5*500+5000+50000 {
		t.Errorf("the provider paid %+v", got)
	}
	h.verify()
}

// activate puts rules in force in somebody's name, which another one approves.
func (h *house) activate(who, text, approver string) {
	h.t.Helper()
	a := h.post(who, "/v1/rules/activate", h.activation(text)).answer(h.t)
	if a.Status != "proposed" {
		h.t.Fatalf("the rules are %+v, want them proposed", a)
	}
	h.post(approver, "/v1/rules/approve", fmt.Sprintf(`{"digest":%q}`, a.Digest)).answer(h.t)
}

// activation is the body that replaces the rules in force.
func (h *house) activation(text string) string {
	h.t.Helper()
	return fmt.Sprintf(`{"files":[{"path":"house.yaml","text":%q}],"parent":%q}`, text, h.rules().Digest)
}

func (h *house) rules() (r api.Rules) {
	h.t.Helper()
	h.ask("admin", "GET", "/v1/rules", "").into(h.t, &r)
	return r
}

// TestFourEyesLocal holds that the owner of the machine, who needs no token, is
// one person as everybody else.
func TestFourEyesLocal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.Token, c.AdminToken = "", "" })
	h.secrets["local"] = ""
	h.hire(map[string]string{"pat": "approver operator"})
	id := h.requested("local", "pi_1")
	h.hears(h.post("local", "/v1/remedies/"+id+"/approve", ""), "approve", saying{"local", ownAsk})
	h.hears(h.post("pat", "/v1/remedies/"+id+"/approve", ""), "approve", saying{"pat", done})
	h.hears(h.post("local", "/v1/pause", `{"target":"money"}`), "pause", saying{"local", done})
	h.hears(h.post("local", "/v1/resume", `{"target":"money"}`), "resume", saying{"local", "who paused it may not resume it"})
	h.hears(h.post("pat", "/v1/resume", `{"target":"money"}`), "resume", saying{"pat", done})
}

// TestFourEyesStops holds who may let go on what whom has stopped.
func TestFourEyesStops(t *testing.T) {
	t.Parallel()
	const (
		signedIn  = "only a person who is signed in"
		operators = "only an operator may release it"
		pausing   = "only an operator or an approver may stop money"
		ownPull   = "who pulled a red cord may not release it"
		ownPause  = "who paused it may not resume it"
		noRed     = "only an operator may pull it red"
	)
	h := newHouse(t, nil)
	h.hireAll()
	pull := func(cord, level string) string {
		return fmt.Sprintf(`{"cord":%q,"level":%q,"reason":"look"}`, cord, level)
	}
	release := func(cord string) string { return fmt.Sprintf(`{"cord":%q,"cause":"c","fix":"f"}`, cord) }
	for _, step := range []struct {
		command, body string
		says          []saying
	}{
		{"pull", pull("product/1", "red"), []saying{{"odo", noRed}, {"pat", noRed}, {"wes", noRed}, {"ann", done}}},
		{"release", release("product/1"), []saying{{"odo", operators}, {"pat", operators}, {"ann", ownPull}, {"abe", done}, {"ola", "the cord is not pulled"}}},
		{"pull", pull("catalog", "red"), []saying{{"ann", noRed}, {"oli", done}}},
		{"release", release("catalog"), []saying{{"ann", operators}, {"oli", ownPull}, {"ola", done}}},
		{"pull", pull("product/2", "yellow"), []saying{{"odo", done}}},
		{"pull", pull("product/2", "red"), []saying{{"oli", done}}}, // who raises it stops it
		{"release", release("product/2"), []saying{{"oli", ownPull}, {"odo", operators}, {"admin", done}}},
		{"pull", pull("product/3", "yellow"), []saying{{"ann", done}}},
		{"pull", pull("product/3", "red"), []saying{{"oli", done}}},
		{"release", release("product/3"), []saying{{"ann", ownPull}, {"ola", done}}},
		{"pull", pull("product/4", "yellow"), []saying{{"ann", done}}},
		{"acknowledge", `{"cord":"product/4"}`, []saying{{"ann", done}, {"abe", "ann acknowledged it"}}},
		{"release", `{"cord":"product/4","cause":"c"}`, []saying{{"ann", "say the cause and the fix"}}},
		{"release", release("product/4"), []saying{{"ann", done}}}, // a call is answered by anybody
		{"pull", pull("product/5", "red"), []saying{{"admin", done}}},
		{"release", release("product/5"), []saying{{"admin", ownPull}, {"amy", done}}},
	} {
		for _, s := range step.says {
			h.hears(h.post(s.who, "/v1/andon/"+step.command, step.body), step.command, s)
		}
	}
	for i, says := range [][]saying{
		{{"oli", ownPause}, {"ann", pausing}, {"wes", pausing}, {"odo", pausing}, {"pat", done}},
		{{"oli", ownPause}, {"admin", done}, {"ola", `"rule:r1" is not paused`}},
	} {
		target := fmt.Sprintf(`{"target":"rule:r%d"}`, i)
		h.hears(h.post("oli", "/v1/pause", target), "pause", saying{"oli", done})
		for _, s := range says {
			h.hears(h.post(s.who, "/v1/resume", target), "resume", s)
		}
	}
	// Whoever joins a pause has paused it too.
	for _, who := range []string{"oli", "pat"} {
		h.hears(h.post(who, "/v1/pause", `{"target":"money"}`), "pause", saying{who, done})
	}
	for _, s := range []saying{{"oli", ownPause}, {"pat", ownPause}, {"ola", done}} {
		h.hears(h.post(s.who, "/v1/resume", `{"target":"money"}`), "resume", s)
	}
	if r := h.ask("odo", "GET", "/v1/brakes", ""); r.body != "{\"brakes\":[]}\n" {
		t.Errorf("still stopped: %s", r.body)
	}
}

// TestFourEyesRules holds who may answer whose proposed rules.
func TestFourEyesRules(t *testing.T) {
	t.Parallel()
	const noAuthor, noApprover, own = "only an author may activate rules", "only an approver may answer a proposed rule set", "who proposed rules may not approve them"
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"max": "author approver"})
	body := h.activation(strings.Replace(houseRules, "5.00", "6.00", 1))
	for _, who := range []string{"ann", "pat", "oli", "odo"} {
		h.hears(h.post(who, "/v1/rules/activate", body), "activate", saying{who, noAuthor})
	}
	proposed := h.post("max", "/v1/rules/activate", body).answer(t)
	answer := fmt.Sprintf(`{"digest":%q}`, proposed.Digest)
	for _, s := range []saying{{"max", own}, {"wes", noApprover}, {"ann", noApprover}, {"oli", noApprover}, {"pat", done}, {"pia", "no rule set with this digest waits"}} {
		h.hears(h.post(s.who, "/v1/rules/approve", answer), "activate", s)
	}
	if h.rules().Digest != proposed.Digest || h.rules().Author != "max" {
		t.Errorf("in force are %s by %s", h.rules().Digest, h.rules().Author)
	}
	// Who wrote them may take them back.
	again := h.post("max", "/v1/rules/activate", h.activation(houseRules)).answer(t)
	h.hears(h.post("max", "/v1/rules/deny", fmt.Sprintf(`{"digest":%q}`, again.Digest)), "activate", saying{"max", done})
	if p := h.rules().Proposal; p != nil {
		t.Errorf("%+v still waits", p)
	}
}

// TestFourEyesAgain holds who may have what tried again and undone.
func TestFourEyesAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	given := h.credited("c-1", "1")
	const asks = "only an agent, an operator or an approver may ask for a reversal"
	path := "/v1/remedies/" + given + "/"
	for _, s := range []saying{{"wes", asks}, {"odo", asks}, {"ann", "say why"}} {
		h.hears(h.post(s.who, path+"reverse", ""), "reverse", s)
	}
	undo := h.post("pat", path+"reverse", `{"reason":"wrong customer"}`).answer(t)
	for _, s := range []saying{{"pat", ownAsk}, {"ann", nobodyApp}, {"oli", nobodyApp}, {"pia", done}} {
		h.hears(h.post(s.who, "/v1/remedies/"+undo.Remedy.String()+"/approve", ""), "approve", s)
	}
	const retries = "only an operator or an approver may have a remedy tried again"
	for _, s := range []saying{{"ann", retries}, {"wes", retries}, {"odo", retries}, {"oli", "nothing of this remedy can be tried again"}} {
		h.hears(h.post(s.who, path+"retry", ""), "retry", s)
	}
	// What people turned down, nobody has tried again by themselves, though its
	// limits would let it pass by now.
	h.post("oli", "/v1/pause", `{"target":"rule:late"}`).answer(t)
	denied := h.held("1", "5.00 USD")
	h.post("pat", "/v1/remedies/"+denied+"/deny", "").answer(t)
	h.post("ola", "/v1/resume", `{"target":"rule:late"}`).answer(t)
	h.hears(h.post("oli", "/v1/remedies/"+denied+"/retry", ""), "retry", saying{"oli", "nothing of this remedy can be tried again"})
	if n := h.provider.Summary().Refunds; n != 0 {
		t.Errorf("%d refunds were made of what was turned down", n)
	}
	h.verify()
}

// credited has credit given to a customer, and returns the remedy.
func (h *house) credited(customer, order string) string {
	h.t.Helper()
	h.emit("parcel.broken", customer, fmt.Sprintf(`{"order":%q}`, order))
	var id string
	h.until("credited", func() bool {
		for _, r := range h.remedies("status=done&rule=broken&customer=" + customer) {
			id = r.Remedy.Remedy.String()
		}
		return id != ""
	})
	return id
}

// TestForged holds that nobody gives a command in another way than in their own
// name: by events, by what a body says, with a token of somebody else.
func TestForged(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	id := h.requested("ann", "pi_1")
	for _, kind := range []string{"makegood.refund.requested", "makegood.command", "makegood.remedy", "makegood.approve", "MAKEGOOD.refund.requested", "makegood."} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"makegood/people","type":%q,"customer":"c-1","data":{"request":"7","payment":"pi_7","amount":"5.00 USD","by":"pat"}}`, kind)
		if r := h.post("eve", "/v1/events", event, "Content-Type", "application/cloudevents+json"); r.status != http.StatusBadRequest && !strings.HasPrefix(kind, "MAKE") {
			t.Errorf("an event of type %s: %d %s", kind, r.status, r.body)
		}
	}
	command := fmt.Sprintf(`{"command":"approve","by":"pat","roles":["approver"],"remedy":%q}`, id)
	for _, body := range []string{command, "[" + command + "]", `{"specversion":"1.0","id":"2","source":"/x","type":"approve","data":` + command + `}`} {
		for _, kind := range []string{"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"} {
			h.post("eve", "/v1/events", body, "Content-Type", kind)
		}
	}
	for _, c := range []struct{ who, path, body string }{
		{"ann", "/approve", `{"by":"pat"}`}, {"ann", "/approve", `{"roles":["approver"]}`}, {"pat", "/deny", `{"remedy":"` + uuid.NewString() + `"}`},
		{"ann", "/approve", `{"command":"deny"}`},
	} {
		if r := h.post(c.who, "/v1/remedies/"+id+c.path, c.body); r.status != http.StatusBadRequest {
			t.Errorf("%s with %s: %d %s", c.path, c.body, r.status, r.body)
		}
	}
	// Headers of others do not say who it is.
	for _, header := range []string{"X-Forwarded-User", "X-Remote-User", "X-Makegood-By"} {
		h.hears(h.post("ann", "/v1/remedies/"+id+"/approve", "", header, "pat"), "approve", saying{"ann", nobodyApp})
	}
	// Who emits may choose the ids of inputs, and takes no command's place.
	for _, key := range []string{"command/pat/k1", "command/admin/k1"} {
		h.post("eve", "/v1/events", `{"specversion":"1.0","id":"3","source":"/x","type":"parcel.fine"}`,
			"Content-Type", "application/cloudevents+json", "Idempotency-Key", key)
	}
	if got := h.remedy(id).Status; got != "held" {
		t.Fatalf("it is %s by what was forged", got)
	}
	// Nor does anybody else who takes their key.
	h.hears(h.post("ann", "/v1/remedies/"+id+"/approve", "", "Idempotency-Key", "k1"), "approve", saying{"ann", nobodyApp})
	h.post("pat", "/v1/remedies/"+id+"/approve", "", "Idempotency-Key", "k1").answer(t)
	h.becomes(id, "done")
	if by := facts[struct{ By string }](h, "approval"); !slices.Equal(by, []struct{ By string }{{"pat"}}) {
		t.Errorf("sealed are approvals by %v", by)
	}
	if n := len(h.remedies("")); n != 1 {
		t.Errorf("%d remedies, want the one", n)
	}
}

// TestFourEyesAuthors holds that who wrote a rule may not approve what it holds, though
// somebody has put another rule in force since; and that this one may.
func TestFourEyesAuthors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"max": "author approver", "may": "author approver"})
	late := strings.Replace(houseRules, "It came late", "It came too late", 1)
	h.activate("max", late, "pat")
	lost := strings.NewReplacer("rule: broken", "rule: lost", "parcel.broken", "parcel.lost", "mode: live", "mode: shadow")
	more := late + lost.Replace(houseRules[strings.Index(houseRules, "  - rule: broken"):])
	h.post("may", "/v1/rules/activate", h.activation(more)).answer(t)
	h.stop()
	h.config.Rules = nil // those in force stay
	h.start()
	id := h.held("1", "500.00 USD")
	for _, s := range []saying{{"max", ownRule}, {"may", done}, {"max", ownRule}, {"pat", done}} {
		h.hears(h.post(s.who, "/v1/remedies/"+id+"/approve", ""), "approve", s)
	}
	h.becomes(id, "done")
}
