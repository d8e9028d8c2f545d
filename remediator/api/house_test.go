package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const adminSecret, emitterSecret = "admin-secret", "emitter-secret"

// houseRules pay for what came late, above 10 USD with somebody's approval, and
// give credit for what came broken.
const houseRules = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    limits: {approve_above: 10.00 USD, budget: {amount: 1000000.00 USD, within: 1d}}
    account: "1"
    mode: live
  - rule: broken
    owner: shop
    why: It came broken.
    event: parcel.broken
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
    limits: {budget: {amount: 1000000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

func ruleFiles(text string) []rule.File { return []rule.File{{Path: "house.yaml", Text: text}} }

// house is a service with people who speak to it over HTTP, each with a token of
// their own, and a provider.
type house struct {
	t        *testing.T
	config   remediator.Config
	service  *remediator.Service
	url      string
	provider *sandbox.Sandbox
	called   atomic.Int64      // when the provider was last called
	secrets  map[string]string // of people, by name
	decider  sync.Mutex        // held: the decider stands still
	stop     func()
}

// newHouse opens a house in a new folder. Change may change how.
func newHouse(t *testing.T, change func(*remediator.Config)) *house {
	t.Helper()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, provider: provider, secrets: map[string]string{"admin": adminSecret, "emitter": emitterSecret, "nobody": ""}}
	paying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.called.Store(time.Now().UnixNano())
		provider.ServeHTTP(w, r)
	}))
	t.Cleanup(paying.Close)
	h.config = remediator.Config{DataDir: t.TempDir(), Rules: ruleFiles(houseRules), Provider: paying.URL, Token: emitterSecret, AdminToken: adminSecret,
		Logger: slog.New(slog.DiscardHandler)}
	h.config.OnStep = func(step string) {
		if step == remediator.StepFolded {
			h.decider.Lock()
			defer h.decider.Unlock()
		}
	}
	if change != nil {
		change(&h.config)
	}
	h.secrets["admin"], h.secrets["emitter"] = h.config.AdminToken, h.config.Token
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start starts the service on what is in its folder.
func (h *house) start() {
	h.t.Helper()
	service, err := remediator.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	server := httptest.NewServer(service)
	h.service, h.url = service, server.URL
	h.stop = sync.OnceFunc(func() {
		stop()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(<-ran, service.Close()); err != nil {
			h.t.Error(err)
		}
	})
	h.until("ready", func() bool { return h.ask("nobody", "GET", "/readyz", "").status == http.StatusOK })
}

// until waits until something holds. It looks less and less often, so that looking
// takes no time from what it waits for.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	const soonest, latest, longest = time.Millisecond, 100 * time.Millisecond, 5 * time.Minute // of a busy machine
	limit := time.Now().Add(longest)
	for wait := soonest; !holds(); wait = min(wait*3/2, latest) {
		if time.Now().After(limit) {
			h.t.Fatalf("it is not %s in %s", what, longest)
		}
		<-time.After(wait)
	}
}

// reply is an answer of the service.
type reply struct {
	status int
	body   string
}

func (r reply) into(t testing.TB, value any) {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), value); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
}

// reason is the detail of a problem, empty when it is none.
func (r reply) reason() string {
	var p struct{ Type, Detail string }
	_ = json.Unmarshal([]byte(r.body), &p) // no problem, no reason
	return p.Detail
}

func (r reply) answer(t testing.TB) decide.Answer {
	t.Helper()
	var a decide.Answer
	r.into(t, &a)
	return a
}

// ask sends a request in somebody's name, with headers as pairs.
func (h *house) ask(who, method, path, body string, headers ...string) reply {
	h.t.Helper()
	secret, known := h.secrets[who]
	if !known {
		h.t.Fatalf("nobody is called %s", who)
	}
	if secret != "" {
		headers = append(headers, "Authorization", "Bearer "+secret)
	}
	req, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{res.StatusCode, string(text)}
}

// post gives a command in somebody's name.
func (h *house) post(who, path, body string, headers ...string) reply {
	h.t.Helper()
	return h.ask(who, http.MethodPost, path, body, headers...)
}

// hire makes tokens for people: their names with their roles.
func (h *house) hire(people map[string]string) {
	h.t.Helper()
	for name, roles := range people {
		var made api.Token
		h.post("admin", "/v1/tokens", fmt.Sprintf(`{"name":%q,"roles":["%s"]}`, name, strings.ReplaceAll(roles, " ", `","`))).into(h.t, &made)
		h.secrets[name] = made.Secret
	}
}

