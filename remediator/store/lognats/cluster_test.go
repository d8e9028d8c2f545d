package lognats_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/log/logtest"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
)

var (
	faultSeed   = flag.Uint64("lognats.seed", 1, "of the order of the faults")
	faultsOften = flag.Int("lognats.faults", 0, "do each fault so often; 0: kill the leader and kill all, once")
)

// clusterPlace is a log in a stream of the test's own on a cluster.
type clusterPlace struct {
	place
	cluster *natstest.Cluster
}

// Crash kills all servers.
func (p *clusterPlace) Crash(t *testing.T) {
	t.Helper()
	if err := killAll(p.cluster); err != nil {
		t.Fatal(err)
	}
}

// killAll kills all servers and starts them again.
func killAll(c *natstest.Cluster) error {
	var errs []error
	for _, s := range c.Servers {
		errs = append(errs, s.Kill())
	}
	for _, s := range c.Servers {
		errs = append(errs, s.Start())
	}
	return errors.Join(append(errs, c.Ready())...)
}

func TestConformanceOfCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for elections: make test does")
	}
	t.Parallel()
	shared := natstest.Start(t, 3, natstest.Options{})
	logtest.Run(t, func(t *testing.T) logtest.Place {
		cluster := shared
		if strings.HasSuffix(t.Name(), "/Crash") { // it would hurt the others
			cluster = natstest.Start(t, 3, natstest.Options{})
		}
		return &clusterPlace{place{at: withStream(cluster.URL())}, cluster}
	})
}

// trial is writers and a reader of a log whose servers are hurt.
type trial struct {
	t       *testing.T
	cluster *natstest.Cluster
	at      string
	stream  jetstream.Stream
	acks    atomic.Int64

	mu      sync.Mutex
	acked   map[uint64]string // by sequence
	unknown map[string]int    // how often an append ended in an error
}

// clusterFault is what happens to servers.
type clusterFault struct {
	name string
	does func(*trial) error
}

var clusterFaults = []clusterFault{
	{"kill -9 of the leader", func(f *trial) error {
		leader, err := f.leader()
		if err == nil {
			err = leader.Kill()
		}
		if err == nil {
			err = f.goesOn()
		}
		return errors.Join(err, leader.Start(), leader.Ready())
	}},
	{"kill -9 of all", func(f *trial) error { return killAll(f.cluster) }},
	{"leader cut off", func(f *trial) error {
		leader, err := f.leader()
		if err != nil {
			return err
		}
		f.cluster.Isolate(leader)
		err = f.goesOn()
		f.cluster.Rejoin(leader)
		return err
	}},
	{"follower cut off", func(f *trial) error {
		leader, err := f.leader()
		if err != nil {
			return err
		}
		for _, s := range f.cluster.Servers {
			if s != leader {
				f.cluster.Isolate(s)
				defer f.cluster.Rejoin(s)
				break
			}
		}
		return f.goesOn()
	}},
	{"SIGSTOP of the leader", func(f *trial) error {
		leader, err := f.leader()
		if err == nil {
			err = leader.Freeze()
		}
		if err != nil {
			return err
		}
		return errors.Join(f.goesOn(), leader.Thaw())
	}},
}

// waitLimit bounds everything that is waited for.
const waitLimit = time.Minute

// leader returns the server that leads the stream.
func (f *trial) leader() (*natstest.Server, error) {
	for until := time.Now().Add(waitLimit); time.Now().Before(until); {
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		info, err := f.stream.Info(ctx)
		cancel()
		if err == nil && info.Cluster != nil {
			if s := f.cluster.Named(info.Cluster.Leader); s != nil {
				return s, nil
			}
		}
	}
	return nil, errors.New("nobody leads the stream")
}

// goesOn waits until records are acknowledged again that were begun after now.
func (f *trial) goesOn() error {
	const enough = 20
	began := f.acks.Load()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(waitLimit); time.Now().Before(until); <-tick.C {
		if f.acks.Load() >= began+enough {
			return nil
		}
	}
	return fmt.Errorf("nothing is acknowledged for %v", waitLimit)
}

// write appends records one after the other until the context ends, each until it is
// acknowledged, as who sends events does.
func (f *trial) write(ctx context.Context, l *lognats.Log, name string) {
	for n := 0; ctx.Err() == nil; n++ {
		text := fmt.Sprintf("%s record %d", name, n)
		for ctx.Err() == nil {
			seq, err := l.Append(context.WithoutCancel(ctx), []byte(text))
			f.mu.Lock()
			if err != nil {
				f.unknown[text]++
				f.mu.Unlock()
				if !errors.Is(err, log.ErrAway) {
					f.t.Errorf("append: %v", err)
				}
				continue
			}
			if other, twice := f.acked[seq]; twice {
				f.t.Errorf("sequence %d is that of %q and of %q", seq, other, text)
			}
			f.acked[seq] = text
			f.mu.Unlock()
			f.acks.Add(1)
			break
		}
	}
}

