package remediator

import (
	"errors"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/natstest"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

var (
	logFaultsOften = flag.Int("remediator.faults", 0, "do each fault of the log's servers so often; 0: the first ones, once")
	logFaultSeed   = flag.Uint64("remediator.seed", 1, "of the order of the faults")
)

const refundRule = `rules:
  - rule: refund-late
    owner: shop
    why: It came late.
    event: com.example.order.late
    once_per: data.order
    do:
      - refund: {payment: "pi_${{ data.order }}", amount: 5.00 USD}
    limits: {per_remedy: 5.00 USD, budget: {amount: 9000.00 USD, within: 1d}}
    account: a
    mode: live
`

// streamLeader is the server that leads the stream of a log.
func streamLeader(t *testing.T, c *natstest.Cluster) *natstest.Server {
	t.Helper()
	conn, err := nats.Connect(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "makegood")
	if err != nil {
		t.Fatal(err)
	}
	return c.Named(stream.CachedInfo().Cluster.Leader)
}

// logFault is what happens to the servers of a log.
type logFault struct {
	name string
	does func(r *refunding) error
}

// logFaults begins with those of which a short run has each.
var logFaults = []logFault{
	{"kill -9 of the leader", func(r *refunding) error {
		leader := streamLeader(r.t, r.cluster)
		return errors.Join(leader.Kill(), r.goesOn(), leader.Start(), leader.Ready())
	}},
	{"kill -9 of all", func(r *refunding) error {
		var errs []error
		for _, s := range r.cluster.Servers {
			errs = append(errs, s.Kill())
		}
		for _, s := range r.cluster.Servers {
			errs = append(errs, s.Start())
		}
		return errors.Join(append(errs, r.cluster.Ready())...)
	}},
	{"leader cut off", func(r *refunding) error {
		leader := streamLeader(r.t, r.cluster)
		r.cluster.Isolate(leader)
		defer r.cluster.Rejoin(leader)
		return r.goesOn()
	}},
	{"SIGSTOP of the leader", func(r *refunding) error {
		leader := streamLeader(r.t, r.cluster)
		return errors.Join(leader.Freeze(), r.goesOn(), leader.Thaw())
	}},
	{"two of three killed", func(r *refunding) error {
		var errs []error
		for _, s := range r.cluster.Servers[:2] {
			errs = append(errs, s.Kill())
		}
		<-r.refused() // nobody acknowledges what one server alone has
		for _, s := range r.cluster.Servers[:2] {
			errs = append(errs, s.Start())
		}
		return errors.Join(append(errs, r.cluster.Ready())...)
	}},
}

const logFaultsOfShortRun = 2

// refunding is nodes that refund while the servers of their log are hurt.
type refunding struct {
	t       *testing.T
	cluster *natstest.Cluster
	nodes   []*node
	taken   atomic.Int64 // events
	waits   atomic.Pointer[chan struct{}]
}

// send sends events one after the other until it is stopped, each until it is taken, as
// clients do, and once more elsewhere.
func (r *refunding) send(stop <-chan struct{}) {
	beat := time.NewTicker(10 * time.Millisecond)
	defer beat.Stop()
	for order := 0; ; order++ {
		select {
		case <-stop:
			return
		case <-beat.C:
		}
		for try := order; r.nodes[try%len(r.nodes)].send(r.t, order) != http.StatusAccepted; try++ {
			if waits := r.waits.Swap(nil); waits != nil {
				close(*waits)
			}
			if r.t.Context().Err() != nil {
				return
			}
		}
		r.taken.Add(1)
		r.nodes[(order+1)%len(r.nodes)].send(r.t, order)
	}
}

// refused is closed when an event is not taken.
func (r *refunding) refused() <-chan struct{} {
	waits := make(chan struct{})
	r.waits.Store(&waits)
	return waits
}

// goesOn waits until more events are taken than were.
func (r *refunding) goesOn() error {
	const enough, patience = 10, time.Minute
	began := r.taken.Load()
	late := time.After(patience)
	for r.taken.Load() < began+enough {
		select {
		case <-late:
			return errors.New("no event is taken")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// TestRefundsWhileTheLogFails has three nodes refund, with their log in a stream of three
// servers, while these are killed, one and all, cut off and frozen. It accounts for every
// cent, verifies the ledger and reproduces it from the log.
func TestRefundsWhileTheLogFails(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for elections: make test does, make faults-log longer")
	}
	t.Parallel()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bank := httptest.NewServer(provider)
	t.Cleanup(bank.Close)
	r := &refunding{t: t, cluster: natstest.Start(t, 3, natstest.Options{})}
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	for _, name := range []string{"a", "b", "c"} {
		r.nodes = append(r.nodes, startWith(t, Config{
			DataDir: t.TempDir(), Database: dsn, Log: r.cluster.URL(), LedgerKeyFile: key, Node: name, Provider: bank.URL,
			Rules: []rule.File{{Path: "late.yaml", Text: refundRule}},
		}))
	}
	r.nodes[0].mustActivate(t, r.nodes[0].files.Load())
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { r.send(stop) })
	for _, fault := range logFaultOrder() {
		began := time.Now()
		if err := errors.Join(r.goesOn(), fault.does(r), r.goesOn()); err != nil {
			t.Errorf("%s: %v", fault.name, err)
			break
		}
		t.Logf("%-22s over after %5d ms", fault.name, time.Since(began).Milliseconds())
	}
	close(stop)
	sending.Wait()
	r.account(provider)
}

// account compares what was taken with what the provider paid and what the ledger says.
func (r *refunding) account(provider *sandbox.Sandbox) {
	r.t.Helper()
	n := r.nodes[0]
	taken := r.taken.Load()
	want := taken * 500
	var sealed int64
	poll(r.t, func() bool {
		totals, err := n.Totals(r.t.Context())
		sealed = totals.Refunded["USD"]
		return err == nil && sealed >= want
	})
	paid := provider.Summary()
	r.t.Logf("%d events taken; wanted %d cents, provider %d in %d refunds, ledger %d; %d doubled", taken, want, paid.Totals["USD"], paid.Refunds, sealed, paid.Duplicates)
	if paid.Totals["USD"] != want || sealed != want || int64(paid.Refunds) != taken || paid.Duplicates != 0 || taken == 0 {
		r.t.Error("the books differ, or are empty")
	}
	r.nodes[1].mustVerify(r.t)
	again, err := history.Reproduce(r.t.Context(), n.log, n.ledger, uuid.Nil, nil)
	if err != nil || !again.Reproduced || !again.Genesis {
		r.t.Errorf("the ledger is not reproduced from the log: %+v %v", again, err)
	}
}

// logFaultOrder is which faults are done, in a random order where there are many.
func logFaultOrder() []logFault {
	if *logFaultsOften == 0 {
		return logFaults[:logFaultsOfShortRun]
	}
	all := slices.Repeat(logFaults, *logFaultsOften)
	random := rand.New(rand.NewPCG(*logFaultSeed, 6))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
