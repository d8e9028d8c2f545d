package makegood_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

var kills = flag.Int("spool.kills", 0, "how often TestSpoolKills kills a process; 0: as often as there is time for")

// What a process that is to be killed does, by the environment variable child.
const (
	child       = "MAKEGOOD_TEST_CHILD"
	childFolder = "MAKEGOOD_TEST_FOLDER"
	childLife   = "MAKEGOOD_TEST_LIFE" // makes the ids of its events unlike those of the others

	synced  = "synced"  // prints the id of every event that TryEmit took with SpoolSync
	spooled = "spooled" // prints the ids of events of which Stats says that none is in memory alone
	drains  = "drains"  // sends what is left and ends
)

// TestMain makes this program the one that is killed, when it is asked to.
func TestMain(m *testing.M) {
	if does := os.Getenv(child); does != "" {
		if err := live(does); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// live is the life of a process that emits until it is killed.
func live(does string) error {
	opts := []makegood.Option{makegood.Spool(os.Getenv(childFolder)), makegood.Logger(quiet()), makegood.MaxBatch(50), makegood.FlushEvery(5 * time.Millisecond)}
	if does == synced {
		opts = append(opts, makegood.SpoolSync())
	}
	var problem error
	var mu sync.Mutex
	opts = append(opts, makegood.OnDrop(func(_ makegood.Report, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !errors.Is(err, makegood.ErrFull) && !strings.Contains(err.Error(), "cut off") {
			problem = errors.Join(problem, err)
		}
	}))
	c, err := makegood.New("checkout", opts...)
	if err != nil {
		return err
	}
	if does == drains {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := c.Flush(ctx)
		r, err2 := c.Shutdown(ctx)
		if r.Spooled+r.InMemory+r.Lost != 0 {
			err = errors.Join(err, fmt.Errorf("left %+v", r))
		}
		mu.Lock()
		defer mu.Unlock()
		return errors.Join(err, err2, problem)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 100_000; i++ {
				id := fmt.Sprintf("%s/%d/%d", os.Getenv(childLife), g, i)
				err := c.TryEmit(context.Background(), "com.example.x", makegood.ID(id), makegood.String("pad", strings.Repeat("x", i%500)))
				for err == nil && does == spooled && c.Stats().InMemory > 0 {
					<-time.After(time.Millisecond)
				}
				if err == nil {
					_, _ = os.Stdout.WriteString(id + "\n") // one write: a kill cuts no line of another
				}
			}
		}()
	}
	wg.Wait()
	return nil
}

// killer starts processes and kills them.
type killer struct {
	random   *rand.Rand
	folder   string
	url      string
	accepted map[string]bool
	lives    int
}

// start starts a process.
func (k *killer) start(t *testing.T, does string) (cmd *exec.Cmd, lines *bufio.Scanner, problems *strings.Builder) {
	t.Helper()
	k.lives++
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+does, childFolder+"="+k.folder, fmt.Sprintf("%s=%d", childLife, k.lives), "MAKEGOOD_URL="+k.url)
	problems = &strings.Builder{}
	cmd.Stderr = problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), problems
}

// kill lets a process live for a random time, from its start or from the first
// event that it took, and kills it. It returns how many events it took.
func (k *killer) kill(t *testing.T) (taken int) {
	t.Helper()
	does := synced
	if k.random.IntN(4) == 0 {
		does = spooled
	}
	cmd, lines, problems := k.start(t, does)
	time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	die := func() { _ = cmd.Process.Kill() }
	early := k.random.IntN(3) == 0
	if early {
		time.AfterFunc(time.Duration(k.random.IntN(60_000))*time.Microsecond, die)
	}
	for lines.Scan() {
		if taken++; taken == 1 && !early {
			time.AfterFunc(time.Duration(k.random.IntN(150_000))*time.Microsecond, die)
		}
		k.accepted[lines.Text()] = true
	}
	_ = cmd.Wait()
	if problems.Len() > 0 {
		t.Fatalf("life %d: %s", k.lives, problems)
	}
	return taken
}

// TestSpoolKills kills a process that emits, over and over, at random instants,
// while the service answers badly half of the time. Every event that was accepted
// on disk takes effect, and none twice.
func TestSpoolKills(t *testing.T) {
	t.Parallel()
	began, rounds, limit := time.Now(), 1_000_000, 30*time.Second
	switch {
	case *kills > 0:
		rounds, limit = *kills, 24*time.Hour
	case testing.Short():
		rounds = 5
	default:
		rounds = 200
	}
	svc := newService(t)
	random := rand.New(rand.NewPCG(1, 4))
	sky := newWeather(svc, rand.New(rand.NewPCG(2, 4)), faults...)
	server := httptest.NewUnstartedServer(sky)
	server.Config.ErrorLog = slog.NewLogLogger(quiet().Handler(), slog.LevelError) // of connections that break
	server.Start()
	defer server.Close()
	k := &killer{random: random, folder: t.TempDir(), url: server.URL, accepted: map[string]bool{}}
	killed, fruitless := 0, 0
	for ; killed < rounds && time.Since(began) < limit; killed++ {
		if k.kill(t) == 0 {
			fruitless++
		}
	}
	sky.clear() // hundreds of kills leave more than bad weather lets through in the time
	cmd, lines, problems := k.start(t, drains)
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("drain: %v: %s", err, problems)
	}
	if left := spoolFiles(t, k.folder); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	lost, twice, arrived := 0, 0, map[string]bool{}
	for _, id := range svc.ids() {
		if arrived[id] {
			twice++
		}
		arrived[id] = true
	}
	for id := range k.accepted {
		if !arrived[id] {
			lost++
		}
	}
	t.Logf("%d kills, %d of them before the first event: %d events accepted, %d arrived, %d lost, %d twice; %d repeats dropped; %s",
		killed, fruitless, len(k.accepted), len(arrived), lost, twice, svc.repeats, time.Since(began).Round(time.Second))
	if lost > 0 || twice > 0 {
		t.Errorf("%d events lost, %d took effect twice", lost, twice)
	}
	if len(k.accepted) < killed || svc.repeats == 0 || fruitless == killed {
		t.Error("hardly anything was checked")
	}
}
