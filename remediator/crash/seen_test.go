package crash

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// hookSecret signs what the provider says of refunds.
const hookSecret = "whsec_crash"

// TestCrashSeen kills the service at every step of taking in how a refund stands at the
// provider, which somebody made there by hand. The provider says it again, as it does
// when it hears no answer: the ledger has it once, and money that a person then asks for
// on the same payment waits for somebody who looks.
func TestCrashSeen(t *testing.T) {
	if testing.Short() || *mutated != "" {
		t.Skip("it takes some seconds: make test runs it, make crash longer")
	}
	t.Parallel()
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		for _, step := range []string{remediator.StepAppended, remediator.StepFolded, remediator.StepCommitted, stepAnswered} {
			t.Run(engine+"/"+step, func(t *testing.T) {
				t.Parallel()
				config := serviceConfig{DataDir: filepath.Join(t.TempDir(), "data"), Listen: freeAddress(t), Hook: hookSecret, Rules: "people.yaml"}
				if engine == "PostgreSQL" {
					config.Database = postgrestest.New(t)
				}
				crashSeen(t, config, step)
			})
		}
	}
}

func crashSeen(t *testing.T, config serviceConfig, step string) {
	t.Helper()
	config.Provider, _ = practice(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := (&round{t: t, binary: self, service: config, home: config.home()}).activate(); err != nil {
		t.Fatal(err)
	}
	ref := refundByHand(t, config.Provider)
	dying := config
	dying.DieAt, dying.DieNth, dying.Armed, dying.Hold = step, 1, true, step == remediator.StepAppended
	service := startArmed(t, dying)
	status, err := tellOf(face{url: "http://" + config.Listen}, ref)
	// Between these two steps an answer may still get out.
	if step == remediator.StepAppended && err == nil || step == stepAnswered && (err != nil || status != http.StatusOK) {
		t.Fatalf("the provider is answered %d %v", status, err)
	}
	if step == stepAnswered {
		err = service.kill()
	} else {
		err = service.killed()
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &world{began: time.Now()}
	config.Rules = ""
	w.open(t, config, func(f face, idle func()) {
		if err := f.hire("ada"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if status, err := tellOf(f, ref); err != nil || status != http.StatusOK {
				t.Errorf("told again, the service answers %d %v", status, err)
			}
			idle()
		}
		if status, body, err := f.say(said{"ada", "/v1/refunds", request}, "k-1"); err != nil || status != http.StatusOK {
			t.Fatalf("a request is answered %d %s %v", status, body, err)
		}
		idle()
	})
	facts := compareWithLog(t, config.home())
	if n := count(facts, decide.KindSeen); n != 1 {
		t.Errorf("the ledger says %d times how the refund stands, want once", n)
	}
	if n := slices.IndexFunc(facts, func(f decide.Fact) bool {
		return f.Kind == decide.KindRemedy && bytes.Contains(f.Body, []byte("already refunded"))
	}); n < 0 {
		t.Error("what is refunded already is not held for a person")
	}
}

// TestCrashActivation kills the service at every step of putting its rule files in force
// at a start. The next start has them in force, once.
func TestCrashActivation(t *testing.T) {
	if testing.Short() || *mutated != "" {
		t.Skip("it takes some seconds: make test runs it, make crash longer")
	}
	t.Parallel()
	for _, step := range []string{remediator.StepAppended, remediator.StepFolded, remediator.StepCommitted} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			w := &world{began: time.Now()}
			config := serviceConfig{DataDir: filepath.Join(t.TempDir(), "data"), Rules: "people.yaml"}
			w.open(t, config, func(f face, idle func()) { idle() })
			config.Listen, config.Rules, config.DieAt, config.DieNth = freeAddress(t), "parcels.yaml", step, 1
			if err := start(t, self, "service", config).killed(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				w.open(t, serviceConfig{DataDir: config.DataDir, Rules: "parcels.yaml"}, func(f face, idle func()) { idle() })
			}
			if n := count(compareWithLog(t, config.home()), decide.KindRules); n != 2 {
				t.Errorf("rules were put in force %d times, want those of before and those of after", n)
			}
		})
	}
}

// startArmed starts a service that counts its steps from now on.
func startArmed(t *testing.T, config serviceConfig) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	service := start(t, self, "service", config)
	if _, err := service.read("ready"); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, config.Listen)
	if err := service.order("arm", "armed"); err != nil {
		t.Fatal(err)
	}
	return service
}

// compareWithLog compares the ledger of a home with its log folded anew, verifies it,
// and returns its facts.
func compareWithLog(t *testing.T, h home) []decide.Fact {
	t.Helper()
	sealed, err := sealedFacts(h)
	if err != nil {
		t.Fatal(err)
	}
	_, facts, err := foldAnew(h)
	if err != nil {
		t.Fatal(err)
	}
	var found findings
	compareFacts(&found, sealed, facts)
	if len(found.problems) > 0 {
		t.Error(strings.Join(found.problems, "\n"))
	}
	if report, err := (&round{t: t, home: h}).verify(); err != nil || !report.Verified {
		t.Errorf("the ledger does not verify: %v %v", err, report.Findings)
	}
	return sealed
}

func count(facts []decide.Fact, kind string) (n int) {
	for _, f := range facts {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// refundByHand makes a refund at the provider that nothing of ours has asked for, on
// the payment of request.
func refundByHand(t *testing.T, provider string) (ref string) {
	t.Helper()
	form := url.Values{"payment_intent": {"pi_1"}, "amount": {"500"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, provider+"/v1/refunds", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("sk_test_crash", "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.ID == "" {
		t.Fatalf("a refund by hand is answered %s %v", resp.Status, err)
	}
	return made.ID
}

// tellOf says as the provider does that something happened to a refund.
func tellOf(f face, ref string) (status int, err error) {
	body := fmt.Sprintf(`{"object":"event","type":"refund.created","data":{"object":{"id":%q,"object":"refund"}}}`, ref)
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	req, err := http.NewRequest(http.MethodPost, f.url+"/v1/providers/stripe/webhook", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil))))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
