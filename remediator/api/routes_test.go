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
)

// callers are those who ask in TestRoutes, in the order of its columns.
var callers = []string{"nobody", "wrong", "revoked", "expired", "eve", "ann", "wes", "pat", "odo", "oli", "amy", "local"}

// What the callers get. Of commands the fold says it: 200 it was done, 409 it was
// refused for another reason than the role.
const (
	public      = "200 200 200 200 200 200 200 200 200 200 200 200"
	signedIn    = "401 401 401 401 200 200 200 200 200 200 200 200"
	readers     = "401 401 401 401 403 200 200 200 200 200 200 200"
	admins      = "401 401 401 401 403 403 403 403 403 403 200 200"
	emitters    = "401 401 401 401 202 403 403 403 403 403 202 202"
	cords       = "401 401 401 401 403 200 200 200 200 200 200 200"
	refused     = "401 401 401 401 403 409 409 409 409 409 409 409"
	auditors    = "401 401 401 401 403 403 403 403 200 403 200 200"
	erasers     = "401 401 401 401 403 403 403 403 403 200 200 200"
	approvers   = "401 401 401 401 403 403 403 409 403 403 409 409"
	requesters  = "401 401 401 401 403 409 403 409 403 409 409 409"
	pausers     = "401 401 401 401 403 403 403 200 403 200 200 200"
	stoppers    = "401 401 401 401 403 403 403 409 403 409 409 409"
	authors     = "401 401 401 401 403 403 200 403 403 403 200 200"
	explainers  = "401 401 401 401 403 403 404 404 404 404 404 404"
	seers       = "401 401 401 401 403 403 200 200 200 200 200 200"
	appliers    = "401 401 401 401 403 403 422 403 403 422 422 422"
	reconcilers = "401 401 401 401 403 403 403 200 200 200 200 200"
	closers     = "401 401 401 401 403 403 403 409 409 409 409 409"
	notFound    = "401 401 401 401 403 403 403 403 403 404 404 404"
	unread      = "401 401 401 401 403 404 404 404 404 404 404 404"
	unsigned    = "404 404 404 404 404 404 404 404 404 404 404 404"
)

const (
	none  = "6ba7b810-9dad-11d1-80b4-00c04fd430c8" // an id of nothing
	event = `{"specversion":"1.0","id":"1","source":"/test","type":"parcel.fine"}`
)

