package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	takeovers = flag.Int("crash.takeovers", 0, "kill so many leaders, and end a fifth as many as planned")
	windows   = flag.Int("crash.windows", 1_000_000, "windows in the state that is taken over")
)

const (
	// eventsABatch is how many events fill windows in one request.
	eventsABatch = 1000
	// killsForOneEnd is how many leaders are killed for each that is ended as planned.
	killsForOneEnd = 5
	// tickEvery is how often something comes that is to be decided, and so how exact the
	// measurement is.
	tickEvery = 10 * time.Millisecond
	// killedTarget and endedTarget are for how long nothing may be decided in 99 of 100
	// takeovers.
	killedTarget = 5 * time.Second
	endedTarget  = 500 * time.Millisecond
	// fillPatience is how long the nodes may take to fold what fills the windows.
	fillPatience = 10 * time.Minute
)

// TestTakeover measures for how long nothing is decided when the leader of three nodes
// is killed, and when it is ended as planned, with a million windows in the state. The
// others go on taking events meanwhile, and lose none that they acknowledged. It runs
// when it is asked for: make bench-takeover.
func TestTakeover(t *testing.T) {
	if *takeovers == 0 {
		t.Skip("it measures: make bench-takeover")
	}
	f, err := startFleet(t, *seed, "windows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := f.fillWindows(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d windows are open on %d nodes after %v", *windows, members, time.Since(began).Round(time.Second))
	stop := f.tick()
	defer stop()
	var killed, ended []time.Duration
	w := &witness{statuses: map[int]int{}}
	for i := range *takeovers {
		took, err := f.takeover((*process).kill, w)
		if err != nil {
			t.Fatalf("kill %d: %v", i+1, err)
		}
		killed = append(killed, took)
		t.Logf("killed %3d: %v", i+1, took.Round(time.Millisecond))
		if i%killsForOneEnd != 0 {
			continue
		}
		if took, err = f.takeover((*process).stop, w); err != nil {
			t.Fatalf("planned end after kill %d: %v", i+1, err)
		}
		ended = append(ended, took)
		t.Logf("ended as planned: %v", took.Round(time.Millisecond))
	}
	stop()
	report(t, "killed", killed, killedTarget)
	report(t, "ended as planned", ended, endedTarget)
	if err := w.judge(f); err != nil {
		t.Error(err)
	}
	if r, err := f.round.verify(); err != nil || !r.Verified {
		t.Errorf("the ledger does not verify: %v %v", err, r.Findings)
	}
}

// takeover ends the leader and returns for how long nothing was decided, until the
// next one did, while a witness asks the others. Then it brings the node back and waits
// until all follow.
func (f *fleet) takeover(end func(*process) error, w *witness) (time.Duration, error) {
	m, epoch, err := f.leader()
	if err != nil {
		return 0, err
	}
	stop := w.watch(slices.DeleteFunc(slices.Clone(f.nodes[:]), func(other *member) bool { return other == m }))
	ended := make(chan error, 1)
	go func() { ended <- end(m.process) }()
	gap, err := f.undecided(epoch)
	least := stop()
	if err := errors.Join(err, <-ended); err != nil {
		return 0, err
	}
	if least == 0 {
		return 0, errors.New("another node acknowledged nothing meanwhile")
	}
	if err := f.start(m); err != nil {
		return 0, err
	}
	return gap, f.allFollow()
}

// undecided returns for how long nothing was decided before somebody decided under
// a later lease than that of an epoch.
func (f *fleet) undecided(epoch int64) (gap time.Duration, err error) {
	var seen, last, base int64
	var changed time.Time
	err = f.until("another node decides", func() (bool, error) {
		var ordinal int64
		if err := f.db.QueryRow(`SELECT lease.epoch, applied.ordinal FROM lease, applied`).Scan(&seen, &ordinal); err != nil {
			return false, err
		}
		now := time.Now()
		decided := ordinal != last && !changed.IsZero()
		switch {
		case base > 0 && ordinal > base:
			gap = max(gap, now.Sub(changed))
			return true, nil
		case seen > epoch && base == 0:
			if base = ordinal; decided { // by the former leader, or by this one already
				gap = now.Sub(changed)
			}
		}
		if ordinal != last {
			last, changed = ordinal, now
		}
		return false, nil
	})
	return gap, err
}

