package decide_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

var (
	limitDraws = flag.Int("decide.draws", 150, "hold limits and keys against their model for so many drawn rules and logs")
	limitSeed  = flag.Uint64("decide.seed", 0, "draw this one only")
)

const limitInputs = 60 // of one draw

// TestLimitsEqualNaiveModel holds limits, once_per, approvals and what expires against
// a model that keeps all that ever happened: drawn rules, which are edited on the way,
// and drawn logs. Each input must lead to the same decisions with the same figures, the
// same ends and the same jobs. A draw is its seed, and fails at the first input that
// differs.
func TestLimitsEqualNaiveModel(t *testing.T) {
	t.Parallel()
	first, draws := uint64(1), *limitDraws
	if testing.Short() {
		draws /= 10
	}
	if *limitSeed != 0 {
		first, draws = *limitSeed, 1
	}
	seen := map[string]int{}
	for seed := range uint64(draws) {
		newLimitDraw(t, first+seed, seen).run()
	}
	t.Logf("%d draws of %d inputs, %v", draws, limitInputs, seen)
	if draws < 100 {
		return // a few are too few for everything
	}
	for _, what := range limitOutcomes {
		if seen[what] == 0 {
			t.Errorf("no draw had %q: nothing was shown of it", what)
		}
	}
}

// limitOutcomes are words of which the draws must have each.
var limitOutcomes = []string{
	"act", "hold", "suppress", "shadow", "duplicate", "no-key", "2 needed", "job", "approve ", "deny", "refused approve", "refused resume", "refused retry", "resume ", againAndAgain + "act", againAndAgain + "hold", "pull ",
	"held budget", "held per_customer", "held currency", `above "per_customer, budget"`,
	"done", "failed", "denied", "expired", "skipped", `above "budget"`,
	`"error"`, `"no customer"`, `"old"`, `"already refunded"`, `"currency"`, `"per_remedy"`, `"per_customer"`, `"budget"`, `"paused"`, `"storm"`, `"approve_above"`,
}

// againAndAgain begins what a retry of a retry was decided to.
const againAndAgain = "retry of a retry: "

// limitDraw is one draw: the fold and the model on the same log.
type limitDraw struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	memory *decide.RAM
	fold   *decide.Fold
	model  *limitModel
	labels map[uuid.UUID]string // of remedies, as the model calls them
	ids    map[string]uuid.UUID
	facts  map[string]decide.RemedyFact
	jobs   []decide.Job
	sent   []input.Input
	said   []limitEvent
	log    []string
	seen   map[string]int
}

func newLimitDraw(t *testing.T, seed uint64, seen map[string]int) *limitDraw {
	d := &limitDraw{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 11)), memory: decide.NewMemory(), labels: map[uuid.UUID]string{},
		ids: map[string]uuid.UUID{}, facts: map[string]decide.RemedyFact{}, seen: seen}
	d.fold = decide.New(decide.Config{Memory: d.memory})
	d.model = newLimitModel(d.drawRules())
	d.apply(genesis(t))
	d.activate()
	return d
}

func (d *limitDraw) run() {
	for n := range limitInputs {
		at := d.model.now + d.gap()
		id := fmt.Sprintf("in-%d", n)
		switch draw := d.random.IntN(100); {
		case draw < 4 && len(d.sent) > 0:
			d.again(at)
		case draw < 24 && len(d.jobs) > 0:
			d.outcome(id, at)
		case draw < 40 && len(d.ids) > 0:
			d.answer(id, at)
		case draw < 46:
			d.stop(id, at)
		case draw < 48:
			d.model.begins(id, at)
			d.model.edit(d.edited())
			d.compare(d.activation(id, at))
		case draw < 50:
			d.restore()
		case draw < 60 && len(d.model.failed) > 0:
			d.retry(id, at)
		default:
			d.event(id, at)
		}
	}
}

// gap is how long it takes until something happens.
func (d *limitDraw) gap() int64 {
	most := []time.Duration{1, time.Second, time.Minute, 10 * time.Minute, time.Hour, time.Hour, 12 * time.Hour, 5 * 24 * time.Hour}
	return d.random.Int64N(int64(most[d.random.IntN(len(most))]))
}

