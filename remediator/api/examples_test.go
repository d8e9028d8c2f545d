package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

var update = flag.Bool("update", false, "write the examples of the API anew")

const examplesFile = "examples.json"

// without are operations whose answers are no text to show.
var without = []string{"GET /tile/{tile:.+}", "GET /tile/entries/{bundle:.+}", "GET /v1/coes/{coe}/bundle", "GET /v1/coes/{coe}/page", "GET /v1/andon/stream"}

// refusing are operations that the story has refused: what they need takes a person's work.
var refusing = []string{"POST /v1/webhooks/{source}", "POST /v1/coes/{coe}/publish", "POST /v1/reconciliations/differences/{difference}/close"}

// story is how the examples come about: one day of a shop, asked over HTTP.
type story struct {
	*house
	found    map[string]*openapi.Example
	document *jsonschema.Compiler
	receiver string // of webhooks
}

// asks makes a request and keeps it as the example of its route.
func (s *story) asks(who, route, path, body string, headers ...string) reply {
	s.t.Helper()
	method, _, _ := strings.Cut(route, " ")
	if strings.HasPrefix(path, "?") || path == "" {
		_, at, _ := strings.Cut(route, " ")
		path = at + path
	}
	got := s.ask(who, method, path, body, headers...)
	e := &openapi.Example{Path: path, Status: got.status}
	if body != "" {
		if err := json.Unmarshal([]byte(body), &e.Request); err != nil {
			s.t.Fatalf("%s asks %s: %v", route, body, err)
		}
	}
	text := strings.ReplaceAll(got.body, s.receiver, "https://crm.example.com/hooks")
	if !slices.Contains(without, route) && json.Unmarshal([]byte(text), &e.Answer) != nil {
		e.Answer = text
	}
	s.found[route] = e
	s.fits(route, got)
	return got
}

// fits checks an answer against the description.
func (s *story) fits(route string, got reply) {
	s.t.Helper()
	pointer, err := api.Describe().Find(route, got.status)
	if err != nil || pointer == "" {
		if err != nil {
			s.t.Error(err)
		}
		return
	}
	schema, err := s.document.Compile("urn:described" + pointer)
	if err != nil {
		s.t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		s.t.Errorf("%s is answered %s: %v", route, got.body, err)
	}
}

// TestExamples tells the story of the examples on a real service: every operation has
// one, it fits the description, and the service still answers it with that status.
func TestExamples(t *testing.T) {
	t.Parallel()
	document, _ := described(t)
	s := &story{found: map[string]*openapi.Example{}, document: jsonschema.NewCompiler()}
	s.document.DefaultDraft(jsonschema.Draft2020)
	s.document.AssertFormat()
	if err := s.document.AddResource("urn:described", document); err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	s.receiver = receiver.URL
	folder := t.TempDir()
	hooks := filepath.Join(folder, "webhooks.yaml")
	for name, text := range map[string]string{hooks: fmt.Sprintf("endpoints:\n  - {name: crm, url: %q, secret_files: [secret], allow_private: true}\n", receiver.URL),
		filepath.Join(folder, "secret"): "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.house = newHouse(t, func(c *remediator.Config) {
		c.Telling.Webhooks = hooks
		c.RuleTests = func() ([]rule.File, error) {
			const text = `tests:
  - name: a day late
    send: [{event: {type: parcel.late, customer: c-1, data: {order: "1", payment: pi_1, amount: 1.00 USD}}}]
    expect: [{rule: late}]
`
			return []rule.File{{Path: "house_test.yaml", Text: text}}, nil
		}
	})
	s.hireAll()
	s.hire(map[string]string{"boss": "author approver", "all": "agent author approver auditor operator"})
	s.ofTheService()
	s.ofMoney()
	s.ofRules()
	s.ofCords()
	s.ofCOEs()
	s.ofTheLedger()
	if *update {
		s.write()
		return
	}
	s.compare()
}