// routes is what is asked of each route, and what the callers get.
var routes = map[string]struct{ path, body, want string }{
	"GET /livez":                                              {"/livez", "", public},
	"GET /v1/openapi.json":                                    {"/v1/openapi.json", "", public},
	"GET /readyz":                                             {"/readyz", "", public},
	"GET /healthz":                                            {"/healthz", "", public},
	"GET /checkpoint":                                         {"/checkpoint", "", public},
	"POST /v1/customers/{customer}/erase":                     {"/v1/customers/c-9/erase", "{}", erasers},
	"POST /v1/customers/{customer}/hold":                      {"/v1/customers/c-9/hold", "{}", strings.ReplaceAll(erasers, "200", "409")},
	"POST /v1/customers/{customer}/unhold":                    {"/v1/customers/c-9/unhold", `{"reason":"over"}`, strings.ReplaceAll(erasers, "200", "409")},
	"GET /tile/{tile:.+}":                                     {"/tile/0/000.p/1", "", public},
	"GET /tile/entries/{bundle:.+}":                           {"/tile/entries/000.p/1", "", auditors},
	"POST /v1/events":                                         {"/v1/events", event, emitters},
	"GET /v1/today":                                           {"/v1/today", "", readers},
	"POST /v1/sign-in-links":                                  {"/v1/sign-in-links", "", admins},
	"GET /v1/integrity":                                       {"/v1/integrity", "", readers},
	"POST /v1/integrity/verify":                               {"/v1/integrity/verify", "", "401 401 401 401 403 403 403 403 200 200 200 200"},
	"GET /v1/adoption":                                        {"/v1/adoption", "", readers},
	"GET /v1/status":                                          {"/v1/status", "", readers},
	"GET /v1/remedies":                                        {"/v1/remedies", "", readers},
	"GET /v1/refunds.csv":                                     {"/v1/refunds.csv", "", readers},
	"GET /v1/refunds":                                         {"/v1/refunds", "", readers},
	"GET /v1/remedies/{remedy}":                               {"/v1/remedies/" + none, "", unread},
	"GET /v1/remedies/{remedy}/receipt":                       {"/v1/remedies/6ba7b811-9dad-11d1-80b4-00c04fd430c8/receipt", "", strings.ReplaceAll(auditors, "200", "404")},
	"GET /v1/holds":                                           {"/v1/holds", "", readers},
	"GET /v1/remedies/{remedy}/explanation":                   {"/v1/remedies/" + none + "/explanation", "", explainers},
	"GET /v1/remedies/{remedy}/evidence":                      {"/v1/remedies/" + none + "/evidence", "", explainers},
	"GET /v1/bulks/{bulk}":                                    {"/v1/bulks/" + none, "", unread},
	"POST /v1/bulks/{bulk}/approve":                           {"/v1/bulks/" + none + "/approve", "", approvers},
	"POST /v1/bulks/{bulk}/deny":                              {"/v1/bulks/" + none + "/deny", "", approvers},
	"POST /v1/rules/{rule}/apply":                             {"/v1/rules/none/apply", `{"since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z"}`, appliers},
	"GET /v1/andon":                                           {"/v1/andon", "", readers},
	"GET /v1/brakes":                                          {"/v1/brakes", "", readers},
	"GET /v1/rules":                                           {"/v1/rules", "", readers},
	"GET /v1/commands":                                        {"/v1/commands?id=none", "", unread},
	"GET /v1/webhooks":                                        {"/v1/webhooks", "", readers},
	"POST /v1/webhooks/{endpoint}/enable":                     {"/v1/webhooks/none/enable", "", notFound},
	"POST /v1/webhooks/{endpoint}/test":                       {"/v1/webhooks/none/test", "", notFound},
	"POST /v1/webhooks/{source}":                              {"/v1/webhooks/none", "{}", unsigned},
	"GET /v1/whoami":                                          {"/v1/whoami", "", signedIn},
	"GET /v1/andon/stream":                                    {"/v1/andon/stream", "", signedIn},
	"GET /v1/andon/gates":                                     {"/v1/andon/gates", "", signedIn},
	"GET /v1/tokens":                                          {"/v1/tokens", "", admins},
	"GET /v1/sessions":                                        {"/v1/sessions", "", admins},
	"POST /v1/sessions/{session}/end":                         {"/v1/sessions/0123456789abcdef/end", "", strings.ReplaceAll(admins, "200", "404")},
	"GET /v1/credits/{customer}":                              {"/v1/credits/c-1", "", admins},
	"POST /v1/credits/{customer}/redeem":                      {"/v1/credits/c-1/redeem", "{}", strings.ReplaceAll(admins, "200", "400")},
	"POST /v1/remedies/{remedy}/approve":                      {"/v1/remedies/" + none + "/approve", "", approvers},
	"POST /v1/remedies/{remedy}/deny":                         {"/v1/remedies/" + none + "/deny", "", approvers},
	"POST /v1/remedies/{remedy}/retry":                        {"/v1/remedies/" + none + "/retry", "", stoppers},
	"POST /v1/remedies/{remedy}/reverse":                      {"/v1/remedies/" + none + "/reverse", "", requesters},
	"POST /v1/refunds":                                        {"/v1/refunds", "", requesters},
	"POST /v1/andon/pull":                                     {"/v1/andon/pull", `{"cord":"product/1","reason":"look"}`, cords},
	"POST /v1/andon/acknowledge":                              {"/v1/andon/acknowledge", `{"cord":"never"}`, refused},
	"POST /v1/andon/release":                                  {"/v1/andon/release", `{"cord":"never"}`, refused},
	"POST /v1/pause":                                          {"/v1/pause", `{"target":"rule:none"}`, pausers},
	"POST /v1/resume":                                         {"/v1/resume", `{"target":"rule:never"}`, stoppers},
	"POST /v1/tokens":                                         {"/v1/tokens", `{"name":"sam","roles":["agent"]}`, admins},
	"POST /v1/tokens/{token}/revoke":                          {"/v1/tokens/SPARE/revoke", "", admins},
	"POST /v1/rules/activate":                                 {"/v1/rules/activate", "RULES", authors},
	"POST /v1/rules/approve":                                  {"/v1/rules/approve", `{"digest":"none"}`, approvers},
	"GET /v1/reconciliations":                                 {"/v1/reconciliations", "", readers},
	"POST /v1/reconciliations":                                {"/v1/reconciliations", `{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"}`, reconcilers},
	"GET /v1/coes":                                            {"/v1/coes", "", readers},
	"GET /v1/coes/{coe}":                                      {"/v1/coes/" + none, "", unread},
	"GET /v1/coes/{coe}/diff":                                 {"/v1/coes/" + none + "/diff", "", unread},
	"GET /v1/coes/{coe}/page":                                 {"/v1/coes/" + none + "/page", "", unread},
	"GET /v1/coes/{coe}/bundle":                               {"/v1/coes/" + none + "/bundle", "", strings.ReplaceAll(auditors, "200", "404")},
	"POST /v1/coes/check":                                     {"/v1/coes/check", `{"text":"# x"}`, readers},
	"POST /v1/coes":                                           {"/v1/coes", `{"cord":"no//path"}`, refused},
	"POST /v1/coes/{coe}/revisions":                           {"/v1/coes/" + none + "/revisions", `{"text":"x"}`, refused},
	"POST /v1/coes/{coe}/review":                              {"/v1/coes/" + none + "/review", "", refused},
	"POST /v1/coes/{coe}/publish":                             {"/v1/coes/" + none + "/publish", "", strings.Replace(refused, "409", "403", 1)},
	"POST /v1/coes/{coe}/close":                               {"/v1/coes/" + none + "/close", "", strings.Replace(refused, "409", "403", 1)},
	"POST /v1/reconciliations/differences/{difference}/close": {"/v1/reconciliations/differences/" + none + "/close", `{"reason":"settled"}`, closers},
	"GET /v1/remedies/{remedy}/verification":                  {"/v1/remedies/" + none + "/verification", "", unread},
	"GET /v1/facts/{sequence}":                                {"/v1/facts/1", "", auditors},
	"GET /v1/rules/{rule}":                                    {"/v1/rules/late", "", readers},
	"GET /v1/rule-sets/{set}":                                 {"/v1/rule-sets/none", "", unread},
	"GET /v1/rules/{rule}/near-misses":                        {"/v1/rules/late/near-misses", "", seers},
	"POST /v1/rules/explain":                                  {"/v1/rules/explain", event, seers},
	"POST /v1/rules/backtest":                                 {"/v1/rules/backtest", "", seers},
	"GET /v1/customers/held":                                  {"/v1/customers/held", "", readers},
	"POST /v1/clock/confirm":                                  {"/v1/clock/confirm", "", erasers},
	"POST /v1/rules/deny":                                     {"/v1/rules/deny", `{"digest":"none"}`, approvers},
}

