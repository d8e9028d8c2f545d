package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// thing is what a command or a read is about: how somebody makes one of their own, and
// what they may not do to it.
type thing struct {
	// make has somebody make one, and returns the path and the body of what is asked about
	// it. The number tells it apart; it is not ok when they may not make one.
	make func(h *house, who string, n int) (path, body string, ok bool)
	// foreign: only another person than who made it may.
	foreign bool
	// barred are the roles of x-roles that may not do it to this one all the same.
	barred []string
}

// tries gives a command and reports whether it was done, and what it came to.
func (h *house) tries(who, path, body string) (a decide.Answer, ok bool) {
	h.t.Helper()
	r := h.post(who, path, body)
	if r.status == http.StatusOK {
		a = r.answer(h.t)
	}
	return a, r.status == http.StatusOK
}

// ofRequest has a refund asked for, and a command be about it.
func ofRequest(command string) func(h *house, who string, n int) (string, string, bool) {
	return func(h *house, who string, n int) (string, string, bool) {
		a, ok := h.tries(who, "/v1/refunds", fmt.Sprintf(`{"payment":"pi_%s_%d","amount":"5.00 USD","customer":"c-1","reason":"late"}`, command, n))
		return strings.TrimSuffix("/v1/remedies/"+a.Remedy.String()+"/"+command, "/"), `{"reason":"seen"}`, ok
	}
}

// ofProposal has rules proposed, and a command be about them.
func ofProposal(command string) func(h *house, who string, n int) (string, string, bool) {
	return func(h *house, who string, n int) (string, string, bool) {
		a, ok := h.tries(who, "/v1/rules/activate", h.activation(strings.Replace(houseRules, "5.00 USD", fmt.Sprintf("%d.%02d USD", 5+n/100, n%100), 1)))
		return "/v1/rules/" + command, fmt.Sprintf(`{"digest":%q}`, a.Digest), ok
	}
}

// ofPull has a cord pulled, and a command be about it.
func ofPull(command, level string) func(h *house, who string, n int) (string, string, bool) {
	return func(h *house, who string, n int) (string, string, bool) {
		cord := fmt.Sprintf("%s/%d", command, n)
		_, ok := h.tries(who, "/v1/andon/pull", fmt.Sprintf(`{"cord":%q,"level":%q,"reason":"look"}`, cord, level))
		return "/v1/andon/" + command, fmt.Sprintf(`{"cord":%q,"cause":"glue","fix":"called back"}`, cord), ok
	}
}

// perRoute is how many things one route is tried with.
const perRoute = 21

// ofBulk has a rule applied to one of the orders that came before it, of which those from
// first on are this route's, and something be asked about the bulk.
func ofBulk(ask string, first int) func(h *house, who string, n int) (string, string, bool) {
	return func(h *house, who string, n int) (string, string, bool) {
		a, ok := h.tries(who, applyLate, h.applyBody(fmt.Sprintf(`,"customers":["c-%d"]`, first+n%perRoute)))
		if !ok {
			return "", "", false
		}
		return "/v1/bulks/" + a.Bulk.Bulk.String() + ask, `{"reason":"seen"}`, true
	}
}

// unwritten are the places that a draft leaves to people.
var unwritten = regexp.MustCompile(`To write: [^\n]*|(\*\*[a-z ]+\*\*): …|\| … \| ([a-z]+) \| \| \| \| \| \|`)

// ofCOE has a COE opened about a cord, taken as far as the revision that is asked about,
// and something be asked about it.
func ofCOE(ask string, revision int) func(h *house, who string, n int) (string, string, bool) {
	return func(h *house, who string, n int) (string, string, bool) {
		cord := fmt.Sprintf("coe/%d", n)
		if _, ok := h.tries(who, "/v1/andon/pull", fmt.Sprintf(`{"cord":%q,"level":"yellow","reason":"look"}`, cord)); !ok {
			return "", "", false
		}
		h.post("admin", "/v1/andon/release", fmt.Sprintf(`{"cord":%q,"cause":"glue","fix":"new glue"}`, cord)).answer(h.t)
		a := h.post(who, "/v1/coes", fmt.Sprintf(`{"cord":%q,"title":"It broke"}`, cord)).answer(h.t)
		path := "/v1/coes/" + a.COE.String()
		if revision > 1 { // written, and waiting for another person
			var draft api.COE
			h.ask(who, "GET", path, "").into(h.t, &draft)
			text, err := json.Marshal(unwritten.ReplaceAllStringFunc(draft.Document.Text, func(place string) string {
				switch parts := unwritten.FindStringSubmatch(place); {
				case parts[1] != "":
					return parts[1] + ": the glue is old; accepted because the next one holds."
				case parts[2] != "":
					return "| Buy glue | " + parts[2] + " | oli | 2099-12-24 | high | it holds | 1 |"
				}
				return "None, confirmed by oli."
			}))
			if err != nil {
				h.t.Fatal(err)
			}
			h.post(who, path+"/revisions", fmt.Sprintf(`{"revision":1,"text":%s,"reason":"written"}`, text)).answer(h.t)
			h.post(who, path+"/review", `{"revision":2}`).answer(h.t)
		}
		body := fmt.Sprintf(`{"revision":%d,"reason":"seen"}`, revision)
		if ask == "/revisions" {
			body = `{"revision":1,"reason":"seen","text":"# It broke"}`
		}
		return path + ask, body, true
	}
}

