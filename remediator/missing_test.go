package remediator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/missing"
)

// journey is clients of the SDK that emit, a way on which requests are lost,
// overtake each other and come twice, the door, and a fold that is thrown away and
// restored.
type journey struct {
	t        *rapid.T
	door     http.Handler
	memory   *decide.RAM
	fold     *decide.Fold
	now      int64
	inputs   []input.Input // of the log
	snapshot *decide.Snapshot

	clients  []uuid.UUID
	next     map[uuid.UUID]uint64
	bad      map[input.Sequence]bool // refused at the door
	flight   []run                   // requests that are not answered
	lost     []run                   // answered by somebody else
	here     map[input.Sequence]bool // came, or was refused
	over     map[input.Sequence]int64
	reported map[input.Sequence]bool // by facts: missing, and not closed
	standing map[uuid.UUID]uint64    // by outputs: how many are missing
	saw      map[string]int
}

// run is events of a client in one request.
type run struct {
	client      uuid.UUID
	first, last uint64
}

const journeyStart = int64(1_000_000_000e9)

func newJourney(t *rapid.T, saw map[string]int) *journey {
	j := &journey{t: t, memory: decide.NewMemory(), now: journeyStart, next: map[uuid.UUID]uint64{}, bad: map[input.Sequence]bool{},
		here: map[input.Sequence]bool{}, over: map[input.Sequence]int64{}, reported: map[input.Sequence]bool{}, standing: map[uuid.UUID]uint64{}, saw: saw}
	j.fold = decide.New(decide.Config{Memory: j.memory})
	j.door = ingest.New(ingest.Config{Log: journeyLog(j.append)})
	began := uint64(journeyStart/1e6) + 1
	for n := range 2 {
		id := uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012x", began>>16, began&0xffff, n))
		j.clients, j.next[id] = append(j.clients, id), 1
	}
	body, err := json.Marshal(decide.GenesisBody{LogID: "log", HashKey: make([]byte, 16), LedgerKey: "key", Version: decide.Version, LatenessS: 3600})
	if err != nil {
		t.Fatal(err)
	}
	j.append([]input.Input{{Kind: input.Genesis, Body: body}})
	return j
}

type journeyLog func([]input.Input)

func (l journeyLog) Append(_ context.Context, inputs []input.Input) error {
	l(inputs)
	return nil
}

// append is the log: it stamps, keeps and folds.
func (j *journey) append(inputs []input.Input) {
	for i := range inputs {
		inputs[i].At = j.now
		inputs[i].Body = bytes.Clone(inputs[i].Body)
	}
	j.inputs = append(j.inputs, inputs...)
	out, err := j.fold.Apply(inputs)
	if err != nil {
		j.t.Fatal(err)
	}
	j.memory.Commit(out)
	if out.Snapshot != nil {
		j.snapshot = out.Snapshot
	}
	for _, g := range out.Gaps {
		j.standing[g.Client] = g.Missing
	}
	for _, item := range out.Items {
		if item.Fact != nil && item.Fact.Kind == decide.KindGap {
			j.hear(*item.Fact)
		}
	}
}

func (j *journey) hear(fact decide.Fact) {
	var g decide.GapFact
	if err := json.Unmarshal(fact.Body, &g); err != nil {
		j.t.Fatal(err)
	}
	j.saw[g.Status]++
	for n := g.First; n <= g.Last; n++ {
		s := input.Sequence{Client: g.Client, Number: n}
		if j.reported[s] != (g.Status == missing.Closed) {
			j.t.Fatalf("number %d was reported: %v, and now %s", n, j.reported[s], fact.Body)
		}
		if g.Status == missing.Closed {
			delete(j.reported, s)
		} else {
			j.reported[s] = true
		}
	}
}

// emit makes a request of the next events of a client.
func (j *journey) emit() {
	client := rapid.SampledFrom(j.clients).Draw(j.t, "client")
	r := run{client, j.next[client], j.next[client] + rapid.Uint64Range(0, 7).Draw(j.t, "events")}
	for n := r.first; n <= r.last; n++ {
		j.bad[input.Sequence{Client: client, Number: n}] = rapid.IntRange(0, 4).Draw(j.t, "bad") == 0
	}
	j.next[client] = r.last + 1
	j.flight = append(j.flight, r)
}

// travel lets something become of one of the requests under way.
func (j *journey) travel() {
	i := rapid.IntRange(0, len(j.flight)-1).Draw(j.t, "request")
	r := j.flight[i]
	gone := func() { j.flight = append(j.flight[:i], j.flight[i+1:]...) }
	what := rapid.SampledFrom([]string{"taken", "taken", "taken", "answer lost", "swallowed", "too large", "broken"}).Draw(j.t, "what")
	j.saw[what]++
	switch what {
	case "taken":
		j.send(r)
		gone()
	case "answer lost":
		j.send(r)
	case "swallowed":
		j.lost = append(j.lost, r)
		gone()
	case "too large", "broken": // the SDK divides a request; a single event is refused for good
		if what == "broken" {
			j.post(r, `{"specversion`, http.StatusBadRequest)
		}
		if gone(); r.first == r.last {
			j.lost = append(j.lost, r)
			return
		}
		half := r.first + (r.last-r.first+1)/2
		j.flight = append(j.flight, run{r.client, r.first, half - 1}, run{r.client, half, r.last})
	}
}

