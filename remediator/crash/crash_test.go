// Package crash kills the service where it hurts and looks whether anybody was
// paid or told twice, or not at all, and whether what people said still holds.
//
// It is for whoever changes how an event becomes a refund. The provider and the
// emitting application are processes of their own and survive; the service is
// killed with SIGKILL at every named step of a refund and at random moments,
// started again on the same folder, and killed again. At the end the provider's
// refunds are compared by action and amount with what the workload must come to,
// and so is what the ledger says of them; the ledger is compared with a new fold of
// the stored log, and audited by the program.
//
// TestCrashCommands does so with a person's command under way, and sends it again
// under its key. TestCrashTelling does so while mails and webhooks are sent, to a
// mail server and a receiver that survive.
//
// TestCrashSeen and TestCrashActivation do so while it takes in what the provider says
// of a refund, and while a start puts rules in force.
//
// TestFaults has three nodes on one database, behind a balancer: they are killed,
// frozen and suspended, also in the middle of an append and of a commit, the database
// loses their connections and is restarted, the provider goes away, and calls to it
// overtake each other. `make faults` does that a hundred times.
//
// The folder mutants holds programs from which one thing that keeps money safe
// was taken away. `make crash MUTANT=name` must fail for each, and TestMutants has
// the test that each names find it in seconds.
package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/store/postgrestest"
	"github.com/makegood/makegood/tools/mutate"
)

var (
	seconds = flag.Int("crash.seconds", 60, "begin no further kill after so long")
	full    = flag.Bool("crash.full", false, "run nine rounds of all kills, with a provider that fails three calls of ten, however long they take")
	seed    = flag.Uint64("crash.seed", 1, "of the first round; each further round has the next")
	mutated = flag.String("crash.mutant", "", "crash a mutant of the service, by name")
)

const (
	kills          = 50
	killsAtEach    = 3   // of the steps
	unfinishedRate = 0.8 // of the kills, at least
	fullRounds     = 9   // of 23 kills at random moments and 27 at steps
	eventsASecond  = 40
)

// firstLayer is how many kills go once through all steps; they are never cut short.
const firstLayer = kills / killsAtEach

// steps of a refund, in order.
var steps = []string{
	remediator.StepAppended, remediator.StepAcked, remediator.StepFolded, remediator.StepCommitted,
	act.StepClaimed, act.StepCalled, act.StepAppended, act.StepReported, remediator.StepSettled,
}

// anywhere is the step of a kill at a random moment.
const anywhere = "anywhere"

// kill is one kill: at a step, the nth time that it is taken, or anywhere, some
// time after the service is ready.
type kill struct {
	step  string
	nth   int
	after time.Duration
}

// plan lays kills out so that every step comes early: a run that ends early has
// died everywhere too.
func plan(random *rand.Rand) []kill {
	all := []kill{{step: anywhere}} // the first waits for the first ack
	for layer := range killsAtEach {
		var some []kill
		for _, step := range steps {
			some = append(some, kill{step: step, nth: 1 + random.IntN(4)})
		}
		for len(all)+len(some) < kills*(layer+1)/killsAtEach {
			some = append(some, kill{step: anywhere, after: time.Duration(random.Int64N(int64(600 * time.Millisecond)))})
		}
		random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		all = append(all, some...)
	}
	return all
}

// tally is what rounds came to.
type tally struct {
	runs, kills, unfinished int
	at                      map[string]int // kills by step
	zombies                 int            // that were fenced off
	found                   findings
}

// TestCrash kills the service and accounts for every refund afterwards.
func TestCrash(t *testing.T) {
	crash(t, func(*testing.T) string { return "" })
}

// TestCrashDatabase does so with log and ledger in PostgreSQL, where whoever comes
// after a dead one waits for the end of its lease, and a zombie holds it and freezes.
func TestCrashDatabase(t *testing.T) {
	crash(t, func(t *testing.T) string { return postgrestest.New(t) })
}

func crash(t *testing.T, database func(*testing.T) string) {
	if testing.Short() {
		t.Skip("it takes a minute: make test runs it, make crash longer")
	}
	binary := serviceBinary(t)
	sum := tally{at: map[string]int{}}
	rounds, until := 1, time.Now().Add(time.Duration(*seconds)*time.Second)
	if *full {
		rounds, until = fullRounds, time.Time{}
	}
	for i := range rounds {
		r := &round{t: t, binary: binary, seed: *seed + uint64(i), until: until, sum: &sum, home: home{database: database(t)}}
		if err := r.run(); err != nil {
			sum.print(t)
			t.Fatalf("round with seed %d: %v", r.seed, err)
		}
		if problems := sum.found.problems; len(problems) > 0 {
			sum.print(t)
			t.Fatalf("round with seed %d: %s", r.seed, strings.Join(problems, "\n"))
		}
	}
	sum.print(t)
	sum.judge(t)
}

// serviceBinary is the program of the service: this test's own, or a mutant of it.
func serviceBinary(t *testing.T) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if *mutated == "" {
		return binary
	}
	m, err := mutate.Read(mutantFolder, *mutated)
	if err != nil {
		t.Fatal(err)
	}
	if binary, err = m.Build(root, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return binary
}

