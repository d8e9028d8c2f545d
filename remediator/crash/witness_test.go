package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/makegood/makegood/remediator/input"
)

// witness sends events to nodes while another is gone, to each by itself, and remembers
// what they answer.
type witness struct {
	asked    atomic.Int64
	mu       sync.Mutex
	acked    []string // ids of events
	statuses map[int]int
	failed   []error
}

// watch sends events to nodes until it is stopped. It then returns how many of them each
// node acknowledged, at the least.
func (w *witness) watch(nodes []*member) (stop func() (least int)) {
	done := make(chan struct{})
	acks := make([]int, len(nodes))
	var watching sync.WaitGroup
	for i, m := range nodes {
		watching.Go(func() {
			beat := time.NewTicker(tickEvery)
			defer beat.Stop()
			for {
				select {
				case <-done:
					return
				case <-beat.C:
					if w.ask(m) {
						acks[i]++
					}
				}
			}
		})
	}
	return func() int {
		close(done)
		watching.Wait()
		least := math.MaxInt
		for _, n := range acks {
			least = min(least, n)
		}
		return least
	}
}

// ask sends an event to a node, and reports whether it was acknowledged.
func (w *witness) ask(m *member) bool {
	id := fmt.Sprintf("witness-%d", w.asked.Add(1))
	resp, err := http.Post("http://"+m.config.Listen+"/v1/events", "application/cloudevents+json",
		strings.NewReader(fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/witness","type":"com.example.tick"}`, id)))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		err = errors.Join(err, resp.Body.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = append(w.failed, err)
		return false
	}
	w.statuses[resp.StatusCode]++
	if resp.StatusCode == http.StatusAccepted {
		w.acked = append(w.acked, id)
	}
	return resp.StatusCode == http.StatusAccepted
}

// judge holds that nodes acknowledged or asked to come again, and that the log has all
// that they acknowledged.
func (w *witness) judge(f *fleet) error {
	if len(w.failed) > 0 {
		return fmt.Errorf("%d events were not answered, as with %w", len(w.failed), w.failed[0])
	}
	for status, n := range w.statuses {
		if status != http.StatusAccepted && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			return fmt.Errorf("%d events were answered %d", n, status)
		}
	}
	stored, err := f.stored("/witness")
	if err != nil {
		return err
	}
	lost := 0
	for _, id := range w.acked {
		if !stored[id] {
			lost++
		}
	}
	f.t.Logf("meanwhile %d events acknowledged by the others, %d answered 503, %d lost", len(w.acked), w.statuses[http.StatusServiceUnavailable], lost)
	if lost > 0 || len(w.acked) == 0 {
		return fmt.Errorf("%d of %d acknowledged events are not in the log", lost, len(w.acked))
	}
	return nil
}

// stored are the ids of a source's events that the log has.
func (f *fleet) stored(source string) (map[string]bool, error) {
	log, err := f.round.home.openLog(f.t.Context())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ids := map[string]bool{}
	for after := uint64(0); ; {
		records, err := log.Read(f.t.Context(), after, 64)
		if err != nil || len(records) == 0 {
			return ids, err
		}
		for _, record := range records {
			after = record.Seq
			inputs, err := input.DecodeRecord(record.Blob, record.At)
			if err != nil {
				return nil, err
			}
			for _, in := range inputs {
				var event struct{ ID, Source string }
				if in.Kind == input.Event && json.Unmarshal(in.Body, &event) == nil && event.Source == source {
					ids[event.ID] = true
				}
			}
		}
	}
}