// compare folds an input that the model has taken, and holds what they say of it
// against each other.
func (d *limitDraw) compare(in input.Input) {
	want := d.model.said
	got := d.apply(in)
	slices.Sort(want)
	slices.Sort(got)
	d.log = append(d.log, fmt.Sprintf("%d %s %s %s", d.model.n, time.Unix(0, in.At).UTC().Format(time.RFC3339Nano), in.Kind, in.Body))
	if !slices.Equal(got, want) {
		d.t.Fatalf("input %d of -decide.seed=%d: the fold says\n  %s\nthe model says\n  %s\nthe log is\n%s", d.model.n, d.seed,
			strings.Join(got, "\n  "), strings.Join(want, "\n  "), strings.Join(d.log, "\n"))
	}
	for _, line := range got {
		for _, what := range limitOutcomes {
			if strings.Contains(line, what) {
				d.seen[what]++
			}
		}
	}
}

// apply folds an input and returns what comes of it as the model says it.
func (d *limitDraw) apply(in input.Input) (said []string) {
	out, err := d.fold.Apply([]input.Input{in})
	if err != nil {
		d.t.Fatal(err)
	}
	d.memory.Commit(out)
	for _, item := range out.Items {
		if item.Fact != nil {
			said = append(said, d.lines(item.Fact)...)
		}
	}
	for _, job := range out.Outbox {
		said = append(said, fmt.Sprintf("job %s %s approved %t", d.labels[job.Remedy], job.Kind, job.Approved))
	}
	d.jobs = append(d.jobs, out.Outbox...)
	return said
}

// lines are what a fact says.
func (d *limitDraw) lines(f *decide.Fact) []string {
	var b struct {
		decide.RemedyFact
		Answer, By, Above, Held, Status, Name, Cord, Level, Target, Command string
		Have, Need                                                          int
		Opened                                                              any `json:"opened"` // a remedy and a pull mean different things by it
	}
	if err := json.Unmarshal(f.Body, &b); err != nil {
		d.t.Fatal(err)
	}
	label := d.labels[f.Remedy]
	switch f.Kind {
	case decide.KindRemedy:
		label = fmt.Sprintf("%s#%d", f.Rule, d.model.n)
		d.labels[f.Remedy], d.ids[label], d.facts[label] = label, f.Remedy, b.RemedyFact
		return []string{"remedy " + label + " " + described(b.Mode, b.Decision, b.Reason, b.Approvals, checksOf(b.Checks), stepsOf(b.Steps))}
	case decide.KindDuplicate:
		return []string{fmt.Sprintf("duplicate %s %s", f.Rule, b.Mode)}
	case decide.KindNoKey:
		return []string{"no-key " + f.Rule}
	case decide.KindAction:
		return []string{fmt.Sprintf("action %s %s %s", label, b.Name, b.Status)}
	case decide.KindEnd:
		return []string{fmt.Sprintf("end %s %s at %d", label, b.Status, f.At)}
	case decide.KindApproval:
		if b.Answer == "deny" {
			return []string{fmt.Sprintf("deny %s by %s, %d of %d", label, b.By, b.Have, b.Need)}
		}
		return []string{fmt.Sprintf("approve %s by %s, %d of %d, above %q", label, b.By, b.Have, b.Need, b.Above)}
	case decide.KindRefusal:
		if b.Held != "" {
			return []string{"refused " + b.Command + " held " + b.Held}
		}
		return []string{"refused " + b.Command}
	case decide.KindPause, decide.KindResume:
		return []string{fmt.Sprintf("%s %s by %s", f.Kind, b.Target, b.By)}
	case decide.KindPull:
		return []string{fmt.Sprintf("pull %s %s", b.Cord, b.Level)}
	}
	return nil
}

// checksOf writes checks down as the model does.
func checksOf(checks []decide.Check) (all []string) {
	var v limitVerdict
	for _, c := range checks {
		switch {
		case c.Count != nil:
			v.check(c.Held, "%s %d of %d", c.Check, *c.Count, c.Max)
		case c.Limit != nil:
			v.check(c.Held, "%s %s %d of %d", c.Check, c.Limit.Currency, c.Used.Minor, c.Limit.Minor)
		default:
			v.check(c.Held, "%s %s %d of nothing", c.Check, c.Used.Currency, c.Used.Minor)
		}
	}
	return v.checks
}

func stepsOf(steps []decide.Step) (all []*limitStep) {
	for _, s := range steps {
		all = append(all, &limitStep{kind: s.Kind, payment: s.Payment, currency: s.Amount.Currency, amount: s.Amount.Minor})
	}
	return all
}