// print shows the counts and where the service died.
func (s *tally) print(t *testing.T) {
	for _, step := range append([]string{anywhere}, steps...) {
		t.Logf("%-17s %3d %s", step, s.at[step], strings.Repeat("#", s.at[step]))
	}
	t.Logf("runs %d, kills %d, with an unfinished action %d, zombies fenced off %d, refunds %d, cords %d; %s; lost %d, doubled %d",
		s.runs, s.kills, s.unfinished, s.zombies, s.found.refunds, s.found.cords, s.found.books, s.found.lost, s.found.doubled)
}

// judge fails the test when too little was tried.
func (s *tally) judge(t *testing.T) {
	least, atEach := firstLayer, 1
	if *full {
		least, atEach = kills*fullRounds, killsAtEach*fullRounds
	}
	if s.kills < least {
		t.Errorf("killed %d times, want at least %d", s.kills, least)
	}
	if got := float64(s.unfinished) / float64(max(1, s.kills)); got < unfinishedRate {
		t.Errorf("%.0f%% of the kills left an unfinished action, want %.0f%%", 100*got, 100*unfinishedRate)
	}
	for _, step := range steps {
		if s.at[step] < atEach {
			t.Errorf("killed %d times at %s, want at least %d", s.at[step], step, atEach)
		}
	}
	if s.found.refunds == 0 || s.found.cords == 0 || s.zombies == 0 {
		t.Errorf("compared %d refunds and %d cords, fenced off %d zombies: nothing was checked", s.found.refunds, s.found.cords, s.zombies)
	}
}

// round is one workload on one home, from the first event to the comparison.
type round struct {
	t      *testing.T
	binary string // of the service; the others are never mutants
	seed   uint64
	until  time.Time // begin no kill after it; zero: all kills
	sum    *tally

	home    home
	service serviceConfig
	emitter *process
	zombie  *zombie
}

func (r *round) run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.home.dir = filepath.Join(r.t.TempDir(), "data")
	r.service = serviceConfig{DataDir: r.home.dir, Database: r.home.database, Listen: freeAddress(r.t), Provider: "http://" + freeAddress(r.t), Rules: "parcels.yaml"}

	provider := start(r.t, self, "sandbox", sandboxConfig{Listen: strings.TrimPrefix(r.service.Provider, "http://"), Seed: r.seed, Bad: *full})
	if _, err := provider.read("ready"); err != nil {
		return err
	}
	if err := r.activate(); err != nil {
		return err
	}
	r.emitter = start(r.t, self, "emitter", emitterConfig{URL: "http://" + r.service.Listen, Seed: r.seed, Rate: eventsASecond})
	if _, err := r.emitter.read("ready"); err != nil {
		return err
	}
	began := time.Now()
	if err := r.killAll(); err != nil {
		return err
	}
	killed := time.Since(began)
	events, err := r.finish()
	if err != nil {
		return err
	}
	finished := time.Since(began)
	if err := r.compare(events); err != nil {
		return err
	}
	r.t.Logf("seed %d: %d events, killed for %s, finished after %s, compared after %s", r.seed, events,
		killed.Round(time.Second), finished.Round(time.Second), time.Since(began).Round(time.Second))
	r.sum.runs++
	return provider.stop()
}

// activate puts the rules in force on a database, where no start of a service does.
func (r *round) activate() error {
	if r.home.database == "" {
		return nil
	}
	service := start(r.t, r.binary, "service", r.service)
	if _, err := service.read("ready"); err != nil {
		return err
	}
	if err := (&face{url: "http://" + r.service.Listen}).activate(r.service.Rules); err != nil {
		return fmt.Errorf("%w: %s", err, service.said())
	}
	return service.stop()
}

// killAll goes through the plan.
func (r *round) killAll() error {
	for i, k := range plan(rand.New(rand.NewPCG(r.seed, 2))) {
		if i > firstLayer && !r.until.IsZero() && time.Now().After(r.until) {
			break
		}
		config := r.service
		if k.step != anywhere {
			config.DieAt, config.DieNth = k.step, k.nth
		}
		service := start(r.t, r.binary, "service", config)
		if i == 0 { // everything happens between the first ack and the last outcome
			if _, err := r.emitter.read("acked"); err != nil {
				return err
			}
		}
		if err := k.strike(service); err != nil {
			return fmt.Errorf("kill %d, at %s: %w", i+1, k.step, err)
		}
		r.sum.kills++
		r.sum.at[k.step]++
		now, err := r.look()
		if err != nil {
			return err
		}
		if now.unfinished > 0 {
			r.sum.unfinished++
		}
		if err := r.tryZombie(now); err != nil {
			return err
		}
	}
	return r.zombieEnds()
}

// strike kills the service, or waits until it has killed itself at its step.
func (k kill) strike(service *process) error {
	if k.step != anywhere {
		return service.killed()
	}
	if _, err := service.read("ready"); err != nil {
		return err
	}
	moment := time.NewTimer(k.after)
	defer moment.Stop()
	<-moment.C
	return service.kill()
}

// finish lets the service come to its end undisturbed and returns how many
// events the application emitted.
func (r *round) finish() (int, error) {
	service := start(r.t, r.binary, "service", r.service)
	if _, err := service.read("ready"); err != nil {
		return 0, err
	}
	if err := r.emitter.stdin.Close(); err != nil {
		return 0, fmt.Errorf("end the emitter: %w", err)
	}
	events, err := r.emitted()
	if err != nil {
		return 0, err
	}
	if err := wellBehaved(r.service.Provider); err != nil {
		return 0, err
	}
	if err := r.quiet(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, service.said())
	}
	return events, service.stop()
}