// read reads the log until what is read has the length of the log when done is closed.
func (f *trial) read(l *lognats.Log, done <-chan struct{}) (seen []log.Record, err error) {
	for end := uint64(0); end == 0 || uint64(len(seen)) < end; {
		select {
		case <-done:
			if end, err = l.Head(f.t.Context()); err != nil && !errors.Is(err, log.ErrAway) {
				return seen, err
			}
		default:
		}
		records, err := l.Read(f.t.Context(), uint64(len(seen)), 50)
		if err != nil && !errors.Is(err, log.ErrAway) {
			return seen, err
		}
		for _, r := range records {
			if r.Seq != uint64(len(seen)+1) {
				return seen, fmt.Errorf("record %d comes after record %d", r.Seq, len(seen))
			}
			seen = append(seen, r)
		}
		if len(records) == 0 {
			wait, cancel := context.WithTimeout(f.t.Context(), time.Second)
			_ = l.Wait(wait, uint64(len(seen))) // then it looks
			cancel()
		}
	}
	return seen, nil
}

// judge compares what was acknowledged with what is stored.
func (f *trial) judge(seen []log.Record) (copies int) {
	times := map[string]int{}
	for _, r := range seen {
		times[string(r.Blob)]++
	}
	for seq, text := range f.acked {
		if seq > uint64(len(seen)) || string(seen[seq-1].Blob) != text {
			f.t.Errorf("%q was acknowledged as record %d and is not there", text, seq)
		}
	}
	for text, n := range times {
		if n > 1+f.unknown[text] {
			f.t.Errorf("%q is stored %d times after %d appends of unknown end", text, n, f.unknown[text])
		}
		copies += n - 1
	}
	return copies
}

// TestFaultsOfCluster hurts a cluster at work. Whatever was acknowledged is there,
// under its sequence; readers see every record in order and skip none; and what is
// stored again was sent again, after an append whose end nobody knew.
func TestFaultsOfCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for elections: make test does, make faults-log longer")
	}
	t.Parallel()
	f := &trial{t: t, cluster: natstest.Start(t, 3, natstest.Options{}), acked: map[uint64]string{}, unknown: map[string]int{}}
	f.at = withStream(f.cluster.URL())
	said := lognats.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	logs := []*lognats.Log{open(t, f.at, said)}
	mustAppend(t, logs[0], "first")
	for range 3 {
		logs = append(logs, open(t, f.at, said))
	}
	_, js := jetStream(t, f.at)
	var err error
	if f.stream, err = js.Stream(t.Context(), logs[0].Name()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing, reading sync.WaitGroup
	for i, l := range logs[:3] {
		writing.Go(func() { f.write(ctx, l, fmt.Sprint("writer ", i)) })
	}
	done := make(chan struct{})
	var seen []log.Record
	var readErr error
	reading.Go(func() { seen, readErr = f.read(logs[3], done) })
	for _, one := range faultOrder() {
		began, unknown := time.Now(), f.unknowns()
		if err := errors.Join(f.goesOn(), one.does(f), f.goesOn()); err != nil {
			t.Errorf("%s: %v", one.name, err)
			break
		}
		t.Logf("%-22s over after %5d ms, %d appends of unknown end", one.name, time.Since(began).Milliseconds(), f.unknowns()-unknown)
	}
	stop()
	writing.Wait()
	close(done)
	reading.Wait()
	if readErr != nil {
		t.Error(readErr)
	}
	copies := f.judge(seen)
	again, err := f.read(open(t, f.at, lognats.Options{}), done)
	if err != nil || len(again) != len(seen) {
		t.Errorf("read again %d records, %v; want %d", len(again), err, len(seen))
	}
	for i, r := range again {
		if i < len(seen) && (r.At != seen[i].At || string(r.Blob) != string(seen[i].Blob)) {
			t.Errorf("record %d is another when it is read again", r.Seq)
		}
	}
	t.Logf("%d records acknowledged, %d stored, %d of them again, %d appends of unknown end", len(f.acked), len(seen), copies, f.unknowns())
	if len(f.acked) == 0 || len(seen) == 0 {
		t.Error("nothing was checked")
	}
}

func (f *trial) unknowns() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, times := range f.unknown {
		n += times
	}
	return n
}

// faultOrder is which faults are done, in a random order.
func faultOrder() []clusterFault {
	if *faultsOften == 0 {
		return clusterFaults[:2]
	}
	var all []clusterFault
	for range *faultsOften {
		all = append(all, clusterFaults...)
	}
	random := rand.New(rand.NewPCG(*faultSeed, 5))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