// ofDifference has a refund made by hand and the ledger compared with the provider, which
// opens a difference.
func ofDifference(h *house, who string, n int) (string, string, bool) {
	h.byHand(fmt.Sprintf("pi_by_hand_%d", n), "100")
	now := time.Now()
	_, ok := h.tries(who, "/v1/reconciliations", fmt.Sprintf(`{"from":%q,"to":%q}`, now.Add(-24*time.Hour).Format(time.RFC3339), now.Add(24*time.Hour).Format(time.RFC3339)))
	if !ok {
		return "", "", false
	}
	open, _ := h.differences("open")
	for _, d := range slices.Backward(open.Differences) {
		if d.Class == decide.ClassUnknown {
			return "/v1/reconciliations/differences/" + d.ID.String() + "/close", `{"reason":"a gift"}`, true
		}
	}
	h.t.Fatalf("the comparison of %s opened %+v", who, open.Differences)
	return "", "", false
}

// ofSession has somebody sign in with a browser, and their session be ended.
func ofSession(h *house, who string, _ int) (string, string, bool) {
	h.t.Helper()
	res := h.signIn(who)
	if res.StatusCode != http.StatusSeeOther {
		return "", "", false // a program that emits events
	}
	return "/v1/sessions/" + sessionOf(h.t, res) + "/end", "", true
}

// things are what is asked about that somebody made.
var things = map[string]thing{
	"POST /v1/remedies/{remedy}/approve": {make: ofRequest("approve"), foreign: true},
	"POST /v1/remedies/{remedy}/deny":    {make: ofRequest("deny")},
	"POST /v1/rules/approve":             {make: ofProposal("approve"), foreign: true},
	"POST /v1/rules/deny":                {make: ofProposal("deny")},
	"POST /v1/andon/acknowledge":         {make: ofPull("acknowledge", "yellow")},
	"POST /v1/andon/release": {make: ofPull("release", "red"), foreign: true,
		barred: []string{decide.RoleAuthor, decide.RoleApprover, decide.RoleAuditor}},
	"POST /v1/resume": {foreign: true, make: func(h *house, who string, n int) (string, string, bool) {
		target := fmt.Sprintf(`{"target":"rule:r-%d"}`, n)
		_, ok := h.tries(who, "/v1/pause", target)
		return "/v1/resume", target, ok
	}},
	"POST /v1/customers/{customer}/unhold": {make: func(h *house, who string, n int) (string, string, bool) {
		_, ok := h.tries(who, fmt.Sprintf("/v1/customers/h-%d/hold", n), `{"reason":"a claim"}`)
		return fmt.Sprintf("/v1/customers/h-%d/unhold", n), `{"reason":"settled"}`, ok
	}},
	"POST /v1/bulks/{bulk}/approve":                           {make: ofBulk("/approve", 0), foreign: true},
	"POST /v1/bulks/{bulk}/deny":                              {make: ofBulk("/deny", perRoute)},
	"GET /v1/bulks/{bulk}":                                    {make: ofBulk("", 2*perRoute)},
	"POST /v1/sessions/{session}/end":                         {make: ofSession},
	"POST /v1/coes/{coe}/revisions":                           {make: ofCOE("/revisions", 1)},
	"POST /v1/coes/{coe}/review":                              {make: ofCOE("/review", 1)},
	"POST /v1/coes/{coe}/publish":                             {make: ofCOE("/publish", 2), foreign: true},
	"POST /v1/coes/{coe}/close":                               {make: ofCOE("/close", 1)},
	"GET /v1/coes/{coe}":                                      {make: ofCOE("", 1)},
	"GET /v1/coes/{coe}/diff":                                 {make: ofCOE("/diff", 1)},
	"GET /v1/coes/{coe}/page":                                 {make: ofCOE("/page", 1)},
	"GET /v1/coes/{coe}/bundle":                               {make: ofCOE("/bundle", 1)},
	"POST /v1/reconciliations/differences/{difference}/close": {make: ofDifference, foreign: true},
	"GET /v1/remedies/{remedy}":                               {make: ofRequest("")},
	"GET /v1/remedies/{remedy}/evidence":                      {make: ofRequest("evidence")},
	"GET /v1/remedies/{remedy}/verification":                  {make: ofRequest("verification")},
	"GET /v1/remedies/{remedy}/receipt":                       {make: ofRequest("receipt")},
	"POST /v1/tokens/{token}/revoke": {make: func(h *house, who string, n int) (string, string, bool) {
		var made struct{ ID string }
		r := h.post(who, "/v1/tokens", fmt.Sprintf(`{"name":"t-%d","roles":["agent"]}`, n))
		if r.status == http.StatusOK {
			r.into(h.t, &made)
		}
		return "/v1/tokens/" + made.ID + "/revoke", "", r.status == http.StatusOK
	}},
}

// nobodys are commands and reads about nothing that somebody made: they make something,
// or are about what rules made, customers and the ledger as a whole.
var nobodys = []string{
	"POST /v1/refunds", "POST /v1/andon/pull", "POST /v1/pause", "POST /v1/tokens", "POST /v1/reconciliations", "POST /v1/coes", "POST /v1/rules/activate", "POST /v1/rules/{rule}/apply",
	"POST /v1/remedies/{remedy}/retry", "POST /v1/remedies/{remedy}/reverse", "POST /v1/customers/{customer}/erase", "POST /v1/customers/{customer}/hold",
	"GET /v1/remedies/{remedy}/explanation", "GET /v1/facts/{sequence}", "GET /tile/entries/{bundle}", "GET /v1/credits/{customer}",
	"GET /v1/rules/{rule}", "GET /v1/rules/{rule}/near-misses", "GET /v1/rule-sets/{set}",
	"POST /v1/integrity/verify", "POST /v1/webhooks/{endpoint}/enable", "POST /v1/webhooks/{endpoint}/test", "POST /v1/clock/confirm", "POST /v1/sign-in-links",
	"POST /v1/credits/{customer}/redeem", "POST /v1/events", "POST /v1/coes/check", "POST /v1/rules/explain", "POST /v1/rules/backtest",
}