// TestRoutes holds who may ask what: each route with each kind of caller. A route
// that is not in the table fails the test.
func TestRoutes(t *testing.T) {
	t.Parallel()
	there, err := api.Routes()
	if err != nil || len(there) == 0 {
		t.Fatalf("routes %q, %v", there, err)
	}
	for _, route := range there {
		if _, ok := routes[route]; !ok {
			t.Errorf("%s is not in the table: say who may ask it", route)
		}
	}
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"spare": "agent", "revoked": "admin"})
	h.secrets["wrong"] = "mg_wrong"
	h.letExpire("expired", "admin")
	var listed api.Tokens
	h.ask("admin", "GET", "/v1/tokens", "").into(t, &listed)
	ids := map[string]string{}
	for _, token := range listed.Tokens {
		ids[token.Name] = token.ID.String()
	}
	h.post("admin", "/v1/tokens/"+ids["revoked"]+"/revoke", "").answer(t)
	open := newHouse(t, func(c *remediator.Config) { c.Token, c.AdminToken = "", "" })
	open.secrets["local"] = ""
	fill := strings.NewReplacer("SPARE", ids["spare"], "RULES", fmt.Sprintf(`{"files":[{"path":"house.yaml","text":%q}]}`, houseRules))
	for route, c := range routes {
		if !slices.Contains(there, route) {
			t.Errorf("%s is in the table, but there is no such route", route)
			continue
		}
		method, _, _ := strings.Cut(route, " ")
		for i, want := range strings.Fields(c.want) {
			at, path := h, fill.Replace(c.path)
			if callers[i] == "local" {
				at, path = open, strings.Replace(c.path, "SPARE", open.spare(), 1)
			}
			got := at.status(callers[i], method, path, fill.Replace(c.body))
			if fmt.Sprint(got.status) != want {
				t.Errorf("%s by %s: %d %s, want %s", route, callers[i], got.status, got.body, want)
			}
			if got.status == http.StatusForbidden && !strings.Contains(got.body, "urn:makegood:problem:forbidden") {
				t.Errorf("%s by %s: %s does not say who may", route, callers[i], got.body)
			}
		}
	}
}