// hireAll makes a token, or two, of each role.
func (h *house) hireAll() {
	h.t.Helper()
	h.hire(map[string]string{"ann": "agent", "abe": "agent", "wes": "author", "wyn": "author", "pat": "approver", "pia": "approver",
		"odo": "auditor", "oli": "operator", "ola": "operator", "eve": "emitter", "amy": "admin"})
}

// emit emits events, each with the data given, and waits until they are decided.
func (h *house) emit(kind, customer string, data ...string) {
	h.t.Helper()
	var batch bytes.Buffer
	for i, d := range data {
		batch.WriteString(map[bool]string{true: "[", false: ","}[i == 0])
		fmt.Fprintf(&batch, `{"specversion":"1.0","id":"%s-%d-%x","source":"/test","type":"%s","customer":"%s","data":%s}`, kind, i, d, kind, customer, d)
	}
	batch.WriteByte(']')
	if r := h.post("emitter", "/v1/events", batch.String(), "Content-Type", "application/cloudevents-batch+json"); r.status != http.StatusAccepted {
		h.t.Fatalf("events are answered %d %s", r.status, r.body)
	}
}

// remedies reads a page of remedies.
func (h *house) remedies(query string) []api.Remedy {
	h.t.Helper()
	var page struct{ Remedies []api.Remedy }
	h.ask("admin", "GET", "/v1/remedies?"+query, "").into(h.t, &page)
	return page.Remedies
}

// remedy reads one remedy.
func (h *house) remedy(id string) api.Remedy {
	h.t.Helper()
	var r api.Remedy
	h.ask("admin", "GET", "/v1/remedies/"+id, "").into(h.t, &r)
	return r
}

// becomes waits until a remedy has a status.
func (h *house) becomes(id, status string) {
	h.t.Helper()
	h.until(id+" "+status, func() bool { return h.remedy(id).Status == status })
}

// held has a remedy held for a person, as the rule late does above 10 USD.
func (h *house) held(order, amount string) string {
	h.t.Helper()
	h.emit("parcel.late", "c-"+order, fmt.Sprintf(`{"order":"%s","payment":"pi_%s","amount":"%s"}`, order, order, amount))
	var id string
	h.until("held", func() bool {
		found := h.remedies("status=held&rule=late&customer=c-" + order)
		if len(found) == 1 {
			id = found[0].Remedy.Remedy.String()
		}
		return len(found) == 1
	})
	return id
}

// refusals reads from the ledger why commands were refused, oldest first.
func (h *house) refusals() []decide.RefusalFact {
	h.t.Helper()
	return facts[decide.RefusalFact](h, decide.KindRefusal)
}

// stored is the ledger as it is stored, until it is released.
func (h *house) stored() (source ledger.Source, release func()) {
	h.t.Helper()
	var db *ledgerdb.DB
	var err error
	if h.config.Database == "" {
		db, err = ledgerdb.OpenReadOnly(h.t.Context(), filepath.Join(h.config.DataDir, "ledger.db"))
	} else {
		db, err = ledgerdb.ConnectReadOnly(h.t.Context(), h.config.Database)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	source, end, err := db.Source(h.t.Context())
	if err != nil {
		h.t.Fatal(errors.Join(err, db.Close()))
	}
	return source, func() { end(); db.Close() }
}

// facts reads the facts of a kind as they are sealed.
func facts[F any](h *house, kind string) []F {
	h.t.Helper()
	source, release := h.stored()
	defer release()
	var found []F
	const page = 1000
	for after := int64(-1); ; {
		rows, err := source.Entries(h.t.Context(), after, page)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, row := range rows {
			after = row.Seq
			if row.Kind != kind {
				continue
			}
			var f F
			if err := json.Unmarshal(row.Body, &f); err != nil {
				h.t.Fatal(err)
			}
			found = append(found, f)
		}
		if len(rows) < page {
			return found
		}
	}
}

// sealed checks that the last refusal in the ledger is this one.
func (h *house) sealed(command, by, reason string) {
	h.t.Helper()
	all := h.refusals()
	if len(all) == 0 {
		h.t.Errorf("nothing is sealed of %s by %s", command, by)
		return
	}
	if last := all[len(all)-1]; last.Command != command || last.By != by || last.Reason != reason || reason == "" {
		h.t.Errorf("sealed is %+v, want %s by %s: %q", last, command, by, reason)
	}
}

// verify checks the ledger, and that the provider paid what it says, once.
func (h *house) verify() {
	h.t.Helper()
	report, err := h.service.Verify(h.t.Context(), ledger.Options{})
	if err != nil || !report.Verified {
		h.t.Errorf("the ledger: %+v, %v", report, err)
	}
	if n := h.provider.Summary().Duplicates; n != 0 {
		h.t.Errorf("%d refunds were made twice", n)
	}
}
