package ledger_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

const makesGood = `rules:
  - rule: sorry
    owner: shop
    why: because
    event: com.example.bad
    once_per: data.order
    do:
      - refund: {payment: "${{ data.order }}", amount: 5.00 USD}
      - credit: {customer: "${{ event.customer }}", amount: 2.00 USD}
    limits:
      budget: {amount: 1000.00 USD, within: 1d}
    account: ops
    mode: live
`

// desk is a fold with people before it.
type desk struct {
	t      *testing.T
	fold   *decide.Fold
	memory *decide.RAM
	at     time.Time
	n      int
	items  []decide.Item
	jobs   []decide.Job
	public string
}

func newDesk(t *testing.T, public string) *desk {
	d := &desk{t: t, memory: decide.NewMemory(), at: time.Date(2001, 1, 31, 22, 0, 0, 0, time.UTC), public: public}
	d.fold = decide.New(decide.Config{Memory: d.memory})
	d.gives(input.Genesis, decide.GenesisBody{LogID: testLog, HashKey: make([]byte, 16), LedgerKey: public, Version: 1, LatenessS: 3600})
	d.gives(input.Activate, decide.ActivateBody{Author: "ann", Files: []rule.File{{Path: "r.yaml", Text: makesGood}}})
	return d
}

// gives folds an input a second later and returns its decision, if it made one.
func (d *desk) gives(kind input.Kind, body any) (made decide.RemedyFact) {
	d.t.Helper()
	encoded, ok := body.([]byte)
	if !ok {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			d.t.Fatal(err)
		}
	}
	d.n++
	d.at = d.at.Add(time.Second)
	out, err := d.fold.Apply([]input.Input{{ID: fmt.Sprint("in-", d.n), Kind: kind, At: d.at.UnixNano(), Body: encoded}})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, a := range out.Answers {
		if a.Refused != "" {
			d.t.Fatalf("%s was refused: %s", a.Command, a.Refused)
		}
	}
	d.memory.Commit(out)
	d.items = append(d.items, out.Items...)
	d.jobs = append(d.jobs, out.Outbox...)
	for _, item := range out.Items {
		if item.Fact != nil && item.Fact.Kind == decide.KindRemedy {
			if err := json.Unmarshal(item.Fact.Body, &made); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	return made
}

func (d *desk) says(c decide.CommandBody) decide.RemedyFact {
	d.t.Helper()
	c.Roles = []string{decide.RoleAdmin}
	return d.gives(input.Command, c)
}

// settles has the oldest job end.
func (d *desk) settles(status string, minor int64) {
	d.t.Helper()
	job := d.jobs[0]
	fact := decide.ActionFact{Status: status, Attempt: 1}
	if minor > 0 {
		fact.Amount = &money.Money{Minor: minor, Currency: "USD"}
	}
	d.gives(input.Outcome, decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy, ActionFact: fact})
	if status != decide.Unknown {
		d.jobs = d.jobs[1:]
	}
}

func (d *desk) bad(order int) decide.RemedyFact {
	d.t.Helper()
	return d.gives(input.Event, fmt.Appendf(nil,
		`{"specversion":"1.0","id":"e-%[1]d","source":"/s","type":"com.example.bad","customer":"c-%[1]d","data":{"order":"o-%[1]d"}}`, order))
}

func originOf(r decide.RemedyFact, steps ...decide.Step) *decide.Origin {
	return &decide.Origin{Rule: r.Rule, Account: r.Account, Customer: r.Customer, Subject: r.Subject, Charged: r.Charged, Steps: steps}
}

