package act_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/webhook"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/webhooks"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// tell has an endpoint told something and returns the action.
func (d *desk) tell(endpoint string) uuid.UUID {
	d.t.Helper()
	action := d.decide("webhook", decide.Step{Kind: "webhook", Endpoint: endpoint})[0]
	d.setChange(func(j *act.Job) { j.Values = []byte(`{"pay1":{"data":{}}}`) })
	return action
}

// listen connects an endpoint on the clock of a bubble.
func listen(t *testing.T, d *desk, handler http.HandlerFunc) act.Config {
	t.Helper()
	secret, err := signature.ParseSecret("whsec_" + strings.Repeat("QUJD", 10))
	if err != nil {
		t.Fatal(err)
	}
	c := webhook.New(webhook.Config{
		Endpoints: []webhooks.Endpoint{{Name: "crm", URL: "https://crm.example", Secrets: []signature.Secret{secret}}},
		Switches:  d.DB, Transport: wire{handler},
	})
	return act.Config{Name: "webhook", Connector: c, Outbox: d, Log: d}
}

// A receiver that never accepts is asked ten times over three days, always under
// the same id; then the step has failed, and nobody has to find out.
func TestScheduleOfWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		start := time.Now()
		var ids []string
		cfg := listen(t, d, func(w http.ResponseWriter, r *http.Request) {
			ids = append(ids, r.Header.Get("webhook-id"))
			w.WriteHeader(http.StatusInternalServerError)
		})
		cfg.Poll = time.Minute
		action := d.tell("crm")
		_, stop := run(t, cfg)
		time.Sleep(90 * time.Hour)
		stop()
		outcomes := d.of(action)
		want := append(slices.Repeat([]string{decide.Retrying}, 9), decide.Failed)
		if got := statuses(outcomes); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if !slices.Equal(ids, slices.Repeat([]string{action.String()}, 10)) {
			t.Errorf("webhook-ids %v, want %s ten times", ids, action)
		}
		waits := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
		times := seen(t, start, outcomes)
		for i, wait := range waits {
			if got := times[i+1] - times[i]; got < wait || got > wait+wait/10+2*cfg.Poll {
				t.Errorf("wait %d is %v, want %v and little more", i+1, got, wait)
			}
		}
	})
}

// What was erased is told to nobody.
func TestErasedIsSkipped(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	action := d.tell("crm")
	d.setChange(nil)
	cfg := listen(t, d, func(http.ResponseWriter, *http.Request) { t.Error("it was told") })
	cfg.Poll = 3 * time.Millisecond
	finish(t, d, cfg)
	if got := d.of(action); len(got) != 1 || got[0].Status != decide.Skipped || got[0].Code != "erased" {
		t.Errorf("outcomes %+v", got)
	}
}