// fillWindows opens a window for each of many keys and waits until all nodes have
// folded that.
func (f *fleet) fillWindows() error {
	batches := make(chan int)
	failed := make(chan error, members)
	var senders sync.WaitGroup
	for range members {
		senders.Go(func() {
			for from := range batches {
				if err := f.fill(from); err != nil {
					failed <- err
					for range batches { // take what is left, so that nobody waits
					}
				}
			}
		})
	}
	for from := 0; from < *windows; from += eventsABatch {
		batches <- from
	}
	close(batches)
	senders.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return f.allFollow()
	}
}

// fill sends events, each of a key of its own, until they are taken.
func (f *fleet) fill(from int) error {
	var body bytes.Buffer
	for i := from; i < min(from+eventsABatch, *windows); i++ {
		fmt.Fprintf(&body, `,{"specversion":"1.0","id":"%d","source":"/fill","type":"com.example.parcel.damaged","data":{"address":"a-%d"}}`, i, i)
	}
	body.WriteByte(']')
	body.Bytes()[0] = '['
	for late := time.Now().Add(fillPatience); time.Now().Before(late); {
		if status, err := f.post(body.Bytes()); err != nil || status == http.StatusAccepted {
			return err
		}
		<-time.After(tickEvery) // the nodes have enough for the moment
	}
	return errors.New("the nodes take no events")
}

// post sends a batch of events to whichever node answers.
func (f *fleet) post(body []byte) (status int, err error) {
	resp, err := http.Post(f.url+"/v1/events", "application/cloudevents-batch+json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}

// tick sends an event now and then until it is stopped; twice does nothing.
func (f *fleet) tick() (stop func()) {
	done := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		beat := time.NewTicker(tickEvery)
		defer beat.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-beat.C:
				// What is not taken is no loss: the next one comes soon.
				_, _ = f.post(fmt.Appendf(nil, `[{"specversion":"1.0","id":"%d","source":"/tick","type":"com.example.tick"}]`, n))
			}
		}
	})
	return sync.OnceFunc(func() { close(done); ticking.Wait() })
}

// allFollow waits until every node has folded what the log holds by now.
func (f *fleet) allFollow() error {
	var head uint64
	if err := f.db.QueryRow(`SELECT seq FROM log_head`).Scan(&head); err != nil {
		return err
	}
	late := time.Now().Add(fillPatience)
	for _, m := range f.nodes {
		for {
			if folded, err := m.folded(); err == nil && folded >= head {
				break
			}
			if time.Now().After(late) {
				return fmt.Errorf("%s does not follow: %s", m.config.Node, m.process.said())
			}
			<-time.After(tickEvery)
		}
	}
	return nil
}

// folded is the last record of the log that a node has folded.
func (m *member) folded() (uint64, error) {
	resp, err := http.Get("http://" + m.config.Listen + "/healthz")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var health struct{ Record uint64 }
	err = json.NewDecoder(resp.Body).Decode(&health)
	return health.Record, err
}

// report prints what was measured, and fails when the target is not reached.
func report(t *testing.T, how string, took []time.Duration, target time.Duration) {
	t.Helper()
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1)+0.5)].Round(time.Millisecond)
	}
	reached := map[bool]string{true: "reached", false: "not reached"}[at(0.99) < target]
	t.Logf("leader %-17s %3d times; nothing was decided for: median %v, p90 %v, p99 %v, most %v; target for p99 %v: %s",
		how, len(took), at(0.5), at(0.9), at(0.99), at(1), target, reached)
	if at(0.99) >= target {
		t.Errorf("leader %s: nothing was decided for %v, the target is %v", how, at(0.99), target)
	}
}