// day is a day at the desk: refunds and credits, of which some fail and are
// retried, others are taken back the day after, in another month.
func day(t *testing.T, public string) *desk {
	d := newDesk(t, public)
	first, second := d.bad(1), d.bad(2)
	d.settles(decide.Pending, 450) // the refund of the first: less than decided
	d.settles(decide.Failed, 0)    // of the second
	d.settles(decide.Unknown, 0)   // the credit of the first
	d.says(decide.CommandBody{Command: decide.CommandRetry, By: "bob", Remedy: first.Remedy})
	d.settles(decide.Succeeded, 0)
	d.jobs = d.jobs[:0]
	d.says(decide.CommandBody{Command: decide.CommandRetry, By: "bob", Remedy: second.Remedy, Of: originOf(second, second.Steps...)})
	d.settles(decide.Succeeded, 0)
	d.settles(decide.Succeeded, 0)

	d.says(decide.CommandBody{Command: decide.CommandPull, By: "bob", Cord: "product/x", Level: cord.Yellow, Reason: "smoke", Terms: cord.Terms{AnswerWithin: time.Minute, Box: time.Hour}})
	d.at = d.at.Add(2 * time.Hour) // unanswered, escalated, and another month
	d.says(decide.CommandBody{Command: decide.CommandAcknowledge, By: "cem", Cord: "product/x"})
	d.says(decide.CommandBody{Command: decide.CommandRelease, By: "cem", Cord: "product/x", Cause: "a fire", Fix: "put out"})
	d.says(decide.CommandBody{Command: decide.CommandPause, By: "bob", Target: decide.TargetMoney, Reason: "to look"})
	d.says(decide.CommandBody{Command: decide.CommandResume, By: "cem", Target: decide.TargetMoney})
	d.says(decide.CommandBody{Command: decide.CommandToken, By: "root", Token: &decide.Token{ID: uuid.UUID{1}, Name: "x", Roles: []string{"agent"}, SHA256: strings.Repeat("0", 64)}})
	asked := d.says(decide.CommandBody{Command: decide.CommandRequest, By: "bob", Payment: "pi", Amount: &money.Money{Minor: 111, Currency: "USD"}, Customer: "c"})
	d.says(decide.CommandBody{Command: decide.CommandDeny, By: "cem", Remedy: asked.Remedy})
	parent := d.fold.Rules().Digest
	edited := []rule.File{{Path: "r.yaml", Text: strings.Replace(makesGood, "5.00", "6.00", 1)}}
	d.gives(input.Activate, decide.ActivateBody{Author: "bob", Roles: []string{decide.RoleAuthor}, Parent: parent, Files: edited})

	refund := first.Steps[0]
	refund.Amount = &money.Money{Minor: 450, Currency: "USD"}
	undo := d.says(decide.CommandBody{Command: decide.CommandReverse, By: "bob", Remedy: first.Remedy, Reason: "a prank", Of: originOf(first, refund, first.Steps[1])})
	d.says(decide.CommandBody{Command: decide.CommandApprove, By: "cem", Remedy: undo.Remedy})
	d.settles(decide.Pending, 0)
	d.settles(decide.Succeeded, 150) // a part was spent
	d.at = d.at.Add(2 * time.Minute)
	d.gives(input.Tick, []byte{})
	return d
}

// seal makes a ledger of what a desk came to.
func (d *desk) seal(t *testing.T) *memory {
	t.Helper()
	signer, _ := newSigner(t, 1, ledger.Origin(testLog))
	m := &memory{tiles: tileMap{}}
	m.commit(t, commit{&decide.Output{Items: d.items}, d.fold.Position()}, signer)
	return m
}

func TestWhatPeopleDoVerifies(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	m := day(t, public).seal(t)
	report := verify(t, m, ledger.Options{Key: public})
	if !report.Verified {
		t.Errorf("it does not verify:\n%s", text(t, report))
	}
	for _, kind := range []string{
		decide.KindPull, decide.KindAnswered, decide.KindEscalated, decide.KindRelease, decide.KindPause, decide.KindResume,
		decide.KindRetry, decide.KindToken, decide.KindProposal, decide.KindEvidence, decide.KindEnd, decide.KindProgress,
	} {
		if report.Entries[kind] == 0 {
			t.Errorf("there is no %s in it", kind)
		}
	}
}