// again repeats an input that came before, or an event under another input's id.
func (d *limitDraw) again(at int64) {
	if d.random.IntN(2) == 0 {
		e := d.said[d.random.IntN(len(d.said))]
		d.take(fmt.Sprintf("again-%d", d.model.n), at, e)
		return
	}
	i := d.random.IntN(len(d.sent))
	in := d.sent[i]
	in.At = at
	if !d.model.begins(in.ID, at) {
		d.model.event(d.said[i])
	}
	d.compare(in)
}

// take has both take an event.
func (d *limitDraw) take(id string, at int64, e limitEvent) {
	in := input.Input{ID: id, Kind: input.Event, At: at, Body: e.body()}
	d.sent, d.said = append(d.sent, in), append(d.said, e)
	if !d.model.begins(id, at) {
		d.model.event(e)
	}
	d.compare(in)
}

// outcome settles a job, or says that it is not settled.
func (d *limitDraw) outcome(id string, at int64) {
	i := d.random.IntN(len(d.jobs))
	job := d.jobs[i]
	o := decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy}
	statuses := []string{decide.Succeeded, decide.Succeeded, decide.Succeeded, decide.Pending, decide.Failed, decide.Failed, decide.Retrying, decide.Unknown, decide.Blocked, decide.Skipped}
	o.Status, o.Attempt = statuses[d.random.IntN(len(statuses))], 1
	paid := int64(-1)
	if o.Status == decide.Succeeded && d.random.IntN(3) == 0 {
		paid = d.random.Int64N(900)
		o.Amount = &money.Money{Minor: paid, Currency: "USD"}
	}
	label := d.labels[job.Remedy]
	d.model.begins(id, at)
	if r := d.model.find(label); paid >= 0 && r != nil {
		o.Amount.Currency = r.steps[0].currency
	}
	d.model.outcome(label, job.Kind, o.Status, paid)
	if d.random.IntN(10) > 0 { // else it is said again later
		d.jobs = slices.Delete(d.jobs, i, i+1)
	}
	d.compare(input.Input{ID: id, Kind: input.Outcome, At: at, Body: encode(d.t, o)})
}

// answer has somebody answer a remedy, most often one that is open.
func (d *limitDraw) answer(id string, at int64) {
	labels := slices.Sorted(maps.Keys(d.ids))
	label := labels[d.random.IntN(len(labels))]
	if open := d.model.open; len(open) > 0 && d.random.IntN(5) > 0 {
		label = open[d.random.IntN(len(open))].label
	}
	c := by([]string{"ann", "bob", "cem", "dee"}[d.random.IntN(4)], decide.RoleApprover)
	if c.Command, c.Remedy = "approve", d.ids[label]; d.random.IntN(5) == 0 {
		c.Command = "deny"
	}
	d.model.begins(id, at)
	d.model.answer(c.Command, d.labels[c.Remedy], c.By)
	d.compare(input.Input{ID: id, Kind: input.Command, At: at, Body: encode(d.t, c)})
}

// stop has somebody stop money, or let it flow.
func (d *limitDraw) stop(id string, at int64) {
	target := []string{"money", "rule:a", "connector:stripe", "connector:credit"}[d.random.IntN(4)]
	c := resumes(by([]string{"bob", "cem", "dee"}[d.random.IntN(3)], decide.RoleOperator), target)
	if d.random.IntN(3) == 0 {
		c = pauses(c, target)
	}
	d.model.begins(id, at)
	d.model.stop(c.Command, target, c.By)
	d.compare(input.Input{ID: id, Kind: input.Command, At: at, Body: encode(d.t, c)})
}

// restore goes on from the state as it would be stored.
func (d *limitDraw) restore() {
	state, _, err := d.fold.State()
	if err != nil {
		d.t.Fatal(err)
	}
	if d.fold, err = decide.Restore(decide.Config{Memory: d.memory}, state); err != nil {
		d.t.Fatal(err)
	}
}

// activate puts the rules of the model in force.
func (d *limitDraw) activate() {
	if in := d.activation("rules", start); slices.Contains(d.apply(in), "refused activate") {
		d.t.Fatalf("the rules of -decide.seed=%d are refused: %s", d.seed, in.Body)
	}
}

func (d *limitDraw) activation(id string, at int64) input.Input {
	var texts []string
	for _, r := range d.model.rules {
		texts = append(texts, r.yaml())
	}
	in := activation(d.t, id, []rule.File{{Path: "r.yaml", Text: set(texts...)}})
	in.At = at
	return in
}
