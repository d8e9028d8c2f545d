package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// thing is what a command is about: how somebody makes one of their own, and what they
// may not do to it.
type thing struct {
	// make has somebody make one, and returns the path and the body of the command about
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
		return "/v1/remedies/" + a.Remedy.String() + "/" + command, `{"reason":"seen"}`, ok
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

// things are what commands are about that somebody made.
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
	"POST /v1/tokens/{token}/revoke": {make: func(h *house, who string, n int) (string, string, bool) {
		var made struct{ ID string }
		r := h.post(who, "/v1/tokens", fmt.Sprintf(`{"name":"t-%d","roles":["agent"]}`, n))
		if r.status == http.StatusOK {
			r.into(h.t, &made)
		}
		return "/v1/tokens/" + made.ID + "/revoke", "", r.status == http.StatusOK
	}},
}

// nobodys are commands about nothing that somebody made: they make something, or are
// about what rules made, customers, or what takes a longer story, which tests of its own
// tell: bulks, COEs and differences.
var nobodys = []string{
	"POST /v1/refunds", "POST /v1/andon/pull", "POST /v1/pause", "POST /v1/tokens", "POST /v1/reconciliations", "POST /v1/coes", "POST /v1/rules/activate", "POST /v1/rules/{rule}/apply",
	"POST /v1/remedies/{remedy}/retry", "POST /v1/remedies/{remedy}/reverse", "POST /v1/customers/{customer}/erase", "POST /v1/customers/{customer}/hold",
	"POST /v1/bulks/{bulk}/approve", "POST /v1/bulks/{bulk}/deny",
	"POST /v1/coes/{coe}/revisions", "POST /v1/coes/{coe}/review", "POST /v1/coes/{coe}/publish", "POST /v1/coes/{coe}/close",
	"POST /v1/reconciliations/differences/{difference}/close",
	"POST /v1/integrity/verify", "POST /v1/webhooks/{endpoint}/enable", "POST /v1/webhooks/{endpoint}/test", "POST /v1/clock/confirm", "POST /v1/sign-in-links",
	"POST /v1/credits/{customer}/redeem", "POST /v1/events", "POST /v1/coes/check", "POST /v1/rules/explain", "POST /v1/rules/backtest",
}

// TestOwnAndOthers gives every command of the description in the name of every role,
// about something of their own and about another's: who has not the role is refused
// either, and where two must agree nobody is both.
func TestOwnAndOthers(t *testing.T) {
	t.Parallel()
	_, operations := described(t)
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"all": "agent author approver auditor operator"})
	roles := map[string]string{"eve": decide.RoleEmitter, "ann": decide.RoleAgent, "wes": decide.RoleAuthor, "pat": decide.RoleApprover, "odo": decide.RoleAuditor, "oli": decide.RoleOperator, "amy": decide.RoleAdmin}
	n, own := 0, 0
	for route, operation := range operations {
		about, has := things[route]
		if _, public := operation["security"]; !strings.HasPrefix(route, "POST ") || public {
			continue
		}
		if !has {
			if !slices.Contains(nobodys, route) {
				t.Errorf("%s: say in things what it is about, or that it is nobody's", route)
			}
			continue
		}
		wanted, _ := operation["x-roles"].([]any)
		for who, role := range roles {
			for _, maker := range []string{who, "all", "admin"} {
				n++
				path, body, ok := about.make(h, maker, n)
				if !ok {
					continue // they make none of their own
				}
				want := http.StatusOK
				switch may := role == decide.RoleAdmin || slices.Contains(wanted, any(role)); {
				case !may:
					want = http.StatusForbidden
				case slices.Contains(about.barred, role), about.foreign && maker == who:
					want = http.StatusConflict
				}
				if maker == who {
					own++
				}
				if got := h.post(who, path, body); got.status != want {
					t.Errorf("%s of %s by an %s is answered %d %s, want %d", route, maker, role, got.status, got.body, want)
				}
			}
		}
	}
	if n < 100 || own < 15 {
		t.Errorf("only %d were tried, %d of their own", n, own)
	}
}
