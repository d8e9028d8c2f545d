package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const (
	messagesAKill = 3 // under way when the service dies
	toldSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	toldDomain    = "parcels.example"
)

// tellingKinds are the ways to tell, with the rule that does, and its step.
var tellingKinds = map[string]struct{ rule, step string }{
	"mail": {"mail-broken-parcel", "notify"}, "webhook": {"tell-carrier", "webhook"},
}

// tellingSteps are the steps of an attempt.
var tellingSteps = []string{act.StepClaimed, act.StepCalled, act.StepAppended, act.StepReported, remediator.StepSettled}

// tellingKill is a kill while messages of one kind are under way.
type tellingKill struct {
	kind string
	kill
}

// planTelling lays out some kills at each step for each kind, and some anywhere.
func planTelling(random *rand.Rand, atEach, elsewhere int) []tellingKill {
	var all []tellingKill
	for kind := range tellingKinds {
		for range atEach {
			for _, step := range tellingSteps {
				nth := 1 + random.IntN(messagesAKill)
				if step == remediator.StepSettled {
					nth = 1 // one commit may settle all
				}
				all = append(all, tellingKill{kind, kill{step: step, nth: nth}})
			}
		}
		for range elsewhere {
			all = append(all, tellingKill{kind, kill{step: anywhere, after: time.Duration(random.Int64N(int64(40 * time.Millisecond)))}})
		}
	}
	return all
}

// tellingRound is one folder whose service is killed while it tells.
type tellingRound struct {
	t       *testing.T
	service serviceConfig
	told    toldConfig
	sent    []string // kind/number of every message that is to arrive
	at      map[string]int
}

// TestCrashTelling kills the service while it tells people and systems. A message
// lives through one kill: it arrives once or twice, under one id, and the ledger
// says what was sent.
func TestCrashTelling(t *testing.T) {
	if testing.Short() || *mutated != "" {
		t.Skip("it takes some seconds: make test runs it, make crash longer")
	}
	t.Parallel()
	atEach, elsewhere := 2, 5
	if *full {
		atEach, elsewhere = 10, 50
	}
	r := &tellingRound{t: t, at: map[string]int{}}
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	kills := planTelling(rand.New(rand.NewPCG(*seed, 3)), atEach, elsewhere)
	for i, k := range kills {
		if err := r.strike(k); err != nil {
			t.Fatalf("kill %d, at %s of %s: %v", i+1, k.step, k.kind, err)
		}
	}
	if err := r.settle(); err != nil {
		t.Fatal(err)
	}
	got, err := arrivals(r.told.Web)
	if err != nil {
		t.Fatal(err)
	}
	r.judge(kills, got)
}

// prepare makes the files and starts those who are told.
func (r *tellingRound) prepare() error {
	dir := r.t.TempDir()
	r.told = toldConfig{Mail: freeAddress(r.t), Web: freeAddress(r.t), Secret: toldSecret}
	for name, text := range map[string]string{
		"sorry.en.txt": "Subject: Sorry about {{.Let.order}}\n\nWe know that {{.Let.order}} came broken.\n",
		"secret":       toldSecret,
		"webhooks.yaml": "endpoints:\n  - {name: carrier, url: \"http://" + r.told.Web +
			"\", secret_files: [secret], allow_private: true}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	templates := filepath.Join(dir, "templates")
	if err := os.Mkdir(templates, 0o700); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "sorry.en.txt"), filepath.Join(templates, "sorry.en.txt")); err != nil {
		return err
	}
	r.service = serviceConfig{
		DataDir: filepath.Join(dir, "data"), Listen: freeAddress(r.t), Rules: "telling.yaml",
		Telling: remediator.Telling{
			Templates: templates, SMTP: "smtp://" + r.told.Mail + "?starttls=off", MailFrom: "care@" + toldDomain,
			Webhooks: filepath.Join(dir, "webhooks.yaml"),
		},
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = start(r.t, self, "told", r.told).read("ready")
	return err
}

// strike has a service finish what the one before left, gives it messages to send,
// and kills it while it does.
func (r *tellingRound) strike(k tellingKill) error {
	config := r.service
	config.Armed = true
	if k.step != anywhere {
		config.DieAt, config.DieNth = k.step, k.nth
	}
	service, err := r.start(config)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(service.stdin, "arm"); err != nil {
		return err
	}
	if _, err := service.read("armed"); err != nil {
		return err
	}
	for range messagesAKill {
		r.sent = append(r.sent, fmt.Sprintf("%s/%d", k.kind, len(r.sent)))
	}
	answer := r.emit(r.sent[len(r.sent)-messagesAKill:])
	if k.step == anywhere {
		moment := time.NewTimer(k.after)
		defer moment.Stop()
		<-moment.C
		err = service.kill()
	} else {
		err = service.killed()
	}
	r.at[k.kind+" "+k.step]++
	<-answer // it may have died before it answered: the next start hears of them again
	return err
}

// start starts a service, tells it again of the messages of the last one, and
// waits until nothing is under way.
func (r *tellingRound) start(config serviceConfig) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	service := start(r.t, self, "service", config)
	if _, err := service.read("ready"); err != nil {
		return nil, err
	}
	last := r.sent[max(0, len(r.sent)-messagesAKill):]
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	deadline := time.Now().Add(patience)
	for taken := false; ; {
		if !taken {
			taken = ready(r.service.Listen) && (len(last) == 0 || <-r.emit(last) == nil)
		} else {
			quiet, _, err := (&round{t: r.t, home: home{dir: config.DataDir}}).idle()
			if err != nil || quiet {
				return service, err
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the service finishes nothing within %s: %s", patience, service.said())
		}
		<-poll.C
	}
}

