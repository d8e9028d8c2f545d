package crash

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// The tests here each look for one thing, for certain and in seconds, where the long
// ones wait for it to come about. Each finds a mutant.

// hunt is a service on a home, and a provider without faults but for its network.
type hunt struct {
	*round
	want expected
}

// startHunt starts the provider, and puts the rules in force.
func startHunt(t *testing.T, database string) *hunt {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &hunt{round: &round{t: t, binary: serviceBinary(t), sum: &tally{}, home: home{dir: filepath.Join(t.TempDir(), "data"), database: database}},
		want: expected{refunds: map[uuid.UUID]int64{}, remedies: map[string]int{}}}
	h.service = serviceConfig{DataDir: h.home.dir, Database: database, Listen: freeAddress(t), Provider: "http://" + freeAddress(t), Rules: "parcels.yaml"}
	provider := start(t, self, "sandbox", sandboxConfig{Listen: strings.TrimPrefix(h.service.Provider, "http://"), Quiet: true})
	if _, err := provider.read("ready"); err != nil {
		t.Fatal(err)
	}
	if err := h.activate(); err != nil {
		t.Fatal(err)
	}
	return h
}

// begin starts the service and waits until it takes events.
func (h *hunt) begin(config serviceConfig) *process {
	h.t.Helper()
	service := start(h.t, h.binary, "service", config)
	if _, err := service.read("ready"); err != nil {
		h.t.Fatal(err)
	}
	awaitReady(h.t, config.Listen)
	return service
}

// send has a parcel be late, which refunds a quarter of 20 dollars for its order.
func (h *hunt) send(order, payment string) {
	h.t.Helper()
	event := fmt.Sprintf(`{"specversion":"1.0","type":%q,"source":"parcels","id":%q,"customer":"c-1",`+
		`"data":{"order":%q,"payment":%q,"hub":"h-1","paid":"20.00 USD","late_min":90}}`, parcelType, payment, order, payment)
	status, body, err := face{url: "http://" + h.service.Listen}.say(said{"", "/v1/events", event}, "")
	if err != nil || status != http.StatusAccepted {
		h.t.Fatalf("an event is answered %d %s %v", status, body, err)
	}
	key := fmt.Sprintf("%d:%s", len(order), order)
	h.want.refunds[decide.ActionID(decide.RemedyID(refundRule, key), "refund")] = 500
}

// account waits until nothing is left to do, and compares.
func (h *hunt) account() {
	h.t.Helper()
	if err := h.quiet(); err != nil {
		h.t.Fatal(err)
	}
	got, err := refunds(h.service.Provider)
	if err != nil {
		h.t.Fatal(err)
	}
	var found findings
	found.account(h.want, got)
	report, err := h.verify()
	if err == nil {
		err = h.refold(&found, h.want, got)
	}
	if err != nil || !report.Verified {
		h.t.Errorf("the ledger does not verify: %v %v", err, report.Findings)
	}
	for _, problem := range found.problems {
		h.t.Error(problem)
	}
}

// TestOvertakenCall has a call to the provider arrive after the one that was sent
// because it was not answered.
func TestOvertakenCall(t *testing.T) {
	skipHunt(t)
	h := startHunt(t, "")
	service := h.begin(h.service)
	if _, err := overtake(h.service.Provider, 1); err != nil {
		t.Fatal(err)
	}
	h.send("o-1", "pi_1")
	h.account()
	if n, err := overtake(h.service.Provider, 0); err != nil || n != 1 {
		t.Errorf("%d calls were overtaken, %v: nothing was checked", n, err)
	}
	if err := service.stop(); err != nil {
		t.Error(err)
	}
}

// TestSecondEventOfAnOrder has an order be late twice, for another payment.
func TestSecondEventOfAnOrder(t *testing.T) {
	skipHunt(t)
	h := startHunt(t, "")
	service := h.begin(h.service)
	h.send("o-1", "pi_1")
	h.account()
	h.send("o-1", "pi_2")
	h.account()
	if err := service.stop(); err != nil {
		t.Error(err)
	}
}

// TestAcknowledgedIsStored kills the service as soon as an event is acknowledged.
func TestAcknowledgedIsStored(t *testing.T) {
	skipHunt(t)
	h := startHunt(t, "")
	dying := h.service
	dying.DieAt, dying.DieNth = remediator.StepAcked, 1
	service := h.begin(dying)
	h.send("o-1", "pi_1")
	if err := service.killed(); err != nil {
		t.Fatal(err)
	}
	service = h.begin(h.service)
	h.account()
	if err := service.stop(); err != nil {
		t.Error(err)
	}
}

// TestZombieIsFencedOff has one that was taken over commit, from where it had come.
func TestZombieIsFencedOff(t *testing.T) {
	skipHunt(t)
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := startHunt(t, database(t))
			service := h.begin(h.service)
			h.send("o-1", "pi_1")
			h.account()
			if err := service.kill(); err != nil {
				t.Fatal(err)
			}
			h.meetZombie()
			service = h.begin(h.service)
			h.send("o-2", "pi_2")
			h.account()
			h.meetZombie()
			if h.sum.zombies != 1 {
				t.Error("no zombie was fenced off: nothing was checked")
			}
			h.account()
			if err := service.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// meetZombie opens a zombie, or lets the one that is open commit.
func (h *hunt) meetZombie() {
	h.t.Helper()
	now, err := h.look()
	if err == nil {
		err = h.tryZombie(now)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func skipHunt(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes some seconds: make test runs it")
	}
	t.Parallel()
}
