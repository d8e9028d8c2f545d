package decide_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// world makes a log that exercises every rule of testdata/rules: events in and
// out of order, repeats, outcomes of the actions decided so far, what people do
// about remedies, cords, money and rules, numbered events that are passed over, ticks. It drives a fold of its own to
// know what to answer.
type world struct {
	t        testing.TB
	random   *rand.Rand
	fold     *decide.Fold
	memory   *decide.RAM
	now      int64
	inputs   []input.Input
	jobs     []decide.Job
	held     []uuid.UUID
	decided  map[uuid.UUID]money.Money // amounts, by action
	live     map[uuid.UUID]decide.RemedyFact
	ended    []uuid.UUID
	paid     map[uuid.UUID]bool  // actions that were carried out
	unknown  []uuid.UUID         // remedies with an attempt of which nobody knows the end
	waits    string              // digest of the proposal that waits
	bulks    []uuid.UUID         // that were asked for
	listing  *decide.CommandBody // the part of a list of which the rest is to come
	emitters []*emitter
	refunds  []decide.Job // of which a provider was asked
	coes     []decide.COEFact
}

var start = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

func ruleFiles(t testing.TB) []rule.File {
	t.Helper()
	text, err := os.ReadFile("testdata/rules/all.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return []rule.File{{Path: "all.yaml", Text: string(text)}}
}

func encode(t testing.TB, body any) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func genesis(t testing.TB) input.Input {
	return input.Input{ID: "genesis", Kind: input.Genesis, At: start, Body: encode(t, decide.GenesisBody{
		LogID: "log-1", HashKey: []byte("0123456789abcdef"), LedgerKey: "key", Created: "2001-01-01T00:00:00Z",
		Version: 1, LatenessS: 3600,
	})}
}

func activation(t testing.TB, id string, files []rule.File) input.Input {
	return input.Input{ID: id, Kind: input.Activate, At: start, Body: encode(t, decide.ActivateBody{Files: files, Author: "ann"})}
}

func newWorld(t testing.TB, seed uint64, length int) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 7)), memory: decide.NewMemory(), now: start,
		decided: map[uuid.UUID]money.Money{}, live: map[uuid.UUID]decide.RemedyFact{}, paid: map[uuid.UUID]bool{}}
	w.fold = decide.New(decide.Config{Memory: w.memory})
	files := ruleFiles(t)
	w.push(genesis(t))
	w.push(activation(t, "rules-1", files))
	for len(w.inputs) < length {
		w.next()
		if len(w.inputs) == length/2 {
			edited := []rule.File{{Path: files[0].Path, Text: strings.Replace(files[0].Text, "within: 90m", "within: 80m", 1) + "\n# edited\n"}}
			w.push(activation(t, "rules-2", edited))
		}
		if len(w.inputs)%250 == 200 {
			w.compareBooks()
		}
	}
	return w
}

// push folds an input as the next one of the log.
func (w *world) push(in input.Input) {
	out, err := w.fold.Apply([]input.Input{in})
	if err != nil {
		w.t.Fatal(err)
	}
	w.memory.Commit(out)
	w.inputs = append(w.inputs, in)
	w.jobs = append(w.jobs, out.Outbox...)
	if out.Proposal != nil {
		if w.waits = out.Proposal.Digest; out.Proposal.Answered {
			w.waits = ""
		}
	}
	for _, b := range out.Bulks {
		if b.Status == decide.BulkHeld && len(b.Approvals) == 0 {
			w.bulks = append(w.bulks, b.Bulk)
		}
	}
	for _, item := range out.Items {
		if item.Fact != nil && item.Fact.Kind == decide.KindEnd {
			w.ended = append(w.ended, item.Fact.Remedy)
		}
		if item.Fact != nil && item.Fact.Kind == decide.KindCOE {
			w.learn(item.Fact)
		}
		if item.Fact != nil && item.Fact.Kind == decide.KindAction {
			w.attempted(item.Fact)
		}
		if item.Fact == nil || item.Fact.Kind != decide.KindRemedy {
			continue
		}
		var r decide.RemedyFact
		if err := json.Unmarshal(item.Fact.Body, &r); err != nil {
			w.t.Fatal(err)
		}
		for _, s := range r.Steps {
			if s.Amount != nil {
				w.decided[s.Action] = *s.Amount
			}
		}
		if r.Mode == "live" {
			w.live[r.Remedy] = r
		}
		if r.Decision == decide.Hold && r.Mode == "live" {
			w.held = append(w.held, r.Remedy)
		}
	}
}