// What is taken back is a line below zero, in the month in which that happened.
func TestExportOfReversals(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	m := day(t, public).seal(t)
	want := strings.ReplaceAll(fmt.Sprintf(`month,account,currency,step,actions,accepted_minor,accepted,arrived_minor,arrived,tree_size
2001-01,ops,USD,credit,2,400,4.00,400,4.00,%[1]d
2001-01,ops,USD,refund,2,950,9.50,500,5.00,%[1]d
2001-02,ops,USD,reverse,2,-600,-6.00,-150,-1.50,%[1]d
`, len(m.rows)), "\n", "\r\n")
	if got := string(export(t, m, ledger.Totals)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rows, err := csv.NewReader(bytes.NewReader(export(t, m, ledger.CSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows[1:] {
		if row[slices.Index(rows[0], "step")] == decide.KindOfReverse {
			for _, name := range []string{"kind", "account", "currency", "decided_minor", "accepted_minor", "arrived_minor"} {
				got = append(got, row[slices.Index(rows[0], name)])
			}
		}
	}
	if text := strings.Join(got, " "); text != "remedy ops USD -450   remedy ops USD -200   action ops USD  -450  action ops USD  -150 -150" {
		t.Errorf("the rows of reversals are %q", text)
	}
}

// fact finds the first fact of a kind whose body has a text.
func (d *desk) fact(kind, has string) (int, *decide.Fact) {
	d.t.Helper()
	for i, item := range d.items {
		if item.Fact != nil && item.Fact.Kind == kind && strings.Contains(string(item.Fact.Body), has) {
			return i, item.Fact
		}
	}
	d.t.Fatalf("there is no %s with %s", kind, has)
	return 0, nil
}

// replaceIn returns what changes a part of the body of a desk's fact.
func replaceIn(kind, has, old, new string) func(d *desk) {
	return func(d *desk) {
		_, f := d.fact(kind, has)
		if !strings.Contains(string(f.Body), old) {
			d.t.Errorf("%s is not in %s", old, f.Body)
		}
		f.Body = json.RawMessage(strings.Replace(string(f.Body), old, new, 1))
	}
}

func TestVerifyFindsReversalsThatCannotBe(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	again := func(kind, has string) func(d *desk) {
		return func(d *desk) {
			i, f := d.fact(kind, has)
			copied := *f
			d.items = slices.Insert(d.items, i+1, decide.Item{Fact: &copied})
		}
	}
	without := func(kind, has string) func(d *desk) {
		return func(d *desk) { i, _ := d.fact(kind, has); d.items = slices.Delete(d.items, i, i+1) }
	}
	for name, c := range map[string]struct {
		change func(d *desk)
		want   string
	}{
		"more is taken back than was paid": {replaceIn(decide.KindRemedy, `"makegood.reverse"`, `"minor":450`, `"minor":451`), "which moved 4.50 USD"},
		"in another currency":              {replaceIn(decide.KindRemedy, `"makegood.reverse"`, `"minor":450,"currency":"USD"`, `"minor":450,"currency":"EUR"`), "undoes 4.50 EUR"},
		"what was not paid":                {without(decide.KindAction, `"amount":{"minor":450`), "which was not carried out"},
		"more than was to be":              {replaceIn(decide.KindAction, `"minor":150`, `"minor":150`, `"minor":201`), "decided was 2.00 USD"},
		"reversed though nothing was": {func(d *desk) {
			_, f := d.fact(decide.KindEnd, `"failed"`)
			f.Body = json.RawMessage(`{"status":"reversed"}`)
		}, "nothing of it was undone"},
		"done twice":            {again(decide.KindEnd, `"done"`), "ended before"},
		"done while it is held": {without(decide.KindApproval, `"approve"`), "done while it waits for a person"},
		"carried out after the end": {func(d *desk) {
			i, f := d.fact(decide.KindEnd, `"failed"`)
			_, attempt := d.fact(decide.KindAction, `"failed"`)
			late := *attempt
			late.At, late.Ordinal, late.Remedy = f.At, f.Ordinal, f.Remedy
			late.Body = json.RawMessage(`{"name":"refund","attempt":2,"status":"succeeded"}`)
			d.items = slices.Insert(d.items, i+1, decide.Item{Fact: &late})
		}, "after its remedy ended"},
		"a retry of nothing": {func(d *desk) {
			_, f := d.fact(decide.KindRemedy, `"makegood.retry"`)
			var body map[string]any
			if err := json.Unmarshal(f.Body, &body); err != nil {
				t.Fatal(err)
			}
			f.Body = json.RawMessage(strings.Replace(string(f.Body), fmt.Sprint(`"of":"`, body["of"]), `"of":"00000000-0000-0000-0000-000000000001`, 1))
		}, "it is made from remedy 00000000-0000-0000-0000-000000000001"},
	} {
		d := day(t, public)
		c.change(d)
		report := verify(t, d.seal(t), ledger.Options{Key: public})
		if got := text(t, report); report.Verified || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, got)
		}
	}
}

// An action that two remedies undo.
func TestVerifyFindsWhatIsUndoneTwice(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	d := day(t, public)
	i, f := d.fact(decide.KindRemedy, `"makegood.reverse"`)
	var twin decide.RemedyFact
	if err := json.Unmarshal(f.Body, &twin); err != nil {
		t.Fatal(err)
	}
	twin.Remedy, twin.Decision = uuid.UUID{7}, decide.Act
	twin.Steps[0].Action, twin.Steps[1].Action = uuid.UUID{8}, uuid.UUID{9}
	second, attempt := *f, *f
	second.Remedy, attempt.Remedy, attempt.Action, attempt.Kind = twin.Remedy, twin.Remedy, uuid.UUID{8}, decide.KindAction
	second.Body, _ = json.Marshal(twin)
	attempt.Body = json.RawMessage(`{"name":"x","attempt":1,"status":"succeeded"}`)
	d.items = slices.Insert(d.items, i+1, decide.Item{Fact: &second}, decide.Item{Fact: &attempt})
	if got := text(t, verify(t, d.seal(t), ledger.Options{Key: public})); !strings.Contains(got, "was undone before") {
		t.Errorf("that it was undone twice is not in\n%s", got)
	}
}
