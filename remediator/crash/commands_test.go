package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	stored "github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/sandbox"
)

// stepAnswered is a step besides those of the service: the person has the answer.
const stepAnswered = "answered"

// commandSteps are the steps of a command, in order.
var commandSteps = []string{remediator.StepAppended, remediator.StepBraked, remediator.StepFolded, remediator.StepCommitted, stepAnswered}

// traces are how far a command may be seen to have come when the service died at a
// step. A decision that is not committed leaves no trace, and a stop races it.
var traces = map[string][]string{
	remediator.StepAppended:  {remediator.StepAppended},
	remediator.StepBraked:    {remediator.StepBraked},
	remediator.StepFolded:    {remediator.StepAppended, remediator.StepBraked},
	remediator.StepCommitted: {remediator.StepCommitted},
	stepAnswered:             {remediator.StepCommitted},
}

// commandKey is the key of the command that a kill interrupts.
const commandKey = "k-1"

// TestCrashCommands kills the service at every step of a person's command. The
// next start must come to what folding its log anew comes to, and the same command
// sent again gets the same answer and does nothing twice.
func TestCrashCommands(t *testing.T) {
	if testing.Short() || *mutated != "" {
		t.Skip("it takes some seconds: make test runs it, make crash longer")
	}
	t.Parallel()
	var mu sync.Mutex
	at := map[string]int{}
	rounds := 1
	if *full {
		rounds = 5
	}
	t.Run("kills", func(t *testing.T) {
		for _, e := range errandsOfPeople() {
			t.Run(strings.ReplaceAll(e.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				w := prepareWorld(t, e)
				for _, step := range slices.Repeat(w.steps(), rounds) {
					if w.kill(t, step) {
						mu.Lock()
						at[step]++
						mu.Unlock()
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	kills := 0
	for _, step := range commandSteps {
		t.Logf("%-10s %3d %s", step, at[step], strings.Repeat("#", at[step]))
		if kills += at[step]; at[step] < 3*rounds {
			t.Errorf("the service was killed %d times at %s: too little was checked", at[step], step)
		}
	}
	t.Logf("commands %d, kills %d", len(errandsOfPeople()), kills)
}

// world is a folder on which people have done something, and are about to do more.
type world struct {
	errand
	dir      string
	secrets  map[string]string
	commands []string // ids of those that were given
	kinds    []string // of the facts that it comes to when nobody is killed
	credit   string   // that the customer then has
	began    time.Time
	came     bool // the log had the command when the service died
}

func (w *world) steps() []string {
	return slices.DeleteFunc(slices.Clone(commandSteps), func(s string) bool { return s == remediator.StepBraked && !w.brakes })
}

// prepareWorld has people do what comes before, and looks what their next command
// comes to when nothing goes wrong.
func prepareWorld(t *testing.T, e errand) *world {
	t.Helper()
	w := &world{errand: e, began: time.Now(), dir: filepath.Join(t.TempDir(), "data"), commands: []string{"command/" + e.command.by + "/" + commandKey}}
	provider, _ := practice(t)
	w.open(t, serviceConfig{DataDir: w.dir, Rules: "people.yaml", Provider: provider}, func(f face, idle func()) {
		if err := f.hire("ada", "bo", "cy"); err != nil {
			t.Fatal(err)
		}
		w.secrets = f.secrets
		for i, s := range append(e.before, e.command) {
			idle()
			s, err := f.resolve(s)
			if err != nil {
				t.Fatal(err)
			}
			if i == len(e.before) {
				w.command = s
				break
			}
			key := fmt.Sprint("b-", i)
			if status, body, err := f.say(s, key); err != nil || status >= 400 {
				t.Fatalf("before it, %s is answered %d %s %v", s.path, status, body, err)
			}
			w.commands = append(w.commands, "command/"+s.by+"/"+key)
		}
	})
	dir := copyFiles(t, w.dir, "")
	provider, _ = practice(t) // as after a kill: of what was paid before it knows nothing
	w.open(t, serviceConfig{DataDir: dir, Provider: provider}, func(f face, idle func()) {
		if status, body, err := f.say(w.command, commandKey); err != nil || status != w.status {
			t.Fatalf("with nobody killed it is answered %d %s %v, want %d", status, body, err, w.status)
		}
		idle()
		w.credit = w.creditLeft(t, f)
	})
	sealed, err := sealedFacts(home{dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w.kinds = kindsOf(sealed)
	return w
}

// practice is a provider of one's own, and what it paid.
func practice(t *testing.T) (url string, made func() sandbox.Summary) {
	t.Helper()
	s, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL, s.Summary
}

// open runs a service in this process for a while. Its clock stands still, so that
// no tick comes between two looks at the same log.
func (w *world) open(t *testing.T, config serviceConfig, use func(f face, idle func())) {
	t.Helper()
	cfg, err := config.config(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Now = func() time.Time { return w.began }
	s, err := remediator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	server := httptest.NewServer(s)
	defer func() {
		server.Close()
		stop()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	}()
	awaitReady(t, strings.TrimPrefix(server.URL, "http://"))
	use(face{server.URL, w.secrets}, func() {
		t.Helper()
		if err := s.WaitIdle(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

// awaitReady waits until a service takes what it is sent.
func awaitReady(t *testing.T, address string) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for until := time.Now().Add(patience); !ready(address); <-poll.C {
		if time.Now().After(until) {
			t.Fatal("the service is not ready")
		}
	}
}

// kindsOf are the kinds of facts that decisions are made of, in order. Progress
// depends on when the minutes end.
func kindsOf(facts []decide.Fact) []string {
	var kinds []string
	for _, f := range facts {
		if f.Kind != decide.KindProgress && f.Kind != decide.KindSnapshot {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// kill gives the command to a service that dies at a step, and holds what the next
// one makes of the folder against the log. It reports whether the service died
// there with the command, and not with a tick of the clock that came first.
func (w *world) kill(t *testing.T, step string) bool {
	t.Helper()
	provider, made := practice(t)
	config := serviceConfig{
		DataDir: copyFiles(t, w.dir, ""), Listen: freeAddress(t), Provider: provider,
		DieAt: step, DieNth: 1, Armed: true, Hold: step == remediator.StepAppended || step == remediator.StepBraked,
	}
	first := w.strike(t, config)
	died := w.whereItDied(t, config.DataDir)
	w.came = w.isLogged(t, config.DataDir)
	var restarted map[string]string
	w.open(t, serviceConfig{DataDir: config.DataDir, Provider: provider}, func(f face, idle func()) {
		w.again(t, step, f, first)
		idle()
		w.again(t, step, f, first)
		restarted = w.look(t, f)
		if credit := w.creditLeft(t, f); credit != w.credit {
			t.Errorf("%s: the customer has %s, with nobody killed %s", step, credit, w.credit)
		}
	})
	if sum := made(); sum.Refunds != w.refunds || sum.Duplicates != 0 {
		t.Errorf("%s: the provider has %+v, want %d refunds", step, sum, w.refunds)
	}
	w.compareAnew(t, step, config.DataDir, restarted)
	return slices.Contains(traces[step], died)
}

// strike gives the command and returns the answer, if there was one before the end.
func (w *world) strike(t *testing.T, config serviceConfig) (first string) {
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
	if _, err := fmt.Fprintln(service.stdin, "arm"); err != nil {
		t.Fatal(err)
	}
	if _, err := service.read("armed"); err != nil {
		t.Fatal(err)
	}
	status, first, err := face{"http://" + config.Listen, w.secrets}.say(w.command, commandKey)
	if config.DieAt == stepAnswered && err != nil || err == nil && status != w.status {
		t.Fatalf("%s: it is answered %d %s %v, want %d", config.DieAt, status, first, err, w.status)
	}
	if config.DieAt == stepAnswered {
		err = service.kill()
	} else {
		// Between the commit and the end an answer may still get out, and then it counts.
		if err == nil && config.DieAt != remediator.StepCommitted {
			t.Fatalf("%s: it is answered %d %s", config.DieAt, status, first)
		}
		err = service.killed()
	}
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// whereItDied tells from copies of its files how far a command came.
func (w *world) whereItDied(t *testing.T, dir string) string {
	t.Helper()
	dir = copyFiles(t, dir, "")
	count := func(file, query string, args ...any) (n int) {
		db, err := openSQL(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	id := w.commands[0]
	switch {
	case count(ledgerFile, "SELECT COUNT(*) FROM command WHERE id = ?", id) > 0:
		return remediator.StepCommitted
	case count(ledgerFile, "SELECT COUNT(*) FROM brake WHERE id = ?", id) > 0:
		return remediator.StepBraked
	case count(logFile, "SELECT MAX(seq) FROM record") > count(ledgerFile, "SELECT record FROM applied"):
		return remediator.StepAppended
	}
	return "not there"
}

// isLogged reports whether the log has the command. A tick of the clock may have come
// before it and been what the service died at.
func (w *world) isLogged(t *testing.T, dir string) bool {
	t.Helper()
	log, err := home{dir: copyFiles(t, dir, "")}.openLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	records, err := log.Read(t.Context(), 0, math.MaxInt32)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(records, func(r stored.Record) bool {
		inputs, err := input.DecodeRecord(r.Blob, r.At)
		return err == nil && slices.ContainsFunc(inputs, func(in input.Input) bool { return in.ID == w.commands[0] })
	})
}

// again sends the command as before, which gives the answer as before, and another
// one under its key, which is refused.
func (w *world) again(t *testing.T, step string, f face, first string) {
	t.Helper()
	want := w.status
	if w.secret && w.came {
		want, first = http.StatusUnprocessableEntity, ""
	}
	for range 2 {
		status, answer, err := f.say(w.command, commandKey)
		if err != nil || status != want || first != "" && answer != first {
			t.Errorf("%s: the same command, answered %q before, is answered %d %q %v", step, first, status, answer, err)
		}
		first = answer
		if w.secret && !w.came { // but now it has
			want, first, w.came = http.StatusUnprocessableEntity, "", true
		}
	}
	status, answer, err := f.say(said{w.command.by, "/v1/pause", `{"target":"connector:credit","reason":"another"}`}, commandKey)
	if err != nil || status != http.StatusUnprocessableEntity {
		t.Errorf("%s: another command under its key is answered %d %q %v", step, status, answer, err)
	}
}

// creditLeft is what the customer has.
func (w *world) creditLeft(t *testing.T, f face) string {
	t.Helper()
	text, err := f.read("/v1/credits/c-1")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) look(t *testing.T, f face) map[string]string {
	t.Helper()
	shown, err := f.picture(w.commands)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// compareAnew folds the log of a folder anew, twice: into a ledger of its own that
// the API must show alike, and fact by fact.
func (w *world) compareAnew(t *testing.T, step, dir string, restarted map[string]string) {
	t.Helper()
	anew := copyFiles(t, dir, "log")
	key := copyFiles(t, dir, "ledger.k")
	if err := os.Rename(filepath.Join(key, keyFile), filepath.Join(anew, keyFile)); err != nil {
		t.Fatal(err)
	}
	if err := sealAnew(anew); err != nil {
		t.Fatal(err)
	}
	var folded map[string]string
	w.open(t, serviceConfig{DataDir: anew}, func(f face, _ func()) { folded = w.look(t, f) })
	for _, path := range slices.Sorted(maps.Keys(restarted)) {
		if restarted[path] != folded[path] {
			t.Errorf("%s: %s shows\n%s folding the log anew gives\n%s", step, path, restarted[path], folded[path])
		}
	}
	sealed := compareWithLog(t, home{dir: dir})
	if got := kindsOf(sealed); !slices.Equal(got, w.kinds) {
		t.Errorf("%s: the ledger holds %q, with nobody killed it holds %q", step, got, w.kinds)
	}
}