// write writes the examples anew.
func (s *story) write() {
	s.t.Helper()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(s.found); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(examplesFile, text.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// compare holds that the examples which are shown are those of the story.
func (s *story) compare() {
	s.t.Helper()
	operations := api.Operations()
	for _, o := range operations {
		shown, told := o.Example, s.found[o.Route]
		switch {
		case shown == nil || told == nil:
			s.t.Errorf("%s has no example: tell it in this test, and run it with -update", o.Route)
		case shown.Status != told.Status || shown.Request == nil != (told.Request == nil) || shown.Answer == nil != (told.Answer == nil):
			s.t.Errorf("%s is shown with status %d and is answered %d: run this test with -update", o.Route, shown.Status, told.Status)
		case told.Status >= 300 != slices.Contains(refusing, o.Route):
			s.t.Errorf("%s is shown with status %d: %v", o.Route, told.Status, told.Answer)
		case (o.Body != nil || o.BodyMedia != "") && shown.Request == nil:
			s.t.Errorf("%s takes a body, and its example has none", o.Route)
		}
		if text, err := json.Marshal(shown); err == nil && shown != nil && o.Answer != nil {
			answer, _ := json.Marshal(shown.Answer)
			s.fits(o.Route, reply{shown.Status, string(answer)})
			if bytes.Contains(text, []byte("mg_")) && o.Route != "POST /v1/tokens" {
				s.t.Errorf("%s shows a secret", o.Route)
			}
		}
	}
	if len(s.found) != len(operations) || len(operations) < 60 {
		s.t.Errorf("there are %d examples of %d operations", len(s.found), len(operations))
	}
}

// ofTheService asks how it stands, and who may do what.
func (s *story) ofTheService() {
	for _, route := range []string{"GET /livez", "GET /readyz", "GET /healthz", "GET /v1/status", "GET /v1/whoami", "GET /v1/today", "GET /v1/adoption"} {
		s.asks("odo", route, "", "")
	}
	s.found["GET /v1/openapi.json"] = &openapi.Example{Path: "/v1/openapi.json", Status: http.StatusOK, Answer: map[string]any{"openapi": "3.1.0"}}
	made := api.Token{}
	s.asks("admin", "POST /v1/tokens", "", `{"name":"till-7","roles":["emitter"],"expires_in":"90d"}`, "Idempotency-Key", "till-7").into(s.t, &made)
	s.found["POST /v1/tokens"].Answer.(map[string]any)["secret"] = "mg_…"
	s.asks("admin", "GET /v1/tokens", "?limit=2", "")
	s.asks("admin", "POST /v1/tokens/{token}/revoke", "/v1/tokens/"+made.ID.String()+"/revoke", "{}")
	in := sessionOf(s.t, s.signIn("oli"))
	s.asks("admin", "GET /v1/sessions", "?limit=2", "")
	s.asks("admin", "POST /v1/sessions/{session}/end", "/v1/sessions/"+in+"/end", "{}")
	var link api.Link
	s.asks("admin", "POST /v1/sign-in-links", "", "{}").into(s.t, &link)
	s.found["POST /v1/sign-in-links"].Answer = map[string]any{"path": "/sign-in/link/…"}
	s.asks("oli", "POST /v1/clock/confirm", "", "")
	s.asks("nobody", "POST /v1/webhooks/{source}", "/v1/webhooks/parcels", "{}")
	s.asks("odo", "GET /v1/webhooks", "", "")
	s.asks("oli", "POST /v1/webhooks/{endpoint}/enable", "/v1/webhooks/crm/enable", "")
	s.asks("oli", "POST /v1/webhooks/{endpoint}/test", "/v1/webhooks/crm/test", "")
}

// ofMoney has customers made good, and people decide.
func (s *story) ofMoney() {
	const late = `{"specversion":"1.0","id":"order-7-late","source":"/parcels","type":"parcel.late","customer":"c-7","data":{"order":"7","payment":"pi_7","amount":"4.00 USD"}}`
	s.asks("emitter", "POST /v1/events", "", late, "Content-Type", "application/cloudevents+json")
	s.becomesOf("c-7", "done")
	s.asks("ann", "GET /v1/remedies", "?customer=c-7&limit=1", "")
	held, turned := s.held("8", "20.00 USD"), s.held("9", "30.00 USD")
	s.asks("pat", "GET /v1/holds", "", "")
	approved := s.asks("pat", "POST /v1/remedies/{remedy}/approve", "/v1/remedies/"+held+"/approve", `{"reason":"It is what they paid.","held_for":"approve_above"}`, "Idempotency-Key", "approve-8").answer(s.t)
	s.asks("pat", "POST /v1/remedies/{remedy}/deny", "/v1/remedies/"+turned+"/deny", `{"reason":"It came in time."}`)
	s.asks("odo", "GET /v1/commands", "?id="+approved.ID, "")
	s.becomes(held, "done")
	credited := s.credited("c-10", "10")
	s.asks("admin", "GET /v1/credits/{customer}", "/v1/credits/c-10", "")
	s.asks("ann", "POST /v1/remedies/{remedy}/reverse", "/v1/remedies/"+credited+"/reverse", `{"reason":"It was another's."}`)
	s.credited("c-11", "11")
	s.asks("admin", "POST /v1/credits/{customer}/redeem", "/v1/credits/c-11/redeem", `{"amount":"1.00 USD"}`, "Idempotency-Key", "order-12")
	failed := s.failed("99")
	s.asks("oli", "POST /v1/remedies/{remedy}/retry", "/v1/remedies/"+failed+"/retry", `{"reason":"The card works again."}`)
	s.asks("ann", "POST /v1/refunds", "", `{"payment":"pi_13","amount":"5.00 USD","customer":"c-13","reason":"It was never sent."}`, "Idempotency-Key", "contact-4711")
	s.asks("ann", "GET /v1/refunds", "?customer=c-7", "")
	s.asks("ann", "GET /v1/refunds.csv", "?customer=c-7", "")
	s.asks("oli", "POST /v1/customers/{customer}/hold", "/v1/customers/c-8/hold", `{"reason":"A claim is open."}`)
	s.asks("oli", "GET /v1/customers/held", "", "")
	s.asks("oli", "POST /v1/customers/{customer}/unhold", "/v1/customers/c-8/unhold", `{"reason":"It is settled."}`)
	s.asks("oli", "POST /v1/customers/{customer}/erase", "/v1/customers/c-9/erase", `{"reason":"They asked for it."}`)
	for _, read := range []string{"", "/explanation", "/evidence", "/verification", "/receipt"} {
		s.asks("odo", "GET /v1/remedies/{remedy}"+read, "/v1/remedies/"+held+read, "")
	}
	s.asks("odo", "GET /v1/facts/{sequence}", "/v1/facts/0", "")
	at := time.Now().UTC()
	s.asks("oli", "POST /v1/reconciliations", "", fmt.Sprintf(`{"from":%q,"to":%q}`, at.Add(-24*time.Hour).Format(time.RFC3339), at.Add(24*time.Hour).Format(time.RFC3339)))
	s.asks("oli", "GET /v1/reconciliations", "?status=all&limit=10", "")
	s.asks("pat", "POST /v1/reconciliations/differences/{difference}/close", "/v1/reconciliations/differences/"+none+"/close", `{"reason":"It was paid by hand."}`)
}

// becomesOf waits until the one remedy of a customer has a status.
func (s *story) becomesOf(customer, status string) {
	s.t.Helper()
	s.until(customer+" "+status, func() bool { return len(s.remedies("customer="+customer+"&status="+status)) == 1 })
}

// failed has a refund fail for good, and returns its remedy.
func (s *story) failed(order string) string {
	s.t.Helper()
	s.emit("parcel.late", "c-"+order, fmt.Sprintf(`{"order":"%s","payment":"nothing","amount":"3.00 USD"}`, order))
	s.becomesOf("c-"+order, "failed")
	return s.remedies("customer=c-" + order)[0].Remedy.Remedy.String()
}

// ofRules tries rules, puts them in force, and makes one good afterwards.
func (s *story) ofRules() {
	s.emit("parcel.slow", "c-20", `{"order":"20","days":5}`, `{"order":"21","days":2}`)
	s.emit("parcel.slow", "c-22", `{"order":"22","days":6}`)
	both := houseRules + strings.TrimPrefix(slowRules, "rules:\n")
	a := s.asks("boss", "POST /v1/rules/activate", "", s.activation(both)).answer(s.t)
	s.asks("all", "POST /v1/rules/approve", "", fmt.Sprintf(`{"digest":%q}`, a.Digest))
	s.asks("odo", "GET /v1/rules", "", "")
	s.asks("odo", "GET /v1/rules/{rule}", "/v1/rules/late", "")
	s.asks("odo", "GET /v1/rule-sets/{set}", "/v1/rule-sets/"+a.Digest, "")
	s.asks("odo", "GET /v1/rules/{rule}/near-misses", "/v1/rules/slow/near-misses?since=7d&limit=5", "")
	s.asks("wes", "POST /v1/rules/explain", "", `{"specversion":"1.0","id":"why-not","source":"/parcels","type":"parcel.slow","customer":"c-7","data":{"order":"7","days":3}}`)
	s.asks("wes", "POST /v1/rules/backtest", "", fmt.Sprintf(`{"files":[{"path":"slow.yaml","text":%q}],"since":"30d"}`, strings.Replace(slowRules, "> 3", "> 1", 1)))
	b := s.asks("all", "POST /v1/rules/{rule}/apply", "/v1/rules/slow/apply", s.applyBody(`,"customers":["c-20"]`)).answer(s.t)
	s.asks("pat", "GET /v1/bulks/{bulk}", "/v1/bulks/"+b.Bulk.Bulk.String(), "")
	s.asks("pat", "POST /v1/bulks/{bulk}/approve", "/v1/bulks/"+b.Bulk.Bulk.String()+"/approve", `{"reason":"It was late.","revision":1}`)
	b = s.post("all", "/v1/rules/slow/apply", s.applyBody(`,"customers":["c-22"]`)).answer(s.t)
	s.asks("pat", "POST /v1/bulks/{bulk}/deny", "/v1/bulks/"+b.Bulk.Bulk.String()+"/deny", `{"reason":"Not these."}`)
	a = s.post("boss", "/v1/rules/activate", s.activation(strings.Replace(both, "5.00 USD", "6.00 USD", 1))).answer(s.t)
	s.asks("pat", "POST /v1/rules/deny", "", fmt.Sprintf(`{"digest":%q}`, a.Digest))
}

// ofCords stops what goes wrong.
func (s *story) ofCords() {
	s.asks("ann", "POST /v1/andon/pull", "", `{"cord":"product/TABLE-7","level":"red","reason":"Its legs break.","box":"4h"}`, "Idempotency-Key", "call-42")
	s.asks("oli", "POST /v1/andon/acknowledge", "", `{"cord":"product/TABLE-7","reason":"I look."}`)
	s.asks("ann", "GET /v1/andon", "?cord=product/TABLE-7", "")
	s.asks("emitter", "GET /v1/andon/gates", "", "")
	s.asks("oli", "POST /v1/andon/release", "", `{"cord":"product/TABLE-7","cause":"A batch of glue.","fix":"It is called back."}`)
	s.asks("pat", "POST /v1/pause", "", `{"target":"rule:late","reason":"It pays for what came in time."}`)
	s.asks("pat", "GET /v1/brakes", "", "")
	s.asks("oli", "POST /v1/resume", "", `{"target":"rule:late","reason":"It was mended."}`)
	status := s.status("ann", http.MethodGet, "/v1/andon/stream", "").status
	s.found["GET /v1/andon/stream"] = &openapi.Example{Path: "/v1/andon/stream", Status: status}
}

// ofCOEs has a person write down what went wrong.
func (s *story) ofCOEs() {
	at := time.Now().UTC()
	s.asks("wes", "POST /v1/coes", "", fmt.Sprintf(`{"rule":"late","title":"Parcels came late","since":%q,"until":%q}`, at.Add(-24*time.Hour).Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339)))
	var list struct{ COEs []views.COE }
	s.asks("wes", "GET /v1/coes", "?limit=5", "").into(s.t, &list)
	at0 := "/v1/coes/" + list.COEs[0].COE.String()
	var c api.COE
	s.ask("wes", "GET", at0, "").into(s.t, &c)
	text, err := json.Marshal("# Parcels came late\n\n## Lessons\n\nA shelf fell.\n")
	if err != nil {
		s.t.Fatal(err)
	}
	s.asks("wes", "POST /v1/coes/check", "", fmt.Sprintf(`{"text":%s}`, text))
	s.asks("wes", "POST /v1/coes/{coe}/revisions", at0+"/revisions", fmt.Sprintf(`{"text":%s,"revision":%d,"reason":"Written."}`, text, c.Revision))
	s.asks("wes", "GET /v1/coes/{coe}", at0, "")
	s.asks("wes", "GET /v1/coes/{coe}/diff", at0+"/diff", "")
	s.asks("wes", "GET /v1/coes/{coe}/page", at0+"/page", "")
	s.asks("odo", "GET /v1/coes/{coe}/bundle", at0+"/bundle", "")
	s.asks("wes", "POST /v1/coes/{coe}/review", at0+"/review", fmt.Sprintf(`{"revision":%d}`, c.Revision+1))
	s.asks("pat", "POST /v1/coes/{coe}/publish", at0+"/publish", fmt.Sprintf(`{"revision":%d,"weeks":4}`, c.Revision+1))
	s.asks("pat", "POST /v1/coes/{coe}/close", at0+"/close", fmt.Sprintf(`{"revision":%d,"reason":"It was none."}`, c.Revision+1))
}

// ofTheLedger reads the tree, and has all of it verified.
func (s *story) ofTheLedger() {
	s.asks("nobody", "GET /checkpoint", "", "")
	s.asks("nobody", "GET /tile/{tile:.+}", "/tile/0/000.p/1", "")
	s.asks("odo", "GET /tile/entries/{bundle:.+}", "/tile/entries/000.p/1", "")
	s.asks("odo", "POST /v1/integrity/verify", "", "{}")
	s.asks("odo", "GET /v1/integrity", "", "")
}