// send brings a request to the door.
func (j *journey) send(r run) {
	status := http.StatusAccepted
	for n := r.first; n <= r.last; n++ {
		if s := (input.Sequence{Client: r.client, Number: n}); j.bad[s] {
			status = http.StatusBadRequest
		}
	}
	for n := uint64(1); n <= r.last; n++ {
		s := input.Sequence{Client: r.client, Number: n}
		if n >= r.first {
			j.here[s] = true
			delete(j.over, s)
		} else if _, known := j.over[s]; !known && !j.here[s] {
			j.over[s] = j.now
		}
	}
	j.post(r, "", status)
}

// post posts the events of a request, and what comes after them.
func (j *journey) post(r run, more string, want int) {
	var events []string
	for n := r.first; n <= r.last; n++ {
		text := fmt.Sprintf(`{"specversion":"1.0","id":"%s/%d","source":"shop","type":"com.example.cart"}`, r.client, n)
		if j.bad[input.Sequence{Client: r.client, Number: n}] {
			text = `{"specversion":"1.0"}`
		}
		events = append(events, text)
	}
	if more != "" {
		events = append(events, more)
	}
	req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader("["+strings.Join(events, ",")+"]"))
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Makegood-Batch", fmt.Sprintf("%s.%d", r.client, r.first))
	w := httptest.NewRecorder()
	j.door.ServeHTTP(w, req)
	if w.Code != want {
		j.t.Fatalf("the door answers %d %s, want %d", w.Code, w.Body, want)
	}
}

// pass lets time go by.
func (j *journey) pass(d time.Duration) {
	j.now += int64(d)
	j.append([]input.Input{{Kind: input.Tick}})
}

// crash throws the fold away and restores it.
func (j *journey) crash() {
	var from uint64
	config := decide.Config{Memory: j.memory}
	again := decide.New(config)
	if j.snapshot != nil {
		var err error
		if again, err = decide.Restore(config, j.snapshot.State); err != nil {
			j.t.Fatal(err)
		}
		from = j.snapshot.Position.Ordinal
		j.saw["restored from a snapshot"]++
	}
	if _, err := again.Apply(j.inputs[from:]); err != nil {
		j.t.Fatal(err)
	}
	_, want, err := j.fold.State()
	if err != nil {
		j.t.Fatal(err)
	}
	if _, got, err := again.State(); err != nil || got != want {
		j.t.Fatalf("the state is another one after a restart: %v", err)
	}
	j.fold = again
}

// compare holds what is reported to the truth.
func (j *journey) compare() {
	truth := map[uuid.UUID]uint64{}
	for s, since := range j.over {
		if since+missing.GapAfter > j.now {
			continue
		}
		truth[s.Client]++
		if !j.reported[s] {
			j.t.Fatalf("number %d of %s is missing since %s, and was not reported", s.Number, s.Client, time.Duration(j.now-since))
		}
	}
	for _, c := range j.clients {
		if j.standing[c] != truth[c] {
			j.t.Fatalf("of %s %d events are said to be missing, it is %d", c, j.standing[c], truth[c])
		}
	}
}

// TestReportedGapsAreTheTruth loses requests at random, lets them overtake each other
// and come twice, divides them, has single events refused, and restarts the fold:
// what is reported as missing is what never came, exactly, and all of it is closed
// once it comes.
func TestReportedGapsAreTheTruth(t *testing.T) {
	t.Parallel()
	saw := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		j := newJourney(t, saw)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch n := rapid.IntRange(0, 9).Draw(t, "step"); {
			case n < 3 || len(j.flight) == 0 && n < 7:
				j.emit()
			case n < 7:
				j.travel()
			case n == 7 && len(j.lost) > 0: // it was not lost, but late
				i := rapid.IntRange(0, len(j.lost)-1).Draw(t, "late")
				j.flight = append(j.flight, j.lost[i])
				j.lost = append(j.lost[:i], j.lost[i+1:]...)
			case n == 8:
				j.crash()
			default:
				j.pass(time.Duration(rapid.IntRange(0, rapid.SampledFrom([]int{400, 3000}).Draw(t, "most")).Draw(t, "seconds")) * time.Second)
			}
			j.compare()
		}
		for _, r := range append(j.flight, j.lost...) {
			j.send(r)
			j.compare()
		}
		j.pass(2 * time.Duration(missing.GapAfter))
		j.crash()
		if j.compare(); len(j.reported) > 0 {
			t.Fatalf("all came, and %v are still reported", j.reported)
		}
	})
	if saw[missing.Forgotten] > 0 {
		t.Errorf("%d holes were forgotten", saw[missing.Forgotten])
	}
	if testing.Short() {
		return // a few journeys need not see everything
	}
	for _, what := range []string{"taken", "answer lost", "swallowed", "too large", "broken", missing.Missing, missing.Closed, "restored from a snapshot"} {
		if saw[what] == 0 {
			t.Errorf("never was anything %s", what)
		}
	}
}