// spare makes a token that may be revoked.
func (h *house) spare() string {
	h.t.Helper()
	var made api.Token
	h.post("local", "/v1/tokens", `{"name":"spare","roles":["agent"]}`).into(h.t, &made)
	return made.ID.String()
}

// letExpire makes a token that has expired when it returns.
func (h *house) letExpire(name, role string) {
	h.t.Helper()
	var made api.Token
	h.post("admin", "/v1/tokens", fmt.Sprintf(`{"name":%q,"roles":[%q],"expires_in":"1ms"}`, name, role)).into(h.t, &made)
	h.secrets[name] = made.Secret
	h.until("expired", func() bool { return h.status(name, "GET", "/v1/whoami", "").status == http.StatusUnauthorized })
}

// status asks and reads no more than the begin of an answer that may not end.
func (h *house) status(who, method, path, body string) reply {
	h.t.Helper()
	if path != "/v1/andon/stream" {
		return h.ask(who, method, path, body, "Content-Type", "application/cloudevents+json")
	}
	secret := h.secrets[who]
	return reply{status: get(h.t, h.url+path, secret).StatusCode}
}

// TestStrictBodies holds what a command's body must be, and that none of what it
// must not be does anything.
func TestStrictBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	cases := []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"no JSON", "/v1/pause", `target=money`, 400, "invalid character"},
		{"cut off", "/v1/pause", `{"target":"money"`, 400, "unexpected E"},
		{"an unknown field", "/v1/pause", `{"target":"money","until":"1h"}`, 400, `"until"`},
		{"who gives it", "/v1/pause", `{"target":"money","by":"pat"}`, 400, `"by"`},
		{"roles", "/v1/refunds", `{"payment":"pi_1","amount":"5.00 USD","roles":["admin"]}`, 400, `"roles"`},
		{"another command", "/v1/pause", `{"target":"money","command":"resume"}`, 400, `"command"`},
		{"what it is made from", "/v1/remedies/" + uuid.NewString() + "/reverse", `{"of":{"rule":"late"}}`, 400, `"of"`},
		{"a step that cannot be approved alone", "/v1/remedies/" + uuid.NewString() + "/approve", `{"action":"` + uuid.NewString() + `"}`, 400, `"action"`},
		{"a wrong type", "/v1/pause", `{"target":7}`, 400, "number"},
		{"a float", "/v1/refunds", `{"payment":"pi_1","amount":5.0}`, 400, ""},
		{"an array", "/v1/pause", `[]`, 400, "array"},
		{"null", "/v1/pause", `null`, 400, "object"},
		{"a number", "/v1/pause", `7`, 400, "number"},
		{"two objects", "/v1/pause", `{"target":"money"}{}`, 400, "follows"},
		{"a brace too many", "/v1/pause", `{"target":"money"}}`, 400, "follows"},
		{"a bracket too many", "/v1/pause", `{"target":"money"}]`, 400, "follows"},
		{"trailing text", "/v1/pause", `{"target":"money"} and so on`, 400, "follows"},
		{"too large", "/v1/pause", `{"target":"money","reason":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "65536 bytes"},
		{"no duration", "/v1/andon/pull", `{"cord":"a/b","reason":"r","box":"soon"}`, 400, "box"},
		{"no remedy id", "/v1/remedies/7/approve", ``, 400, "no remedy id"},
		{"no token id", "/v1/tokens/7/revoke", ``, 400, "no token id"},
		{"a body where none is wanted", "/v1/tokens/" + uuid.NewString() + "/revoke", `{"id":1}`, 400, `"id"`},
		{"an empty body", "/v1/pause", ``, 409, "what to stop"},
		{"no digest", "/v1/rules/approve", `{}`, 400, "digest"},
		{"a payment that no fact holds", "/v1/refunds", `{"payment":"pi_` + strings.Repeat("1", 600) + `","amount":"5.00 USD"}`, 400, "payment"},
	}
	for _, c := range cases {
		r := h.post("admin", c.path, c.body)
		if r.status != c.status || !strings.Contains(r.reason(), c.says) {
			t.Errorf("%s: %d %s, want %d that says %q", c.name, r.status, r.body, c.status, c.says)
		}
	}
	for name, key := range map[string]string{"too long": strings.Repeat("k", 129), "a space": "a b", "beyond ASCII": "schlüssel", "a tab": "a\tb"} {
		for _, path := range []string{"/v1/pause", "/v1/tokens", "/v1/rules/approve"} {
			body := map[string]string{"/v1/pause": `{"target":"money"}`, "/v1/tokens": `{"name":"sam","roles":["agent"]}`, "/v1/rules/approve": `{"digest":"d"}`}[path]
			if r := h.post("admin", path, body, "Idempotency-Key", key); r.status != http.StatusBadRequest || !strings.Contains(r.body, "idempotency-key") {
				t.Errorf("a key that is %s, at %s: %d %s", name, path, r.status, r.body)
			}
		}
	}
	if r := h.ask("admin", "GET", "/v1/brakes", ""); r.body != "{\"brakes\":[]}\n" {
		t.Errorf("what was refused has stopped %s", r.body)
	}
}

// TestCrossOrigin holds that a page of another origin can give no command, neither
// as itself nor under the name of this machine.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) { c.Token, c.AdminToken, c.LocalNames = "", "", true })
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Sec-Fetch-Site", "same-origin", 200},
		{"Origin", "https://elsewhere.example", 403}, {"Origin", "null", 403}, {"Origin", h.url, 200},
	} {
		if r := h.post("nobody", "/v1/pause", `{"target":"rule:late"}`, c.header, c.value); r.status != c.status {
			t.Errorf("%s: %s: %d %s, want %d", c.header, c.value, r.status, r.body, c.status)
		}
	}
	// A page that has given its own name the address of this machine.
	req, err := http.NewRequest(http.MethodPost, h.url+"/v1/pause", strings.NewReader(`{"target":"money"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "elsewhere.example"
	req.Header.Set("Origin", "http://elsewhere.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest || h.stopped("money") {
		t.Errorf("under another name it answers %s", res.Status)
	}
}
