package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
)

// TestVerifyFindsWhatCannotHaveBeenDecided seals facts that do not fit together:
// nothing was changed since, and yet something is wrong.
func TestVerifyFindsWhatCannotHaveBeenDecided(t *testing.T) {
	t.Parallel()
	// body changes the body of the first fact that has the given kind and text.
	body := func(kind, has, old, new string) func(items []decide.Item) int {
		return func(items []decide.Item) int {
			for i, item := range items {
				if item.Fact != nil && item.Fact.Kind == kind && strings.Contains(string(item.Fact.Body), has) {
					item.Fact.Body = json.RawMessage(strings.Replace(string(item.Fact.Body), old, new, 1))
					return i
				}
			}
			return -1
		}
	}
	// fact changes the first fact of a kind, from the given place on.
	fact := func(from int, kind string, change func(f *decide.Fact)) func(items []decide.Item) int {
		return func(items []decide.Item) int {
			for i, item := range items {
				if i >= from && item.Fact != nil && item.Fact.Kind == kind {
					change(item.Fact)
					return i
				}
			}
			return -1
		}
	}
	for name, c := range map[string]struct {
		change func(items []decide.Item) int // returns which was changed
		want   string
	}{
		"an event not accounted for":    {body(decide.KindProgress, `"no_match":1`, `"no_match":1`, `"no_match":0`), "accounted for"},
		"a remedy not counted":          {body(decide.KindProgress, `"remedies":3,"late":0`, `"remedies":3,"late":0`, `"remedies":2,"late":1`), "events with a remedy, the facts"},
		"a late event not counted":      {body(decide.KindProgress, `"late":1,"no_key":0`, `"late":1,"no_key":0`, `"late":0,"no_key":1`), "events too late, the facts"},
		"an error not counted":          {body(decide.KindProgress, `"rule_errors"`, `"rule":"late"`, `"rule":"else"`), `errors of rule "else"`},
		"more inputs than ordinals":     {body(decide.KindProgress, `"inputs"`, `"inputs":`, `"inputs":9`), "is not possible"},
		"more money than decided":       {body(decide.KindAction, `"amount":{"minor":`, `"minor":`, `"minor":99`), "decided was"},
		"money in another currency":     {body(decide.KindAction, `"currency":"USD"`, `"currency":"USD"`, `"currency":"EUR"`), "decided was"},
		"a held remedy that acts":       {body(decide.KindApproval, `"answer":"approve"`, `"need":1`, `"need":2`), "waits for a person"},
		"columns of another rule":       {body(decide.KindRemedy, `"rule":"late"`, `"rule":"late"`, `"rule":"else"`), "its body remedy"},
		"an action of no step":          {fact(0, decide.KindAction, func(f *decide.Fact) { f.Action[3]++ }), "not a step of a live remedy"},
		"an action of no remedy":        {fact(0, decide.KindAction, func(f *decide.Fact) { f.Remedy[3]++ }), "which was not decided"},
		"a pull of no remedy":           {fact(0, decide.KindPull, func(f *decide.Fact) { f.Remedy[3]++ }), "which was not decided"},
		"a second genesis":              {fact(1, decide.KindRules, func(f *decide.Fact) { f.Kind = decide.KindGenesis }), "the first entry is the genesis"},
		"an ordinal that goes back":     {fact(50, decide.KindRemedy, func(f *decide.Fact) { f.Ordinal = 1 }), "after one of ordinal"},
		"a time that goes back":         {fact(50, decide.KindRemedy, func(f *decide.Fact) { f.At = 0 }), "after one of 2001-"},
		"a version that nobody began":   {fact(50, decide.KindRemedy, func(f *decide.Fact) { f.Version = 2 }), "no version began"},
		"a body that cannot be read":    {fact(0, decide.KindProgress, func(f *decide.Fact) { f.Body = json.RawMessage(`{"through":"x"}`) }), "its body cannot be read"},
		"a key that is taken twice":     {double(decide.KindRemedy, `"mode":"live"`), "was decided before"},
		"an action that succeeds twice": {double(decide.KindAction, `"status":"succeeded"`), "was carried out before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, public := newSigner(t, 1, ledger.Origin(testLog))
			h := newHistory(t, 6, testLog, public)
			for range 600 {
				h.input()
			}
			at := c.change(h.out.Items)
			if at < 0 {
				t.Fatal("nothing was changed")
			}
			m := &memory{tiles: tileMap{}}
			m.commit(t, commit{h.out, h.pos}, signer)
			report := verify(t, m, ledger.Options{Key: public})
			if got := text(t, report); report.Verified || !strings.Contains(got, c.want) {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}

// double puts a fact in the place of the next one of its kind, so that it is
// there twice.
func double(kind, has string) func(items []decide.Item) int {
	return func(items []decide.Item) int {
		var first *decide.Fact
		for i, item := range items {
			if item.Fact == nil || item.Fact.Kind != kind {
				continue
			}
			if first != nil {
				item.Fact.Remedy, item.Fact.Action, item.Fact.Rule, item.Fact.Body = first.Remedy, first.Action, first.Rule, first.Body
				return i
			}
			if strings.Contains(string(item.Fact.Body), has) {
				first = item.Fact
			}
		}
		return -1
	}
}

// TestVerifyAcceptsWhatTheFoldDecides folds made-up inputs with real rules, so
// that what verification expects of facts is what deciding makes.
func TestVerifyAcceptsWhatTheFoldDecides(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, 1, ledger.Origin(testLog))
	memoryOfFold := decide.NewMemory()
	fold := decide.New(decide.Config{Memory: memoryOfFold})
	m := &memory{tiles: tileMap{}}
	var jobs []decide.Job
	var held []decide.RemedyFact
	absent := 0
	apply := func(in input.Input) {
		out, err := fold.Apply([]input.Input{in})
		if err != nil {
			t.Fatal(err)
		}
		memoryOfFold.Commit(out)
		m.commit(t, commit{out, fold.Position()}, signer)
		jobs = append(jobs, out.Outbox...)
		for _, item := range out.Items {
			if item.Fact == nil || item.Fact.Kind != decide.KindRemedy {
				continue
			}
			var r decide.RemedyFact
			if err := json.Unmarshal(item.Fact.Body, &r); err != nil {
				t.Fatal(err)
			}
			if r.Decision == decide.Hold && r.Mode == "live" {
				held = append(held, r)
			}
			if r.Opened != nil {
				absent++
			}
		}
	}
	in := foldInputs(t, public)
	apply(in.genesis())
	apply(in.rules())
	for range 1500 {
		apply(in.event())
		if len(jobs) > 0 && in.rng.IntN(2) == 0 {
			apply(in.outcome(jobs[0]))
			jobs = jobs[1:]
		}
		if len(held) > 0 && in.rng.IntN(2) == 0 {
			apply(in.answer(held[0]))
			held = held[1:]
		}
	}
	report := verify(t, m, ledger.Options{Key: public})
	if !report.Verified || report.Ordinal != fold.Position().Ordinal {
		t.Errorf("of ordinal %d:\n%s", fold.Position().Ordinal, text(t, report))
	}
	for _, kind := range []string{"action", "approval", "duplicate", "error", "evidence", "late", "no-key", "progress", "pull", "remedy", "remedy-end"} {
		if report.Entries[kind] == 0 {
			t.Errorf("there is no %s in it: %v", kind, report.Entries)
		}
	}
	if absent == 0 {
		t.Error("no remedy is of a counterpart that did not come")
	}
	if err := ledger.Export(context.Background(), m, &strings.Builder{}, ledger.CSV); err != nil {
		t.Error(err)
	}
}

// folded makes inputs for testdata/rules of the fold.
type folded struct {
	t      testing.TB
	rng    *rand.Rand
	public string
	at     int64
	made   int
}

func foldInputs(t testing.TB, public string) *folded {
	return &folded{t: t, rng: rand.New(rand.NewPCG(3, 3)), public: public, at: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}
}

func (f *folded) input(kind input.Kind, body any) input.Input {
	encoded, ok := body.([]byte)
	if !ok {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			f.t.Fatal(err)
		}
	}
	f.made++
	f.at += f.rng.Int64N(int64(time.Minute))
	return input.Input{ID: fmt.Sprint("in-", f.made), Kind: kind, At: f.at, Body: encoded}
}

func (f *folded) genesis() input.Input {
	return f.input(input.Genesis, decide.GenesisBody{
		LogID: testLog, HashKey: make([]byte, 16), LedgerKey: f.public, Created: "2001-01-01T00:00:00Z", Version: 1, LatenessS: 3600,
	})
}

func (f *folded) rules() input.Input {
	text, err := os.ReadFile("../decide/testdata/rules/all.yaml")
	if err != nil {
		f.t.Fatal(err)
	}
	return f.input(input.Activate, decide.ActivateBody{Files: []rule.File{{Path: "all.yaml", Text: string(text)}}, Author: "ann"})
}

func (f *folded) event() input.Input {
	booking := fmt.Sprintf(`"booking":"bk-%d",`, f.rng.IntN(900))
	if f.rng.IntN(20) == 0 {
		booking = ""
	}
	delay := fmt.Sprint(f.rng.IntN(300))
	if f.rng.IntN(20) == 0 {
		delay = `"long"` // a condition that cannot be judged
	}
	eventAt := time.Unix(0, f.at-f.rng.Int64N(int64(70*time.Minute))).UTC().Format(time.RFC3339Nano)
	eventType := "arrived"
	if f.rng.IntN(5) == 0 {
		eventType = "departed"
	}
	return f.input(input.Event, fmt.Appendf(nil,
		`{"specversion":"1.0","id":"%s-%d","source":"/ops","type":"com.example.flight.%s","customer":"c-%d","time":%q,"data":{%s"payment":"pi_%d","fare":"%d.%02d USD","origin":"A%d","delay":%s}}`,
		eventType, f.rng.IntN(2000), eventType, f.rng.IntN(60), eventAt, booking, f.rng.IntN(900), 20+f.rng.IntN(500), f.rng.IntN(100), f.rng.IntN(4), delay))
}

func (f *folded) outcome(job decide.Job) input.Input {
	statuses := []string{decide.Succeeded, decide.Succeeded, decide.Pending, decide.Failed, decide.Blocked}
	return f.input(input.Outcome, decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy, ActionFact: decide.ActionFact{
		Attempt: 1, Status: statuses[f.rng.IntN(len(statuses))],
	}})
}

func (f *folded) answer(r decide.RemedyFact) input.Input {
	command := []string{"approve", "deny"}[f.rng.IntN(2)]
	return f.input(input.Command, decide.CommandBody{Command: command, Remedy: r.Remedy, By: "bea", Roles: []string{decide.RoleApprover}})
}