// attempted remembers what an action really moved.
func (w *world) attempted(f *decide.Fact) {
	var a decide.ActionFact
	if err := json.Unmarshal(f.Body, &a); err != nil {
		w.t.Fatal(err)
	}
	if a.Status != decide.Succeeded && a.Status != decide.Pending {
		return
	}
	w.paid[f.Action] = true
	if a.Amount != nil {
		w.decided[f.Action] = *a.Amount
	}
}

func (w *world) next() {
	w.now += w.random.Int64N(int64(4 * time.Minute))
	id := fmt.Sprintf("in-%d", len(w.inputs))
	switch n := w.random.IntN(100); {
	case n < 3 && len(w.inputs) > 2:
		w.push(w.inputs[2+w.random.IntN(len(w.inputs)-2)])
	case n < 5:
		w.push(input.Input{Kind: input.Tick, At: w.now})
	case n < 7:
		w.push(w.skipped())
	case n < 9:
		w.push(input.Input{Kind: input.Seen, At: w.now, Body: encode(w.t, w.seen())})
	case n < 26 && len(w.jobs) > 0:
		w.push(input.Input{ID: id, Kind: input.Outcome, At: w.now, Body: encode(w.t, w.outcome())})
	case n < 50:
		w.people(id)
	case n < 58 && len(w.held) > 0:
		w.push(input.Input{ID: id, Kind: input.Command, At: w.now, Body: encode(w.t, w.command())})
	default:
		w.push(input.Input{ID: w.eventID(id), Kind: input.Event, At: w.now, Body: w.event()})
	}
}

func (w *world) outcome() decide.OutcomeBody {
	i := w.random.IntN(len(w.jobs))
	job := w.jobs[i]
	o := decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy}
	statuses := []string{decide.Succeeded, decide.Succeeded, decide.Succeeded, decide.Failed, decide.Retrying, decide.Unknown, decide.Blocked, decide.Pending}
	o.Status, o.Attempt = statuses[w.random.IntN(len(statuses))], 1+w.random.IntN(3)
	if o.Status == decide.Succeeded && w.random.IntN(4) == 0 {
		decided := w.decided[job.Action]
		o.Amount = &money.Money{Minor: 1 + w.random.Int64N(decided.Minor), Currency: decided.Currency}
	}
	if job.Kind == rule.Refund {
		o.Ref = "re-" + job.Action.String()
		w.refunds = append(w.refunds, job)
	}
	if o.Status != decide.Retrying && o.Status != decide.Unknown {
		w.jobs = append(w.jobs[:i], w.jobs[i+1:]...)
	} else {
		w.unknown = append(w.unknown, job.Remedy)
	}
	return o
}

func (w *world) command() decide.CommandBody {
	people := []string{"ann", "bob", "cem", "dee"}
	c := decide.CommandBody{Command: "approve", Remedy: w.held[w.random.IntN(len(w.held))], By: people[w.random.IntN(4)], Roles: []string{"approver"}}
	if w.random.IntN(5) == 0 {
		c.Command = "deny"
	}
	if w.random.IntN(3) == 0 {
		c.Reason = "as agreed"
	}
	if w.random.IntN(8) == 0 {
		c.Roles = []string{"agent"}
	}
	return c
}

func (w *world) event() []byte {
	n := w.random.IntN(len(w.inputs) + 1)
	at := w.now - w.random.Int64N(int64(80*time.Minute))
	fare := fmt.Sprintf("%d.%02d USD", 20+w.random.IntN(500), w.random.IntN(100))
	if w.random.IntN(6) == 0 {
		fare = fmt.Sprintf("%d JPY", 500+w.random.IntN(40000))
	}
	customer := fmt.Sprintf(`,"customer":"c-%d"`, w.random.IntN(12))
	if w.random.IntN(15) == 0 {
		customer = ""
	}
	booking := fmt.Sprintf(`"booking":"bk-%d",`, n)
	if w.random.IntN(20) == 0 {
		booking = ""
	}
	delay := fmt.Sprint(w.random.IntN(300))
	if w.random.IntN(40) == 0 {
		delay = `"long"` // a condition that cannot be judged
	}
	id, eventType := fmt.Sprintf("ev-%d", n), "arrived"
	switch w.random.IntN(8) {
	case 0, 1:
		id, eventType = fmt.Sprintf("dep-%d", n), "departed"
	case 2:
		id, eventType = fmt.Sprintf("div-%d", n), "diverted"
	}
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/ops","type":"com.example.flight.%s"%s,"time":%q,"data":{%s"payment":"pi_%d","fare":%q,"origin":"A%d","delay":%s}}`,
		id, eventType, customer, time.Unix(0, at).UTC().Format(time.RFC3339Nano), booking, w.random.IntN(400), fare, w.random.IntN(4), delay)
}
