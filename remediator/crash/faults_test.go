package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/act"
)

var (
	allFaults = flag.Bool("crash.faults", false, "do faults to nodes as often as the full run does")
)

// fullRate is how many events a second come in the full run. It is long, and each
// node that begins anew has to read what came since the last stored state.
const fullRate = 10

// fault is what happens to nodes, the database or the provider.
type fault struct {
	name  string
	often int // in the full run; once in a short one
	does  func(f *fleet, random *rand.Rand) error
}

// faults are done in a random order.
var faults = []fault{
	{"kill -9 of a node", 50, killAny},
	{"kill -9 of the leader", 25, killLeader},
	{"kill -9 at a step", 15, killAtStep},
	{"kill -9 in an append", 5, killInAppend},
	{"kill -9 in a commit", 5, killInCommit},
	{"SIGSTOP past the lease", 15, freezeLeader},
	{"SIGSTOP in a commit", 5, freezeInCommit},
	{"suspended before a commit", 5, suspendLeader},
	{"calls overtaken", 5, overtakeCalls},
	{"all connections ended", 5, endConnections},
	{"database restarted", 3, restartDatabase},
	{"provider away", 5, loseProvider},
}

// killAny kills a node at a random moment.
func killAny(f *fleet, random *rand.Rand) error {
	m := f.nodes[random.IntN(members)]
	<-time.After(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
	if err := m.process.kill(); err != nil {
		return err
	}
	return f.start(m)
}

// killLeader kills who decides, and brings it back when another does.
func killLeader(f *fleet, random *rand.Rand) error {
	m, epoch, err := f.leader()
	if err != nil {
		return err
	}
	if err := m.process.kill(); err != nil {
		return err
	}
	if _, err := f.taken(epoch); err != nil {
		return err
	}
	return f.start(m)
}

// nodeSteps are steps that every node comes to.
var nodeSteps = []string{remediator.StepAppended, remediator.StepAcked, act.StepClaimed, act.StepCalled, act.StepAppended, act.StepReported}

// killAtStep has a node die at a named step.
func killAtStep(f *fleet, random *rand.Rand) error {
	m := f.nodes[random.IntN(members)]
	if err := m.process.kill(); err != nil {
		return err
	}
	healthy := m.config
	m.config.DieAt, m.config.DieNth = nodeSteps[random.IntN(len(nodeSteps))], 1+random.IntN(4)
	m.process = start(f.t, f.binary, "service", m.config)
	if err := m.process.killed(); err != nil {
		return fmt.Errorf("at %s: %w", m.config.DieAt, err)
	}
	m.config = healthy
	return f.start(m)
}

// killInAppend kills a node whose record is on its way into the log: it is stored,
// and nobody hears of it.
func killInAppend(f *fleet, random *rand.Rand) error {
	release, err := f.blocked("log_record")
	if err != nil {
		return err
	}
	m, err := f.waiting("log_record")
	if err == nil {
		err = m.process.kill()
	}
	if releaseErr := release(); err != nil || releaseErr != nil {
		return fmt.Errorf("%w, %w", err, releaseErr)
	}
	return f.start(m)
}

// inCommit does something to the node that is in the middle of a commit, which
// holds its locks until another has taken over.
func inCommit(f *fleet, do func(*member) error) (*member, error) {
	release, err := f.blocked("tile")
	if err != nil {
		return nil, err
	}
	m, err := f.waiting("tile")
	if err != nil {
		return nil, err
	}
	_, epoch, err := f.leader()
	if err == nil {
		err = do(m)
	}
	if err == nil {
		_, err = f.taken(epoch) // it ends the connection whose transaction is open
	}
	if releaseErr := release(); releaseErr != nil {
		return nil, releaseErr
	}
	return m, err
}

func killInCommit(f *fleet, _ *rand.Rand) error {
	m, err := inCommit(f, func(m *member) error { return m.process.kill() })
	if err != nil {
		return err
	}
	return f.start(m)
}

func freezeInCommit(f *fleet, _ *rand.Rand) error {
	m, err := inCommit(f, func(m *member) error { return m.process.freeze() })
	if err != nil {
		return err
	}
	return m.process.thaw()
}

// freezeLeader stops who decides until another does, and lets it go on.
func freezeLeader(f *fleet, _ *rand.Rand) error {
	m, epoch, err := f.leader()
	if err != nil {
		return err
	}
	if err := m.process.freeze(); err != nil {
		return err
	}
	heir, err := f.taken(epoch)
	if err == nil && heir == m {
		err = fmt.Errorf("%s took the lease while it was frozen", m.config.Node)
	}
	if err == nil {
		err = f.goesOn() // while the other is still frozen
	}
	if thawErr := m.process.thaw(); err == nil {
		err = thawErr
	}
	return err
}

// endConnections ends every connection of every node.
func endConnections(f *fleet, _ *rand.Rand) error {
	var n int
	err := f.db.QueryRow(`SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'node-%'`).Scan(&n)
	if err == nil && n == 0 {
		err = fmt.Errorf("there were no connections")
	}
	return err
}

// restartDatabase stops the server as a crash would and starts it again.
func restartDatabase(f *fleet, _ *rand.Rand) error {
	if err := f.server.Restart("immediate"); err != nil {
		return err
	}
	return f.until("the database answers", func() (bool, error) { return f.db.Ping() == nil, nil })
}

// providerAway is longer than it takes calls to pile up.
const providerAway = 2 * time.Second

// loseProvider has the provider answer nothing for a while.
func loseProvider(f *fleet, _ *rand.Rand) error {
	if err := f.provider.freeze(); err != nil {
		return err
	}
	<-time.After(providerAway)
	return f.provider.thaw()
}

// TestFaults does all faults to three nodes at work and accounts for every refund.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute: make test runs it, make faults longer")
	}
	f, err := startFleet(t, *seed, "parcels.yaml")
	if err == nil {
		err = f.emit(map[bool]int{false: eventsASecond, true: fullRate}[*allFaults])
	}
	if err != nil {
		t.Fatal(err)
	}
	var order []fault
	for _, one := range faults {
		for range map[bool]int{false: 1, true: one.often}[*allFaults] {
			order = append(order, one)
		}
	}
	random := rand.New(rand.NewPCG(*seed, 3))
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	done := map[string]int{}
	for i, one := range order {
		began := time.Now()
		acks, unavailable := f.balancer.answered(http.StatusAccepted), f.balancer.answered(http.StatusServiceUnavailable)
		if err := one.does(f, random); err != nil {
			t.Fatalf("fault %d, %s: %v\nthe server: %s", i+1, one.name, err, f.server.Said())
		}
		if err := f.goesOn(); err != nil {
			t.Fatalf("after fault %d, %s: %v", i+1, one.name, err)
		}
		done[one.name]++
		t.Logf("%-24s goes on after %4d ms, meanwhile %d requests acked, %d answered 503", one.name, time.Since(began).Milliseconds(),
			f.balancer.answered(http.StatusAccepted)-acks, f.balancer.answered(http.StatusServiceUnavailable)-unavailable)
	}
	events, err := f.finish()
	if err != nil {
		t.Fatal(err)
	}
	f.judge(t, events, done)
}

// judge prints what was done and found, and fails the test when something is wrong
// or was not tried.
func (f *fleet) judge(t *testing.T, events int, done map[string]int) {
	found := f.round.sum.found
	kills := 0
	for _, one := range faults {
		t.Logf("%-24s %3d", one.name, done[one.name])
		if done[one.name] == 0 {
			t.Errorf("%s was not tried", one.name)
		}
		if strings.HasPrefix(one.name, "kill") {
			kills += done[one.name]
		}
	}
	t.Logf("events %d, kills %d, refunds %d; %s; lost %d, doubled %d", events, kills, found.refunds, found.books, found.lost, found.doubled)
	if err := f.wentBack(); err != nil {
		t.Error(err)
	}
	if found.refunds == 0 {
		t.Error("no refund was compared: nothing was checked")
	}
	if len(found.problems) > 0 {
		t.Error(strings.Join(found.problems, "\n"))
	}
	if strange := f.balancer.strange(); len(strange) > 0 {
		t.Errorf("applications got answers that are neither an ack nor 503: %v", strange)
	}
}