// ready reports whether a service takes events.
func ready(address string) bool {
	resp, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// emit sends the events of messages and hands back whether the service took them.
func (r *tellingRound) emit(messages []string) <-chan error {
	var batch []map[string]any
	for _, m := range messages {
		kind, _, _ := strings.Cut(m, "/")
		batch = append(batch, map[string]any{
			"specversion": "1.0", "type": "com.example.parcel." + kind, "source": "crash", "id": m, "customer": "c-1",
			"data": map[string]any{"order": m, "email": "c-1@customers.example"},
		})
	}
	answer := make(chan error, 1)
	go func() {
		body, err := json.Marshal(batch)
		if err != nil {
			answer <- err
			return
		}
		resp, err := http.Post("http://"+r.service.Listen+"/v1/events", "application/cloudevents-batch+json", strings.NewReader(string(body)))
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.Body.Close(); resp.StatusCode != http.StatusAccepted {
				err = errors.New(resp.Status)
			}
		}
		answer <- err
	}()
	return answer
}

// settle lets a last service finish undisturbed.
func (r *tellingRound) settle() error {
	service, err := r.start(r.service)
	if err != nil {
		return err
	}
	return service.stop()
}

// judge holds what arrived against what was to arrive and what the ledger says.
func (r *tellingRound) judge(kills []tellingKill, got []arrival) {
	t := r.t
	db, err := openLedger(t.Context(), r.service.DataDir, r.service.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	byID := map[string][]arrival{}
	for _, a := range got {
		byID[a.Kind+" "+a.ID] = append(byID[a.Kind+" "+a.ID], a)
	}
	lost, duplicates := 0, 0
	for _, message := range r.sent {
		kind, _, _ := strings.Cut(message, "/")
		id, remedy := toldID(kind, message)
		came := byID[kind+" "+id]
		delete(byID, kind+" "+id)
		switch {
		case len(came) == 0:
			lost++
			continue
		case len(came) > 2:
			t.Errorf("%s arrived %d times, and was under way at one kill", message, len(came))
		}
		duplicates += len(came) - 1
		if strings.Count(came[0].Text, message) == 0 || came[len(came)-1] != came[0] {
			t.Errorf("%s arrived as %q", message, came)
		}
		sealedSays(t, db, remedy, kind, came[0])
	}
	called := r.at["mail "+act.StepCalled] + r.at["webhook "+act.StepCalled]
	for kind := range tellingKinds {
		for _, step := range append([]string{anywhere}, tellingSteps...) {
			t.Logf("%-7s %-17s %3d %s", kind, step, r.at[kind+" "+step], strings.Repeat("#", r.at[kind+" "+step]))
			if r.at[kind+" "+step] == 0 {
				t.Errorf("the service was never killed at %s of %s", step, kind)
			}
		}
	}
	t.Logf("runs 1, kills %d, messages %d, sent %d, duplicates %d, lost %d", len(kills), len(r.sent), len(got), duplicates, lost)
	if lost > 0 || len(byID) > 0 {
		t.Errorf("%d messages are lost, and these nobody asked for: %v", lost, byID)
	}
	if duplicates < called {
		t.Errorf("%d messages came twice, but the service died %d times with one sent and not noted: nothing was checked", duplicates, called)
	}
}

// toldID is the id that every copy of a message has, and its remedy.
func toldID(kind, message string) (id string, remedy uuid.UUID) {
	k := tellingKinds[kind]
	remedy = decide.RemedyID(k.rule, fmt.Sprintf("%d:%s", len(message), message)) // a netstring for each part of the key
	id = decide.ActionID(remedy, k.step).String()
	if kind == "mail" {
		id += "@" + toldDomain
	}
	return id, remedy
}

// sealedSays wants the message in the ledger, as it arrived and once, and the
// remedy done.
func sealedSays(t *testing.T, db *ledgerdb.DB, remedy uuid.UUID, kind string, came arrival) {
	t.Helper()
	contents, _, err := db.Evidence(context.Background(), remedy)
	if err != nil {
		t.Fatal(err)
	}
	contents = slices.DeleteFunc(contents, func(c ledger.Content) bool { return c.Kind != kind })
	if len(contents) != 1 {
		t.Errorf("the ledger holds %d messages of kind %s for remedy %s, want one", len(contents), kind, remedy)
		return
	}
	var sent struct {
		MessageID string          `json:"message_id"`
		Subject   string          `json:"subject"`
		Text      string          `json:"text"`
		WebhookID string          `json:"webhook_id"`
		Body      json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(contents[0].Plain, &sent); err != nil {
		t.Fatal(err)
	}
	says := arrival{kind, sent.MessageID + sent.WebhookID, string(sent.Body)}
	if kind == "mail" {
		says.Text = strings.TrimSpace(sent.Subject + "\n\n" + sent.Text)
	}
	if says != came {
		t.Errorf("the ledger says that %q was sent, and %q arrived", says, came)
	}
	if found, err := db.Remedy(context.Background(), remedy); err != nil || found == nil || found.Status != "done" {
		t.Errorf("remedy %s ended as %+v, %v, want done", remedy, found, err)
	}
}
