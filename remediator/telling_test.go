package remediator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

const (
	hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

	tellingRules = `rules:
  - rule: sorry
    owner: shop
    why: The parcel came broken.
    event: parcel.broken
    once_per: data.order
    let: {order: data.order}
    do:
      - credit: {customer: "${{ event.customer }}", amount: 5.00 USD}
      - notify: {template: sorry}
      - webhook: {to: crm, data: {order: "${{ data.order }}"}}
    limits: {budget: {amount: 100.00 USD, within: 1d}}
    account: "1"
    mode: live
`
	tellingTemplate = "Subject: Sorry about {{.Let.order}}\n\nDear {{.Customer.Name}}, we gave you {{.Credited}}.\n"
)

// receiver keeps the bodies of the webhooks that it was told.
type receiver struct {
	mu     sync.Mutex
	bodies []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

// write writes files into a folder.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A signed message of another system becomes a remedy; the customer gets a
// credit and a message, a third system hears of both. Nothing that people read
// is in a fact, and a message that is played again does nothing more.
func TestToldFromMessageToMessage(t *testing.T) {
	t.Parallel()
	crm := &receiver{}
	told := httptest.NewServer(crm)
	defer told.Close()
	people := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"email":"ada@shop.example","name":"Ada"}`)
	}))
	defer people.Close()
	folder := t.TempDir()
	write(t, folder, map[string]string{
		"templates/sorry.en.txt": tellingTemplate, "secret": hookSecret,
		"webhooks.yaml": "endpoints:\n  - {name: crm, url: \"" + told.URL + "\", secret_files: [secret], allow_private: true}\n" +
			"sources:\n  - {name: carrier, secret_files: [secret], customer: receiver}\n",
	})
	var logged bytes.Buffer
	service, err := remediator.New(remediator.Config{
		DataDir: filepath.Join(folder, "data"), Rules: []rule.File{{Path: "r.yaml", Text: tellingRules}},
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		Telling: remediator.Telling{Templates: filepath.Join(folder, "templates"), MailFrom: "care@shop.example", Directory: people.URL,
			Webhooks: filepath.Join(folder, "webhooks.yaml"), DryRun: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	face := httptest.NewServer(service)
	defer face.Close()
	for range 2 {
		say(t, face.URL+"/v1/webhooks/carrier", `{"type":"parcel.broken","data":{"receiver":"c-1","order":"7"}}`)
	}
	if err := service.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	bodies := crm.told()
	if len(bodies) != 1 || !strings.Contains(bodies[0], `"amount":"5.00 USD"`) || !strings.Contains(bodies[0], `"data":{"order":"7"}`) ||
		!strings.Contains(bodies[0], `{"name":"notify","kind":"notify","status":"succeeded"}`) {
		t.Errorf("the third system was told %q", bodies)
	}
	report, err := service.Verify(ctx, ledger.Options{})
	if err != nil || !report.Verified {
		t.Errorf("verify: %+v, %v", report, err)
	}
	facts := read(t, face.URL+"/v1/remedies?rule=sorry")
	if !strings.Contains(facts, `"status":"done"`) {
		t.Errorf("remedies %s", facts)
	}
	if list := read(t, face.URL+"/v1/webhooks?endpoint=crm"); !strings.Contains(list, `"status":"succeeded","attempts":1`) {
		t.Errorf("deliveries %s", list)
	}
	other := strings.Replace(tellingRules, "template: sorry", "template: other", 1)
	if _, err := service.Reload(ctx, []rule.File{{Path: "r.yaml", Text: other}}); err == nil || !strings.Contains(err.Error(), "there is no template other") {
		t.Errorf("rules that name a template that is none: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
	if text := logged.String(); strings.Contains(text, "ada@") || !strings.Contains(text, "message written, not sent") {
		t.Errorf("logged %s", text)
	}
}

// say sends a signed message until the service takes it: it may be starting.
func say(t *testing.T, url, body string) {
	t.Helper()
	secret, err := signature.ParseSecret(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		signature.SetHeaders(req.Header, []signature.Secret{secret}, "msg_1", time.Now(), []byte(body))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusAccepted:
			return
		case http.StatusServiceUnavailable:
			<-again.C
		default:
			t.Fatalf("the message was answered with %d", resp.StatusCode)
		}
	}
}

func read(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(body) {
		t.Fatalf("read %s: %v, %s", url, err, body)
	}
	return string(body)
}

// What rules name must be there, before anything is begun.
func TestTellingIsCheckedAtStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		template, webhooks string
		says               string
	}{
		"no template": {"other.en.txt", "", "r.yaml:2: rule sorry, step notify: there is no template sorry"},
		"no endpoint": {"sorry.en.txt", "endpoints: []", "rule sorry, step webhook: "},
		"no let":      {"sorry.en.txt", "lets", "needs the let order"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			rules, telling := tellingRules, remediator.Telling{Templates: filepath.Join(folder, "templates"), MailFrom: "care@shop.example", DryRun: true}
			write(t, folder, map[string]string{"templates/" + c.template: tellingTemplate, "webhooks.yaml": c.webhooks})
			switch c.webhooks {
			case "":
			case "lets":
				rules = strings.Replace(rules, "    let: {order: data.order}\n", "", 1)
			default:
				telling.Webhooks = filepath.Join(folder, "webhooks.yaml")
			}
			_, err := remediator.New(remediator.Config{DataDir: filepath.Join(folder, "data"), Telling: telling, Rules: []rule.File{{Path: "r.yaml", Text: rules}}})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
